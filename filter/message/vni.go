package message

import (
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/transform"
)

// vniMarks are the octets that follow a vowel in VNI-Windows and the combining characters that they
// stand for, as the small letter is written; the capital's octet is 0x20 less. A constant table.
var vniMarks = map[byte]vniMark{
	0xf9: {vowels: vniToned, marks: "\u0301"}, 0xf8: {vowels: vniToned, marks: "\u0300"}, 0xfb: {vowels: vniToned, marks: "\u0309"},
	0xf5: {vowels: vniToned, marks: "\u0303"}, 0xef: {vowels: vniToned, marks: "\u0323"},
	0xe2: {vowels: "aeo", marks: "\u0302"}, 0xe1: {vowels: "aeo", marks: "\u0302\u0301"}, 0xe0: {vowels: "aeo", marks: "\u0302\u0300"},
	0xe5: {vowels: "aeo", marks: "\u0302\u0309"}, 0xe3: {vowels: "aeo", marks: "\u0302\u0303"}, 0xe4: {vowels: "aeo", marks: "\u0323\u0302"},
	0xea: {vowels: "a", marks: "\u0306"}, 0xe9: {vowels: "a", marks: "\u0306\u0301"}, 0xe8: {vowels: "a", marks: "\u0306\u0300"},
	0xfa: {vowels: "a", marks: "\u0306\u0309"}, 0xfc: {vowels: "a", marks: "\u0306\u0303"}, 0xeb: {vowels: "a", marks: "\u0323\u0306"},
}

// vniMark is a mark and the small vowels that it may follow.
type vniMark struct{ vowels, marks string }

// vniToned are the vowels on which a tone stands as an octet of its own; 0xf4 is ơ, 0xf6 is ư.
const vniToned = "aeouy\xf4\xf6"

// vniLetters are the octets of VNI-Windows that are a letter alone. A constant table.
var vniLetters = map[byte]rune{
	0xf1: 'đ', 0xd1: 'Đ', 0xf4: 'ơ', 0xd4: 'Ơ', 0xf6: 'ư', 0xd6: 'Ư', 0xee: 'ỵ', 0xce: 'Ỵ',
	0xed: 'í', 0xcd: 'Í', 0xec: 'ì', 0xcc: 'Ì', 0xe6: 'ỉ', 0xc6: 'Ỉ', 0xf3: 'ĩ', 0xd3: 'Ĩ', 0xf2: 'ị', 0xd2: 'Ị',
}

// vni decodes VNI-Windows: a vowel with marks is two octets, the longest reading first. What is none of
// its letters is read as windows-1252. Its output is decomposed.
type vni struct{ transform.NopResetter }

// Transform implements transform.Transformer.
func (vni) Transform(dst, src []byte, atEOF bool) (nDst, nSrc int, err error) {
	for nSrc < len(src) {
		if len(dst)-nDst < 3*utf8.UTFMax {
			return nDst, nSrc, transform.ErrShortDst
		}
		c := src[nSrc]
		vowel := c | 0x20
		toned := c < utf8.RuneSelf && isVowel(vowel) || vowel == 0xf4 || vowel == 0xf6
		if toned && nSrc+1 == len(src) && !atEOF {
			return nDst, nSrc, transform.ErrShortSrc
		}
		r, ok := vniLetters[c]
		if !ok {
			r = charmap.Windows1252.DecodeByte(c)
		}
		nDst += utf8.EncodeRune(dst[nDst:], r)
		nSrc++
		if !toned || nSrc == len(src) || src[nSrc] < 0xc0 {
			continue
		}
		if m := vniMarks[src[nSrc]|0x20]; containsOctet(m.vowels, vowel) {
			nDst += copy(dst[nDst:], m.marks)
			nSrc++
		}
	}
	return nDst, nSrc, nil
}

func containsOctet(s string, c byte) bool {
	for i := range len(s) {
		if s[i] == c {
			return true
		}
	}
	return false
}
