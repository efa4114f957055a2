package rules

import (
	"slices"
	"strings"

	"congthu/filter"
	"congthu/filter/message"
)

// protectedFields are the header fields that are compared: what a mail program shows, and where an answer goes.
func protectedFields() []string { return []string{"Subject", "From", "To", "Cc", "Reply-To"} }

// changedFields are the names, in lower case, of the fields whose signed form is not what the header around shows: content carries them
// after RFC 9788, or in one of the forms before it. nil when it carries none. What a mailing list writes into the subject is one as well.
func (s *signatures) changedFields(content *message.Part) []string {
	signed, all := s.protectedHeader(content)
	if signed == nil {
		return nil
	}
	var out []string
	for _, name := range protectedFields() {
		inside := shownForms(signed, name)
		// RFC 9788 section 2.1 signs every field; before it, some were left out.
		if len(inside) == 0 && !all {
			continue
		}
		// What one reader shows is enough.
		if slices.ContainsFunc(s.outer.Headers(), func(h *message.Header) bool { return !slices.Equal(inside, shownForms(h, name)) }) {
			out = append(out, strings.ToLower(name))
		}
	}
	return out
}

// protectedHeader is the header that was signed in the message's stead, and whether it has all of its fields; nil when there is none.
func (s *signatures) protectedHeader(content *message.Part) (h *message.Header, all bool) {
	switch {
	case content.Params["hp"] != "": // RFC 9788 section 2.1.1
		return content.Header, true
	case content.Params["protected-headers"] != "": // draft-autocrypt-lamps-protected-headers
		return content.Header, false
	case !strings.HasPrefix(content.MediaType, "message/") || len(content.Children) != 1:
		return nil, false
	}
	// RFC 8551 section 3.1 signs the whole message as one inside, which is how messages are forwarded too. A forwarded one has a
	// Message-ID of its own.
	h = content.Children[0].Header
	inside, _ := h.Get("Message-ID")
	around, _ := s.outer.Header.Get("Message-ID")
	if strings.EqualFold(content.Params["forwarded"], "no") || inside != "" && inside == around {
		return h, false
	}
	return nil, false
}

// shownForms are the values of the fields of a name in the form in which they are shown: blanks and encodings do not count, nor the
// order of addresses. Of authors the names count as well, for that is what is looked at.
func shownForms(h *message.Header, name string) []string {
	var out []string
	addresses, _ := h.Addresses(name)
	if name == "Subject" || len(addresses) == 0 {
		for _, text := range h.Text(name) {
			out = append(out, strings.Join(strings.Fields(text), " "))
		}
		return out
	}
	for _, a := range addresses {
		form := strings.ToLower(a.Local) + "@" + filter.NormalDomain(a.Domain)
		if name == "From" || name == "Reply-To" {
			form = strings.Join(strings.Fields(a.Name), " ") + " <" + form + ">"
		}
		out = append(out, form)
	}
	slices.Sort(out)
	return slices.Compact(out)
}
