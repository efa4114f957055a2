package rules

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// foldSubject makes a subject comparable: compatibility forms folded (full-width letters and colons),
// what cannot be seen taken away, every blank a space, lower case, NFC.
func foldSubject(s string) string {
	s = norm.NFKC.String(s)
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r), unicode.Is(unicode.Zs, r):
			return ' '
		case invisible(r):
			return -1
		case r == '∶', r == '꞉', r == 'ː': // colons to the eye
			return ':'
		}
		return unicode.ToLower(r)
	}, s)
	return norm.NFC.String(s)
}

// invisible tells what shows as nothing: format characters (soft hyphen, zero-width and bidi marks, tags),
// controls, variation selectors, and letters and symbols that are blank by design.
func invisible(r rune) bool {
	switch r {
	case 0x034F, // combining grapheme joiner
		0x115F, 0x1160, 0x3164, 0xFFA0, // Hangul fillers
		0x17B4, 0x17B5, // Khmer inherent vowels
		0x2800,           // Braille pattern without dots
		0x13441, 0x13442, // Egyptian blanks
		0x16FE4, // Khitan filler
		0x1D159: // musical null note head
		return true
	}
	return unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Cc, r) || unicode.Is(unicode.Variation_Selector, r)
}

// says tells a character that can say something: a letter, a number, a pictograph. Punctuation, signs,
// rules and bullets do not, nor does a combining mark without a letter to stand on, nor what stands for
// a character that was lost.
func says(r rune) bool {
	switch {
	case unicode.Is(unicode.Lm, r): // a letter that modifies another: rules of "ー" and the like
		return false
	case unicode.IsLetter(r), unicode.IsNumber(r):
		return !invisible(r)
	case unicode.Is(unicode.So, r):
		return !invisible(r) && r != unicode.ReplacementChar && r != 0xFFFC && !(r >= 0x2500 && r <= 0x25FF)
	}
	return false
}

func saysSomething(s string) bool { return strings.IndexFunc(s, says) >= 0 }

// withoutPrefixes takes reply and forward prefixes away, however many stand at the start, with their
// counters and brackets ("re[2]: [fwd: tl(3) : "), and the tags of lists and servers before more text
// ("[external] "). A tag that nothing follows is what the subject says. cut tells whether a prefix was the last
// that was taken.
func withoutPrefixes(s string) (rest string, cut bool) {
	for {
		start := strings.IndexFunc(s, says)
		if start < 0 {
			return "", cut
		}
		if n := prefixLen(s[start:], bracketBefore(s[:start])); n > 0 {
			s, cut = s[start+n:], true
			continue
		}
		n := tagLen(s, start)
		if n == 0 || !saysSomething(s[n:]) {
			return s, cut
		}
		s, cut = s[n:], false
	}
}

const (
	brackets = "[({<【「"
	closing  = "])}>】」"
)

// bracketBefore is the bracket that closes the one that s ends with, "" without one.
func bracketBefore(s string) string {
	r, _ := utf8.DecodeLastRuneInString(s)
	i := strings.IndexRune(brackets, r)
	if i < 0 || s == "" {
		return ""
	}
	return string([]rune(closing)[utf8.RuneCountInString(brackets[:i])])
}

const maxTag = 256 // octets of a tag in brackets

// tagLen is the length of the tag in brackets that s begins with, 0 without one; start is where the first
// word of s is.
func tagLen(s string, start int) int {
	close := bracketBefore(s[:start])
	if close == "" {
		return 0
	}
	end := strings.Index(s[start:min(len(s), start+maxTag)], close)
	if end < 0 {
		return 0
	}
	return start + end + len(close)
}

// prefixLen is the length of the prefix that s begins with, with its colon, 0 without one. The prefixes that
// are no word of their own need no colon. What is a word is one when it stands in brackets alone.
func prefixLen(s, closing string) int {
	n := phraseLen(s)
	phrase := strings.Join(strings.Fields(s[:n]), " ")
	if kind := prefixWord(phrase); kind != noPrefix {
		after := s[n:]
		rest := strings.TrimLeft(after[counterLen(after, kind == prefixAbbreviation):], " ")
		switch {
		case strings.HasPrefix(rest, ":"):
			return len(s) - len(rest) + 1
		case kind == prefixPhrase && closing != "" && strings.HasPrefix(rest, closing):
			return len(s) - len(rest)
		}
	}
	if word := s[:wordLen(s)]; prefixWord(word) == prefixAlone {
		return len(word)
	}
	return 0
}

// wordLen is the length of the word at the start of s: letters and what stands on them. Digits end it
// ("re2:"), and it is never longer than a prefix can be.
func wordLen(s string) int {
	for i, r := range s {
		if i > maxPrefix {
			return i
		}
		if !unicode.IsLetter(r) && !unicode.IsMark(r) && r != '/' {
			return i
		}
	}
	return len(s)
}

// phraseLen is the length of the words at the start of s, blanks between them and at their end left out.
func phraseLen(s string) int {
	n := 0
	for {
		word := wordLen(s[n:])
		blank := len(s[n+word:]) - len(strings.TrimLeft(s[n+word:min(len(s), n+word+maxPrefix)], " ")) - max(0, len(s)-n-word-maxPrefix)
		next := n + word + blank
		if blank == 0 || next >= len(s) || next > maxPrefix || wordLen(s[next:]) == 0 {
			return n + word
		}
		n = next
	}
}

const maxPrefix = 40 // octets

