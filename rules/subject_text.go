package rules

import (
	"strings"
	"unicode"

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
// counters and brackets: "re[2]: [fwd: tl(3) : ".
func withoutPrefixes(s string) string {
	for {
		start := strings.IndexFunc(s, says)
		if start < 0 {
			return ""
		}
		n := prefixLen(s[start:])
		if n == 0 {
			return s
		}
		s = s[start+n:]
	}
}

// prefixLen is the length of the prefix that s begins with, with its colon, 0 without one. The prefixes that
// are no word of their own need no colon.
func prefixLen(s string) int {
	word := s[:wordLen(s)]
	if n := len(word); prefixWord(word) != noPrefix {
		after := s[n:]
		if c := counterLen(after); strings.HasPrefix(strings.TrimLeft(after[c:], " "), ":") {
			return len(s) - len(strings.TrimLeft(after[c:], " ")) + 1
		}
		if prefixWord(word) == prefixAlone {
			return n
		}
	}
	// Two words: "trả lời", "chuyển tiếp".
	if len(word) < len(s) && s[len(word)] == ' ' {
		rest := strings.TrimLeft(s[len(word):], " ")
		second := rest[:wordLen(rest)]
		if second != "" && prefixWord(word+" "+second) == prefixAlone {
			return len(s) - len(rest) + len(second)
		}
	}
	return 0
}

// wordLen is the length of the word at the start of s: letters and what stands on them. Digits end it
// ("re2:"), and it is never longer than a prefix can be.
func wordLen(s string) int {
	for i, r := range s {
		if i > maxPrefixWord {
			return i
		}
		if !unicode.IsLetter(r) && !unicode.IsMark(r) && r != '/' {
			return i
		}
	}
	return len(s)
}

const maxPrefixWord = 32 // octets

// counterLen is the length of a reply counter: "[2]", "(2)", "^2", "*2", blanks before it allowed, or "2" at once:
// in "CT 12:" the number is something said.
func counterLen(s string) int {
	t := strings.TrimLeft(s, " ")
	open := strings.TrimLeft(t, "[(^*#")
	digits := strings.TrimLeft(open, "0123456789")
	brackets := len(t) - len(open)
	if len(digits) == len(open) || brackets > 1 || (brackets == 0 && len(t) < len(s)) {
		return 0
	}
	return len(s) - len(strings.TrimLeft(digits, ")]"))
}

type prefixKind int

const (
	noPrefix    prefixKind = iota
	prefixColon            // only before a colon: "tl:", "ct:"
	prefixAlone            // also without one
)

// prefixWord tells what mail programs and people put before a subject to say reply or forward, as
// foldSubject leaves it.
func prefixWord(w string) prefixKind {
	switch w {
	case "re", "fw", "fwd",
		"trả lời", "chuyển tiếp", "tra loi", "chuyen tiep", "phản hồi", "phan hoi", "hồi âm", "hoi am":
		return prefixAlone
	case "tl", "ct", "ph", "trả", "chuyển", // Vietnamese
		"r", "f", "reply", "forward", "forwarded", // English
		"aw", "wg", "antw", "antwort", "weitergeleitet", // German
		"sv", "vs", "vb", "vl", "doorst", // Nordic and Dutch
		"réf", "ref", "tr", "rép", "rv", "res", "enc", "i", "rif", // Romance
		"odp", "pd", "ynt", "ilt", "ht", // Polish, Turkish
		"отв", "ответ", "пересл", "на", // Russian
		"回复", "回覆", "答复", "答覆", "转发", "轉寄", "返信", "転送", "답장", "전달":
		return prefixColon
	}
	return noPrefix
}

// placeholder tells what programs and hurried people write instead of a subject. True words are not among
// these, however short the subject: "Họp", "Test".
func placeholder(s string) bool {
	key := strings.Join(strings.FieldsFunc(s, func(r rune) bool { return !says(r) && !unicode.IsMark(r) }), " ")
	if len(key) > maxPlaceholder {
		return false
	}
	if placeholderKey(key) {
		return true
	}
	// In brackets a word stands for something that is not there: "(trống)", "<blank>".
	trimmed := strings.TrimSpace(s)
	return bracketed(trimmed) && bracketedKey(key)
}

const maxPlaceholder = 64 // octets

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
	switch unaccented(key) {
	case "khong co chu de", "khong co tieu de", "khong tieu de", "khong chu de", "chua co tieu de", "chua co chu de",
		"chua dat tieu de", "khong co tieu de thu", "khong ro chu de", "thu khong tieu de", "thu khong co tieu de",
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
