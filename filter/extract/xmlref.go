package extract

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf8"
)

// unescape replaces references to characters (XML 1.0 section 4.1). Others stay as they are written.
func unescape(b []byte) []byte {
	i := bytes.IndexByte(b, '&')
	if i < 0 {
		return b
	}
	out := make([]byte, 0, len(b))
	for i >= 0 {
		out = append(out, b[:i]...)
		b = b[i:]
		end := bytes.IndexByte(b[:min(len(b), maxReference)], ';')
		r := rune(-1)
		if end > 0 {
			r = reference(string(b[1:end]))
		}
		if r < 0 {
			end = 0
			out = append(out, '&')
		} else {
			out = utf8.AppendRune(out, r)
		}
		b = b[end+1:]
		i = bytes.IndexByte(b, '&')
	}
	return append(out, b...)
}

func reference(name string) rune {
	switch name {
	case "lt":
		return '<'
	case "gt":
		return '>'
	case "amp":
		return '&'
	case "quot":
		return '"'
	case "apos":
		return '\''
	}
	number, ok := strings.CutPrefix(name, "#")
	if !ok {
		return -1
	}
	base := 10
	if hex, ok := strings.CutPrefix(strings.ToLower(number), "x"); ok {
		number, base = hex, 16
	}
	n, err := strconv.ParseInt(number, base, 32)
	if err != nil || n < 0 || !utf8.ValidRune(rune(n)) {
		return -1
	}
	return rune(n)
}
