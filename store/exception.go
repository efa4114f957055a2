package store

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"congthu/filter"
)

// MaxExceptions is how many exceptions may be in force at once: they are all kept in memory.
const MaxExceptions = 10_000

// snapshotAge is how long what was read of the exceptions counts. When the database cannot be asked any longer
// than this, nobody knows: an exception that was ended meanwhile must not let a marked part through, and one that was
// not must not be refused for good.
const snapshotAge = time.Minute

// Exception lets a part through a rule until a date, because an officer says so.
type Exception struct {
	ID         string
	PartSHA256 string // of the part's decoded octets, hex
	Rule       string
	Reason     string
	Who        string
	Added      time.Time
	Until      time.Time // before
	Ended      time.Time // by an officer, or Until when the store saw that pass; the zero time before
	EndedBy    string    // "" when its date ended it
	Uses       int64
	LastUsed   time.Time
}

// exceptions are those in force, as read last.
type exceptions struct{ now atomic.Pointer[snapshot] }

type snapshot struct {
	revision int64
	parts    map[exceptionKey][]Exception
	read     atomic.Pointer[time.Time] // when the database last said that this is still so
}

type exceptionKey struct{ part, rule string }

// over tells whether the date of one of them has passed.
func (s *snapshot) over(now time.Time) bool {
	for _, all := range s.parts {
		if slices.ContainsFunc(all, func(e Exception) bool { return !now.Before(e.Until) }) {
			return true
		}
	}
	return false
}

// CheckException says what AddException would say of an exception and changes nothing, so that what is put on record
// before was looked at.
func (s *Store) CheckException(e Exception) error {
	_, err := e.checked(s.options.Now())
	return err
}

// checked is an exception as it is kept, when all that does not need the database is as it must be.
func (e Exception) checked(now time.Time) (Exception, error) {
	e.PartSHA256 = strings.ToLower(strings.TrimSpace(e.PartSHA256))
	if raw, err := hex.DecodeString(e.PartSHA256); err != nil || len(raw) != 32 {
		return e, fmt.Errorf("adding an exception: %w: a part hash is 64 hexadecimal digits", ErrInvalid)
	}
	if e.Rule == "" || e.Who == "" || strings.TrimSpace(e.Reason) == "" || !e.Until.After(now) {
		return e, fmt.Errorf("adding an exception: %w: rule, who and why must be said, and its end must be to come", ErrInvalid)
	}
	if err := errors.Join(printable(maxName, e.Rule, e.Who), printable(maxReason, e.Reason)); err != nil {
		return e, fmt.Errorf("adding an exception: %w", err)
	}
	return e, nil
}

// AddException adds an exception; its ID is made here.
func (s *Store) AddException(ctx context.Context, e Exception) (Exception, error) {
	now := s.options.Now()
	e, err := e.checked(now)
	if err != nil {
		return e, err
	}
	e.ID, e.Added, e.Until = filter.NewID(now), fromMicro(micro(now)), fromMicro(micro(e.Until))
	err = s.write(ctx, "adding an exception", func(tx *sql.Tx) error {
		var n int
		if err := tx.QueryRowContext(ctx, countActive, micro(now)).Scan(&n); err != nil {
			return err
		}
		if n >= MaxExceptions {
			return fmt.Errorf("%w: %d exceptions are in force", ErrInvalid, n)
		}
		if _, err := tx.ExecContext(ctx, insertException, e.ID, e.PartSHA256, e.Rule, e.Reason, e.Who, micro(e.Added), micro(e.Until)); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, bumpExceptions)
		return err
	})
	if err != nil {
		return e, err
	}
	return e, s.refreshExceptions(ctx)
}

// EndException ends an exception before its date; ErrNotFound when there is none in force with this id.
func (s *Store) EndException(ctx context.Context, id, who string) error {
	if err := printable(maxName, who); err != nil || who == "" {
		return errors.Join(fmt.Errorf("ending an exception: %w: who must be said", ErrInvalid), err)
	}
	err := s.write(ctx, "ending exception "+id, func(tx *sql.Tx) error {
		done, err := tx.ExecContext(ctx, endException, id, micro(s.options.Now()), who)
		if err != nil {
			return err
		}
		if n, err := done.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, ErrNotFound)
		}
		_, err = tx.ExecContext(ctx, bumpExceptions)
		return err
	})
	if err != nil {
		return err
	}
	return s.refreshExceptions(ctx)
}

