package marking

import (
	"strings"
	"unicode/utf8"
)

// joined is a line with those that it goes on over.
type joined struct {
	text string
	toks []token
	at   int // the token that is the line's first
}

// joinedLine joins a line, once for all levels in it.
func (u *unit) joinedLine(i int) *joined {
	l := u.line(i)
	if l.joined != nil {
		return l.joined
	}
	text, at := l.text, 0
	for k := i; k > i-sentenceWithin && !u.line(k).gap; k-- {
		prev := u.line(k - 1)
		if prev == nil || !wrapped(prev.text) || endsSentence(prev.text) {
			break
		}
		text, at = prev.text+" "+text, at+len(prev.toks)
	}
	for k := i; k < i+sentenceWithin; k++ {
		next := u.line(k + 1)
		if next == nil || next.gap || !wrapped(u.line(k).text) || endsSentence(u.line(k).text) {
			break
		}
		text += " " + next.text
	}
	l.joined = &joined{text: text, toks: l.toks, at: at}
	if len(text) > len(l.text) {
		u.work.spend(len(text))
		l.joined.toks = tokens(text)
	}
	return l.joined
}

// cut leaves the sentence alone: what stands between full stops, and not too much of it.
func (s sentence) cut() sentence {
	from, to := max(0, s.first-maxSentence), min(len(s.toks), s.last+1+maxSentence)
	for k := s.first; k > from; k-- {
		if stops(s.text[s.toks[k-1].end:s.toks[k].start]) {
			from = k
		}
	}
	for k := s.last + 1; k < to; k++ {
		if stops(s.text[s.toks[k-1].end:s.toks[k].start]) {
			to = k
		}
	}
	s.toks, s.first, s.last = s.toks[from:to], s.first-from, s.last-from
	return s
}

// stops tells what ends a sentence between two words.
func stops(gap string) bool {
	return strings.ContainsAny(gap, "!?;|\t") || strings.Contains(gap, ". ") || strings.Contains(gap, "   ")
}

// wrapped tells a line that may have been cut where its sentence goes on.
func wrapped(s string) bool { return len(s) >= wrappedAt && len(s) <= wrappedUpTo }

func endsSentence(s string) bool {
	s = strings.TrimRight(s, " )”\"")
	return s != "" && strings.IndexByte(".!?:;", s[len(s)-1]) >= 0
}

// says tells a level that ends what a sentence says: "là mật nhé", "là mật nên …".
func (s sentence) says() bool {
	if s.ends() {
		return true
	}
	switch s.toks[s.last+1].word {
	case "nhé", "đấy", "nha", "đó", "ạ", "nên", "và":
		return true
	}
	return false
}

// begins tells that token k begins a clause: the sentence, or what a colon announces.
func (s sentence) begins(k int) bool {
	return k == 0 || strings.Contains(s.text[s.toks[k-1].end:s.toks[k].start], ":")
}

// requestFrom is the token behind the level from which the sentence asks for something to be done: what it denies from
// there on it does not deny of the document.
func (u *unit) requestFrom(s sentence, loose bool) int {
	for k := s.last + 1; k < len(s.toks); k++ {
		if n, _ := u.d.requests.at(s.text, s.toks, k, loose); n > 0 {
			return k
		}
	}
	return len(s.toks)
}

// denied tells words that take the sentence's point away, among them an article of law that it goes by.
func (u *unit) denied(text string, toks []token, loose bool) bool {
	for k := 0; k+1 < len(toks); k++ {
		if w := toks[k].word; (w == "điều" || w == "khoản") && isNumber(toks[k+1].word) {
			return true
		}
	}
	return u.sentenceHas(u.d.denials, text, toks, loose)
}

// sentenceHas is has without names: "Cục Quản lý" manages nothing. The first word of all has a capital anyway.
func (u *unit) sentenceHas(v vocabulary, text string, toks []token, loose bool) bool {
	for k := 0; k < len(toks); k++ {
		t := toks[k]
		if n, _ := u.d.notDenials.at(text, toks, k, loose); n > 0 {
			k += n - 1
			continue
		}
		if n, _ := v.at(text, toks, k, loose); n > 0 && (t.style != title || k == 0) {
			return true
		}
	}
	return false
}

// clause is the end of the clause that the level is in.
func (s sentence) clause() int {
	for k := s.last + 1; k < len(s.toks); k++ {
		if strings.ContainsAny(s.text[s.toks[k-1].end:s.toks[k].start], ",") {
			return k
		}
	}
	return len(s.toks)
}

// question tells a sentence that ends in a question mark.
func (u *unit) question(s sentence) bool {
	if len(s.toks) == 0 {
		return false
	}
	rest := s.text[s.toks[len(s.toks)-1].end:]
	r, _ := utf8.DecodeRuneInString(strings.TrimLeft(rest, " ”\")"))
	return r == '?'
}

// numbered tells "số" or "số:" and digits behind the level.
func (u *unit) numbered(s sentence) bool {
	k := s.last + 1
	if k >= len(s.toks) || strings.TrimSpace(s.text[s.toks[k-1].end:s.toks[k].start]) != "" {
		return false
	}
	if isNumber(s.toks[k].word) {
		// "công văn mật 14/BTNMT": a symbol behind it, or it is a count
		return strings.HasPrefix(s.text[s.toks[k].end:], "/") || strings.HasPrefix(s.text[s.toks[k].end:], "-")
	}
	return (s.toks[k].plain == "so" || s.toks[k].word == "no") && s.toks[k].word != "sổ" && k+1 < len(s.toks) && isNumber(s.toks[k+1].word)
}

// mixed tells a sentence of small letters, in which capitals mean something.
func (u *unit) mixed(s sentence) bool {
	small := 0
	for _, t := range s.toks {
		if t.style == lower && !isNumber(t.word) {
			small++
		}
	}
	return small >= 2
}
