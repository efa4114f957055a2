package message

import (
	"io"
	"mime"
	"net/mail"
	"strings"
	"unicode/utf8"
)

// Address is one mailbox of an address field, decoded. Domain is "" for a name without one.
type Address struct{ Name, Local, Domain string }

// maxAddressField is how long a field may be to be parsed strictly, in octets.
const maxAddressField = 256 << 10

// Addresses are the mailboxes in all fields of that name, groups included (RFC 5322 section 3.4,
// RFC 6532), and what is left of those that are so long that a server may cut them. When a field is not as the standard writes it the second result is false, and that
// field gives everything in it that looks like an address, which a mail client could show or
// answer to. A field that is missing is well-formed.
func (h *Header) Addresses(name string) ([]Address, bool) {
	var out []Address
	ok := true
	for _, v := range h.Values(name) {
		f := readAddresses(v)
		out, ok = append(out, f.list...), ok && f.strict
	}
	return out, ok
}

// addressField is what one address field says.
type addressField struct {
	list   []Address
	strict bool // the field is well-formed
	cut    bool // it has more than maxLenient addresses and is not well-formed, or so many that may be cut
	// unread tells a field that some program could take an address from and the gate could not.
	unread bool
}

func readAddresses(v string) addressField {
	if len(v) <= maxAddressField {
		if list, ok := strictAddresses(v); ok {
			odd := hasOddWord(v)
			if !odd && len(v) <= maxMailbox {
				return addressField{list: list, strict: true}
			}
			all := mailboxList{}
			scanMailboxes(v, &all, 0, true)
			if !odd {
				return addressField{list: append(list, all.cuts...), strict: true, cut: all.full}
			}
			all.add(list)
			return addressField{list: append(all.list, all.cuts...), cut: all.full}
		}
	}
	f := addressField{}
	var complete bool
	f.list, complete = lenientAddresses(v)
	f.cut = !complete
	f.unread = len(f.list) == 0 && strings.ContainsAny(DecodeText(v), "@\uff20\ufe6b")
	return f
}

// strictAddresses reads a field as RFC 5322 section 3.4 writes it. ok is false when that cannot be.
func strictAddresses(v string) (list []Address, ok bool) {
	parser := mail.AddressParser{WordDecoder: &mime.WordDecoder{CharsetReader: wordCharset}}
	found, err := parser.ParseList(v)
	if err != nil {
		closer := closeAt(v)
		if closer == v {
			return nil, false
		}
		if found, err = parser.ParseList(closer); err != nil {
			return nil, false
		}
	}
	for _, a := range found {
		// An atom may hold octets that no domain has (RFC 5322 section 3.4.1), or an encoded-word, which is none
		// there (RFC 2047 section 5): programs read another address out of it.
		_, domain, _ := cutLast(a.Address, '@')
		if strings.Contains(a.Address, "=?") || strings.IndexFunc(domain, isNoDomain) >= 0 && !strings.HasPrefix(domain, "[") {
			return nil, false
		}
	}
	return decodedAddresses(v, found), true
}

// cutLast cuts s at its last sep.
func cutLast(s string, sep byte) (before, after string, found bool) {
	i := strings.LastIndexByte(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+1:], true
}

// closeAt takes the comments and blanks beside each @ away, which RFC 5322 section 3.4.1 allows and
// package net/mail does not know.
func closeAt(v string) string {
	comments := findComments(v)
	var b strings.Builder
	afterAt := false
	for i := 0; i < len(v); {
		end := i
		for end < len(v) {
			if v[end] == ' ' || v[end] == '\t' {
				end++
				continue
			}
			n := -1
			if v[end] == '(' {
				n = comments.end(end)
			}
			if n < 0 {
				break
			}
			end = n
		}
		if end > i {
			if !afterAt && !(end < len(v) && v[end] == '@') {
				b.WriteString(v[i:end])
			}
			i = end
			continue
		}
		end = i + 1
		if v[i] == '"' {
			if end = closingQuote(v, end) + 1; end == 0 {
				return v
			}
		}
		b.WriteString(v[i:end])
		afterAt = v[i] == '@'
		i = end
	}
	return b.String()
}

func wordCharset(charset string, r io.Reader) (io.Reader, error) {
	return charsetReader(charset, r), nil
}

// decodedAddresses are the addresses of the field v as they are shown.
func decodedAddresses(v string, list []*mail.Address) []Address {
	out := make([]Address, 0, len(list))
	for _, a := range list {
		local, domain, _ := cutLast(a.Address, '@')
		out = append(out, Address{DecodeText(a.Name), local, domain})
	}
	// A letter split between two encoded-words is lost to the strict parser.
	if len(out) == 1 && strings.ContainsRune(out[0].Name, utf8.RuneError) {
		if i := strings.LastIndexByte(v, '<'); i > 0 {
			out[0].Name = strings.Trim(DecodeText(v[:i]), "\" \t")
		}
	}
	return out
}

// lenientAddresses finds what some mail program takes for an address in a field. complete is false when
// there were too many.
func lenientAddresses(v string) (list []Address, complete bool) {
	var out mailboxList
	scanMailboxes(v, &out, 0, false)
	if hasOddWord(v) {
		scanMailboxes(v, &out, 0, true)
	}
	return append(out.list, out.cuts...), !out.full
}

// LooseMailbox is the mailbox that a mail server finds in a path that is not as RFC 5321 section 4.1.2 writes
// it. Of several it is the last. ok is false when there is none.
func LooseMailbox(path string) (local, domain string, ok bool) {
	var out mailboxList
	scanMailboxes(path, &out, 0, false)
	if len(out.list) == 0 {
		return "", "", false
	}
	last := out.list[len(out.list)-1]
	return last.Local, last.Domain, true
}

// hasOddWord tells an encoded-word with octets that RFC 2047 section 5 (3) forbids in a phrase: there programs
// differ on whether they end the word.
func hasOddWord(v string) bool {
	d := wordDecoder{src: v, end: -1}
	for at := strings.Index(v, "=?"); at >= 0; {
		_, _, stop, ok := d.word(at)
		if ok && strings.ContainsAny(v[at:stop], "\"(),:;<>@\\") {
			return true
		}
		if !ok {
			stop = at + 1
		}
		at = indexFrom(v, "=?", stop)
	}
	return false
}

// isAtomOctet tells the octets of a dot-atom (RFC 5322 section 3.2.3, RFC 6532), of a domain only
// letters, digits, hyphens and dots.
func isAtomOctet(c byte, local bool) bool {
	switch {
	case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c >= utf8.RuneSelf, c == '.', c == '-', c == '_':
		return true
	}
	return local && strings.IndexByte("!#$%&'*+/=?^`{|}~", c) >= 0
}
