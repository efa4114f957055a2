package evidence

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// recover brings the log back after it could not be written: the file is opened anew, its last durable
// record is read back, what was written after it is cut, and a record says what happened. It tells
// whether the log can be written again.
func (w *writer) recover() bool {
	why := w.l.OK()
	w.recovering = true
	defer func() { w.recovering = false }()
	details, err := w.reopen()
	if err == nil {
		details["error"] = why.Error()
		err = w.record(startAct("written again after a failure", details))
	} else {
		err = fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	w.l.setErr(err)
	return err == nil
}

// reopen makes w.file the file that ends with the last durable record.
func (w *writer) reopen() (details map[string]string, err error) {
	details = map[string]string{"file": filepath.Base(w.path())}
	if w.file != nil && w.inPlace() == errMoved {
		if err := w.restore(); err != nil {
			return nil, err
		}
		details["restored"] = "the file was removed or replaced, and written again from what was open"
	}
	f, err := w.l.opt.open(w.path())
	if err != nil {
		return nil, err
	}
	info, err := w.readBack(f)
	switch {
	case errors.Is(err, errChanged):
		f.Close()
		return w.abandon(details)
	case err != nil:
		f.Close()
		return nil, err
	}
	w.use(f, info)
	return details, syncDir(w.l.opt.Dir)
}

// use makes f the file in use.
func (w *writer) use(f file, info fs.FileInfo) {
	if w.file != nil {
		w.file.Close()
	}
	w.file, w.info = f, info
	w.l.mu.Lock()
	defer w.l.mu.Unlock()
	w.l.reopens++ // readers open it anew
}

// readBack tells whether f ends with the last durable record, and cuts what comes after it. It is
// errChanged when the record is not there.
func (w *writer) readBack(f file) (fs.FileInfo, error) {
	end := w.l.tail // only this goroutine changes it
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.Size() < end.size {
		return nil, errChanged
	}
	if end.size > 0 {
		line := make([]byte, end.size-end.last)
		if _, err := f.ReadAt(line, end.last); err != nil {
			return nil, fmt.Errorf("reading the last record back: %w", err)
		}
		if line[len(line)-1] != '\n' || hashOf(line[:len(line)-1]) != end.hash {
			return nil, errChanged
		}
	}
	if info.Size() > end.size {
		if err := f.Truncate(end.size); err != nil {
			return nil, err
		}
	}
	if err := f.Sync(); err != nil {
		return nil, err
	}
	return f.Stat()
}

// restore writes a file that lost its name again, from the descriptor that is still open.
func (w *writer) restore() error {
	path, size := w.path(), w.l.tail.size
	temp := path + tempEnd
	to, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	n, err := io.Copy(to, io.NewSectionReader(w.file, 0, size))
	if err == nil && n < size {
		err = fmt.Errorf("only %d of %d octets are left of %s", n, size, filepath.Base(path))
	}
	if err == nil {
		err = to.Sync()
	}
	if cerr := to.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(temp, path)
	}
	if err != nil {
		os.Remove(temp)
		return fmt.Errorf("writing a removed evidence file again: %w", err)
	}
	return syncDir(filepath.Dir(path))
}

// abandon goes on in a new file when the one in use lost records that were durable: they cannot be had
// back, Verify will name them, and no sequence number is given twice.
func (w *writer) abandon(details map[string]string) (map[string]string, error) {
	next := w.l.tail
	next.first, next.size, next.last = next.seq+1, 0, 0
	if next.first == w.l.tail.first { // the file has no record yet: there is nothing to lose in it
		return nil, errChanged
	}
	path := filepath.Join(w.l.opt.Dir, logFile{first: next.first}.name())
	f, err := w.l.opt.open(path)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && info.Size() > 0 {
		err = f.Truncate(0) // what an earlier attempt of this left
		info, _ = f.Stat()
	}
	if err == nil {
		err = syncDir(w.l.opt.Dir)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	details["damaged"] = "durable records are missing from the file: the log goes on in " + filepath.Base(path)
	w.use(f, info)
	w.next = next
	w.l.publish(next)
	return details, nil
}
