package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"filippo.io/age"

	"congthu/filter"
)

// Limits of what officers type, in octets.
const (
	maxName   = 200  // a name, a unit, who did something
	maxReason = 1000 // why
)

// Officer is somebody who may open and decide on held messages.
type Officer struct {
	ID        string
	Address   string // mailbox, as it compares: who an officer is in every other call
	Name      string
	Unit      string
	Recipient string // public key, "age1…"
	Wrapped   bool   // the gate keeps the identity, under a passphrase
	Added     time.Time
}

// checked is an officer as it is kept, when all that does not need the database is as it must be.
func (o Officer) checked() (Officer, error) {
	plain := filter.PlainPath(o.Address)
	o.Address = mailbox(o.Address)
	o.Recipient = strings.TrimSpace(o.Recipient)
	if _, err := ParseRecipient(o.Recipient); err != nil {
		return o, err
	}
	local, domain, _ := strings.Cut(o.Address, "@")
	if local == "" || domain == "" || !plain {
		return o, fmt.Errorf("%w: %q is no mailbox", ErrInvalid, o.Address)
	}
	return o, printable(maxName, o.Name, o.Unit, o.Address)
}

// CheckOfficer says what AddOfficer would say of an officer and changes nothing, so that what is put on record before
// was looked at. It returns the officer as it would be kept.
func (s *Store) CheckOfficer(ctx context.Context, o Officer) (Officer, error) {
	o, err := o.checked()
	if err != nil {
		return o, fmt.Errorf("adding an officer: %w", err)
	}
	all, err := s.ListOfficers(ctx)
	if err != nil {
		return o, err
	}
	for _, other := range all {
		if other.Address == o.Address || other.Recipient == o.Recipient {
			return o, fmt.Errorf("adding an officer: %w with this address or key", ErrExists)
		}
	}
	return o, nil
}

// AddOfficer adds an officer. wrapped is the identity from WrapIdentity, nil when it is kept elsewhere. What
// is held already stays closed to the officer until somebody grants it (Grant). ErrExists says that the
// address or the key is another officer's: one person is one officer, or a release by two could be by one.
func (s *Store) AddOfficer(ctx context.Context, o Officer, wrapped []byte) (Officer, error) {
	o, err := o.checked()
	if err != nil {
		return o, fmt.Errorf("adding an officer: %w", err)
	}
	if len(wrapped) > maxSealed {
		return o, fmt.Errorf("adding an officer: %w: the wrapped identity is over %d octets", ErrInvalid, maxSealed)
	}
	if wrapped == nil {
		wrapped = []byte{}
	}
	now := s.options.Now()
	o.ID, o.Added, o.Wrapped = filter.NewID(now), fromMicro(micro(now)), len(wrapped) > 0
	err = s.write(ctx, "adding an officer", func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, insertOfficer, o.ID, o.Address, o.Name, o.Unit, o.Recipient, wrapped, micro(o.Added))
		if unique(err) {
			return fmt.Errorf("%w with this address or key", ErrExists)
		}
		return err
	})
	return o, err
}

// ListOfficers lists the officers by address.
func (s *Store) ListOfficers(ctx context.Context) (all []Officer, err error) {
	err = s.read(ctx, "listing officers", func(q querier) error {
		all, err = officers(ctx, q)
		return err
	})
	return all, err
}

func officers(ctx context.Context, q querier) ([]Officer, error) {
	rows, err := q.QueryContext(ctx, selectOfficers)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []Officer
	for rows.Next() {
		o, err := scanOfficer(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, o)
	}
	return all, rows.Err()
}

// scanner is a row, of one or of many.
type scanner interface{ Scan(into ...any) error }

func scanOfficer(row scanner) (o Officer, err error) {
	var added, removed int64
	err = row.Scan(&o.ID, &o.Address, &o.Name, &o.Unit, &o.Recipient, &added, &removed, &o.Wrapped)
	o.Added = fromMicro(added)
	return o, err
}

// officer is the one with this address; ErrNotOfficer when there is none.
func officer(ctx context.Context, q querier, address string) (Officer, error) {
	o, err := scanOfficer(q.QueryRowContext(ctx, selectOfficer, mailbox(address)))
	if errors.Is(err, sql.ErrNoRows) {
		return o, fmt.Errorf("%w: %q", ErrNotOfficer, address)
	}
	return o, err
}

// Officer is the one with this address; ErrNotOfficer when there is none.
func (s *Store) Officer(ctx context.Context, address string) (o Officer, err error) {
	err = s.read(ctx, "looking for an officer", func(q querier) error {
		o, err = officer(ctx, q, address)
		return err
	})
	return o, err
}

