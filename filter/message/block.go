package message

import (
	"bytes"
	"strings"
)

// block is one header block as it stands in a source.
type block struct {
	at       Range // of the block, with the empty line that ends it
	header   *Header
	cut      bool // a boundary line ended it
	complete bool // it ended with an empty line, or at a line's end
	tooBig   bool // more than HeaderBytes or HeaderFields: the rest was not read
	kinds    []AnomalyKind
	// other is where another reader ends the block, because of a line that is no field; the octet at
	// which that reader's body begins, -1 without.
	other int64
	// loose is the block read with a CR alone as a line end too, nil when there is none.
	loose *block

	read []*entity // what the header says, made when asked for
}

// readBlock reads the header block that begins at start. It ends with an empty line, at a boundary
// line of known or at end. It returns nil when the headers of the message are over their limit.
func (s *scanner) readBlock(start, end int64, known *boundaries) *block {
	b := &block{other: -1}
	raw := takeBuffer(smallBuffer)
	off := start
	for off < end && !b.cut {
		c := s.window.from(off, maxDelimiter)
		c = c[:min(int64(len(c)), end-off)]
		if len(c) == 0 {
			break
		}
		if n := emptyLine(c); n > 0 {
			off += int64(n)
			b.complete = true
			break
		}
		if known != nil && c[0] == '-' && known.delimits(c) {
			b.cut = true
			break
		}
		n := 0
		raw, n = s.keepLine(raw, off, end, b)
		off += int64(n)
	}
	b.at = Range{start, off}
	if len(raw) > 0 && raw[len(raw)-1] == '\n' && off == end {
		b.complete = true
	}
	s.splitBlock(b, raw)
	giveBuffer(raw)
	if s.read.headerOctets += min(off-start, int64(s.read.limits.HeaderBytes)); s.read.headerOctets > int64(s.read.limits.HeadersBytes) {
		return nil
	}
	return b
}

// fits tells whether b is the header block of a part that stands in r. A line break at the end of r
// belongs to the boundary line that follows, so a block without a body may reach over it.
func (b *block) fits(r Range) bool {
	return b != nil && b.at.End <= r.End+2 && !(b.cut && b.at.End < r.End)
}

func emptyLine(c []byte) int {
	switch {
	case c[0] == '\n':
		return 1
	case c[0] == '\r' && len(c) > 1 && c[1] == '\n':
		return 2
	}
	return 0
}

// keepLine appends the line at off to raw, as long as the block keeps its limit, and returns the
// line's length.
func (s *scanner) keepLine(raw []byte, off, end int64, b *block) ([]byte, int) {
	length := 0
	for {
		c := s.window.from(off, 1)
		c = c[:min(int64(len(c)), end-off)]
		nl := bytes.IndexByte(c, '\n') + 1
		last := nl > 0 || len(c) == 0
		if nl > 0 {
			c = c[:nl]
		}
		length += len(c)
		off += int64(len(c))
		if room := s.read.limits.HeaderBytes - len(raw); len(c) > room {
			b.tooBig = true
			c = c[:room]
			b.kinds = addKind(b.kinds, HeaderTooBig)
		}
		if len(raw)+len(c) > cap(raw) {
			bigger := append(takeBuffer(max(len(raw)+len(c), 2*cap(raw))), raw...)
			giveBuffer(raw)
			raw = bigger
		}
		raw = append(raw, c...)
		if last {
			return raw, length
		}
	}
}

func addKind(kinds []AnomalyKind, k AnomalyKind) []AnomalyKind {
	for _, have := range kinds {
		if have == k {
			return kinds
		}
	}
	return append(kinds, k)
}

// splitBlock makes the header of b out of its octets, and the looser reading when a CR stands alone.
func (s *scanner) splitBlock(b *block, scratch []byte) {
	raw := bytes.Clone(scratch)
	sp := splitter{block: b, raw: raw, text: string(raw), limits: s.read.limits, root: b.at.Start == 0}
	if bytes.IndexByte(raw, 0) >= 0 {
		b.kinds = addKind(b.kinds, NULOctet)
	}
	crlf := bytes.Count(raw, []byte("\r\n"))
	if crlf > 0 {
		s.sawCRLF = true
	}
	if bytes.Count(raw, []byte("\n")) > crlf {
		s.sawLF = true
	}
	sp.split()
	if bytes.Count(raw, []byte("\r")) > crlf {
		b.kinds = addKind(b.kinds, BareLineBreak)
		b.loose = &block{at: b.at, complete: true, other: -1}
		sp = splitter{block: b.loose, raw: raw, text: sp.text, limits: s.read.limits, root: sp.root, bareCR: true}
		sp.split()
	}
}

