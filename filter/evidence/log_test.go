package evidence

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv("CONGTHU_TEST_EVIDENCE_CHILD"); dir != "" {
		appendUntilKilled(dir)
		return
	}
	goleak.VerifyTestMain(m)
}

// clock is a clock that moves a millisecond at each look.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(time.Millisecond)
	return c.at
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

func options(dir string) Options {
	return Options{Dir: dir, Gate: "gate1", Now: newClock().now, tick: 10 * time.Millisecond}
}

func mustOpen(t testing.TB, o Options) *Log {
	t.Helper()
	l, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func mustClose(t testing.TB, l *Log) {
	t.Helper()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

func mustAppend(t testing.TB, l *Log, r Record) uint64 {
	t.Helper()
	seq, err := l.Append(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return seq
}

func verdictOf(id string) Record {
	return Record{Kind: KindVerdict, Verdict: &Verdict{ID: id, Door: "relay", Client: "192.0.2.7", Helo: "mx.example.org",
		ReversePath: "van.thu@mae.gov.vn", Recipients: []string{"a@example.org", "b@example.org"},
		Direction: "outbound", Disposition: "refuse", Reply: "550 5.7.1 [9.3] No subject (id " + id + ")",
		Findings: []Finding{{Rule: "subject", Clause: "9.3", Mode: "enforce", Disposition: "refuse", Score: 1, Detail: "missing"}},
		Policy:   "sha256:0011", Packs: []string{"stamps 2026.1"}, SHA256: strings.Repeat("ab", 32), Bytes: 5120}}
}

func act(what What, object string) Record {
	return Record{Kind: KindAct, Act: &Act{Who: "can.bo@mae.gov.vn", What: what, Object: object, Reason: "đã xem"}}
}

// verified is the report of a log that must be clean.
func verified(t testing.TB, dir string) Report {
	t.Helper()
	r, err := Verify(dir, publicKey(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func publicKey(t testing.TB, dir string) []byte {
	t.Helper()
	pub, err := ReadPublicKey(filepath.Join(dir, publicName))
	if err != nil {
		t.Fatal(err)
	}
	return pub
}

// records are all records of a log.
func records(t testing.TB, dir string) []Line {
	t.Helper()
	var out []Line
	if err := Scan(t.Context(), dir, 1, func(lines []Line) error { out = append(out, lines...); return nil }); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestAppendIsThereWhenItReturns(t *testing.T) {
	dir := t.TempDir()
	l := mustOpen(t, options(dir))
	for i := 1; i <= 5; i++ {
		if seq := mustAppend(t, l, verdictOf(fmt.Sprint("M", i))); seq != uint64(i) {
			t.Fatalf("record %d has sequence number %d", i, seq)
		}
		got := records(t, dir)
		if len(got) != i || got[i-1].Verdict.ID != fmt.Sprint("M", i) {
			t.Fatalf("after %d appends the file holds %d records", i, len(got))
		}
	}
	mustClose(t, l)
	r := verified(t, dir)
	if r.Records != 6 || r.Checkpoints != 1 || r.Unsigned != 0 || r.Live {
		t.Errorf("report of a closed log: %+v", r)
	}
	if _, err := l.Append(t.Context(), verdictOf("late")); !errors.Is(err, ErrClosed) {
		t.Errorf("appending to a closed log: %v", err)
	}
}

func TestChainGoesOnAfterReopening(t *testing.T) {
	dir := t.TempDir()
	for i := range 3 {
		l := mustOpen(t, options(dir))
		mustAppend(t, l, act(Start, fmt.Sprint(i)))
		mustClose(t, l)
	}
	if r := verified(t, dir); r.Records != 6 || r.Checkpoints != 3 || r.Files != 1 {
		t.Errorf("report: %+v", r)
	}
	prev := noHash
	for _, l := range records(t, dir) {
		if l.Prev != prev {
			t.Fatalf("record %d does not follow the one before", l.Seq)
		}
		prev = l.Hash
	}
}

func TestManyAppendersShareGroups(t *testing.T) {
	dir := t.TempDir()
	var syncs counter
	o := options(dir)
	o.CheckpointEvery = 100
	o.FileBytes = 200 << 10
	o.open = func(path string) (file, error) {
		f, err := openOS(path)
		return &faultyFile{file: f, syncs: &syncs}, err
	}
	l := mustOpen(t, o)
	const writers, each = 32, 40
	seen := make([][]uint64, writers)
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				l.Note(Record{Kind: KindOutcome, Outcome: &Outcome{ID: fmt.Sprintf("%d-%d", w, i), Reply: "250 2.0.0 Ok"}})
				seq, err := l.Append(context.Background(), verdictOf(fmt.Sprintf("%d-%d", w, i)))
				if err != nil {
					t.Error(err)
				}
				seen[w] = append(seen[w], seq)
			}
		})
	}
	wg.Wait()
	mustClose(t, l)
	if n := syncs.get(); n >= writers*each {
		t.Errorf("%d records took %d fsyncs: groups are not shared", writers*each, n)
	}
	at := map[uint64]string{}
	outcomes := 0
	for _, l := range records(t, dir) {
		if l.Verdict != nil {
			at[l.Seq] = l.Verdict.ID
		}
		if l.Outcome != nil {
			outcomes++
		}
	}
	for w, seqs := range seen {
		for i, seq := range seqs {
			if want := fmt.Sprintf("%d-%d", w, i); at[seq] != want {
				t.Fatalf("record %d is %q, Append said %q", seq, at[seq], want)
			}
		}
	}
	if outcomes != writers*each {
		t.Errorf("%d notes of %d are in the log", outcomes, writers*each)
	}
	if r := verified(t, dir); r.Files < 3 || r.Checkpoints < writers*each*2/100 {
		t.Errorf("report: %+v", r)
	}
}

// slowDisk is a log whose fsyncs wait while the gate is shut.
func slowDisk(t *testing.T, o Options) (*Log, *gate) {
	t.Helper()
	g := &gate{}
	o.open = func(path string) (file, error) {
		f, err := openOS(path)
		return &faultyFile{file: f, gate: g}, err
	}
	return mustOpen(t, o), g
}

// While one fsync takes its time many records come: the next groups take them, none more than its limit.
func TestGroupsAreBounded(t *testing.T) {
	for name, body := range map[string]int{"records": 0, "octets": 100 << 10} {
		t.Run(name, func(t *testing.T) {
			l, g := slowDisk(t, options(t.TempDir()))
			g.mu.Lock()
			var wg sync.WaitGroup
			n := 3 * maxGroup
			if body > 0 {
				n = 60
			}
			for range n {
				r := verdictOf("M")
				r.Verdict.Error = strings.Repeat("x", body)
				wg.Go(func() {
					if _, err := l.Append(context.Background(), r); err != nil {
						t.Error(err)
					}
				})
			}
			eventually(t, "all wait", func() bool { return len(l.in) >= n-maxGroup })
			g.mu.Unlock()
			wg.Wait()
			mustClose(t, l)
			if g.most > maxGroup+1 || g.most < 5 {
				t.Errorf("a group of %d records", g.most)
			}
			if g.biggest > maxGroupBytes+body+2000 {
				t.Errorf("a group of %d octets", g.biggest)
			}
		})
	}
}

// When the queue is full, Note gives up after a second, and says so.
func TestNoteGivesUp(t *testing.T) {
	o := options(t.TempDir())
	health := &healthLog{}
	o.Metrics = health
	l, g := slowDisk(t, o)
	g.mu.Lock()
	note := Record{Kind: KindOutcome, Outcome: &Outcome{ID: "M"}}
	started := time.Now()
	for health.get() == 0 {
		l.Note(note)
	}
	if took := time.Since(started); took < noteWait {
		t.Errorf("a note was given up after %v", took)
	}
	g.mu.Unlock()
	mustClose(t, l)
	if err := l.OK(); !errors.Is(err, ErrClosed) {
		t.Errorf("a closed log says %v", err)
	}
	l.Note(note)
	if n := health.get(); n != 2 {
		t.Errorf("%d notes were counted as lost, want one of the full queue and one of the closed log", n)
	}
	verified(t, o.Dir)
}
