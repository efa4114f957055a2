package evidence

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// write makes records durable. When that fails the log is unavailable until recover succeeds.
func (w *writer) write(reqs []request) (seqs []uint64, err error) {
	w.begin()
	for _, r := range reqs {
		w.add(r)
		seqs = append(seqs, w.next.seq)
		if w.unsigned >= w.l.opt.CheckpointEvery {
			w.addSigned(Record{Kind: KindCheckpoint, Checkpoint: &Checkpoint{Seq: w.next.seq, Hash: w.next.hash}})
		}
	}
	return seqs, w.commit()
}

// record makes one record of the log's own durable.
func (w *writer) record(r Record) error {
	req, err := w.l.encode(r)
	if err != nil {
		return err
	}
	_, err = w.write([]request{req})
	return err
}

func (w *writer) begin() {
	w.buf, w.group, w.made, w.before = w.buf[:0], nil, nil, w.unsigned
	if cap(w.buf) > 4*maxGroupBytes {
		w.buf = nil
	}
}

// add puts a record at the end of the chain.
func (w *writer) add(req request) {
	at, r := w.now(), req.record
	r.Seq, r.Prev, r.Time = w.next.seq+1, w.next.hash, at
	if at.Before(w.next.time) {
		r.Clock = clockBack
	}
	start := len(w.buf)
	w.buf = appendLine(w.buf, &r, req.body)
	w.advance(start, r)
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
	w.advance(start, r)
	w.made = append(w.made, Line{r, line, w.next.hash})
	w.unsigned = 0
}

// now is the time of the next record, without what a line cannot say.
func (w *writer) now() time.Time { return w.l.opt.Now().UTC().Round(0) }

// advance moves the end of the chain behind the line that begins at start of buf.
func (w *writer) advance(start int, r Record) {
	n := &w.next
	n.seq++
	n.hash, n.time = hashOf(w.buf[start:]), r.Time
	w.group = append(w.group, span{Line{Record: r, Hash: n.hash}, start, len(w.buf)})
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
	l.publish(w.next, w.lines()...)
	l.opt.Metrics.Records(int(n))
	return nil
}

// lines are the records of the group for those who follow the log; none when nobody does.
func (w *writer) lines() []Line {
	w.l.mu.Lock()
	followed := w.l.recent.followers > 0
	w.l.mu.Unlock()
	if !followed {
		return nil
	}
	raw := bytes.Clone(w.buf)
	out := make([]Line, len(w.group))
	for i, s := range w.group {
		out[i] = s.line
		out[i].Raw = raw[s.start:s.end:s.end]
	}
	return out
}

// publish tells everybody where the durable log ends, and what is new in it.
func (l *Log) publish(t tail, lines ...Line) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if t.seq != l.tail.seq {
		l.recent.add(lines)
	}
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
