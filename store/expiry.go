package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// GraceAfterNotice is how long an undecided message is still kept after those concerned were told that its
// time is over. A message held for a marking has none: its content must not stay.
const GraceAfterNotice = 7 * 24 * time.Hour

// Due is what the passing of time asks for, at most MaxPage messages of each kind at once.
type Due struct {
	Waiting []Held // officers are to be told that they wait
	Half    []Held // officers are to be told that half of the time is over
	Ended   []Held // officers and recipients are to be told that the time is over
	Gone    []Held // the grace is over too: to be deleted, with its act
}

// Stage is what people were told of a held message.
type Stage int

// The stages.
const (
	Waiting Stage = iota + 1
	HalfTime
	EndOfTime
)

// Expiry marks undecided messages whose time is over at now as expired, makes releases whose end nobody told
// undecided again, and lists what is to be done. It deletes nothing itself: the caller queues the notices and
// then says so (Noticed), and deletes what is gone with Delete after it recorded that. What the caller did not
// get done is listed again, so an undecided message is never deleted before people were told.
func (s *Store) Expiry(ctx context.Context, now time.Time) (d Due, err error) {
	err = s.write(ctx, "looking for expired messages", func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, unstickReleases, micro(now.Add(-ReleaseLease)), micro(now.Add(ReleaseLease))); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, expireHolds, micro(now))
		return err
	})
	if err != nil {
		return d, err
	}
	for _, list := range []struct {
		into  *[]Held
		where string
		args  []any
	}{
		{&d.Waiting, whereWaiting, []any{MaxPage}},
		{&d.Half, whereHalf, []any{micro(now), MaxPage}},
		{&d.Ended, whereEnded, []any{MaxPage}},
		{&d.Gone, whereGone, []any{micro(now.Add(-GraceAfterNotice)), MaxPage}},
	} {
		err := s.read(ctx, "listing expired messages", func(q querier) error {
			*list.into, err = held(ctx, q, selectHeld+list.where, list.args...)
			return err
		})
		if err != nil {
			return d, err
		}
	}
	return d, nil
}

// Noticed notes that the notices of a stage were queued for a message at that time. The grace begins then.
func (s *Store) Noticed(ctx context.Context, stage Stage, at time.Time, ids ...string) error {
	statement := noticedHalf
	switch stage {
	case Waiting:
		statement = noticedWait
	case HalfTime:
	case EndOfTime:
		statement = noticedEnd
	default:
		return fmt.Errorf("noting notices: %w: stage %d", ErrInvalid, stage)
	}
	return s.write(ctx, "noting notices", func(tx *sql.Tx) error {
		for _, id := range ids {
			if _, err := tx.ExecContext(ctx, statement, id, micro(at)); err != nil {
				return err
			}
		}
		return nil
	})
}

// Forget removes all that is known of messages that were decided on before that time, by retention, and who was told
// of any that was decided on. The evidence log still has them.
func (s *Store) Forget(ctx context.Context, before time.Time) (n int64, err error) {
	err = s.write(ctx, "forgetting decided messages", func(tx *sql.Tx) error {
		done, err := tx.ExecContext(ctx, forgetHolds, micro(before))
		if err != nil {
			return err
		}
		if n, err = done.RowsAffected(); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, dropHeard)
		return err
	})
	return n, err
}
