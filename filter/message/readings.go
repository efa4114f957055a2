package message

import (
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/transform"
)

const (
	// minGain is how much the share of plausible syllables must rise before a text gets another reading.
	minGain = 0.02
	// maxSample is how many octets of a text are looked at to find its charset.
	maxSample = 32 << 10
)

// Reading is one way to read a text.
type Reading struct {
	Text    string // UTF-8 in NFC
	Charset string // lower case; "utf-8" where nothing says it
	Guessed bool   // the letters say so and no label
}

// guesses are the charsets that a text may be in although nothing says so, the most usual first. A
// constant table.
var guesses = [...]string{"windows-1258", "x-viet-tcvn3", "x-viet-vni", "viscii", "viqr"}

// Readings are the ways to read octets labelled with a charset ("" without a label). The first is what
// Header.Text and DecodeText give for the same octets. Others follow when more of their words are
// syllables of Vietnamese, the best first: text in a font's own charset labelled as Latin-1, UTF-8 that
// was once taken for windows-1252, and the like.
func Readings(raw []byte, charset string) []Reading { return readingsOf(raw, charset, false) }

// ReadingsOfHTML is Readings for octets whose tags and entities are no words.
func ReadingsOfHTML(raw []byte, charset string) []Reading { return readingsOf(raw, charset, true) }

func readingsOf(raw []byte, charset string, html bool) []Reading {
	first := Reading{Charset: charsetName(charset)}
	dec := charsetDecoder(charset)
	if dec == nil && !utf8.Valid(raw) {
		first.Charset = "utf-8"
		if guess := bestGuess(string(raw), html); guess != "" {
			first.Charset, first.Guessed = guess, true
		}
	}
	first.Text = decodeString(raw, charset)
	out := []Reading{first}
	if first.Guessed {
		out = append(out, Reading{Text: latin1(string(raw)), Charset: "iso-8859-1", Guessed: true})
	}
	octets := raw
	if dec == nil && utf8.Valid(raw) {
		if !onceRead(raw) {
			return out
		}
		octets = decodeWith(toWindows1252{}, raw)
	}
	base := scoreText(cutSample(first.Text), html)
	for _, g := range rank(sample(octets), base, html) {
		r := Reading{Text: NFC(string(decodeWith(guessDecoder(g), octets))), Charset: g, Guessed: true}
		if !slices.ContainsFunc(out, func(have Reading) bool { return have.Text == r.Text }) {
			out = append(out, r)
		}
	}
	return out
}

// Readings are, for each field of that name in order, the ways to read it; the first is what Text gives.
func (h *Header) Readings(name string) [][]Reading {
	var out [][]Reading
	for _, v := range h.Values(name) {
		if !isASCII(v) && !strings.Contains(v, "=?") {
			out = append(out, Readings([]byte(v), ""))
		} else {
			out = append(out, Readings([]byte(DecodeText(v)), ""))
		}
	}
	return out
}

// guessDecoder makes the decoder of a guess; "utf-8" is what was UTF-8 once.
func guessDecoder(name string) transform.Transformer {
	if dec := charsetDecoder(name); dec != nil {
		return dec
	}
	return lenientUTF8{}
}

// decodeWith decodes all of b; the decoders here do not fail.
func decodeWith(dec transform.Transformer, b []byte) []byte {
	out, _, err := transform.Bytes(dec, b)
	if err != nil {
		return b
	}
	return out
}

// rank gives the charsets in which octets are more plausible Vietnamese than base says, the best first.
func rank(octets []byte, base score, html bool) []string {
	type ranked struct {
		name string
		score
	}
	if base.share()+minGain > 1 { // nothing can be so much better
		return nil
	}
	var list []ranked
	try := func(name string) {
		s := scoreText(NFC(string(decodeWith(guessDecoder(name), octets))), html)
		if s.share() >= base.share()+minGain && s.fitting > base.fitting { // not only less junk
			list = append(list, ranked{name, s})
		}
	}
	if isASCII(octets) {
		if viqrLikely(octets) {
			try("viqr")
		}
	} else {
		if utf8.Valid(octets) {
			try("utf-8")
		}
		for _, name := range guesses[:4] {
			try(name)
		}
	}
	slices.SortStableFunc(list, func(a, b ranked) int {
		if d := (b.plausible - b.junk) - (a.plausible - a.junk); d != 0 {
			return d
		}
		return b.common - a.common
	})
	names := make([]string, len(list))
	for i, r := range list {
		names[i] = r.name
	}
	return names
}

