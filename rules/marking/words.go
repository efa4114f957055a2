package marking

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// token is a word or a number of a line.
type token struct {
	word       string // lower case, tones where the newer spelling puts them
	plain      string // and without its diacritics
	start, end int    // in the line's text
	style      style
}

// style is how a word is written.
type style uint8

const (
	lower style = iota // no capital at its beginning
	title              // one
	caps               // no small letter
)

// tokens splits a text into words and numbers.
func tokens(s string) []token {
	out := make([]token, 0, len(s)/6+1) // about the length of a word and its blank
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		kind := wordKind(r)
		if kind == 0 || kind == 3 {
			i += n
			continue
		}
		end := i + n
		for end < len(s) {
			r, n := utf8.DecodeRuneInString(s[end:])
			if k := wordKind(r); k != kind && k != 3 {
				break
			}
			end += n
		}
		raw := s[i:end]
		word := spelling(strings.ToLower(raw))
		out = append(out, token{word: word, plain: unmarked(word), start: i, end: end, style: styleOf(raw)})
		i = end
	}
	return out
}

// wordKind is 1 for letters, 2 for digits, 3 for marks on them, 0 for what stands between words.
func wordKind(r rune) int {
	switch {
	case r < utf8.RuneSelf:
		switch {
		case r|0x20 >= 'a' && r|0x20 <= 'z':
			return 1
		case r >= '0' && r <= '9':
			return 2
		}
		return 0
	case unicode.IsLetter(r):
		return 1
	case unicode.IsMark(r):
		return 3
	case unicode.IsDigit(r):
		return 2
	}
	return 0
}

// styleOf tells how a word is written. A small letter beyond ASCII between capitals is one too: some fonts have
// no capitals with tones.
func styleOf(w string) style {
	small, big, first := 0, 0, true
	beyond := 0
	upper := false
	for _, r := range w {
		switch {
		case unicode.IsUpper(r):
			big++
			upper = upper || first
		case unicode.IsLower(r) && r < utf8.RuneSelf:
			small++
		case unicode.IsLower(r):
			beyond++
		}
		first = false
	}
	switch {
	case big > 0 && small == 0 && (beyond == 0 || big > beyond):
		return caps
	case upper:
		return title
	}
	return lower
}

// spelling moves the tone of the endings oa, oe and uy to where the newer spelling has it.
func spelling(w string) string {
	const old, new = "oàoáoảoãoạoèoéoẻoẽoẹuỳuýuỷuỹuỵ", "òaóaỏaõaọaòeóeỏeõeọeùyúyủyũyụy"
	if len(w) < 3 {
		return w
	}
	_, n := utf8.DecodeLastRuneInString(w)
	if n == 1 || len(w) == n {
		return w
	}
	end := w[len(w)-n-1:]
	if i := strings.Index(old, end); i >= 0 {
		// The k-th pair of one list is the k-th of the other.
		k := utf8.RuneCountInString(old[:i])
		if k%2 != 0 {
			return w // the end of one pair and the beginning of another
		}
		r := []rune(new)
		return w[:len(w)-n-1] + string(r[k:k+2])
	}
	return w
}

// phrase is a sequence of words, with and without their diacritics.
type phrase struct {
	exact, plain []string
	short        []bool // behind which words a full stop stands: "сов. секретно"
	index        int    // in the list that it came from
}

func newPhrase(s string, index int) phrase {
	p := phrase{index: index}
	s = norm.NFC.String(s)
	for _, t := range tokens(s) {
		p.exact = append(p.exact, t.word)
		p.plain = append(p.plain, t.plain)
		p.short = append(p.short, strings.HasPrefix(s[t.end:], "."))
	}
	return p
}

// vocabulary is a list of phrases by the first word without its diacritics.
type vocabulary map[string][]phrase

func newVocabulary(list []string) vocabulary {
	v := vocabulary{}
	for i, s := range list {
		p := newPhrase(s, i)
		if len(p.exact) > 0 {
			v[p.plain[0]] = append(v[p.plain[0]], p)
		}
	}
	return v
}

// at is how many tokens at i make the longest phrase, and its index; 0 for none. plain lets words without
// diacritics stand for those with.
func (v vocabulary) at(text string, toks []token, i int, plain bool) (n, index int) {
	if i < 0 || i >= len(toks) {
		return 0, 0
	}
	for _, p := range v[toks[i].plain] {
		if len(p.exact) > n && p.matches(text, toks, i, plain) {
			n, index = len(p.exact), p.index
		}
	}
	return n, index
}

// ending is how many tokens make a phrase that ends before token i, 0 for none.
func (v vocabulary) ending(text string, toks []token, i int, plain bool) int {
	for n := 6; n > 0; n-- {
		if i-n < 0 {
			continue
		}
		if got, _ := v.at(text, toks, i-n, plain); got == n {
			return n
		}
	}
	return 0
}

// has tells whether a phrase stands anywhere among the tokens.
func (v vocabulary) has(text string, toks []token, plain bool) bool {
	for i := range toks {
		if n, _ := v.at(text, toks, i, plain); n > 0 {
			return true
		}
	}
	return false
}

func (p phrase) matches(text string, toks []token, i int, plain bool) bool {
	if i+len(p.exact) > len(toks) {
		return false
	}
	for k, w := range p.exact {
		t := toks[i+k]
		if t.word != w && !(plain && t.word == p.plain[k]) {
			return false
		}
		if k > 0 {
			if gap := text[toks[i+k-1].end:t.start]; !joins(gap) && !(p.short[k-1] && gap == ". ") {
				return false
			}
		}
	}
	return true
}

// joins tells what may stand between two words of one phrase.
func joins(gap string) bool {
	switch gap {
	case "", " ", "  ", "_", "-", "/", ".", "–", "’", "'":
		return true
	}
	return false
}

// blank tells a gap of one or two blanks, or a sign that joins words in names.
func blank(gap string) bool {
	switch gap {
	case "", " ", "  ", "_", "-":
		return true
	}
	return false
}
