package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"congthu/filter"
)

// Role is what somebody may do in the console.
type Role string

// The roles.
const (
	Administrator Role = "administrator" // of the gate: people, policy, system; opens no held mail
	Reviewer      Role = "officer"       // decides on held mail and exceptions
	Auditor       Role = "auditor"       // reads all, changes nothing
	Sender        Role = "sender"        // sees what is held of that person's own mail, and confirms
)

// Valid tells whether it is one of the roles.
func (r Role) Valid() bool { return r.Staff() || r == Sender }

// Staff tells the roles of those who look after the mail of others.
func (r Role) Staff() bool { return r == Administrator || r == Reviewer || r == Auditor }

// User is somebody who signs in to the console.
type User struct {
	Name        string // lower case: an address or a short name
	Display     string // the person's name
	Role        Role
	Officer     string // address of the officer that this person is; "" for none
	Address     string // mailbox of this person, as an administrator says; "" for none, which a Sender cannot have
	Password    string // argon2id, encoded
	MustChange  bool   // the password was given by somebody else
	TOTP        string // key of the second factor, base32; "" for none
	TOTPUsed    int64  // the last time step that was used
	Failed      int    // attempts since the last right one
	LockedUntil time.Time
	Added       time.Time
}

// userName is a name as it compares.
func userName(s string) string { return strings.ToLower(strings.TrimSpace(s)) }

func (u User) checked() (User, error) {
	u.Name, u.Display, u.Officer, u.Address = userName(u.Name), strings.TrimSpace(u.Display), mailbox(u.Officer), mailbox(u.Address)
	if len(u.Name) < 2 || len(u.Name) > 100 || strings.Trim(u.Name, "abcdefghijklmnopqrstuvwxyz0123456789.-_@+") != "" {
		return u, fmt.Errorf("%w: a name has 2 to 100 letters a to z, digits, or . - _ @ +", ErrInvalid)
	}
	if err := checkPlace(u.Role, u.Address); err != nil {
		return u, err
	}
	return u, printable(maxName, u.Display, u.Officer, u.Address)
}

// CheckUser tells whether somebody can be as u says; an ErrInvalid when not.
func CheckUser(u User) error {
	_, err := u.checked()
	return err
}

// checkPlace tells whether somebody can have a role with that mailbox, or with none.
func checkPlace(role Role, address string) error {
	switch at := strings.LastIndexByte(address, '@'); {
	case !role.Valid():
		return fmt.Errorf("%w: a role is administrator, officer, auditor or sender", ErrInvalid)
	case address == "" && role == Sender:
		return fmt.Errorf("%w: the role sender needs the person's mail address", ErrInvalid)
	case address != "" && (at < 1 || at == len(address)-1):
		return fmt.Errorf("%w: a mail address is local-part@domain", ErrInvalid)
	}
	return nil
}

// AddUser adds somebody; ErrExists when there is somebody of that name.
func (s *Store) AddUser(ctx context.Context, u User) (User, error) {
	u, err := u.checked()
	if err != nil {
		return u, fmt.Errorf("adding a user: %w", err)
	}
	u.Added = fromMicro(micro(s.options.Now()))
	return u, s.write(ctx, "adding user "+u.Name, func(tx *sql.Tx) error {
		done, err := tx.ExecContext(ctx, insertUser, u.Name, u.Display, string(u.Role), u.Officer, u.Password, u.MustChange, micro(u.Added), u.Address)
		return affected(done, err, ErrExists)
	})
}

// ChangeUser changes a person's display name, role, officer and address. The last administrator stays one: ErrLastAccess.
func (s *Store) ChangeUser(ctx context.Context, u User) error {
	u, err := u.checked()
	if err != nil {
		return fmt.Errorf("changing a user: %w", err)
	}
	return s.write(ctx, "changing user "+u.Name, func(tx *sql.Tx) error {
		if u.Role != Administrator {
			if err := otherAdministrator(ctx, tx, u.Name); err != nil {
				return err
			}
		}
		done, err := tx.ExecContext(ctx, updateUser, u.Name, u.Display, string(u.Role), u.Officer, u.Address)
		return affected(done, err, ErrNotFound)
	})
}

