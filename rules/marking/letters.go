package marking

import "strings"

// letterLines finds a level written one letter a line or a table cell, when the letters are all that stands there.
func (u *unit) letterLines(i, at int, v *evidence) {
	l := u.line(i)
	if !onlyLetters(l) || onlyLetters(u.line(i+1)) {
		return
	}
	letters := ""
	var first *line
	lines := 0
	for k := i; k >= 0 && lines <= maxSpaced && onlyLetters(u.line(k)); k-- {
		first = u.line(k)
		word := ""
		for _, t := range first.toks {
			if t.style != caps {
				return
			}
			word += t.word
		}
		letters = word + letters
		lines++
	}
	if lines == 1 && len(l.cells) == 1 {
		return // letters beside each other, which lines read as a word
	}
	for _, n := range u.d.names {
		switch n.glued(letters) {
		case exact:
			v.add(Evidence{Class: Cell, Level: n.level, Score: cellCaps, Offset: int64(at)})
		case near:
			v.add(Evidence{Class: Cell, Level: n.level, Score: cellNear, Offset: int64(at)})
		case plain:
			if u.loose(i) && u.onPage(i) {
				v.add(Evidence{Class: Cell, Level: n.level, Score: cellPlainPage, Offset: int64(at)})
			}
		default:
			continue
		}
		return
	}
}

// onlyLetters tells a line of letters that stand alone, with nothing but signs of decoration between them.
func onlyLetters(l *line) bool {
	if l == nil || len(l.toks) == 0 || len(l.toks) > maxSpaced {
		return false
	}
	at := 0
	for _, t := range l.toks {
		if !singleLetter(l.text, t) || strings.Trim(l.text[at:t.start], " \t|.-_*") != "" {
			return false
		}
		at = t.end
	}
	return strings.Trim(l.text[at:], " \t|.-_*") == ""
}
