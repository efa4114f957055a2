package evidence

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// Limits of what Follow and Scan hand over at once.
const (
	maxBatch      = 512     // records
	maxBatchBytes = 1 << 20 // octets, but for the last record
)

// ErrAhead says that records are asked for that the log does not have yet: it is not the log that who asks
// knew before.
var ErrAhead = errors.New("the evidence log ends before")

// Follow hands every record from seq from on to f, in order, in batches of one to maxBatch: first from the
// files, then as they become durable. It ends with f's error, the context's, ErrClosed after the last
// record of a closed log, or ErrAhead. Pruned records are passed over, and so are damaged ones: they are
// logged, and Verify names them. The files are the buffer: a slow f holds nothing up. f must not change
// what it is given, nor what that points to: others are given the same.
func (l *Log) Follow(ctx context.Context, from uint64, f func([]Line) error) error {
	c := cursor{dir: l.opt.Dir, next: max(from, 1), each: f,
		bad: func(f *Fault) { l.opt.Log.Error("the evidence log is damaged", "error", f) }}
	defer c.close()
	if seq, _ := l.Tail(); c.next > seq+1 {
		return fmt.Errorf("following the evidence from record %d: %w, at %d", from, ErrAhead, seq)
	}
	l.follow(1)
	defer l.follow(-1)
	for {
		l.mu.Lock()
		end, reopens, changed, lines := l.tail, l.reopens, l.changed, l.recent.from(c.next)
		l.mu.Unlock()
		if len(lines) > 0 {
			c.batch = lines
			if err := c.hand(ctx); err != nil {
				return fmt.Errorf("following the evidence: %w", err)
			}
			continue
		}
		if c.next <= end.seq {
			if err := c.read(ctx, &end, reopens); err != nil {
				return fmt.Errorf("following the evidence: %w", err)
			}
			continue
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-l.ended:
			if seq, _ := l.Tail(); c.next > seq {
				return ErrClosed
			}
		}
	}
}

// follow counts those who follow the log.
func (l *Log) follow(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.recent.followers += n
	if l.recent.followers == 0 {
		l.recent.add(nil)
	}
}

// Scan hands every record from seq from on to f, in order, from the files in dir as they are, whether a
// gate has them open or not. It ends with f's error or the context's; what is damaged is passed over, and
// when all else was handed over the first damage is the error, a *Fault. A last line that has no end is
// no record yet, and no damage.
func Scan(ctx context.Context, dir string, from uint64, f func([]Line) error) error {
	var first *Fault
	c := cursor{dir: dir, next: max(from, 1), each: f, bad: func(f *Fault) {
		if first == nil {
			first = f
		}
	}}
	defer c.close()
	for more := true; more; {
		var err error
		if more, err = c.file(ctx); err != nil {
			return fmt.Errorf("reading the evidence: %w", err)
		}
	}
	if first != nil {
		return fmt.Errorf("reading the evidence: %w", first)
	}
	return nil
}

// cursor is a place in a log that is read.
type cursor struct {
	dir  string
	next uint64 // sequence number of the next record to hand over
	each func([]Line) error
	bad  func(*Fault)

	batch []Line
	bytes int
	buf   *bufio.Reader // used again for each reading

	// The file in use, kept open between reads.
	open    *os.File
	first   uint64
	reopens int
	offset  int64
	line    int
}

func (c *cursor) close() {
	if c.open != nil {
		c.open.Close()
		c.open = nil
	}
}

// read reads on in the file that c.next is in. end is where the durable log ends.
func (c *cursor) read(ctx context.Context, end *tail, reopens int) error {
	if end.first <= c.next {
		return c.inUse(ctx, end, reopens)
	}
	if c.open != nil { // the file in use when it was last read; now closed, and perhaps compressed and removed
		info, err := c.open.Stat()
		if err != nil {
			return err
		}
		err = c.section(ctx, info.Size(), end.first-1)
		c.close()
		return err
	}
	_, err := c.file(ctx)
	return err
}

// lookAgain is how long a reader waits for a file that is not there at the moment.
const lookAgain = 50 * time.Millisecond

// inUse reads the file in use to its durable end.
func (c *cursor) inUse(ctx context.Context, end *tail, reopens int) error {
	if c.open == nil || c.first != end.first || c.reopens != reopens {
		if c.first != end.first {
			c.offset, c.line = 0, 0
		}
		c.close()
		f, err := os.Open(filepath.Join(c.dir, logFile{first: end.first}.name()))
		if errors.Is(err, fs.ErrNotExist) { // closed and compressed since we looked, or removed
			sleep(ctx, lookAgain)
			return context.Cause(ctx)
		}
		if err != nil {
			return err
		}
		c.open, c.first, c.reopens = f, end.first, reopens
	}
	if err := c.section(ctx, end.size, end.seq); err != nil {
		return err
	}
	c.skip(logFile{first: c.first}, end.seq+1)
	return nil
}

