package rules

import (
	"bytes"
	"context"
	"slices"
	"strings"

	"congthu/filter/extract"
	"congthu/filter/message"
	"congthu/rules/marking"
)

// Where stamps stand in a document. What is beyond is passed over, but for headers, footers, comments and properties,
// which are looked at everywhere. Texts, slides and mails in files are looked at whole.
const (
	stampPages = 2   // of documents that have pages
	pageLines  = 120 // of each of these; some documents have one page that does not end
	stampLines = 80  // of documents that have no pages
	edgeLines  = 3   // at the beginning and at the end of every page
	sheetRows  = 30  // of every sheet
)

// maxMarkedFiles is how many files in one leaf are told apart; evidence in further ones counts for the leaf.
const maxMarkedFiles = 64

// windowBytes is how many octets of a text are gathered before the detector sees them.
const windowBytes = 128 << 10

// fileMarks looks for markings in one leaf of a message and the files in it. It keeps evidence, never text.
type fileMarks struct {
	ctx      context.Context // of the message: the methods of a consumer carry none
	work     *marking.Work   // that the message may still cost
	detector *marking.Detector
	files    []markedFile
	at       map[string]int // in files, by path
	stream   stream
	begun    []*begun // the file being looked into, after those that it is inside of
}

// markedFile is the evidence in one file.
type markedFile struct {
	path, sha256 string
	evidence     []marking.Evidence
	cut          bool // not all that may be a marking was looked at
}

// begun is how far the running text of a file has come.
type begun struct {
	file          *extract.File
	view          view
	page, reading int
	lines         int    // of the page, or of the document when it has no pages
	tail          []byte // the last lines that were passed over, as the file has them
	continued     bool
	about         bool // the text that was looked at is about state secrets
	waits         bool // what may be a stamp is in tail, and lines behind it are missing
}

// view is how much of a file's running text is looked at.
type view uint8

const (
	wholeText view = iota
	firstPages
	firstRows
)

func viewOf(mediaType string) view {
	switch {
	case strings.HasPrefix(mediaType, "text/") && mediaType != "text/rtf" && mediaType != "text/csv", mediaType == "application/xhtml+xml",
		strings.HasPrefix(mediaType, "message/"), strings.Contains(mediaType, "presentation"), strings.Contains(mediaType, "powerpoint"),
		mediaType == "application/vnd.ms-outlook", strings.Contains(mediaType, "tnef"):
		return wholeText
	case strings.Contains(mediaType, "spreadsheet"), strings.Contains(mediaType, "excel"), mediaType == "text/csv":
		return firstRows
	}
	return firstPages
}

// newFilesMarks begins the looking into one message: all its leaves share one work.
func newFilesMarks(d *marking.Detector) extract.NewConsumers {
	return func(ctx context.Context) extract.NewConsumer {
		work := marking.NewWork()
		return func() extract.Consumer { return newFileMarks(ctx, work, d) }
	}
}

func newFileMarks(ctx context.Context, work *marking.Work, d *marking.Detector) *fileMarks {
	return &fileMarks{ctx: ctx, work: work, detector: d, at: map[string]int{}}
}

// File implements extract.Consumer.
func (m *fileMarks) File(f *extract.File) {
	m.endStream()
	m.leave(func(b *begun) bool { return strings.HasPrefix(f.Path, b.file.Path+"/") })
	m.begun = append(m.begun, &begun{file: f, view: viewOf(f.Type), page: -1})
}

// leave ends the files at the top that are not kept.
func (m *fileMarks) leave(keep func(*begun) bool) {
	for len(m.begun) > 0 && !keep(m.begun[len(m.begun)-1]) {
		m.endPage(m.begun[len(m.begun)-1])
		m.begun = m.begun[:len(m.begun)-1]
	}
}

// Fact implements extract.Consumer. Facts are other rules' matter.
func (m *fileMarks) Fact(*extract.File, extract.Fact) {}

// Text implements extract.Consumer.
func (m *fileMarks) Text(f *extract.File, t extract.Text) {
	switch t.Kind {
	case extract.FileName:
		m.find(f, marking.Text{Kind: marking.FileName, Readings: []string{t.Value}})
	case extract.Label:
		m.find(f, marking.Text{Kind: marking.Label, Name: t.Name, Readings: []string{t.Value}})
	case extract.Property:
		m.property(f, t)
	case extract.HeaderFooter:
		m.add(f, t, marking.Margin, t.Value, true)
	case extract.Comment:
		m.add(f, t, marking.Attachment, t.Value, true)
	default:
		m.body(f, t)
	}
}

