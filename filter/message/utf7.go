package message

import (
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/transform"
)

// utf7 decodes UTF-7 (RFC 2152) leniently: x/text has no decoder and some clients still show it.
type utf7 struct {
	inside bool   // after '+'
	empty  bool   // no letter of base64 since '+'
	bits   uint32 // not yet used
	n      uint   // number of bits
	high   uint16 // first half of a surrogate pair
}

// Reset makes it ready for another text.
func (u *utf7) Reset() { *u = utf7{} }

// Transform implements transform.Transformer.
func (u *utf7) Transform(dst, src []byte, atEOF bool) (nDst, nSrc int, err error) {
	for ; nSrc < len(src); nSrc++ {
		// One octet of source gives at most one rune, or a lone surrogate and a rune.
		if len(dst)-nDst < 2*utf8.UTFMax {
			return nDst, nSrc, transform.ErrShortDst
		}
		c := src[nSrc]
		if !u.inside {
			if c == '+' {
				*u = utf7{inside: true, empty: true}
				continue
			}
			nDst += encodeOctet(dst[nDst:], c)
			continue
		}
		v := base64Value(c)
		if v > 63 {
			if c == '-' && u.empty {
				dst[nDst] = '+'
				nDst++
			} else if c != '-' {
				nDst += encodeOctet(dst[nDst:], c)
			}
			*u = utf7{}
			continue
		}
		u.empty = false
		u.bits, u.n = u.bits<<6|uint32(v), u.n+6
		if u.n >= 16 {
			u.n -= 16
			nDst += u.unit(dst[nDst:], uint16(u.bits>>u.n))
		}
	}
	return nDst, nSrc, nil
}

// unit takes one UTF-16 code unit.
func (u *utf7) unit(dst []byte, c uint16) int {
	switch {
	case utf16.IsSurrogate(rune(c)) && u.high == 0:
		u.high = c
		return 0
	case u.high != 0:
		r := utf16.DecodeRune(rune(u.high), rune(c))
		u.high = 0
		return utf8.EncodeRune(dst, r)
	}
	return utf8.EncodeRune(dst, rune(c))
}

func encodeOctet(dst []byte, c byte) int { return utf8.EncodeRune(dst, rune(c)) }
