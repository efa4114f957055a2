package extract

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"io"
	"strings"

	"congthu/filter/message"
)

// Records of a presentation ([MS-PPT] 2.13.24).
const (
	pptSlide         = 0x03ee
	pptNotes         = 0x03f0
	pptMaster        = 0x03f8
	pptSlidePersist  = 0x03f3
	pptSlideList     = 0x0ff0
	pptHeaders       = 0x0fd9
	pptTextChars     = 0x0fa0
	pptTextBytes     = 0x0fa8
	pptCString       = 0x0fba
	pptComment       = 0x2ee0
	pptEmbedded      = 0x1011
	pptUserAtom      = 0x0ff6
	pptEncryptedMark = 0xf3d1c4df
	pptSlideListText = 0 // instance of a list of slides, not of masters or notes
)

// maxPPTDepth is how deep records may stand in records.
const maxPPTDepth = 64

// powerPoint reads a presentation of PowerPoint 97 to 2003.
func (d *oleReader) powerPoint(s storage) error {
	if user, err := s.stream("Current User"); err == nil {
		o := &octets{b: user}
		if o.u16(2) == pptUserAtom && o.u32(12) == pptEncryptedMark {
			return d.encrypted(s, 0)
		}
	}
	b, err := s.stream("PowerPoint Document")
	p := &presentation{d: d, w: newWriter(d.out, Body), kind: Body}
	if e := p.records(b); e != nil {
		return e
	}
	return errors.Join(p.w.flush(), err)
}

// presentation is a presentation as it is read: its records in the file's order, versions that were saved before as well.
type presentation struct {
	d       *oleReader
	w       *writer
	open    []pptContainer
	kind    Kind
	slide   int // slides begun
	outline int // slides of the list of texts
	page    int
}

// pptContainer is a record that holds records.
type pptContainer struct {
	kind, end int
	before    Kind // of text outside of it
	page      int
}

func (p *presentation) records(b []byte) error {
	for at := 0; at+8 <= len(b); {
		for len(p.open) > 0 && at >= p.open[len(p.open)-1].end {
			p.close()
		}
		version := int(binary.LittleEndian.Uint16(b[at:]))
		kind, n := int(binary.LittleEndian.Uint16(b[at+2:])), int(binary.LittleEndian.Uint32(b[at+4:]))
		if kind == 0 && version == 0 && n == 0 {
			break
		}
		at += 8
		whole := n <= len(b)-at
		n = min(n, len(b)-at)
		if version&0xf == 0xf {
			if len(p.open) >= maxPPTDepth {
				return stop{message.TooDeep}
			}
			p.enter(kind, version>>4, at+n)
			continue
		}
		if err := p.atom(kind, version>>4, b[at:at+n]); err != nil {
			return err
		}
		if at += n; !whole {
			return p.d.damage("a presentation", errShort)
		}
	}
	return nil
}

func (p *presentation) close() {
	last := p.open[len(p.open)-1]
	p.open = p.open[:len(p.open)-1]
	p.kind, p.page = last.before, last.page
}

func (p *presentation) enter(kind, instance, end int) {
	p.open = append(p.open, pptContainer{kind, end, p.kind, p.page})
	switch kind {
	case pptSlide:
		p.slide++
		p.page = p.slide
	case pptNotes:
		p.kind = Comment
	case pptMaster:
		p.page = 0
	case pptSlideList:
		p.outline, p.page = 0, 0
	case pptHeaders:
		p.kind = HeaderFooter
	case pptComment:
		p.kind = Comment
	}
}

func (p *presentation) atom(kind, instance int, b []byte) error {
	switch kind {
	case pptSlidePersist:
		p.outline++
		p.page = p.outline
	case pptTextChars:
		p.text(utf16Text(b))
	case pptTextBytes:
		p.text(message.Decode("iso-8859-1", b))
	case pptCString:
		if p.kind != Body { // others name fonts and programs
			p.text(utf16Text(b))
		}
	case pptEmbedded:
		return p.embedded(instance, b)
	}
	return p.w.err
}

func (p *presentation) text(s string) {
	p.w.to(Text{Kind: p.kind, Page: p.page})
	for line := range strings.FieldsFuncSeq(s, func(c rune) bool { return c == '\r' || c == '\n' || c == 0x0b }) {
		p.w.own(line)
	}
}

// embedded passes on an object or the project of macros: a compound file, mostly compressed ([MS-PPT] 2.10.34).
func (p *presentation) embedded(instance int, b []byte) error {
	if instance == 0 {
		return p.d.out.member(nil, bytes.NewReader(b))
	}
	if len(b) < 4 {
		return p.d.damage("an object", errShort)
	}
	z, err := zlib.NewReader(bytes.NewReader(b[4:]))
	if err != nil {
		return p.d.damage("an object", err)
	}
	defer z.Close()
	return p.d.out.member(nil, io.Reader(z))
}
