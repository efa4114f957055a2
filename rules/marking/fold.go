package marking

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Classes of characters in a fold table; every other value is a small ASCII letter.
const (
	foldGap   = 0 // ends a word
	foldSkip  = 1 // shows as nothing, or sits on the letter before
	foldOther = 2 // a letter that looks like none of Latin
	foldDigit = 3
)

// The code points that the table covers: Latin, Greek, Cyrillic and Vietnamese, signs made of letters and letters in
// circles; then the letters of mathematics.
const (
	foldSize            = 0x2500
	mathFirst, mathLast = 0x1D400, 0x1D7FF
)

// folds maps characters to the small Latin letter that they are or look like, whatever marks they carry.
type folds [foldSize + mathLast - mathFirst + 1]byte

func newFolds() *folds {
	t := new(folds)
	for r := rune(0); r < foldSize; r++ {
		t[r] = foldOne(r)
	}
	for r := rune(mathFirst); r <= mathLast; r++ {
		t[foldSize+r-mathFirst] = foldOne(r)
	}
	return t
}

func foldOne(r rune) byte {
	switch {
	case r >= 'a' && r <= 'z':
		return byte(r)
	case r >= 'A' && r <= 'Z':
		return byte(r) | 0x20
	case r >= '0' && r <= '9':
		return foldDigit
	case ignorable(r), unicode.Is(unicode.Mn, r):
		return foldSkip
	case r < utf8.RuneSelf:
		return foldGap
	case r == 'đ' || r == 'Đ':
		return 'd'
	case r == 'ı' || r == 'İ':
		return 'i'
	}
	if r >= mathFirst || r >= 0x24B6 && r <= 0x24E9 || r >= 0x2100 && r <= 0x214F { // letters in other dress; "℮" and "℗" stay as they are
		if plain, _ := utf8.DecodeRuneInString(norm.NFKC.String(string(r))); plain < 0x2100 {
			r = plain
		}
		if r < utf8.RuneSelf {
			return foldOne(r)
		}
	}
	if c := lookAlike(r); c != 0 {
		return c
	}
	if !unicode.IsLetter(r) {
		return foldGap
	}
	if b, _ := utf8.DecodeRuneInString(norm.NFKD.String(string(r))); b < utf8.RuneSelf && unicode.IsLetter(b) {
		return byte(unicode.ToLower(b))
	}
	return foldOther
}

// of folds one character.
func (t *folds) of(r rune) byte {
	switch {
	case r < foldSize:
		return t[r]
	case r >= 0xFF21 && r <= 0xFF3A, r >= 0xFF41 && r <= 0xFF5A: // full width
		return byte(r-0xFF21)&0x1f + 'a'
	case ignorable(r), unicode.Is(unicode.Mn, r):
		return foldSkip
	case r >= mathFirst && r <= mathLast:
		return t[foldSize+r-mathFirst]
	case r >= 0x1F110 && r <= 0x1F189: // squared and circled capitals
		if c := squared(r); c != 0 {
			return c
		}
	}
	if unicode.IsLetter(r) {
		return foldOther
	}
	return foldGap
}

// squared gives the letter in a squared, circled or bracketed capital that NFKC leaves as it is, 0 for none.
func squared(r rune) byte {
	for _, first := range []rune{0x1F110, 0x1F130, 0x1F150, 0x1F170} {
		if r >= first && r < first+26 {
			return byte(r-first) + 'a'
		}
	}
	return 0
}

// lookAlike gives the small Latin letter that a Cyrillic or Greek one looks like, 0 for none.
func lookAlike(r rune) byte {
	const alike = "АaВbЕeКkМmНhОoРpСcТtУyХxІiЈjЅsѴvаaвbеeкkмmнhоoрpсcтtуyхxіiјjѕsѵv" +
		"ΑaΒbΕeΖzΗhΙiΚkΜmΝnΟoΡpΤtΥyΧxαaεeιiκkοoρpτtυuχxνvϹcϲc"
	for i := 0; i < len(alike); {
		c, n := utf8.DecodeRuneInString(alike[i:])
		if c == r {
			return alike[i+n]
		}
		i += n + 1
	}
	return 0
}

// ignorable tells what shows as nothing: format characters, variation selectors and fillers.
func ignorable(r rune) bool {
	switch {
	case r < 0xAD:
		return r < ' ' && r != '\t' && r != '\n' && r != '\r' && r != '\f' && r != '\v'
	case r == 0x034F, r == 0x115F, r == 0x1160, r == 0x17B4, r == 0x17B5, r == 0x3164, r == 0xFFA0, r == 0x2800:
		return true
	case r < 0x2000:
		return r == 0xAD || r >= 0x600 && unicode.In(r, unicode.Cf, unicode.Variation_Selector)
	}
	return unicode.In(r, unicode.Cf, unicode.Variation_Selector)
}