// section reads the open file up to an offset, before which there is no record beyond last.
func (c *cursor) section(ctx context.Context, end int64, last uint64) error {
	section := io.NewSectionReader(c.open, c.offset, end-c.offset)
	if c.buf == nil {
		c.buf = bufio.NewReaderSize(section, 64<<10)
	}
	c.buf.Reset(section)
	lines := &lineReader{c.buf, c.line}
	err := c.lines(ctx, lines, logFile{first: c.first}, last)
	c.offset, c.line = end, lines.n
	return err
}

// skip passes over what a file does not hold although it should: records up to next.
func (c *cursor) skip(f logFile, next uint64) {
	if c.next < next {
		c.bad(&Fault{File: f.name(), Seq: c.next, Kind: Removed, Detail: fmt.Sprintf("the records before %d are missing", next)})
		c.next = next
	}
}

// file reads the file that c.next is in from its beginning. more is false behind the last file.
func (c *cursor) file(ctx context.Context) (more bool, err error) {
	f, ok, err := fileOf(c.dir, c.next)
	if err != nil || !ok {
		return false, err
	}
	c.next = max(c.next, f.first) // what is before was pruned
	next, more, err := nextFile(c.dir, f.first+1)
	if err != nil {
		return false, err
	}
	r, f, err := openFile(c.dir, f)
	if err != nil {
		return false, err
	}
	defer r.Close()
	last := next.first - 1
	if !more { // a record is never as short as 64 octets
		if last, err = sizeOf(c.dir, f); err != nil {
			return false, err
		}
		last = f.first + last/64
	}
	if err := c.lines(ctx, newLineReader(r), f, last); err != nil {
		return false, err
	}
	if more {
		c.skip(f, next.first)
	}
	return more, nil
}

// sizeOf is how many octets a file has when it is not compressed; a compressed one may say any number.
func sizeOf(dir string, f logFile) (uint64, error) {
	if f.packed {
		return 1 << 40, nil
	}
	info, err := os.Stat(filepath.Join(dir, f.name()))
	if errors.Is(err, fs.ErrNotExist) {
		return 1 << 40, nil
	}
	if err != nil {
		return 0, err
	}
	return uint64(info.Size()), nil
}

// lines hands over what r still has, but for what is not between c.next and last: a sequence number that
// somebody changed must not lead the reader away.
func (c *cursor) lines(ctx context.Context, r *lineReader, f logFile, last uint64) error {
	c.batch, c.bytes = nil, 0
	for {
		raw, err := r.next()
		if errors.Is(err, io.EOF) || errors.Is(err, errTorn) {
			return c.hand(ctx)
		}
		want := c.next + uint64(len(c.batch))
		if seq := seqOf(raw); err == nil && seq > 0 && seq < want {
			continue
		}
		var line Line
		if err == nil {
			line, err = decodeLine(raw)
		}
		switch {
		case err != nil:
			c.bad(&Fault{File: f.name(), Line: r.n, Seq: want, Kind: Changed, Detail: err.Error()})
			if errors.Is(err, errUnreadable) {
				return c.hand(ctx)
			}
			continue
		case line.Seq < want || line.Seq > last:
			c.bad(&Fault{File: f.name(), Line: r.n, Seq: want, Kind: Changed, Detail: "the record is out of its place"})
			continue
		case line.Seq > want: // hand over what is before the gap
			if err := c.hand(ctx); err != nil {
				return err
			}
			c.skip(f, line.Seq)
		}
		c.batch, c.bytes = append(c.batch, line), c.bytes+len(raw)
		if len(c.batch) == maxBatch || c.bytes >= maxBatchBytes {
			if err := c.hand(ctx); err != nil {
				return err
			}
		}
	}
}

func (c *cursor) hand(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	if len(c.batch) == 0 {
		return nil
	}
	if err := c.each(c.batch); err != nil {
		return err
	}
	c.next = c.batch[len(c.batch)-1].Seq + 1
	c.batch, c.bytes = nil, 0
	return nil
}

// seqOf is the sequence number that a line begins with; 0 when it does not begin as lines do.
func seqOf(raw []byte) uint64 {
	rest, ok := bytes.CutPrefix(raw, []byte(`{"seq":`))
	if !ok {
		return 0
	}
	i := bytes.IndexByte(rest[:min(len(rest), seqDigits+1)], ',')
	if i < 0 {
		return 0
	}
	n, err := strconv.ParseUint(string(rest[:i]), 10, 64)
	if err != nil {
		return 0
	}
	return n
}
