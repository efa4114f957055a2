package store

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Times of a release.
const (
	// ReleaseLease is how long nobody else may begin a release that was begun: what submits it gave up long
	// before.
	ReleaseLease = 10 * time.Minute
	// ReleasePasses is how long a released message is let through a gate, after the release was begun and after it was
	// done: time enough for the server that took it to hand it on at once. Most servers have no gate behind them, and
	// then the pass is for nobody; a message that comes later is judged like any other.
	ReleasePasses = 15 * time.Minute
)

// Release is a message that is to be submitted: what Open reads, with this envelope.
type Release struct {
	ID          string
	Attempt     int  // 1 for the first
	Unsure      bool // an earlier attempt, whose end nobody told, may have delivered the message
	ReversePath string
	Recipients  []string
	BodySHA256  string
	// Token goes with the message (filter.ReleaseField): a gate that it meets knows it by it (TakeRelease). It is the
	// hold's id, a dot, and a secret of this attempt, of which only the hash is kept.
	Token string
}

// Approve notes that an officer approves the release of a message. ready tells whether that is enough: one
// officer, or two different ones for a message that needs it. Once more by the same officer changes nothing.
func (s *Store) Approve(ctx context.Context, id, who string) (ready bool, err error) {
	err = s.write(ctx, "approving the release of "+id, func(tx *sql.Tx) error {
		if _, err := undecidedState(ctx, tx, id); err != nil {
			return err
		}
		o, err := officer(ctx, tx, who)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, insertApproval, id, o.ID, micro(s.options.Now())); err != nil {
			return err
		}
		ready, err = approved(ctx, tx, id)
		return err
	})
	return ready, err
}

// approved tells whether enough officers, of those there are now, approved.
func approved(ctx context.Context, q querier, id string) (bool, error) {
	var two bool
	var n int
	if err := q.QueryRowContext(ctx, selectApproved, id).Scan(&two, &n); err != nil {
		return false, err
	}
	return n >= 2 || n == 1 && !two, nil
}

// ReleaseStart prepares the release of an approved message, durable before anything is submitted. The caller
// submits the content and calls ReleaseDone after the 250, or ReleaseFailed. A message that is released
// already is ErrDecided: a replayed release does nothing. After ReleaseLease an attempt whose end nobody told
// may be begun anew, by somebody who knows that the message may come twice (again): ErrUnsure otherwise.
func (s *Store) ReleaseStart(ctx context.Context, id, who string, again bool) (r Release, err error) {
	now := s.options.Now()
	err = s.write(ctx, "releasing "+id, func(tx *sql.Tx) error {
		o, err := officer(ctx, tx, who)
		if err != nil {
			return err
		}
		var state State
		var started, open int64
		r = Release{ID: id}
		err = tx.QueryRowContext(ctx, selectRelease, id).Scan(&state, &r.ReversePath, &r.BodySHA256, &r.Attempt, &started, &open)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			return ErrNotFound
		case err != nil:
			return err
		case !state.Undecided():
			return ErrDecided
		case state == StateReleasing && now.Sub(fromMicro(started)).Abs() < ReleaseLease: // begun later than now: the clock went back
			return ErrReleasing
		case open > 0 && !again:
			return ErrUnsure
		}
		r.Unsure = open > 0
		if ready, err := approved(ctx, tx, id); err != nil || !ready {
			return errors.Join(err, ErrNotApproved)
		}
		if r.Recipients, err = texts(ctx, tx, selectRecipients, id); err != nil {
			return err
		}
		r.Attempt++
		secret := rand.Text()
		r.Token = id + "." + secret
		return prepare(ctx, tx, r, hashText(secret), o.Address, now)
	})
	return r, err
}

// prepare writes what is about to be submitted.
func prepare(ctx context.Context, tx *sql.Tx, r Release, token, who string, now time.Time) error {
	if _, err := tx.ExecContext(ctx, setReleasing, r.ID); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, insertRelease, r.ID, r.BodySHA256, mailbox(r.ReversePath), micro(now), who, r.Attempt, token); err != nil {
		return err
	}
	for _, to := range mailboxes(r.Recipients) {
		if _, err := tx.ExecContext(ctx, prepareRecipient, r.ID, to); err != nil {
			return err
		}
	}
	return nil
}

// ReleaseDone notes that the message of a release was taken by the next server, whose reply this is, and why who
// released it (CheckReason). The content is gone then. Once more it changes nothing.
func (s *Store) ReleaseDone(ctx context.Context, r Release, who, reason, reply string) error {
	err := s.write(ctx, "noting the release of "+r.ID, func(tx *sql.Tx) error {
		now := micro(s.options.Now())
		if err := end(ctx, tx, r.ID, StateReleased, now, who, cut(reason, maxReason)); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, finishRelease, r.ID, now, cut(reply, maxReason))
		return err
	})
	if errors.Is(err, ErrDecided) {
		var state State
		err = s.read(ctx, "noting the release of "+r.ID, func(q querier) error {
			return q.QueryRowContext(ctx, selectState, r.ID).Scan(&state)
		})
		if err == nil && state != StateReleased {
			err = fmt.Errorf("noting the release of %s: %w", r.ID, ErrDecided)
		}
	}
	return err
}

