package impersonation

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// maxRunes is how much of a display name is looked at, in characters that show; no mail program shows more.
const maxRunes = 256

// word is one word of a display name.
type word struct {
	plain     string // small ASCII letters; others as they are
	accented  string // with its Vietnamese marks, the tone at the end, wherever it was written; equal to plain without marks
	caps      bool   // all capitals
	comma     bool   // a comma follows
	given     bool   // of an official: the last of the name
	disguised bool   // has letters of other alphabets among Latin ones, invisible characters or marks that Vietnamese does not have
}

// The marks of Vietnamese after NFD: those that make another vowel, and the tones.
const (
	breve, circumflex, horn            = '\u0306', '\u0302', '\u031b'
	grave, acute, tilde, hook, dotDown = '\u0300', '\u0301', '\u0303', '\u0309', '\u0323'
)

// separators between the parts of a display name; a comma is no such, for "Nguyen, Van An" is one name.
const separators = "()[]{}<>\"“”„«»|;:/\\•·–—@=*~"

// parts are the words of a display name in the parts that brackets, dashes and the like make of it. An empty part stands for nothing.
func parts(display string) [][]word {
	out := [][]word{nil}
	var w wordMaker
	end := func() {
		if x, ok := w.word(); ok {
			out[len(out)-1] = append(out[len(out)-1], x)
		}
		w = wordMaker{}
	}
	split := func() {
		end()
		if len(out[len(out)-1]) > 0 {
			out = append(out, nil)
		}
	}
	last := ' '
	text := []rune(norm.NFD.String(norm.NFKC.String(visibleStart(display))))
	for i, r := range text {
		if unseen(r) {
			w.hidden = w.hidden || len(w.runes) > 0
			continue
		}
		switch {
		case unicode.IsLetter(r), unicode.IsMark(r), unicode.IsDigit(r), r >= 0x1F130 && r < 0x1F18A, lookAlike(r) != 0:
			w.add(r)
		case r == '\'' || r == '’' || r == '‘' || r == '`': // H'Hen
		case strings.ContainsRune(separators, r), r == '-' && (unicode.IsSpace(last) || i+1 < len(text) && unicode.IsSpace(text[i+1])):
			split()
		case r == ',':
			end()
			if k := len(out) - 1; len(out[k]) > 0 {
				out[k][len(out[k])-1].comma = true
			}
		default:
			end()
		}
		last = r
	}
	end()
	return out
}

// visibleStart is as much of a display name as can matter, without the cost of normalising the rest.
func visibleStart(s string) string {
	n := 0
	for i, r := range s {
		if unseen(r) {
			continue
		}
		if n++; n > maxRunes {
			return s[:i]
		}
	}
	return s
}

// wordMaker takes the characters of a word.
type wordMaker struct {
	runes  []rune
	hidden bool
	broken bool // an invisible character stands between two letters
}

func (w *wordMaker) add(r rune) {
	w.broken = w.broken || w.hidden
	w.runes = append(w.runes, r)
}

// word is what was taken; ok is false for numbers and nothing.
func (w *wordMaker) word() (out word, ok bool) {
	var base, marked, tones []rune
	latin, alien, lower := false, false, false
	out.disguised = w.broken
	for _, r := range w.runes {
		p, other := plain(r)
		switch {
		case p == 0: // a mark
			switch r {
			case breve, circumflex, horn:
				marked = append(marked, r)
			case grave, acute, tilde, hook, dotDown:
				tones = append(tones, r)
			default:
				out.disguised = true
			}
			continue
		case r == 'đ' || r == 'Đ':
			base, marked = append(base, 'd'), append(marked, 'đ')
		case barred(r) != 0:
			base, marked, out.disguised = append(base, p), append(marked, p), true
		default:
			base, marked = append(base, p), append(marked, p)
		}
		latin = latin || unicode.Is(unicode.Latin, r) && !other
		alien = alien || other
		lower = lower || unicode.IsLower(r)
	}
	out.disguised = out.disguised || alien
	out.plain = vowelY(trimNumber(string(base)))
	out.accented = vowelY(trimNumber(string(marked))) + string(tones)
	out.caps = !lower && latin
	return out, strings.ContainsFunc(out.plain, unicode.IsLetter)
}

// trimNumber takes the number away that tells one of a name from another: "an2".
func trimNumber(s string) string {
	if t := strings.TrimRight(s, "0123456789"); len(t) > 1 {
		return t
	}
	return s
}

// vowelY writes i for a y at the end that follows no vowel, which people write as they like: Lý and Lí, Quý and Quí.
func vowelY(s string) string {
	t, ok := strings.CutSuffix(s, "y")
	before, _ := utf8.DecodeLastRuneInString(t)
	if !ok || t == "" || !strings.HasSuffix(t, "qu") && (strings.ContainsRune("aeou", before) || unicode.Is(unicode.Mn, before)) {
		return s
	}
	return t + "i"
}
