package message

import (
	"bytes"
	"io"
	"strconv"
	"strings"
)

const (
	// maxInsideLine is how many octets of a line are looked at to find a file in a text.
	maxInsideLine = 4 << 10
	// maxInside is how many files in one text are parts; beyond, the text is not inspected (TooMany).
	maxInside = 100
)

// insideFile is a file in a text.
type insideFile struct {
	at   Range // of the decoded text, from the line that names the file to the one that ends it
	name string
	enc  Encoding
}

// insideState is where in a text a finder is.
type insideState uint8

const (
	inText    insideState = iota
	uuBegun               // behind "begin 644 name"
	inUU                  // behind a line of data
	uuEnding              // behind the line without data that comes before "end"
	yencBegun             // behind "=ybegin "
	inYEnc
)

// finder finds the uuencoded and yEnc files in a text. It is given whole lines.
type finder struct {
	state insideState
	cur   insideFile
	found []insideFile
	long  bool  // in the rest of a line that was too long
	off   int64 // of the next octet that is given
}

// feed takes the next octets and tells how many it took: whole lines, all of them when last. It takes
// nothing only of less than maxInsideLine octets.
func (f *finder) feed(c []byte, last bool) int {
	end := bytes.LastIndexByte(c, '\n') + 1
	if last {
		end = len(c)
	} else if end == 0 && len(c) >= maxInsideLine {
		end = len(c)
		defer func() { f.long = true }()
	}
	taken := end
	for c = c[:end]; len(c) > 0; {
		if f.state == inText && !f.long {
			n := nextInside(c)
			f.off += int64(n)
			if c = c[n:]; len(c) == 0 {
				break
			}
		}
		n := bytes.IndexByte(c, '\n') + 1
		if n == 0 {
			n = len(c)
		}
		f.off += int64(n)
		if !f.long {
			f.line(bytes.TrimRight(c[:n], "\r\n"), f.off-int64(n), f.off)
		}
		f.long = false
		c = c[n:]
	}
	return taken
}

// nextInside is how many octets of whole lines can hold no beginning of a file.
func nextInside(c []byte) int {
	for from := 0; ; {
		i := bytes.Index(c[from:], []byte("begin "))
		if i < 0 {
			return len(c)
		}
		at := from + i
		if at == 0 || c[at-1] == '\n' {
			return at
		}
		if at >= 2 && c[at-1] == 'y' && c[at-2] == '=' && (at == 2 || c[at-3] == '\n') {
			return at - 2
		}
		from = at + 1
	}
}

// line takes the line [start, end), without its line break.
func (f *finder) line(line []byte, start, end int64) {
	switch f.state {
	case uuBegun, inUU, uuEnding:
		if len(line) == 0 {
			return
		}
		ending := bytes.Equal(bytes.TrimRight(line, " \t"), []byte("end"))
		switch octets := uuLine(line); {
		case ending && f.state != uuBegun:
			f.close(end)
			return
		case octets > 0 && f.state != uuEnding:
			f.state = inUU
			return
		case octets == 0 && f.state == inUU:
			f.state = uuEnding
			return
		case f.state != uuBegun:
			f.close(start)
		default:
			f.state = inText // prose that begins so
		}
	case yencBegun, inYEnc:
		first := f.state == yencBegun
		f.state = inYEnc
		if !bytes.HasPrefix(line, []byte("=y")) || first && bytes.HasPrefix(line, []byte("=ypart ")) {
			return
		}
		if bytes.HasPrefix(line, []byte("=yend")) {
			f.close(end)
			return
		}
		f.close(start)
	}
	f.begin(line, start)
}

// begin takes a line that may name a file.
func (f *finder) begin(line []byte, start int64) {
	if len(line) > maxInsideLine {
		return
	}
	if rest, ok := bytes.CutPrefix(line, []byte("=ybegin ")); ok {
		before, name, ok := strings.Cut(string(rest), "name=")
		if ok && strings.Contains(before, "line=") {
			f.state, f.cur = yencBegun, insideFile{at: Range{start, 0}, name: strings.Trim(name, "\" \t"), enc: YEnc}
		}
		return
	}
	rest, ok := bytes.CutPrefix(line, []byte("begin "))
	mode, name, named := strings.Cut(string(rest), " ")
	if n, err := strconv.ParseUint(mode, 8, 16); ok && named && err == nil && n <= 0o7777 && len(mode) >= 3 {
		f.state, f.cur = uuBegun, insideFile{at: Range{start, 0}, name: strings.TrimSpace(name), enc: UUEncode}
	}
}

