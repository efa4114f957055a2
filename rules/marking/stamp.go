package marking

import (
	"slices"
	"sort"
	"strings"
	"unicode"
)

// stampNear is how many lines below a stamp its date or period may stand.
const stampNear = 2

// stamps finds stamps and forms that are a line or cell of their own, in capitals.
func (u *unit) stamps(i, at int, v *evidence) {
	l := u.line(i)
	for _, cell := range l.cells {
		k := tokenFrom(l, int(cell.start))
		if k < 0 || l.toks[k].start >= int(cell.end) || !decoration(l.text[cell.start:l.toks[k].start]) || l.toks[k].style != caps {
			continue
		}
		loose := !l.vietnamese
		n, index := u.d.stampWords.at(l.text, l.toks, k, loose)
		if n == 0 || l.toks[k+n-1].style != caps || loose && !u.loose(i) {
			continue
		}
		s := u.d.stamps[index]
		score := s.Alone
		rest := l.text[l.toks[k+n-1].end:cell.end]
		alone := decoration(rest)
		switch {
		case u.followed(i, k+n, index, loose):
			score = s.Score
		case !alone:
			continue
		case len(s.Next) > 0 && u.onPage(i) && !u.guiding(i):
			score = (s.Score + s.Alone) / 2
		}
		if !l.vietnamese && strings.ContainsFunc(s.Text, func(r rune) bool { return r > unicode.MaxASCII }) {
			score -= cellNear - cellPlain // no diacritics: less sure
		}
		if u.guiding(i) {
			score -= spokenOf
		}
		v.add(Evidence{Class: Form, Level: Other, Score: score, Offset: int64(at), Hold: s.Hold})
	}
}

// stampOver finds a stamp that two lines share.
func (u *unit) stampOver(i, at int, v *evidence) {
	l, prev := u.line(i), u.line(i-1)
	if prev == nil || l.gap || len(l.toks) == 0 || len(prev.toks) == 0 || len(prev.toks)+len(l.toks) > maxStamp {
		return
	}
	text := strings.TrimSpace(prev.text) + " " + strings.TrimSpace(l.text)
	toks := tokens(text)
	n, index := u.d.stampWords.at(text, toks, 0, !l.vietnamese && !prev.vietnamese && u.loose(i))
	if n != len(toks) || slices.ContainsFunc(toks, func(t token) bool { return t.style != caps }) {
		return
	}
	s := u.d.stamps[index]
	score := s.Alone
	if u.followed(i, len(l.toks), index, !l.vietnamese) {
		score = s.Score
	}
	if u.guiding(i) {
		score -= spokenOf
	}
	v.add(Evidence{Class: Form, Level: Other, Score: score, Offset: int64(at), Hold: s.Hold})
}

// maxStamp is how many words a stamp has at most.
const maxStamp = 12

// followed tells that the words that belong to a stamp stand behind it or below: "GIẢI MẬT", "Từ: 15/8/2022".
func (u *unit) followed(i, k, index int, loose bool) bool {
	next := u.d.nextOf[index]
	l := u.line(i)
	if n, _ := next.at(l.text, l.toks, k, loose); n > 0 || len(next) > 0 && k < len(l.toks) && isNumber(l.toks[k].word) {
		return true
	}
	for j := i + 1; j <= i+stampNear; j++ {
		if below := u.line(j); below != nil {
			if n, _ := next.at(below.text, below.toks, 0, loose); n > 0 {
				return true
			}
		}
	}
	return false
}

// firstFrom is the first token at or behind the octet at, and how many there are when there is none.
func firstFrom(l *line, at int) int {
	return sort.Search(len(l.toks), func(k int) bool { return l.toks[k].start >= at })
}

// tokenFrom is firstFrom, -1 for none.
func tokenFrom(l *line, at int) int {
	if k := firstFrom(l, at); k < len(l.toks) {
		return k
	}
	return -1
}
