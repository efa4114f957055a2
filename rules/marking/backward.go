package marking

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Signs between which letters are shown from right to left (UAX #9, 2.2 and 2.5).
const (
	backwardBegin = '\u202e'
	backwardEnd   = '\u202c'
)

// withBackward adds to readings those in which letters that are shown from right to left stand as they are read. Most
// texts have none.
func withBackward(readings []string) []string {
	for _, r := range readings {
		if strings.ContainsRune(r, backwardBegin) {
			readings = append(readings[:len(readings):len(readings)], turned(r))
		}
	}
	return readings
}

// turned turns the letters around that stand between the signs, or before the end of a line.
func turned(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	var run []rune
	open := false
	end := func() {
		for i := len(run); i > 0; { // marks stay behind the letters that they are on
			k := i - 1
			for k > 0 && unicode.Is(unicode.Mn, run[k]) {
				k--
			}
			b.WriteString(string(run[k:i]))
			i = k
		}
		run, open = run[:0], false
	}
	for _, r := range norm.NFC.String(s) {
		switch {
		case r == backwardBegin:
			end()
			open = true
		case open && (r == backwardEnd || r == '\n' || r == '\r' || r == '\t'):
			end()
			b.WriteRune(r)
			open = r == '\t'
		case open:
			run = append(run, r)
		default:
			b.WriteRune(r)
		}
	}
	end()
	return b.String()
}

// settled brings tones behind the marks of their letters, where a text has them the other way round: "ó" with a circumflex
// on it looks like "ố".
func settled(s string) string {
	if !strings.ContainsFunc(s, shapes) {
		return s
	}
	rs := []rune(norm.NFD.String(s))
	for i := 0; i < len(rs); i++ {
		first := i
		for i < len(rs) && unicode.Is(unicode.Mn, rs[i]) {
			i++
		}
		slices.SortStableFunc(rs[first:i], func(a, b rune) int {
			switch {
			case shapes(a) && !shapes(b):
				return -1
			case shapes(b) && !shapes(a):
				return 1
			}
			return 0
		})
	}
	return norm.NFC.String(string(rs))
}

// shapes tells the marks that make other letters: circumflex, breve, horn.
func shapes(r rune) bool { return r == 0x0302 || r == 0x0306 || r == 0x031B }
