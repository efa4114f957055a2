package store

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"filippo.io/age"
)

// Work factors of scrypt, as powers of two: 18 is age's own, about a second; more than 20 is not tried, so
// that a forged file cannot make the gate work for minutes.
const (
	wrapWork    = 18
	maxWrapWork = 20
)

// MinPassphrase is the shortest passphrase that an identity is wrapped under, in octets.
const MinPassphrase = 12

// ErrPassphrase says that a passphrase is too short or not the right one.
var ErrPassphrase = errors.New("not the passphrase, or one that is too short")

// ParseRecipient reads an officer's public key: "age1…", one, of age's own kinds.
func ParseRecipient(s string) (age.Recipient, error) {
	s = strings.TrimSpace(s)
	if !strings.HasPrefix(s, "age1") || strings.ContainsAny(s, "\r\n") {
		return nil, fmt.Errorf("%w: a recipient is age1…", ErrInvalid)
	}
	all, err := age.ParseRecipients(strings.NewReader(s))
	if err != nil {
		// age's error shows what it was given: a private key put here by mistake must not be in a log.
		return nil, fmt.Errorf("%w: the recipient cannot be read", ErrInvalid)
	}
	return all[0], nil
}

// ParseIdentity reads an officer's private key out of an age identity file: exactly one.
func ParseIdentity(file []byte) (age.Identity, error) {
	all, err := age.ParseIdentities(bytes.NewReader(file))
	if err != nil || len(all) != 1 { // age's error may show a line of the file
		return nil, fmt.Errorf("%w: an identity file has one line AGE-SECRET-KEY-1…", ErrInvalid)
	}
	return all[0], nil
}

// WrapIdentity puts an identity ("AGE-SECRET-KEY-1…") under a passphrase, so that it may be stored.
func WrapIdentity(passphrase, identity string) ([]byte, error) {
	if len(passphrase) < MinPassphrase {
		return nil, fmt.Errorf("%w: %d octets are needed", ErrPassphrase, MinPassphrase)
	}
	if _, err := ParseIdentity([]byte(identity)); err != nil {
		return nil, err
	}
	return wrap(passphrase, identity, wrapWork)
}

func wrap(passphrase, identity string, work int) ([]byte, error) {
	to, err := age.NewScryptRecipient(passphrase)
	if err != nil {
		return nil, fmt.Errorf("wrapping an identity: %w", err)
	}
	to.SetWorkFactor(work)
	return sealText(to, []byte(identity))
}

// UnwrapIdentity is the identity under a passphrase; ErrPassphrase when it is another.
func UnwrapIdentity(passphrase string, wrapped []byte) (age.Identity, error) {
	if passphrase == "" {
		return nil, ErrPassphrase
	}
	with, err := age.NewScryptIdentity(passphrase)
	if err != nil {
		return nil, fmt.Errorf("unwrapping an identity: %w", err)
	}
	with.SetMaxWorkFactor(maxWrapWork)
	text, err := unsealText(wrapped, with)
	if errors.Is(err, ErrNoAccess) {
		return nil, ErrPassphrase
	}
	if err != nil {
		return nil, fmt.Errorf("unwrapping an identity: %w", err)
	}
	return ParseIdentity(text)
}
