package evidence

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"
)

// file is what the writer needs of the file in use.
type file interface {
	io.Writer
	io.ReaderAt
	Sync() error
	Truncate(size int64) error
	Stat() (fs.FileInfo, error)
	Close() error
}

// openFunc opens a file to append to and to read, and makes it when it is missing.
type openFunc func(path string) (file, error)

func openOS(path string) (file, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	return f, nil
}

// writer is the one goroutine that writes: it gives records their place in the chain and makes many of
// them durable with one fsync.
type writer struct {
	l    *Log
	file file
	info fs.FileInfo // of file, to tell whether its name still means it
	next tail        // the end of what was written; Log.tail once it is durable

	notes    []request // that wait for a group
	bytes    int       // of their bodies
	flush    *time.Timer
	buf      []byte
	unsigned int       // records after the last checkpoint
	before   int       // unsigned before the group that is being written
	signed   time.Time // when the last checkpoint was made, or the first record after it appended
	made     []Line    // checkpoints of the group that is being written
	uncopied []Line    // durable checkpoints that are not in the separate file yet
	copyErr  error
	pruned   time.Time // when retention was last looked at
	closeErr error

	recovering bool // the log is unavailable already
}

// open opens the file in use as findTail found it, and cuts what is not a record.
func (w *writer) open(opt Options, f *found) error {
	path := filepath.Join(opt.Dir, logFile{first: f.first}.name())
	var err error
	if w.file, err = opt.open(path); err != nil {
		return err
	}
	if f.cut {
		if err := w.file.Truncate(f.size); err != nil {
			return fmt.Errorf("cutting what is half written in %s: %w", path, err)
		}
	}
	// What a crash left in the page cache is read as if it were durable; now it is.
	if err := w.file.Sync(); err != nil {
		return err
	}
	if w.info, err = w.file.Stat(); err != nil {
		return err
	}
	return syncDir(opt.Dir)
}

func (w *writer) run() {
	l := w.l
	defer close(l.ended)
	ticks := time.NewTicker(l.opt.tick)
	defer ticks.Stop()
	w.flush = time.NewTimer(noteDelay)
	w.flush.Stop()
	for {
		select {
		case r := <-l.in:
			w.take(r)
		case <-w.flush.C:
			w.group(nil)
		case f := <-l.do:
			f()
		case <-ticks.C:
			w.tick()
		case <-l.closing:
			w.finish()
			return
		}
	}
}

// take starts a group with r, or keeps it for one when it is a note.
func (w *writer) take(r request) {
	if r.done == nil {
		w.keep(r)
		return
	}
	// Those that the last group set free are about to append again.
	runtime.Gosched()
	group, size := []request{r}, len(r.body)
	for len(group)+len(w.notes) < maxGroup && size+w.bytes < maxGroupBytes {
		select {
		case r := <-w.l.in:
			if r.done == nil {
				w.hold(r)
				continue
			}
			group, size = append(group, r), size+len(r.body)
			continue
		default:
		}
		break
	}
	w.group(group)
}

// keep holds a note and sees that it does not wait too long.
func (w *writer) keep(r request) {
	if len(w.notes) == 0 {
		w.flush.Reset(noteDelay)
	}
	if w.hold(r); w.l.OK() == nil && (len(w.notes) >= maxGroup || w.bytes >= maxGroupBytes) {
		w.group(nil)
	}
}

func (w *writer) hold(r request) {
	if len(w.notes) >= maxKept {
		w.l.lost(1, ErrUnavailable)
		return
	}
	w.notes, w.bytes = append(w.notes, r), w.bytes+len(r.body)
}

