package console

import (
	"html/template"
	"net/http"

	"congthu/filter/evidence"
	"congthu/store"
)

type accountData struct {
	Local   bool // has an account here, with a password
	HasTOTP bool
	NewKey  string // of a second factor that is being set up
	Address string // for an authenticator program
}

func (c *Console) account(r *request) (store.User, accountData, error) {
	u, err := r.store.User(r.Context(), r.session.User)
	if err != nil {
		return u, accountData{}, nil // of an OpenID provider: nothing is to be changed here
	}
	return u, accountData{Local: u.Password != "", HasTOTP: u.TOTP != ""}, nil
}

// accountPage is where people change what is theirs.
func (c *Console) accountPage(w http.ResponseWriter, r *request) error {
	_, d, err := c.account(r)
	if err != nil {
		return err
	}
	if d.Local && !d.HasTOTP {
		d.NewKey = newTOTPKey()
		d.Address = totpAddress(c.options.Gate.System().Gate, r.session.User, d.NewKey)
	}
	return c.render(w, http.StatusOK, &page{request: r, Name: "account", Title: "account.title", Data: d})
}

// QR is the address for an authenticator program, as its camera reads it.
func (d accountData) QR(title string) template.HTML { return qrCode(title, d.Address) }

// changePassword puts another password in place, for whoever knows the old one. Other sessions end.
func (c *Console) changePassword(w http.ResponseWriter, r *request) error {
	u, d, err := c.account(r)
	if err != nil {
		return err
	}
	again := func(key string) error {
		return c.render(w, http.StatusBadRequest, &page{request: r, Name: "account", Title: "account.title", Problem: key, Data: d})
	}
	password := r.FormValue("password")
	switch key := passwordProblem(u.Name, password); {
	case !d.Local:
		return errForbidden
	case !c.tries.allowed(r.client(), r.now):
		return again("signin.too-many")
	case !c.tries.check(u.Password, r.FormValue("old"), c.options.PasswordMemory):
		return again("account.old-wrong")
	case key != "":
		return again(key)
	case password == r.FormValue("old"):
		return again("password.same")
	case password != r.FormValue("again"):
		return again("password.differ")
	}
	if err := c.record(r, evidence.People, u.Name, "", map[string]string{"did": "changed the password"}); err != nil {
		return err
	}
	if err := r.store.SetPassword(r.Context(), u.Name, hashPassword(password, c.options.PasswordMemory), false, r.secret); err != nil {
		return err
	}
	return c.done(w, r, "/account", "done.password")
}

// changeTOTP begins a second factor, when the code is one of the new key, or ends it.
func (c *Console) changeTOTP(w http.ResponseWriter, r *request) error {
	u, d, err := c.account(r)
	if err != nil {
		return err
	}
	again := func(key string) error {
		d.NewKey = r.form("key")
		d.Address = totpAddress(c.options.Gate.System().Gate, u.Name, d.NewKey)
		return c.render(w, http.StatusBadRequest, &page{request: r, Name: "account", Title: "account.title", Problem: key, Data: d})
	}
	key, did := r.form("key"), "set up a second factor"
	if d.HasTOTP {
		key, did = "", "ended the second factor"
	}
	switch {
	case !d.Local:
		return errForbidden
	case !c.tries.allowed(r.client(), r.now):
		return again("signin.too-many")
	case !c.tries.check(u.Password, r.FormValue("old"), c.options.PasswordMemory):
		return again("account.old-wrong")
	}
	if key != "" {
		if _, ok := totpMatch(key, r.form("code"), r.now); !ok || len(key) != 32 {
			return again("account.code-wrong")
		}
	}
	if err := c.record(r, evidence.People, u.Name, "", map[string]string{"did": did}); err != nil {
		return err
	}
	if err := r.store.SetTOTP(r.Context(), u.Name, key); err != nil {
		return err
	}
	return c.done(w, r, "/account", "done.totp")
}
