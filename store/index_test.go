package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"congthu/filter/evidence"
	"congthu/store"
)

// gateLog is an evidence log with a clock.
type gateLog struct {
	*evidence.Log
	dir   string
	clock *clock
	name  string // of the gate
}

func newLog(t *testing.T) *gateLog {
	t.Helper()
	g := &gateLog{dir: t.TempDir(), clock: &clock{now: time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)}, name: "mx1"}
	g.open(t)
	t.Cleanup(func() { g.Close() })
	return g
}

func (g *gateLog) open(t *testing.T) {
	t.Helper()
	l, err := evidence.Open(evidence.Options{Dir: g.dir, Gate: g.name, Now: g.clock.Now, FileBytes: 10_000, CheckpointEvery: 50})
	if err != nil {
		t.Fatal(err)
	}
	g.Log = l
}

func (g *gateLog) append(t *testing.T, r evidence.Record) {
	t.Helper()
	if _, err := g.Append(t.Context(), r); err != nil {
		t.Fatal(err)
	}
}

// traffic appends n messages, with outcomes and acts between them, an hour and a bit apart.
func (g *gateLog) traffic(t *testing.T, from, n int) {
	t.Helper()
	for i := from; i < from+n; i++ {
		v := evidence.Verdict{ID: fmt.Sprintf("01M%05d", i), Door: "relay", Client: "192.0.2.1", ReversePath: fmt.Sprintf("s%d@Example.com", i%7),
			Recipients: []string{"an@monre.gov.vn", fmt.Sprintf("R%d@monre.gov.vn", i%5)}, Direction: "inbound", Unit: []string{"vp", "tcmt"}[i%2],
			Disposition: "accept", Reply: "250 2.0.0 ok", Bytes: int64(1000 + i), SHA256: hash([]byte{byte(i)}), Packs: []string{"stamps 1", "lists 2"}, MoreRecipients: i % 3, Dropped: i%4 == 1}
		if i%5 == 2 {
			v.Released = fmt.Sprintf("01H%05d", i)
		}
		if i%3 == 0 {
			v.Direction, v.Disposition = "outbound", "refuse"
			v.Findings = []evidence.Finding{
				{Rule: "subject", Clause: "9.3", Mode: "enforce", Disposition: "refuse", Score: 1, Detail: "missing"},
				{Rule: "content", Clause: "10.2", Mode: "monitor", Disposition: "hold", Score: 0.5, Part: "2", PartSHA256: hash([]byte("part"))},
				{Rule: "signature", Clause: "9.2", Mode: "monitor", Disposition: "accept", Score: 1, Detail: "valid"}}
			v.NotInspected = []evidence.NotInspected{{Part: "3", Reason: "encrypted"}}
		}
		g.append(t, evidence.Record{Kind: evidence.KindVerdict, Verdict: &v})
		g.append(t, evidence.Record{Kind: evidence.KindOutcome, Outcome: &evidence.Outcome{ID: v.ID, Reply: "250 ok", NextHop: "127.0.0.1:10026",
			NextHopQueueID: fmt.Sprintf("Q%d", i), Held: i%10 == 0}})
		if i%4 == 0 {
			g.append(t, evidence.Record{Kind: evidence.KindAct, Act: &evidence.Act{Who: "an@monre.gov.vn", What: evidence.View, Object: v.ID,
				Details: map[string]string{"b": "2", "a": "1"}}})
		}
		g.clock.add(67 * time.Minute)
	}
}

// index indexes all that the log has, live.
func (d *desk) index(t *testing.T, g *gateLog) {
	t.Helper()
	ctx, stop := context.WithCancelCause(t.Context())
	done := make(chan error)
	go func() { done <- d.KeepIndex(ctx, g, g.name, g.dir) }()
	want, _ := g.Tail()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		seq, _, err := d.Position(t.Context(), g.name)
		if err != nil {
			t.Fatal(err)
		}
		if seq >= want {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("indexed to %d of %d", seq, want)
		}
	}
	enough := errors.New("enough")
	stop(enough)
	if err := <-done; !errors.Is(err, enough) {
		t.Fatal(err)
	}
}

// catchUp closes the log, whose last checkpoint nobody waits for, and indexes what there is still.
func (d *desk) catchUp(t *testing.T, g *gateLog) {
	t.Helper()
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	if err := evidence.Scan(t.Context(), g.dir, 1, func(l []evidence.Line) error { return d.Index(t.Context(), l) }); err != nil {
		t.Fatal(err)
	}
}

