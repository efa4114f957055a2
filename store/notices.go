package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"congthu/store/notice"
)

// Limits of the queue of notices.
const (
	maxNotice      = 256 << 10           // octets of one notice as JSON
	maxNoticeReply = 500                 // octets of why a notice could not be sent
	keepNotices    = 30 * 24 * time.Hour // how long it is known that one was sent
	longestDelay   = 24 * time.Hour      // no notice is put off for so long: one that is due later was queued before the clock went back
)

// Store is the queue of package notice.
var _ notice.Queue = (*Store)(nil)

// QueueNotices implements notice.Queue.
func (s *Store) QueueNotices(ctx context.Context, all []notice.Notice) (queued []bool, err error) {
	bodies := make([]string, len(all))
	for i, n := range all {
		if bodies[i], err = noticeBody(n); err != nil {
			return nil, fmt.Errorf("queueing a notice: %w", err)
		}
	}
	err = s.write(ctx, "queueing notices", func(tx *sql.Tx) error {
		queued, err = queueNotices(ctx, tx, all, bodies)
		return err
	})
	if err != nil {
		return nil, err
	}
	return queued, nil
}

// noticeBody is a notice as the queue keeps it.
func noticeBody(n notice.Notice) (string, error) {
	n.Attempts = 0
	body, err := json.Marshal(n)
	if err != nil {
		return "", err
	}
	if n.ID == "" || n.To == "" || len(body) > maxNotice {
		return "", fmt.Errorf("%w: without id or address, or over %d octets", ErrInvalid, maxNotice)
	}
	return string(body), nil
}

// queueNotices queues those of whose rule nobody at their address was told within the hour.
func queueNotices(ctx context.Context, tx *sql.Tx, all []notice.Notice, bodies []string) ([]bool, error) {
	if len(all) == 0 {
		return nil, nil
	}
	tell, err := tx.PrepareContext(ctx, tellNotice)
	if err != nil {
		return nil, err
	}
	defer tell.Close()
	insert, err := tx.PrepareContext(ctx, insertNotice)
	if err != nil {
		return nil, err
	}
	defer insert.Close()
	hear, err := tx.PrepareContext(ctx, insertHeard)
	if err != nil {
		return nil, err
	}
	defer hear.Close()
	queued := make([]bool, len(all))
	for i, n := range all {
		told, err := tell.ExecContext(ctx, n.To, n.Rule, micro(n.Created), micro(n.Created.Add(-notice.Interval)), micro(n.Created.Add(notice.Interval)))
		if err != nil {
			return nil, err
		}
		if rows, err := told.RowsAffected(); err != nil {
			return nil, err
		} else if rows == 0 {
			continue
		}
		if _, err := insert.ExecContext(ctx, n.ID, n.To, n.Rule, bodies[i], micro(n.Created)); err != nil {
			if unique(err) {
				return nil, fmt.Errorf("%w with the id %s", ErrExists, n.ID)
			}
			return nil, err
		}
		for _, id := range n.Hears {
			if _, err := hear.ExecContext(ctx, id, string(n.Kind), n.To, micro(n.Created)); err != nil {
				return nil, err
			}
		}
		queued[i] = true
	}
	return queued, nil
}

// Heard implements notice.Queue.
func (s *Store) Heard(ctx context.Context, k notice.Kind, ids []string) (map[string][]string, error) {
	heard := map[string][]string{}
	err := s.read(ctx, "reading who was told of held messages", func(q querier) error {
		for _, id := range ids {
			all, err := texts(ctx, q, selectHeard, id, string(k))
			if err != nil {
				return err
			}
			if len(all) > 0 {
				heard[id] = all
			}
		}
		return nil
	})
	return heard, err
}

// NextNotices implements notice.Queue. A notice that nobody can read is given up: it must not keep the others back.
func (s *Store) NextNotices(ctx context.Context, now time.Time, limit int) (all []notice.Notice, err error) {
	unreadable := map[string]error{} // by id
	err = s.read(ctx, "reading the queue of notices", func(q querier) error {
		rows, err := q.QueryContext(ctx, selectNotices, micro(now), micro(now.Add(longestDelay)), page(limit))
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var id, body string
			var attempts int
			if err := rows.Scan(&id, &body, &attempts); err != nil {
				return err
			}
			var n notice.Notice
			if err := json.Unmarshal([]byte(body), &n); err != nil {
				unreadable[id] = err
				continue
			}
			n.Attempts = attempts
			all = append(all, n)
		}
		return rows.Err()
	})
	if err != nil {
		return nil, err
	}
	for id, why := range unreadable {
		s.options.Log.Error("a notice cannot be read and is given up", "notice", id, "error", why.Error())
		if err := s.MarkFailed(ctx, id, "cannot be read", time.Time{}); err != nil {
			return all, err
		}
	}
	return all, nil
}

// MarkSent implements notice.Queue. A notice that ended already stays as it is.
func (s *Store) MarkSent(ctx context.Context, id string) error {
	return s.noted(ctx, "noting a notice as sent", sentNotice, id, micro(s.options.Now()))
}

// MarkFailed implements notice.Queue. A notice that ended already stays as it is.
func (s *Store) MarkFailed(ctx context.Context, id, reason string, next time.Time) error {
	if next.IsZero() {
		return s.noted(ctx, "giving up a notice", giveUpNotice, id, micro(s.options.Now()), cut(reason, maxNoticeReply))
	}
	return s.noted(ctx, "putting a notice off", failNotice, id, micro(next), cut(reason, maxNoticeReply))
}

// noted changes one notice, and drops what is known of those long ended.
func (s *Store) noted(ctx context.Context, what, statement string, args ...any) error {
	return s.write(ctx, what, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, statement, args...); err != nil {
			return err
		}
		now := s.options.Now()
		_, notices := tx.ExecContext(ctx, dropNotices, micro(now.Add(-keepNotices)))
		_, told := tx.ExecContext(ctx, dropTold, micro(now.Add(-keepNotices)))
		return errors.Join(notices, told)
	})
}
