package message

import "encoding/binary"

const base64Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

// Marks in the tables for octets outside of the alphabet.
const (
	base64Invalid = 1 << 31 // in a table of words
	base64Blank   = 64      // values from 64 on are no letters
	base64Pad     = 65
	base64Junk    = 66
)

// base64Words[k] is what an octet adds as the k-th of four letters: its six bits in place, so that
// four look-ups decode a group and tell whether all four were letters. A constant table.
var base64Words = makeBase64Words()

// base64Values is the value of each octet, or one of the marks. A constant table.
var base64Values = makeBase64Values()

func makeBase64Words() (t [4][256]uint32) {
	for k := range t {
		for c := range t[k] {
			t[k][c] = base64Invalid
		}
		for v, c := range []byte(base64Alphabet) {
			t[k][c] = uint32(v) << (6 * (3 - k))
		}
	}
	return t
}

func makeBase64Values() (t [256]byte) {
	for c := range t {
		t[c] = base64Junk
	}
	for v, c := range []byte(base64Alphabet) {
		t[c] = byte(v)
	}
	t['='] = base64Pad
	for _, c := range []byte(" \t\r\n") {
		t[c] = base64Blank
	}
	return t
}

// base64Value is the value of a letter of base64, over 63 for any other octet.
func base64Value(c byte) byte { return base64Values[c] }

// base64State decodes base64 (RFC 2045 section 6.8) as mail clients do: what is outside of the
// alphabet is skipped, after padding it goes on, a last group without padding is kept.
type base64State struct {
	bits    uint32 // of the group at hand
	n       uint8  // letters in it
	pads    uint8  // padding still to come
	ended   bool   // padding was seen and no letter since
	damaged bool
}

// decode decodes src into dst and returns how much it wrote and read. dst holds at least 8 octets.
func (s *base64State) decode(dst, src []byte, atEOF bool) (nDst, nSrc int) {
	for nSrc < len(src) && len(dst)-nDst >= 8 {
		if s.n == 0 && !s.ended {
			d, r := base64Groups(dst[nDst:], src[nSrc:])
			nDst, nSrc = nDst+d, nSrc+r
			if nSrc == len(src) || len(dst)-nDst < 8 {
				break
			}
		}
		nDst += s.letter(dst[nDst:], src[nSrc])
		nSrc++
	}
	if atEOF && nSrc == len(src) && len(dst)-nDst >= 8 {
		s.damaged = s.damaged || s.n > 0 || s.pads > 0
		nDst += s.flush(dst[nDst:])
		s.pads = 0
	}
	return nDst, nSrc
}

// base64Groups decodes whole groups up to the first octet that is no letter.
func base64Groups(dst, src []byte) (nDst, nSrc int) {
	for len(src)-nSrc >= 8 && len(dst)-nDst >= 8 {
		g := src[nSrc : nSrc+8 : nSrc+8]
		a := base64Words[0][g[0]] | base64Words[1][g[1]] | base64Words[2][g[2]] | base64Words[3][g[3]]
		b := base64Words[0][g[4]] | base64Words[1][g[5]] | base64Words[2][g[6]] | base64Words[3][g[7]]
		if (a|b)&base64Invalid != 0 {
			break
		}
		binary.BigEndian.PutUint64(dst[nDst:nDst+8], uint64(a)<<40|uint64(b)<<16)
		nDst, nSrc = nDst+6, nSrc+8
	}
	for len(src)-nSrc >= 4 && len(dst)-nDst >= 4 {
		g := src[nSrc : nSrc+4 : nSrc+4]
		a := base64Words[0][g[0]] | base64Words[1][g[1]] | base64Words[2][g[2]] | base64Words[3][g[3]]
		if a&base64Invalid != 0 {
			break
		}
		binary.BigEndian.PutUint32(dst[nDst:nDst+4], a<<8)
		nDst, nSrc = nDst+3, nSrc+4
	}
	return nDst, nSrc
}

// letter takes one octet and returns how many decoded octets it completed.
func (s *base64State) letter(dst []byte, c byte) int {
	v := base64Values[c]
	switch v {
	case base64Blank:
		return 0
	case base64Junk:
		s.damaged = true
		return 0
	case base64Pad:
		return s.pad(dst)
	}
	if s.ended {
		s.damaged, s.ended, s.pads = true, false, 0
	}
	s.bits, s.n = s.bits<<6|uint32(v), s.n+1
	if s.n < 4 {
		return 0
	}
	dst[0], dst[1], dst[2] = byte(s.bits>>16), byte(s.bits>>8), byte(s.bits)
	s.bits, s.n = 0, 0
	return 3
}

func (s *base64State) pad(dst []byte) int {
	if s.ended && s.pads > 0 {
		s.pads--
		return 0
	}
	s.damaged = s.damaged || s.ended || s.n < 2
	s.ended = true
	if s.n == 2 {
		s.pads = 1
	}
	return s.flush(dst)
}

// flush writes the whole octets of an incomplete group.
func (s *base64State) flush(dst []byte) int {
	n := 0
	switch s.n {
	case 2:
		dst[0], n = byte(s.bits>>4), 1
	case 3:
		dst[0], dst[1], n = byte(s.bits>>10), byte(s.bits>>2), 2
	}
	s.bits, s.n = 0, 0
	return n
}

// decodeBase64String decodes the text of an encoded-word.
func decodeBase64String(text string) []byte {
	dst := make([]byte, len(text)/4*3+16)
	var s base64State
	n, _ := s.decode(dst, []byte(text), true)
	return dst[:n]
}
