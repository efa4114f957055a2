package mailauth

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

const (
	maxDomain = 253 // octets of a domain in text form (RFC 1035 section 2.3.4)
	maxLabel  = 63
)

// asciiDomain is a domain as it is asked for and compared: A-labels (RFC 9989 section 5.3.1, RFC 8616), lower case, no
// dot at the end. Labels are letters, digits, "-" and "_" as names in the DNS that mail uses are.
func asciiDomain(s string) (string, bool) {
	s = strings.TrimSuffix(strings.TrimSpace(s), ".")
	if len(s) > 4*maxDomain {
		return "", false
	}
	if strings.IndexFunc(s, func(r rune) bool { return r >= utf8.RuneSelf }) >= 0 {
		a, err := idna.Lookup.ToASCII(s)
		if err != nil {
			return "", false
		}
		s = a
	}
	s = strings.ToLower(s)
	if s == "" || len(s) > maxDomain {
		return "", false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > maxLabel {
			return "", false
		}
		for i := range len(label) {
			if c := label[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
				return "", false
			}
		}
	}
	return s, true
}

// within tells that d is the domain above or below it. Both are of asciiDomain.
func within(d, above string) bool {
	return d == above || strings.HasSuffix(d, "."+above)
}
