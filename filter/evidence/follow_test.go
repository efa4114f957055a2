package evidence

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// collector is a Follow callback that keeps the sequence numbers.
type collector struct {
	mu   sync.Mutex
	seqs []uint64
	bad  string
}

func (c *collector) take(lines []Line) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(lines) == 0 || len(lines) > maxBatch {
		c.bad = fmt.Sprintf("a batch of %d", len(lines))
	}
	for _, l := range lines {
		if l.Hash != hashOf(l.Raw) || l.Seq == 0 {
			c.bad = fmt.Sprintf("record %d has hash %s", l.Seq, l.Hash)
		}
		c.seqs = append(c.seqs, l.Seq)
	}
	return nil
}

func (c *collector) len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.seqs)
}

// check sees that c has every record from first to last, once and in order.
func (c *collector) check(t testing.TB, first, last uint64) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.bad != "" {
		t.Error(c.bad)
	}
	if n := last - first + 1; uint64(len(c.seqs)) != n {
		t.Fatalf("%d records were handed over, want %d", len(c.seqs), n)
	}
	for i, seq := range c.seqs {
		if seq != first+uint64(i) {
			t.Fatalf("record %d at place %d", seq, i)
		}
	}
}

// Several followers, begun at different times, read on while files are closed and compressed.
func TestFollowAcrossFiles(t *testing.T) {
	o := options(t.TempDir())
	o.CheckpointEvery, o.FileBytes = 25, 10<<10
	l := mustOpen(t, o)
	for range 60 {
		mustAppend(t, l, verdictOf("M"))
	}
	waitPacked(t, o.Dir)
	starts := []uint64{1, 2, 17, 40, 61}
	got := make([]collector, len(starts))
	var wg sync.WaitGroup
	for i, from := range starts {
		wg.Go(func() {
			if err := l.Follow(context.Background(), from, got[i].take); !errors.Is(err, ErrClosed) {
				t.Errorf("following from %d: %v", from, err)
			}
		})
	}
	var appenders sync.WaitGroup
	for range 4 {
		appenders.Go(func() {
			for range 30 {
				l.Note(act(View, "H1"))
				if _, err := l.Append(context.Background(), verdictOf("M")); err != nil {
					t.Error(err)
				}
			}
		})
	}
	appenders.Wait()
	mustClose(t, l)
	wg.Wait()
	end, _ := l.Tail()
	for i, from := range starts {
		got[i].check(t, from, end)
	}
}

// A follower gets a record only when it is durable, and then without being asked.
func TestFollowIsLive(t *testing.T) {
	o := options(t.TempDir())
	l := mustOpen(t, o)
	var c collector
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- l.Follow(ctx, 1, c.take) }()
	for i := range 5 {
		mustAppend(t, l, verdictOf("M"))
		eventually(t, "a record is handed over", func() bool { return c.len() == i+1 })
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if err := l.Follow(t.Context(), 7, c.take); !errors.Is(err, ErrAhead) {
		t.Errorf("following from beyond the next record: %v", err)
	}
	stop := errors.New("enough")
	if err := l.Follow(t.Context(), 1, func([]Line) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("a callback's error: %v", err)
	}
}

// What a follower is given from memory is what the file holds.
func TestRecentIsWhatTheFileHolds(t *testing.T) {
	o := options(t.TempDir())
	o.CheckpointEvery, o.FileBytes = 7, 6000
	l := mustOpen(t, o)
	mustAppend(t, l, verdictOf("before anybody follows"))
	var got []Line
	done := make(chan error)
	ready := make(chan struct{})
	go func() {
		done <- l.Follow(context.Background(), 1, func(lines []Line) error {
			if len(got) == 0 {
				close(ready)
			}
			got = append(got, lines...)
			return nil
		})
	}()
	<-ready
	for i, r := range hostile()[:4] {
		mustAppend(t, l, r)
		for range 10 {
			mustAppend(t, l, verdictOf(fmt.Sprint("M", i)))
		}
	}
	mustClose(t, l)
	<-done
	if diff := cmp.Diff(records(t, o.Dir), got); diff != "" {
		t.Errorf("(-file +followed):\n%s", diff)
	}
}

