package extract

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/url"
	"strings"

	"congthu/filter/message"
)

const (
	calendarHead  = 4 << 10 // octets of a property's name and parameters; one with more is no file
	calendarFiles = 1000    // files in one calendar or card
	calendarURL   = 1 << 20 // octets of a file in an address that is not in Base64
)

// filesInCalendar hands on the files that stand in a calendar or a card themselves: a value in Base64 (RFC 5545 section 3.8.1.1,
// vCard 2.1 and 3.0), or an address that holds one (RFC 2397), as vCard 4.0 has them.
func filesInCalendar(r io.Reader, o out) error {
	c := &contentOctets{r: bufio.NewReaderSize(r, 32<<10), start: true}
	for n := 0; ; {
		head, err := c.head()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		value, names := calendarFile(head, c)
		if value == nil {
			if _, err := io.Copy(io.Discard, c); err != nil {
				return err
			}
			continue
		}
		if n++; n > calendarFiles {
			return stop{message.TooMany}
		}
		if err := o.member(names, value); err != nil {
			return err
		}
		if _, err := io.Copy(io.Discard, c); err != nil { // what stands behind damage
			return err
		}
	}
}

// calendarFile is the file in the value of a property, nil when it is none. names are those that its parameters give.
func calendarFile(head string, c *contentOctets) (value io.Reader, names []string) {
	encoded := false
	for i, p := range contentParams(head) {
		if i == 0 {
			continue
		}
		key, v, named := strings.Cut(p, "=")
		v = strings.Trim(v, `" `)
		switch key = strings.ToUpper(strings.TrimSpace(key)); {
		case strings.Contains(key, "NAME"): // FILENAME (RFC 8607 section 4.2), X-FILENAME and others
			if unescaped, err := url.PathUnescape(v); err == nil && unescaped != v {
				names = append(names, unescaped)
			}
			names = append(names, v)
		case key == "ENCODING" && (strings.EqualFold(v, "base64") || strings.EqualFold(v, "b")), !named && key == "BASE64":
			encoded = true
		}
	}
	if encoded {
		return &base64Octets{r: c}, names
	}
	if kind := c.peek(len("data:")); !strings.EqualFold(kind, "data:") {
		return nil, nil
	}
	address, err := c.until(',')
	switch {
	case err != nil:
		return nil, nil
	case strings.HasSuffix(strings.ToLower(strings.TrimSpace(address)), ";base64"):
		return &base64Octets{r: c}, names
	}
	b, err := io.ReadAll(io.LimitReader(c, calendarURL+1))
	if len(b) > calendarURL {
		err = stop{message.TooBig}
	}
	text, unescapable := url.PathUnescape(string(b))
	if unescapable != nil {
		text = string(b)
	}
	if err != nil {
		return failed{err}, names
	}
	return strings.NewReader(text), names
}

// contentParams are a property's name and its parameters.
func contentParams(head string) []string {
	var all []string
	quoted, from := false, 0
	for i := range len(head) {
		switch head[i] {
		case '"':
			quoted = !quoted
		case ';':
			if !quoted {
				all, from = append(all, head[from:i]), i+1
			}
		}
	}
	return append(all, head[from:])
}

// base64Octets decodes Base64 as programs do that care little: what stands in none is left out, and padding ends nothing.
type base64Octets struct {
	r    io.Reader
	in   [4 << 10]byte
	out  []byte // decoded
	bits uint32 // of letters that make no octet yet
	n    int    // of them
	err  error
}

// Read implements io.Reader.
func (b *base64Octets) Read(p []byte) (int, error) {
	for len(b.out) == 0 {
		if b.err != nil {
			return 0, b.err
		}
		var n int
		n, b.err = b.r.Read(b.in[:])
		b.out = b.in[:0] // three octets of four: they never catch up
		for _, c := range b.in[:n] {
			b.letter(c)
		}
	}
	n := copy(p, b.out)
	b.out = b.out[n:]
	return n, nil
}

// letter takes one letter, six bits.
func (b *base64Octets) letter(c byte) {
	v := strings.IndexByte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", c)
	switch {
	case c == '-':
		v = 62
	case c == '_':
		v = 63
	case c == '=':
		b.n = 0
		return
	case v < 0:
		return
	}
	b.bits = b.bits<<6 | uint32(v)
	if b.n += 6; b.n >= 8 {
		b.n -= 8
		b.out = append(b.out, byte(b.bits>>b.n))
	}
}

// contentOctets reads the lines of a calendar unfolded (RFC 5545 section 3.1), one after the other.
type contentOctets struct {
	r     *bufio.Reader
	start bool // at the beginning of a line
}

// Read reads the rest of the line. The end is io.EOF.
func (c *contentOctets) Read(p []byte) (int, error) {
	for n := 0; n < len(p); n++ {
		b, err := c.octet()
		if err != nil {
			if n > 0 && errors.Is(err, io.EOF) {
				return n, nil
			}
			return n, err
		}
		p[n] = b
	}
	return len(p), nil
}

// octet is the next of the line.
func (c *contentOctets) octet() (byte, error) {
	for {
		if c.start {
			return 0, io.EOF
		}
		b, err := c.r.ReadByte()
		switch {
		case err != nil:
			c.start = true
			return 0, err
		case b == '\r':
			continue
		case b != '\n':
			return b, nil
		}
		if next, err := c.r.Peek(1); err == nil && (next[0] == ' ' || next[0] == '\t') {
			if _, err := c.r.Discard(1); err != nil {
				return 0, err
			}
			continue
		}
		c.start = true
	}
}

// head reads a property's name and parameters. io.EOF is the end of the file; a line without a value has an empty one.
func (c *contentOctets) head() (string, error) {
	if _, err := c.r.Peek(1); err != nil {
		return "", err
	}
	c.start = false
	head, err := c.until(':')
	if errors.Is(err, io.EOF) || errors.Is(err, errLongHead) {
		return "", nil
	}
	return head, err
}

var errLongHead = errors.New("a property's parameters are too long")

// until reads the line up to a sign that stands in no quotes. The error is io.EOF when there is none.
func (c *contentOctets) until(sign byte) (string, error) {
	var b bytes.Buffer
	for quoted := false; b.Len() <= calendarHead; {
		o, err := c.octet()
		if err != nil {
			return "", err
		}
		if o == '"' {
			quoted = !quoted
		}
		if o == sign && !quoted {
			return b.String(), nil
		}
		b.WriteByte(o)
	}
	return "", errLongHead
}

// peek is what the value begins with, where that is not folded.
func (c *contentOctets) peek(n int) string {
	if c.start {
		return ""
	}
	b, _ := c.r.Peek(n) // a short one is none
	return string(b)
}
