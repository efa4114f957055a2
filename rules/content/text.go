package content

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"

	"congthu/rules/marking"
)

// comparable is a word or phrase in the form of the texts in which it is looked for.
func comparable(s string) string {
	w := writer{}
	w.write(marking.Normal(s))
	return strings.TrimSpace(string(w.buf))
}

// writer joins the lines of a text that marking.Normal made: a line break, with the blanks and quote signs beside it, and
// any row of blanks is one blank. A tab within a line parts cells, and stays.
type writer struct {
	buf   []byte
	gap   byte // ' ', '\t' or '\n' when blanks stand at the end; 0 for none
	begun bool // something was written
}

func (w *writer) write(s string) {
	for i := 0; i < len(s); {
		r, n := rune(s[i]), 1
		if r >= utf8.RuneSelf {
			r, n = utf8.DecodeRuneInString(s[i:])
		}
		switch {
		case r == '\n', r == '\r', r == 0x85, r == 0x2028, r == 0x2029:
			w.gap = '\n'
		case r == '\t' && w.gap != '\n':
			w.gap = '\t'
		case unicode.IsSpace(r):
			if w.gap == 0 {
				w.gap = ' '
			}
		case (r == '>' || r == '|') && (w.gap == '\n' || !w.begun): // a quoted line
		default:
			w.blank()
			if r == 0x2010 || r == 0x2011 { // hyphens
				w.buf = append(w.buf, '-')
			} else {
				w.buf = append(w.buf, s[i:i+n]...)
			}
			w.begun = true
		}
		i += n
	}
}

// blank writes the blank that stands at the end.
func (w *writer) blank() {
	switch w.gap {
	case '\t':
		w.buf = append(w.buf, '\t')
	case ' ', '\n':
		w.buf = append(w.buf, ' ')
	}
	w.gap = 0
}

// whole tells that a match is not in the middle of a word.
func whole(text []byte, from, to int) bool {
	before, _ := utf8.DecodeLastRune(text[:from])
	after, _ := utf8.DecodeRune(text[to:])
	first, _ := utf8.DecodeRune(text[from:])
	last, _ := utf8.DecodeLastRune(text[:to])
	return (from == 0 || !marking.InWord(before) || !marking.InWord(first)) && (to == len(text) || !marking.InWord(after) || !marking.InWord(last))
}

// near is how many octets on either side of a word without diacritics are looked at for others that have some.
const near = 120

// unaccented tells that a text around a place has no diacritics.
func unaccented(text []byte, from, to int) bool {
	around := text[max(0, from-near):min(len(text), to+near)]
	return !marking.Accented(string(bytes.ToValidUTF8(around, nil)))
}
