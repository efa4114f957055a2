package evidence

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

const (
	filePrefix = "evidence-"
	plainEnd   = ".jsonl"
	gzipEnd    = ".jsonl.gz"
	tempEnd    = ".tmp"
	seqDigits  = 20 // of a sequence number in a file's name
)

// logFile is one file of a log.
type logFile struct {
	first  uint64 // sequence number of its first record
	packed bool   // compressed: closed for good
}

func (f logFile) name() string {
	end := plainEnd
	if f.packed {
		end = gzipEnd
	}
	return fmt.Sprintf("%s%0*d%s", filePrefix, seqDigits, f.first, end)
}

// parseName reads a file's name.
func parseName(name string) (f logFile, ok bool) {
	s, ok := strings.CutPrefix(name, filePrefix)
	if !ok {
		return f, false
	}
	if s, ok = strings.CutSuffix(s, plainEnd); !ok {
		if s, ok = strings.CutSuffix(s, gzipEnd); !ok {
			return f, false
		}
		f.packed = true
	}
	if len(s) != seqDigits || strings.Trim(s, "0123456789") != "" {
		return f, false
	}
	first, err := strconv.ParseUint(s, 10, 64)
	f.first = first
	return f, err == nil && first > 0
}

// listFiles lists the files of a log in their order. Of a file that is there both plain and compressed,
// which only a crash leaves behind, it lists the plain one.
func listFiles(dir string) ([]logFile, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("listing the evidence: %w", err)
	}
	var out []logFile
	for _, e := range entries { // sorted by name: .jsonl before .jsonl.gz
		f, ok := parseName(e.Name())
		if !ok || len(out) > 0 && out[len(out)-1].first == f.first {
			continue
		}
		out = append(out, f)
	}
	return out, nil
}

// nextFile is the first file that begins at seq or beyond; of those before it, the last, when none does:
// ok is false then.
func nextFile(dir string, seq uint64) (f logFile, ok bool, err error) {
	files, err := listFiles(dir)
	if err != nil {
		return f, false, err
	}
	i := slices.IndexFunc(files, func(f logFile) bool { return f.first >= seq })
	if i < 0 {
		return f, false, nil
	}
	return files[i], true, nil
}

// fileOf is the file in which seq is, or would be: the last that begins at or before it. Without one it
// is the first of the log.
func fileOf(dir string, seq uint64) (f logFile, ok bool, err error) {
	files, err := listFiles(dir)
	if err != nil || len(files) == 0 {
		return f, false, err
	}
	f = files[0]
	for _, g := range files {
		if g.first <= seq {
			f = g
		}
	}
	return f, true, nil
}

// openFile opens a file for reading, whether it was compressed in the meantime or not.
func openFile(dir string, f logFile) (io.ReadCloser, logFile, error) {
	var err error
	// A plain file that is gone was compressed just now; a second look is enough, but costs nothing to repeat.
	for range 3 {
		for _, packed := range []bool{false, true} {
			g := logFile{f.first, packed}
			var file *os.File
			if file, err = os.Open(filepath.Join(dir, g.name())); errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return nil, g, fmt.Errorf("opening the evidence: %w", err)
			}
			if !packed {
				return file, g, nil
			}
			z, err := gzip.NewReader(bufio.NewReaderSize(file, 64<<10))
			if err != nil {
				file.Close()
				return nil, g, fmt.Errorf("opening %s: %w", g.name(), err)
			}
			return &packedFile{z, file}, g, nil
		}
	}
	return nil, f, fmt.Errorf("opening the evidence: %w", err)
}

// packedFile reads a compressed file.
type packedFile struct {
	*gzip.Reader
	file *os.File
}

func (p *packedFile) Close() error {
	p.Reader.Close()
	return p.file.Close()
}

// errTorn is what a lineReader says of octets at the end that no line break follows.
var errTorn = errors.New("the last line has no end")

// errUnreadable is what a lineReader says when nothing more can be read of a file.
var errUnreadable = errors.New("the file cannot be read on")

// lineReader reads lines up to maxLine long.
type lineReader struct {
	r *bufio.Reader
	n int // lines read
}

func newLineReader(r io.Reader) *lineReader { return &lineReader{r: bufio.NewReaderSize(r, 64<<10)} }

// next is the next line, without its line break, in memory of its own. The errors are io.EOF, errTorn with
// what there is of the line, ErrTooLong (the rest of that line is passed over) and errUnreadable.
func (l *lineReader) next() ([]byte, error) {
	var line []byte
	long := false
	for {
		part, err := l.r.ReadSlice('\n')
		if !long {
			line = append(line, part...)
			if len(line) > maxLine+1 {
				long, line = true, nil
			}
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF) && len(part) == 0 && len(line) == 0 && !long:
			return nil, io.EOF
		case errors.Is(err, io.EOF):
			l.n++
			return line, errTorn
		case err != nil: // a compressed file that is damaged, or a disk
			return nil, fmt.Errorf("%w: %w", errUnreadable, err)
		}
		l.n++
		if long {
			return nil, ErrTooLong
		}
		return line[:len(line)-1], nil
	}
}

// writeWhole writes a file so that it is there whole or not at all.
func writeWhole(path string, b []byte, mode fs.FileMode) error {
	temp := path + tempEnd
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, mode)
	if err != nil {
		return err
	}
	if _, err = f.Write(b); err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(temp, path)
	}
	if err != nil {
		os.Remove(temp)
		return err
	}
	return syncDir(filepath.Dir(path))
}

// syncDir makes names durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
