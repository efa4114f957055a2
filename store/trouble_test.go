package store_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"congthu/store"
)

// tryHold holds a message of its own.
func (d *desk) tryHold(t *testing.T, id string) error {
	t.Helper()
	content := noise(id, 3000)
	_, err := d.Hold(t.Context(), d.sample(id, content), bytes.NewReader(content))
	return err
}

// While another process writes, a call fails after a while with a name; then it works again. Reading goes on.
func TestLockedByAnotherProcess(t *testing.T) {
	d := newDesk(t, "")
	key := d.officer(t, "an")
	if err := d.tryHold(t, "01A"); err != nil {
		t.Fatal(err)
	}
	kill, lines := start(t, "lock", d.path)
	if line := <-lines; line != "locked" {
		kill()
		t.Fatalf("%q", line)
	}
	if err := d.tryHold(t, "01B"); !errors.Is(err, store.ErrLocked) {
		t.Errorf("%v", err)
	}
	if got := d.read(t, "01A", key); len(got) != 3000 {
		t.Errorf("%d octets", len(got))
	}
	kill()
	if err := d.tryHold(t, "01B"); err != nil {
		t.Errorf("after the lock: %v", err)
	}
}

// A database whose file was taken away is not written to any more, though SQLite would, nor made anew.
func TestFileRemoved(t *testing.T) {
	for _, end := range []string{"", "-wal"} {
		d := newDesk(t, "")
		key := d.officer(t, "an")
		if err := d.tryHold(t, "01A"); err != nil {
			t.Fatal(err)
		}
		away := d.path + ".away"
		if err := os.Rename(d.path+end, away); err != nil {
			t.Fatal(err)
		}
		err := d.tryHold(t, "01B")
		if end == "" {
			for range 2 {
				if err := d.tryHold(t, "01B"); !errors.Is(err, store.ErrUnavailable) {
					t.Errorf("%v", err)
				}
			}
			if _, err := os.Stat(d.path); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("an empty database was made: %v", err)
			}
			if err := os.Rename(away, d.path); err != nil {
				t.Fatal(err)
			}
			err = d.tryHold(t, "01B")
		}
		if err != nil {
			t.Errorf("without %q, after it was there again: %v", end, err)
		}
		for _, id := range []string{"01A", "01B"} {
			if got := d.read(t, id, key); !bytes.Equal(got, noise(id, 3000)) {
				t.Errorf("%s: other content", id)
			}
		}
	}
}

// Another database put in the place of the open one is the one that counts.
func TestFileReplaced(t *testing.T) {
	old := newDesk(t, "")
	old.officer(t, "an")
	fresh := newDesk(t, "")
	key := fresh.officer(t, "binh")
	if err := fresh.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(fresh.path, old.path); err != nil {
		t.Fatal(err)
	}
	if err := old.tryHold(t, "01A"); err != nil {
		t.Fatal(err)
	}
	if got := old.read(t, "01A", key); len(got) != 3000 {
		t.Errorf("%d octets", len(got))
	}
}

// A log that is left of a database that is gone is neither mixed into a new one nor lost.
func TestLogWithoutDatabase(t *testing.T) {
	for _, way := range []string{"new", "restored"} {
		path := filepath.Join(t.TempDir(), "congthu.db")
		first := newDesk(t, path)
		first.officer(t, "an")
		backup := path + ".backup"
		if _, err := first.Backup(t.Context(), backup); err != nil {
			t.Fatal(err)
		}
		if err := first.Close(); err != nil {
			t.Fatal(err)
		}
		kill, lines := start(t, "hold", path)
		<-lines
		kill()
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		want := 0
		if way == "restored" {
			want = 1
			if c, err := store.Restore(t.Context(), backup, path); err != nil || c.Kept != "" {
				t.Fatalf("%+v %v", c, err)
			}
		}
		d := newDesk(t, path)
		if all, err := d.List(t.Context(), store.Filter{}); err != nil || len(all) != 0 {
			t.Errorf("%s: %v %v", way, all, err)
		}
		if all, err := d.ListOfficers(t.Context()); err != nil || len(all) != want {
			t.Errorf("%s: %v %v", way, all, err)
		}
		if left, err := filepath.Glob(path + "*-wal*"); err != nil || len(left) < 2 { // its own and the one put aside
			t.Errorf("%s: %v %v", way, left, err)
		}
	}
}

