package marking

import (
	"strings"
)

// Scores of sentences.
const (
	proseScore     = 0.65
	proseCaps      = 0.70 // with a capital: as a level is written
	proseGuidance  = 0.40 // less, in a text about secrecy
	nounNumbered   = 0.80 // "công văn mật số 27"
	nounPlain      = 0.65 // "cong van mat so 27"
	nounCaps       = 0.70 // "văn bản MẬT" in a line of small letters
	maxSentence    = 60   // words that are looked at on either side
	wrappedAt      = 50   // octets from which a line may go on in the next
	wrappedUpTo    = 300  // octets up to which it may: mail programs wrap at 78 letters
	sentenceWithin = 2    // lines that a sentence goes on over, at most, on either side
)

// sentence is the words around a level.
type sentence struct {
	text  string
	toks  []token
	first int // the level's first and last token
	last  int
}

// sentence joins a candidate's line with those that it goes on over, and cuts out the sentence.
func (u *unit) sentence(i int, c candidate) sentence {
	j := u.joinedLine(i)
	s := sentence{text: j.text, toks: j.toks, first: min(j.at+c.first, len(j.toks)-1)}
	s.last = min(s.first+c.last-c.first, len(s.toks)-1)
	return s.cut()
}

// prose finds a sentence that says of one document that it is secret.
func (u *unit) prose(i int, c candidate) (Class, float64) {
	l := u.line(i)
	loose := !l.vietnamese
	if c.form == plain && loose && u.loose(i) {
		return u.plainProse(i, c)
	}
	if c.form != exact {
		return Prose, 0
	}
	if !u.maySay(l, c, loose) {
		return Prose, 0
	}
	s := u.sentence(i, c)
	if score := u.inParentheses(s, c, loose); score > 0 && !u.guiding(i) {
		return Prose, score
	}
	noun := u.nounAt(s, c, loose)
	declared := u.d.declared.ending(s.text, s.toks, s.first, loose)
	if noun < 0 && declared == 0 && c.style != lower && u.english(s) && !u.denied(s.text, s.toks[:s.first], loose) {
		return Prose, proseScore // 'the "Tối mật" document'
	}
	if noun < 0 && declared == 0 && !(s.first > 1 && (s.toks[s.first-1].word == "là" || s.toks[s.first-1].word == "này")) {
		return Prose, 0
	}
	if noun < 0 && declared == 0 && u.pointedAt(s, s.first, loose) && u.nounPointed(s, loose) && s.says() && !u.question(s) &&
		!u.denied(s.text, s.toks[:s.first], loose) {
		return Prose, proseScore // "file này mật, …"
	}
	if is := s.first - 1; noun < 0 && is > 0 && s.toks[is].word == "là" && u.pointedAt(s, is, loose) && s.says() && !u.question(s) {
		return Prose, proseScore // "báo cáo này là mật nhé"
	}
	if noun < 0 && (declared == 0 || enumerated(l, c) || u.choice(l, c)) {
		return Prose, 0
	}
	if declared > 0 && s.toks[s.first-declared].plain == "bi" && !u.d.pointing.has(s.text, s.toks[:s.first], loose) {
		return Prose, 0 // of a list's kinds, and of no document
	}
	// What is denied behind a comma is what is to be done with the document.
	before := s.toks[:s.first]
	if noun >= 0 {
		before = s.toks[:noun]
	}
	if u.denied(s.text, before, loose) || u.question(s) {
		return Prose, 0
	}
	end := s.clause()
	if declared > 0 || noun > 0 && s.toks[noun-1].word == "là" {
		end = min(end, u.requestFrom(s, loose))
	}
	if numbered := noun >= 0 && u.numbered(s); !numbered && u.sentenceHas(u.d.deniedAfter, s.text, s.toks[s.last+1:end], loose) {
		return Prose, 0
	}
	class, score := u.said(s, c, noun, declared > 0, loose)
	if score > 0 && u.guiding(i) {
		score -= proseGuidance
	}
	return class, score
}

