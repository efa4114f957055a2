package filter

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"

	"congthu/filter/message"
)

// maxIDNA is how long a domain may be to be written in ASCII, in octets: four for each of the 255 that it
// may have there (RFC 5321 section 4.5.3.1.2). Punycode takes the square of a label's length.
const maxIDNA = 4 * 255

// NormalDomain is a domain as it compares: ASCII (IDNA, UTS 46), lower case, without characters that nobody
// sees and without dots around it.
func NormalDomain(d string) string {
	d = strings.ToLower(strings.Trim(strings.Map(seen, d), "."))
	if isASCII(d) || len(d) > maxIDNA {
		return d
	}
	a, err := idna.Lookup.ToASCII(d)
	if err != nil { // not one that can be registered: as it is written
		a = strings.NewReplacer("\u3002", ".", "\uff61", ".").Replace(norm.NFKC.String(d))
	}
	return strings.ToLower(strings.Trim(a, "."))
}

func seen(r rune) rune {
	if r == ' ' || message.Unseen(r) {
		return -1
	}
	return r
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
