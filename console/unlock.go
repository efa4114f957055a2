package console

import (
	"errors"
	"fmt"
	"io"
	"net/http"

	"filippo.io/age"

	"congthu/filter/evidence"
	"congthu/store"
	"congthu/store/review"
)

// maxIdentityFile is the longest identity file, in octets.
const maxIdentityFile = 64 << 10

// unlock opens an officer's identity for this session, in memory alone: with its passphrase when the gate keeps it, or
// out of the file that the officer keeps.
func (c *Console) unlock(w http.ResponseWriter, r *request) error {
	err := c.unlockOnce(w, r)
	var wrong errForm
	if errors.As(err, &wrong) {
		return c.heldList(w, r, nil, wrong.key)
	}
	return err
}

func (c *Console) unlockOnce(w http.ResponseWriter, r *request) error {
	next := ownPath(r.form("next"))
	if next == "/" {
		next = "/held"
	}
	switch {
	case r.session.Officer == "" || r.secret == "":
		return errForm{"held.no-officer"}
	case !c.tries.allowed(r.client(), r.now):
		return errForm{"signin.too-many"}
	}
	identity, err := c.identity(r)
	if errors.Is(err, store.ErrPassphrase) {
		if err := c.record(r, evidence.SignIn, r.session.Officer, "", map[string]string{"way": "unlock", "result": "wrong passphrase"}); err != nil {
			return err
		}
		return errForm{"held.passphrase-wrong"}
	}
	if err != nil {
		return err
	}
	o, err := c.desk(r).SignIn(r.Context(), identity)
	if errors.Is(err, review.ErrNotOfficer) || err == nil && o.Address != r.session.Officer {
		return errForm{"held.another-officer"}
	}
	if err != nil {
		return err
	}
	if err := c.record(r, evidence.SignIn, o.Address, "", map[string]string{"way": "unlock"}); err != nil {
		return err
	}
	c.unlocks.put(r.secret, identity, r.now)
	return c.done(w, r, next, "done.unlocked")
}

// identity is the officer's, out of what the form has.
func (c *Console) identity(r *request) (age.Identity, error) {
	if err := r.ParseMultipartForm(formMemory); err != nil && !errors.Is(err, http.ErrNotMultipart) {
		return nil, errForm{"error.invalid"}
	}
	if file, _, err := r.FormFile("identity"); err == nil {
		defer file.Close()
		b, err := io.ReadAll(io.LimitReader(file, maxIdentityFile))
		if err != nil {
			return nil, fmt.Errorf("reading the identity file: %w", err)
		}
		if len(b) > 0 {
			identity, err := store.ParseIdentity(b)
			if err != nil {
				return nil, errForm{"held.identity-wrong"}
			}
			return identity, nil
		}
	}
	wrapped, err := r.store.WrappedIdentity(r.Context(), r.session.Officer)
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrNotOfficer) {
		return nil, errForm{"held.no-identity"}
	}
	if err != nil {
		return nil, err
	}
	return c.tries.unwrap(r.FormValue("passphrase"), wrapped)
}

// unwrap opens a wrapped identity, few at once: each takes much memory.
func (a *attempts) unwrap(passphrase string, wrapped []byte) (age.Identity, error) {
	done := a.slot()
	defer done()
	return store.UnwrapIdentity(passphrase, wrapped)
}

// lock forgets the identity of this session.
func (c *Console) lock(w http.ResponseWriter, r *request) error {
	c.unlocks.drop(r.secret)
	return c.done(w, r, "/held", "done.locked")
}

// officer is whoever unlocked this session, as a desk knows officers.
func (c *Console) officer(r *request) (review.Officer, error) {
	identity := c.unlocks.get(r.secret, r.now)
	if identity == nil || r.session.Officer == "" {
		return review.Officer{}, errForm{"held.locked"}
	}
	return review.Officer{Address: r.session.Officer, Identity: identity}, nil
}
