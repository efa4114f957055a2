package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Confirmation is a sender's word that a held message is not classified. It releases nothing: an officer decides.
type Confirmation struct {
	Who    string    // as the evidence names the person
	Reason string    // in the sender's own words
	At     time.Time // the zero time when nothing was confirmed
}

// ErrConfirmed says that the sender has confirmed it before: the first word stands.
var ErrConfirmed = errors.New("the sender has confirmed it already")

// SentBy tells whether a held message is one that the owner of an address sent from inside: only then does that
// person's word count. What came from outside bears whatever sender was written on it.
func (h Held) SentBy(address string) bool {
	return address != "" && h.ReversePath != "" && (h.Direction == "outbound" || h.Direction == "internal") && mailbox(h.ReversePath) == mailbox(address)
}

// CanConfirm is why a message's sender cannot confirm any more that it is not classified: ErrConfirmed, ErrReleasing,
// ErrDecided, or nil. A message whose time is over still waits for an officer, and the sender's word still helps.
func (h Held) CanConfirm() error {
	switch {
	case !h.State.Undecided():
		return ErrDecided
	case !h.Confirmation.At.IsZero():
		return ErrConfirmed
	case h.State == StateReleasing:
		return ErrReleasing
	}
	return nil
}

// CheckConfirmation tells whether a confirmation can be kept: ErrInvalid when a word of it is missing, too long (the
// reason has at most 1000 octets) or not of one line.
func CheckConfirmation(c Confirmation) error {
	if c.Who == "" || strings.TrimSpace(c.Reason) == "" {
		return fmt.Errorf("confirming: %w: who and why must be said", ErrInvalid)
	}
	if err := errors.Join(printable(maxName, c.Who), printable(maxReason, c.Reason)); err != nil {
		return fmt.Errorf("confirming: %w", err)
	}
	return nil
}

// Confirm keeps what the sender of an undecided message confirms, with the time of now. The errors are those of
// CheckConfirmation and CanConfirm, and ErrNotFound. The caller made sure that it is the sender, and recorded it before.
func (s *Store) Confirm(ctx context.Context, id string, c Confirmation) error {
	if err := CheckConfirmation(c); err != nil {
		return err
	}
	return s.write(ctx, "confirming "+id, func(tx *sql.Tx) error {
		done, err := tx.ExecContext(ctx, confirmHold, id, micro(s.options.Now()), c.Who, c.Reason)
		if err != nil {
			return err
		}
		if n, err := done.RowsAffected(); err != nil || n > 0 {
			return err
		}
		all, err := heldRows(ctx, tx, selectHeld+" WHERE h.id = $1", id)
		if err == nil && len(all) == 0 {
			err = ErrNotFound
		}
		if err == nil {
			err = all[0].CanConfirm()
		}
		return err
	})
}
