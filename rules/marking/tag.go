package marking

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Scores of a tag.
const (
	tagScore     = 0.90
	tagEnd       = 0.85 // "(MẬT)" at the end
	tagWeak      = 0.60 // without diacritics or capitals, where a sentence could stand
	tagBare      = 0.45 // "Mat - ": in plain letters, could be anything
	tagUnmarked  = 0.80 // in capitals, with no sign behind it: "MẬT Báo cáo"
	tagBracketed = 0.70 // in lower case, in brackets at the end
)

// tag finds a level before, in brackets in or at the end of a subject, a text's first line, or a quoted subject.
func (u *unit) tag(i int, c candidate) (Class, float64) {
	l := u.line(i)
	begin, ok := u.subjectAt(i)
	if !ok && u.remark(i, c) {
		return Tag, tagWeak
	}
	if !ok || c.start < begin || c.form == plain && !u.loose(i) {
		return Tag, 0
	}
	at, opened := u.afterPrefixes(l, begin, c.start)
	rest := l.text[c.end:]
	switch {
	case at == c.start && opened && u.closes(l, rest):
		if u.defined(l, c) || u.kind != Subject && u.quotedWord(l, c) {
			return Tag, 0
		}
		return Tag, u.bracketScore(c)
	case c.form == exact && u.nounTag(l, at, c):
		return Tag, tagEnd
	case u.several(l, c), u.counts(l, c):
		return Tag, 0
	case at == c.start && c.form == plain && c.single && (!u.d.sounds(l, c) || strings.Contains(l.text, `":`)): // or a name in JSON
		return Tag, 0
	case at == c.start && u.separated(l, c):
		return Tag, prefixScore(c, u.kind == Subject)
	case at == c.start && u.kind == Subject && c.style == caps && c.form == exact && u.smallBehind(l, c):
		return Tag, tagUnmarked
	case at == c.start && u.nothingBehind(l, c) && (u.kind == Subject || c.first > 0 && c.style == caps && c.form == exact):
		return Tag, prefixScore(c, true)
	case at < c.start && u.nounBefore(l, at, c) && u.separated(l, c) && !u.denied(l.text, l.toks[:c.first], !l.vietnamese) && c.form == exact:
		return Tag, tagBracketed
	case at < c.start && u.kind == Subject && c.form == exact && u.nounSegment(l, at, c) && (c.style != lower || u.ofOne(l, c)) && !u.d.loud.has(l.text, l.toks, !l.vietnamese) && !u.d.guidance.has(l.text, l.toks, !l.vietnamese):
		return Tag, tagBracketed
	}
	return Tag, max(u.tagInside(l, c), u.segment(i, begin, c))
}

// remark tells a level that begins a line and is in brackets or, in capitals, cut off from small words behind it, in a
// text that is not about levels: "MẬT - Không ghi âm".
func (u *unit) remark(i int, c candidate) bool {
	l := u.line(i)
	bracketed := dividesLeft(l.text[:c.start]) == bracketSign && u.closes(l, l.text[c.end:])
	if c.first > 0 || c.style == lower || c.style != caps && !bracketed || c.form != exact || !bracketed && !u.separated(l, c) || c.last+1 >= len(l.toks) || !bracketed && l.toks[c.last+1].style == caps ||
		isNumber(l.toks[c.last+1].word) || !decoration(l.text[:c.start]) || u.spokenOf(i, c) || u.guiding(i) {
		return false
	}
	return !u.otherLevels(i, c)
}

// counts tells a number that is all behind a level: "Mật: 12".
func (u *unit) counts(l *line, c candidate) bool {
	k := c.last + 1
	return k < len(l.toks) && isNumber(l.toks[k].word) && strings.Contains(l.gapBetween(c.last, k), ":") &&
		(k+1 == len(l.toks) || strings.ContainsAny(l.gapBetween(k, k+1), ";,\t|"))
}

// ofOne tells words behind a level that go on about one document: "công văn mật của Bộ …".
func (u *unit) ofOne(l *line, c candidate) bool {
	if c.last+2 >= len(l.toks) || !blank(l.gapBetween(c.last, c.last+1)) {
		return false
	}
	switch l.toks[c.last+1].word {
	case "của", "về", "số", "ngày", "gửi", "kèm", "tuần", "tháng", "quý", "đợt", "lần", "này":
		return true
	}
	return false
}

// subjectAt is where the text of a subject begins in line i, when that line is one.
func (u *unit) subjectAt(i int) (int, bool) {
	l := u.line(i)
	if n, _ := u.d.subjects.at(l.text, l.toks, 0, !l.vietnamese); n > 0 && decoration(l.text[:l.toks[0].start]) {
		if rest := strings.TrimLeft(l.text[l.toks[n-1].end:], " *"); strings.HasPrefix(rest, ":") {
			return len(l.text) - len(rest) + 1, true
		}
	}
	if n, _ := u.d.prefixes.at(l.text, l.toks, 0, !l.vietnamese); n > 0 && strings.HasPrefix(l.text[l.toks[n-1].end:], ":") {
		return 0, true // a quoted subject without its label: "TL: MẬT"
	}
	return 0, i == u.first
}

