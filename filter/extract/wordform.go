package extract

import (
	"strconv"
	"strings"
)

// dropDown is a list of an old form (ECMA-376 part 1, 17.16.9): one of its entries is shown, the first unless it says another.
type dropDown struct {
	open   bool
	chosen int // number of the entry
	said   bool
	seen   int
}

// element takes an element of a list, and gives the entry that is shown.
func (d *dropDown) element(x *xmlReader) (shown string) {
	switch name := string(x.name); {
	case name == "ddList":
		*d = dropDown{open: true}
	case !d.open:
	case name == "result", name == "default" && !d.said:
		if n, err := strconv.Atoi(x.attr("val")); err == nil {
			d.chosen, d.said = n, name == "result"
		}
	case name == "listEntry":
		if d.seen == d.chosen {
			shown = x.attr("val")
		}
		d.seen++
	}
	return shown
}

// variable passes on what a document keeps under a name for its fields (17.15.1.31), and for programs that add to slides.
func (r *wordReader) variable(value string) {
	if strings.TrimSpace(value) == "" {
		return
	}
	if err := r.o.text(Text{Kind: Property, Name: r.x.attr("name"), Value: value}); err != nil && r.w.err == nil {
		r.w.err = err
	}
}

// symbolLetter is a letter that is written as a sign of a font (17.3.3.30). Fonts of signs have none but those that look like
// letters.
func symbolLetter(fontName, char string) string {
	n, err := strconv.ParseUint(char, 16, 32)
	if err != nil {
		return ""
	}
	r := rune(n)
	if r >= 0xf020 && r <= 0xf0ff { // where Windows puts the octets of fonts of signs
		r -= 0xf000
	}
	switch {
	case r < ' ', r >= 0xe000 && r <= 0xf8ff:
		return ""
	case fontName == "symbol":
		if strings.ContainsRune("ABEHIKMNOPTXZ ", r) {
			return string(r)
		}
		return ""
	case strings.Contains(fontName, "dings"), strings.Contains(fontName, "mt extra"), strings.Contains(fontName, "icon"):
		return ""
	}
	f := fontOf(fontName)
	return f.show(string(r))
}