// enumerated tells a level in a list of them: "Tuyệt mật; Tối mật; Mật".
func enumerated(l *line, c candidate) bool {
	for _, m := range l.marks {
		first, second := c, m
		if m.first < c.first {
			first, second = m, c
		}
		if m.level == c.level || first.last+1 != second.first {
			continue
		}
		switch strings.TrimSpace(l.text[first.end:second.start]) {
		case ";", ",", "/", "|":
			return true
		}
	}
	return false
}

// ends tells that a clause ends with the level.
func (s sentence) ends() bool {
	if s.last+1 >= len(s.toks) {
		return true
	}
	gap := strings.TrimSpace(s.text[s.toks[s.last].end:s.toks[s.last+1].start])
	return gap != "" && strings.ContainsAny(gap[:1], ",.;-)") || strings.HasPrefix(gap, "–")
}

// maySay tells a level that a sentence may be about, with one look at its own line.
func (u *unit) maySay(l *line, c candidate, loose bool) bool {
	const most = 4 // words of a document and what ties it to the level
	own := sentence{text: l.text, toks: l.toks, first: c.first, last: c.last}
	return c.first < most || l.toks[c.first-1].word == "là" || l.toks[c.first-1].word == "này" || strings.HasSuffix(strings.TrimRight(l.text[:c.start], " "), "-") || strings.HasSuffix(strings.TrimRight(l.text[:c.start], " "), ",") || l.text[c.start-1] == '(' || u.nounAt(own, c, loose) >= 0 || u.d.ties.ending(l.text, l.toks, c.first, loose) > 0 ||
		u.english(own) || u.d.declared.ending(l.text, l.toks, c.first, loose) > 0
}

// said is the class and score of a sentence that denies nothing.
func (u *unit) said(s sentence, c candidate, noun int, declared, loose bool) (Class, float64) {
	if noun >= 0 && u.numbered(s) {
		return NounLevel, nounNumbered
	}
	// "12 văn bản mật" and "các văn bản mật" are statistics and rules, unless they come with this mail.
	plural := noun > 0 && (isPlural(s.toks[noun-1].word) || isNumber(s.toks[noun-1].word) && strings.TrimLeft(s.toks[noun-1].word, "0") != "1")
	if declared && noun < 0 {
		plural = u.severalBefore(s, loose)
	}
	if k := s.first - u.d.declared.ending(s.text, s.toks, s.first, loose); declared && c.style == caps && (s.toks[k].word == "đã" || k > 0 && s.toks[k-1].word == "đã") {
		return Prose, proseAside // "đã đóng dấu MẬT vào đề thi"
	}
	if declared && c.style != lower && u.d.carried.has(s.text, s.toks[:s.first], loose) {
		return Prose, proseCaps // "I attach the treaty (classified as Mật)"
	}
	if declared && (noun >= 0 || u.namesDocument(s.text, s.toks[:s.first], loose)) && !plural {
		return Prose, proseCaps
	}
	if declared && c.style != lower && u.d.things.has(s.text, s.toks[:s.first], loose) && u.d.pointing.has(s.text, s.toks[:s.first], loose) {
		return Prose, proseCaps
	}
	if noun > 1 && s.toks[noun-1].word == "là" && u.pointedAt(s, noun-1, loose) {
		return Prose, proseScore
	}
	if noun < 0 {
		return Prose, 0
	}
	verb := s.last+1 < len(s.toks) && s.toks[s.last+1].word == "này" || u.d.sends.has(s.text, s.toks[:noun], loose) || u.d.carried.has(s.text, s.toks[s.last+1:], loose)
	if plural {
		verb = u.carries(s, noun, loose)
	}
	switch {
	case c.style == caps && u.mixed(s) && !plural:
		return NounLevel, nounCaps
	case verb && c.style != lower:
		return Prose, proseCaps
	case verb:
		return Prose, proseScore
	case c.style != lower && !plural && s.begins(noun) && s.ends() && (noun > 0 || s.last+1 < len(s.toks)):
		return Prose, proseAside // "Ghi chú: nội dung Mật, …"
	}
	return Prose, 0
}

