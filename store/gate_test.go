package store_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"congthu/store"
)

// One gate of a name serves with a database, and gates of other names beside it, whatever stands in a name.
func TestLockGate(t *testing.T) {
	a := newDesk(t, "")
	b := newDesk(t, a.path)
	names := []string{"mx1", "mx2", "mx1_", "Cổng thư", "Công thư", "../x", strings.Repeat("a", 300), strings.Repeat("a", 301)}
	var locks []*os.File
	for _, name := range names {
		f, err := a.LockGate(name)
		if err != nil {
			t.Fatalf("%.20q: %v", name, err)
		}
		locks = append(locks, f)
		if f, err := b.LockGate(name); !errors.Is(err, store.ErrSameGate) {
			t.Errorf("%.20q twice: %v, %v", name, f, err)
		}
		if dir := filepath.Dir(f.Name()); dir != filepath.Dir(a.path) {
			t.Errorf("%.20q is locked in %s", name, dir)
		}
	}
	for i, f := range locks {
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		again, err := b.LockGate(names[i])
		if err != nil {
			t.Fatalf("%.20q after the first has gone: %v", names[i], err)
		}
		again.Close()
	}
}