// While the gate runs without its database, a backup can be put in its place, and the gate goes on with it.
func TestRestoreUnderRunningGate(t *testing.T) {
	d := newDesk(t, "")
	key := d.officer(t, "an")
	if err := d.tryHold(t, "01A"); err != nil {
		t.Fatal(err)
	}
	backup := d.path + ".backup"
	if _, err := d.Backup(t.Context(), backup); err != nil {
		t.Fatal(err)
	}
	if err := d.tryHold(t, "01B"); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(d.path); err != nil {
		t.Fatal(err)
	}
	if err := d.tryHold(t, "01C"); !errors.Is(err, store.ErrUnavailable) {
		t.Fatal(err)
	}
	lock, err := os.OpenFile(d.path+".lock", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil { // a restoring is under way
		t.Fatal(err)
	}
	if err := d.tryHold(t, "01C"); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("in the middle: %v", err)
	}
	if err := lock.Close(); err != nil {
		t.Fatal(err)
	}
	for { // the gate looks for its database every second, and has the lock for a moment
		_, err := store.Restore(t.Context(), backup, d.path)
		if err == nil {
			break
		}
		if !errors.Is(err, store.ErrInUse) {
			t.Fatal(err)
		}
	}
	if err := d.tryHold(t, "01C"); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"01A", "01C"} {
		d.read(t, id, key)
	}
	if _, err := d.Show(t.Context(), "01B"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("out of the old log: %v", err)
	}
}

