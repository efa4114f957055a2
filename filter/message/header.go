package message

import "strings"

// Headers are the ways to read the root's header, Header first: some readers end it at a line that is no
// field or at a fold of blanks only, some begin a line at a CR alone. What must stand in the header must
// stand in every one of them; what must not may stand in none.
func (m *Message) Headers() []*Header {
	if len(m.headers) == 0 {
		return []*Header{m.Header}
	}
	return m.headers
}

// Addresses are the mailboxes in the fields of that name in every reading of the root's header, each once.
// The second result is false when a field in one of them is not as RFC 5322 section 3.4 writes it.
func (m *Message) Addresses(name string) ([]Address, bool) {
	headers := m.Headers()
	out, ok := headers[0].Addresses(name)
	if len(headers) == 1 {
		return out, ok
	}
	seen := make(map[Address]bool, len(out))
	for _, a := range out {
		seen[a] = true
	}
	for _, h := range headers[1:] {
		list, strict := h.Addresses(name)
		ok = ok && strict
		for _, a := range list {
			if !seen[a] {
				seen[a] = true
				out = append(out, a)
			}
		}
	}
	return out, ok
}

// Value is the field's text after the colon, unfolded, without blanks around it and not decoded.
func (f Field) Value() string {
	text := f.text
	if text == "" {
		text = string(f.Raw)
	}
	if f.Name != "" {
		_, text, _ = strings.Cut(text, ":")
	}
	return strings.Trim(unfold(text), " \t\r\n")
}

// Values are the unfolded raw values of all fields of that name, in order.
func (h *Header) Values(name string) []string {
	var out []string
	for _, f := range h.Fields {
		if strings.EqualFold(f.Name, name) {
			out = append(out, f.Value())
		}
	}
	return out
}

// Get is the first field's value and whether there is one.
func (h *Header) Get(name string) (string, bool) {
	for _, f := range h.Fields {
		if strings.EqualFold(f.Name, name) {
			return f.Value(), true
		}
	}
	return "", false
}

// Text are the values of all fields of that name as a reader sees them (see DecodeText).
func (h *Header) Text(name string) []string {
	out := h.Values(name)
	for i, v := range out {
		out[i] = DecodeText(v)
	}
	return out
}