// property looks at a document's property. A title or subject is read like the subject of a mail too.
func (m *fileMarks) property(f *extract.File, t extract.Text) {
	kind := marking.Property
	if strings.HasPrefix(strings.ToLower(t.Name), "msip_label") {
		kind = marking.Label
	}
	m.find(f, marking.Text{Kind: kind, Name: t.Name, Readings: []string{t.Value}})
	switch strings.ToLower(t.Name) {
	case "title", "subject", "thread-topic", "description", "summary":
		m.find(f, marking.Text{Kind: marking.Subject, Readings: []string{t.Value}})
	}
}

// body looks at running text, as far as stamps stand in it.
func (m *fileMarks) body(f *extract.File, t extract.Text) {
	m.leave(func(b *begun) bool { return b.file == f })
	if len(m.begun) == 0 {
		m.File(f)
	}
	b := m.begun[len(m.begun)-1]
	if b.page != t.Page || b.reading != t.Reading {
		m.endPage(b)
		b.continued = b.continued && b.reading == t.Reading && b.view != firstRows
		b.page, b.reading, b.lines = t.Page, t.Reading, 0
	}
	value := t.Value
	limit := b.limit()
	if limit < 0 {
		m.add(f, t, marking.Attachment, value, b.continued)
		b.continued = true
		return
	}
	head := beginning(value, limit-b.lines)
	if head > 0 {
		b.about = b.about || aboutSecrets(value[:head])
		b.lines += linesIn(value[:head])
		m.add(f, t, marking.Attachment, value[:head], b.continued)
		b.continued = true
		if b.lines >= limit { // what stands before what is passed over
			b.tail = append(b.tail[:0], value[lastLines(value[:head], lateReach):head]...)
		}
	}
	if head < len(value) {
		b.lines = limit
		m.endStream()
		m.pass(b, value[head:])
	}
}

// PassOver implements extract.Passer: of running text behind what is looked at, only the last lines of a page are kept.
func (m *fileMarks) PassOver(f *extract.File, t extract.Text) bool {
	if t.Kind != extract.Body || len(m.begun) == 0 {
		return false
	}
	b := m.begun[len(m.begun)-1]
	if limit := b.limit(); b.file != f || b.page != t.Page || b.reading != t.Reading || limit < 0 || b.lines < limit {
		return false
	}
	m.pass(b, t.Value)
	return true
}

// limit is how many lines of the page are looked at, -1 for all.
func (b *begun) limit() int {
	switch {
	case b.view == wholeText:
		return -1
	case b.view == firstRows:
		return sheetRows
	case b.page == 0:
		return stampLines
	case b.page <= stampPages:
		return pageLines
	}
	return edgeLines
}

// tailLines is how many lines that were passed over are kept.
const tailLines = 2 * lateReach

// pass passes over text and keeps its last lines.
func (m *fileMarks) pass(b *begun, value string) {
	m.late(b, value)
	if from := max(lastLines(value, tailLines), len(value)-tailLines*marking.MaxLine); from > 0 {
		b.tail = append(b.tail[:0], value[from:]...)
		return
	}
	b.tail = append(b.tail, value...)
	if cut := max(lastLines(b.tail, tailLines), len(b.tail)-tailLines*marking.MaxLine); cut > 0 { // blank lines count as none
		b.tail = append(b.tail[:0], b.tail[cut:]...)
	}
}

// lastLines is where the last lines of a text begin. A line longer than the detector reads as one begins later.
func lastLines[T string | []byte](s T, lines int) int {
	at := len(s)
	for at > 0 && s[at-1] == '\n' {
		at--
	}
	for range lines {
		most := max(0, at-marking.MaxLine)
		i := at - 1
		for i >= most && s[i] != '\n' {
			i--
		}
		if i < most {
			return most
		}
		at = i
	}
	return at + 1
}