// group writes the notes and the group, and answers those who wait.
func (w *writer) group(group []request) {
	if len(w.notes)+len(group) == 0 {
		return
	}
	err := w.l.OK()
	var seqs []uint64
	if err == nil {
		seqs, err = w.write(append(w.notes[:len(w.notes):len(w.notes)], group...))
	}
	for i, r := range group {
		if err != nil {
			r.done <- result{err: err}
		} else {
			r.done <- result{seq: seqs[len(seqs)-len(group)+i]}
		}
	}
	if err != nil {
		return // the notes stay
	}
	w.flush.Stop()
	clear(w.notes)
	w.notes, w.bytes = w.notes[:0], 0
	w.copyCheckpoints()
	if w.next.size >= w.l.opt.FileBytes {
		w.rotate()
	}
}

// write makes records durable. When that fails the log is unavailable until recover succeeds.
func (w *writer) write(reqs []request) (seqs []uint64, err error) {
	w.begin()
	for _, r := range reqs {
		w.add(r.body)
		seqs = append(seqs, w.next.seq)
		if w.unsigned >= w.l.opt.CheckpointEvery {
			w.addSigned(Record{Kind: KindCheckpoint, Checkpoint: &Checkpoint{Seq: w.next.seq, Hash: w.next.hash}})
		}
	}
	return seqs, w.commit()
}

// record makes one record of the log's own durable.
func (w *writer) record(r Record) error {
	body, err := w.l.encode(r)
	if err != nil {
		return err
	}
	_, err = w.write([]request{{body: body}})
	return err
}

func (w *writer) begin() {
	w.buf, w.made, w.before = w.buf[:0], nil, w.unsigned
	if cap(w.buf) > 4*maxGroupBytes {
		w.buf = nil
	}
}

// add puts a body at the end of the chain.
func (w *writer) add(body []byte) {
	at := w.now()
	start := len(w.buf)
	w.buf = appendLine(w.buf, w.next.seq+1, w.next.hash, at.Before(w.next.time), at, body)
	w.advance(start, at)
	if w.unsigned++; w.unsigned == 1 {
		w.signed = at
	}
}

// addSigned puts a checkpoint or root at the end of the chain. A checkpoint signs what is before it.
func (w *writer) addSigned(r Record) {
	r.Seq, r.Prev, r.Gate, r.Time = w.next.seq+1, w.next.hash, w.l.opt.Gate, w.now()
	if r.Time.Before(w.next.time) {
		r.Clock = clockBack
	}
	r.sign(w.l.key, w.l.id)
	start := len(w.buf)
	line, err := Encode(r)
	if err != nil { // a record without anything from outside always has an encoding
		return
	}
	w.buf = append(w.buf, line...)
	w.advance(start, r.Time)
	w.made = append(w.made, Line{r, append([]byte(nil), line...), w.next.hash})
	w.unsigned = 0
}

// now is the time of the next record, without what a line cannot say.
func (w *writer) now() time.Time { return w.l.opt.Now().UTC().Round(0) }

// advance moves the end of the chain behind the line that begins at start of buf.
func (w *writer) advance(start int, at time.Time) {
	n := &w.next
	n.seq++
	n.hash, n.time = hashOf(w.buf[start:]), at
	w.buf = append(w.buf, '\n')
	n.last, n.size = n.size, n.size+int64(len(w.buf)-start)
}

// errMoved says that the name of the file in use does not mean the file that is being written.
var errMoved = errors.New("the evidence file was removed or replaced")

// errChanged says that somebody else wrote to the file in use, or cut it.
var errChanged = errors.New("the evidence file was changed by somebody else")

// inPlace tells whether the file in use is still under its name, as long as it was left.
func (w *writer) inPlace() error {
	info, err := os.Lstat(w.path())
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return errMoved
	case err != nil:
		return err
	case !os.SameFile(info, w.info):
		return errMoved
	case info.Size() != w.l.tail.size: // only this goroutine changes it
		return errChanged
	}
	return nil
}

func (w *writer) path() string {
	return filepath.Join(w.l.opt.Dir, logFile{first: w.next.first}.name())
}