const opening, closing = "[({<【《«*“\"「", "])}>】》»*”\"」"

// afterPrefixes skips what stands before a tag: blanks, reply prefixes, other tags, marks of haste. opened tells that
// a bracket was opened directly before stop.
func (u *unit) afterPrefixes(l *line, at, stop int) (end int, opened bool) {
	for at < stop {
		r, n := utf8.DecodeRuneInString(l.text[at:])
		switch {
		case strings.ContainsRune(opening, r):
			if close := strings.IndexAny(l.text[at+n:], closing); close >= 0 && at+n+close < stop && r != '*' {
				_, m := utf8.DecodeRuneInString(l.text[at+n+close:])
				at += n + close + m
				continue
			}
			opened = true
			at += n
		case wordKind(r) == 0:
			at += n
		default:
			k := tokenAt(l, at)
			if k < 0 {
				return at, opened
			}
			if isNumber(l.toks[k].word) && k == 0 && !opened && (strings.HasPrefix(l.gapBetween(0, 1), ". ") || strings.HasPrefix(l.gapBetween(0, 1), ") ")) {
				at = l.toks[k].end // "1. MẬT"
				continue
			}
			skip := u.prefixAt(l, k)
			if n, _ := u.d.foreignWords.at(l.text, l.toks, k, true); opened && n > skip && strings.TrimSpace(l.gapBetween(k+n-1, k+n)) == "/" {
				skip = n // "[CONFIDENTIAL/MẬT]"
			}
			if n, _ := u.d.ties.at(l.text, l.toks, k, !l.vietnamese); opened && n > 0 && markAt(l, k+n) != nil {
				skip = n // "[DẤU MẬT]"
			}
			if skip == 0 || l.toks[k+skip-1].end > stop {
				return at, opened
			}
			at = l.toks[k+skip-1].end
		}
	}
	return at, opened
}

// prefixAt is how many tokens at k make a reply prefix with its colon or a mark of haste, 0 for none.
func (u *unit) prefixAt(l *line, k int) int {
	loose := !l.vietnamese
	if n, _ := u.d.prefixes.at(l.text, l.toks, k, loose); n > 0 && strings.HasPrefix(strings.TrimLeft(l.gapBetween(k+n-1, k+n), " "), ":") {
		return n
	}
	n, _ := u.d.urgency.at(l.text, l.toks, k, loose)
	return n
}

func tokenAt(l *line, at int) int {
	if k := firstFrom(l, at); k < len(l.toks) && l.toks[k].start == at {
		return k
	}
	return -1
}

// closes tells that only marks of haste, the letter or a word for the same stand before a closing bracket.
func (u *unit) closes(l *line, rest string) bool {
	at := len(l.text) - len(rest)
	end := strings.IndexAny(rest, closing)
	if end < 0 {
		return false
	}
	for k := 0; k < len(l.toks); k++ {
		t := l.toks[k]
		if t.start < at || t.start >= at+end {
			continue
		}
		n, _ := u.d.urgency.at(l.text, l.toks, k, !l.vietnamese)
		if f, _ := u.d.foreignWords.at(l.text, l.toks, k, true); f > n {
			n = f
		}
		if n == 0 && len(t.word) > 1 {
			return false
		}
		k += max(n, 1) - 1
	}
	return true
}

func (u *unit) bracketScore(c candidate) float64 {
	switch {
	case c.form == plain && c.single && c.style == lower:
		return tagBracketed
	case c.form == near:
		return tagEnd
	}
	return tagScore
}

// separated tells that the level is cut off from what follows: by a colon, a slash, a bar or a dash, perhaps behind a
// mark of haste.
func (u *unit) separated(l *line, c candidate) bool {
	k := c.last
	for {
		gap := l.gapBetween(k, k+1)
		trimmed := strings.TrimLeft(gap, " *)]”\"")
		spaced := len(gap) > 0 && gap[0] == ' '
		switch {
		case trimmed == "":
		case strings.ContainsAny(trimmed[:1], ":/|;_=~#"), symbol(trimmed), strings.HasPrefix(trimmed, "–"), strings.HasPrefix(trimmed, "—"), strings.HasPrefix(trimmed, "//"):
			return k == c.last || !strings.HasPrefix(trimmed, ";")
		case (trimmed[0] == '.' || trimmed[0] == '!') && k == c.last && c.form == exact && (c.style == caps || c.style == title && u.kind == Subject):
			return true
		case strings.HasPrefix(trimmed, "(") && c.style != lower && u.letterBehind(l, c, k+1):
			return true
		case trimmed[0] == '-' && (spaced || strings.HasPrefix(trimmed, "- ") || strings.HasPrefix(trimmed, "--")):
			return true
		}
		n, _ := u.d.urgency.at(l.text, l.toks, k+1, !l.vietnamese)
		if n == 0 || strings.Trim(gap, " ,-+/&.") != "" {
			return false
		}
		k += n
	}
}

