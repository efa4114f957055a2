package message

import "encoding/binary"

const base64Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

// Values of octets that are no letters.
const (
	base64Blank = 64 + iota
	base64Pad
	base64Junk

	base64NoPair = 1 << 15 // in base64Pairs
)

// base64Values is the value of each octet, or one of the marks. A constant table.
var base64Values = makeBase64Values()

// base64Pairs gives the twelve bits of two letters that stand side by side, read as a little-endian
// number, or base64NoPair: so two look-ups decode a group and tell whether it was clean. Letters
// touch 12 KiB of it, which stays in the first cache. A constant table.
var base64Pairs = makeBase64Pairs()

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

func makeBase64Pairs() *[1 << 16]uint16 {
	t := new([1 << 16]uint16)
	for i := range t {
		t[i] = base64NoPair
	}
	for i, first := range []byte(base64Alphabet) {
		for k, second := range []byte(base64Alphabet) {
			t[int(second)<<8|int(first)] = uint16(i<<6 | k)
		}
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
	pairs := base64Pairs
	for len(src) >= 8 && len(dst) >= 8 {
		g := binary.LittleEndian.Uint64(src)
		a, b, c, d := pairs[uint16(g)], pairs[uint16(g>>16)], pairs[uint16(g>>32)], pairs[uint16(g>>48)]
		if (a|b|c|d)&base64NoPair != 0 {
			break
		}
		binary.BigEndian.PutUint64(dst, uint64(a)<<52|uint64(b)<<40|uint64(c)<<28|uint64(d)<<16)
		dst, src = dst[6:], src[8:]
		nDst, nSrc = nDst+6, nSrc+8
	}
	for len(src) >= 4 && len(dst) >= 4 {
		g := binary.LittleEndian.Uint32(src)
		a, b := pairs[uint16(g)], pairs[uint16(g>>16)]
		if (a|b)&base64NoPair != 0 {
			break
		}
		binary.BigEndian.PutUint32(dst, uint32(a)<<20|uint32(b)<<8)
		dst, src = dst[3:], src[4:]
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
