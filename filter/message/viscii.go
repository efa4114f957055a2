package message

import (
	"unicode/utf8"

	"golang.org/x/text/transform"
)

// visciiTable is VISCII (RFC 1456 section 4). A constant table.
var visciiTable = makeOctetTable(
	"ẠẮẰẶẤẦẨẬẼẸẾỀỂỄỆỐỒỔỖỘỢỚỜỞỊỎỌỈỦŨỤỲÕắằặấầẩậẽẹếềểễệốồổỗỠƠộờởịỰỨỪỬơớƯ"+
		"ÀÁÂÃẢĂẳẵÈÉÊẺÌÍĨỳĐứÒÓÔạỷừửÙÚỹỵÝỡưàáâãảăữẫèéêẻìíĩỉđựòóôõỏọụùúũủýợỮ",
	map[byte]rune{0x02: 'Ẳ', 0x05: 'Ẵ', 0x06: 'Ẫ', 0x14: 'Ỷ', 0x19: 'Ỹ', 0x1e: 'Ỵ'})

// viqr decodes VIQR, Vietnamese in ASCII: signs after a vowel are its marks, "dd" is đ, a backslash
// makes the sign after it an ordinary one (RFC 1456, the section on VIQR). Its output is decomposed.
type viqr struct{ transform.NopResetter }

// Transform implements transform.Transformer.
func (viqr) Transform(dst, src []byte, atEOF bool) (nDst, nSrc int, err error) {
	for nSrc < len(src) {
		if len(dst)-nDst < 8 {
			return nDst, nSrc, transform.ErrShortDst
		}
		rest := src[nSrc:]
		if len(rest) < 3 && !atEOF {
			return nDst, nSrc, transform.ErrShortSrc
		}
		c := rest[0]
		nSrc++
		if len(rest) > 1 && c == '\\' && viqrSign(rest[1]) {
			c = rest[1]
			nSrc++
		} else if len(rest) > 1 && (c == 'd' && rest[1] == 'd' || c == 'D' && (rest[1] == 'd' || rest[1] == 'D')) {
			nSrc++
			r := 'đ'
			if c == 'D' {
				r = 'Đ'
			}
			nDst += utf8.EncodeRune(dst[nDst:], r)
			continue
		}
		nDst += encodeOctet(dst[nDst:], c)
		if rest[0] != '\\' {
			n, m := viqrMarks(dst[nDst:], c, rest[1:])
			nDst, nSrc = nDst+n, nSrc+m
		}
	}
	return nDst, nSrc, nil
}

// viqrSign tells what a backslash makes ordinary.
func viqrSign(c byte) bool {
	return viqrTone(c) != 0 || c == '^' || c == '(' || c == '+' || c == '\\' || c == 'd' || c == 'D'
}

// viqrMarks writes the marks of a vowel as combining characters.
func viqrMarks(dst []byte, vowel byte, rest []byte) (nDst, nSrc int) {
	vowel |= 0x20
	if !isVowel(vowel) {
		return 0, 0
	}
	if len(rest) > 0 {
		if r := viqrShape(vowel, rest[0]); r != 0 {
			nDst += utf8.EncodeRune(dst, r)
			nSrc++
		}
	}
	if len(rest) > nSrc {
		if r := viqrTone(rest[nSrc]); r != 0 {
			nDst += utf8.EncodeRune(dst[nDst:], r)
			nSrc++
		}
	}
	return nDst, nSrc
}

func isVowel(lower byte) bool {
	switch lower {
	case 'a', 'e', 'i', 'o', 'u', 'y':
		return true
	}
	return false
}

// viqrShape is the mark that makes another letter of a vowel, 0 for none.
func viqrShape(vowel, c byte) rune {
	switch {
	case c == '^' && (vowel == 'a' || vowel == 'e' || vowel == 'o'):
		return 0x0302
	case c == '(' && vowel == 'a':
		return 0x0306
	case c == '+' && (vowel == 'o' || vowel == 'u'):
		return 0x031b
	}
	return 0
}

// viqrTone is the combining character of a tone, 0 for none.
func viqrTone(c byte) rune {
	switch c {
	case '`':
		return 0x0300
	case '\'':
		return 0x0301
	case '?':
		return 0x0309
	case '~':
		return 0x0303
	case '.':
		return 0x0323
	}
	return 0
}
