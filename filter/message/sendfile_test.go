package message

import (
	"bytes"
	"errors"
	"io"
	"os"
	"testing"
)

// fileTaker takes up to most octets of a file itself.
type fileTaker struct {
	bytes.Buffer
	most int64
	took int64
	err  error
}

func (w *fileTaker) WriteFile(f *os.File, off, n int64) (int64, error) {
	n = min(n, w.most)
	k, err := io.Copy(&w.Buffer, io.NewSectionReader(f, off, n))
	w.took += k
	return k, errors.Join(err, w.err)
}

// A writer may take what is in the memory file itself, all or a part of it; the end is always written.
func TestWriteRangeFromTheFile(t *testing.T) {
	content := randomBytes(500_000)
	l := DefaultLimits()
	l.MemoryBytes = 1000
	s := NewSpool(l, nil)
	defer s.Close()
	if _, err := s.Write(content); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Write(content[:100]); err != nil { // waits in memory
		t.Fatal(err)
	}
	all := append(bytes.Clone(content), content[:100]...)
	for _, r := range []Range{{0, s.Size()}, {0, 10}, {5, 400_000}, {499_990, 500_050}, {500_000, s.Size()}, {7, 7}} {
		for _, most := range []int64{0, 1, 100_000, s.Size()} {
			w := &fileTaker{most: most}
			n, err := s.WriteRange(w, r)
			if n != r.Len() || err != nil || !bytes.Equal(w.Bytes(), all[r.Start:r.End]) {
				t.Errorf("%v, %d from the file: %d octets, %v", r, most, n, err)
			}
			if want := min(most, max(0, r.End-windowBuffer-r.Start)); w.took != want {
				t.Errorf("%v: %d octets were taken from the file, want %d", r, w.took, want)
			}
		}
	}
	gone := errors.New("the other side is gone")
	if n, err := s.WriteRange(&fileTaker{most: 10, err: gone}, Range{0, s.Size()}); n != 10 || !errors.Is(err, gone) {
		t.Errorf("a failure in the middle: %d octets, %v", n, err)
	}
}
