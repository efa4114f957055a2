package evidence

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
)

// ErrDamaged says that the end of a log, which the next record must follow, cannot be made out.
var ErrDamaged = errors.New("the evidence log is damaged")

// found is what Open finds at the end of a log.
type found struct {
	tail
	notes      map[string]string // what is not as a clean end leaves it
	unsigned   int               // records after the last checkpoint
	checkpoint *Line             // the last one, in the log or in the file of checkpoints
	uncopied   []Line            // checkpoints that are missing there
	renew      bool              // the next record goes to a new file
	cut        bool              // the file in use is longer than tail.size
}

func (f *found) note(key, value string) {
	if f.notes == nil {
		f.notes = map[string]string{}
	}
	f.notes[key] = value
}

// findTail reads the end of the log in dir.
func findTail(dir string) (found, error) {
	f := found{tail: tail{first: 1, hash: noHash}}
	files, err := listFiles(dir)
	if err != nil {
		return f, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	if len(files) == 0 {
		return f, nil
	}
	last := files[len(files)-1]
	if last.packed { // the file in use is gone, or the power went between its closing and the next one's first record
		end, err := lastOf(dir, last)
		if err != nil {
			return f, err
		}
		f.tail = tail{first: end.Seq + 1, seq: end.Seq, hash: end.Hash, time: end.Time}
		return f, nil
	}
	if err := f.scan(filepath.Join(dir, last.name()), last.first); err != nil {
		return f, err
	}
	if f.seq != 0 || last.first == 1 {
		return f, nil
	}
	// A file without a record: what it continues is in the one before, or was pruned.
	f.seq = last.first - 1
	if len(files) > 1 {
		end, err := lastOf(dir, files[len(files)-2])
		if err != nil {
			return f, err
		}
		if end.Seq != f.seq {
			f.note("damaged", fmt.Sprintf("the records between %d and %d are missing", end.Seq, last.first))
		}
		f.hash, f.time = end.Hash, end.Time
		return f, nil
	}
	return f, f.fromCheckpoints(dir)
}

// scan reads the file in use. What stands after its last whole record is to be cut.
func (f *found) scan(path string, first uint64) error {
	file, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	defer file.Close()
	f.tail = tail{first: first, hash: noHash}
	var offset int64
	broken := ""
	for lines := newLineReader(file); ; {
		raw, err := lines.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil && !errors.Is(err, errTorn) && !errors.Is(err, ErrTooLong) {
			return fmt.Errorf("%w: reading %s: %w", ErrUnavailable, path, err)
		}
		if err != nil { // how long it was matters not: only what follows a bad line is measured
			continue
		}
		line, err := decodeLine(raw)
		if err != nil {
			continue
		}
		switch at, err := file.Seek(0, io.SeekCurrent); {
		case err != nil:
			return fmt.Errorf("%w: reading %s: %w", ErrUnavailable, path, err)
		default:
			offset = at - int64(lines.r.Buffered())
		}
		if f.seq != 0 && (line.Seq != f.seq+1 || line.Prev != f.hash) && broken == "" {
			broken = fmt.Sprintf("%s line %d does not follow the line before", filepath.Base(path), lines.n)
		}
		f.size, f.last = offset, offset-int64(len(raw))-1
		f.seq, f.hash, f.time = line.Seq, line.Hash, line.Time
		f.unsigned++
		if line.Kind == KindCheckpoint {
			f.unsigned, f.checkpoint = 0, &line
		}
	}
	if broken != "" {
		f.note("damaged", broken)
	}
	return f.measureCut(file, path)
}

// measureCut notes what will be cut: how much, and its hash.
func (f *found) measureCut(file *os.File, path string) error {
	sum := sha256.New()
	info, err := file.Stat()
	if err != nil {
		return fmt.Errorf("%w: reading %s: %w", ErrUnavailable, path, err)
	}
	n, err := io.Copy(sum, io.NewSectionReader(file, f.size, info.Size()-f.size))
	if err != nil {
		return fmt.Errorf("%w: reading %s: %w", ErrUnavailable, path, err)
	}
	if n > 0 {
		f.cut = true
		f.note("cut", filepath.Base(path))
		f.note("cut_octets", strconv.FormatInt(n, 10))
		f.note("cut_sha256", hex.EncodeToString(sum.Sum(nil)))
	}
	return nil
}

// lastOf is the last record of a closed file.
func lastOf(dir string, f logFile) (Line, error) {
	r, f, err := openFile(dir, f)
	if err != nil {
		return Line{}, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	defer r.Close()
	var end Line
	for lines := newLineReader(r); ; {
		raw, err := lines.next()
		if errors.Is(err, io.EOF) && end.Seq != 0 {
			return end, nil
		}
		if err != nil {
			return end, fmt.Errorf("%w: reading %s: %w", ErrDamaged, f.name(), err)
		}
		if end, err = decodeLine(raw); err != nil {
			return end, fmt.Errorf("%w: reading %s: %w", ErrDamaged, f.name(), err)
		}
	}
}

// fromCheckpoints takes the hash of the last record from what signs it, when the record is not there.
func (f *found) fromCheckpoints(dir string) error {
	file, err := os.Open(filepath.Join(dir, checkpointsName))
	if err != nil {
		return fmt.Errorf("%w: records up to %d are missing: %w", ErrDamaged, f.seq, err)
	}
	defer file.Close()
	err = eachCheckpoint(file, func(l Line) {
		switch {
		case l.Root != nil && l.Root.Seq == f.seq:
			f.hash = l.Root.Hash
		case l.Seq == f.seq:
			f.hash = l.Hash
		}
	})
	if err == nil && f.hash == noHash {
		err = fmt.Errorf("%w: records up to %d are missing", ErrDamaged, f.seq)
	}
	return err
}

// lookAtCheckpoints compares the end of the log with the last checkpoint of the separate file. Where the
// log ends before, its tail was cut: the next record goes behind what the checkpoint signs, into a file of
// its own, so that no sequence number is ever given twice.
func (f *found) lookAtCheckpoints(dir string, pub ed25519.PublicKey) error {
	last, err := lastCheckpoint(filepath.Join(dir, checkpointsName), pub)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	if c := f.checkpoint; c != nil && (last == nil || c.Seq > last.Seq) {
		f.uncopied = append(f.uncopied, *c)
	}
	if last == nil || last.Seq <= f.seq {
		if f.checkpoint == nil {
			f.checkpoint = last
		}
		return nil
	}
	for _, key := range []string{"cut", "cut_octets", "cut_sha256"} { // that file stays as it is
		delete(f.notes, key)
	}
	f.note("missing", fmt.Sprintf("records %d to %d, which a checkpoint signs", f.seq+1, last.Seq))
	f.checkpoint, f.unsigned, f.renew, f.cut = last, 0, true, false
	f.tail = tail{first: last.Seq + 1, seq: last.Seq, hash: last.Hash, time: last.Time}
	return nil
}

// eachCheckpoint reads a file of checkpoints. Lines that are none are passed over: Verify is who complains.
func eachCheckpoint(r io.Reader, each func(Line)) error {
	for lines := newLineReader(r); ; {
		raw, err := lines.next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.Is(err, errTorn), errors.Is(err, ErrTooLong):
			continue
		case err != nil:
			return fmt.Errorf("%w: reading %s: %w", ErrUnavailable, checkpointsName, err)
		}
		if l, err := decodeLine(raw); err == nil {
			each(l)
		}
	}
}

// maxTorn is how far from the end of the file of checkpoints the last line break, and the last line that
// is signed, are looked for, in octets.
const maxTorn = 64 << 10

// lastCheckpoint is the last line of the file of checkpoints that is signed; nil when there is none. It
// cuts what a crash left half written at the end.
func lastCheckpoint(path string, pub ed25519.PublicKey) (*Line, error) {
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if err := cutTorn(file); err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	start := max(0, info.Size()-maxTorn)
	var last *Line
	err = eachCheckpoint(io.NewSectionReader(file, start, info.Size()-start), func(l Line) {
		if l.signedBy(pub) == "" {
			last = &l
		}
	})
	return last, err
}

func cutTorn(file *os.File) error {
	info, err := file.Stat()
	if err != nil || info.Size() == 0 {
		return err
	}
	b := make([]byte, min(info.Size(), maxTorn))
	if _, err := file.ReadAt(b, info.Size()-int64(len(b))); err != nil {
		return err
	}
	if b[len(b)-1] == '\n' {
		return nil
	}
	end := info.Size() - int64(len(b)) + int64(bytes.LastIndexByte(b, '\n')+1)
	if err := file.Truncate(end); err != nil {
		return err
	}
	return file.Sync()
}
