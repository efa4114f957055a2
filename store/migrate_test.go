package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/pressly/goose/v3"

	"congthu/store"
)

// older makes a database of an older schema, as the version of then left it, and puts an officer into it.
func older(t *testing.T, path string, version int64) {
	t.Helper()
	if version == 0 {
		return
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	p, err := goose.NewProvider(goose.DialectSQLite3, db, os.DirFS("migrations/sqlite"), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.UpTo(context.Background(), version); err != nil {
		t.Fatal(err)
	}
	_, err = db.Exec("INSERT INTO officer (id, address, name, unit, recipient, wrapped, added, removed) VALUES ('1', 'old@monre.gov.vn', 'old', '', $1, x'', 1, 0)",
		newKey(t).Recipient().String())
	if err != nil {
		t.Fatal(err)
	}
}

// Every older schema becomes today's, with what was in it, and then works.
func TestOlderSchemas(t *testing.T) {
	steps, err := os.ReadDir("migrations/sqlite")
	if err != nil || len(steps) < 3 {
		t.Fatalf("%v %v", steps, err)
	}
	for v := range int64(len(steps) + 1) {
		t.Run(fmt.Sprint(v), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "congthu.db")
			older(t, path, v)
			d := newDesk(t, path)
			all, err := d.ListOfficers(t.Context())
			if err != nil || (len(all) == 1) != (v > 0) {
				t.Fatalf("%v %v", all, err)
			}
			key := d.officer(t, "an")
			if err := d.tryHold(t, "01A"); err != nil {
				t.Fatal(err)
			}
			d.read(t, "01A", key)
			g := newLog(t)
			g.traffic(t, 0, 2)
			if _, err := d.Rebuild(t.Context(), g.dir); err != nil {
				t.Error(err)
			}
			if _, err := d.NextNotices(t.Context(), d.clock.Now(), 1); err != nil {
				t.Error(err)
			}
			// A backup of then can be restored now.
			old := filepath.Join(t.TempDir(), "old.db")
			older(t, old, v)
			if v > 0 {
				if _, err := store.Restore(t.Context(), old, filepath.Join(t.TempDir(), "new.db")); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// A database of a later version is left alone.
func TestNewerSchema(t *testing.T) {
	d := newDesk(t, "")
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	execute(t, d.path, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (999, 1)")
	if _, err := store.Open(t.Context(), store.Options{DSN: "sqlite:" + d.path}); !errors.Is(err, store.ErrNewer) {
		t.Errorf("%v", err)
	}
}
