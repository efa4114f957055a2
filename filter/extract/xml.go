package extract

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"congthu/filter/message"
)

// maxTag is how many octets one tag of XML, with all its attributes, may have.
const maxTag = 256 << 10

// xmlKind is a kind of token.
type xmlKind int

const (
	xmlStart xmlKind = iota // name, attributes
	xmlEnd                  // name
	xmlText                 // text, maybe a part of it
)

// xmlReader reads XML as a stream of tags and text: it keeps one tag, checks no names against each other, and expands
// no entities but the five that XML has and those by number, so that a declared one stands for itself. Memory is
// bounded by maxTag, nesting by a limit.
type xmlReader struct {
	r        io.Reader
	buf      []byte
	at, end  int
	eof      error // of r, when it has ended
	depth    int
	maxDepth int

	name   []byte // local name of a tag; until the next token, as the rest
	prefix []byte
	tag    []byte // the attributes as they are written
	parsed bool
	attrs  []xmlAttr
	text   []byte
	closes bool // the tag is one that ends at once: its end is the next token
	cdata  bool
}

// xmlAttr is an attribute: local name and value, as they are written.
type xmlAttr struct{ name, value []byte }

// xmlWindow is how many octets are read together.
const xmlWindow = 32 << 10

// declarationBytes is where the charset of XML is looked for.
const declarationBytes = 512

var errXML = errors.New("reading XML: it ends too early")

// newXMLReader reads r, whose charset is the one that a byte order mark or the XML declaration says.
func newXMLReader(r io.Reader, maxDepth int) *xmlReader {
	x := &xmlReader{r: r, buf: make([]byte, 0, xmlWindow), maxDepth: maxDepth}
	for x.end < declarationBytes && x.fill() {
	}
	head := x.buf[:x.end]
	if decode, ok := wideText(head); ok {
		x.recode(decode)
	} else if charset := declaredCharset(head); charset != "" && !strings.EqualFold(charset, "utf-8") && !strings.HasPrefix(strings.ToLower(charset), "utf-16") {
		x.recode(func(r io.Reader) io.Reader { return message.DecodeReader(charset, r) })
	}
	return x
}

func (x *xmlReader) recode(decode func(io.Reader) io.Reader) {
	head := bytes.Clone(x.buf[:x.end])
	rest := x.r
	if x.eof != nil {
		rest = failed{x.eof}
	}
	*x = xmlReader{r: decode(io.MultiReader(bytes.NewReader(head), rest)), buf: x.buf[:0], maxDepth: x.maxDepth}
}

type failed struct{ err error }

func (f failed) Read([]byte) (int, error) { return 0, f.err }

