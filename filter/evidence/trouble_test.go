package evidence

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestSecondOpenerIsTold(t *testing.T) {
	dir := t.TempDir()
	mustOpen(t, options(dir))
	_, err := Open(options(dir))
	if !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), fmt.Sprint("process ", os.Getpid())) {
		t.Errorf("a second opener: %v", err)
	}
}

func TestClockGoingBackIsNoted(t *testing.T) {
	dir := t.TempDir()
	o := options(dir)
	c := newClock()
	o.Now = c.now
	l := mustOpen(t, o)
	mustAppend(t, l, verdictOf("M1"))
	c.move(-time.Hour)
	mustAppend(t, l, verdictOf("M2"))
	mustAppend(t, l, verdictOf("M3"))
	mustClose(t, l)
	verified(t, dir)
	got := records(t, dir)
	for i, want := range []string{"", clockBack, ""} {
		if got[i].Clock != want {
			t.Errorf("record %d: clock %q, want %q", i+1, got[i].Clock, want)
		}
	}
	if !got[1].Time.Before(got[0].Time) {
		t.Error("the time that went back was not kept as it is")
	}
}

// The disk is full, then has room again; or an fsync fails. Nothing of which Append returned an error need
// be kept, everything else must be, and no descriptor is used again after it failed.
func TestDiskThatFails(t *testing.T) {
	for _, test := range []struct {
		name              string
		write, sync, open error
	}{
		{"full", syscall.ENOSPC, nil, nil},
		{"fsync", nil, syscall.EIO, nil},
		{"gone", syscall.EIO, nil, syscall.EROFS},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			var faults faults
			var after counter
			o := options(dir)
			health := &healthLog{}
			o.open, o.Metrics = faultyDisk(&faults, &after), health
			l := mustOpen(t, o)
			mustAppend(t, l, verdictOf("kept1"))
			faults.set(test.write, test.sync, test.open)
			for i := range 5 {
				if _, err := l.Append(t.Context(), verdictOf("refused")); !errors.Is(err, ErrUnavailable) {
					t.Fatalf("attempt %d: %v", i, err)
				}
			}
			l.Note(Record{Kind: KindOutcome, Outcome: &Outcome{ID: "noted"}})
			if l.OK() == nil {
				t.Error("the log says that it can be written")
			}
			faults.set(nil, nil, nil)
			eventually(t, "the log recovers by itself", func() bool { return l.OK() == nil })
			mustAppend(t, l, verdictOf("kept2"))
			mustClose(t, l)
			verified(t, dir)
			var got []string
			for _, r := range records(t, dir) {
				switch {
				case r.Verdict != nil:
					got = append(got, r.Verdict.ID)
				case r.Outcome != nil:
					got = append(got, r.Outcome.ID)
				case r.Act != nil:
					got = append(got, string(r.Act.What))
				}
			}
			if s := strings.Join(got, " "); s != "kept1 start noted kept2" {
				t.Errorf("the log holds %q", s)
			}
			if n := after.get(); n > 0 {
				t.Errorf("a descriptor was used %d times after it had failed", n)
			}
			if s := health.String(); s != "[true false true]" {
				t.Errorf("congthu_evidence_ok went %s", s)
			}
		})
	}
}

// healthLog is a Metrics that keeps what OK was told.
type healthLog struct {
	counter
	ok []bool
}

func (h *healthLog) Records(int) {}
func (h *healthLog) Lost(int)    { h.add() }
func (h *healthLog) OK(ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ok = append(h.ok, ok)
}

func (h *healthLog) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return fmt.Sprint(h.ok)
}

// More notes than are kept while the disk is full are counted as lost, and memory stays bounded.
func TestNotesWhileTheDiskIsFull(t *testing.T) {
	dir := t.TempDir()
	var faults faults
	o := options(dir)
	health := &healthLog{}
	o.open, o.Metrics = faultyDisk(&faults, &counter{}), health
	l := mustOpen(t, o)
	faults.set(syscall.ENOSPC, nil, nil)
	if _, err := l.Append(t.Context(), verdictOf("refused")); !errors.Is(err, ErrUnavailable) {
		t.Fatal(err)
	}
	const more = 100
	for i := range maxKept + more {
		l.Note(Record{Kind: KindOutcome, Outcome: &Outcome{ID: fmt.Sprint(i)}})
	}
	eventually(t, "what is too much is counted", func() bool { return health.get() == more })
	faults.set(nil, nil, nil)
	eventually(t, "the log recovers by itself", func() bool { return l.OK() == nil })
	mustClose(t, l)
	verified(t, dir)
	n := 0
	for _, r := range records(t, dir) {
		if r.Outcome != nil {
			n++
		}
	}
	if n != maxKept {
		t.Errorf("%d notes were kept, want %d", n, maxKept)
	}
}

