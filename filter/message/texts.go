package message

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/transform"
	"golang.org/x/text/unicode/norm"
)

// TextReading is one way to read the text of a part.
type TextReading struct {
	Charset string // lower case; "utf-8" where nothing says it
	Guessed bool   // the letters say so and no label

	part *Part
	from func() transform.Transformer // nil: as labelled
	back bool                         // the labelled text is turned back into octets before
}

// Open reads the text as UTF-8 in NFC, like Part.Text. The only errors are those of the message's own
// reader.
func (t TextReading) Open() io.Reader {
	if t.from == nil {
		return t.part.Text()
	}
	r := t.part.Open()
	if t.back {
		r = transform.NewReader(charsetReader(t.part.Params["charset"], r), toWindows1252{})
	}
	return t.part.joined(norm.NFC.Reader(transform.NewReader(r, t.from())))
}

// Texts are the ways to read a leaf's text. The first is Part.Text's. Others follow when the first 32 KiB
// hold more plausible syllables of Vietnamese in another charset, the best first (see Readings), and when
// an HTML text names another charset than its label does (HTML, section 4.2.5.4). The error is one of the
// message's own reader.
func (p *Part) Texts() ([]TextReading, error) {
	label := p.Params["charset"]
	out := []TextReading{{Charset: charsetName(label), part: p}}
	buf := takeBuffer(windowBuffer)
	defer giveBuffer(buf)
	n, err := io.ReadFull(p.Open(), buf[:maxSample])
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return nil, fmt.Errorf("reading the text of part %q: %w", p.ID, err)
	}
	raw := sample(buf[:n])
	html := p.MediaType == "text/html" || p.MediaType == "application/xhtml+xml"
	dec := charsetDecoder(label)
	back := dec == nil && utf8.Valid(raw)
	var guessed []string
	if !back || onceRead(raw) {
		octets := raw
		if back {
			octets = decodeWith(toWindows1252{}, raw)
		}
		if dec == nil {
			dec = lenientUTF8{}
		}
		guessed = rank(octets, scoreText(NFC(string(decodeWith(dec, raw))), html), html)
	}
	for _, g := range guessed {
		out = append(out, TextReading{Charset: g, Guessed: true, part: p, back: back,
			from: func() transform.Transformer { return guessDecoder(g) }})
	}
	if named := metaCharset(raw); html && named != "" && !sameCharset(named, label) {
		out = append(out, TextReading{Charset: charsetName(named), part: p,
			from: func() transform.Transformer { return guessDecoder(named) }})
	}
	return out, nil
}

// maxMeta is how many octets of an HTML text are searched for its charset: four times what HTML allows.
const maxMeta = 4 << 10

// metaCharset is the charset that an HTML text names in a meta element, "" without one.
func metaCharset(html []byte) string {
	html = html[:min(len(html), maxMeta)]
	for {
		i := bytes.IndexByte(html, '<')
		if i < 0 {
			return ""
		}
		html = html[i:]
		if len(html) < len("<meta") || !bytes.EqualFold(html[:len("<meta")], []byte("<meta")) {
			html = html[1:]
			continue
		}
		tag, after, _ := bytes.Cut(html[len("<meta"):], []byte(">"))
		html = after
		_, value, ok := strings.Cut(strings.ToLower(string(tag)), "charset")
		value, eq := strings.CutPrefix(strings.TrimLeft(value, " \t\r\n"), "=")
		if !ok || !eq {
			continue
		}
		value = strings.TrimLeft(value, " \t\r\n\"'")
		if end := strings.IndexAny(value, " \t\r\n\"';/"); end >= 0 {
			value = value[:end]
		}
		if value != "" && len(value) <= maxCharsetName {
			return MetaCharset(value)
		}
	}
}

// MetaCharset is the charset that a name in a meta element means: the element was read in octets, so that UTF-16 is
// not what it is (HTML, section 13.2.3.2).
func MetaCharset(name string) string {
	if strings.HasPrefix(strings.ToLower(name), "utf-16") {
		return "utf-8"
	}
	return name
}

// sameCharset tells two names of one charset. Names that nobody knows are read as UTF-8 is.
func sameCharset(a, b string) bool {
	return canonicalCharset(a) == canonicalCharset(b)
}

func canonicalCharset(name string) string {
	if charsetDecoder(name) == nil {
		return "utf-8"
	}
	if enc, err := htmlindex.Get(name); err == nil {
		if canonical, err := htmlindex.Name(enc); err == nil {
			return canonical
		}
	}
	return charsetName(name)
}