// counterLen is the length of a reply counter: "[2]", "(2)", "^2", "*2", blanks before it allowed, or "2" at once,
// but not behind an abbreviation that numbers go with: in "CT12:" and "CT 12:" the number is something said.
func counterLen(s string, abbreviation bool) int {
	t := strings.TrimLeft(s, " ")
	open := strings.TrimLeft(t, "[(^*#")
	digits := strings.TrimLeft(open, "0123456789")
	opened := len(t) - len(open)
	if len(digits) == len(open) || opened > 1 || (opened == 0 && (abbreviation || len(t) < len(s))) {
		return 0
	}
	return len(s) - len(strings.TrimLeft(digits, ")]"))
}

type prefixKind int

const (
	noPrefix           prefixKind = iota
	prefixColon                   // only before a colon: "aw:"
	prefixAbbreviation            // of words that also stand before numbers; only before a colon: "tl:", "ct:"
	prefixPhrase                  // true words; only before a colon, or alone in brackets: "trả lời:"
	prefixAlone                   // no word at all: also without a colon
)

// prefixWord tells what mail programs and people put before a subject to say reply or forward, as
// foldSubject leaves it. "VB:" and "HT:", Swedish and Turkish, are none: here they are short for document and
// conference.
func prefixWord(w string) prefixKind {
	switch w {
	case "re", "fw", "fwd":
		return prefixAlone
	case "tl", "ct", "ph", "trả", "chuyển": // Vietnamese
		return prefixAbbreviation
	case "r", "f", "reply", "forward", "forwarded", "automatic reply", "auto reply", // English
		"aw", "wg", "antw", "antwort", "weitergeleitet", // German
		"sv", "vs", "vl", "doorst", // Nordic and Dutch
		"réf", "ref", "tr", "rép", "rv", "res", "enc", "i", "rif", // Romance
		"odp", "pd", "ynt", "ilt", // Polish, Turkish
		"отв", "ответ", "пересл", "на", // Russian
		"回复", "回覆", "答复", "答覆", "转发", "轉寄", "返信", "転送", "답장", "전달":
		return prefixColon
	}
	if len(w) <= maxPrefix {
		switch unaccented(w) {
		case "tra loi", "tra loi thu", "tra loi mail", "tra loi email", "tra loi tu dong", "tu dong tra loi", "thu tra loi",
			"chuyen tiep", "chuyen tiep thu", "da chuyen tiep", "thu chuyen tiep", "chuyen tiep mail", "chuyen tiep email",
			"phan hoi", "phan hoi thu", "thu phan hoi", "hoi am", "hoi am thu", "thu hoi am":
			return prefixPhrase
		}
	}
	return noPrefix
}

// placeholder tells what programs and hurried people write instead of a subject, once or several times. True
// words are not among these, however short the subject: "Họp", "Test".
func placeholder(s string) bool {
	key := strings.Join(strings.FieldsFunc(s, func(r rune) bool { return !says(r) && !unicode.IsMark(r) }), " ")
	if len(key) > maxPlaceholder {
		return false
	}
	if placeholderKey(key) || placeholderKey(once(key)) {
		return true
	}
	// In brackets a word stands for something that is not there: "(trống)", "<blank>".
	trimmed := strings.TrimSpace(s)
	return bracketed(trimmed) && bracketedKey(key)
}

const maxPlaceholder = 64 // octets

// once is what a text of words says once when it says nothing but the same over again.
func once(key string) string {
	words := strings.Fields(key)
	for n := 1; n <= len(words)/2; n++ {
		if len(words)%n == 0 && slices.Equal(words[n:], words[:len(words)-n]) {
			return strings.Join(words[:n], " ")
		}
	}
	return key
}

func bracketed(s string) bool {
	if len(s) < 2 {
		return false
	}
	i := strings.IndexByte("([<{", s[0])
	return i >= 0 && s[len(s)-1] == ")]>}"[i]
}

func placeholderKey(key string) bool {
	switch key {
	case "no subject", "nosubject", "no title", "notitle", "no topic", "none", "untitled", "no subject line", "subject missing",
		"no subject specified", "without subject", "null", "undefined", "n a",
		"subject", "your subject", "enter subject", "subject here", "enter subject here", "your subject here",
		"v v", "về việc", "ve viec", "tiêu đề", "tieu de", "chủ đề", "chu de", "tiêu đề thư", "tieu de thu",
		"sans objet", "aucun objet", "kein betreff", "ohne betreff", "sin asunto", "sem assunto", "nessun oggetto",
		"без темы", "无主题", "無主題", "无标题", "件名なし", "제목 없음":
		return true
	}
	plain := unaccented(key)
	if first, rest, _ := strings.Cut(plain, " "); first == "ko" || first == "k" || first == "kg" || first == "chua" {
		plain = "khong " + rest
	}
	switch plain {
	case "khong co chu de", "khong co tieu de", "khong tieu de", "khong chu de", "khong dat tieu de", "khong dat chu de", "khong co tieu de thu", "khong ro chu de", "thu khong tieu de", "thu khong co tieu de",
		"thu khong chu de", "thu khong co chu de", "nhap tieu de", "nhap chu de", "tieu de o day", "khong de tieu de":
		return true
	}
	return false
}

func bracketedKey(key string) bool {
	switch key {
	case "trống", "trong", "để trống", "de trong", "rỗng", "rong", "không", "khong", "không có", "khong co",
		"blank", "empty", "no", "nil", "na", "missing", "unknown", "title", "no name":
		return true
	}
	return false
}

// unaccented takes Vietnamese diacritics away from a lower-case text.
func unaccented(s string) string {
	var b strings.Builder
	for _, r := range norm.NFD.String(s) {
		switch {
		case r == 'đ':
			b.WriteByte('d')
		case !unicode.Is(unicode.Mn, r):
			b.WriteRune(r)
		}
	}
	return b.String()
}
