package marking

import (
	"testing"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Every character folds to a class or a letter; what NFKC leaves as it is among the letters in other dress does too.
func TestEveryCharacterFolds(t *testing.T) {
	f := newFolds()
	for r := rune(0); r <= unicode.MaxRune; r++ {
		got := f.of(r)
		if got > foldDigit && (got < 'a' || got > 'z') {
			t.Fatalf("U+%04X folds to %d", r, got)
		}
		dress := norm.NFKC.String(string(r))
		if r < 0x2100 || r > 0x214F || len(dress) != 1 || !unicode.IsLetter(rune(dress[0])) {
			continue
		}
		if want := byte(unicode.ToLower(rune(dress[0]))); got != want {
			t.Errorf("U+%04X folds to %d, want %q", r, got, want)
		}
	}
	for r, want := range map[rune]byte{'℮': foldGap, '℗': foldGap, '℞': foldGap, 'ⅎ': foldOther, 'ℳ': 'm', '𝐌': 'm', 'Ⓜ': 'm',
		'🄼': 'm', 'Ｍ': 'm', 'Ậ': 'a', 'đ': 'd', '\u200b': foldSkip} {
		if got := f.of(r); got != want {
			t.Errorf("U+%04X folds to %d, want %d", r, got, want)
		}
	}
}
