package extract

import (
	"strings"

	"congthu/filter/message"
)

// segments reads strings that records cut into pieces: each piece of letters says anew how wide its letters are
// ([MS-XLS] 2.5.293 and 2.4.58).
type segments struct {
	parts [][]byte
	at    int // in the first part
	short bool
}

// take takes n octets, which may be cut.
func (s *segments) take(n int) []byte {
	var out []byte
	for n > 0 {
		if len(s.parts) == 0 {
			s.short = true
			return out
		}
		rest := s.parts[0][s.at:]
		if len(rest) == 0 {
			s.parts, s.at = s.parts[1:], 0
			continue
		}
		k := min(n, len(rest))
		if out == nil && k == n {
			out = rest[:k:k]
		} else {
			out = append(out, rest[:k]...)
		}
		s.at += k
		n -= k
	}
	return out
}

func (s *segments) skip(n int) {
	for n > 0 {
		if len(s.parts) == 0 {
			s.short = true
			return
		}
		rest := len(s.parts[0]) - s.at
		if rest == 0 {
			s.parts, s.at = s.parts[1:], 0
			continue
		}
		k := min(n, rest)
		s.at += k
		n -= k
	}
}

func (s *segments) number(n int) int {
	v := 0
	for i, c := range s.take(n) {
		v |= int(c) << (8 * i)
	}
	return v
}

// letters takes n letters.
func (s *segments) letters(n int, wide bool) string {
	var out strings.Builder
	for n > 0 && len(s.parts) > 0 {
		rest := s.parts[0][s.at:]
		if len(rest) == 0 {
			s.parts, s.at = s.parts[1:], 0
			if len(s.parts) == 0 || len(s.parts[0]) == 0 {
				continue
			}
			wide, s.at = s.parts[0][0]&1 != 0, 1
			continue
		}
		if wide {
			k := min(n, len(rest)/2)
			if k == 0 { // half a letter
				s.at += len(rest)
				continue
			}
			out.WriteString(utf16Text(rest[:2*k]))
			s.at, n = s.at+2*k, n-k
			continue
		}
		k := min(n, len(rest))
		out.WriteString(message.Decode("iso-8859-1", rest[:k]))
		s.at, n = s.at+k, n-k
	}
	s.short = s.short || n > 0
	return out.String()
}

// sharedStrings reads the texts of cells ([MS-XLS] 2.4.265).
func (x *workbook) sharedStrings(parts [][]byte) error {
	s := &segments{parts: parts}
	s.skip(4)
	n := s.number(4)
	for range n {
		if len(x.shared) >= maxSharedStrings {
			return stop{message.TooMany}
		}
		length, flags := s.number(2), s.number(1)
		runs, extra := 0, 0
		if flags&8 != 0 {
			runs = s.number(2)
		}
		if flags&4 != 0 {
			extra = s.number(4)
		}
		text := s.letters(length, flags&1 != 0)
		x.shared = append(x.shared, text)
		s.skip(4*runs + extra)
		if s.short {
			x.short = true
			return nil
		}
	}
	return nil
}

// textBox writes the text of a text box or of a cell's comment ([MS-XLS] 2.4.329).
func (x *workbook) textBox(o *octets, parts [][]byte) {
	n := o.u16(10)
	if n == 0 || len(parts) < 2 || len(parts[1]) == 0 {
		return
	}
	s := &segments{parts: parts[1:], at: 1}
	x.aside(Comment, s.letters(n, parts[1][0]&1 != 0))
}
