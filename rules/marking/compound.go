package marking

import "strings"

// compound tells a candidate that is a part of another word or of a name, by its own line. See also broken.
func (d *Detector) compound(l *line, c candidate) bool {
	loose := !l.vietnamese
	if c.first > 0 && blank(l.gapBetween(c.first-1, c.first)) {
		before := d.before
		if c.style == caps && l.toks[c.first-1].style != caps { // "nguồn nước MẬT" is no "nước mật"
			before = d.prevLine
		}
		if n := before.ending(l.text, l.toks, c.first, loose); n > 0 && (c.single || d.denies(l, c.first-1)) {
			return true
		}
	}
	if d.compoundAfter(l, c, loose) {
		return true
	}
	return (c.single || c.form == plain && c.style == title) && d.named(l, c, loose)
}

// denies tells a word before a level that takes it back: "không mật".
func (d *Detector) denies(l *line, i int) bool {
	n, _ := d.noLevel.at(l.text, l.toks, i, true)
	return n > 0 && l.toks[i].word != "thường"
}

// compoundAfter looks at the word behind.
func (d *Detector) compoundAfter(l *line, c candidate, loose bool) bool {
	next := c.last + 1
	if next >= len(l.toks) {
		return false
	}
	gap := l.gapBetween(c.last, next)
	if sign := strings.TrimSpace(gap); sign == "_" || sign == "&" {
		gap = " " // "Mật _khẩu", the key of a menu
	}
	t := l.toks[next]
	if strings.Trim(gap, " \t|") == "" && len(gap) > 2 {
		// The next cell: only a heading that was taken apart.
		n, _ := d.nextLine.at(l.text, l.toks, next, false)
		return n > 0 && t.style == c.style && !d.otherField(l, next)
	}
	if !blank(gap) {
		return false
	}
	compounds := d.after
	if !c.single || c.style == caps && t.style != caps { // only what a level's first word may belong to the word before: "buổi tối mật độ"
		compounds = d.nextLine
	}
	if n, _ := compounds.at(l.text, l.toks, next, loose); n > 0 && !d.otherField(l, next) {
		return true
	}
	if n, _ := d.places.at(l.text, l.toks, next, loose); n > 0 && c.single && t.style != lower {
		return true
	}
	n, _ := d.plainAfter.at(l.text, l.toks, next, true)
	return n > 0 && c.form == plain && t.word == t.plain
}

// otherField tells "độ khẩn" and "độ mật", which are no compounds of the level before them, and words that begin like
// the end of one: "mật vụ việc".
func (d *Detector) otherField(l *line, i int) bool {
	if i+1 >= len(l.toks) {
		return false
	}
	if n, _ := d.afterNot.at(l.text, l.toks, i, !l.vietnamese); n > 0 {
		return true
	}
	w, next := l.toks[i].plain, l.toks[i+1].plain
	return w == "do" && (next == "khan" || next == "mat") || w == "ma" && next == "so"
}

// maxNameWords is how many words a person's name has before its last.
const maxNameWords = 4

// named tells a person's name that ends in the word: after a title, after the middle of a name, or at the end of words
// with capitals of which the first is a family name. "Công văn" and "chỉ thị" are documents.
func (d *Detector) named(l *line, c candidate, loose bool) bool {
	i := c.first - 1
	if i < 0 {
		return false
	}
	if gap := l.gapBetween(i, c.first); !blank(gap) {
		return strings.TrimSpace(gap) == ":" && d.personLabels.ending(l.text, l.toks, c.first, loose) > 0 || d.splitName(l, c, loose)
	}
	if d.nouns.ending(l.text, l.toks, c.first, loose) > 0 {
		return false
	}
	if d.titles.ending(l.text, l.toks, c.first, loose) > 0 {
		return true
	}
	first := c.first
	for first > 0 && c.first-first < maxNameWords && l.toks[first-1].style != lower && blank(l.gapBetween(first-1, first)) {
		first--
	}
	if first == c.first || c.style == lower || c.style == caps && l.toks[first].style != caps {
		return false
	}
	n, _ := d.family.at(l.text, l.toks, first, loose)
	return n > 0 && (first == 0 || !blank(l.gapBetween(first-1, first)) || l.toks[first-1].style == lower)
}

// splitName tells the last word of a person's name in a cell behind that with the words before it: "NGUYỄN VĂN | MẬT".
func (d *Detector) splitName(l *line, c candidate, loose bool) bool {
	k := l.cellOf(l.toks[c.first-1].start)
	if k < 0 || k == l.cellOf(c.start) {
		return false
	}
	first := tokenAt(l, int(l.cells[k].start))
	if first < 0 || first == c.first-1 || !sameStyle(l.toks[first].style, c.style) || l.toks[first].style == lower {
		return false
	}
	n, _ := d.family.at(l.text, l.toks, first, loose)
	return n > 0 && d.titles.ending(l.text, l.toks, c.first, loose) > 0
}

// broken tells a candidate at the end or beginning of a line whose compound goes on in the next line or began in the
// one before: "MẬT" over "KHẨU", "BẢO" over "MẬT". Only lines that touch, in one style.
func (u *unit) broken(i int, c candidate) bool {
	l := u.line(i)
	if next := u.line(i + 1); next != nil && !next.gap && u.endsCell(l, c) {
		for _, cell := range next.cells {
			k := tokenAt(next, int(cell.start))
			if k < 0 {
				continue
			}
			n, _ := u.d.nextLine.at(next.text, next.toks, k, !next.vietnamese)
			if n > 0 && sameStyle(c.style, next.toks[k].style) && !u.d.otherField(next, k) {
				return true
			}
		}
	}
	prev := u.line(i - 1)
	if prev == nil || l.gap || c.first > 0 || !c.single || len(prev.toks) == 0 {
		return false
	}
	last := prev.toks[len(prev.toks)-1]
	return u.d.prevLine.ending(prev.text, prev.toks, len(prev.toks), !prev.vietnamese) > 0 && last.style == c.style &&
		strings.TrimSpace(prev.text[last.end:]) == ""
}

// sameStyle tells words that may be one word over two lines.
func sameStyle(a, b style) bool { return (a == caps) == (b == caps) }

// endsCell tells a candidate with nothing behind it in its cell.
func (u *unit) endsCell(l *line, c candidate) bool {
	k := l.cellOf(c.start)
	return k >= 0 && strings.TrimSpace(l.text[c.end:l.cells[k].end]) == ""
}
