package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Names of files beside a database or a backup.
const (
	partialEnd = ".partial"         // not yet whole
	beforeEnd  = ".before-restore-" // a database that a backup took the place of, with the time
)

// Copied tells of a backup or a restoring.
type Copied struct {
	Bytes int64
	Took  time.Duration
	Kept  string // where the database is that stood there before; "" when there was none
}

// Backup writes the database into a file of its own while everything goes on, checks it and puts it at path,
// durable, or not at all. There must be nothing at path: ErrExists. Held content in it is encrypted as it is in
// the database; who was sent what is not.
func (s *Store) Backup(ctx context.Context, path string) (Copied, error) {
	c, err := s.backup(ctx, path)
	if err != nil {
		return c, s.trouble(ctx, nil, "backing up", err)
	}
	return c, nil
}

func (s *Store) backup(ctx context.Context, path string) (c Copied, err error) {
	started := time.Now()
	if _, err := s.current(ctx); err != nil {
		return c, err
	}
	f, err := partial(path)
	if err != nil {
		return c, err
	}
	defer f.Close()
	defer os.Remove(f.Name()) // nothing after the rename
	db, err := sql.Open("sqlite", dataSource(s.path, s.options.Busy, false))
	if err != nil {
		return c, fmt.Errorf("opening the database: %w", err)
	}
	defer db.Close()
	// SQLite takes an empty file for one that it may fill, and leaves its permissions.
	if _, err := db.ExecContext(ctx, "VACUUM INTO $1", f.Name()); err != nil {
		return c, named(ctx, path, err)
	}
	if err := verify(ctx, f.Name()); err != nil {
		return c, fmt.Errorf("checking the backup: %w", named(ctx, path, err))
	}
	if c.Bytes, err = publish(f, path); err != nil {
		return c, err
	}
	c.Took = time.Since(started)
	return c, nil
}

// partial makes the file in which something grows that is to be at path. Two at once get in each other's way.
func partial(path string) (*os.File, error) {
	if _, err := os.Lstat(path); err == nil {
		return nil, fmt.Errorf("%w: %s", ErrExists, path)
	}
	f, err := lockFile(path+partialEnd, unix.LOCK_EX)
	if err != nil {
		return nil, err
	}
	if err := f.Truncate(0); err != nil { // what a crash left
		f.Close()
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return f, nil
}

// publish makes a file durable under its name.
func publish(f *os.File, path string) (bytes int64, err error) {
	info, err := f.Stat()
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err == nil {
		err = syncDir(filepath.Dir(path))
	}
	if errors.Is(err, unix.ENOSPC) {
		return 0, fmt.Errorf("%w: %w", ErrFull, err)
	}
	if err != nil {
		return 0, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return info.Size(), nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// verify checks a database that nobody has open: whole, with its references, and of a schema that this version
// knows.
func verify(ctx context.Context, path string) error {
	v := url.Values{"mode": {"ro"}, "immutable": {"1"}, "_defensive": {"1"}, "_pragma": {"cell_size_check(1)", "trusted_schema(0)"}}
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Path: path, RawQuery: v.Encode()}).String())
	if err != nil {
		return fmt.Errorf("opening: %w", err)
	}
	defer db.Close()
	var said string
	if err := db.QueryRowContext(ctx, "PRAGMA integrity_check(1)").Scan(&said); err != nil {
		return err
	}
	if said != "ok" {
		return fmt.Errorf("%w: %s", ErrCorrupt, said)
	}
	broken, err := db.QueryContext(ctx, "PRAGMA foreign_key_check")
	if err != nil {
		return err
	}
	defer broken.Close()
	if broken.Next() {
		return fmt.Errorf("%w: rows without what they belong to", ErrCorrupt)
	}
	if err := broken.Err(); err != nil {
		return err
	}
	p, err := migrations(db)
	if err != nil {
		return err
	}
	sources := p.ListSources()
	var version int64
	err = db.QueryRowContext(ctx, "SELECT coalesce(max(version_id), 0) FROM goose_db_version WHERE is_applied").Scan(&version)
	switch {
	case err != nil && strings.Contains(err.Error(), "no such table"), err == nil && version == 0:
		return ErrSchema
	case err != nil:
		return err
	case version > sources[len(sources)-1].Version:
		return fmt.Errorf("%w: schema %d", ErrNewer, version)
	}
	return nil
}

// Restore puts a backup in the place of a database that no process has open (ErrInUse), after it checked a
// copy of it: ErrCorrupt, ErrSchema, ErrNewer. The database that stood there is kept beside it. What was held,
// decided and sent after the backup was made is only in that one; the index makes itself up from the evidence.
func Restore(ctx context.Context, from, to string) (Copied, error) {
	c, err := restore(ctx, from, to)
	if err != nil {
		return c, fmt.Errorf("restoring %s: %w", from, named(ctx, to, err))
	}
	return c, nil
}

func restore(ctx context.Context, from, to string) (c Copied, err error) {
	started := time.Now()
	lock, err := lockFile(to+".lock", unix.LOCK_EX)
	if err != nil {
		return c, err
	}
	defer lock.Close()
	// Before it is opened: closing it would drop locks that SQLite may hold in this process.
	if info, err := os.Stat(from + "-wal"); err == nil && info.Size() > 0 {
		return c, fmt.Errorf("%w: it is a database in use, not a backup", ErrInvalid)
	}
	source, err := os.Open(from)
	if err != nil {
		return c, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	defer source.Close()
	f, err := lockFile(to+partialEnd, unix.LOCK_EX)
	if err != nil {
		return c, err
	}
	defer f.Close()
	defer os.Remove(f.Name())
	if err = f.Truncate(0); err == nil {
		_, err = io.Copy(f, source)
	}
	if errors.Is(err, unix.ENOSPC) {
		return c, fmt.Errorf("%w: %w", ErrFull, err)
	}
	if err != nil {
		return c, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	if err := verify(ctx, f.Name()); err != nil {
		return c, err
	}
	if c.Kept, err = putAside(ctx, to); err != nil {
		return c, err
	}
	if c.Bytes, err = publish(f, to); err != nil {
		return c, err
	}
	c.Took = time.Since(started)
	return c, nil
}

// putAside renames a database that nobody has open. Its write-ahead log goes first: beside another database
// SQLite would take it for that one's.
func putAside(ctx context.Context, path string) (kept string, err error) {
	_, err = os.Stat(path)
	there := err == nil
	// Opened and closed, it is in one file, if it is sound at all.
	if db, err := sql.Open("sqlite", dataSource(path, DefaultBusy, false)); err == nil {
		db.ExecContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)")
		db.Close()
	}
	kept = path + beforeEnd + time.Now().UTC().Format(asideFormat)
	for _, end := range []string{"-wal", "-shm", ""} {
		if err := os.Rename(path+end, kept+end); err != nil && !errors.Is(err, os.ErrNotExist) {
			return "", fmt.Errorf("%w: putting the old database aside: %w", ErrUnavailable, err)
		}
	}
	if !there {
		return "", nil
	}
	return kept, nil
}
