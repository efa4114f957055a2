package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Session is somebody who is signed in to the console.
type Session struct {
	User       string
	Display    string
	Role       Role
	Officer    string // address of the officer that this person is; "" for none
	Address    string // mailbox of this person, as an administrator or the provider says; "" for none
	MustChange bool   // nothing else is to be done before another password
	CSRF       string // goes with every form
	Created    time.Time
	Seen       time.Time
	Expires    time.Time
}

// seenEvery is how often it is written that a session is in use.
const seenEvery = time.Minute

// StartSession keeps a session under a secret, of which only the hash is kept. A role in ss is that of an OpenID
// provider's person, who has no account here; without one the account says it each time.
func (s *Store) StartSession(ctx context.Context, secret string, ss Session) error {
	now := s.options.Now()
	return s.write(ctx, "beginning a session", func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, deleteOldSessions, micro(now)); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, insertSession, hashed(secret), ss.User, ss.Display, string(ss.Role), ss.Officer, ss.CSRF, micro(now), micro(ss.Expires), mailbox(ss.Address))
		return err
	})
}

// Session is the one of a secret, which is in use now: ErrNotFound when there is none, it is over, its person was
// removed, or it was idle for too long.
func (s *Store) Session(ctx context.Context, secret string, idle time.Duration) (ss Session, err error) {
	now := s.options.Now()
	ss, err = s.PeekSession(ctx, secret, idle)
	if err != nil || now.Sub(ss.Seen) < seenEvery {
		return ss, err
	}
	return ss, s.write(ctx, "keeping a session", func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, seeSession, hashed(secret), micro(now))
		return err
	})
}

// PeekSession is Session for what is no use of it: it goes idle all the same.
func (s *Store) PeekSession(ctx context.Context, secret string, idle time.Duration) (ss Session, err error) {
	now := s.options.Now()
	err = s.read(ctx, "looking up a session", func(q querier) error {
		var role string
		var created, seen, expires int64
		err := q.QueryRowContext(ctx, selectSession, hashed(secret), micro(now), micro(now.Add(-idle))).Scan(&ss.User, &ss.Display, &role,
			&ss.Officer, &ss.Address, &ss.MustChange, &ss.CSRF, &created, &seen, &expires)
		if errors.Is(err, sql.ErrNoRows) {
			return ErrNotFound
		}
		ss.Role, ss.Created, ss.Seen, ss.Expires = Role(role), fromMicro(created), fromMicro(seen), fromMicro(expires)
		return err
	})
	return ss, err
}

// EndSession ends the session of a secret.
func (s *Store) EndSession(ctx context.Context, secret string) error {
	return s.write(ctx, "ending a session", func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, deleteSession, hashed(secret))
		return err
	})
}

// Token lets a program use the JSON API.
type Token struct {
	ID      string
	Label   string // what it is for
	Role    Role   // what it may do
	AddedBy string
	Added   time.Time
	Expires time.Time
	Used    time.Time // last; the zero time for never
}

// AddToken keeps a token under its secret, of which only the hash is kept.
func (s *Store) AddToken(ctx context.Context, secret string, t Token) (Token, error) {
	now := s.options.Now()
	if t.Label == "" || t.AddedBy == "" || !t.Role.Staff() || !t.Expires.After(now) {
		return t, fmt.Errorf("adding a token: %w: label, role, and an end to come must be said", ErrInvalid)
	}
	if err := printable(maxName, t.Label, t.AddedBy); err != nil {
		return t, fmt.Errorf("adding a token: %w", err)
	}
	t.ID, t.Added, t.Expires = s.newConsoleID(), fromMicro(micro(now)), fromMicro(micro(t.Expires))
	return t, s.write(ctx, "adding a token", func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, insertToken, t.ID, hashed(secret), t.Label, string(t.Role), t.AddedBy, micro(t.Added), micro(t.Expires))
		return err
	})
}

// Token is the one of a secret; ErrNotFound when it is none, over or removed.
func (s *Store) Token(ctx context.Context, secret string) (t Token, err error) {
	now := s.options.Now()
	err = s.read(ctx, "looking up a token", func(q querier) error {
		t, err = scanToken(q.QueryRowContext(ctx, selectToken, hashed(secret), micro(now)))
		if errors.Is(err, sql.ErrNoRows) {
			return ErrNotFound
		}
		return err
	})
	if err != nil || now.Sub(t.Used) < seenEvery {
		return t, err
	}
	return t, s.write(ctx, "noting the use of a token", func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, useToken, t.ID, micro(now))
		return err
	})
}

// Tokens lists the tokens that were not removed, the newest first.
func (s *Store) Tokens(ctx context.Context) (all []Token, err error) {
	err = s.read(ctx, "listing tokens", func(q querier) error {
		all = nil
		rows, err := q.QueryContext(ctx, selectTokens)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			t, err := scanToken(rows)
			if err != nil {
				return err
			}
			all = append(all, t)
		}
		return rows.Err()
	})
	return all, err
}

// RemoveToken ends a token.
func (s *Store) RemoveToken(ctx context.Context, id string) error {
	return s.write(ctx, "removing a token", func(tx *sql.Tx) error {
		done, err := tx.ExecContext(ctx, removeToken, id, micro(s.options.Now()))
		return affected(done, err, ErrNotFound)
	})
}

func scanToken(row interface{ Scan(...any) error }) (t Token, err error) {
	var role string
	var added, expires, used int64
	err = row.Scan(&t.ID, &t.Label, &role, &t.AddedBy, &added, &expires, &used)
	t.Role, t.Added, t.Expires, t.Used = Role(role), fromMicro(added), fromMicro(expires), fromMicro(used)
	return t, err
}

// Judgement is what an officer said of a rule's finding.
type Judgement struct {
	Message string // the transaction's id
	Rule    string
	Right   bool
	Who     string
	At      time.Time
}

// JudgeFinding keeps what an officer said of a rule's finding on a message; a later word takes the earlier one's place.
func (s *Store) JudgeFinding(ctx context.Context, j Judgement) error {
	if err := printable(maxName, j.Message, j.Rule, j.Who); err != nil || j.Message == "" || j.Rule == "" || j.Who == "" {
		return errors.Join(fmt.Errorf("keeping a judgement: %w: message, rule and who must be said", ErrInvalid), err)
	}
	return s.write(ctx, "keeping a judgement", func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, insertJudgement, j.Message, j.Rule, j.Right, j.Who, micro(s.options.Now()))
		return err
	})
}

// Judgements are those about one message, by rule.
func (s *Store) Judgements(ctx context.Context, message string) (all []Judgement, err error) {
	err = s.read(ctx, "reading judgements", func(q querier) error {
		all = nil
		rows, err := q.QueryContext(ctx, selectJudgement, message)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			j := Judgement{Message: message}
			var at int64
			if err := rows.Scan(&j.Rule, &j.Right, &j.Who, &at); err != nil {
				return err
			}
			j.At = fromMicro(at)
			all = append(all, j)
		}
		return rows.Err()
	})
	return all, err
}

// Precision is how often a rule's findings were said to be right.
type Precision struct {
	Rule       string
	Right, All int64
}

// Precisions are those of all rules, of judgements since a time.
func (s *Store) Precisions(ctx context.Context, since time.Time) (all []Precision, err error) {
	err = s.read(ctx, "reading the precision of rules", func(q querier) error {
		all = nil
		rows, err := q.QueryContext(ctx, selectPrecision, micro(since))
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var p Precision
			if err := rows.Scan(&p.Rule, &p.Right, &p.All); err != nil {
				return err
			}
			all = append(all, p)
		}
		return rows.Err()
	})
	return all, err
}
