package console

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"congthu/filter/evidence"
	"congthu/store"
)

// signInPage asks who somebody is.
func (c *Console) signInPage(w http.ResponseWriter, r *request) error {
	if r.store == nil {
		return errNoStore
	}
	p := &page{request: r, Name: "signin", Title: "signin.title", Data: c.signInData(ownPath(r.form("next")), "")}
	switch r.form("why") {
	case "ended":
		p.Problem = "signin.ended"
	case "not-done":
		p.Problem = "signin.not-done"
	}
	return c.render(w, http.StatusOK, p)
}

type signInData struct {
	Next     string
	Name     string
	Provider bool // people of an OpenID provider may sign in
}

func (c *Console) signInData(next, name string) signInData {
	return signInData{next, name, c.oidc != nil}
}

// ownPath is an address of this console, "/" for any other: nobody is sent elsewhere after signing in.
func ownPath(s string) string {
	if !strings.HasPrefix(s, "/") || strings.HasPrefix(s, "//") || strings.ContainsAny(s, "\\\r\n") {
		return "/"
	}
	return s
}

// signIn checks a name, a password and a second factor. What is wrong is not said: not even whether the name is known.
func (c *Console) signIn(w http.ResponseWriter, r *request) error {
	if r.store == nil {
		return errNoStore
	}
	name, next := strings.ToLower(r.form("name")), ownPath(r.form("next"))
	again := func(key string) error {
		return c.render(w, http.StatusUnauthorized, &page{request: r, Name: "signin", Title: "signin.title", Problem: key, Data: c.signInData(next, name)})
	}
	if !c.tries.allowed(r.client(), r.now) {
		return again("signin.too-many")
	}
	u, err := r.store.User(r.Context(), name)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	locked := r.now.Before(u.LockedUntil)
	right := c.tries.check(u.Password, r.FormValue("password"), c.options.PasswordMemory) && !locked
	if right && u.TOTP != "" {
		step, ok := totpMatch(u.TOTP, r.form("code"), r.now)
		if ok {
			if ok, err = r.store.UseTOTP(r.Context(), name, step); err != nil {
				return err
			}
		}
		right = ok
	}
	if !right {
		if !locked {
			if locked, err = r.store.SignInFailed(r.Context(), name, triesOfName, lockTime); err != nil {
				return err
			}
			if locked {
				if err := c.record(r, evidence.SignIn, name, "", map[string]string{"result": "locked out"}); err != nil {
					return err
				}
			}
		}
		return again("signin.wrong")
	}
	if err := r.store.SignInRight(r.Context(), name); err != nil {
		return err
	}
	return c.welcome(w, r, store.Session{User: u.Name}, next)
}

// check compares a password, few at once: each takes 64 MiB.
func (a *attempts) check(kept, password string, usual uint32) bool {
	done := a.slot()
	defer done()
	return rightPassword(kept, password, usual)
}

// slot waits until something that takes much memory may go on; the caller says when it is done.
func (a *attempts) slot() (done func()) {
	a.mu.Lock()
	if a.busy == nil {
		a.busy = make(chan struct{}, 2)
	}
	busy := a.busy
	a.mu.Unlock()
	busy <- struct{}{}
	return func() { <-busy }
}

// welcome begins a session and goes on.
func (c *Console) welcome(w http.ResponseWriter, r *request, ss store.Session, next string) error {
	if err := c.begin(w, r, ss); err != nil {
		return err
	}
	http.Redirect(w, r.Request, next, http.StatusSeeOther)
	return nil
}

// begin begins a session, with a secret that nobody had before.
func (c *Console) begin(w http.ResponseWriter, r *request, ss store.Session) error {
	r.session.User = ss.User
	way := "console"
	if ss.Role != "" {
		way = "openid"
	}
	if err := c.record(r, evidence.SignIn, ss.User, "", map[string]string{"way": way}); err != nil {
		return err
	}
	secret := newSecret()
	ss.CSRF, ss.Expires = newSecret(), r.now.Add(c.options.Life)
	if err := r.store.StartSession(r.Context(), secret, ss); err != nil {
		return err
	}
	if r.secret != "" { // of somebody who was signed in before
		if err := r.store.EndSession(r.Context(), r.secret); err != nil {
			return err
		}
		c.unlocks.drop(r.secret)
	}
	c.setCookie(w, sessionCookie, secret, c.options.Life)
	return nil
}

// signOut ends the session.
func (c *Console) signOut(w http.ResponseWriter, r *request) error {
	c.unlocks.drop(r.secret)
	if err := r.store.EndSession(r.Context(), r.secret); err != nil {
		return err
	}
	c.setCookie(w, sessionCookie, "", 0)
	http.Redirect(w, r.Request, "/signin", http.StatusSeeOther)
	return nil
}

// chooseLanguage keeps the language for this browser.
func (c *Console) chooseLanguage(w http.ResponseWriter, r *request) error {
	if l := language(r.form("language")); l == vietnamese || l == english {
		c.setCookie(w, languageCookie, string(l), 365*24*time.Hour)
	}
	http.Redirect(w, r.Request, ownPath(r.form("next")), http.StatusSeeOther)
	return nil
}

// chooseTheme keeps light or dark for this browser.
func (c *Console) chooseTheme(w http.ResponseWriter, r *request) error {
	switch t := r.form("theme"); t {
	case "light", "dark":
		c.setCookie(w, themeCookie, t, 365*24*time.Hour)
	default:
		c.setCookie(w, themeCookie, "", 0)
	}
	http.Redirect(w, r.Request, ownPath(r.form("next")), http.StatusSeeOther)
	return nil
}
