package marking

import "strings"

// A Vietnamese syllable without its diacritics: these before the vowels, these behind.
const (
	onsets = " b c ch d g gh gi h k kh l m n ng ngh nh p ph q qu r s t th tr v x "
	codas  = " c ch i m n ng nh o p t u y "
)

// syllableLike tells a word without diacritics that may be Vietnamese: "quan", "nghiem", not "annual".
func syllableLike(w string) bool {
	first := strings.IndexAny(w, "aeiouy")
	if first < 0 || first > 3 || len(w) > 7 || first > 0 && !strings.Contains(onsets, " "+w[:first]+" ") {
		return false
	}
	end := first
	for end < len(w) && strings.IndexByte("aeiouy", w[end]) >= 0 {
		end++
	}
	vowels, coda := w[first:end], w[end:]
	switch vowels {
	case "ea", "ee", "ou", "aa", "ii", "uu", "ei", "ae", "iou", "eau":
		return false
	}
	return len(vowels) <= 3 && (coda == "" || strings.Contains(codas, " "+coda+" "))
}

// sounds tells that the words beside a level without diacritics sound Vietnamese, half of them at least: "MAT: Mean
// annual temperature" is no level. A line without other words does.
func (d *Detector) sounds(l *line, c candidate) bool {
	words, like := 0, 0
	for k, t := range l.toks {
		if k >= c.first && k <= c.last || len(t.word) < 2 || isNumber(t.word) {
			continue
		}
		words++
		if t.word != t.plain || syllableLike(t.plain) {
			like++
		}
	}
	return 2*like >= words
}

// quotedWord tells a level in quotation marks that a sentence goes on behind: '"Mật" trong câu này'.
func (u *unit) quotedWord(l *line, c candidate) bool {
	k := c.last + 1
	return k < len(l.toks) && l.toks[k].style == lower && !isNumber(l.toks[k].word) && strings.IndexAny(strings.TrimLeft(l.gapBetween(c.last, k), " "), "”\"»」") == 0
}

// defined tells a level in quotation marks that the line explains: "“Mật” là bí mật nhà nước …".
func (u *unit) defined(l *line, c candidate) bool {
	k := c.last + 1
	if k >= len(l.toks) || !strings.ContainsAny(l.gapBetween(c.last, k), "”\"»」") {
		return false
	}
	w := l.toks[k].word
	return w == "là" || w == "gồm" || w == "nghĩa" || w == "được"
}
