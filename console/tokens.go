package console

import (
	"net/http"
	"slices"
	"time"

	"congthu/filter/evidence"
	"congthu/store"
)

type tokensData struct {
	Tokens []store.Token
	Roles  []store.Role
	Secret string // of a new token, shown once
	// As they were typed, when something was wrong with them.
	Label, Role, Days string
}

// tokensPage lists the tokens of programs.
func (c *Console) tokensPage(w http.ResponseWriter, r *request) error {
	return c.tokenList(w, r, "", "")
}

func (c *Console) tokenList(w http.ResponseWriter, r *request, secret, problem string) error {
	d := tokensData{Secret: secret, Roles: []store.Role{store.Auditor, store.Reviewer}}
	var err error
	if d.Tokens, err = r.store.Tokens(r.Context()); err != nil {
		return err
	}
	status := http.StatusOK
	if problem != "" {
		status = http.StatusBadRequest
		d.Label, d.Role, d.Days = r.form("label"), r.form("role"), r.form("days")
	}
	return c.render(w, status, &page{request: r, Name: "tokens", Title: "tokens.title", Problem: problem, Data: d})
}

// addToken makes a token, which is shown once. No token administers: people do.
func (c *Console) addToken(w http.ResponseWriter, r *request) error {
	n := slices.Index(tokensData{}.Choices(), r.form("days"))
	role := store.Role(r.form("role"))
	if n < 0 || r.form("label") == "" || (role != store.Auditor && role != store.Reviewer) {
		return c.tokenList(w, r, "", "tokens.wrong")
	}
	t := store.Token{Label: r.form("label"), Role: role, AddedBy: r.session.User, Expires: r.now.Add(time.Duration([]int{30, 90, 365}[n]) * 24 * time.Hour)}
	secret := "congthu_" + newSecret()
	err := c.options.Record.Do(r.Context(), c.actOf(r, evidence.People, "token "+t.Label, "", map[string]string{"did": "made a token", "role": string(role)}), func() error {
		_, err := r.store.AddToken(r.Context(), secret, t)
		return err
	})
	if err != nil {
		return err
	}
	return c.tokenList(w, r, secret, "")
}

// removeToken ends a token.
func (c *Console) removeToken(w http.ResponseWriter, r *request) error {
	id := r.PathValue("id")
	err := c.options.Record.Do(r.Context(), c.actOf(r, evidence.People, "token "+id, "", map[string]string{"did": "ended a token"}), func() error {
		return r.store.RemoveToken(r.Context(), id)
	})
	if err != nil {
		return err
	}
	return c.done(w, r, "/tokens", "done.token")
}

// Choices are for how many days a token can be made.
func (tokensData) Choices() []string { return []string{"30", "90", "365"} }
