package evidence

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestPruneLeavesALogThatVerifies(t *testing.T) {
	dir := t.TempDir()
	o := options(dir)
	c := newClock()
	o.Now, o.CheckpointEvery, o.FileBytes = c.now, 10, 4000
	l := mustOpen(t, o)
	var cut time.Time
	for i := range 60 {
		if i == 30 {
			c.move(24 * time.Hour)
			cut = c.now()
			c.move(24 * time.Hour)
		}
		mustAppend(t, l, verdictOf(fmt.Sprint("M", i)))
	}
	before := verified(t, dir)
	p, err := l.Prune(t.Context(), cut)
	must(t, err)
	if p.Files < 2 || p.Records == 0 || p.Seq != p.Records {
		t.Fatalf("pruned: %+v", p)
	}
	if again, err := l.Prune(t.Context(), cut); err != nil || again.Files != 0 {
		t.Errorf("pruned a second time: %+v, %v", again, err)
	}
	r := verified(t, dir)
	if r.Root == nil || r.Root.Seq != p.Seq || r.First != p.Seq+1 || r.Files >= before.Files {
		t.Errorf("report after pruning: %+v", r)
	}
	acts := 0
	for _, r := range records(t, dir) {
		if r.Verdict != nil && r.Time.Before(cut) && r.Seq <= p.Seq {
			t.Errorf("record %d was to be pruned", r.Seq)
		}
		if r.Act != nil && r.Act.What == Prune {
			acts++
		}
	}
	if acts != 1 {
		t.Errorf("%d acts tell of it", acts)
	}
	mustClose(t, l)
	verified(t, dir)
}

// A second pruning replaces the root; what somebody removes by himself is not pruning.
func TestPruneAgain(t *testing.T) {
	dir := t.TempDir()
	o := options(dir)
	c := newClock()
	o.Now, o.CheckpointEvery, o.FileBytes = c.now, 10, 4000
	l := mustOpen(t, o)
	var p Pruned
	for range 2 {
		c.move(48 * time.Hour)
		for i := range 20 {
			mustAppend(t, l, verdictOf(fmt.Sprint("N", i)))
		}
		before := p.Seq
		var err error
		if p, err = l.Prune(t.Context(), c.now()); err != nil || p.Files == 0 || p.Seq-before != p.Records {
			t.Fatalf("pruned: %+v, %v", p, err)
		}
	}
	mustClose(t, l)
	if r := verified(t, dir); r.Root == nil || r.Root.Seq != p.Seq {
		t.Errorf("report after pruning: %+v", r)
	}
	// The gate goes on.
	l = mustOpen(t, o)
	for range 10 {
		mustAppend(t, l, verdictOf("last"))
	}
	mustClose(t, l)
	verified(t, dir)
	files, err := listFiles(dir)
	must(t, err)
	must(t, os.Remove(filepath.Join(dir, files[0].name())))
	var fault *Fault
	if _, err := Verify(dir, publicKey(t, dir)); !errors.As(err, &fault) || fault.Kind != MissingFile {
		t.Errorf("a file removed by hand: %v", err)
	}
}

// The power went while files were being removed: what is left of them is no fault, and the next pruning
// removes it.
func TestPruningInterrupted(t *testing.T) {
	dir, files := severalFiles(t)
	kept := map[string][]byte{}
	for _, f := range files[1 : len(files)-1] { // the oldest is removed first
		b, err := os.ReadFile(filepath.Join(dir, f.name()))
		must(t, err)
		kept[f.name()] = b
	}
	o := options(dir)
	c := newClock()
	c.move(1000 * time.Hour)
	o.Now = c.now
	l := mustOpen(t, o)
	if p, err := l.Prune(t.Context(), c.now()); err != nil || p.Files < 3 {
		t.Fatalf("pruned: %+v, %v", p, err)
	}
	for name, b := range kept {
		must(t, os.WriteFile(filepath.Join(dir, name), b, 0o600))
	}
	verified(t, dir)
	mustAppend(t, l, verdictOf("M"))
	mustClose(t, l)
	verified(t, dir)
	b := kept[files[2].name()]
	b[len(b)/2] ^= 1
	must(t, os.WriteFile(filepath.Join(dir, files[2].name()), b, 0o600))
	if _, err := Verify(dir, publicKey(t, dir)); !errors.As(err, new(*Fault)) {
		t.Errorf("a changed octet in what is left: %v", err)
	}
}

func TestRetentionPrunesByItself(t *testing.T) {
	dir := t.TempDir()
	o := options(dir)
	c := newClock()
	o.Now, o.FileBytes, o.Retention = c.now, 2000, 24*time.Hour
	l := mustOpen(t, o)
	for range 10 {
		mustAppend(t, l, verdictOf("M"))
	}
	c.move(48 * time.Hour)
	mustAppend(t, l, verdictOf("M"))
	mustAppend(t, l, verdictOf("M"))
	mustAppend(t, l, verdictOf("M"))
	mustAppend(t, l, verdictOf("M"))
	eventually(t, "old files are removed", func() bool {
		first, ok, err := fileOf(dir, 0)
		return err == nil && ok && first.first > 1
	})
	mustClose(t, l)
	verified(t, dir)
}

// A crash while a closed file was compressed: both forms are there, or an unfinished one.
func TestCrashWhileCompressing(t *testing.T) {
	dir, files := severalFiles(t)
	for i, f := range files[:2] {
		r, _, err := openFile(dir, f)
		must(t, err)
		b, err := io.ReadAll(r)
		must(t, err)
		must(t, r.Close())
		must(t, os.WriteFile(filepath.Join(dir, logFile{first: f.first}.name()), b, 0o600))
		if i == 0 { // the compressed one is not there yet
			must(t, os.Rename(filepath.Join(dir, f.name()), filepath.Join(dir, f.name()+tempEnd)))
		}
	}
	foreign := filepath.Join(dir, "foreign"+tempEnd)
	must(t, os.WriteFile(foreign, nil, 0o600))
	verified(t, dir)
	l := mustOpen(t, options(dir))
	if err := os.Remove(foreign); err != nil {
		t.Errorf("somebody else's file: %v", err)
	}
	waitPacked(t, dir)
	eventually(t, "nothing unfinished is left", func() bool {
		left, err := filepath.Glob(filepath.Join(dir, "*"+tempEnd))
		must(t, err)
		plain, err := filepath.Glob(filepath.Join(dir, "*"+plainEnd))
		must(t, err)
		return len(left) == 0 && len(plain) == 2 // the file in use, and the checkpoints
	})
	mustClose(t, l)
	verified(t, dir)
}
