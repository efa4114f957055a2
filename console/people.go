package console

import (
	"errors"
	"net/http"

	"congthu/filter/evidence"
	"congthu/store"
)

type peopleData struct {
	People   []store.User
	Officers []store.Officer
	Roles    []store.Role
	Code     string // of an invitation, shown once
	For      store.Role
}

func (c *Console) people(r *request) (d peopleData, err error) {
	d.Roles = []store.Role{store.Administrator, store.Reviewer, store.Auditor}
	if d.People, err = r.store.Users(r.Context()); err != nil {
		return d, err
	}
	d.Officers, err = r.store.ListOfficers(r.Context())
	return d, err
}

// peoplePage lists who may sign in.
func (c *Console) peoplePage(w http.ResponseWriter, r *request) error {
	d, err := c.people(r)
	if err != nil {
		return err
	}
	return c.render(w, http.StatusOK, &page{request: r, Name: "people", Title: "people.title", Data: d})
}

// addPerson makes an invitation: its code is shown once, and whoever has it makes the account.
func (c *Console) addPerson(w http.ResponseWriter, r *request) error {
	role := store.Role(r.form("role"))
	if !role.Valid() {
		return errForm{"people.role-wrong"}
	}
	if err := c.record(r, evidence.People, "", "", map[string]string{"did": "invited", "role": string(role)}); err != nil {
		return err
	}
	code, err := Invite(r.Context(), r.store, role, r.now)
	if err != nil {
		return err
	}
	d, err := c.people(r)
	if err != nil {
		return err
	}
	d.Code, d.For = code, role
	return c.render(w, http.StatusOK, &page{request: r, Name: "people", Title: "people.title", Data: d})
}

// changePerson changes a person's role and officer, gives a password for once, ends a lost second factor, or removes the
// person.
func (c *Console) changePerson(w http.ResponseWriter, r *request) error {
	u, err := r.store.User(r.Context(), r.PathValue("name"))
	if err != nil {
		return err
	}
	do, err := c.personAct(r, u)
	if err != nil {
		return err
	}
	did := r.form("do")
	if err := c.record(r, evidence.People, u.Name, "", map[string]string{"did": did, "role": r.form("role"), "officer": r.form("officer")}); err != nil {
		return err
	}
	if err := do(); err != nil {
		if errors.Is(err, store.ErrLastAccess) {
			return errForm{"people.last-administrator"}
		}
		return err
	}
	return c.done(w, r, "/people", "done.people")
}

// personAct is what a form asks for, when it is right.
func (c *Console) personAct(r *request, u store.User) (func() error, error) {
	switch r.form("do") {
	case "change":
		u.Role, u.Officer, u.Display = store.Role(r.form("role")), r.form("officer"), r.form("display")
		return func() error { return r.store.ChangeUser(r.Context(), u) }, nil
	case "password":
		password := r.FormValue("password")
		if key := passwordProblem(u.Name, password); key != "" {
			return nil, errForm{key}
		}
		return func() error {
			return r.store.SetPassword(r.Context(), u.Name, hashPassword(password, c.options.PasswordMemory), true, "")
		}, nil
	case "totp":
		return func() error { return r.store.SetTOTP(r.Context(), u.Name, "") }, nil
	case "remove":
		return func() error { return r.store.RemoveUser(r.Context(), u.Name) }, nil
	}
	return nil, errForm{"error.invalid"}
}