// declaredCharset is the charset of an XML declaration.
func declaredCharset(head []byte) string {
	decl, _, ok := bytes.Cut(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")), []byte("?>"))
	if !ok || !bytes.HasPrefix(decl, []byte("<?xml")) {
		return ""
	}
	_, value, ok := bytes.Cut(decl, []byte("encoding"))
	value = bytes.TrimLeft(value, " \t\r\n=")
	if !ok || len(value) < 2 || value[0] != '"' && value[0] != '\'' {
		return ""
	}
	value, _, _ = bytes.Cut(value[1:], value[:1])
	return string(value)
}

// fill reads more behind what is kept. It grows the buffer up to a tag's size.
func (x *xmlReader) fill() bool {
	if x.eof != nil {
		return false
	}
	if x.at > 0 {
		x.end = copy(x.buf[:cap(x.buf)], x.buf[x.at:x.end])
		x.at = 0
	}
	if x.end == cap(x.buf) {
		if cap(x.buf) >= maxTag {
			return false
		}
		grown := make([]byte, x.end, 2*cap(x.buf))
		copy(grown, x.buf[:x.end])
		x.buf = grown
	}
	for range 100 { // a reader that gives nothing for ever is broken
		n, err := x.r.Read(x.buf[x.end:cap(x.buf)])
		x.end += n
		x.buf = x.buf[:x.end]
		if err != nil {
			x.eof = err
			return n > 0
		}
		if n > 0 {
			return true
		}
	}
	x.eof = io.ErrNoProgress
	return false
}

// next reads a token. io.EOF is the end of a whole document.
func (x *xmlReader) next() (xmlKind, error) {
	if x.closes {
		x.closes = false
		x.depth--
		return xmlEnd, nil
	}
	for {
		rest := x.buf[x.at:x.end]
		if x.cdata {
			if kind, ok := x.inCDATA(rest); ok {
				return kind, nil
			}
		} else if i := bytes.IndexByte(rest, '<'); i != 0 {
			if n := x.textEnd(rest, i); n > 0 {
				x.text = unescape(rest[:n])
				x.at += n
				return xmlText, nil
			}
		} else {
			kind, found, err := x.markup(rest)
			if err != nil || found == whole {
				return kind, err
			}
			if found == passed {
				continue
			}
		}
		if had := x.eof; !x.fill() && (had != nil || x.eof == nil) {
			return 0, x.ended()
		}
	}
}

// ended is why there is no more.
func (x *xmlReader) ended() error {
	switch {
	case x.eof == nil:
		return stop{message.TooBig} // a tag without an end
	case x.eof != io.EOF:
		return x.eof
	case x.at < x.end || x.depth > 0 || x.cdata:
		return errXML
	}
	return io.EOF
}

// textEnd is how much of rest is text that may be passed on: i octets before a tag, or with i < 0 all but what may be
// the beginning of a letter or of a reference.
func (x *xmlReader) textEnd(rest []byte, i int) int {
	if i >= 0 {
		return i
	}
	if x.eof != nil {
		return len(rest)
	}
	n := len(rest)
	if a := bytes.LastIndexByte(rest[max(0, n-maxReference):], '&'); a >= 0 {
		n = max(0, n-maxReference) + a
	}
	for k := 1; k < utf8.UTFMax && k <= n; k++ {
		if c := rest[n-k]; utf8.RuneStart(c) {
			if !utf8.FullRune(rest[n-k : n]) {
				n -= k
			}
			break
		}
	}
	return n
}

// maxReference is how many octets a reference to a character may have.
const maxReference = 12

func (x *xmlReader) inCDATA(rest []byte) (xmlKind, bool) {
	n := bytes.Index(rest, []byte("]]>"))
	if n >= 0 {
		x.cdata = false
		x.at += n + 3
	} else {
		if n = max(0, len(rest)-utf8.UTFMax); n == 0 {
			return 0, false
		}
		for n > 0 && !utf8.RuneStart(rest[n]) {
			n--
		}
		x.at += n
	}
	x.text = rest[:n]
	return xmlText, n > 0
}

// found says what markup found.
type found int

const (
	cutOff found = iota // more must be read
	passed              // something without meaning
	whole               // a tag
)

// markup reads what begins with "<".
func (x *xmlReader) markup(rest []byte) (xmlKind, found, error) {
	if len(rest) < len("<![CDATA[") && x.eof == nil {
		return 0, cutOff, nil
	}
	if len(rest) > 1 && rest[1] != '!' && rest[1] != '?' {
		return x.element(rest)
	}
	switch {
	case bytes.HasPrefix(rest, []byte("<!--")):
		x.skip(4, "-->")
		return 0, passed, nil
	case bytes.HasPrefix(rest, []byte("<![CDATA[")):
		x.cdata = true
		x.at += 9
		return 0, passed, nil
	case bytes.HasPrefix(rest, []byte("<?")):
		x.skip(2, "?>")
		return 0, passed, nil
	case bytes.HasPrefix(rest, []byte("<!")):
		x.doctype()
		return 0, passed, nil
	}
	return x.element(rest)
}

// element reads a tag.
func (x *xmlReader) element(rest []byte) (xmlKind, found, error) {
	n := tagEnd(rest)
	if n < 0 {
		return 0, cutOff, nil
	}
	x.at += n + 1
	tag := rest[1:n]
	if len(tag) > 0 && tag[0] == '/' {
		x.depth = max(0, x.depth-1)
		x.tag, x.parsed = nil, false
		for tag = tag[1:]; len(tag) > 0 && tag[len(tag)-1] <= ' '; { // bytes.TrimRight makes a set each time
			tag = tag[:len(tag)-1]
		}
		x.setName(tag)
		return xmlEnd, whole, nil
	}
	if x.depth++; x.depth > x.maxDepth {
		return 0, whole, stop{message.TooDeep}
	}
	if n := len(tag); n > 0 && tag[n-1] == '/' {
		x.closes = true
		tag = tag[:n-1]
	}
	x.parse(tag)
	return xmlStart, whole, nil
}

// tagEnd finds the ">" outside of quotes, -1 without.
func tagEnd(b []byte) int {
	for i := 1; i < len(b); i++ {
		switch b[i] {
		case '>':
			return i
		case '"', '\'':
			n := bytes.IndexByte(b[i+1:], b[i])
			if n < 0 {
				return -1
			}
			i += n + 1
		}
	}
	return -1
}

// skip passes over what ends with the given sign.
func (x *xmlReader) skip(n int, end string) {
	x.at += n
	for {
		rest := x.buf[x.at:x.end]
		if i := bytes.Index(rest, []byte(end)); i >= 0 {
			x.at += i + len(end)
			return
		}
		x.at += max(0, len(rest)-len(end)+1)
		if !x.fill() {
			return
		}
	}
}

// doctype passes over a document type with its internal subset.
func (x *xmlReader) doctype() {
	depth, quote := 0, byte(0)
	for {
		for x.at < x.end {
			c := x.buf[x.at]
			x.at++
			switch {
			case quote != 0:
				if c == quote {
					quote = 0
				}
			case c == '"' || c == '\'':
				quote = c
			case c == '<':
				depth++
			case c == '>':
				if depth--; depth <= 0 {
					return
				}
			}
		}
		if !x.fill() {
			return
		}
	}
}

func (x *xmlReader) setName(b []byte) {
	x.prefix = nil
	if i := bytes.IndexByte(b, ':'); i >= 0 {
		x.prefix, b = b[:i], b[i+1:]
	}
	x.name = b
}

// parse reads a tag's name. Most attributes are never asked for.
func (x *xmlReader) parse(tag []byte) {
	n := 0
	for n < len(tag) && tag[n] > ' ' {
		n++
	}
	x.setName(tag[:n])
	x.tag, x.parsed = tag[n:], false
}