// ReleaseFailed gives up an attempt that is known to have delivered nothing. The message is undecided as
// before and keeps its approvals; it no longer passes a gate. An attempt that a later one took over changes
// nothing.
func (s *Store) ReleaseFailed(ctx context.Context, r Release) error {
	return s.write(ctx, "giving up the release of "+r.ID, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, closeAttempt, r.ID); err != nil {
			return err
		}
		done, err := tx.ExecContext(ctx, failRelease, r.ID, r.Attempt)
		if err != nil {
			return err
		}
		if n, err := done.RowsAffected(); err != nil || n == 0 {
			return err
		}
		_, err = tx.ExecContext(ctx, dropPasses, r.ID, micro(s.options.Now()))
		return err
	})
}

// CheckReason tells why somebody does something as it is kept: one line, not blank, of at most 1000 octets; ErrInvalid
// when it is anything else.
func CheckReason(reason string) error {
	if strings.TrimSpace(reason) == "" {
		return fmt.Errorf("%w: why must be said", ErrInvalid)
	}
	return printable(maxReason, reason)
}

// Delete deletes an undecided message. Its content and keys are gone; what is known of it stays, with who
// decided and why. The caller recorded it before.
func (s *Store) Delete(ctx context.Context, id, who, reason string) error {
	if who == "" {
		return fmt.Errorf("deleting %s: %w: who must be said", id, ErrInvalid)
	}
	if err := errors.Join(printable(maxName, who), CheckReason(reason)); err != nil {
		return fmt.Errorf("deleting %s: %w", id, err)
	}
	return s.write(ctx, "deleting "+id, func(tx *sql.Tx) error {
		state, err := undecidedState(ctx, tx, id)
		if err != nil {
			return err
		}
		if state == StateReleasing {
			return ErrReleasing
		}
		return end(ctx, tx, id, StateDeleted, micro(s.options.Now()), who, reason)
	})
}

// end decides on a message: what is left of it is what is known of it.
func end(ctx context.Context, tx *sql.Tx, id string, state State, now int64, who, reason string) error {
	done, err := tx.ExecContext(ctx, decide, id, string(state), now, who, reason, []byte{})
	if err != nil {
		return err
	}
	if n, err := done.RowsAffected(); err != nil {
		return err
	} else if n == 0 {
		_, err := undecidedState(ctx, tx, id)
		return err
	}
	for _, drop := range []string{dropChunks, dropKeys} {
		if _, err := tx.ExecContext(ctx, drop, id); err != nil {
			return err
		}
	}
	return nil
}

// TakeRelease tells whether a message that came to a gate is one that is being released, and lets it through:
// each recipient of a release once, so that a server may split the envelope. The message must have the token of the
// last attempt, the body and the reverse-path of the release. A recipient that is not the release's, or was taken,
// takes nothing. hold is the id of the released message. A token that is none costs no query.
func (s *Store) TakeRelease(ctx context.Context, token, bodySHA256, reversePath string, recipients []string) (hold string, ok bool, err error) {
	id, secret, found := strings.Cut(token, ".")
	to := mailboxes(recipients)
	if !found || id == "" || secret == "" || len(token) > maxToken || bodySHA256 == "" || len(to) == 0 {
		return "", false, nil
	}
	claim := passing{id: id, token: hashText(secret), body: bodySHA256, sender: mailbox(reversePath)}
	now := s.options.Now()
	// What only claims to be a release costs one query and no write.
	err = s.read(ctx, "looking for a release", func(q querier) error { return claim.check(ctx, q, now) })
	if err == nil {
		err = s.write(ctx, "letting a release through", func(tx *sql.Tx) error {
			if err := claim.check(ctx, tx, now); err != nil {
				return err
			}
			return take(ctx, tx, id, to, micro(now))
		})
	}
	if errors.Is(err, errNotTaken) {
		return "", false, nil
	}
	return id, err == nil, err
}

// maxToken is the longest token that is looked up, in octets.
const maxToken = 128

// passing is what a message claims that comes to a gate.
type passing struct{ id, token, body, sender string }

// check tells whether the claim is true at that time; errNotTaken when it is not.
func (p passing) check(ctx context.Context, q querier, now time.Time) error {
	var body, sender, token string
	err := q.QueryRowContext(ctx, selectPassing, p.id, micro(now.Add(-ReleasePasses))).Scan(&body, &sender, &token)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return errNotTaken
	case err != nil:
		return err
	case subtle.ConstantTimeCompare([]byte(token), []byte(p.token)) != 1 || body != p.body || sender != p.sender:
		return errNotTaken
	}
	return nil
}

// hashText is the SHA-256 of a text, hex.
func hashText(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

var errNotTaken = errors.New("not a recipient of the release, or taken already")

func take(ctx context.Context, tx *sql.Tx, id string, recipients []string, now int64) error {
	for _, to := range recipients {
		done, err := tx.ExecContext(ctx, takeRecipient, id, to, now)
		if err != nil {
			return err
		}
		if n, err := done.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, errNotTaken)
		}
	}
	return nil
}

// ReturnRelease gives back what TakeRelease took, because the next hop did not take the message: it may come
// once more.
func (s *Store) ReturnRelease(ctx context.Context, hold string, recipients []string) error {
	return s.write(ctx, "giving back the release of "+hold, func(tx *sql.Tx) error {
		for _, to := range mailboxes(recipients) {
			if _, err := tx.ExecContext(ctx, returnRecipient, hold, to); err != nil {
				return err
			}
		}
		return nil
	})
}

// cut is s in at most n octets of whole characters.
func cut(s string, n int) string { return strings.ToValidUTF8(s[:min(len(s), n)], "") }
