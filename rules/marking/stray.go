package marking

import "strings"

// strayScore is the score of a level that stands in a line with nothing that says what it is of.
const strayScore = 0.55

// stray tells a level that is written as levels are, in capitals between other words or with a capital that its place
// does not ask for, in a text that does not speak about levels: "gửi lại anh bộ MẬT", "xin lại cái Tối mật hôm qua". In
// small letters, or in a line of capitals, the word is too common.
func (u *unit) stray(i int, c candidate) bool {
	l := u.line(i)
	if c.form != exact || c.style == lower || c.first == 0 || c.single && c.style != caps || u.several(l, c) || u.quoted(l, c) {
		return false
	}
	loose := !l.vietnamese
	if u.d.ties.ending(l.text, l.toks, c.first, loose) > 0 || u.d.declared.ending(l.text, l.toks, c.first, loose) > 0 || !u.free(l, c) {
		return false
	}
	if l.toks[c.first-1].style == caps || c.last+1 < len(l.toks) && l.toks[c.last+1].style == caps {
		return false // a heading, or a name
	}
	s := u.sentence(i, c)
	if s.first == 0 || !anySmall(s) || u.question(s) || u.counted(s) || u.denied(s.text, s.toks[:s.first], loose) ||
		u.sentenceHas(u.d.deniedAfter, s.text, s.toks[s.last+1:s.clause()], loose) {
		return false
	}
	for _, v := range []vocabulary{u.d.guidance, u.d.loud, u.d.stampTerms, u.d.counts} {
		if u.sentenceHas(v, s.text, s.toks, loose) {
			return false
		}
	}
	return !u.guiding(i) && !u.otherLevels(i, c)
}

// quoted tells a level in quotation marks.
func (u *unit) quoted(l *line, c candidate) bool {
	before := strings.TrimRight(l.text[:c.start], " ")
	for _, q := range []string{"“", "\"", "'", "‘", "«"} {
		if strings.HasSuffix(before, q) {
			return true
		}
	}
	return false
}

// free tells a level that no sign joins to a word, as in the identifiers of programs.
func (u *unit) free(l *line, c candidate) bool {
	before, after := l.gapBetween(c.first-1, c.first), l.gapBetween(c.last, c.last+1)
	return strings.ContainsAny(before, " (") && (c.last+1 >= len(l.toks) || strings.ContainsAny(after, " )")) && !strings.ContainsAny(before+after, "=_{}")
}

// otherLevels tells that another level is named nearby, or words for none beside it: a text that speaks about levels.
func (u *unit) otherLevels(i int, c candidate) bool {
	for k := i - levelsReach; k <= i+levelsReach; k++ {
		l := u.line(k)
		if l == nil {
			continue
		}
		for _, m := range l.marks {
			if m.level != c.level && !m.vetoed {
				return true
			}
		}
	}
	return false
}

// maxQualifiers is how many words may stand between a word for a document and its level.
const maxQualifiers = 3

// farNoun tells a level in small letters behind a document and what it is about, in a sentence that sends it: "em gửi kèm
// phương án nhân sự tối mật".
func (u *unit) farNoun(i int, c candidate) bool {
	l := u.line(i)
	if c.form != exact || c.first < 2 || u.several(l, c) || u.quoted(l, c) {
		return false
	}
	loose := !l.vietnamese
	s := u.sentence(i, c)
	for k := s.first; k > 1 && k >= s.first-maxQualifiers && blank(s.text[s.toks[k-1].end:s.toks[k].start]); k-- {
		n := u.d.nouns.ending(s.text, s.toks, k-1, loose)
		if n == 0 || !blank(s.text[s.toks[k-2].end:s.toks[k-1].start]) || u.d.notNouns.ending(s.text, s.toks, k-1, loose) > n {
			continue
		}
		noun := k - 1 - n
		if c.single && !u.d.carried.has(s.text, s.toks[:noun], loose) || !c.single && !u.carries(s, noun, loose) {
			return false
		}
		return !u.denied(s.text, s.toks[:s.first], loose) && !u.sentenceHas(u.d.deniedAfter, s.text, s.toks[s.last+1:s.clause()], loose) && !u.question(s) &&
			!u.d.guidance.has(s.text, s.toks, loose) && !u.guiding(i)
	}
	return false
}