// dump is the whole index as text.
func dump(t *testing.T, path string) string {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var b strings.Builder
	for _, query := range []string{
		"SELECT gate, seq, hash FROM position ORDER BY 1", "SELECT * FROM message ORDER BY gate, seq", "SELECT * FROM message_recipient ORDER BY gate, seq, n",
		"SELECT * FROM message_finding ORDER BY gate, seq, n", "SELECT * FROM message_uninspected ORDER BY gate, seq, n", "SELECT * FROM act ORDER BY gate, seq",
		"SELECT * FROM daily_unit ORDER BY 1, 2, 3, 4, 5, 6", "SELECT * FROM daily_mailbox ORDER BY 1, 2, 3, 4, 5, 6, 7",
	} {
		rows, err := db.Query(query)
		if err != nil {
			t.Fatal(err)
		}
		columns, err := rows.Columns()
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(&b, query)
		for rows.Next() {
			values := make([]any, len(columns))
			into := make([]any, len(columns))
			for i := range values {
				into[i] = &values[i]
			}
			if err := rows.Scan(into...); err != nil {
				t.Fatal(err)
			}
			fmt.Fprintln(&b, values...)
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}

// The index made from the files alone is the one that was made live, in a new database and over an old one.
func TestRebuildEqualsIndex(t *testing.T) {
	g := newLog(t)
	d := newDesk(t, "")
	g.traffic(t, 0, 60)
	d.index(t, g)
	g.traffic(t, 60, 40)
	d.index(t, g)
	d.catchUp(t, g)
	live := dump(t, d.path)
	if n := strings.Count(live, "\n"); n < 500 {
		t.Fatalf("only %d lines:\n%s", n, live)
	}
	fresh := newDesk(t, "")
	for name, to := range map[string]*desk{"new": fresh, "again": fresh, "over": d} {
		n, err := to.Rebuild(t.Context(), g.dir)
		if seq, _ := g.Tail(); err != nil || n != seq {
			t.Fatalf("%s: %d of %d, %v", name, n, seq, err)
		}
		if diff := cmp.Diff(live, dump(t, to.path)); diff != "" {
			t.Errorf("%s:\n%.3000s", name, diff)
		}
	}
}

// What retention removes goes from the index as well, the statistics stay, and a rebuilding keeps both so.
func TestRebuildOfAPrunedLog(t *testing.T) {
	g := newLog(t)
	d := newDesk(t, "")
	g.traffic(t, 0, 100)
	d.index(t, g)
	pruned, err := g.Prune(t.Context(), g.clock.Now().Add(-40*time.Hour))
	if err != nil || pruned.Records < 50 {
		t.Fatalf("%+v %v", pruned, err)
	}
	g.traffic(t, 100, 10)
	d.index(t, g)
	d.catchUp(t, g)
	live := dump(t, d.path)
	all, _, err := d.Search(t.Context(), store.MessageFilter{Limit: 1000})
	if err != nil || len(all) >= 100 || len(all) < 20 || all[len(all)-1].Seq <= pruned.Seq {
		t.Fatalf("%d messages, %v", len(all), err)
	}
	messages := 0
	err = d.Units(t.Context(), store.DailyFilter{}, func(x store.Daily) error { messages += int(x.Messages); return nil })
	if err != nil || messages != 110 {
		t.Fatalf("%d messages in the statistics, %v", messages, err)
	}
	for range 2 {
		if _, err := d.Rebuild(t.Context(), g.dir); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(live, dump(t, d.path)); diff != "" {
			t.Fatalf("%.3000s", diff)
		}
	}
	// Cut off after the first files that are left, and begun again.
	files, err := filepath.Glob(g.dir + "/evidence-*")
	if err != nil || len(files) < 4 {
		t.Fatalf("%v %v", files, err)
	}
	part := t.TempDir()
	for _, f := range files[:2] {
		if err := os.Link(f, filepath.Join(part, filepath.Base(f))); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := d.Rebuild(t.Context(), part); err != nil {
		t.Fatal(err)
	}
	if dump(t, d.path) == live {
		t.Fatal("nothing was left out")
	}
	if _, err := d.Rebuild(t.Context(), g.dir); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(live, dump(t, d.path)); diff != "" {
		t.Fatalf("%.3000s", diff)
	}
	g.open(t)
	g.traffic(t, 110, 5)
	d.index(t, g)
	d.catchUp(t, g)
	after := dump(t, d.path)
	if _, err := d.Rebuild(t.Context(), g.dir); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(after, dump(t, d.path)); diff != "" {
		t.Errorf("%.3000s", diff)
	}
	// A database that is new knows only what is left.
	fresh := newDesk(t, "")
	fresh.catchUp(t, g)
	first := dump(t, fresh.path)
	if _, err := fresh.Rebuild(t.Context(), g.dir); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(first, dump(t, fresh.path)); diff != "" {
		t.Errorf("%.3000s", diff)
	}
}

func readAll(t *testing.T, dir string) (lines []evidence.Line) {
	t.Helper()
	if err := evidence.Scan(t.Context(), dir, 1, func(l []evidence.Line) error { lines = append(lines, l...); return nil }); err != nil {
		t.Fatal(err)
	}
	return lines
}

// Only what follows is indexed; what is indexed already is passed over.
func TestIndexInOrder(t *testing.T) {
	g := newLog(t)
	g.traffic(t, 0, 10)
	lines := readAll(t, g.dir)
	d := newDesk(t, "")
	index := func(l []evidence.Line, want error, seq uint64) {
		t.Helper()
		if err := d.Index(t.Context(), l); !errors.Is(err, want) {
			t.Fatalf("%v, want %v", err, want)
		}
		got, hash, err := d.Position(t.Context(), "mx1")
		if err != nil || got != seq || seq > 0 && hash != lines[seq-1].Hash {
			t.Fatalf("at %d, want %d; %v", got, seq, err)
		}
	}
	index(nil, nil, 0)
	index(lines[:5], nil, 5)
	index(lines[:5], nil, 5)
	index(lines[3:7], nil, 7)
	index(lines[8:], store.ErrGap, 7)
	swapped := append([]evidence.Line{}, lines[7:10]...)
	swapped[1], swapped[2] = swapped[2], swapped[1]
	index(swapped, store.ErrGap, 7)
	changed := lines[7]
	changed.Prev = strings.Repeat("0", 64)
	index([]evidence.Line{changed}, store.ErrGap, 7)
	other := lines[6]
	other.Hash = strings.Repeat("1", 64)
	index([]evidence.Line{other}, store.ErrGap, 7)
	index(lines[7:], nil, uint64(len(lines)))
}

// A gate that gets another name, and its old one again, is indexed on, live and all at once, and the index can be made
// anew.
func TestIndexOfRenamedGate(t *testing.T) {
	g, d := newLog(t), newDesk(t, "")
	for i, name := range []string{"mx1", "mx2", "mx1"} {
		if i > 0 {
			d.catchUp(t, g)
			g.name = name
			g.open(t)
		}
		g.traffic(t, 5*i, 5)
		d.index(t, g)
	}
	d.catchUp(t, g)
	if all, _, err := d.Search(t.Context(), store.MessageFilter{}); err != nil || len(all) != 15 || all[0].Gate != "mx1" || all[7].Gate != "mx2" {
		t.Fatalf("%d found, %v", len(all), err)
	}
	live := dump(t, d.path)
	if _, err := d.Rebuild(t.Context(), g.dir); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(live, dump(t, d.path)); diff != "" {
		t.Errorf("made anew: %.3000s", diff)
	}
	fresh := newDesk(t, "")
	if err := fresh.Index(t.Context(), readAll(t, g.dir)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(live, dump(t, fresh.path)); diff != "" {
		t.Errorf("all at once: %.3000s", diff)
	}
	lines := readAll(t, g.dir)
	last := lines[len(lines)-1]
	last.Seq, last.Prev, last.Gate = last.Seq+1, strings.Repeat("0", 64), "mx2"
	if err := fresh.Index(t.Context(), []evidence.Line{last}); !errors.Is(err, store.ErrGap) {
		t.Errorf("a record of a known name that follows nothing: %v", err)
	}
}

// The index of another log at the same place is made anew.
func TestKeepIndexOfAnotherLog(t *testing.T) {
	d := newDesk(t, "")
	long, short := newLog(t), newLog(t)
	long.traffic(t, 0, 30)
	d.index(t, long)
	short.traffic(t, 0, 3)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- d.KeepIndex(ctx, short, "mx1", short.dir) }()
	want, _ := short.Tail()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if seq, _, err := d.Position(t.Context(), "mx1"); err == nil && seq == want {
			break
		}
		if time.Now().After(end) {
			t.Fatal("the index was not made anew")
		}
	}
	stop()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if all, _, err := d.Search(t.Context(), store.MessageFilter{}); err != nil || len(all) != 3 {
		t.Errorf("%d %v", len(all), err)
	}
}

// The index waits while the database is in use by others or away, and misses nothing.
func TestKeepIndexThroughTrouble(t *testing.T) {
	g, d := newLog(t), newDesk(t, "")
	g.traffic(t, 0, 3)
	kill, lines := start(t, "lock", d.path)
	if line := <-lines; line != "locked" {
		kill()
		t.Fatalf("%q", line)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- d.KeepIndex(ctx, g, "mx1", g.dir) }()
	if err := d.tryHold(t, "01A"); !errors.Is(err, store.ErrLocked) { // as long as the index waited at least
		t.Error(err)
	}
	kill()
	if err := os.Rename(d.path, d.path+".away"); err != nil {
		t.Fatal(err)
	}
	g.traffic(t, 3, 3)
	if err := d.tryHold(t, "01A"); !errors.Is(err, store.ErrUnavailable) {
		t.Error(err)
	}
	if err := os.Rename(d.path+".away", d.path); err != nil {
		t.Fatal(err)
	}
	want, _ := g.Tail()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if seq, _, err := d.Position(t.Context(), "mx1"); err == nil && seq >= want {
			break
		}
		if time.Now().After(end) {
			t.Fatal("the index does not go on")
		}
	}
	stop()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if all, _, err := d.Search(t.Context(), store.MessageFilter{}); err != nil || len(all) != 6 {
		t.Errorf("%d %v", len(all), err)
	}
}
