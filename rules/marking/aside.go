package marking

import (
	"slices"
	"strings"
)

// proseAside is the score of a level that a text adds to a document in brackets or between commas.
const proseAside = 0.60

// inParentheses is the score of a level that is said of a document beside its name: "bản đồ mốc 12 (Tối mật)", "bản vẽ - Mật", "công văn
// số 57, độ Mật, của Ban", "hồ sơ (tài liệu mật kèm theo)".
func (u *unit) inParentheses(s sentence, c candidate, loose bool) float64 {
	start := s.first
	if n := u.d.ties.ending(s.text, s.toks, s.first, loose); n > 0 && (!c.single || c.style != lower && c.style != s.toks[s.first-n].style) {
		start -= n
	}
	noun := 0
	if start > 0 && blank(s.text[s.toks[start-1].end:s.toks[start].start]) {
		noun = u.d.headingNouns.ending(s.text, s.toks, start, loose)
		start -= noun
	}
	before := s.text[:s.toks[start].start]
	if start > 0 {
		before = s.text[s.toks[start-1].end:s.toks[start].start]
	}
	opened, comma := strings.HasSuffix(before, "("), strings.HasPrefix(before, ",") && start < s.first && noun == 0
	item, _ := u.d.nouns.at(s.text, s.toks, 0, loose)
	if strings.HasPrefix(before, ",") && start == s.first && start > 0 && s.toks[start-1].style == caps && c.style == title {
		comma = true // "Công văn số 5/BCH, Mật, …"
	}
	dashed := (item > 0 || symbolled(s)) && c.style != lower && (before == " - " || before == " – ") && s.ends()
	if !opened && !comma && !dashed {
		return 0
	}
	after := s.text[s.toks[s.last].end:]
	closed := strings.HasPrefix(after, ")")
	switch rest := strings.TrimLeft(after, " "); {
	case noun > 0 && opened: // "(văn bản mật kèm theo)", "(tài liệu mật - không phổ biến)"
		carried, _ := u.d.carried.at(s.text, s.toks, s.last+1, loose)
		if carried > 0 {
			return proseScore
		}
		if !closed && !strings.HasPrefix(rest, "-") && !strings.HasPrefix(rest, "–") && !strings.HasPrefix(rest, ",") {
			return 0
		}
	case opened && !closed && !(item > 0 && (strings.HasPrefix(rest, ",") || strings.HasPrefix(rest, ";"))), comma && rest != "" && strings.IndexByte(",.;)", rest[0]) < 0:
		return 0
	case c.style == lower && item == 0 && (c.single || start == s.first):
		return 0
	}
	if !dashed && u.denied(s.text, s.toks[:start], loose) || u.d.guidance.has(s.text, s.toks[:start], loose) || u.question(s) || u.counted(s) ||
		noun == 0 && u.sentenceHas(u.d.deniedAfter, s.text, s.toks[s.last+1:s.clause()], loose) {
		return 0
	}
	switch {
	case noun > 0:
		return proseScore
	}
	if u.kind == Subject && !comma && (closed || !opened) {
		return 0 // a tag
	}
	switch {
	case c.style == caps && opened && anySmall(s):
		return proseAside
	case symbolled(s), u.namesDocument(s.text, s.toks[:start], loose), u.d.things.has(s.text, s.toks[:start], loose) && u.d.pointing.has(s.text, s.toks[:start], loose):
		return proseAside
	}
	return 0
}

// symbolled tells a sentence that begins with a document's number and symbol: "45/SNN - …".
func symbolled(s sentence) bool {
	return len(s.toks) > 1 && isNumber(s.toks[0].word) && s.toks[1].style == caps && strings.ContainsAny(s.text[s.toks[0].end:s.toks[1].start], "/-")
}

// anySmall tells a sentence with a word that is not in capitals.
func anySmall(s sentence) bool {
	return slices.ContainsFunc(s.toks, func(t token) bool { return t.style != caps && !isNumber(t.word) })
}

// counted tells a number behind a level in brackets: "Tài liệu (Mật): 12".
func (u *unit) counted(s sentence) bool {
	k := s.last + 1
	return k < len(s.toks) && isNumber(s.toks[k].word) && strings.Contains(s.text[s.toks[s.last].end:s.toks[k].start], ":")
}

// english tells a word for a document behind a level, as English puts it, in a word that is no Vietnamese one.
func (u *unit) english(s sentence) bool {
	k := s.last + 1
	if k >= len(s.toks) || syllableLike(s.toks[k].plain) || strings.Trim(s.text[s.toks[s.last].end:s.toks[k].start], " \"”'’)") != "" {
		return false
	}
	n, _ := u.d.nouns.at(s.text, s.toks, k, false)
	return n > 0
}
