package marking

import (
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"congthu/rules/pack"
)

// form is how much of a level's name is there.
type form uint8

const (
	noForm form = iota
	plain       // no diacritics
	near        // a mark is lost, by typing or by character recognition
	exact
)

// syllable is one word of a level's name in its forms.
type syllable struct {
	exact, plain string
	near         []string
	forms        []string // all of them
	letters      int
}

// name is a level's name.
type name struct {
	level     Level
	letter    string // in the circle on an envelope, lower case
	shorts    []string
	syllables []syllable
}

// called tells a letter or a short form that stands for the name in a level field.
func (n name) called(w string) bool {
	return n.letter != "" && n.letter == w || slices.Contains(n.shorts, w)
}

func newName(l pack.Level) name {
	n := name{level: Level(l.Level), letter: strings.ToLower(l.Letter), shorts: l.Shorts}
	for _, w := range newPhrase(l.Name, 0).exact {
		n.syllables = append(n.syllables, newSyllable(w))
	}
	return n
}

func newSyllable(w string) syllable {
	s := syllable{exact: w, plain: unmarked(w), letters: utf8.RuneCountInString(w)}
	runes := []rune(w)
	for i, r := range runes {
		marked := []rune(norm.NFD.String(string(r)))
		if len(marked) != 3 { // a letter and two marks: one may be lost
			continue
		}
		for _, kept := range marked[1:] {
			other := norm.NFC.String(string(runes[:i]) + string([]rune{marked[0], kept}) + string(runes[i+1:]))
			s.near = append(s.near, spelling(other))
		}
	}
	s.forms = append([]string{s.exact, s.plain}, s.near...)
	return s
}

func (s syllable) match(w string) form {
	switch w {
	case s.exact:
		return exact
	case s.plain:
		return plain
	}
	for _, n := range s.near {
		if w == n {
			return near
		}
	}
	// Character recognition takes I for l.
	if strings.HasSuffix(s.exact, "i") && strings.HasSuffix(w, "l") {
		if f := s.match(w[:len(w)-1] + "i"); f != noForm {
			return near
		}
	}
	return noForm
}

// glued matches a name written without blanks.
func (n name) glued(w string) form {
	f := noForm
	for i, s := range n.syllables {
		best := noForm
		rest := ""
		if w == "" || s.exact[0] < utf8.RuneSelf && w[0] != s.plain[0] {
			return noForm
		}
		for _, v := range s.forms {
			if r, ok := strings.CutPrefix(w, v); ok {
				best, rest = s.match(v), r
				break
			}
		}
		if best == noForm {
			return noForm
		}
		f, w = together(f, best, i == 0), rest
	}
	if w != "" {
		return noForm
	}
	return f
}

// together is the form of a name of which two parts have these forms.
func together(a, b form, first bool) form {
	switch {
	case first || a == b:
		return b
	case a == noForm || b == noForm:
		return noForm
	}
	return near
}

// maxMarks is how many levels of one line are looked at; none that is real has so many.
const maxMarks = 32

// candidate is a level's name in a line.
type candidate struct {
	level       Level
	letter      string
	first, last int // tokens
	start, end  int // in the line's text
	form        form
	style       style
	single      bool // a name of one syllable, which compounds are made of
	vetoed      bool // part of another word
	alone       known
}

// candidates finds the names of levels in a line.
func (d *Detector) candidates(l *line) []candidate {
	var out []candidate
	for i := 0; i < len(l.toks); i++ {
		for _, n := range d.names {
			k, f := n.at(l, i)
			if f == noForm {
				continue
			}
			c := candidate{level: n.level, letter: n.letter, first: i, last: i + k - 1, start: l.toks[i].start,
				end: l.toks[i+k-1].end, form: f, single: len(n.syllables) == 1}
			c.style = l.toks[i].style
			for _, t := range l.toks[i : i+k] {
				if c.style == caps && t.style != caps {
					c.style = title
				}
			}
			if !d.compound(l, c) {
				if len(out) == maxMarks {
					l.crowded = true
					return out
				}
				out = append(out, c)
			}
			i += k - 1
			break
		}
	}
	return out
}

// at matches a name at token i: how many tokens it takes and in which form it is there.
func (n name) at(l *line, i int) (int, form) {
	if len(n.syllables) > 1 {
		if f := n.glued(l.toks[i].word); f != noForm {
			return 1, f
		}
	}
	f := noForm
	for k, s := range n.syllables {
		if i+k >= len(l.toks) {
			return 0, noForm
		}
		m := s.match(l.toks[i+k].word)
		if m == noForm || k > 0 && !within(l, i+k) {
			return 0, noForm
		}
		f = together(f, m, k == 0)
	}
	return len(n.syllables), f
}

// within tells that token k may go on a name that began before it: "TỐI MẬT", "TỐI_MẬT", and in capitals "TỐI.MẬT",
// "TUYỆT - MẬT".
func within(l *line, k int) bool {
	gap := l.gapBetween(k-1, k)
	if blank(gap) {
		return true
	}
	sign := strings.TrimSpace(gap)
	return l.toks[k-1].style == caps && l.toks[k].style == caps && len(gap) <= maxSpacing && (gap == "." || sign == "-" || sign == "–")
}