// smallDisk mounts a tmpfs; who is not root has TestDiskThatFails alone.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	if os.Getuid() != 0 {
		if os.Getenv("CI") != "" {
			t.Fatal("mounting a small file system needs root")
		}
		t.Skip("mounting a small file system needs root")
	}
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("mounting a tmpfs: %v", err)
		}
		t.Skipf("mounting a tmpfs: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func TestRealDiskFull(t *testing.T) {
	mount := smallDisk(t, "256k")
	dir := filepath.Join(mount, "evidence")
	o := options(dir)
	o.CheckpointEvery = 20
	l := mustOpen(t, o)
	appended := 0
	for ; appended < 10000; appended++ {
		if _, err := l.Append(t.Context(), verdictOf("M")); err != nil {
			if !errors.Is(err, ErrUnavailable) || !errors.Is(err, syscall.ENOSPC) {
				t.Fatalf("a full disk: %v", err)
			}
			break
		}
	}
	if appended < 50 || appended == 10000 {
		t.Fatalf("%d records went onto 256 KiB", appended)
	}
	time.Sleep(50 * time.Millisecond) // a few attempts to recover, for which there is no room
	if l.OK() == nil {
		t.Error("the log says that it can be written")
	}
	if err := unix.Mount("tmpfs", mount, "tmpfs", unix.MS_REMOUNT, "size=4m"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the log recovers by itself", func() bool { return l.OK() == nil })
	mustAppend(t, l, verdictOf("M"))
	mustClose(t, l)
	verified(t, dir)
	n := 0
	for _, r := range records(t, dir) {
		if r.Verdict != nil {
			n++
		}
	}
	if n != appended+1 {
		t.Errorf("%d verdicts in the log, Append returned for %d", n, appended+1)
	}
}

func TestReadOnlyFileSystem(t *testing.T) {
	dir := smallDisk(t, "1m")
	mustClose(t, mustOpen(t, options(dir)))
	if err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_REMOUNT|unix.MS_RDONLY, "size=1m"); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(options(dir)); !errors.Is(err, ErrUnavailable) || !errors.Is(err, syscall.EROFS) {
		t.Errorf("a read-only file system: %v", err)
	}
	if err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_REMOUNT, "size=1m"); err != nil {
		t.Fatal(err)
	}
	l := mustOpen(t, options(dir))
	if _, err := l.Append(t.Context(), Record{Kind: KindAct, Act: &Act{Who: "congthu", What: Start}}); err != nil {
		t.Error(err)
	}
	mustClose(t, l)
	verified(t, dir)
}

// The file in use is removed, replaced, appended to or cut by somebody else.
func TestFileChangedUnderTheLog(t *testing.T) {
	for _, test := range []struct {
		name string
		harm func(t *testing.T, path string)
		lost bool // records that were durable cannot be had back: Verify must say so
		note string
	}{
		{"removed", func(t *testing.T, path string) { must(t, os.Remove(path)) }, false, "restored"},
		{"replaced", func(t *testing.T, path string) {
			must(t, os.WriteFile(path+".new", []byte("foreign\n"), 0o600))
			must(t, os.Rename(path+".new", path))
		}, false, "restored"},
		{"appended to", func(t *testing.T, path string) {
			f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
			must(t, err)
			defer f.Close()
			_, err = f.WriteString("foreign\n")
			must(t, err)
		}, false, "file"},
		{"cut", func(t *testing.T, path string) { must(t, os.Truncate(path, 100)) }, true, "damaged"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			o := options(dir)
			o.tick = time.Hour // Append must see it, not the clock
			l := mustOpen(t, o)
			for i := range 3 {
				mustAppend(t, l, verdictOf(fmt.Sprint("M", i)))
			}
			test.harm(t, filepath.Join(dir, logFile{first: 1}.name()))
			if _, err := l.Append(t.Context(), verdictOf("refused")); !errors.Is(err, ErrUnavailable) {
				t.Fatalf("appending: %v", err)
			}
			must(t, l.inWriter(t.Context(), func() error { l.w.tick(); return l.OK() }))
			seq := mustAppend(t, l, verdictOf("kept"))
			if seq != 5 { // 4 is the record of the recovery
				t.Errorf("the next record has sequence number %d", seq)
			}
			mustClose(t, l)
			_, err := Verify(dir, publicKey(t, dir))
			var fault *Fault
			switch {
			case test.lost && (!errors.As(err, &fault) || fault.Seq != 1):
				t.Errorf("records were lost, Verify says %v", err)
			case !test.lost && err != nil:
				t.Error(err)
			}
			found := false
			Scan(t.Context(), dir, 4, func(lines []Line) error {
				found = found || lines[0].Seq == 4 && lines[0].Act != nil && lines[0].Act.Details[test.note] != ""
				return nil
			})
			if !found {
				t.Errorf("no act tells of it")
			}
		})
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
