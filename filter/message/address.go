package message

import (
	"io"
	"mime"
	"net/mail"
	"slices"
	"strings"
	"unicode/utf8"
)

// Address is one mailbox of an address field, decoded. Domain is "" for a name without one.
type Address struct{ Name, Local, Domain string }

// maxAddressField is how long a field may be to be parsed strictly, in octets.
const maxAddressField = 256 << 10

// Addresses are the mailboxes in all fields of that name, groups included (RFC 5322 section 3.4,
// RFC 6532). When a field is not as the standard writes it the second result is false, and that
// field gives everything in it that looks like an address, which a mail client could show or
// answer to. A field that is missing is well-formed.
func (h *Header) Addresses(name string) ([]Address, bool) {
	var out []Address
	ok := true
	for _, v := range h.Values(name) {
		list, strict := parseAddresses(v)
		out, ok = append(out, list...), ok && strict
	}
	return out, ok
}

func parseAddresses(v string) ([]Address, bool) {
	if len(v) <= maxAddressField {
		parser := mail.AddressParser{WordDecoder: &mime.WordDecoder{CharsetReader: wordCharset}}
		if list, err := parser.ParseList(v); err == nil {
			return strictAddresses(v, list), true
		}
	}
	return lenientAddresses(v), false
}

func wordCharset(charset string, r io.Reader) (io.Reader, error) {
	return charsetReader(charset, r), nil
}

func strictAddresses(v string, list []*mail.Address) []Address {
	out := make([]Address, 0, len(list))
	for _, a := range list {
		local, domain := a.Address, ""
		if i := strings.LastIndexByte(a.Address, '@'); i >= 0 {
			local, domain = a.Address[:i], a.Address[i+1:]
		}
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

// lenientAddresses finds what looks like an address, in the text as it came and as it is shown.
func lenientAddresses(v string) []Address {
	out := scanAddresses(nil, v)
	if shown := DecodeText(v); shown != v {
		out = scanAddresses(out, shown)
	}
	return out
}

// maxLenient bounds the addresses taken from one field that is not well-formed.
const maxLenient = 10_000

func scanAddresses(out []Address, v string) []Address {
	seen := make(map[[2]string]bool, len(out))
	for _, a := range out {
		seen[[2]string{a.Local, a.Domain}] = true
	}
	done := 0 // before it everything belongs to an address already
	for at := strings.IndexByte(v, '@'); at >= 0 && len(out) < maxLenient; at = indexByteFrom(v, '@', at+1) {
		start := localStart(v, done, at)
		end := domainEnd(v, at+1)
		local, domain := strings.Trim(v[start:at], " \t"), strings.Trim(v[at+1:end], " \t.")
		if local == "" || domain == "" {
			continue
		}
		if local[0] == '"' {
			if local = unescape(strings.Trim(local, "\"")); local == "" {
				continue
			}
		}
		a := Address{Local: local, Domain: domain}
		if strings.IndexByte(v[done:start], '=') < 0 || !strings.Contains(v[done:start], "=?") {
			a.Name = readable(strings.Trim(v[done:start], " \t\"'<>,;:()"))
		} else {
			a.Name = strings.Trim(DecodeText(v[done:start]), " \t\"'<>,;:()")
		}
		if key := [2]string{a.Local, a.Domain}; !seen[key] {
			seen[key] = true
			out = append(out, a)
		}
		done = end
	}
	return slices.Clip(out)
}

func indexByteFrom(s string, c byte, from int) int {
	if i := strings.IndexByte(s[from:], c); i >= 0 {
		return from + i
	}
	return -1
}

// localStart goes back from the @ at v[at] to where the local part begins, not before from.
func localStart(v string, from, at int) int {
	i := at
	for i > from && (v[i-1] == ' ' || v[i-1] == '\t') {
		i--
	}
	if i > from && v[i-1] == '"' {
		for i--; i > from; i-- {
			if v[i-1] == '"' && (i < from+2 || v[i-2] != '\\') {
				return i - 1
			}
		}
		return at // no quoted-string after all
	}
	for i > from && isAtomOctet(v[i-1], true) {
		i--
	}
	return i
}

func domainEnd(v string, i int) int {
	for i < len(v) && (v[i] == ' ' || v[i] == '\t') {
		i++
	}
	if i < len(v) && v[i] == '[' {
		if end := strings.IndexByte(v[i:min(len(v), i+maxBoundary)], ']'); end >= 0 {
			return i + end + 1
		}
	}
	for i < len(v) && isAtomOctet(v[i], false) {
		i++
	}
	return i
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