// namesDocument tells a word for a document among the tokens.
func (u *unit) namesDocument(text string, toks []token, loose bool) bool {
	for k := 0; k < len(toks); k++ {
		if n, _ := u.d.notNouns.at(text, toks, k, loose); n > 0 {
			k += n - 1
			continue
		}
		if n, _ := u.d.nouns.at(text, toks, k, loose); n > 0 {
			return true
		}
	}
	return false
}

// nounPointed tells "file này": a word for a document and "này" directly before the level.
func (u *unit) nounPointed(s sentence, loose bool) bool {
	return s.first > 1 && s.toks[s.first-1].word == "này" && u.d.nouns.ending(s.text, s.toks, s.first-1, loose) > 0
}

// severalBefore tells that the last document named before a level is several: "35 hồ sơ có dấu mật".
func (u *unit) severalBefore(s sentence, loose bool) bool {
	for k := s.first - 1; k > 0; k-- {
		if n, _ := u.d.nouns.at(s.text, s.toks, k, loose); n > 0 {
			return isPlural(s.toks[k-1].word) || isNumber(s.toks[k-1].word) && strings.TrimLeft(s.toks[k-1].word, "0") != "1"
		}
	}
	return false
}

// carries tells that what is spoken of comes with this mail: "gửi kèm", or sent to somebody, "chuyển chị".
func (u *unit) carries(s sentence, noun int, loose bool) bool {
	if u.d.carried.has(s.text, s.toks[:noun], loose) || u.d.carried.has(s.text, s.toks[s.last+1:], loose) {
		return true
	}
	for k := range noun {
		if n, _ := u.d.sends.at(s.text, s.toks, k, loose); n > 0 && k+n < noun && u.titleAt(s, k+n, loose) {
			return true
		}
	}
	return false
}

func (u *unit) titleAt(s sentence, k int, loose bool) bool {
	n, _ := u.d.titles.at(s.text, s.toks, k, loose)
	return n > 0
}

// plainProse finds a document, its level and its number where nothing has its diacritics: "cong van mat so 27".
func (u *unit) plainProse(i int, c candidate) (Class, float64) {
	s := u.sentence(i, c)
	noun := u.nounAt(s, c, true)
	if noun < 0 || !u.numbered(s) || u.denied(s.text, s.toks[:noun], true) || u.question(s) {
		return Prose, 0
	}
	return NounLevel, nounPlain
}

// pointedAt tells that the words before token end are one document: "văn bản này", "tài liệu số 2".
func (u *unit) pointedAt(s sentence, end int, loose bool) bool {
	if u.d.pointing.ending(s.text, s.toks, end, loose) > 0 {
		return true
	}
	return end > 1 && isNumber(s.toks[end-1].word) && s.toks[end-2].plain == "so" && u.d.nouns.ending(s.text, s.toks, end-2, loose) > 0
}

// nounAt is the token of the word for a document directly before the level, or before what ties the two; -1 for none.
func (u *unit) nounAt(s sentence, c candidate, loose bool) int {
	at := s.first
	if n := u.d.shortNouns.ending(s.text, s.toks, at, loose); n > 0 && c.style != lower && s.toks[at-n].style == caps && (u.numbered(s) || c.style == caps && u.mixed(s)) {
		return at - n // "BC Mật 31/BC-KTNN"
	}
	if at > 0 && !nounGap(s.text[s.toks[at-1].end:s.toks[at].start]) {
		return -1
	}
	if n := u.d.ties.ending(s.text, s.toks, at, loose); n > 0 {
		at -= n
	}
	if n := u.d.nouns.ending(s.text, s.toks, at, loose); n > 0 {
		if u.d.notNouns.ending(s.text, s.toks, at, loose) > n {
			return -1
		}
		return at - n
	}
	if (c.style == caps || !c.single) && at == s.first {
		if n := u.d.capsNouns.ending(s.text, s.toks, at, loose); n > 0 {
			return at - n
		}
	}
	return -1
}

func nounGap(gap string) bool {
	switch strings.TrimSpace(gap) {
	case "", "“", "\"", "(", "'":
		return true
	}
	return false
}

func isPlural(w string) bool {
	switch w {
	case "các", "những", "mọi", "nhiều", "cac", "nhung":
		return true
	}
	return false
}
