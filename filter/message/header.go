package message

import "strings"

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
