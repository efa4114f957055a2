package message

import (
	"errors"
	"fmt"
	"io"
	"sort"
)

// markEvery is how many decoded octets lie between two places from which decoding can go on.
const markEvery = 32 << 10

// source is where octets come from: the message itself, or what an encoded part decodes to. A
// decoded source keeps no content: it decodes again from the nearest mark.
type source struct {
	r    io.ReaderAt // of the message; nil for a decoded source
	size int64

	parent *source
	body   Range // in parent
	marks  []mark
	nested int // decoded sources around this one

	measures *measures // of the message, for all its sources
}

// mark is a place in the middle of decoding.
type mark struct {
	wire    int64 // octets of the encoded body that are decoded
	decoded int64
	dec     decoder
}

// reader reads a range once, from its beginning. It is independent of all others.
func (s *source) reader(r Range) io.Reader {
	if s.parent == nil {
		return io.NewSectionReader(s.r, r.Start, r.Len())
	}
	return &skipReader{r: s.from(r.Start), n: r.Len()}
}

// from reads a decoded source from off to its end.
func (s *source) from(off int64) io.Reader {
	i := sort.Search(len(s.marks), func(i int) bool { return s.marks[i].decoded > off }) - 1
	m := s.marks[i]
	wire := Range{s.body.Start + m.wire, s.body.End}
	return &skipReader{r: newDecodeReader(s.parent.reader(wire), m.dec), skip: off - m.decoded, n: s.size - off}
}

// skipReader leaves out the first octets and ends after n.
type skipReader struct {
	r    io.Reader
	skip int64
	n    int64
}

func (s *skipReader) Read(p []byte) (int, error) {
	if s.n <= 0 {
		return 0, io.EOF
	}
	if s.skip > 0 {
		buf := takeBuffer(windowBuffer)
		n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{io.LimitReader(s.r, s.skip)}, buf[:cap(buf)])
		giveBuffer(buf)
		s.skip -= n
		if err != nil {
			return 0, err
		}
	}
	n, err := s.r.Read(p[:min(int64(len(p)), s.n)])
	s.n -= int64(n)
	return n, err
}

// decodedSource makes the source of what a body decodes to and tells what decoding showed; work is
// told every octet read.
func decodedSource(parent *source, body Range, enc Encoding, work func(int64) error) (*source, AnomalyKind, error) {
	s := &source{parent: parent, body: body, nested: parent.nested + 1, measures: parent.measures}
	s.marks = append(s.marks, mark{dec: decoder{enc: enc}})
	r := newDecodeReader(parent.reader(body), decoder{enc: enc})
	defer r.finish()
	buf := takeBuffer(windowBuffer)
	defer giveBuffer(buf)
	for {
		n, err := r.Read(buf[:markEvery])
		s.size += int64(n)
		if werr := work(int64(n)); werr != nil {
			return nil, "", werr
		}
		if err == io.EOF {
			return s, r.dec.anomaly(), nil
		}
		if err != nil {
			return nil, "", err
		}
		if s.size-s.marks[len(s.marks)-1].decoded >= markEvery {
			s.marks = append(s.marks, mark{wire: r.read, decoded: s.size, dec: r.dec})
		}
	}
}

// errWork says that reading the message would cost more than the work limit allows.
var errWork = errors.New("reading costs too much")

// lookBehind is how many octets before the last place asked for stay in a window.
const lookBehind = 4

// window reads a source through one buffer that mostly moves forward. A slice that from returned
// is good until the next call.
type window struct {
	src  *source
	work func(int64) error // told every octet read
	buf  []byte            // octets [base, base+len(buf)) of src
	base int64
	err  error // first error; then there is no more to read

	cursor   io.Reader // of a decoded source
	cursorAt int64
}

func newWindow(src *source, work func(int64) error) *window {
	size := windowBuffer
	if src.size < smallBuffer {
		size = smallBuffer
	}
	return &window{src: src, work: work, buf: takeBuffer(size)}
}

func (w *window) close() {
	giveBuffer(w.buf)
	w.buf = nil
}

// from gives the octets from off on: at least need of them, unless the source ends before. need is
// less than smallBuffer.
func (w *window) from(off int64, need int) []byte {
	at, limit := off-w.base, cap(w.buf)
	if at >= 0 && at <= int64(len(w.buf)) {
		if b := w.buf[at:]; len(b) >= need || w.base+int64(len(w.buf)) >= w.src.size || w.err != nil {
			return b
		}
		at = max(0, at-lookBehind)
		w.base += at
		w.buf = w.buf[:copy(w.buf, w.buf[at:])]
	} else {
		// After a jump little is read: it may be one of many.
		w.base = max(0, off-lookBehind)
		w.buf = w.buf[:0]
		limit = smallBuffer
	}
	w.fill(limit)
	return w.buf[min(off-w.base, int64(len(w.buf))):]
}

// fill reads on until the buffer holds limit octets or the source ends.
func (w *window) fill(limit int) {
	at := w.base + int64(len(w.buf))
	free := w.buf[len(w.buf):min(int64(max(limit, len(w.buf))), int64(len(w.buf))+w.src.size-at)]
	if len(free) == 0 || w.err != nil {
		return
	}
	n, err := w.readAt(free, at)
	w.buf = w.buf[:len(w.buf)+n]
	if n < len(free) && (err == nil || err == io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if n < len(free) {
		w.err = fmt.Errorf("reading the message at octet %d: %w", at+int64(n), err)
		return
	}
	w.err = w.work(int64(n))
}

func (w *window) readAt(p []byte, off int64) (int, error) {
	if w.src.parent == nil {
		return w.src.r.ReadAt(p, off)
	}
	if w.cursor == nil || w.cursorAt != off {
		w.cursor, w.cursorAt = w.src.from(off), off
	}
	n, err := io.ReadFull(w.cursor, p)
	w.cursorAt += int64(n)
	return n, err
}