// ListExceptions lists the newest exceptions, also those that are over, at most MaxExceptions.
func (s *Store) ListExceptions(ctx context.Context) (all []Exception, err error) {
	err = s.read(ctx, "listing exceptions", func(q querier) error {
		all, err = scanExceptions(ctx, q, selectExceptions, MaxExceptions)
		return err
	})
	return all, err
}

// Excepted names the exception that lets a part through a rule at a time, "" when there is none. It asks memory, not
// the database: another process's change is seen after about a second. ErrUnavailable says that there was one and the
// database cannot be asked whether it still counts. Whoever uses the answer records it, and counts it with
// CountException.
func (s *Store) Excepted(partSHA256, rule string, at time.Time) (id string, err error) {
	now := s.exceptions.now.Load()
	for _, e := range now.parts[exceptionKey{strings.ToLower(partSHA256), rule}] {
		if !at.Before(e.Until) {
			continue
		}
		if time.Since(*now.read.Load()) > snapshotAge {
			return "", fmt.Errorf("looking for an exception: %w for over %v", ErrUnavailable, snapshotAge)
		}
		return e.ID, nil
	}
	return "", nil
}

// CountException counts a use of an exception.
func (s *Store) CountException(ctx context.Context, id string, at time.Time) error {
	return s.write(ctx, "counting a use of exception "+id, func(tx *sql.Tx) error {
		done, err := tx.ExecContext(ctx, useException, id, micro(at))
		if err != nil {
			return err
		}
		if n, err := done.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, ErrNotFound)
		}
		return nil
	})
}

// refreshExceptions reads the exceptions in force when they changed. What is over is ended for good: a clock that goes
// back does not put it in force again.
func (s *Store) refreshExceptions(ctx context.Context) error {
	if now := s.exceptions.now.Load(); now == nil || now.over(s.options.Now()) {
		// Where nothing can be written they are over all the same, by the clock, and are ended when it can.
		if err := s.endOverExceptions(ctx); err != nil && ctx.Err() == nil {
			s.options.Log.Warn("exceptions whose date has passed could not be ended", "error", err.Error())
		}
	}
	return s.read(ctx, "reading the exceptions", func(q querier) error {
		asked := time.Now() // for ages only: the clock that Options names may be any
		var revision int64
		if err := q.QueryRowContext(ctx, selectRevision).Scan(&revision); err != nil {
			return err
		}
		if now := s.exceptions.now.Load(); now != nil && now.revision == revision {
			now.read.Store(&asked)
			return nil
		}
		// The revision is read first: a change in between is read again the next time.
		all, err := scanExceptions(ctx, q, selectActive, micro(s.options.Now()), 2*MaxExceptions)
		if err != nil {
			return err
		}
		next := &snapshot{revision: revision, parts: map[exceptionKey][]Exception{}}
		next.read.Store(&asked)
		for _, e := range all {
			key := exceptionKey{e.PartSHA256, e.Rule}
			next.parts[key] = append(next.parts[key], e)
		}
		s.exceptions.now.Store(next)
		return nil
	})
}

// endOverExceptions ends those whose date has passed.
func (s *Store) endOverExceptions(ctx context.Context) error {
	var n int
	err := s.read(ctx, "looking for exceptions that are over", func(q querier) error {
		return q.QueryRowContext(ctx, countOver, micro(s.options.Now())).Scan(&n)
	})
	if err != nil || n == 0 { // to look at the exceptions is no reason to wait for whoever writes
		return err
	}
	return s.write(ctx, "ending exceptions that are over", func(tx *sql.Tx) error {
		done, err := tx.ExecContext(ctx, overExceptions, micro(s.options.Now()))
		if err != nil {
			return err
		}
		if n, err := done.RowsAffected(); err != nil || n == 0 {
			return err
		}
		_, err = tx.ExecContext(ctx, bumpExceptions)
		return err
	})
}

func scanExceptions(ctx context.Context, q querier, query string, args ...any) ([]Exception, error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []Exception
	for rows.Next() {
		var e Exception
		var added, until, ended, used int64
		err := rows.Scan(&e.ID, &e.PartSHA256, &e.Rule, &e.Reason, &e.Who, &added, &until, &ended, &e.EndedBy, &e.Uses, &used)
		if err != nil {
			return nil, err
		}
		e.Added, e.Until, e.Ended, e.LastUsed = fromMicro(added), fromMicro(until), fromMicro(ended), fromMicro(used)
		all = append(all, e)
	}
	return all, rows.Err()
}
