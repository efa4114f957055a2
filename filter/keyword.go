package filter

import "strings"

// Keyword is the first word of a header field's value outside of comments (RFC 5322 section 3.2.2), in lower case;
// "" when there is none.
func Keyword(value string) string {
	depth := 0
	plain := strings.Map(func(r rune) rune {
		switch {
		case r == '(':
			depth++
		case r == ')' && depth > 0:
			depth--
		case depth == 0 && r != ';':
			return r
		}
		return ' '
	}, value)
	for word := range strings.FieldsSeq(plain) {
		return strings.ToLower(word)
	}
	return ""
}