func TestRecentIsBounded(t *testing.T) {
	var r recent
	line := func(seq uint64, n int) []Line {
		return []Line{{Record: Record{Seq: seq}, Raw: make([]byte, n)}}
	}
	held := map[uint64][]Line{}
	for seq := uint64(1); seq <= 3*maxRecent; seq++ {
		r.add(line(seq, 10))
		if seq%100 == 0 {
			held[seq] = r.from(seq)
		}
		if len(r.lines) > maxRecent {
			t.Fatalf("%d records", len(r.lines))
		}
	}
	for seq, lines := range held {
		if len(lines) != 1 || lines[0].Seq != seq {
			t.Errorf("what was handed out for %d changed: %d", seq, lines[0].Seq)
		}
	}
	next := uint64(3*maxRecent + 1)
	if got := r.from(next); len(got) != 0 {
		t.Errorf("beyond the end there are %d", len(got))
	}
	if got := r.from(next - 1); len(got) != 1 || r.from(1) != nil || len(r.from(r.lines[0].Seq)) != maxBatch {
		t.Errorf("%d at the end, %d from the first", len(got), len(r.from(r.lines[0].Seq)))
	}
	for range 10 {
		r.add(line(next, maxLine))
		next++
		if r.bytes > maxRecentBytes {
			t.Fatalf("%d octets", r.bytes)
		}
	}
	r.add(line(next+5, 10)) // a gap: what is before is of no use
	if len(r.lines) != 1 || r.from(next) != nil {
		t.Errorf("%d records after a gap", len(r.lines))
	}
	r.add(nil)
	if len(r.lines) != 0 || r.bytes != 0 {
		t.Errorf("%d records, %d octets when nobody follows", len(r.lines), r.bytes)
	}
}

// A follower that is slower than the log is left to the files, and misses nothing.
func TestSlowFollower(t *testing.T) {
	o := options(t.TempDir())
	o.FileBytes = 200 << 10
	l := mustOpen(t, o)
	var c collector
	goOn := make(chan struct{})
	done := make(chan error)
	go func() {
		done <- l.Follow(context.Background(), 1, func(lines []Line) error {
			<-goOn
			return c.take(lines)
		})
	}()
	mustAppend(t, l, verdictOf("M"))
	for range maxRecent * 2 {
		l.Note(Record{Kind: KindOutcome, Outcome: &Outcome{ID: "M"}})
	}
	mustAppend(t, l, verdictOf("M"))
	close(goOn)
	mustClose(t, l)
	<-done
	end, _ := l.Tail()
	if end < 2*maxRecent {
		t.Fatalf("%d records", end)
	}
	c.check(t, 1, end)
}

// A follower keeps its place when the file in use is removed and written again.
func TestFollowWhenTheFileIsRestored(t *testing.T) {
	o := options(t.TempDir())
	l := mustOpen(t, o)
	var c collector
	done := make(chan error)
	go func() { done <- l.Follow(context.Background(), 1, c.take) }()
	mustAppend(t, l, verdictOf("M"))
	eventually(t, "a record is handed over", func() bool { return c.len() == 1 })
	must(t, os.Remove(filepath.Join(o.Dir, logFile{first: 1}.name())))
	eventually(t, "the file is restored", func() bool { seq, _ := l.Tail(); return seq == 2 && l.OK() == nil })
	mustAppend(t, l, verdictOf("M"))
	mustClose(t, l)
	if err := <-done; !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
	c.check(t, 1, 4)
	verified(t, o.Dir)
}

// What somebody damaged is passed over: neither does a reader stop there, nor is it led away.
func TestReadersPassOverDamage(t *testing.T) {
	for _, test := range []struct {
		name     string
		old, new string // in record 5
		missing  []uint64
	}{
		{"no JSON", `"kind":`, `"kind";`, []uint64{5}},
		{"far away", `{"seq":5,`, `{"seq":18446744073709551615,`, []uint64{5}},
		{"back", `{"seq":5,`, `{"seq":1,`, []uint64{5}},
		{"no number", `{"seq":5,`, `{"seq":x,`, []uint64{5}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := makeSample(t, 12)
			lines := cloneLines(s.lines)
			lines[4] = bytes.Replace(lines[4], []byte(test.old), []byte(test.new), 1)
			must(t, os.WriteFile(s.file(), bytes.Join(lines, nil), 0o600))
			var scanned, followed collector
			if err := Scan(t.Context(), s.dir, 1, scanned.take); !errors.As(err, new(*Fault)) {
				t.Errorf("Scan says %v", err)
			}
			l := mustOpen(t, options(s.dir))
			done := make(chan error)
			go func() { done <- l.Follow(context.Background(), 1, followed.take) }()
			eventually(t, "the follower is at the end", func() bool { return followed.len() >= len(lines)-1 })
			mustClose(t, l)
			<-done
			for name, c := range map[string]*collector{"scanned": &scanned, "followed": &followed} {
				if c.len() < len(lines)-1 || c.seqs[3] != 4 || c.seqs[4] != 6 {
					t.Errorf("%s: %d records, %v", name, c.len(), c.seqs)
				}
			}
		})
	}
}
