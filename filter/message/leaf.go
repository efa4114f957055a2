package message

import (
	"io"
	"iter"

	"golang.org/x/text/transform"
)

// Parts walks over every part of every reading, a part before what is in it.
func (m *Message) Parts() iter.Seq[*Part] {
	return func(yield func(*Part) bool) { m.Root.walk(yield) }
}

// Leaves walks over the leaves of every reading, text outside of boundaries too.
func (m *Message) Leaves() iter.Seq[*Part] {
	return func(yield func(*Part) bool) {
		m.Root.walk(func(p *Part) bool { return !p.Leaf() || yield(p) })
	}
}

func (p *Part) walk(yield func(*Part) bool) bool {
	if !yield(p) {
		return false
	}
	for _, child := range p.Children {
		if !child.walk(yield) {
			return false
		}
	}
	for _, reading := range p.Readings {
		if !reading.walk(yield) {
			return false
		}
	}
	return true
}

// Leaf tells whether the part holds content of its own and not parts.
func (p *Part) Leaf() bool { return p.kind == leafPart }

// Raw reads the body as it came.
func (p *Part) Raw() io.Reader { return p.source.reader(p.Body) }

// Octets reads the part as it came, header and body: what a signature of it covers (RFC 1847 section 2.1).
func (p *Part) Octets() io.Reader { return p.source.reader(Range{p.Whole.Start, p.Body.End}) }

// Open reads the body decoded. Damaged encodings are read as mail clients read them; Measure tells
// of the damage. The only errors are those of the message's own reader.
func (p *Part) Open() io.Reader {
	if p.Encoding == Identity {
		return p.Raw()
	}
	return newDecodeReader(p.Raw(), decoder{enc: p.Encoding})
}

// Text reads the decoded body as UTF-8 in NFC, out of the charset that the part names. Octets that
// are not of that charset stay readable: what is no UTF-8 is read as Latin-1.
// The lines of format=flowed text are joined to paragraphs (RFC 3676).
func (p *Part) Text() io.Reader { return p.joined(charsetReader(p.Params["charset"], p.Open())) }

// joined reads text with the lines of format=flowed joined.
func (p *Part) joined(r io.Reader) io.Reader {
	if join := p.paragraphs(); join != nil {
		return transform.NewReader(r, join)
	}
	return r
}
