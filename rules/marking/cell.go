package marking

import (
	"strings"
	"unicode"
)

// Scores of a line or cell of its own.
const (
	cellCaps       = 0.90
	cellFirstTitle = 0.80 // one capital, on the text's first line
	cellPageTitle  = 0.70 // one capital, on the page of an official document
	cellTitle      = 0.40
	cellLower      = 0.20
	cellNearPage   = 0.85 // a mark is lost, on the page of an official document
	cellNear       = 0.50
	cellPlainPage  = 0.80 // no diacritics
	cellPlain      = 0.30
	cellNounTitle  = 0.60 // "Tài liệu Mật"
	cellNoun       = 0.75 // "TÀI LIỆU MẬT"

	spokenOf = 0.45 // less, where levels are spoken of
)

// decoration tells what may stand around a level on a line of its own.
func decoration(s string) bool {
	for _, r := range s {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) || strings.ContainsRune("?☐☒☑□■✓✔%@$€&<>=", r) && !strings.ContainsRune("<>=", r) {
			return false
		}
	}
	return true
}

// ownCell finds a level that is a line or a table cell of its own, with nothing beside it but decoration, a mark of
// haste, its letter, the same level again, or a word for a document ("TÀI LIỆU MẬT").
func (u *unit) ownCell(i int, c candidate) (Class, float64) {
	l := u.line(i)
	k := l.cellOf(c.start)
	if k < 0 {
		return Cell, 0
	}
	alone, noun := u.alone(l, l.cells[k], c)
	if !alone && u.setOff(l, l.cells[k], c) {
		alone = true
	}
	if !alone {
		return Cell, max(u.partOfHead(i, c), u.onlyItem(i, c))
	}
	onPage := u.onPage(i)
	score := u.cellScore(i, c, onPage)
	if noun {
		if score > cellNoun && !onPage {
			score = cellNoun
		}
		switch {
		case c.style == lower && onPage && c.form == exact && u.headed(i):
			score = cellNounTitle
		case c.style == lower:
			score = cellLower
		case c.style == title && score < cellNounTitle && c.form == exact && u.line(i).toks[0].style != lower:
			score = cellNounTitle
		}
	}
	if score > 0 && (u.listed(i, c) || u.spokenOf(i, c)) {
		score -= spokenOf
	}
	return Cell, score
}

// cellScore is the score by form and style.
func (u *unit) cellScore(i int, c candidate, onPage bool) float64 {
	pick := func(ok bool, yes, no float64) float64 {
		if ok {
			return yes
		}
		return no
	}
	switch {
	case c.form == near:
		if c.style == lower {
			return cellLower
		}
		return pick(onPage, cellNearPage, cellNear)
	case c.form == plain:
		if c.style != caps || !u.loose(i) {
			return 0
		}
		return pick(onPage, cellPlainPage, pick(c.single, cellPlain, cellNear))
	case c.style == caps:
		return cellCaps
	case c.style == title && i == u.first:
		return cellFirstTitle
	case c.style == title && strings.HasSuffix(strings.TrimRight(u.line(i).text[:c.start], " "), "(") && u.headed(i):
		return cellPageTitle
	case c.style == title:
		return pick(onPage, cellPageTitle, cellTitle)
	}
	return cellLower
}

// headed tells that the line before is a title in capitals.
func (u *unit) headed(i int) bool {
	prev := u.line(i - 1)
	if prev == nil || len(prev.toks) < 2 {
		return false
	}
	for _, t := range prev.toks {
		if t.style != caps && !isNumber(t.word) {
			return false
		}
	}
	return !u.guidingLine(i - 1)
}

// listed tells a level that stands in a list of levels: another one is a cell of its own in the same line or in the
// next one, or a word for none in the same line.
func (u *unit) listed(i int, c candidate) bool {
	l := u.line(i)
	for _, cell := range l.cells {
		if t := tokenAt(l, int(cell.start)); t >= 0 { // "Mật | Thường"
			if n, _ := u.d.noLevel.at(l.text, l.toks, t, !l.vietnamese); n > 0 && l.toks[t+n-1].end == int(cell.end) {
				return true
			}
		}
	}
	for k := i - 1; k <= i+1; k++ {
		l := u.line(k)
		if l == nil {
			continue
		}
		for n := range l.marks {
			m := &l.marks[n]
			if m.level == c.level || m.vetoed {
				continue
			}
			if cell := l.cellOf(m.start); cell >= 0 && m.alone.is(func() bool { ok, _ := u.alone(l, l.cells[cell], *m); return ok }) {
				return true
			}
		}
	}
	return false
}

