package mailauth

import (
	"bytes"
	"hash"
	"io"
	"strings"
)

const crlf = "\r\n"

// canonicalField appends a field in relaxed or simple form (RFC 6376 sections 3.4.1 and 3.4.2), with CRLF at its end.
// A line end that lost its CR in a file is a line end.
func canonicalField(out, raw []byte, relaxed bool) []byte {
	if !relaxed {
		start := len(out)
		for i, c := range raw {
			if c == '\n' && (i == 0 || raw[i-1] != '\r') {
				out = append(out, '\r')
			}
			out = append(out, c)
		}
		if !bytes.HasSuffix(out[start:], []byte(crlf)) {
			out = append(out, crlf...)
		}
		return out
	}
	name, value, _ := bytes.Cut(raw, []byte(":"))
	out = append(append(out, bytes.ToLower(bytes.TrimRight(name, " \t\r\n"))...), ':')
	start, blank := len(out), false
	for i, c := range value {
		switch {
		case c == ' ' || c == '\t':
			blank = true
		case c == '\n' || (c == '\r' && i+1 < len(value) && value[i+1] == '\n'):
			// unfolded: the blank after it stays
		default:
			if blank && len(out) > start {
				out = append(out, ' ')
			}
			blank = false
			out = append(out, c)
		}
	}
	return append(out, crlf...)
}

// withoutSignature is a signature's field with an empty b= (RFC 6376 section 3.7): the tag of that name alone.
func withoutSignature(raw []byte) []byte {
	colon := bytes.IndexByte(raw, ':')
	for start := colon + 1; start < len(raw); {
		end := len(raw)
		if i := bytes.IndexByte(raw[start:], ';'); i >= 0 {
			end = start + i
		}
		name, _, found := bytes.Cut(raw[start:end], []byte("="))
		if found && strings.TrimSpace(string(name)) == "b" {
			out := append([]byte{}, raw[:start+len(name)+1]...)
			return append(out, raw[end:]...)
		}
		start = end + 1
	}
	return raw
}

// bodyForm says how a body is hashed: the canonical form, and how much of it (l=, RFC 6376 section 3.5). length -1 is all.
type bodyForm struct {
	relaxed bool
	length  int64
}

// bodyHash is what came of a form: the SHA-256, and the length of the whole canonical body in octets.
type bodyHash struct {
	sum    []byte
	length int64
}

// limitedHash hashes the first left octets; below 0 all of them.
type limitedHash struct {
	hash.Hash
	left int64
}

func (h *limitedHash) Write(p []byte) (int, error) {
	if h.left < 0 {
		return h.Hash.Write(p)
	}
	n := min(int64(len(p)), h.left)
	h.left -= n
	_, err := h.Hash.Write(p[:n])
	return len(p), err
}

// bodyCanon writes the canonical form of a body (RFC 6376 sections 3.4.3 and 3.4.4). What it holds back is counted,
// not kept: empty lines that may be the last, and in relaxed form the blanks before what follows.
type bodyCanon struct {
	relaxed bool
	to      []io.Writer
	length  int64
	buf     []byte
	lines   int64 // line ends that are held back
	blank   bool
	cr      bool // the octet before was a CR
}

const canonBuffer = 32 << 10 // octets

func (c *bodyCanon) Write(p []byte) (int, error) {
	for n := len(p); ; {
		if c.cr && len(p) > 0 {
			c.cr = false
			if p[0] == '\n' {
				c.endLine()
				p = p[1:]
				continue
			}
			c.text([]byte{'\r'}) // a CR alone is an octet like others
		}
		if plain := c.plain(p); plain > 0 {
			c.text(p[:plain])
			p = p[plain:]
		}
		if len(p) == 0 {
			return n, nil
		}
		switch p[0] {
		case '\r':
			c.cr = true
		case '\n':
			c.endLine()
		default:
			c.blank = true
		}
		p = p[1:]
	}
}

// plain is how many octets p begins with that go out as they are. One blank between two words is one.
func (c *bodyCanon) plain(p []byte) int {
	for i, b := range p {
		switch {
		case b > ' ':
		case b == '\r' || b == '\n' || c.relaxed && b == '\t':
			return i
		case c.relaxed && b == ' ' && (i == 0 && c.blank || i+1 == len(p) || p[i+1] <= ' '):
			return i
		}
	}
	return len(p)
}

func (c *bodyCanon) endLine() {
	c.blank = false // RFC 6376 section 3.4.4 (a): blanks at the end of lines
	c.lines++
}

// text writes octets that stay, and before them what was held back.
func (c *bodyCanon) text(p []byte) {
	for c.lines > 0 {
		if canonBuffer-len(c.buf) < len(crlf) {
			c.flush()
		}
		n := min(c.lines, int64(canonBuffer-len(c.buf))/int64(len(crlf)))
		for range n {
			c.buf = append(c.buf, crlf...)
		}
		c.lines -= n
		c.length += n * int64(len(crlf))
	}
	if c.blank {
		c.put([]byte{' '})
		c.blank = false
	}
	c.put(p)
}

func (c *bodyCanon) put(p []byte) {
	c.length += int64(len(p))
	if len(c.buf)+len(p) > canonBuffer {
		c.flush()
	}
	c.buf = append(c.buf, p...)
}

func (c *bodyCanon) flush() {
	for _, w := range c.to {
		_, _ = w.Write(c.buf) // a hash never fails
	}
	c.buf = c.buf[:0]
}

// close writes the last line end: every body that has something in it ends with one, and an empty body is one in
// simple form and nothing in relaxed form.
func (c *bodyCanon) close() {
	if c.cr {
		c.cr = false
		c.text([]byte{'\r'})
	}
	if c.length > 0 || !c.relaxed {
		c.put([]byte(crlf))
	}
	c.flush()
}
