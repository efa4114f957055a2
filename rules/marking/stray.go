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