// symbol tells a sign that is no punctuation: "◆".
func symbol(s string) bool {
	r, _ := utf8.DecodeRuneInString(s)
	return s != "" && unicode.IsSymbol(r)
}

func prefixScore(c candidate, subject bool) float64 {
	switch {
	case c.form == plain && c.style == caps, c.form == exact && c.style != lower:
		return tagScore
	case c.form == near && c.style != lower:
		return tagEnd
	case c.form == plain && c.single:
		return tagBare
	case c.form == exact && subject && !c.single:
		return tagEnd
	}
	return tagWeak
}

// smallBehind tells a level in capitals before words that are not.
func (u *unit) smallBehind(l *line, c candidate) bool {
	return c.last+1 < len(l.toks) && blank(l.gapBetween(c.last, c.last+1)) &&
		slices.ContainsFunc(l.toks[c.last+1:], func(t token) bool { return t.style == lower && !isNumber(t.word) })
}

// nothingBehind tells a level that ends the line.
func (u *unit) nothingBehind(l *line, c candidate) bool { return decoration(l.text[c.end:]) }

// several tells a line that names another level too, beside which this one is no tag.
func (u *unit) several(l *line, c candidate) bool {
	for _, m := range l.marks {
		if m.level != c.level {
			return true
		}
	}
	return false
}

// nounTag tells a word for a document and its level in brackets before a subject: "[Văn bản mật] …".
func (u *unit) nounTag(l *line, at int, c candidate) bool {
	if at >= c.start || !u.nounBefore(l, at, c) || !u.closes(l, l.text[c.end:]) || u.d.guidance.has(l.text, l.toks[c.last+1:], !l.vietnamese) {
		return false
	}
	r, _ := utf8.DecodeLastRuneInString(strings.TrimRight(l.text[:at], " "))
	return strings.ContainsRune("[({<【《", r)
}

// nounSegment tells a word for a document directly before a level, at the octet at or behind a sign that divides.
func (u *unit) nounSegment(l *line, at int, c candidate) bool {
	n := u.d.nouns.ending(l.text, l.toks, c.first, !l.vietnamese)
	if n == 0 || !blank(l.gapBetween(c.first-1, c.first)) {
		return false
	}
	for k := c.first - n; ; { // "Dự thảo công văn Mật"
		more := u.d.nouns.ending(l.text, l.toks, k, !l.vietnamese)
		if more == 0 || !blank(l.gapBetween(k-1, k)) {
			break
		}
		n, k = n+more, k-more
	}
	begin := l.toks[c.first-n].start
	return begin == at || begin > at && dividesLeft(l.text[at:begin]) > nothing
}

// nounBefore tells that all between at and the level is a word for a document.
func (u *unit) nounBefore(l *line, at int, c candidate) bool {
	n := u.d.headingNouns.ending(l.text, l.toks, c.first, !l.vietnamese)
	return n > 0 && l.toks[c.first-n].start == at && blank(l.gapBetween(c.first-1, c.first))
}

// tagInside finds a level in brackets inside of the line or at its end, or behind a dash at its end.
func (u *unit) tagInside(l *line, c candidate) float64 {
	before := strings.TrimRight(l.text[:c.start], " ")
	r, _ := utf8.DecodeLastRuneInString(before)
	end := u.nothingBehind(l, c)
	bracketed := before != "" && strings.ContainsRune("[({【<《", r) && u.closes(l, l.text[c.end:])
	if c.form != exact && !(c.form == plain && c.style == caps) {
		if bracketed && end && !c.single {
			return tagWeak
		}
		return 0
	}
	score := 0.0
	switch {
	case bracketed && strings.ContainsRune("[【<《", r) && c.style != lower, bracketed && end && c.style != lower:
		score = tagEnd
	case bracketed && r == '[' && c.form == exact && u.kind == Subject:
		score = tagWeak
	case bracketed && end, bracketed && c.style == caps:
		score = tagBracketed
	case end && c.style == lower && u.kind == Subject && c.form == exact && c.first > 1 && (r == '-' || r == '–' || r == '—') && strings.HasPrefix(l.text[len(before):], " "):
		score = tagWeak
	case end && c.style == caps && c.form == exact && (r == '-' || r == '–' || r == '—' || r == '/' || r == '|' || r == '_' || r == ',') && strings.HasPrefix(l.text[len(before):], " "):
		score = tagEnd
	}
	if score > 0 && r != '[' && u.d.guidance.has(l.text, l.toks[:c.first], !l.vietnamese) {
		score -= spokenOf
	}
	return score
}
