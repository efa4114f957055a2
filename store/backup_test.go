package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"congthu/store"
)

// A backup that is made while four write has every message that was held before it began, whole.
func TestBackupWhileWriting(t *testing.T) {
	d := newDesk(t, "")
	key := d.officer(t, "an")
	dir := t.TempDir()
	ctx, stop := context.WithCancel(t.Context())
	var mu sync.Mutex
	var held []string
	var wg sync.WaitGroup
	begun := make(chan struct{}, 1000)
	for w := range 4 {
		wg.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				id := fmt.Sprintf("01W%d-%04d", w, i)
				content := noise(id, 20_000)
				_, err := d.Hold(ctx, d.sample(id, content), bytes.NewReader(content))
				switch {
				case ctx.Err() != nil:
				case err != nil:
					t.Error(err)
				default:
					mu.Lock()
					held = append(held, id)
					mu.Unlock()
				}
				select {
				case begun <- struct{}{}:
				default:
				}
			}
		})
	}
	for range 20 {
		<-begun
	}
	before := map[string][]string{}
	for i := range 2 {
		path := filepath.Join(dir, fmt.Sprintf("backup%d.db", i))
		mu.Lock()
		before[path] = append([]string(nil), held...)
		mu.Unlock()
		c, err := d.Backup(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		if err != nil || info.Size() != c.Bytes || c.Took <= 0 || info.Mode().Perm() != 0o600 {
			t.Errorf("%+v %v %v", c, info, err)
		}
	}
	stop()
	wg.Wait()
	for path, ids := range before {
		to := filepath.Join(t.TempDir(), "elsewhere.db")
		c, err := store.Restore(t.Context(), path, to)
		if err != nil || c.Kept != "" || c.Bytes == 0 {
			t.Fatalf("%+v %v", c, err)
		}
		restored := newDesk(t, to)
		for _, id := range ids {
			if got := restored.read(t, id, key); !bytes.Equal(got, noise(id, 20_000)) {
				t.Errorf("%s is not whole", id)
			}
		}
		if len(ids) < 16 {
			t.Errorf("only %d messages", len(ids))
		}
	}
	if left, err := filepath.Glob(dir + "/*partial*"); err != nil || left != nil {
		t.Errorf("%v %v", left, err)
	}
}

func TestRestore(t *testing.T) {
	d := newDesk(t, "")
	key := d.officer(t, "an")
	if err := d.tryHold(t, "01A"); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	backup := filepath.Join(dir, "backup.db")
	if _, err := d.Backup(t.Context(), backup); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Backup(t.Context(), backup); !errors.Is(err, store.ErrExists) {
		t.Errorf("over another backup: %v", err)
	}
	if err := d.tryHold(t, "01B"); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Restore(t.Context(), backup, d.path); !errors.Is(err, store.ErrInUse) {
		t.Fatalf("under an open database: %v", err)
	}
	if _, err := store.Restore(t.Context(), d.path, filepath.Join(dir, "x.db")); !errors.Is(err, store.ErrInvalid) {
		t.Errorf("out of an open database: %v", err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	sound, err := os.ReadFile(backup)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		content []byte
		want    error
	}{
		"empty":       {nil, store.ErrSchema},
		"cut":         {sound[:len(sound)-4096], store.ErrCorrupt},
		"no database": {bytes.Repeat([]byte("no database "), 1000), store.ErrCorrupt},
		"overwritten": {append(bytes.Clone(sound[:8192]), bytes.Repeat([]byte{0xa5}, len(sound)-8192)...), store.ErrCorrupt},
	} {
		bad := filepath.Join(dir, "bad.db")
		if err := os.WriteFile(bad, c.content, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := store.Restore(t.Context(), bad, d.path); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	future := filepath.Join(dir, "future.db")
	if err := os.WriteFile(future, sound, 0o600); err != nil {
		t.Fatal(err)
	}
	execute(t, future, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (999, 1)")
	if _, err := store.Restore(t.Context(), future, d.path); !errors.Is(err, store.ErrNewer) {
		t.Errorf("%v", err)
	}
	if _, err := store.Restore(t.Context(), filepath.Join(dir, "none.db"), d.path); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("%v", err)
	}
	c, err := store.Restore(t.Context(), backup, d.path)
	if err != nil || !strings.HasPrefix(c.Kept, d.path+".before-restore-") {
		t.Fatalf("%+v %v", c, err)
	}
	restored := newDesk(t, d.path)
	restored.read(t, "01A", key)
	if _, err := restored.Show(t.Context(), "01B"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("held after the backup: %v", err)
	}
	newDesk(t, c.Kept).read(t, "01B", key) // nothing is lost
}

// A database that was killed has the end of what it holds in its write-ahead log, which must not meet the
// restored one.
func TestRestoreOverKilled(t *testing.T) {
	d := newDesk(t, "")
	key := d.officer(t, "an")
	backup := filepath.Join(t.TempDir(), "backup.db")
	if _, err := d.Backup(t.Context(), backup); err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	kill, lines := start(t, "hold", d.path)
	line := <-lines
	kill()
	var id string
	var size int
	if _, err := fmt.Sscan(line, &id, &size); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(d.path + "-wal"); err != nil || info.Size() == 0 {
		t.Fatalf("there is no write-ahead log: %v %v", info, err)
	}
	c, err := store.Restore(t.Context(), backup, d.path)
	if err != nil {
		t.Fatal(err)
	}
	if all, err := newDesk(t, d.path).List(t.Context(), store.Filter{}); err != nil || len(all) != 0 {
		t.Errorf("%v %v", all, err)
	}
	if got := newDesk(t, c.Kept).read(t, id, key); !bytes.Equal(got, noise(id, size)) {
		t.Error("what was held before is not whole")
	}
}