// beginning is how many octets of a text its first lines have. A line longer than the detector reads as one counts as
// several.
func beginning(s string, lines int) int {
	at := 0
	for range lines {
		if at == len(s) {
			break
		}
		end := min(len(s), at+marking.MaxLine)
		if i := strings.IndexByte(s[at:end], '\n'); i >= 0 {
			end = at + i + 1
		}
		at = end
	}
	return at
}

func linesIn(s string) int {
	n := 0
	for len(s) > 0 {
		end := min(len(s), marking.MaxLine)
		if i := strings.IndexByte(s[:end], '\n'); i >= 0 {
			end, n = i+1, n+1
		} else if end == marking.MaxLine {
			n++
		}
		s = s[end:]
	}
	return n
}

// endPage looks at the last lines of a page that were passed over.
func (m *fileMarks) endPage(b *begun) {
	m.endStream()
	if b.page >= 0 && len(b.tail) > 0 {
		last := string(b.tail[lastLines(b.tail, edgeLines):])
		m.find(b.file, marking.Text{Kind: marking.Attachment, Readings: []string{message.CleanNFC(last)}, Continued: true})
	}
	if b.waits {
		m.lateWindow(b.file, string(b.tail))
	}
	b.tail, b.waits = b.tail[:0], false
}

// stream is the text that is being gathered, with what tells it from other texts.
type stream struct {
	file      *extract.File
	is        extract.Text // without its value
	kind      marking.Kind
	buf       []byte
	offset    int64 // of buf in the text
	fresh     int   // octets of buf that the detector has seen
	continued bool
}

// add gathers text. What does not belong to the text before it begins another.
func (m *fileMarks) add(f *extract.File, t extract.Text, kind marking.Kind, value string, continued bool) {
	s := &m.stream
	t.Value = ""
	if s.file != f || s.is != t || s.kind != kind {
		m.endStream()
		s.file, s.is, s.kind, s.continued = f, t, kind, continued
	}
	for {
		n := min(len(value), windowBytes-len(s.buf))
		s.buf = append(s.buf, value[:n]...)
		if value = value[n:]; len(s.buf) < windowBytes {
			return
		}
		m.window(s)
		keep := overlapFrom(s.buf)
		s.offset += int64(keep)
		s.buf = append(s.buf[:0], s.buf[keep:]...)
		s.fresh, s.continued = len(s.buf), true
	}
}

// window lets the detector look at what is gathered.
func (m *fileMarks) window(s *stream) {
	m.find(s.file, marking.Text{Kind: s.kind, Readings: []string{string(s.buf)}, Offset: s.offset, Continued: s.continued,
		FirstPage: s.is.Kind == extract.Body && s.is.Page <= 1})
}

// endStream ends the text that is being gathered.
func (m *fileMarks) endStream() {
	s := &m.stream
	if len(s.buf) > s.fresh {
		m.window(s)
	}
	*s = stream{buf: s.buf[:0]}
}

func (m *fileMarks) find(f *extract.File, t marking.Text) {
	found := m.detector.FindWithin(m.ctx, m.work, t)
	cut := m.work.TakeCut()
	if len(found) == 0 && !cut {
		return
	}
	path, sha256 := f.Path, f.SHA256
	i, known := m.at[path]
	if !known && len(m.files) >= maxMarkedFiles {
		path, sha256 = "", ""
		i, known = m.at[path]
	}
	if !known {
		i = len(m.files)
		m.at[path] = i
		m.files = append(m.files, markedFile{path: path, sha256: sha256})
	}
	m.files[i].evidence = marking.Merge(m.files[i].evidence, found)
	m.files[i].cut = m.files[i].cut || cut
}

// Outcome implements extract.Consumer: a []markedFile. Where the message's work did not suffice, other leaves had their
// part in that.
func (m *fileMarks) Outcome() (outcome any, sure bool) {
	m.endStream()
	m.leave(func(*begun) bool { return false })
	return m.files, !slices.ContainsFunc(m.files, func(f markedFile) bool { return f.cut })
}

// overlapFrom is where the next window of a text begins: at the beginning of a line, or else of a letter.
func overlapFrom(buf []byte) int {
	from := len(buf) - marking.Overlap
	if i := bytes.IndexByte(buf[from:len(buf)-marking.Overlap/4], '\n'); i >= 0 {
		return from + i + 1
	}
	for from < len(buf) && buf[from]&0xC0 == 0x80 {
		from++
	}
	return from
}
