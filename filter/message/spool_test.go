package message

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"
)

func randomBytes(n int) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{1})
	r.Read(b)
	return b
}

// writeIn writes b in pieces of the given size.
func writeIn(t testing.TB, s *Spool, b []byte, piece int) {
	t.Helper()
	for len(b) > 0 {
		n := min(piece, len(b))
		if k, err := s.Write(b[:n]); err != nil || k != n {
			t.Fatalf("Write: %d, %v", k, err)
		}
		b = b[n:]
	}
}

func TestSpoolKeepsEveryOctet(t *testing.T) {
	for _, size := range []int{0, 1, 8191, 8192, 8193, 256 << 10, 256<<10 + 1, 300_000, 1 << 20, 3<<20 + 7} {
		for _, piece := range []int{997, 4096, 131072} {
			for _, memory := range []int64{0, 256 << 10, 2 << 20} {
				b := randomBytes(size)
				l := DefaultLimits()
				l.MemoryBytes = memory
				s := NewSpool(l, nil)
				writeIn(t, s, b, piece)
				if s.Size() != int64(size) {
					t.Fatalf("Size %d, want %d", s.Size(), size)
				}
				got, err := io.ReadAll(io.NewSectionReader(s, 0, s.Size()))
				if err != nil || !bytes.Equal(got, b) {
					t.Fatalf("size %d piece %d memory %d: content differs (%v)", size, piece, memory, err)
				}
				sum := sha256.Sum256(b)
				if s.SHA256() != hex.EncodeToString(sum[:]) {
					t.Fatal("hash differs")
				}
				var out bytes.Buffer
				r := Range{int64(size / 3), int64(size)}
				if n, err := s.WriteRange(&out, r); err != nil || n != r.Len() || !bytes.Equal(out.Bytes(), b[size/3:]) {
					t.Fatalf("WriteRange: %d, %v", n, err)
				}
				s.Close()
			}
		}
	}
}

func TestSpoolWireLimit(t *testing.T) {
	l := DefaultLimits()
	l.WireBytes = 1000
	b := NewBudget(5000)
	s := NewSpool(l, b)
	writeIn(t, s, make([]byte, 1000), 100)
	for range 3 {
		if n, err := s.Write([]byte("x")); n != 0 || !errors.Is(err, ErrTooBig) {
			t.Fatalf("over the limit: %d, %v", n, err)
		}
	}
	if _, err := s.ReadAt(make([]byte, 1), 0); !errors.Is(err, ErrTooBig) {
		t.Fatalf("ReadAt after a failed write: %v", err)
	}
	if got := b.left.Load(); got != 5000 {
		t.Fatalf("budget left %d: a dropped message must give its room back at once", got)
	}
	s.Close()
	if got := b.left.Load(); got != 5000 {
		t.Fatalf("budget left %d after Close", got)
	}
}

func TestSpoolBudgetIsShared(t *testing.T) {
	b := NewBudget(1000)
	one, two := NewSpool(DefaultLimits(), b), NewSpool(DefaultLimits(), b)
	writeIn(t, one, make([]byte, 900), 900)
	if _, err := two.Write(make([]byte, 101)); !errors.Is(err, ErrNoRoom) {
		t.Fatalf("beyond the budget: %v", err)
	}
	one.Close()
	one.Close()
	three := NewSpool(DefaultLimits(), b)
	writeIn(t, three, make([]byte, 1000), 1000)
	if _, err := three.Write([]byte{0}); !errors.Is(err, ErrNoRoom) {
		t.Fatalf("Close gave the room back twice: %v", err)
	}
}

func TestSpoolClosed(t *testing.T) {
	s := NewSpool(DefaultLimits(), nil)
	writeIn(t, s, make([]byte, 1<<20), 4096)
	s.Close()
	if _, err := s.ReadAt(make([]byte, 1), 0); !errors.Is(err, ErrClosed) {
		t.Errorf("ReadAt: %v", err)
	}
	if _, err := s.Write([]byte("x")); !errors.Is(err, ErrClosed) {
		t.Errorf("Write: %v", err)
	}
	if _, err := s.WriteRange(io.Discard, Range{0, 1}); !errors.Is(err, ErrClosed) {
		t.Errorf("WriteRange: %v", err)
	}
}

// A rule that overran its deadline may still read while the door closes the spool.
func TestSpoolCloseBesideReaders(t *testing.T) {
	for _, size := range []int{1000, 1 << 20} {
		s := NewSpool(DefaultLimits(), nil)
		want := randomBytes(size)
		writeIn(t, s, want, 4096)
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				p := make([]byte, 500)
				for {
					_, err := s.ReadAt(p, 100)
					if errors.Is(err, ErrClosed) {
						return
					}
					if err != nil || !bytes.Equal(p, want[100:600]) {
						t.Errorf("read beside Close: %v", err)
						return
					}
				}
			})
		}
		s.Close()
		wg.Wait()
	}
}

// Large messages must not be held in Go memory: only their memory files grow.
func TestSpoolLargeMessagesStayOutOfTheHeap(t *testing.T) {
	before := residentKiB(t)
	var spools []*Spool
	piece := randomBytes(128 << 10)
	for range 16 {
		s := NewSpool(DefaultLimits(), nil)
		for range 19 << 20 / len(piece) {
			if _, err := s.Write(piece); err != nil {
				t.Fatal(err)
			}
		}
		spools = append(spools, s)
	}
	if grown := residentKiB(t) - before; grown > 24<<10 {
		t.Errorf("16 spools of 19 MiB grew the resident set by %d KiB", grown)
	}
	for _, s := range spools {
		s.Close()
	}
}

// residentKiB is VmRSS in KiB.
func residentKiB(t *testing.T) int {
	t.Helper()
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if v, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			n := 0
			for _, c := range v {
				if c >= '0' && c <= '9' {
					n = 10*n + int(c-'0')
				}
			}
			return n
		}
	}
	t.Fatal("no VmRSS")
	return 0
}

func BenchmarkSpool19MB(b *testing.B) {
	for _, piece := range []int{4 << 10, 128 << 10} {
		p := randomBytes(piece)
		b.Run(map[bool]string{true: "4KiB", false: "128KiB"}[piece == 4<<10], func(b *testing.B) {
			b.SetBytes(19 << 20)
			for b.Loop() {
				s := NewSpool(DefaultLimits(), nil)
				for range 19 << 20 / piece {
					s.Write(p)
				}
				s.Close()
			}
		})
	}
}

// A spool takes what a reader has, and stops a reader that has too much.
func TestSpoolReadFrom(t *testing.T) {
	b := randomBytes(300_000)
	for _, memory := range []int64{0, 1 << 20} {
		l := DefaultLimits()
		l.MemoryBytes, l.WireBytes = memory, int64(len(b))
		s := NewSpool(l, nil)
		n, err := io.Copy(s, struct{ io.Reader }{bytes.NewReader(b)})
		got, rerr := io.ReadAll(io.NewSectionReader(s, 0, s.Size()))
		if err != nil || rerr != nil || n != int64(len(b)) || !bytes.Equal(got, b) {
			t.Fatalf("memory %d: %d octets, %v, %v", memory, n, err, rerr)
		}
		if _, err := io.Copy(s, strings.NewReader("x")); !errors.Is(err, ErrTooBig) {
			t.Errorf("over the limit: %v", err)
		}
		s.Close()
	}
}
