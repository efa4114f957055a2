package extract

import (
	"bytes"
	"encoding/base64"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"
)

// handler judges a script that stands in an attribute of a page: a handler of an event, or an address that is a script.
func (s *smuggled) handler(code string) error {
	s.begin()
	err := s.add(code)
	s.end()
	return err
}

// script judges a script that stands in the address of a page's script (RFC 2397), and an address that is a script.
func (s *smuggled) script(address string) error {
	head := strings.ToLower(squeeze(address[:min(len(address), dataURLLetter)]))
	switch {
	case strings.HasPrefix(head, "javascript:"):
		_, code, _ := strings.Cut(address, ":")
		return s.handler(percentDecoded(code))
	case !strings.HasPrefix(head, "data:"):
		return nil
	}
	kind, code, _ := strings.Cut(address, ",")
	if !strings.HasSuffix(strings.ToLower(strings.TrimSpace(kind)), ";base64") {
		return s.handler(percentDecoded(code))
	}
	code = strings.TrimRight(squeeze(percentDecoded(code)), "=")
	b, _ := base64.RawStdEncoding.DecodeString(code[:len(code)&^3]) // what is before the damage stands
	return s.handler(string(b))
}

func percentDecoded(s string) string {
	if d, err := url.PathUnescape(s); err == nil {
		return d
	}
	return s
}

// dataHead is the beginning of an address that holds what it leads to, before its data in Base64.
func dataHead(s string) (head string, ok bool) {
	if len(s) < len("data:") || !strings.EqualFold(s[:len("data:")], "data:") {
		return "", false
	}
	if i := strings.IndexAny(s[:min(len(s), 2*dataURLLetter)], ",\"'`"); i > 0 && s[i] == ',' && strings.HasSuffix(strings.ToLower(s[:i]), ";base64") {
		return s[:i+1], true
	}
	return "", false
}

// leadsToData tells code with an address that holds what it leads to, and that is nothing which a page shows.
func leadsToData(code []byte) bool {
	for rest := code; ; {
		i := bytes.Index(rest, []byte("data:"))
		if i < 0 {
			return false
		}
		rest = rest[i+len("data:"):]
		if head := rest[:min(len(rest), dataURLLetter)]; bytes.Contains(head, []byte(";base64,")) && !harmlessData(string(head)) {
			return true
		}
	}
}

// leadsToFile tells code that goes to, or gives to the reader, an archive or a program which it makes of text: what is
// in a page under these types no page shows.
func leadsToFile(code []byte) bool {
	return hasAny(code, "data:application/zip;base64,", "data:application/x-zip-compressed;base64,", "data:application/octet-stream;base64,",
		"data:application/octet-binary;base64,", "data:application/x-msdownload;base64,", "data:application/x-msdos-program;base64,",
		"data:application/x-iso9660-image;base64,", "data:application/x-7z-compressed;base64,", "data:application/vnd.rar;base64,",
		"data:application/x-rar-compressed;base64,", "data:application/hta;base64,", "import('data:", `import("data:`) &&
		hasAny(code, "location", "window.open(", "open(", ".src=", ".href=", "click()", "setattribute(", "import(")
}

// spelledOut replaces the letters that a script gives by number, in names and short texts: "\x61tob", "\u0061tob". What is
// longer is data.
func spelledOut(code string) string {
	i := strings.IndexByte(code, '\\')
	if i < 0 {
		return code
	}
	var b strings.Builder
	for ; i >= 0; i = strings.IndexByte(code, '\\') {
		b.WriteString(code[:i])
		code = code[i:]
		letter, n := escape([]byte(code[:min(len(code), maxEscape)]))
		if len(code) >= 4 && code[1] == 'x' {
			if v, err := strconv.ParseUint(code[2:4], 16, 8); err == nil {
				letter, n = rune(v), 4
			}
		}
		if n == 0 || letter < ' ' || letter >= utf8.RuneSelf {
			letter, n = '\\', 1
		}
		b.WriteRune(letter)
		code = code[n:]
	}
	b.WriteString(code)
	return b.String()
}