// splitter cuts a header block into fields.
type splitter struct {
	block  *block
	raw    []byte
	text   string // the same octets
	limits Limits
	root   bool // an mbox "From " line may come first
	bareCR bool // a CR alone ends a line too
}

// line is the end of the line that begins at i, and the end without its line break.
func (sp *splitter) line(i int) (content, end int) {
	stop := "\n"
	if sp.bareCR {
		stop = "\r\n"
	}
	nl := strings.IndexAny(sp.text[i:], stop)
	if nl >= 0 && sp.text[i+nl] == '\r' {
		if !strings.HasPrefix(sp.text[i+nl+1:], "\n") {
			return i + nl, i + nl + 1
		}
		nl++
	}
	if nl < 0 {
		return len(sp.text), len(sp.text)
	}
	content, end = i+nl, i+nl+1
	if content > i && sp.text[content-1] == '\r' {
		content--
	}
	return content, end
}

func (sp *splitter) split() {
	b := sp.block
	b.header = &Header{Fields: make([]Field, 0, min(1+strings.Count(sp.text, "\n"), 32))}
	open := false // the last field may go on
	for i := 0; i < len(sp.text); {
		content, end := sp.line(i)
		if sp.bareCR && content == i { // an empty line after all
			b.at.End = b.at.Start + int64(end)
			return
		}
		folded := sp.text[i] == ' ' || sp.text[i] == '\t'
		switch {
		case folded && open:
			if strings.Trim(sp.text[i:content], " \t") == "" { // some readers end the block here
				sp.bad(end)
			}
			f := &b.header.Fields[len(b.header.Fields)-1]
			sp.contentLine(f.Name, content-i, len(f.Raw)+end-i)
			sp.extend(f, end)
		case len(b.header.Fields) >= sp.limits.HeaderFields:
			b.tooBig = true
			b.kinds = addKind(b.kinds, TooManyFields)
			return
		default:
			name := fieldName(sp.text[i:content])
			if name == "" && !(i == 0 && sp.root && isMboxLine(sp.text)) {
				sp.bad(i)
			} else if name == "" {
				b.kinds = addKind(b.kinds, MboxLine)
			}
			if len(name) > maxFieldName {
				b.kinds = addKind(b.kinds, LongFieldName)
			}
			sp.contentLine(name, content-i, end-i)
			at := int64(i)
			b.header.Fields = append(b.header.Fields, Field{Name: name,
				Range: Range{b.at.Start + at, b.at.Start + at}})
			sp.extend(&b.header.Fields[len(b.header.Fields)-1], end)
			open = name != ""
		}
		i = end
	}
}

// extend makes f reach to end.
func (sp *splitter) extend(f *Field, end int) {
	start := int(f.Range.Start - sp.block.at.Start)
	f.Raw, f.text = sp.raw[start:end:end], sp.text[start:end]
	f.Range.End = sp.block.at.Start + int64(end)
	if len(f.Raw) > sp.limits.LineBytes {
		sp.block.kinds = addKind(sp.block.kinds, LineTooLong)
	}
}

const (
	// maxFieldName is how long the name of a field may be, in octets. Sendmail ends the header at a longer one;
	// others break it when it is longer than a line.
	maxFieldName = 100
	// maxContentLine is how long a line of a field that says what a part is may be, in octets without its line
	// break (RFC 5322 section 2.1.1). Servers break or cut a longer one, and with it a boundary or a name.
	maxContentLine = 998
	// maxContentField is how long such a field may be in all, in octets: Postfix cuts it at 102400.
	maxContentField = 64 << 10
)

// contentLine looks at the length of one line of a field, and of the field up to there.
func (sp *splitter) contentLine(name string, line, field int) {
	const content = "content-"
	if (line > maxContentLine || field > maxContentField) && len(name) > len(content) && strings.EqualFold(name[:len(content)], content) {
		sp.block.kinds = addKind(sp.block.kinds, LongContentLine)
	}
}

// bad notes a line that is no field; body is where a reader that ends the block there goes on.
func (sp *splitter) bad(body int) {
	sp.block.kinds = addKind(sp.block.kinds, BadHeaderLine)
	if sp.block.other < 0 {
		sp.block.other = sp.block.at.Start + int64(body)
	}
}

func isMboxLine(s string) bool {
	return strings.HasPrefix(s, "From ") || strings.HasPrefix(s, ">From ")
}

// fieldName is the name of the field that a line begins, "" when it begins none
// (RFC 5322 section 3.6.8; blanks before the colon as in section 4.5).
func fieldName(line string) string {
	colon := strings.IndexByte(line, ':')
	if colon <= 0 {
		return ""
	}
	name := strings.TrimRight(line[:colon], " \t")
	for i := range len(name) {
		if name[i] <= ' ' || name[i] >= 0x7f {
			return ""
		}
	}
	return name
}