// commit makes buf durable.
func (w *writer) commit() error {
	l, n := w.l, w.next.seq-w.l.tail.seq
	err := w.inPlace()
	if err == nil {
		_, err = w.file.Write(w.buf)
	}
	if err == nil {
		err = w.file.Sync()
	}
	if err != nil {
		w.unsigned = w.before
		return w.fail(err)
	}
	w.uncopied = append(w.uncopied, w.made...)
	l.publish(w.next)
	l.opt.Metrics.Records(int(n))
	return nil
}

// publish tells everybody where the durable log ends.
func (l *Log) publish(t tail) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tail = t
	close(l.changed)
	l.changed = make(chan struct{})
}

// fail makes the log unavailable: nothing is appended until recover has found where the durable log ends.
// In particular no fsync is repeated: after an error it may succeed without the octets being on the disk.
func (w *writer) fail(err error) error {
	l := w.l
	err = fmt.Errorf("%w: %w", ErrUnavailable, err)
	w.next = l.tail
	if !w.recovering {
		l.setErr(err)
	}
	return err
}

func (l *Log) setErr(err error) {
	l.mu.Lock()
	before := l.err
	l.err = err
	l.mu.Unlock()
	switch {
	case err == nil && before != nil:
		l.opt.Log.Info("the evidence log is written again")
		l.opt.Metrics.OK(true)
	case err != nil && (before == nil || before.Error() != err.Error()):
		l.opt.Log.Error("the evidence log cannot be written: mail is deferred", "error", err)
		l.opt.Metrics.OK(false)
	}
}

// tick looks after what no record asks for.
func (w *writer) tick() {
	l := w.l
	if l.OK() == nil {
		if err := w.inPlace(); err != nil {
			w.fail(err)
		}
	}
	if l.OK() != nil && !w.recover() {
		return
	}
	if w.unsigned > 0 && w.now().Sub(w.signed).Abs() >= l.opt.CheckpointAge {
		w.checkpoint()
	}
	w.group(nil)
	w.copyCheckpoints()
	w.retain()
}

// checkpoint signs what is not signed yet.
func (w *writer) checkpoint() error {
	w.begin()
	w.addSigned(Record{Kind: KindCheckpoint, Checkpoint: &Checkpoint{Seq: w.next.seq, Hash: w.next.hash}})
	return w.commit()
}

// rotate closes the file in use and begins the next one.
func (w *writer) rotate() {
	l := w.l
	next := w.next
	next.first, next.size, next.last = next.seq+1, 0, 0
	if err := w.begins(next); err != nil {
		l.opt.Log.Error("the evidence file is full, but there can be no next one yet", "error", err)
		return
	}
	l.wakePacker()
}

// begins makes an empty file the one in use.
func (w *writer) begins(next tail) error {
	path := filepath.Join(w.l.opt.Dir, logFile{first: next.first}.name())
	f, err := w.l.opt.open(path)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err == nil && info.Size() > 0 {
		err = fmt.Errorf("%s is not empty", path)
	}
	if err == nil {
		err = syncDir(w.l.opt.Dir)
	}
	if err != nil {
		f.Close()
		return err
	}
	w.file.Close() // every octet in it is durable
	w.file, w.info, w.next = f, info, next
	w.l.publish(next)
	return nil
}

// finish writes what is queued, signs it, and closes the file.
func (w *writer) finish() {
	for more := true; more; {
		select {
		case r := <-w.l.in:
			w.take(r)
		default:
			more = false
		}
	}
	if w.l.OK() != nil {
		w.recover() // a last time, for the notes
	}
	w.group(nil)
	err := w.l.OK()
	if err == nil && w.unsigned > 0 {
		err = w.checkpoint()
	}
	if n := len(w.notes); n > 0 {
		w.l.lost(n, err)
	}
	w.copyCheckpoints()
	if w.file != nil {
		if cerr := w.file.Close(); err == nil {
			err = cerr
		}
	}
	if err == nil {
		err = w.copyErr
	}
	w.closeErr = err
}
