package marking

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Normal is a text in the form in which words are compared: what cannot be seen is gone, compatibility forms and
// look-alikes of other scripts are the letters that they show, NFC, lower case, tones where the newer spelling has them.
// Line breaks, tabs and signs stay.
func Normal(s string) string {
	var lines strings.Builder
	lines.Grow(len(s))
	for line := range strings.Lines(s) { // most have nothing that visible changes, and line breaks have
		text := strings.TrimRight(line, "\r\n")
		lines.WriteString(visible(text))
		lines.WriteString(line[len(text):])
	}
	s = strings.ToLower(latinised(lines.String()))
	var b *strings.Builder
	from := 0 // of what is not in b yet
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		if wordKind(r) != 1 {
			i += n
			continue
		}
		start, ascii := i, true
		for i < len(s) {
			r, n := utf8.DecodeRuneInString(s[i:])
			if k := wordKind(r); k != 1 && k != 3 {
				break
			}
			ascii = ascii && n == 1
			i += n
		}
		if ascii {
			continue
		}
		if w := spelling(s[start:i]); w != s[start:i] {
			if b == nil {
				b = new(strings.Builder)
			}
			b.WriteString(s[from:start] + w)
			from = i
		}
	}
	if b == nil {
		return s
	}
	b.WriteString(s[from:])
	return b.String()
}

// Plain is a text that Normal made, without its diacritics.
func Plain(s string) string { return unmarked(s) }

// InWord tells a letter, a digit or a mark on one.
func InWord(r rune) bool { return wordKind(r) != 0 }

// Accented tells that a text that Normal made has a letter that Vietnamese without diacritics has not.
func Accented(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r >= utf8.RuneSelf && (vietnamese(r) || unicode.Is(unicode.Mn, r)) })
}
