package message

import "bytes"

const (
	maxUULine  = 1024 // octets of a line of uuencode that are looked at
	uuLineRoom = 64   // octets that one line can decode to
)

// uuState decodes uuencode: every block between a line "begin MODE NAME" and a line "end".
type uuState struct {
	inside   bool
	skipping bool // in the rest of a line that was too long
}

// decode decodes src into dst and returns how much it wrote and read.
func (s *uuState) decode(dst, src []byte, atEOF bool) (nDst, nSrc int) {
	for nSrc < len(src) && len(dst)-nDst >= uuLineRoom {
		rest := src[nSrc:]
		end := bytes.IndexByte(rest, '\n') + 1
		if end == 0 {
			if !atEOF && len(rest) < maxUULine {
				break
			}
			end = len(rest)
			s.skipping = s.skipping || !atEOF
			nSrc += end
			if !s.skipping {
				nDst += s.line(dst[nDst:], rest)
			}
			continue
		}
		if !s.skipping && end <= maxUULine {
			nDst += s.line(dst[nDst:], bytes.TrimRight(rest[:end], "\r\n"))
		}
		s.skipping = false
		nSrc += end
	}
	return nDst, nSrc
}

func (s *uuState) line(dst, line []byte) int {
	if !s.inside {
		s.inside = bytes.HasPrefix(line, []byte("begin "))
		return 0
	}
	if bytes.Equal(bytes.TrimRight(line, " \t"), []byte("end")) {
		s.inside = false
		return 0
	}
	if len(line) == 0 {
		return 0
	}
	want := int(line[0]-' ') & 63
	var group [4]byte
	n := 0
	for line = line[1:]; n < want && len(line) > 0; line = line[min(4, len(line)):] {
		group = [4]byte{}
		for i, c := range line[:min(4, len(line))] {
			group[i] = (c - ' ') & 63
		}
		three := [3]byte{group[0]<<2 | group[1]>>4, group[1]<<4 | group[2]>>2, group[2]<<6 | group[3]}
		n += copy(dst[n:], three[:min(3, want-n)])
	}
	return n
}
