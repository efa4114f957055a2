package extract

import (
	"bytes"
	"unicode/utf16"
)

// maxPDFPath is how many octets of the name of a file in a PDF file are looked at.
const maxPDFPath = 1 << 10

// pdfNames are what names in a PDF file tell.
type pdfNames struct {
	facts map[Fact]bool
	form  bool // a form in XML (XFA), which may hold scripts
	tells bool // texts that stand for what is shown
}

// note looks at every name in the octets.
func (n *pdfNames) note(b []byte) {
	for {
		i := bytes.IndexByte(b, '/')
		if i < 0 || i+1 >= len(b) {
			return
		}
		b = b[i:]
		switch b[1] {
		case 'A', 'J', 'L', 'F', 'U', 'X', '#':
			n.name(b)
		}
		b = b[1:]
	}
}

// name looks at the name that b begins with, and at what stands behind it.
func (n *pdfNames) name(b []byte) {
	for _, name := range [...]string{"/JavaScript", "/JS", "/Launch", "/F", "/UF", "/XFA", "/Alt", "/ActualText"} {
		end, ok := pdfNameIs(b, name)
		if !ok || end < len(b) && !isPDFDelimiter(b[end]) {
			continue
		}
		switch name {
		case "/JavaScript", "/JS":
			n.facts[Script] = true
		case "/Launch":
			n.facts[Launch] = true
		case "/XFA":
			n.form = true
		case "/Alt", "/ActualText":
			n.tells = true
		default: // the file of an action or of a stream (PDF 1.7 section 7.11)
			if path, ok := pdfString(b[end:]); ok && foreignShare(path) {
				n.facts[RemoteTemplate] = true
			}
		}
		return
	}
}

// pdfString is the string that b begins with (PDF 1.7 section 7.3.4), its beginning at least.
func pdfString(b []byte) (string, bool) {
	b = bytes.TrimLeft(b[:min(len(b), 2*maxPDFPath)], "\x00\t\n\f\r ")
	var out []byte
	switch {
	case bytes.HasPrefix(b, []byte("(")):
		out = literalString(b[1:])
	case bytes.HasPrefix(b, []byte("<")) && !bytes.HasPrefix(b, []byte("<<")):
		var d rtfData
		for _, c := range b[1:] {
			if c == '>' {
				break
			}
			d.digit(c)
		}
		out = d.data
	default:
		return "", false
	}
	if bytes.HasPrefix(out, []byte("\xfe\xff")) {
		units := make([]uint16, 0, len(out)/2)
		for i := 2; i+1 < len(out); i += 2 {
			units = append(units, uint16(out[i])<<8|uint16(out[i+1]))
		}
		return string(utf16.Decode(units)), true
	}
	return string(out), true
}

// literalString decodes a string in parentheses behind the first (PDF 1.7 section 7.3.4.2).
func literalString(b []byte) (out []byte) {
	for i, depth := 0, 0; i < len(b); i++ {
		c := b[i]
		switch {
		case c == '(':
			depth++
		case c == ')' && depth == 0:
			return out
		case c == ')':
			depth--
		case c == '\\' && i+1 < len(b):
			i++
			if b[i] < '0' || b[i] > '7' {
				if b[i] != '\n' && b[i] != '\r' { // a line that goes on
					out = append(out, b[i])
				}
				continue
			}
			v, n := 0, 0
			for ; n < 3 && i+n < len(b) && b[i+n] >= '0' && b[i+n] <= '7'; n++ {
				v = v<<3 | int(b[i+n]-'0')
			}
			i += n - 1
			c = byte(v)
		}
		out = append(out, c)
	}
	return out
}

// formScript tells a script in a form in XML (XFA 3.3, "script"), which lies in streams of the file.
func formScript(file []byte) bool {
	script := []byte("<script")
	if bytes.Contains(file, script) {
		return true
	}
	budget := int64(maxObjectStreamOctets)
	rest := file
	for range maxObjectStreams {
		i := bytes.Index(rest, []byte("stream"))
		if i < 0 || budget <= 0 {
			return false
		}
		rest = rest[i+len("stream"):]
		body := bytes.TrimLeft(rest[:min(len(rest), 1<<20)], "\r\n")
		stream := inflated(body, min(budget, 4<<20))
		budget -= int64(len(stream))
		if bytes.Contains(stream, script) {
			return true
		}
	}
	return false
}
