package evidence

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// sample is a closed log of a few files, and where it is.
type sample struct {
	dir   string
	lines [][]byte // of all files
	pub   []byte
}

// makeSample makes a log of one plain file with n verdicts, checkpoints every 7 records.
func makeSample(t testing.TB, n int) sample {
	t.Helper()
	dir := t.TempDir()
	o := options(dir)
	o.CheckpointEvery = 7
	l := mustOpen(t, o)
	for i := range n {
		mustAppend(t, l, verdictOf(fmt.Sprint("M", i+1)))
	}
	mustClose(t, l)
	s := sample{dir: dir, pub: publicKey(t, dir)}
	b, err := os.ReadFile(s.file())
	if err != nil {
		t.Fatal(err)
	}
	s.lines = bytes.SplitAfter(bytes.TrimSuffix(b, []byte("\n")), []byte("\n"))
	s.lines[len(s.lines)-1] = append(s.lines[len(s.lines)-1], '\n')
	return s
}

func (s sample) file() string { return filepath.Join(s.dir, logFile{first: 1}.name()) }

// verifyWith verifies the log with other lines in its file.
func (s sample) verifyWith(t testing.TB, lines [][]byte) *Fault {
	t.Helper()
	if err := os.WriteFile(s.file(), bytes.Join(lines, nil), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Verify(s.dir, s.pub)
	var fault *Fault
	if err != nil && !errors.As(err, &fault) {
		t.Fatalf("no fault but: %v", err)
	}
	return fault
}

func cloneLines(lines [][]byte) [][]byte {
	out := make([][]byte, len(lines))
	for i, l := range lines {
		out[i] = bytes.Clone(l)
	}
	return out
}

// severalFiles makes a log of several files, all but the last compressed.
func severalFiles(t testing.TB) (dir string, files []logFile) {
	t.Helper()
	dir = t.TempDir()
	o := options(dir)
	o.CheckpointEvery, o.FileBytes = 10, 4000
	l := mustOpen(t, o)
	for i := 0; i < 40 || inUse(t, l).size == 0; i++ { // an empty last file would be missed by nobody
		mustAppend(t, l, verdictOf(fmt.Sprint("M", i+1)))
	}
	waitPacked(t, dir)
	mustClose(t, l)
	files, err := listFiles(dir)
	if err != nil || len(files) < 5 {
		t.Fatalf("%d files: %v", len(files), err)
	}
	return dir, files
}

// inUse is the end of the log when the writer has done all that an append brought about.
func inUse(t testing.TB, l *Log) (end tail) {
	t.Helper()
	if err := l.inWriter(t.Context(), func() error { end = l.w.next; return nil }); err != nil {
		t.Fatal(err)
	}
	return end
}

// waitPacked waits until every file but the last is compressed.
func waitPacked(t testing.TB, dir string) {
	t.Helper()
	eventually(t, "closed files are compressed", func() bool {
		files, err := listFiles(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files[:len(files)-1] {
			if !f.packed {
				return false
			}
		}
		return true
	})
}

func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for range 1000 {
		if ok() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("it did not come to pass that %s", what)
}
