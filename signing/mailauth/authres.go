package mailauth

import "strings"

// maxValue is how long a value from a message may be in our field, in octets.
const maxValue = 253

// Field is the value of the Authentication-Results field (RFC 8601) for these results, each on a line of its own;
// lines end with CRLF and go on with a tab. authserv is a token (RFC 2045 section 5.1), as the configuration holds it.
// What a message says comes in as domains and selectors that are names in the DNS, and the beginning of a base64 text:
// it can end no line, no quotes and no comment. Mailboxes are named by their domains only (section 2.7.2).
func (r Results) Field(authserv string) string {
	var b strings.Builder
	b.WriteString(authserv)
	start := b.Len()
	for _, s := range r.SPF {
		if s.Identity == "helo" && s.Result == None {
			continue
		}
		result(&b, "spf", s.Result, s.Reason)
		if s.Identity == "helo" || s.Null {
			property(&b, "smtp.helo", s.Domain)
		} else {
			property(&b, "smtp.mailfrom", s.Domain)
		}
	}
	for _, s := range r.DKIM {
		result(&b, "dkim", s.Result, s.Reason)
		property(&b, "header.d", s.Domain)
		property(&b, "header.s", s.Selector)
		property(&b, "header.a", s.Algorithm)
		property(&b, "header.b", s.Mark)
	}
	if len(r.DKIM) == 0 {
		result(&b, "dkim", None, "")
	}
	if r.ARC.Result != None && r.ARC.Result != "" {
		result(&b, "arc", r.ARC.Result, r.ARC.Reason)
	}
	for _, d := range r.DMARC {
		result(&b, "dmarc", d.Result, d.Reason)
		if d.Policy != "" {
			property(&b, "policy.dmarc", string(d.Policy))
		}
		property(&b, "header.from", d.Author)
	}
	if b.Len() == start {
		b.WriteString("; none")
	}
	return b.String()
}

func result(b *strings.Builder, method string, v Value, reason string) {
	b.WriteString(";\r\n\t" + method + "=" + string(v))
	if reason != "" {
		b.WriteString(` reason="` + printable(reason) + `"`)
	}
}

// property writes ptype.property=pvalue, as a token where it is one, else quoted (RFC 8601 section 2.2).
func property(b *strings.Builder, name, value string) {
	value = printable(value)
	if value == "" {
		return
	}
	if strings.ContainsFunc(value, func(r rune) bool { return !tokenRune(r) }) {
		value = `"` + value + `"`
	}
	b.WriteString(" " + name + "=" + value)
}

func tokenRune(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_.+", r)
}

// printable is a value that may stand between quotes: printable ASCII without quote and backslash, at most maxValue
// octets.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || r == '"' || r == '\\' {
			return '?'
		}
		return r
	}, s)
	return s[:min(len(s), maxValue)]
}
