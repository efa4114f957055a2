package impersonation

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// lookAlike gives the small Latin letter or the digit that a character of another alphabet, or of Latin in an unusual
// dress, looks like; 0 for none. The pairs are those of Unicode's confusables.txt (UTS 39) whose prototype is a letter
// of a domain name, as far as they are letters or numbers that mail programs show in ordinary fonts; what NFKC (full
// width, mathematics, circles) and taking marks away do already is not repeated.
func lookAlike(r rune) rune {
	const pairs = "АaВbЕeКkМmНhОoРpСcТtУyХxІiЈjЅsԌgԍgԚqԜwѴvаaвbеeкkмmнhоoрpсcтtуyүyхxһhіiјjѕsԁdԛqԝwѵvӏlӀlгrпnѡw" + // Cyrillic
		"ΑaΒbΕeΖzΗhΙiΚkΜmΝnΟoΡpΤtΥyΧxαaεeηnιiκkνvοoρpσoτtυuωwγyχxϲcϹcϳj" + // Greek
		"օoսuոnցgհhզqքfԱuՍuՕoԼl" + // Armenian
		"ᎪaᏴbᏟcᎠdᎬeᎻhᎥiᎫjᏦkᏞlᎷmᏢpᎡrᏚsᎢtᏙvᎳwᎩyᏃz" + // Cherokee
		"ᴀaʙbᴄcᴅdᴇeꜰfɢgʜhɪiᴊjᴋkʟlᴍmɴnᴏoᴘpʀrꜱsᴛtᴜuᴠvᴡwʏyᴢzɑaɡgɩiıiȷjɒaɛeɔoʋuɯwɱmɲnɳn" + // Latin, small capitals and phonetics
		"ⅼlⅰiⅽcⅾdⅿmⅴvⅹx০o੦o௦o๐o໐o٠oߊl" // numbers
	for i := 0; i < len(pairs); {
		c, n := utf8.DecodeRuneInString(pairs[i:])
		to, m := utf8.DecodeRuneInString(pairs[i+n:])
		if c == r && to < utf8.RuneSelf {
			return to
		}
		i += n + m
	}
	for _, first := range []rune{0x1F130, 0x1F150, 0x1F170} { // squared and circled capitals
		if r >= first && r < first+26 {
			return r - first + 'a'
		}
	}
	return 0
}

// barred gives the plain letter of one whose bar or stroke Unicode does not take for a mark, 0 for none.
func barred(r rune) rune {
	switch r {
	case 'đ', 'Đ', 'ð', 'Ð', 'ɖ', 'Ɖ':
		return 'd'
	case 'ł', 'Ł':
		return 'l'
	case 'ø', 'Ø':
		return 'o'
	case 'ħ', 'Ħ':
		return 'h'
	case 'ŧ', 'Ŧ':
		return 't'
	}
	return 0
}

// plain is one character in small ASCII: 0 for a mark that sits on another, itself for what looks like nothing in ASCII.
// alien tells that it is a letter of another alphabet.
func plain(r rune) (p rune, alien bool) {
	switch {
	case r < utf8.RuneSelf:
		return unicode.ToLower(r), false
	case unicode.Is(unicode.Mn, r):
		return 0, false
	}
	if p := barred(r); p != 0 {
		return p, false
	}
	if p := lookAlike(r); p != 0 {
		return p, true
	}
	return unicode.ToLower(r), false
}

// unseen tells what shows as nothing: format characters, variation selectors and fillers.
func unseen(r rune) bool {
	switch {
	case r < utf8.RuneSelf:
		return r < ' ' && r != '\t' || r == 0x7f
	case r == 0x034F, r == 0x115F, r == 0x1160, r == 0x17B4, r == 0x17B5, r == 0x3164, r == 0xFFA0, r == 0x2800:
		return true
	}
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Variation_Selector)
}

// loose makes letters equal that are hard to tell apart: the digits that are written for letters, i and l, rn and m, vv and
// w, cl and d. All but the last and 3, 4, 5 and 8 are confusable after UTS 39 too.
func loose(s string) string {
	s = strings.Map(func(r rune) rune {
		switch r {
		case '0':
			return 'o'
		case '1', 'i', '|', '!':
			return 'l'
		case '3':
			return 'e'
		case '4':
			return 'a'
		case '5', '$':
			return 's'
		case '8':
			return 'b'
		}
		return r
	}, s)
	return strings.NewReplacer("rn", "m", "vv", "w", "cl", "d").Replace(s)
}

// skeleton is a domain as the eye takes it: without marks, other alphabets in Latin, loose.
func skeleton(domain string) string {
	return loose(strings.Map(func(r rune) rune {
		if unseen(r) {
			return -1
		}
		p, _ := plain(r)
		switch p {
		case 0:
			return -1
		case '\u2010', '\u2011', '\u2012', '\u2013', '\u2212':
			return '-'
		case '\u3002', '\uff0e', '\uff61':
			return '.'
		}
		return p
	}, norm.NFD.String(norm.NFKC.String(domain))))
}