// near lines in which a second level makes a text one about levels.
const levelsReach = 8

// spokenOf tells a level in a text about secrecy: it stands in quotation marks, or the text has the title of a law,
// a training or a form and names another level nearby.
func (u *unit) spokenOf(i int, c candidate) bool {
	l := u.line(i)
	if c.start > 0 && strings.HasSuffix(l.text[:c.start], "“") && strings.HasPrefix(l.text[c.end:], "”") {
		return true
	}
	if u.describesStamp(i) || u.quoted(l, c) && u.goesOn(i) {
		return true
	}
	if !u.guiding(i) {
		return false
	}
	for k := i - levelsReach; k <= i+levelsReach; k++ {
		other := u.line(k)
		if other == nil {
			continue
		}
		for _, m := range other.marks {
			if m.level != c.level {
				return true
			}
		}
	}
	return false
}

// goesOn tells that the next line goes on with a sentence: it begins with a small letter.
func (u *unit) goesOn(i int) bool {
	next := u.line(i + 1)
	return next != nil && !next.gap && len(next.toks) > 0 && next.toks[0].style == lower && !isNumber(next.toks[0].word)
}

// titleLines is how many lines at a text's beginning may be its title.
const titleLines = 15

// guiding tells a text about secrecy, by its first lines and those before line i.
func (u *unit) guiding(i int) bool {
	if u.guide == 0 {
		u.guide = 1
		for k := 0; k < titleLines; k++ {
			if u.guidingLine(k) {
				u.guide = 2
				break
			}
		}
	}
	if u.guide == 2 {
		return true
	}
	for k := i - reach; k <= i; k++ {
		if u.guidingLine(k) {
			return true
		}
	}
	return false
}

// guidingLine tells a line that begins with a word of guidance, or holds a phrase of guidance in capitals.
func (u *unit) guidingLine(i int) bool {
	l := u.line(i)
	return l != nil && len(l.toks) > 0 && l.guide.is(func() bool { return u.d.guidingLine(l) })
}

func (d *Detector) guidingLine(l *line) bool {
	loose := !l.vietnamese
	if n, _ := d.numbered.at(l.text, l.toks, 0, loose); n > 0 && l.toks[0].style != lower && len(l.toks) > n && numeral(l.toks[n].word) {
		return true
	}
	for k, t := range l.toks {
		if t.style != caps && (k > 0 || t.style == lower) {
			continue
		}
		if n, _ := d.guidance.at(l.text, l.toks, k, loose); n > 1 || n == 1 && k == 0 {
			return true
		}
	}
	return false
}

// numeral tells a number, Arabic or Roman.
func numeral(w string) bool { return isNumber(w) || strings.Trim(w, "ivx") == "" }

// onPage tells that the lines around are the first page of an official document.
func (u *unit) onPage(i int) bool {
	return u.line(i).onPage.is(func() bool {
		for k := i - reach; k <= i+reach; k++ {
			if l := u.line(k); l != nil && l.page.is(func() bool { return u.d.pageLine(l) }) {
				return true
			}
		}
		return false
	})
}

// pageLine tells a line of an official document's first page: the state's title, a number with a symbol, an address.
func (d *Detector) pageLine(l *line) bool {
	text := unmarked(strings.ToLower(l.text))
	for _, p := range d.page {
		if strings.Contains(text, p) {
			return true
		}
	}
	// "Số: 12/TTr-BTNMT", "Số 04-TTr/BCSĐ"
	for k, t := range l.toks {
		if t.plain != "so" || k+2 >= len(l.toks) || t.style == lower {
			continue
		}
		gap := l.gapBetween(k+1, k+2)
		if isNumber(l.toks[k+1].word) && strings.TrimSpace(l.gapBetween(k, k+1)) != "/" && (gap == "/" || gap == "-") && l.toks[k+2].style != lower {
			return true
		}
	}
	return false
}

func isNumber(w string) bool { return w != "" && w[0] >= '0' && w[0] <= '9' }