// uuLine is how many octets a line of uuencoded data says to hold, -1 for a line that is none: it has
// nothing but the alphabet and is as long as its first octet says. Some encoders add up to two octets; some
// programs cut blanks at the end, but half of the line must be there: so a file never hides more octets
// than it decodes to.
func uuLine(line []byte) int {
	for _, c := range line {
		if c < ' ' || c > '`' {
			return -1
		}
	}
	octets := int(line[0]-' ') & 63
	want, have := (octets+2)/3*4, len(line)-1
	if have > want+2 || have*2 < want {
		return -1
	}
	return octets
}

func (f *finder) close(end int64) {
	f.cur.at.End, f.state = end, inText
	if len(f.found) <= maxInside {
		f.found = append(f.found, f.cur)
	}
}

// finish ends the text.
func (f *finder) finish() {
	if f.state == inUU || f.state == uuEnding || f.state == inYEnc { // the end is missing: clients show the file all the same
		f.close(f.off)
	}
}

// inside finds the files in the text of a leaf, which mail programs show as attachments, and makes them
// its children. What the text's encoding hides is found too.
func (s *scanner) inside(p *Part) {
	key := measureKey{p.source, p.Body, p.Encoding}
	found, known := s.read.inside[key]
	if !known {
		f := new(finder)
		if p.Encoding == Identity {
			s.findPlain(f, p.Body)
		} else {
			s.findEncoded(f, p)
		}
		f.finish()
		found = f.found
		if s.read.inside == nil {
			s.read.inside = map[measureKey][]insideFile{}
		}
		s.read.inside[key] = found
	}
	if len(found) == 0 {
		return
	}
	src, base := p.source, p.Body.Start
	if p.Encoding != Identity {
		sub := s.decoded(p, p.Encoding)
		if sub == nil {
			return
		}
		defer s.closeDecoded(sub)
		src, base = sub.src, 0
	}
	for i, file := range found {
		if i == maxInside || !s.read.room() {
			s.read.miss(p.ID, TooMany)
			return
		}
		at := Range{base + file.at.Start, base + file.at.End}
		child := &Part{ID: joinID(p.ID, "file"+strconv.Itoa(i+1)), Parent: p, Header: &Header{}, Whole: at, Body: at,
			MediaType: "application/octet-stream", Disposition: "attachment", Encoding: file.enc, source: src}
		if name := fileName(file.name, false); name != "" {
			child.Name, child.Names = name, []string{name}
		}
		p.Children = append(p.Children, child)
	}
}

// holdsFiles tells a leaf that mail programs search for files: plain text that is no file itself.
func holdsFiles(p *Part) bool {
	return p.MediaType == "text/plain" && p.Name == "" && p.Disposition != "attachment" && p.Encoding != UUEncode && p.Encoding != YEnc
}

// findPlain searches octets of the scanner's source.
func (s *scanner) findPlain(f *finder, r Range) {
	for off := r.Start; off < r.End; {
		c := s.window.from(off, int(min(maxInsideLine, r.End-off)))
		c = c[:min(int64(len(c)), r.End-off)]
		n := f.feed(c, off+int64(len(c)) == r.End)
		if n == 0 {
			return // an error of the source, which the window keeps
		}
		off += int64(n)
	}
}

// findEncoded searches what the body of p decodes to.
func (s *scanner) findEncoded(f *finder, p *Part) {
	r := newDecodeReader(s.src.reader(p.Body), decoder{enc: p.Encoding})
	defer r.finish()
	buf := takeBuffer(windowBuffer)
	defer giveBuffer(buf)
	for err := error(nil); err == nil; {
		var n int
		n, err = r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if werr := s.read.work(int64(n)); werr != nil {
			s.read.miss(p.ID, TooBig)
			return
		}
		taken := f.feed(buf, err == io.EOF)
		buf = buf[:copy(buf, buf[taken:])]
		if err != nil && err != io.EOF && s.window.err == nil {
			s.window.err = err
		}
	}
}
