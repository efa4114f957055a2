package extract

import (
	"slices"
	"strings"
)

// Limits of what is remembered of formats of cells.
const (
	maxFormatTexts = 1000 // formats with words
	formatWord     = 3    // letters that make a word; fewer are units, "đ", "kg"
)

// cellFormat is what a cell's format says of how its value is shown.
type cellFormat struct {
	font  font
	words *string // that stand beside the value; nil for none
}

// formatWords are the texts that a number format shows (ECMA-376 part 1, 18.8.31), those of each of its sections on a line: in quotes,
// or letters behind a backslash. "" when it has no words.
func formatWords(code string) string {
	var b strings.Builder
	letters := 0
	write := func(c byte) {
		b.WriteByte(c)
		if isLetterOctet(c) {
			letters++
		}
	}
	for i := 0; i < len(code) && b.Len() < MaxPiece; i++ {
		switch c := code[i]; c {
		case '"':
			for i++; i < len(code) && code[i] != '"'; i++ {
				write(code[i])
			}
		case '\\':
			if i++; i < len(code) {
				write(code[i])
			}
		case '[': // a colour, a condition, a language
			n := strings.IndexByte(code[i:], ']')
			if n < 0 {
				n = len(code) - i - 1
			}
			i += n
		case '_', '*': // the next letter is a gap's width, or fills one
			i++
		case ';':
			b.WriteByte('\n')
		default:
			if c >= 0x80 { // letters that need no quotes
				write(c)
			} else if b.Len() > 0 {
				b.WriteByte(' ') // the value, or a part of it
			}
		}
	}
	if letters < formatWord {
		return ""
	}
	return b.String()
}

// isLetterOctet tells an octet that begins a letter.
func isLetterOctet(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0xC0 }

// formats passes on the words beside the values of the cells that were read, each once a sheet: in the rows they would part cells
// from the heads of their columns.
func (c *cellReader) formats() {
	as := c.w.as
	c.w.to(Text{Kind: Comment, Page: as.Page})
	for _, words := range c.words {
		for line := range strings.SplitSeq(*words, "\n") {
			c.w.own(strings.TrimSpace(line))
		}
	}
	c.w.to(as)
}

// shows takes note of the words beside a cell's value.
func (c *cellReader) shows(words *string) {
	if words != nil && len(c.words) < maxSheetFormats && !slices.Contains(c.words, words) {
		c.words = append(c.words, words)
	}
}

// maxSheetFormats is how many formats with words are told of one sheet.
const maxSheetFormats = 100

// constantTexts are the texts in a formula that is only texts put together, as a name for one is: ="MẬT".
func constantTexts(formula string) string {
	var b strings.Builder
	quoted := false
	for i := 0; i < len(formula); i++ {
		switch c := formula[i]; {
		case c == '"' && quoted && i+1 < len(formula) && formula[i+1] == '"':
			b.WriteByte('"')
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
			b.WriteByte(c)
		case strings.IndexByte("=&+() {};,", c) < 0:
			return ""
		case c == ';' || c == ',':
			b.WriteByte('\n')
		}
	}
	return b.String()
}

// pivotCache reads the values that a pivot table remembers of its source, which may stand in no sheet (ECMA-376 part 1, 18.10.1):
// those of each field, and those of its records.
func (d *ooxml) pivotCache(x *xmlReader, w *writer) error {
	return x.each(func() error {
		switch string(x.name) {
		case "cacheField":
			w.own(x.attr("caption"))
			w.own(x.attr("name"))
		case "s":
			w.own(x.attr("v"))
		}
		return w.err
	})
}
