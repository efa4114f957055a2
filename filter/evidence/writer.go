package evidence

import (
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
	group    []span    // what is in buf
	unsigned int       // records after the last checkpoint
	before   int       // unsigned before the group that is being written
	signed   time.Time // when the last checkpoint was made, or the first record after it appended
	made     []Line    // checkpoints of the group that is being written
	uncopied []Line    // durable checkpoints that are not in the separate file yet
	copyErr  error
	pruned   time.Time // when retention was last looked at
	closeErr error

	rotateErr error

	recovering bool // the log is unavailable already
}

// span is a record of the group and its line in buf.
type span struct {
	line       Line // without Raw
	start, end int
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
			w.writeGroup(nil)
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
	w.writeGroup(group)
}

// keep holds a note and sees that it does not wait too long.
func (w *writer) keep(r request) {
	if len(w.notes) == 0 {
		w.flush.Reset(noteDelay)
	}
	if w.hold(r); w.l.OK() == nil && (len(w.notes) >= maxGroup || w.bytes >= maxGroupBytes) {
		w.writeGroup(nil)
	}
}

func (w *writer) hold(r request) {
	if len(w.notes) >= maxKept {
		w.l.lost(1, ErrUnavailable)
		return
	}
	w.notes, w.bytes = append(w.notes, r), w.bytes+len(r.body)
}

// writeGroup writes the notes and the group, and answers those who wait.
func (w *writer) writeGroup(group []request) {
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
	w.writeGroup(nil)
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
	err := w.begins(next)
	if err == nil {
		l.wakePacker()
	} else if w.rotateErr == nil { // it is tried again after every group
		l.opt.Log.Error("the evidence file is full, but there can be no next one yet", "error", err)
	}
	w.rotateErr = err
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
	w.writeGroup(nil)
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
