package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"congthu/filter/evidence"
)

// Log is the gate's own evidence log.
type Log interface {
	// Follow hands every record from seq from on to f, in order, until ctx ends or f fails.
	Follow(ctx context.Context, from uint64, f func([]evidence.Line) error) error
}

// indexRetry is how long indexing waits after trouble with the database.
const indexRetry = time.Second

// Rebuild makes the index of a gate's log anew from the files in dir alone, under all names that the gate had, in
// transactions of a batch each:
// a search in the meantime finds less. Statistics of days whose records were pruned stay as they are. Cut off
// in the middle, it leaves an index that is right as far as it goes. records is how many were indexed.
func (s *Store) Rebuild(ctx context.Context, dir string) (records uint64, err error) {
	cleared := map[string]bool{}
	err = evidence.Scan(ctx, dir, 1, func(lines []evidence.Line) error {
		for _, l := range lines {
			if cleared[l.Gate] {
				continue
			}
			if err := s.clear(ctx, l); err != nil {
				return err
			}
			cleared[l.Gate] = true
		}
		records += uint64(len(lines))
		return s.Index(ctx, lines)
	})
	if err != nil {
		return records, fmt.Errorf("rebuilding the index: %w", err)
	}
	return records, nil
}

// clear empties the index of a gate, so that it begins with first.
func (s *Store) clear(ctx context.Context, first evidence.Line) error {
	return s.write(ctx, "emptying the index", func(tx *sql.Tx) error {
		old, _, err := readPosition(ctx, tx, first.Gate)
		if err != nil {
			return err
		}
		p := position{seq: first.Seq - 1, hash: first.Prev}
		if first.Seq > 1 {
			// The day of the first record that is left may have lost others: what was counted of it stays.
			p.statDay, p.statSeq = first.Time.In(s.options.Zone).Format(dayFormat), old.seq
			if old.statDay == p.statDay { // a rebuilding was cut off
				p.statSeq = max(old.seq, old.statSeq)
			}
		}
		for _, drop := range []string{dropMessages, dropActs} {
			if _, err := tx.ExecContext(ctx, drop, first.Gate); err != nil {
				return err
			}
		}
		for _, drop := range []string{dropUnits, dropMailboxes, dropMonitored, dropMonths, sumMonth} {
			if _, err := tx.ExecContext(ctx, drop, first.Gate, p.statDay); err != nil {
				return err
			}
		}
		return p.write(ctx, tx, first.Gate)
	})
}

// indexPause is how long records are gathered after a transaction of the index that was not full. A transaction costs
// as much as entering ten records, and nobody's mail waits for the index.
const indexPause = time.Second

// fullBatch is so many records that more of them wait already.
const fullBatch = 256

// indexSays is how often lasting trouble with the index is logged.
const indexSays = time.Minute

// indexGathered indexes lines, then lets more come together.
func (s *Store) indexGathered(ctx context.Context, lines []evidence.Line) error {
	if err := s.Index(ctx, lines); err != nil || len(lines) >= fullBatch {
		return err
	}
	select {
	case <-ctx.Done():
	case <-time.After(indexPause):
	}
	return nil
}

// KeepIndex follows a gate's log into the index until ctx ends or the log does. Trouble with the database is
// waited for: the log is the buffer. When another process moved the position, as Rebuild does, it goes on from
// there; when the records after it were pruned, or the log is not the one that was indexed, it makes the index
// anew from dir.
func (s *Store) KeepIndex(ctx context.Context, l Log, gate, dir string) error {
	lastGap := int64(-1)
	var said time.Time
	for {
		seq, _, err := s.Position(ctx, gate)
		if err == nil {
			err = l.Follow(ctx, seq+1, func(lines []evidence.Line) error { return s.indexGathered(ctx, lines) })
		}
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case (errors.Is(err, ErrGap) || errors.Is(err, evidence.ErrAhead)) && lastGap != int64(seq):
			lastGap = int64(seq)
			continue
		case errors.Is(err, ErrGap), errors.Is(err, evidence.ErrAhead):
			s.options.Log.Warn("the index does not fit the evidence and is made anew", "after", seq, "error", err.Error())
			if _, err = s.Rebuild(ctx, dir); err == nil {
				continue
			}
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if !trouble(err) {
				return err
			}
		case !trouble(err):
			return err
		}
		if now := time.Now(); now.Sub(said) >= indexSays { // not once a second for as long as it lasts
			said = now
			s.options.Log.Warn("the evidence could not be indexed", "error", err.Error())
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(indexRetry):
		}
	}
}