// visible takes away what shows as nothing and folds compatibility forms.
func visible(s string) string {
	if !strings.ContainsFunc(s, dressed) {
		return s
	}
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\t':
			return r
		case ignorable(r):
			return -1
		}
		if c := squared(r); c != 0 {
			return rune(c) - 0x20
		}
		return r
	}, s)
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.Is(unicode.Zs, r):
			return ' '
		case r == '│' || r == '┃' || r == '║' || r == '¦' || r == '｜':
			return '|'
		}
		return r
	}, norm.NFKC.String(s))
	return settled(norm.NFC.String(s))
}

// dressed tells a character that visible may change; the usual letters and signs of Vietnamese text are none.
func dressed(r rune) bool {
	switch {
	case r < utf8.RuneSelf:
		return r < ' ' && r != '\t' || r == 0x7f
	case r >= 0x1EA0 && r <= 0x1EF9, r >= 0xC0 && r <= 0xFF, r >= 0x2013 && r <= 0x2014, r >= 0x2018 && r <= 0x201D:
		return false
	}
	return !vietnamese(r)
}

// latinised replaces Cyrillic and Greek look-alikes in words that mix scripts or are made of look-alikes only.
func latinised(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return r >= 0x370 && unicode.In(r, unicode.Cyrillic, unicode.Greek) }) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		n := strings.IndexFunc(s, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsMark(r) })
		switch {
		case n < 0:
			n = len(s)
		case n == 0:
			_, n = utf8.DecodeRuneInString(s)
		}
		b.WriteString(latinWord(s[:n]))
		s = s[n:]
	}
	return norm.NFC.String(b.String())
}

func latinWord(w string) string {
	latin, alike, others := false, true, false
	for _, r := range w {
		switch {
		case unicode.Is(unicode.Latin, r), unicode.IsMark(r):
			latin = true
		case lookAlike(r) != 0:
			others = true
		case unicode.IsLetter(r):
			base, _ := utf8.DecodeRuneInString(norm.NFD.String(string(r)))
			if lookAlike(base) == 0 {
				alike = false
			}
			others = true
		}
	}
	if !others || !latin && !alike {
		return w
	}
	return strings.Map(func(r rune) rune {
		c := lookAlike(r)
		switch {
		case c == 0:
			return r
		case unicode.IsUpper(r):
			return rune(c) - 0x20
		}
		return rune(c)
	}, norm.NFD.String(w))
}

// unmarked is a word in lower case without its diacritics.
func unmarked(s string) string {
	ascii := true
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			ascii = false
			break
		}
	}
	if ascii {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	for i, r := range s {
		if c := bare(r); c != 0 {
			b.WriteByte(c)
			continue
		}
		parts := string(r)
		if d := norm.NFD.PropertiesString(s[i:]).Decomposition(); d != nil {
			parts = string(d)
		}
		for _, r := range parts {
			if !unicode.Is(unicode.Mn, r) {
				b.WriteRune(r)
			}
		}
	}
	return b.String()
}

// bare is the letter under the marks of a small Vietnamese one, and every character of ASCII; 0 for others.
func bare(r rune) byte {
	if r < utf8.RuneSelf {
		return byte(r)
	}
	switch r {
	case 'à', 'á', 'â', 'ã', 'ă', 'ạ', 'ả', 'ấ', 'ầ', 'ẩ', 'ẫ', 'ậ', 'ắ', 'ằ', 'ẳ', 'ẵ', 'ặ':
		return 'a'
	case 'è', 'é', 'ê', 'ĕ', 'ẹ', 'ẻ', 'ẽ', 'ế', 'ề', 'ể', 'ễ', 'ệ':
		return 'e'
	case 'ì', 'í', 'î', 'ĩ', 'ĭ', 'ỉ', 'ị':
		return 'i'
	case 'ò', 'ó', 'ô', 'õ', 'ŏ', 'ơ', 'ọ', 'ỏ', 'ố', 'ồ', 'ổ', 'ỗ', 'ộ', 'ớ', 'ờ', 'ở', 'ỡ', 'ợ':
		return 'o'
	case 'ù', 'ú', 'û', 'ũ', 'ŭ', 'ư', 'ụ', 'ủ', 'ứ', 'ừ', 'ử', 'ữ', 'ự':
		return 'u'
	case 'ý', 'ŷ', 'ỳ', 'ỵ', 'ỷ', 'ỹ':
		return 'y'
	case 'đ':
		return 'd'
	}
	return 0
}

// vietnamese tells a letter that only a text with its diacritics has.
func vietnamese(r rune) bool {
	switch {
	case r < 0xC0:
		return false
	case r >= 0x1EA0 && r <= 0x1EF9, r == 'đ', r == 'Đ', r == 'ơ', r == 'Ơ', r == 'ư', r == 'Ư', r == 'ă', r == 'Ă':
		return true
	}
	return strings.ContainsRune("âêôÂÊÔáàãéèíìĩóòõúùũýÁÀÃÉÈÍÌĨÓÒÕÚÙŨÝ", r)
}
