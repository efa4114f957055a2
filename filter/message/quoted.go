package message

import (
	"bytes"
	"encoding/binary"
)

const (
	maxTrailingBlanks = 256  // octets of blanks that may still turn out to end a line
	longQuotedLine    = 4096 // octets; a longer line is decoded in pieces
)

// quotedState decodes quoted-printable (RFC 2045 section 6.7) as mail clients do: an equals sign
// that begins no escape stands for itself.
//
// Blanks that end a line are not part of it, but for a run of more than maxTrailingBlanks: that stays,
// whatever pieces it comes in.
type quotedState struct {
	damaged bool
	long    bool // in the middle of a run that is too long to be left out
}

// decode decodes src into dst and returns how much it wrote and read. dst holds at least
// 2*maxTrailingBlanks octets.
func (s *quotedState) decode(dst, src []byte, atEOF bool) (nDst, nSrc int) {
	for nSrc < len(src) {
		rest := src[nSrc:]
		end := bytes.IndexByte(rest, '\n') + 1
		whole := end > 0 || atEOF
		if end == 0 {
			end = len(rest)
		}
		room := len(dst) - nDst
		if whole && end <= room {
			nDst += s.line(dst[nDst:], rest[:end])
			nSrc += end
			continue
		}
		if room < 2*maxTrailingBlanks || !whole && end < longQuotedLine {
			break
		}
		k := safeCut(rest[:min(end, room)])
		nDst += s.octets(dst[nDst:], rest[:k])
		nSrc += k
		s.long = isQuotedBlank(rest[k-1]) && k < len(rest) && isQuotedBlank(rest[k])
	}
	return nDst, nSrc
}

// safeCut is how much of the beginning of a line can be decoded without seeing its end: no escape
// is cut, no blanks that may end the line are decided on.
func safeCut(b []byte) int {
	k := len(b)
	for k > 0 && len(b)-k < maxTrailingBlanks && isQuotedBlank(b[k-1]) {
		k--
	}
	for back := 1; back <= 2 && back <= k; back++ {
		if b[k-back] == '=' {
			return k - back
		}
	}
	return k
}

// line decodes one line with its line end.
func (s *quotedState) line(dst, line []byte) int {
	content := bytes.TrimSuffix(line, []byte("\n"))
	run := 0
	for run < len(content) && run <= maxTrailingBlanks && isQuotedBlank(content[len(content)-1-run]) {
		run++
	}
	long := run > maxTrailingBlanks || s.long && run == len(content)
	s.long = false
	content = bytes.TrimSuffix(content, []byte("\r"))
	ending := line[len(content):]
	if !long {
		content = trimRightBlanks(content)
	}
	if n := len(content); n > 0 && content[n-1] == '=' {
		return s.octets(dst, content[:n-1])
	}
	n := s.octets(dst, content)
	return n + copy(dst[n:], ending)
}

// isQuotedBlank tells blanks, and the CR that may be one half of a line's end.
func isQuotedBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\r' }

func trimRightBlanks(b []byte) []byte {
	for len(b) > 0 && (b[len(b)-1] == ' ' || b[len(b)-1] == '\t') {
		b = b[:len(b)-1]
	}
	return b
}

// octets decodes what holds no line end.
func (s *quotedState) octets(dst, b []byte) int {
	n := 0
	for len(b) > 0 {
		if len(b) >= 8 && len(dst)-n >= 8 {
			if word := binary.LittleEndian.Uint64(b); !holdsEquals(word) {
				binary.LittleEndian.PutUint64(dst[n:], word)
				n, b = n+8, b[8:]
				continue
			}
		}
		c := b[0]
		if c == '=' {
			if len(b) >= 3 {
				if hi, lo := hexDigit(b[1]), hexDigit(b[2]); hi|lo < 16 {
					dst[n] = hi<<4 | lo
					n, b = n+1, b[3:]
					continue
				}
			}
			s.damaged = true
		}
		dst[n] = c
		n, b = n+1, b[1:]
	}
	return n
}

// holdsEquals tells whether one of eight octets is an equals sign.
func holdsEquals(word uint64) bool {
	const ones = 0x0101010101010101
	x := word ^ ones*'='
	return (x-ones)&^x&(ones*0x80) != 0
}
