package marking

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Scores of foreign banners, before they are capped.
const (
	bannerScore  = 0.90
	bannerTitle  = 0.40 // not in capitals
	portionScore = 0.85
	portionMarks = 2 // of a text, at least
)

// banners finds the banners of other states: a line of their own, before "//" or a colon, or at the beginning of a
// subject. They are compared in their own letters.
func (u *unit) banners(i, at int, v *evidence) {
	l := u.line(i)
	u.portions(l, at, v)
	toks := l.toks
	text := l.text
	if l.raw != l.text {
		text, toks = l.raw, tokens(l.raw)
	}
	for k, t := range toks {
		if hasHan(t.word) {
			u.han(i, at, text, t, v)
			continue
		}
		n, index := u.d.foreignWords.at(text, toks, k, false)
		if n == 0 {
			continue
		}
		if k > 0 && !u.bannerBegins(text[:t.start], i) {
			break
		}
		if score := u.bannerScore(i, text, toks, k, n, u.d.foreign[index].Begin); score > 0 {
			v.add(Evidence{Class: Banner, Level: Other, Score: score, Offset: int64(at), Hold: true})
		}
		break
	}
}

// bannerBegins tells that nothing before a banner matters: decoration, reply prefixes, "CLASSIFIED:".
func (u *unit) bannerBegins(before string, i int) bool {
	if decoration(before) {
		return true
	}
	for _, t := range tokens(before) {
		switch {
		case t.word == "classified" && t.style == caps, t.word == "classification":
		case i == u.first && u.kind == Subject:
			if n, _ := u.d.prefixes.at(before, []token{t}, 0, true); n == 0 {
				return false
			}
		default:
			return false
		}
	}
	return true
}

func (u *unit) bannerScore(i int, text string, toks []token, k, n int, begin bool) float64 {
	big := true
	for _, t := range toks[k : k+n] {
		big = big && (t.style == caps || !cased(t.word) || begin && cyrillic(t.word)) // "Сов. секретно", as it is written
	}
	rest := text[toks[k+n-1].end:]
	trimmed := strings.TrimLeft(rest, " ")
	own := decoration(rest)
	score := 0.0
	switch {
	case !begin && !strings.HasPrefix(rest, "//"):
		return 0
	case strings.HasPrefix(rest, "//"), own && (u.kind != Subject || begin):
		score = bannerScore
	case i == u.first && begin && (strings.HasPrefix(trimmed, ":") || strings.HasPrefix(trimmed, "- ") || strings.HasPrefix(trimmed, "–") ||
		strings.HasPrefix(rest, "]") || strings.HasPrefix(rest, ")") || strings.HasPrefix(trimmed, "/")):
		score = bannerScore
	case u.bannerColon(text[:toks[k].start]):
		score = bannerScore
	}
	switch {
	case score == 0 || big:
		return score
	case n > 1 && (strings.HasPrefix(rest, "]") || own):
		return bannerTitle
	}
	return 0
}

// bannerColon tells a banner that is the value of "CLASSIFIED:" or "CLASSIFICATION:".
func (u *unit) bannerColon(before string) bool {
	before = strings.TrimRight(before, " *")
	return strings.HasSuffix(before, ":") && strings.Contains(strings.ToLower(before), "classifi")
}

func cased(w string) bool {
	return strings.ContainsFunc(w, func(r rune) bool { return unicode.ToUpper(r) != r })
}

func cyrillic(w string) bool {
	r, _ := utf8.DecodeRuneInString(w)
	return unicode.Is(unicode.Cyrillic, r)
}

func hasHan(w string) bool {
	r, _ := utf8.DecodeRuneInString(w)
	return unicode.Is(unicode.Han, r)
}

// han finds a Chinese or Japanese level: a line of its own, or before the star and the years of its protection.
func (u *unit) han(i, at int, text string, t token, v *evidence) {
	word, rest := t.word, text[t.end:]
	for _, f := range u.d.foreign {
		if !hasHan(f.Text) || !strings.HasPrefix(word, f.Text) {
			continue
		}
		behind := strings.TrimLeft(word[len(f.Text):]+rest, " ")
		star := strings.HasPrefix(behind, "★") || strings.HasPrefix(behind, "☆")
		tagged := i == u.first && (strings.HasPrefix(behind, "】") || strings.HasPrefix(behind, "]") || strings.HasPrefix(behind, ":"))
		if (star || tagged || decoration(behind)) && decoration(text[:t.start]) {
			v.add(Evidence{Class: Banner, Level: Other, Score: bannerScore, Offset: int64(at), Hold: true})
		}
	}
}

// portions counts paragraphs that begin with a portion mark: (S), (TS), (S//NF).
func (u *unit) portions(l *line, at int, v *evidence) {
	s := strings.TrimLeft(l.raw, " \t*-•.0123456789")
	for _, mark := range []string{"(S)", "(TS)", "(S//", "(TS//"} {
		if strings.HasPrefix(s, mark) {
			u.portion++
			if u.portion >= portionMarks {
				v.add(Evidence{Class: Portion, Level: Other, Score: portionScore, Offset: int64(at), Hold: true})
			}
			return
		}
	}
}
