package filter

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"

	"congthu/filter/message"
)

// Path is a reverse-path or forward-path (RFC 5321 section 4.1.2). The zero Path is the null
// reverse-path.
type Path struct {
	Local  string // local part as given, unquoted
	Domain string // domain as given, without a trailing dot; "" when there was none
	Params string // ESMTP parameters as they came, "" without
}

// Null tells the null reverse-path.
func (p Path) Null() bool { return p.Local == "" && p.Domain == "" }

// String is the mailbox, without angle brackets and parameters.
func (p Path) String() string {
	if p.Domain == "" {
		return p.Local
	}
	return p.Local + "@" + p.Domain
}

// ParsePath reads what stands between < and > of MAIL or RCPT (angle brackets allowed). What is not plain
// (see PlainPath) is read as the servers that take it read it: comments and blanks are nothing, a path that
// is quoted whole is what is in the quotes, "domain!user" and "user%domain" are addresses. What nobody can
// split must still be judged: all before the last @ is the local part.
func ParsePath(s, params string) Path {
	s = inner(s)
	if p, ok := plainPath(s); ok {
		p.Params = params
		return p
	}
	if local, domain, ok := message.LooseMailbox(s); ok {
		return Path{local, domain, params}
	}
	p := Path{Local: s, Params: params}
	if i := strings.LastIndexByte(s, '@'); i >= 0 {
		p.Local, p.Domain = s[:i], strings.TrimSuffix(s[i+1:], ".")
	}
	if n := len(p.Local); n >= 2 && p.Local[0] == '"' && p.Local[n-1] == '"' {
		p.Local = unquote(p.Local[1 : n-1])
	}
	return p
}

// PlainPath tells a path that all servers read alike: "" and the Path of RFC 5321 section 4.1.2 with
// RFC 6531 section 3.3, angle brackets or none. Beyond it there may be more dots than the standard allows
// in a local part, "_" in a domain and a dot at its end, and a name alone.
func PlainPath(s string) bool {
	_, ok := plainPath(inner(s))
	return ok
}

// inner is a path without its angle brackets and the blanks around.
func inner(s string) string {
	s = strings.Trim(s, " \t\r\n")
	if len(s) >= 2 && s[0] == '<' && s[len(s)-1] == '>' {
		return s[1 : len(s)-1]
	}
	return s
}

func plainPath(s string) (p Path, ok bool) {
	if strings.HasPrefix(s, "@") { // a source route (RFC 5321 appendix C), which is dropped
		i := strings.IndexByte(s, ':')
		if i < 0 {
			return p, false
		}
		for hop := range strings.SplitSeq(s[:i], ",") {
			if !strings.HasPrefix(hop, "@") || !plainDomain(hop[1:]) {
				return p, false
			}
		}
		if s = s[i+1:]; s == "" {
			return p, false
		}
	}
	if strings.HasPrefix(s, `"`) {
		end := endOfQuoted(s)
		if end < 0 || !strings.HasPrefix(s[end:], "@") {
			return p, false
		}
		p.Local, p.Domain = unquote(s[1:end-1]), s[end+1:]
	} else {
		local, domain, at := strings.Cut(s, "@")
		if !at { // a name alone is one of the server's own domain, but not these two
			return Path{Local: s}, plainText(s) && !strings.ContainsAny(s, "!%")
		}
		if local == "" || !plainText(local) {
			return p, false
		}
		p.Local, p.Domain = local, domain
	}
	ok = plainDomain(p.Domain)
	p.Domain = strings.TrimSuffix(p.Domain, ".")
	return p, ok
}

// endOfQuoted is the index after the quoted-string that s begins with, -1 when it is none of RFC 5321.
func endOfQuoted(s string) int {
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			if !utf8.ValidString(s[:i]) {
				return -1
			}
			return i + 1
		case c == '\\':
			if i++; i == len(s) || s[i] < ' ' || s[i] > '~' {
				return -1
			}
		case c < ' ' || c == 0x7f:
			return -1
		}
	}
	return -1
}

// plainText tells atoms (RFC 5322 section 3.2.3, RFC 6532) and dots, "" too.
func plainText(s string) bool {
	for _, r := range s {
		switch {
		case r == utf8.RuneError || message.Unseen(r):
			return false
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r >= utf8.RuneSelf:
		case strings.IndexByte(".!#$%&'*+-/=?^_`{|}~", byte(r)) < 0:
			return false
		}
	}
	return true
}

// plainDomain tells a domain or an address literal (RFC 5321 section 4.1.2).
func plainDomain(s string) bool {
	if n := len(s); n > 2 && s[0] == '[' && s[n-1] == ']' {
		// Of what RFC 5321 section 4.1.3 allows in an address literal, that of which addresses are made: "<" and
		// "," end a path for some servers here too.
		return strings.IndexFunc(s[1:n-1], func(r rune) bool {
			return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '.' && r != ':' && r != '-'
		}) < 0
	}
	s = strings.TrimSuffix(s, ".")
	if !isASCII(s) {
		if len(s) > maxIDNA || strings.IndexFunc(s, message.Unseen) >= 0 {
			return false
		}
		ascii, err := idna.Lookup.ToASCII(s)
		if err != nil {
			return false
		}
		s = ascii
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" {
			return false
		}
		for i := range len(label) {
			c := label[i] | 0x20
			if (c < 'a' || c > 'z') && (label[i] < '0' || label[i] > '9') && label[i] != '-' && label[i] != '_' {
				return false
			}
		}
	}
	return true
}

func unquote(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
