package mailauth

import (
	"context"
	"errors"
	"net/netip"
	"strconv"
	"strings"
)

// errSPFSyntax says that a record is not as RFC 7208 section 12 writes it.
var errSPFSyntax = errors.New("the SPF record has a syntax error")

// spfRecords is a lookup whose SPF records are all well written: a syntax error anywhere in one is a permanent error,
// also behind the mechanism that matches (RFC 7208 section 4.6). The library reads only as far as it evaluates.
type spfRecords struct{ *lookup }

// LookupTXT gives the error of a record that is not well written. Of several records the library says what is wrong.
func (s spfRecords) LookupTXT(ctx context.Context, name string) ([]string, error) {
	all, err := s.lookup.LookupTXT(ctx, name)
	if err != nil {
		return nil, err
	}
	var found []string
	for _, r := range all {
		if isSPF(r) {
			found = append(found, r)
		}
	}
	if len(found) == 1 && !spfWellWritten(found[0]) {
		return nil, errSPFSyntax
	}
	return all, nil
}

const spfVersion = "v=spf1"

// isSPF tells a record of SPF (RFC 7208 section 4.5).
func isSPF(record string) bool {
	return len(record) >= len(spfVersion) && strings.EqualFold(record[:len(spfVersion)], spfVersion) &&
		(len(record) == len(spfVersion) || record[len(spfVersion)] == ' ')
}

// spfWellWritten tells that a record keeps to the grammar (RFC 7208 section 12), and has redirect and exp once at most
// (section 6).
func spfWellWritten(record string) bool {
	seen := map[string]bool{}
	for term := range strings.SplitSeq(record[len(spfVersion):], " ") {
		if term == "" {
			continue
		}
		name, value, modifier := cutModifier(term)
		if !modifier {
			if !spfDirective(term) {
				return false
			}
			continue
		}
		switch name = strings.ToLower(name); name {
		case "redirect", "exp":
			if seen[name] || !spfDomain(value) {
				return false
			}
			seen[name] = true
		default:
			if _, ok := spfMacros(value); !ok {
				return false
			}
		}
	}
	return true
}

// cutModifier cuts name=value: a name begins with a letter and goes on with letters, digits, "-", "_" and ".".
func cutModifier(term string) (name, value string, ok bool) {
	name, value, ok = strings.Cut(term, "=")
	for i := range len(name) {
		if c := name[i]; !isLetter(c) && (i == 0 || !isDigit(c) && c != '-' && c != '_' && c != '.') {
			return "", "", false
		}
	}
	return name, value, ok && name != ""
}

// spfDirective tells a mechanism, with or without a qualifier.
func spfDirective(term string) bool {
	if strings.IndexByte("+-?~", term[0]) >= 0 {
		term = term[1:]
	}
	end := strings.IndexAny(term, ":/")
	if end < 0 {
		end = len(term)
	}
	rest := term[end:]
	switch strings.ToLower(term[:end]) {
	case "all":
		return rest == ""
	case "include", "exists":
		return strings.HasPrefix(rest, ":") && spfDomain(rest[1:])
	case "ptr":
		return rest == "" || rest[0] == ':' && spfDomain(rest[1:])
	case "a", "mx":
		rest = cutPrefixLengths(rest)
		return rest == "" || rest[0] == ':' && spfDomain(rest[1:])
	case "ip4":
		return spfNetwork(rest, true)
	case "ip6":
		return spfNetwork(rest, false)
	}
	return false
}

// spfNetwork tells ":" with an address and a length after it.
func spfNetwork(s string, four bool) bool {
	if !strings.HasPrefix(s, ":") {
		return false
	}
	address, length, has := strings.Cut(s[1:], "/")
	a, err := netip.ParseAddr(address)
	if err != nil || a.Is4() != four || a.Zone() != "" {
		return false
	}
	return !has || prefixLength(length, a.BitLen())
}

// prefixLength tells a number up to most, without a 0 before it.
func prefixLength(s string, most int) bool {
	n, err := strconv.Atoi(s)
	return err == nil && n >= 0 && n <= most && s == strconv.Itoa(n)
}

// cutPrefixLengths takes the end of an a or mx away: "/24", "//64" or "/24//64". A "/" before anything else is one of the
// domain's.
func cutPrefixLengths(s string) string {
	if i := strings.LastIndex(s, "//"); i >= 0 && prefixLength(s[i+2:], 128) {
		s = s[:i]
	}
	if i := strings.LastIndexByte(s, '/'); i >= 0 && prefixLength(s[i+1:], 32) {
		s = s[:i]
	}
	return s
}

// spfDomain tells a domain-spec: it ends in a macro, or in a label that has something else than digits.
func spfDomain(s string) bool {
	literal, ok := spfMacros(s)
	if !ok || s == "" {
		return false
	}
	if literal == "" { // it ends in a macro
		return true
	}
	literal = strings.TrimSuffix(literal, ".")
	dot := strings.LastIndexByte(literal, '.')
	if dot < 0 {
		return false
	}
	return topLabel(literal[dot+1:])
}

// topLabel tells letters, digits and hyphens, no hyphen first or last, not all digits.
func topLabel(s string) bool {
	named := false
	for i := range len(s) {
		c := s[i]
		switch {
		case isLetter(c):
			named = true
		case c == '-':
			if i == 0 || i == len(s)-1 {
				return false
			}
			named = true
		case !isDigit(c):
			return false
		}
	}
	return named
}

// spfMacros reads a macro-string and gives the plain octets after its last macro. The letters c, r and t are for
// explanations only (RFC 7208 section 7.2).
func spfMacros(s string) (last string, ok bool) {
	start := 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c <= ' ' || c > '~':
			return "", false
		case c != '%':
			continue
		case i+1 == len(s):
			return "", false
		case strings.IndexByte("%_-", s[i+1]) >= 0:
			i++
		case s[i+1] == '{':
			end := strings.IndexByte(s[i:], '}')
			if end < 0 || !spfMacro(s[i+2:i+end]) {
				return "", false
			}
			i += end
		default:
			return "", false
		}
		start = i + 1
	}
	return s[start:], true
}

// spfMacro tells what stands between "%{" and "}": a letter, how many labels, "r", delimiters.
func spfMacro(s string) bool {
	if s == "" || strings.IndexByte("slodiphv", s[0]|0x20) < 0 || !isLetter(s[0]) {
		return false
	}
	rest := strings.TrimLeft(s[1:], "0123456789")
	if digits := s[1 : len(s)-len(rest)]; digits != "" && strings.Trim(digits, "0") == "" {
		return false // RFC 7208 section 7.1: nonzero
	}
	if rest != "" && rest[0]|0x20 == 'r' {
		rest = rest[1:]
	}
	return strings.Trim(rest, ".-+,/_=") == ""
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
func isDigit(c byte) bool  { return c >= '0' && c <= '9' }
