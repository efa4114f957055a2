package evidence

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
)

// place is a line of a log and where it stands.
type place struct {
	Line
	bad   error // why it is no record
	file  string
	first uint64 // that the file's name says
	n     int    // the line's number in the file
}

func (p *place) fault(k FaultKind, seq uint64, format string, args ...any) *Fault {
	return &Fault{File: p.file, Line: p.n, Seq: seq, Kind: k, Detail: fmt.Sprintf(format, args...)}
}

// linked is decodeLine for who looks at the chain: of a record that signs nothing only the sequence number
// and the hash of the one before are read, which is what the chain is made of. That all the rest is as it
// was written is what the next record's hash says.
func linked(raw []byte) (Line, error) {
	rest, ok := bytes.CutPrefix(raw, []byte(`{"seq":`))
	// In a text the quotes would be escaped.
	if !ok || bytes.Contains(raw, []byte(`"kind":"checkpoint"`)) || bytes.Contains(raw, []byte(`"kind":"root"`)) {
		return decodeLine(raw)
	}
	digits := bytes.IndexByte(rest[:min(len(rest), seqDigits+1)], ',')
	if digits < 0 {
		return decodeLine(raw)
	}
	seq, err := strconv.ParseUint(string(rest[:digits]), 10, 64)
	prev, ok := bytes.CutPrefix(rest[digits:], []byte(`,"prev":"`))
	if err != nil || seq == 0 || !ok || len(prev) <= len(noHash) || prev[len(noHash)] != '"' {
		return decodeLine(raw)
	}
	return Line{Record: Record{Seq: seq, Prev: string(prev[:len(noHash)])}, Raw: raw, Hash: hashOf(raw)}, nil
}

// places reads the lines of a log one after the other.
type places struct {
	dir   string
	at    uint64 // the next file begins here or beyond
	files int

	f     logFile
	r     io.ReadCloser
	lines *lineReader
	more  bool // a file comes after f
	ended bool
}

func (p *places) close() {
	if p.r != nil {
		p.r.Close()
		p.r = nil
	}
}

// next is the next line; nil behind the last. What cannot be read is a place that is bad.
func (p *places) next() (*place, error) {
	for !p.ended {
		if p.r == nil {
			if bad, err := p.open(); bad != nil || err != nil {
				return bad, err
			}
			continue
		}
		raw, err := p.lines.next()
		out := &place{file: p.f.name(), first: p.f.first, n: p.lines.n}
		switch {
		case errors.Is(err, io.EOF):
			p.close()
			p.ended = !p.more
			continue
		case errors.Is(err, errUnreadable):
			out.n++
			out.bad = err
			p.close()
			p.ended = !p.more
			return out, nil
		case err != nil:
			out.Raw, out.bad = raw, err
		default:
			out.Line, out.bad = linked(raw)
		}
		return out, nil
	}
	return nil, nil
}

// open opens the next file. Whether another one comes after it is asked first: only then is it certain
// that a running gate writes nothing more to it.
func (p *places) open() (bad *place, err error) {
	f, ok, err := nextFile(p.dir, p.at)
	if err != nil || !ok {
		p.ended = true
		return nil, err
	}
	_, p.more, err = nextFile(p.dir, f.first+1)
	if err != nil {
		return nil, err
	}
	p.at = f.first + 1
	r, f, err := openFile(p.dir, f)
	switch {
	case errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission):
		return nil, err
	case err != nil:
		p.ended = !p.more
		p.files++
		return &place{file: f.name(), first: f.first, n: 1, bad: err}, nil
	}
	p.f, p.r, p.lines = f, r, newLineReader(r)
	p.files++
	return nil, nil
}

// copies reads the separate file of checkpoints, as long as it was when it was opened.
type copies struct {
	file  *os.File
	lines *lineReader
	pub   ed25519.PublicKey
	live  bool
	ahead *Line
	last  uint64
}

func (c *copies) open(dir string, pub ed25519.PublicKey, live bool) error {
	f, err := os.Open(filepath.Join(dir, checkpointsName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return err
	}
	c.file, c.pub, c.live = f, pub, live
	c.lines = newLineReader(io.LimitReader(f, info.Size()))
	return nil
}

func (c *copies) close() {
	if c.file != nil {
		c.file.Close()
	}
}

// peek is the next checkpoint, signature and order checked; nil behind the last.
func (c *copies) peek() (*Line, *Fault) {
	if c.ahead != nil || c.file == nil {
		return c.ahead, nil
	}
	raw, err := c.lines.next()
	fault := func(k FaultKind, seq uint64, detail string) (*Line, *Fault) {
		return nil, &Fault{File: checkpointsName, Line: c.lines.n, Seq: seq, Kind: k, Detail: detail}
	}
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, errTorn) && c.live:
		return nil, nil
	case errors.Is(err, errTorn):
		return fault(Torn, c.last, "the last line has no end: the gate's next start cuts it")
	case err != nil:
		return fault(Changed, c.last, err.Error())
	}
	l, err := decodeLine(raw)
	if err != nil {
		return fault(Changed, c.last, err.Error())
	}
	if why := l.signedBy(c.pub); why != "" {
		return fault(BadSignature, l.Seq, why)
	}
	if l.Seq <= c.last {
		return fault(Swapped, l.Seq, fmt.Sprintf("it stands behind the one of record %d", c.last))
	}
	c.ahead, c.last = &l, l.Seq
	return c.ahead, nil
}

func (c *copies) take() { c.ahead = nil }

// findRoot finds what signs that the records before first were pruned: in off, in the separate file of
// checkpoints, or in the log itself. Without one, why says what is wrong with the nearest candidate.
func findRoot(dir string, pub ed25519.PublicKey, off map[uint64]Line, first uint64) (root *Root, why string, err error) {
	look := func(l Line) {
		if l.Root == nil || l.Root.Seq+1 < first || root != nil && root.Seq <= l.Root.Seq {
			return
		}
		if w := l.signedBy(pub); w != "" {
			why = w
		} else {
			root = l.Root
		}
	}
	for _, l := range off {
		look(l)
	}
	f, err := os.Open(filepath.Join(dir, checkpointsName))
	switch {
	case err == nil:
		err = eachCheckpoint(f, look)
		f.Close()
	case errors.Is(err, fs.ErrNotExist):
		err = nil
	}
	if err != nil || root != nil {
		return root, why, err
	}
	err = Scan(context.Background(), dir, first, func(lines []Line) error {
		for _, l := range lines {
			look(l)
		}
		return nil
	})
	if damage := (*Fault)(nil); errors.As(err, &damage) { // which walking the chain will name
		err = nil
	}
	return root, why, err
}
