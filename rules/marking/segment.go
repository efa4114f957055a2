package marking

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// segment is the score of a level that is all of what signs divide off in a subject, alone or behind what ties it to a
// document: "[BMNN - Mật] …", "Dự án 5: MẬT - báo cáo", "Ý kiến về thềm lục địa (độ Tối mật)".
func (u *unit) segment(i, begin int, c candidate) float64 {
	l := u.line(i)
	if c.form == near || c.form == plain && c.style != caps || u.besideNone(l, c) {
		return 0
	}
	from := u.tiedFrom(l, c)
	left, right := dividesLeft(l.text[begin:from]), u.dividesRight(l, c)
	if left == noSign && from < c.start && strings.HasSuffix(strings.TrimRight(l.text[begin:from], " "), ",") {
		left = dividing // "…, độ Mật"
	}
	if left == noSign || right == noSign || right == nothing && left != bracketSign && u.kind != Subject {
		return 0
	}
	if left == nothing && from == c.start && right != bracketSign {
		return 0 // a tag, which tag knows
	}
	if u.several(l, c) || u.listed(i, c) {
		return 0
	}
	score := tagWeak
	switch {
	case c.style == lower && from < c.start && right == nothing: // "…: văn bản mật"
	case c.style == lower && c.single, c.style == lower && !(left == bracketSign && right == bracketSign):
		return 0
	case c.style == lower:
		score = tagBracketed
	case c.style == caps, left == bracketSign || right == bracketSign:
		score = tagEnd
	}
	if u.d.guidance.has(l.text, l.toks[:c.first], !l.vietnamese) {
		score -= spokenOf
	}
	return score
}

// besideNone tells a word for no level in the line: "Thường/Mật" is a choice.
func (u *unit) besideNone(l *line, c candidate) bool {
	for _, k := range []int{c.first - 1, c.last + 1} {
		if k < 0 || k >= len(l.toks) {
			continue
		}
		gap := strings.TrimSpace(l.gapBetween(min(k, c.last), max(k, c.first)))
		if n, _ := u.d.noLevel.at(l.text, l.toks, k, !l.vietnamese); n > 0 && (gap == "/" || gap == "|" || gap == ",") {
			return true
		}
	}
	return false
}

// tiedFrom is where a level begins with what ties it to its document: "độ Mật", "Dấu MẬT"; not "Độ mật", which is a
// label, nor "ĐỘ MẬT".
func (u *unit) tiedFrom(l *line, c candidate) int {
	n := u.d.ties.ending(l.text, l.toks, c.first, !l.vietnamese)
	if n == 0 {
		if k := u.d.headingNouns.ending(l.text, l.toks, c.first, !l.vietnamese); k > 0 && (c.style != lower || u.kind == Subject && u.nothingBehind(l, c)) && blank(l.gapBetween(c.first-1, c.first)) {
			return l.toks[c.first-k].start // "… - tài liệu Mật"
		}
		return c.start
	}
	tie := l.toks[c.first-n]
	if c.single && (c.style == lower || c.style == tie.style && tie.style == caps) {
		return c.start
	}
	return tie.start
}

// sign is what divides a level from what stands beside it.
type sign uint8

const (
	noSign sign = iota
	nothing
	dividing
	bracketSign
)

// dividesLeft tells the sign that ends what stands before a level.
func dividesLeft(before string) sign {
	trimmed := strings.TrimRight(before, " ")
	r, n := utf8.DecodeLastRuneInString(trimmed)
	switch {
	case trimmed == "":
		return nothing
	case strings.ContainsRune("[({<【《", r):
		return bracketSign
	case r == '-':
		if open := strings.LastIndexAny(trimmed, "[({【"); open >= 0 && !strings.ContainsAny(trimmed[open:], "])}】") {
			return bracketSign // "[VN-MẬT]"
		}
		if strings.HasSuffix(trimmed[:len(trimmed)-n], " ") && len(before) > len(trimmed) {
			return dividing
		}
		return noSign
	case r == '.': // "1. MẬT"
		if number := strings.TrimSpace(trimmed[:len(trimmed)-n]); number != "" && strings.Trim(number, "0123456789") == "" {
			return dividing
		}
		return noSign
	case strings.ContainsRune(":|/;–—•·*~#", r), unicode.IsSymbol(r):
		return dividing
	}
	return noSign
}

// dividesRight tells the sign behind a level, its letter and marks of haste.
func (u *unit) dividesRight(l *line, c candidate) sign {
	k := c.last
	for {
		gap := l.gapBetween(k, k+1)
		trimmed := strings.TrimLeft(gap, " ")
		r, _ := utf8.DecodeRuneInString(trimmed)
		haste, _ := u.d.urgency.at(l.text, l.toks, k+1, !l.vietnamese)
		switch {
		case trimmed == "" && k+1 >= len(l.toks):
			return nothing
		case trimmed != "" && strings.ContainsRune("])}>】》", r):
			return bracketSign
		case strings.HasPrefix(trimmed, "(") && u.letterBehind(l, c, k+1):
			return dividing
		case haste > 0 && strings.Trim(gap, " ,-+/&.|") == "":
			k += haste
			continue
		case trimmed != "" && strings.ContainsRune(":|/–—!•·~#*", r), symbol(trimmed), r == '-' && (gap[0] == ' ' || k+1 < len(l.toks) && u.inBrackets(l, c)),
			r == ',' && k+1 < len(l.toks) && u.inBrackets(l, c):
			return dividing
		}
		return noSign
	}
}

// letterBehind tells "(C)" or "(độ C)" at token k.
func (u *unit) letterBehind(l *line, c candidate, k int) bool {
	n, _ := u.d.ties.at(l.text, l.toks, k, !l.vietnamese)
	k += n
	return k < len(l.toks) && l.toks[k].word == c.letter && strings.HasPrefix(l.gapBetween(k, k+1), ")")
}

// inBrackets tells a level in brackets with others.
func (u *unit) inBrackets(l *line, c candidate) bool {
	open := strings.LastIndexAny(l.text[:c.start], "[({【")
	return open >= 0 && !strings.ContainsAny(l.text[open:c.start], "])}】") && strings.ContainsAny(l.text[c.end:], "])}】")
}
