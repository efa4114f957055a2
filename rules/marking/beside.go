package marking

import "strings"

// alone tells a candidate with nothing beside it in its cell that is not allowed there; noun, that a word for a
// document stands before it.
func (u *unit) alone(l *line, cell span, c candidate) (alone, noun bool) {
	at := int(cell.start)
	for k := firstFrom(l, at); k < len(l.toks); {
		t := l.toks[k]
		if t.start >= int(cell.end) {
			break
		}
		if !decorates(l.text[at:t.start], c) {
			return false, false
		}
		if k > c.last && u.boxAt(l, k) > 0 && strings.HasPrefix(l.text[at:], " ") {
			return true, noun // the next box of the page: "MẬT Bản số: 05"
		}
		if k == c.last+1 && c.style == caps && strings.TrimSpace(l.text[c.end:t.start]) == "(" && strings.IndexByte(l.text[t.start:cell.end], ')') == int(cell.end)-t.start-1 {
			return true, noun // "MẬT (không phổ biến)"
		}
		if k == c.last+1 && c.style == caps && dated(l, k) {
			return true, noun // "MẬT 12/6/2026"
		}
		n, isNoun := u.beside(l, k, c)
		if n == 0 {
			return false, false
		}
		noun = noun || isNoun
		k += n
		at = l.toks[k-1].end
	}
	return decorates(l.text[at:cell.end], c), noun
}

// decorates is decoration; around a level with its diacritics, which no random octets have, it may be of more signs.
func decorates(s string, c candidate) bool {
	if c.form == exact {
		s = strings.Trim(s, "@&$% ")
	}
	return decoration(s)
}

// dated tells a date at token k: a day, a month and a year.
func dated(l *line, k int) bool {
	if k+2 >= len(l.toks) {
		return false
	}
	for i := k; i <= k+2; i++ {
		if !isNumber(l.toks[i].word) || i > k && !strings.ContainsAny(l.gapBetween(i-1, i), "/.-") {
			return false
		}
	}
	return true
}

// beside is how many tokens at k may stand in one cell with a level, 0 for none.
func (u *unit) beside(l *line, k int, c candidate) (n int, noun bool) {
	if m := markAt(l, k); m != nil {
		if m.level != c.level {
			return 0, false
		}
		return m.last - m.first + 1, false
	}
	loose := !l.vietnamese
	if n, _ := u.d.urgency.at(l.text, l.toks, k, loose); n > 0 {
		return n, false
	}
	if n, _ := u.d.foreignWords.at(l.text, l.toks, k, true); n > 0 {
		return n, false
	}
	if c.letter != "" && l.toks[k].word == c.letter && k > c.last {
		return 1, false
	}
	if n, _ := u.d.headingNouns.at(l.text, l.toks, k, loose); n > 0 && k+n == c.first {
		return n, true
	}
	if k >= c.first {
		return 0, false
	}
	if n := u.stampWord(l, k, c); n > 0 {
		return n, false
	}
	return u.boxAt(l, k), false
}

// stampWord is how many tokens at k say that the level in capitals behind is a stamp: "Dấu MẬT", "đóng dấu TỐI MẬT".
func (u *unit) stampWord(l *line, k int, c candidate) int {
	if c.style != caps || l.toks[k].style == caps {
		return 0
	}
	for _, v := range []vocabulary{u.d.declared, u.d.ties} {
		if n, _ := v.at(l.text, l.toks, k, !l.vietnamese); n > 0 && k+n == c.first {
			return n
		}
	}
	return 0
}

// partOfHead is the score of a level in capitals that is a part of a line on a document's first page: between dashes, or
// in a remark on the stamp in brackets, "(Dấu MẬT đóng ở góc trái)".
func (u *unit) partOfHead(i int, c candidate) float64 {
	l := u.line(i)
	if c.style != caps || c.form != exact || u.several(l, c) || !u.onPage(i) || u.guiding(i) {
		return 0
	}
	left, right := dividesLeft(l.text[:c.start]), u.dividesRight(l, c)
	dashed := (left == dividing || left == nothing) && (right == dividing || right == nothing) && !strings.HasSuffix(strings.TrimRight(l.text[:c.start], " "), ":")
	remark := u.stampWord(l, 0, c) > 0 && strings.TrimLeft(l.text[:l.toks[0].start], " ") != ""
	if dashed || remark && dividesLeft(l.text[:l.toks[0].start]) == bracketSign {
		return cellNearPage
	}
	return 0
}

// describesStamp tells lines around that say how a stamp looks.
func (u *unit) describesStamp(i int) bool {
	for k := i - stampNear; k <= i+stampNear; k++ {
		if l := u.line(k); l != nil && u.d.stampTerms.has(l.text, l.toks, !l.vietnamese) {
			return true
		}
	}
	return false
}

// boxAt is how many tokens at k are a box of an official document's first page with what is written in it, "Bản số:
// 02/07", "Số: 45/BC-TNN"; 0 for none.
func (u *unit) boxAt(l *line, k int) int {
	n, _ := u.d.boxes.at(l.text, l.toks, k, !l.vietnamese)
	if n == 0 || l.toks[k].style == lower {
		return 0
	}
	value := k + n
	for k = value; k < len(l.toks); k++ {
		gap := l.gapBetween(k-1, k)
		if k == value && !isNumber(l.toks[k].word) && !strings.Contains(gap, "..") && !strings.Contains(gap, "…") ||
			k > value && (strings.ContainsAny(gap, " \t|") || markAt(l, k) != nil) {
			break
		}
	}
	if k == value {
		return 0
	}
	return k - value + n
}

// setOff tells a level in capitals at the beginning or end of a line that two blanks divide from the rest: columns that
// came close to each other.
func (u *unit) setOff(l *line, cell span, c candidate) bool {
	if c.style != caps || c.form != exact || u.nounBeforeLevel(l, c) {
		return false
	}
	const gap = "  "
	if i := strings.LastIndex(l.text[cell.start:c.start], gap); i >= 0 {
		cell.start += int32(i + len(gap))
	}
	if i := strings.Index(l.text[c.end:cell.end], gap); i >= 0 {
		cell.end = int32(c.end + i)
	}
	if !decoration(l.text[:cell.start]) && !decoration(l.text[cell.end:]) {
		return false
	}
	alone, _ := u.alone(l, cell, c)
	return alone
}

// nounBeforeLevel tells a word for a document, or what ties one to its level, directly before a level.
func (u *unit) nounBeforeLevel(l *line, c candidate) bool {
	loose := !l.vietnamese
	return u.d.nouns.ending(l.text, l.toks, c.first, loose) > 0 || u.d.ties.ending(l.text, l.toks, c.first, loose) > 0
}

// markAt is the candidate that begins at token k.
func markAt(l *line, k int) *candidate {
	for i := range l.marks {
		if l.marks[i].first == k {
			return &l.marks[i]
		}
	}
	return nil
}

// onlyItem is the score of a level in capitals that is all of an item with a number, "1) MẬT", in a text that does not list
// levels.
func (u *unit) onlyItem(i int, c candidate) float64 {
	l := u.line(i)
	if c.style != caps || c.form != exact || c.first != 1 || !isNumber(l.toks[0].word) || c.last != len(l.toks)-1 || u.guiding(i) || u.otherLevels(i, c) ||
		u.describesStamp(i) {
		return 0
	}
	return cellNounTitle
}
