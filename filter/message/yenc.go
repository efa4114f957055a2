package message

import "bytes"

// yencState decodes yEnc (yEnc draft 1.3): what stands between a line "=ybegin " and the next line that
// begins with "=y", but for a line "=ypart" at the beginning.
type yencState struct {
	inside  bool
	begun   bool // inside, and data was seen
	mid     bool // in the middle of a line
	escaped bool // after an equals sign
	skip    bool // the rest of the line is no data
}

// yencKeyword is how many octets tell what a line "=y..." is.
const yencKeyword = len("=ybegin ")

// decode decodes src into dst and returns how much it wrote and read.
func (s *yencState) decode(dst, src []byte, atEOF bool) (nDst, nSrc int) {
	for nSrc < len(src) && nDst < len(dst) {
		rest := src[nSrc:]
		switch {
		case s.skip:
			end := bytes.IndexByte(rest, '\n') + 1
			if end == 0 {
				return nDst, len(src)
			}
			nSrc += end
			s.skip, s.mid = false, false
			continue
		case !s.mid && rest[0] == '=':
			if len(rest) < yencKeyword && !atEOF {
				return nDst, nSrc
			}
			if s.skip = s.control(rest); s.skip {
				continue
			}
		case !s.inside:
			s.skip = true
			continue
		}
		c := rest[0]
		nSrc++
		switch {
		case c == '\r' || c == '\n':
			s.mid, s.escaped = false, false
			continue
		case c == '=' && !s.escaped:
			s.mid, s.escaped = true, true
			continue
		case s.escaped:
			c -= 64
		}
		dst[nDst] = c - 42
		nDst++
		s.mid, s.begun, s.escaped = true, true, false
	}
	return nDst, nSrc
}

// control takes a line that begins with an equals sign and tells whether it is no data.
func (s *yencState) control(line []byte) bool {
	switch {
	case bytes.HasPrefix(line, []byte("=ybegin ")):
		s.inside, s.begun = true, false
	case !bytes.HasPrefix(line, []byte("=y")):
		return !s.inside
	case s.inside && !s.begun && bytes.HasPrefix(line, []byte("=ypart ")):
	default:
		s.inside = false
	}
	return true
}