// viqrLikely tells a text in which a sign of VIQR follows a vowel.
func viqrLikely(b []byte) bool {
	for i := 1; i < len(b); i++ {
		if viqrShape(b[i-1]|0x20, b[i]) != 0 {
			return true
		}
	}
	return false
}

// bestGuess is the charset of a text without a label that is no UTF-8, "" when none is plausible. It
// takes the place of Latin-1, so it must be better founded than a further reading: three of four words
// with letters beyond ASCII are syllables, and half of all words.
func bestGuess(raw string, html bool) string {
	octets := sample([]byte(raw[:min(len(raw), maxSample)]))
	ranked := rank(octets, scoreText(latin1(string(octets)), html), html)
	if len(ranked) == 0 {
		return ""
	}
	s := scoreText(NFC(string(decodeWith(guessDecoder(ranked[0]), octets))), html)
	if s.fitting == 0 || s.fitting*4 < s.accented*3 || s.share() < 0.5 {
		return ""
	}
	return ranked[0]
}

// sample is the beginning of b that is scored, without half a letter of UTF-8 at its end.
func sample(b []byte) []byte {
	if len(b) < maxSample {
		return b
	}
	b = b[:maxSample]
	for i := 1; i < utf8.UTFMax; i++ {
		if c := b[len(b)-i]; utf8.RuneStart(c) {
			if !utf8.FullRune(b[len(b)-i:]) {
				return b[:len(b)-i]
			}
			break
		}
	}
	return b
}

func cutSample(s string) string {
	return string(sample([]byte(s[:min(len(s), maxSample)])))
}

// charsetName is how a label is shown: in lower case, "utf-8" for none.
func charsetName(label string) string {
	label = strings.ToLower(strings.Trim(label, " \t\"'"))
	if label == "" {
		return "utf-8"
	}
	return label
}

// onceRead tells UTF-8 that could be the letters of another charset, read once too often: they would all be of
// windows-1252, or signs of VIQR. Vietnamese that is right has most of its letters elsewhere.
func onceRead(text []byte) bool {
	inside, outside := 0, 0
	for i := 0; i < len(text) && i < maxSample; {
		if text[i] < utf8.RuneSelf {
			i++
			continue
		}
		r, n := utf8.DecodeRune(text[i:])
		if r < 0x100 || inWindows1252(r) {
			inside++
		} else {
			outside++
		}
		i += n
	}
	return outside <= inside
}

// inWindows1252 tells the runes that windows-1252 has; most letters of Vietnamese are far from them.
func inWindows1252(r rune) bool {
	if r >= addedFirst && r < addedEnd {
		return false
	}
	_, ok := charmap.Windows1252.EncodeRune(r)
	return ok
}

// toWindows1252 turns letters back into the octets of windows-1252, or of Latin-1 where that has none: so
// a text that was read in the wrong charset can be read again. Other letters become question marks.
type toWindows1252 struct{ transform.NopResetter }

// Transform implements transform.Transformer.
func (toWindows1252) Transform(dst, src []byte, atEOF bool) (nDst, nSrc int, err error) {
	for nSrc < len(src) {
		if nDst == len(dst) {
			return nDst, nSrc, transform.ErrShortDst
		}
		if !atEOF && !utf8.FullRune(src[nSrc:]) {
			return nDst, nSrc, transform.ErrShortSrc
		}
		r, n := utf8.DecodeRune(src[nSrc:])
		c, ok := charmap.Windows1252.EncodeRune(r)
		switch {
		case r < 0x100:
			c = byte(r)
		case !ok:
			c = '?'
		}
		dst[nDst] = c
		nDst++
		nSrc += n
	}
	return nDst, nSrc, nil
}
