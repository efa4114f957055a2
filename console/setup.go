package console

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"congthu/filter/evidence"
	"congthu/store"
)

// InviteLife is how long a code for an account holds.
const InviteLife = 24 * time.Hour

// FirstCode is a code for the first administrator's account, kept in the store; "" when somebody has an account
// already.
func FirstCode(ctx context.Context, s *store.Store, now time.Time) (string, error) {
	all, err := s.Users(ctx)
	if err != nil || len(all) > 0 {
		return "", err
	}
	return Invite(ctx, s, store.Invitation{Role: store.Administrator}, now)
}

// Invite is a code with which somebody makes an account, once.
func Invite(ctx context.Context, s *store.Store, i store.Invitation, now time.Time) (string, error) {
	code := rand.Text()
	if err := s.AddInvite(ctx, code, i, now.Add(InviteLife)); err != nil {
		return "", fmt.Errorf("inviting to the console: %w", err)
	}
	return code, nil
}

type setupData struct {
	Code, Name, Display string
}

// setupPage asks for a code and for what an account needs. The code stands in the link behind "#": browsers do not send
// that part, so it is in no log of theirs or ours, and a script of ours puts it into the form.
func (c *Console) setupPage(w http.ResponseWriter, r *request) error {
	if r.store == nil {
		return errNoStore
	}
	return c.render(w, http.StatusOK, &page{request: r, Name: "setup", Title: "setup.title", Data: setupData{}})
}

// setUp makes an account for whoever has a code.
func (c *Console) setUp(w http.ResponseWriter, r *request) error {
	if r.store == nil {
		return errNoStore
	}
	d := setupData{strings.ToUpper(r.form("code")), strings.ToLower(r.form("name")), r.form("display")}
	again := func(key string) error {
		return c.render(w, http.StatusBadRequest, &page{request: r, Name: "setup", Title: "setup.title", Problem: key, Data: d})
	}
	if !c.tries.allowed(r.client(), r.now) {
		return again("signin.too-many")
	}
	i, err := r.store.Invited(r.Context(), d.Code)
	if errors.Is(err, store.ErrNotFound) {
		return again("setup.code-wrong")
	}
	if err != nil {
		return err
	}
	password := r.FormValue("password")
	if key := passwordProblem(d.Name, password); key != "" {
		return again(key)
	}
	if password != r.FormValue("again") {
		return again("password.differ")
	}
	r.session.User = d.Name
	if err := c.record(r, evidence.People, d.Name, "", map[string]string{"did": "made an account by invitation", "role": string(i.Role), "address": i.Address}); err != nil {
		return err
	}
	u, err := r.store.AcceptInvite(r.Context(), d.Code, store.User{Name: d.Name, Display: d.Display, Password: hashPassword(password, c.options.PasswordMemory)})
	switch {
	case errors.Is(err, store.ErrExists):
		return again("setup.name-taken")
	case errors.Is(err, store.ErrInvalid):
		return again("setup.name-wrong")
	case err != nil:
		return err
	}
	return c.welcome(w, r, store.Session{User: u.Name}, "/account")
}