// RemoveUser removes somebody, with all sessions. The last administrator stays: ErrLastAccess.
func (s *Store) RemoveUser(ctx context.Context, name string) error {
	name = userName(name)
	return s.write(ctx, "removing user "+name, func(tx *sql.Tx) error {
		if err := otherAdministrator(ctx, tx, name); err != nil {
			return err
		}
		done, err := tx.ExecContext(ctx, removeUser, name, micro(s.options.Now()))
		if err := affected(done, err, ErrNotFound); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, deleteSessions, name, "")
		return err
	})
}

// otherAdministrator is ErrLastAccess when name is an administrator and the only one.
func otherAdministrator(ctx context.Context, tx *sql.Tx, name string) error {
	var others int
	if err := tx.QueryRowContext(ctx, countAdmins, name).Scan(&others); err != nil {
		return err
	}
	if others > 0 {
		return nil
	}
	u, err := scanUser(tx.QueryRowContext(ctx, selectUser, name))
	if errors.Is(err, sql.ErrNoRows) {
		return ErrNotFound
	}
	if err == nil && u.Role == Administrator {
		return fmt.Errorf("%w: %s is the only administrator", ErrLastAccess, name)
	}
	return err
}

// affected is none when a statement changed no row.
func affected(done sql.Result, err, none error) error {
	if err != nil {
		return err
	}
	n, err := done.RowsAffected()
	if err == nil && n == 0 {
		return none
	}
	return err
}

// User is the person of that name; ErrNotFound when there is none.
func (s *Store) User(ctx context.Context, name string) (u User, err error) {
	err = s.read(ctx, "looking up a user", func(q querier) error {
		u, err = scanUser(q.QueryRowContext(ctx, selectUser, userName(name)))
		if errors.Is(err, sql.ErrNoRows) {
			return ErrNotFound
		}
		return err
	})
	return u, err
}

// Users lists all people by name.
func (s *Store) Users(ctx context.Context) (all []User, err error) {
	err = s.read(ctx, "listing users", func(q querier) error {
		all = nil
		rows, err := q.QueryContext(ctx, selectUsers)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			u, err := scanUser(rows)
			if err != nil {
				return err
			}
			all = append(all, u)
		}
		return rows.Err()
	})
	return all, err
}

func scanUser(row interface{ Scan(...any) error }) (u User, err error) {
	var role string
	var locked, added int64
	err = row.Scan(&u.Name, &u.Display, &role, &u.Officer, &u.Password, &u.MustChange, &u.TOTP, &u.TOTPUsed, &u.Failed, &locked, &added, &u.Address)
	u.Role, u.LockedUntil, u.Added = Role(role), fromMicro(locked), fromMicro(added)
	return u, err
}

// SetPassword puts another password hash in place, lifts a lock and ends all sessions of the person but keep.
func (s *Store) SetPassword(ctx context.Context, name, hash string, mustChange bool, keep string) error {
	name = userName(name)
	return s.write(ctx, "changing a password", func(tx *sql.Tx) error {
		done, err := tx.ExecContext(ctx, updatePassword, name, hash, mustChange)
		if err := affected(done, err, ErrNotFound); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, deleteSessions, name, sessionID(keep))
		return err
	})
}

// SetTOTP puts a key of the second factor in place; "" takes it away.
func (s *Store) SetTOTP(ctx context.Context, name, key string) error {
	return s.write(ctx, "changing a second factor", func(tx *sql.Tx) error {
		done, err := tx.ExecContext(ctx, updateTOTP, userName(name), key)
		return affected(done, err, ErrNotFound)
	})
}

// UseTOTP uses a time step up: false when it, or a later one, was used before.
func (s *Store) UseTOTP(ctx context.Context, name string, step int64) (ok bool, err error) {
	err = s.write(ctx, "using a second factor", func(tx *sql.Tx) error {
		done, err := tx.ExecContext(ctx, useTOTP, userName(name), step)
		if err != nil {
			return err
		}
		n, err := done.RowsAffected()
		ok = n > 0
		return err
	})
	return ok, err
}

