package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"

	"golang.org/x/sys/unix"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// Trouble with the database. Each may pass by itself: the next call tries again, on a database that was
// opened anew where that may help. A message that was to be held is deferred meanwhile (invariant 2).
var (
	ErrLocked      = errors.New("the database is locked by another process")
	ErrCorrupt     = errors.New("the database is corrupt")
	ErrUnavailable = errors.New("the database is not available")
	ErrFull        = errors.New("no room left for the database")
)

// Errors at opening and restoring.
var (
	ErrNewer  = errors.New("the database was made by a newer version")
	ErrInUse  = errors.New("the database is in use by another process")
	ErrDSN    = errors.New("not a data source name that the store knows")
	ErrSchema = errors.New("the database is not one of this gate's")
)

// What cannot be done with what is in the store.
var (
	ErrNoOfficers  = errors.New("there is no officer to encrypt held mail to")
	ErrNotFound    = errors.New("not found")
	ErrDecided     = errors.New("the message is released or deleted already")
	ErrNoAccess    = errors.New("the identity does not open this message")
	ErrDamaged     = errors.New("the content is not what was held")
	ErrNotOfficer  = errors.New("not an officer")
	ErrExists      = errors.New("there is one already")
	ErrLastAccess  = errors.New("held messages would be left that nobody can open")
	ErrNotApproved = errors.New("the release needs another officer's approval")
	ErrReleasing   = errors.New("a release of this message is under way")
	ErrUnsure      = errors.New("an earlier attempt of this release may have delivered the message")
	ErrInvalid     = errors.New("not valid")
	ErrGap         = errors.New("the line does not follow the last one indexed")
)

// fullBytes is the room, in octets, under which a failed write is put down to a full disk. SQLite says
// "I/O error" when its index of the write-ahead log, 32 KiB at a time, finds no room.
const fullBytes = 64 << 10

// named gives the trouble behind an error its name.
func named(ctx context.Context, path string, err error) error {
	var e *sqlite.Error
	switch {
	case err == nil:
		return nil
	case trouble(err):
		return err
	case errors.Is(err, sql.ErrConnDone), err.Error() == "sql: database is closed": // put away by a reopening
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	case !errors.As(err, &e):
		return err
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return fmt.Errorf("%w: %w", ErrLocked, err)
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT:
		return fmt.Errorf("%w: %w", ErrCorrupt, err)
	case sqlite3.SQLITE_FULL:
		return fmt.Errorf("%w: %w", ErrFull, err)
	case sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PROTOCOL:
		if room(path) < fullBytes {
			return fmt.Errorf("%w: %w", ErrFull, err)
		}
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_NOLFS, sqlite3.SQLITE_NOMEM:
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	case sqlite3.SQLITE_INTERRUPT:
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return err
}

// trouble tells the named troubles of the database.
func trouble(err error) bool {
	return errors.Is(err, ErrLocked) || errors.Is(err, ErrCorrupt) || errors.Is(err, ErrUnavailable) || errors.Is(err, ErrFull)
}

// unique tells a broken promise of a unique index.
func unique(err error) bool {
	var e *sqlite.Error
	return errors.As(err, &e) && (e.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE || e.Code() == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY)
}

// room is the space left beside a file, in octets.
func room(path string) uint64 {
	var s unix.Statfs_t
	if err := unix.Statfs(filepath.Dir(path), &s); err != nil {
		return 1 << 62 // unknown is not full
	}
	return s.Bavail * uint64(s.Bsize)
}
