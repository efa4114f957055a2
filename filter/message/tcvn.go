package message

import (
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/transform"
)

// octetTable gives the letter of each octet of a charset with one octet a letter.
type octetTable [256]rune

// makeOctetTable makes a table out of the upper half, beginning at 0x80, and the letters that stand
// among the controls; a control without a letter stands for itself.
func makeOctetTable(upper string, controls map[byte]rune) *octetTable {
	t := new(octetTable)
	for c := range rune(utf8.RuneSelf) {
		t[c] = c
	}
	for c, r := range controls {
		t[c] = r
	}
	c := utf8.RuneSelf
	for _, r := range upper {
		t[c] = r
		c++
	}
	return t
}

// octets decodes a charset with one octet a letter.
type octets struct {
	transform.NopResetter
	table *octetTable
}

// Transform implements transform.Transformer.
func (o octets) Transform(dst, src []byte, _ bool) (nDst, nSrc int, err error) {
	for ; nSrc < len(src); nSrc++ {
		r := o.table[src[nSrc]]
		if len(dst)-nDst < utf8.RuneLen(r) {
			return nDst, nSrc, transform.ErrShortDst
		}
		nDst += utf8.EncodeRune(dst[nDst:], r)
	}
	return nDst, nSrc, nil
}

// tcvnUpper is the upper half of TCVN 5712:1993, VN1 (also VSCII-1).
const tcvnUpper = "ÀẢÃÁẠẶẬÈẺẼÉẸỆÌỈĨÍỊÒỎÕÓỌỘỜỞỠỚỢÙỦŨ" +
	"\u00a0ĂÂÊÔƠƯĐăâêôơưđẰ\u0300\u0309\u0303\u0301\u0323àảãáạẲằẳẵắẴ" +
	"ẮẦẨẪẤỀặầẩẫấậèỂẻẽéẹềểễếệìỉỄẾỒĩíịò" +
	"ỔỏõóọồổỗốộờởỡớợùỖủũúụừửữứựỳỷỹýỵỐ"

// tcvnTable is VN1, tcvn3Table is VN3, the charset of the ABC fonts (.VnTime): the same without
// capitals that bear a tone; the octets of those are read as windows-1252. Constant tables.
var (
	tcvnTable = makeOctetTable(tcvnUpper, map[byte]rune{0x01: 'Ú', 0x02: 'Ụ', 0x04: 'Ừ', 0x05: 'Ử', 0x06: 'Ữ',
		0x11: 'Ứ', 0x12: 'Ự', 0x13: 'Ỳ', 0x14: 'Ỷ', 0x15: 'Ỹ', 0x16: 'Ý', 0x17: 'Ỵ'})
	tcvn3Table = makeTCVN3Table()
)

func makeTCVN3Table() *octetTable {
	t := makeOctetTable(tcvnUpper, nil)
	for c := utf8.RuneSelf; c < len(t); c++ {
		if plainCapital := c > 0xa0 && c < 0xa8; plainCapital || unicode.IsLower(t[c]) {
			continue
		}
		t[c] = charmap.Windows1252.DecodeByte(byte(c))
	}
	return t
}

const (
	maxCaseWord = 64 // octets of a word of TCVN3 that are looked at together
	caseRoom    = maxCaseWord * utf8.UTFMax
)

// tcvn3 decodes TCVN3. The fonts have no capitals with tones: in a word of capitals the octet of the
// small letter stands for the capital ("MËT" is MẬT), so such a word becomes capitals here.
type tcvn3 struct{ capitals bool } // the word before was one of capitals

// Reset makes it ready for another text.
func (t *tcvn3) Reset() { *t = tcvn3{} }

// Transform implements transform.Transformer.
func (t *tcvn3) Transform(dst, src []byte, atEOF bool) (nDst, nSrc int, err error) {
	for nSrc < len(src) {
		if len(dst)-nDst < caseRoom {
			return nDst, nSrc, transform.ErrShortDst
		}
		n, whole := tcvn3Word(src[nSrc:], atEOF)
		if n == 0 && whole {
			c := src[nSrc]
			t.capitals = t.capitals && (c == ' ' || c == '-')
			nDst += utf8.EncodeRune(dst[nDst:], tcvn3Table[c])
			nSrc++
			continue
		}
		word := src[nSrc : nSrc+n]
		next, seen := []byte(nil), true
		if whole && undecided(word) && !t.capitals {
			next, seen = tcvn3Next(src[nSrc+n:], atEOF)
		}
		if !whole || !seen {
			return nDst, nSrc, transform.ErrShortSrc
		}
		switch {
		case undecided(word):
			t.capitals = t.capitals || capitals(next)
		default:
			t.capitals = capitals(word)
		}
		for _, c := range word {
			r := tcvn3Table[c]
			if t.capitals {
				r = unicode.ToUpper(r)
			}
			nDst += utf8.EncodeRune(dst[nDst:], r)
		}
		nSrc += n
	}
	return nDst, nSrc, nil
}

// tcvn3Word is the length of the word that src begins with; whole is false when more of src could make
// it longer.
func tcvn3Word(src []byte, atEOF bool) (n int, whole bool) {
	for n < len(src) && n < maxCaseWord && unicode.IsLetter(tcvn3Table[src[n]]) {
		n++
	}
	return n, n < len(src) || n == maxCaseWord || atEOF
}

// tcvn3Next is the word after one blank.
func tcvn3Next(src []byte, atEOF bool) (word []byte, seen bool) {
	if len(src) == 0 {
		return nil, atEOF
	}
	if src[0] != ' ' {
		return nil, true
	}
	n, whole := tcvn3Word(src[1:], atEOF)
	return src[1 : 1+n], whole
}

// capitals tells a word that is written in capitals: its ASCII letters are, and they are not just the
// first letter of an ordinary word ("Cã" is Có).
func capitals(word []byte) bool {
	upper := 0
	for _, c := range word {
		switch {
		case c >= 'a' && c <= 'z':
			return false
		case c >= 'A' && c <= 'Z':
			upper++
		}
	}
	return upper > 0 && !undecided(word)
}

// undecided tells a word in which at most the first letter shows the case: its neighbours decide.
func undecided(word []byte) bool {
	for i, c := range word {
		if c < utf8.RuneSelf && (i > 0 || c >= 'a') {
			return false
		}
	}
	return true
}