// SignInFailed counts a wrong attempt. After each limit of them in a row the person is locked out for a time.
func (s *Store) SignInFailed(ctx context.Context, name string, limit int, lock time.Duration) (locked bool, err error) {
	name = userName(name)
	err = s.write(ctx, "counting an attempt to sign in", func(tx *sql.Tx) error {
		var failed int
		err := tx.QueryRowContext(ctx, failUser, name).Scan(&failed)
		if errors.Is(err, sql.ErrNoRows) {
			return nil // nobody of that name: whoever asks is not told
		}
		if err != nil {
			return err
		}
		locked = failed%limit == 0
		if !locked {
			return nil
		}
		_, err = tx.ExecContext(ctx, lockUser, name, micro(s.options.Now().Add(lock)))
		return err
	})
	return locked, err
}

// SignInRight forgets wrong attempts.
func (s *Store) SignInRight(ctx context.Context, name string) error {
	return s.write(ctx, "forgetting attempts to sign in", func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, clearUser, userName(name))
		return err
	})
}

// Invitation is what an account is to be that somebody makes with a code.
type Invitation struct {
	Role    Role
	Address string // mailbox of whoever gets the code; "" for none, which a Sender cannot have
}

// CheckInvitation tells whether an account can be as i says; an ErrInvalid when not.
func CheckInvitation(i Invitation) error {
	address := mailbox(i.Address)
	return errors.Join(checkPlace(i.Role, address), printable(maxName, address))
}

// AddInvite keeps a code with which somebody may make such an account, once.
func (s *Store) AddInvite(ctx context.Context, code string, i Invitation, until time.Time) error {
	if err := CheckInvitation(i); err != nil {
		return fmt.Errorf("keeping an invitation: %w", err)
	}
	i.Address = mailbox(i.Address)
	return s.write(ctx, "keeping an invitation", func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, insertInvite, hashed(code), string(i.Role), micro(until), i.Address)
		return err
	})
}

// Invited is what a code is for; ErrNotFound when it is none, or over.
func (s *Store) Invited(ctx context.Context, code string) (i Invitation, err error) {
	err = s.read(ctx, "looking up an invitation", func(q querier) error {
		i, err = invited(ctx, q, code, s.options.Now())
		return err
	})
	return i, err
}

func invited(ctx context.Context, q querier, code string, now time.Time) (i Invitation, err error) {
	var role string
	err = q.QueryRowContext(ctx, selectInvite, hashed(code), micro(now)).Scan(&role, &i.Address)
	i.Role = Role(role)
	if errors.Is(err, sql.ErrNoRows) {
		return i, ErrNotFound
	}
	return i, err
}

// AcceptInvite adds the person whom a code was for and uses it up, both or neither. Role and address are the code's.
func (s *Store) AcceptInvite(ctx context.Context, code string, u User) (User, error) {
	i, err := s.Invited(ctx, code)
	if err != nil {
		return u, err
	}
	u.Role, u.Address = i.Role, i.Address
	if u, err = u.checked(); err != nil {
		return u, fmt.Errorf("adding a user: %w", err)
	}
	now := s.options.Now()
	u.Added = fromMicro(micro(now))
	return u, s.write(ctx, "accepting an invitation", func(tx *sql.Tx) error {
		if _, err := invited(ctx, tx, code, now); err != nil {
			return err
		}
		done, err := tx.ExecContext(ctx, insertUser, u.Name, u.Display, string(u.Role), u.Officer, u.Password, u.MustChange, micro(u.Added), u.Address)
		if err := affected(done, err, ErrExists); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, deleteInvite, hashed(code), micro(now))
		return err
	})
}

func hashed(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// sessionID is what stands in the database for a session's secret; "" for none.
func sessionID(secret string) string {
	if secret == "" {
		return ""
	}
	return hashed(secret)
}

// newConsoleID is the id of a token.
func (s *Store) newConsoleID() string { return filter.NewID(s.options.Now()) }
