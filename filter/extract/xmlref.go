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

// attributes are those of the start tag that was read last.
func (x *xmlReader) attributes() []xmlAttr {
	if x.parsed {
		return x.attrs
	}
	x.attrs, x.parsed = x.attrs[:0], true
	for rest := x.tag; ; {
		rest = bytes.TrimLeft(rest, " \t\r\n")
		i := bytes.IndexByte(rest, '=')
		if i < 0 {
			return x.attrs
		}
		name := bytes.TrimRight(rest[:i], " \t\r\n")
		if k := bytes.LastIndexByte(name, ':'); k >= 0 {
			name = name[k+1:]
		}
		rest = bytes.TrimLeft(rest[i+1:], " \t\r\n")
		if len(rest) == 0 || rest[0] != '"' && rest[0] != '\'' {
			return x.attrs
		}
		k := bytes.IndexByte(rest[1:], rest[0])
		if k < 0 {
			return x.attrs
		}
		x.attrs = append(x.attrs, xmlAttr{name, rest[1 : 1+k]})
		rest = rest[k+2:]
	}
}

// attr is the value of an attribute by its local name, "" without.
func (x *xmlReader) attr(name string) string {
	for _, a := range x.attributes() {
		if string(a.name) == name {
			return string(unescape(a.value))
		}
	}
	return ""
}

// off tells an attribute "val" that says no, as switches of Office have it.
func (x *xmlReader) off() bool {
	switch x.attr("val") {
	case "0", "false", "off", "none":
		return true
	}
	return false
}