// WrappedIdentity is the identity of an officer as WrapIdentity made it; ErrNotFound when the gate has none.
func (s *Store) WrappedIdentity(ctx context.Context, address string) (wrapped []byte, err error) {
	err = s.read(ctx, "reading an officer's identity", func(q querier) error {
		err := q.QueryRowContext(ctx, selectWrapped, mailbox(address)).Scan(&wrapped)
		if errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("%w: %q", ErrNotOfficer, address)
		}
		if err == nil && len(wrapped) == 0 {
			return ErrNotFound
		}
		return err
	})
	return wrapped, err
}

// RemoveOfficer removes an officer with the identity and the access to what is held. When undecided messages
// would be left that nobody can open, it does nothing and returns ErrLastAccess, unless orphan says that this
// is meant: the key is lost anyway. Such messages can be deleted, no longer read or released.
func (s *Store) RemoveOfficer(ctx context.Context, address string, orphan bool) error {
	return s.write(ctx, "removing an officer", func(tx *sql.Tx) error {
		o, err := officer(ctx, tx, address)
		if err != nil {
			return err
		}
		var orphans int
		if err := tx.QueryRowContext(ctx, countOrphans, o.ID).Scan(&orphans); err != nil {
			return err
		}
		if orphans > 0 && !orphan {
			return fmt.Errorf("%w: %d", ErrLastAccess, orphans)
		}
		if _, err := tx.ExecContext(ctx, dropAccess, o.ID); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, removeOfficer, o.ID, micro(s.options.Now()), []byte{})
		return err
	})
}

// Granted is what Grant did.
type Granted struct {
	Given   int      // messages that the officer can open now
	Without []string // ids of those that the giving identity does not open itself
}

// Grant gives the officer "to" access to held messages, all undecided ones when none is named, by an identity
// that opens them. The content stays as it is: only each message's key is encrypted once more.
func (s *Store) Grant(ctx context.Context, by age.Identity, to string, holds ...string) (g Granted, err error) {
	if len(holds) == 0 {
		err := s.read(ctx, "listing what is held", func(q querier) error {
			holds, err = texts(ctx, q, selectUndecided)
			return err
		})
		if err != nil {
			return g, err
		}
	}
	for _, id := range holds { // each in a transaction of its own, so that mail is not kept waiting
		err := s.write(ctx, "granting access to "+id, func(tx *sql.Tx) error { return grant(ctx, tx, by, to, id) })
		switch {
		case errors.Is(err, ErrNoAccess):
			g.Without = append(g.Without, id)
		case errors.Is(err, ErrDecided): // meanwhile
		case err != nil:
			return g, err
		default:
			g.Given++
		}
	}
	return g, nil
}

func grant(ctx context.Context, tx *sql.Tx, by age.Identity, to, id string) error {
	o, err := officer(ctx, tx, to)
	if err != nil {
		return err
	}
	if _, err := undecidedState(ctx, tx, id); err != nil {
		return err
	}
	key, err := holdKey(ctx, tx, id, by)
	if err != nil {
		return err
	}
	recipient, err := ParseRecipient(o.Recipient)
	if err != nil {
		return err
	}
	sealed, err := sealText(recipient, []byte(key.String()))
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, insertAccess, id, o.ID, sealed)
	return err
}

// holdKey is the key of a held message, out of whichever officer's copy the identity opens.
func holdKey(ctx context.Context, q querier, id string, by age.Identity) (*age.X25519Identity, error) {
	rows, err := q.QueryContext(ctx, selectKeys, id)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var sealed []byte
		if err := rows.Scan(&sealed); err != nil {
			return nil, err
		}
		text, err := unsealText(sealed, by)
		if errors.Is(err, ErrNoAccess) {
			continue
		}
		if err != nil {
			return nil, err
		}
		key, err := age.ParseX25519Identity(string(text))
		if err != nil { // age's error may show the key
			return nil, fmt.Errorf("%w: the key of %s cannot be read", ErrDamaged, id)
		}
		return key, nil
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	return nil, ErrNoAccess
}

// texts is a column of texts.
func texts(ctx context.Context, q querier, query string, args ...any) ([]string, error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []string
	for rows.Next() {
		var t string
		if err := rows.Scan(&t); err != nil {
			return nil, err
		}
		all = append(all, t)
	}
	return all, rows.Err()
}

// mailbox is an address as it compares. RFC 5321 section 2.4 leaves the local part's case to its server;
// those of a ministry do not tell addresses apart by it.
func mailbox(s string) string {
	p := filter.ParsePath(s, "")
	p.Local, p.Domain = strings.ToLower(p.Local), filter.NormalDomain(p.Domain)
	return p.String()
}

// printable tells texts that fit on one line each.
func printable(limit int, all ...string) error {
	for _, s := range all {
		if len(s) > limit {
			return fmt.Errorf("%w: a text over %d octets", ErrInvalid, limit)
		}
		if !utf8.ValidString(s) || strings.IndexFunc(s, unicode.IsControl) >= 0 {
			return fmt.Errorf("%w: a control character, or not UTF-8", ErrInvalid)
		}
	}
	return nil
}
