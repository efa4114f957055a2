package extract

import (
	"bytes"
	"io"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/transform"
)

// maxEscape is how many octets an escape may have: "\u{10ffff}", or two of "\ud83d" for one letter.
const maxEscape = 12

// streamEscaped is stream, and tells whether the text has letters that are written as programs write them: "\u1ed0".
func streamEscaped(r io.Reader, t Text, o out) (escaped bool, err error) {
	w := &escapeWatch{r: r}
	err = stream(w, t, o)
	return w.seen, err
}

// escapeWatch looks for escapes in what passes through.
type escapeWatch struct {
	r    io.Reader
	end  []byte // of what passed before: an escape may be cut
	seen bool
}

func (w *escapeWatch) Read(p []byte) (int, error) {
	n, err := w.r.Read(p)
	if w.seen || n == 0 {
		return n, err
	}
	w.end = append(w.end, p[:min(n, maxEscape)]...)
	w.seen = hasEscape(w.end) || hasEscape(p[:n])
	if n > maxEscape {
		w.end = append(w.end[:0], p[n-maxEscape:n]...)
	} else {
		w.end = append(w.end[:0], w.end[max(0, len(w.end)-maxEscape):]...)
	}
	return n, err
}

func hasEscape(b []byte) bool {
	for {
		i := bytes.Index(b, []byte(`\u`))
		if i < 0 {
			return false
		}
		if r, n := escape(b[i:]); n > 0 && r >= utf8.RuneSelf {
			return true
		}
		b = b[i+2:]
	}
}

// escape is the letter that b begins with an escape for, and how long the escape is; 0 for none: "\u1ed0" of JSON, Java,
// JavaScript, Python and others, "\u{1ed0}" of some.
func escape(b []byte) (rune, int) {
	if rest, ok := bytes.CutPrefix(b, []byte(`\u{`)); ok {
		end := bytes.IndexByte(rest[:min(len(rest), 7)], '}')
		if end < 1 {
			return 0, 0
		}
		n, err := strconv.ParseUint(string(rest[:end]), 16, 32)
		if err != nil || !utf8.ValidRune(rune(n)) {
			return 0, 0
		}
		return rune(n), 3 + end + 1
	}
	unit, ok := codeUnit(b)
	if !ok {
		return 0, 0
	}
	if utf16.IsSurrogate(unit) {
		if low, ok := codeUnit(b[6:]); ok && utf16.IsSurrogate(low) {
			return utf16.DecodeRune(unit, low), 12
		}
		return utf8.RuneError, 6
	}
	return unit, 6
}

// codeUnit is that of "\u1ed0".
func codeUnit(b []byte) (rune, bool) {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(string(b[2:6]), 16, 16)
	return rune(n), err == nil
}

// unescaped is a text with its escapes replaced: letters, and the breaks and signs that JSON writes so (RFC 8259
// section 7).
func unescaped(r io.Reader) io.Reader { return transform.NewReader(r, unescaper{}) }

type unescaper struct{ transform.NopResetter }

// Transform implements transform.Transformer.
func (unescaper) Transform(dst, src []byte, atEOF bool) (nDst, nSrc int, err error) {
	for nSrc < len(src) {
		rest := src[nSrc:]
		plain := bytes.IndexByte(rest, '\\')
		if plain < 0 {
			plain = len(rest)
		}
		if plain > 0 {
			n := copy(dst[nDst:], rest[:plain])
			nDst, nSrc = nDst+n, nSrc+n
			if n < plain {
				return nDst, nSrc, transform.ErrShortDst
			}
			continue
		}
		if len(rest) < maxEscape && !atEOF {
			return nDst, nSrc, transform.ErrShortSrc
		}
		letter, n := sign(rest)
		if len(dst)-nDst < utf8.UTFMax {
			return nDst, nSrc, transform.ErrShortDst
		}
		nDst += utf8.EncodeRune(dst[nDst:], letter)
		nSrc += n
	}
	return nDst, nSrc, nil
}

// sign is what the backslash that b begins with, and what follows, stand for. Others stand for themselves.
func sign(b []byte) (rune, int) {
	if r, n := escape(b); n > 0 {
		return r, n
	}
	if len(b) > 1 {
		switch b[1] {
		case 'n', 'r':
			return '\n', 2
		case 't':
			return '\t', 2
		case '"', '\\', '/':
			return rune(b[1]), 2
		}
	}
	return '\\', 1
}