// A damaged file is named as such, at the start and at work; a sound one in its place ends it.
func TestCorrupt(t *testing.T) {
	d := newDesk(t, "")
	key := d.officer(t, "an")
	if err := d.tryHold(t, "01A"); err != nil {
		t.Fatal(err)
	}
	backup := d.path + ".backup"
	if _, err := d.Backup(t.Context(), backup); err != nil {
		t.Fatal(err)
	}
	sound, err := os.ReadFile(backup)
	if err != nil {
		t.Fatal(err)
	}
	for name, broken := range map[string][]byte{
		"no database": []byte(strings.Repeat("no database at all. ", 1000)),
		"cut":         sound[:5000],
		"overwritten": append(bytes.Clone(sound[:4096]), bytes.Repeat([]byte{0xa5}, len(sound)-4096)...),
	} {
		replace := func(b []byte) {
			t.Helper()
			if err := os.WriteFile(d.path+".new", b, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(d.path+".new", d.path); err != nil {
				t.Fatal(err)
			}
		}
		replace(broken)
		if err := d.tryHold(t, "01C"); !errors.Is(err, store.ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := store.Open(t.Context(), store.Options{DSN: "sqlite:" + d.path}); !errors.Is(err, store.ErrCorrupt) {
			t.Errorf("%s, at the start: %v", name, err)
		}
		replace(sound)
		if err := d.tryHold(t, "01C"+name[:1]); err != nil {
			t.Errorf("%s, after a sound one was put there: %v", name, err)
		}
		if got := d.read(t, "01A", key); len(got) != 3000 {
			t.Errorf("%d octets", len(got))
		}
	}
}

// A chunk that was changed in the database is not given out as the message.
func TestChangedContent(t *testing.T) {
	d := newDesk(t, "")
	key := d.officer(t, "an")
	content := noise("x", 1<<20)
	d.hold(t, d.sample("01A", content), content)
	sound := filepath.Join(t.TempDir(), "b.db")
	if _, err := d.Backup(t.Context(), sound); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(sound)
	if err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{
		"UPDATE hold_chunk SET data = zeroblob(length(data)) WHERE n = 2",
		"DELETE FROM hold_chunk WHERE n = (SELECT max(n) FROM hold_chunk)",
		"UPDATE hold SET sha256 = 'other'",
		"UPDATE hold SET bytes = bytes - 1",
	} {
		backup := filepath.Join(t.TempDir(), "b.db")
		if err := os.WriteFile(backup, b, 0o600); err != nil {
			t.Fatal(err)
		}
		execute(t, backup, statement)
		changed := newDesk(t, backup)
		got, err := readHeld(t.Context(), changed.Store, "01A", key)
		if !errors.Is(err, store.ErrDamaged) {
			t.Errorf("%s: %d octets, %v", statement, len(got), err)
		}
	}
}

// A full disk loses nothing and refuses with a name; when there is room again, everything works again.
func TestDiskFull(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=2m"); err != nil {
		if os.Getenv("CI") != "" || os.Geteuid() == 0 && !errors.Is(err, unix.EPERM) {
			t.Fatalf("mounting a small disk: %v", err)
		}
		t.Skip("a small disk can only be mounted by root: ", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	d := newDesk(t, filepath.Join(dir, "congthu.db"))
	key := d.officer(t, "an")
	ballast := filepath.Join(dir, "ballast")
	held := 0
	for round := range 2 {
		var err error
		for range 200 {
			id := fmt.Sprintf("01A%04d", held)
			content := noise(id, 100_000)
			if _, err = d.Hold(t.Context(), d.sample(id, content), bytes.NewReader(content)); err != nil {
				break
			}
			held++
			if held == 3 && round == 0 { // the rest is taken by others
				if err := os.WriteFile(ballast, make([]byte, 512<<10), 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}
		if !errors.Is(err, store.ErrFull) {
			t.Fatalf("round %d, %d held: %v", round, held, err)
		}
		if _, err := d.Backup(t.Context(), filepath.Join(dir, "backup.db")); !errors.Is(err, store.ErrFull) {
			t.Errorf("a backup without room: %v", err)
		}
		for i := range held {
			id := fmt.Sprintf("01A%04d", i)
			if got := d.read(t, id, key); !bytes.Equal(got, noise(id, 100_000)) {
				t.Fatalf("%s is not whole", id)
			}
		}
		if round == 0 {
			if err := os.Remove(ballast); err != nil {
				t.Fatal(err)
			}
			if err := d.tryHold(t, "01B"); err != nil {
				t.Errorf("with room again: %v", err)
			}
		}
	}
	left, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range left {
		if strings.Contains(e.Name(), "backup") {
			t.Errorf("%s was left", e.Name())
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	for dsn, want := range map[string]error{
		"": store.ErrDSN, "postgres://x": store.ErrDSN, "sqlite:relative.db": store.ErrDSN, "sqlite:" + dir + "/none/a.db": store.ErrUnavailable,
		"sqlite:" + dir: store.ErrUnavailable,
	} {
		if _, err := store.Open(t.Context(), store.Options{DSN: dsn}); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", dsn, err, want)
		}
	}
	// Characters that mean something in a URI are characters of a name.
	odd := filepath.Join(dir, "a?b=c#d%20 e.db")
	d := newDesk(t, odd)
	d.officer(t, "an")
	info, err := os.Stat(odd)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if err := d.tryHold(t, "01A"); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("closed: %v", err)
	}
}

// Several processes that start at once on no database make one.
func TestOpenAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "congthu.db")
	done := make(chan error)
	const n = 6
	for range n {
		go func() {
			s, err := store.Open(t.Context(), store.Options{DSN: "sqlite:" + path, Busy: 10 * time.Second})
			if err == nil {
				err = s.Close()
			}
			done <- err
		}()
	}
	for range n {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}
