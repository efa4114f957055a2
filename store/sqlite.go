package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
	_ "modernc.org/sqlite" // the driver "sqlite"
)

// readers is how many connections read at once.
const readers = 4

// engine is one open SQLite database. The file is never opened by other means in this process: closing it
// would drop the locks of POSIX that SQLite holds.
type engine struct {
	path    string
	writer  *sql.DB // one connection: writes wait for each other here, not by polling a lock
	reader  *sql.DB
	lock    *os.File
	files   files
	suspect atomic.Bool // an error was seen that opening anew may cure
}

// identity tells files apart.
type identity struct{ device, inode uint64 }

func identify(path string) (identity, error) {
	info, err := os.Stat(path)
	if err != nil {
		return identity{}, err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return identity{}, fmt.Errorf("the system does not tell the file %s from others", path)
	}
	return identity{uint64(st.Dev), st.Ino}, nil
}

// openEngine opens the database at path and brings it up to date. With create a missing one is made, which
// only its owner can read.
func openEngine(ctx context.Context, path string, busy time.Duration, create bool) (*engine, error) {
	lock, err := lockFile(path+".lock", unix.LOCK_SH)
	if err != nil {
		return nil, err
	}
	e := &engine{path: path, lock: lock}
	if err := e.open(ctx, busy, create); err != nil {
		e.close()
		return nil, named(ctx, path, err)
	}
	return e, nil
}

func (e *engine) open(ctx context.Context, busy time.Duration, create bool) error {
	if _, err := os.Stat(e.path); errors.Is(err, os.ErrNotExist) && create {
		// What is left of a database that is gone is kept: SQLite would drop it.
		err := os.Rename(e.path+"-wal", e.path+"-wal.stale-"+time.Now().UTC().Format(asideFormat))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
		// Before SQLite does, with its umask. Beside another process that makes it: it is there then.
		f, err := os.OpenFile(e.path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
		if err == nil {
			err = f.Close()
		}
		if err != nil && !errors.Is(err, os.ErrExist) {
			return fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
	} else if err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	var err error
	if e.writer, err = sql.Open("sqlite", dataSource(e.path, busy, false)); err != nil {
		return fmt.Errorf("opening for writing: %w", err)
	}
	e.writer.SetMaxOpenConns(1)
	if e.reader, err = sql.Open("sqlite", dataSource(e.path, busy, true)); err != nil {
		return fmt.Errorf("opening for reading: %w", err)
	}
	e.reader.SetMaxOpenConns(readers)
	e.reader.SetMaxIdleConns(readers)
	if err := migrate(ctx, e.writer, e.path); err != nil {
		return err
	}
	if e.files.main, err = identify(e.path); err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	if e.files.wal, err = identify(e.path + "-wal"); err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return nil
}

// dataSource is SQLite's name of the database. Temporary tables stay in memory, what is deleted is
// overwritten, and a commit is on the disk when it returns.
func dataSource(path string, busy time.Duration, reads bool) string {
	v := url.Values{"mode": {"rw"}, "_txlock": {"immediate"}, "_defensive": {"1"}, "_dqs": {"0"}, "_pragma": {
		"busy_timeout(" + strconv.FormatInt(busy.Milliseconds(), 10) + ")",
		"journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)", "secure_delete(1)", "temp_store(MEMORY)",
		"cell_size_check(1)", "trusted_schema(0)", "journal_size_limit(67108864)"}}
	if reads {
		v.Set("_query_only", "1")
		v.Set("_txlock", "deferred")
	}
	return (&url.URL{Scheme: "file", Path: path, RawQuery: v.Encode()}).String()
}

// transact runs do in a transaction. What was written to a file that is no longer the one at the path is
// not kept, whatever SQLite says.
func (e *engine) transact(ctx context.Context, do func(*sql.Tx) error) error {
	tx, err := e.writer.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := do(tx); err != nil {
		// The first error counts; a transaction that cannot be rolled back ends with its connection.
		tx.Rollback()
		return err
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	return e.inPlace()
}

// inPlace tells whether the files that are open are those at the path.
func (e *engine) inPlace() error {
	for _, f := range []struct {
		path string
		want identity
	}{{e.path, e.files.main}, {e.path + "-wal", e.files.wal}} {
		if got, err := identify(f.path); err != nil {
			return fmt.Errorf("%w: %w", ErrUnavailable, err)
		} else if got != f.want {
			return fmt.Errorf("%w: %s was replaced", ErrUnavailable, f.path)
		}
	}
	return nil
}

// files are those that a database consists of.
type files struct{ main, wal identity }

// setAside renames the write-ahead log of the database f when another database stands at its path now: SQLite
// would take it for that one's and mix the two. It returns the new name, "" when there was nothing to do.
func (f files) setAside(path string, now time.Time) (string, error) {
	main, err := identify(path)
	if err != nil || f == (files{}) || main == f.main {
		return "", nil // a database that is not there is for whoever opens it to say
	}
	if wal, err := identify(path + "-wal"); err != nil || wal != f.wal {
		return "", nil
	}
	stale := path + "-wal.stale-" + now.UTC().Format(asideFormat)
	if err := os.Rename(path+"-wal", stale); err != nil {
		return "", fmt.Errorf("%w: putting aside what belongs to another database: %w", ErrUnavailable, err)
	}
	if err := os.Remove(path + "-shm"); err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("%w: putting aside what belongs to another database: %w", ErrUnavailable, err)
	}
	return stale, nil
}

// asideFormat is the time in the name of what was put aside.
const asideFormat = "20060102T150405.000000"

func (e *engine) close() error {
	var errs []error
	for _, db := range []*sql.DB{e.reader, e.writer} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	return errors.Join(append(errs, e.lock.Close())...)
}

// lockFile takes a lock that other processes respect, of unix.LOCK_SH or unix.LOCK_EX. It does not wait:
// ErrInUse. Closing the file gives it back.
func lockFile(path string, how int) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	if err := unix.Flock(int(f.Fd()), how|unix.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, ErrInUse
		}
		return nil, fmt.Errorf("%w: locking %s: %w", ErrUnavailable, path, err)
	}
	return f, nil
}
