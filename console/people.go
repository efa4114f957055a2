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
	Code     string           // of an invitation, shown once
	For      store.Invitation // that it is for, or that could not be made
	Open     string           // name of whoever a form was wrong about
}

func (c *Console) people(r *request) (d peopleData, err error) {
	d.Roles = []store.Role{store.Administrator, store.Reviewer, store.Auditor, store.Sender}
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
	i := store.Invitation{Role: store.Role(r.form("role")), Address: r.form("address")}
	if key := placeProblem(i); key != "" {
		d, err := c.people(r)
		if err != nil {
			return err
		}
		d.For = i
		return c.render(w, http.StatusBadRequest, &page{request: r, Name: "people", Title: "people.title", Problem: key, Data: d})
	}
	if err := c.record(r, evidence.People, "", "", map[string]string{"did": "invited", "role": string(i.Role), "address": i.Address}); err != nil {
		return err
	}
	code, err := Invite(r.Context(), r.store, i, r.now)
	if err != nil {
		return err
	}
	d, err := c.people(r)
	if err != nil {
		return err
	}
	d.Code, d.For = code, i
	return c.render(w, http.StatusOK, &page{request: r, Name: "people", Title: "people.title", Data: d})
}

// placeProblem is the key of what is wrong with a role and a mail address, "" for nothing.
func placeProblem(i store.Invitation) string {
	switch {
	case !i.Role.Valid():
		return "people.role-wrong"
	case i.Role == store.Sender && i.Address == "":
		return "people.address-needed"
	case store.CheckInvitation(i) != nil:
		return "people.address-wrong"
	}
	return ""
}

// changePerson changes a person's role, officer and address, gives a password for once, ends a lost second factor, or
// removes the person. A form that is wrong comes back with what was typed, but for a password.
func (c *Console) changePerson(w http.ResponseWriter, r *request) error {
	u, err := r.store.User(r.Context(), r.PathValue("name"))
	if err != nil {
		return err
	}
	typed := u
	if r.form("do") == "change" {
		typed.Role, typed.Officer, typed.Display, typed.Address = store.Role(r.form("role")), r.form("officer"), r.form("display"), r.form("address")
	}
	do, err := c.personAct(r, typed)
	if err == nil {
		details := map[string]string{"did": r.form("do"), "role": r.form("role"), "officer": r.form("officer"), "address": r.form("address")}
		err = c.options.Record.Do(r.Context(), c.actOf(r, evidence.People, u.Name, "", details), do)
	}
	if errors.Is(err, store.ErrLastAccess) {
		err = errForm{"people.last-administrator"}
	}
	var wrong errForm
	if errors.As(err, &wrong) {
		return c.peopleAgain(w, r, typed, wrong.key)
	}
	if err != nil {
		return err
	}
	return c.done(w, r, "/people", "done.people")
}

// peopleAgain is the page after a form about a person that was wrong.
func (c *Console) peopleAgain(w http.ResponseWriter, r *request, typed store.User, key string) error {
	d, err := c.people(r)
	if err != nil {
		return err
	}
	d.Open = typed.Name
	for i := range d.People {
		if d.People[i].Name == typed.Name {
			d.People[i] = typed
		}
	}
	return c.render(w, http.StatusBadRequest, &page{request: r, Name: "people", Title: "people.title", Problem: key, Data: d})
}

// personAct is what a form asks for, when it is right.
func (c *Console) personAct(r *request, u store.User) (func() error, error) {
	switch r.form("do") {
	case "change":
		if key := placeProblem(store.Invitation{Role: u.Role, Address: u.Address}); key != "" {
			return nil, errForm{key}
		}
		if store.CheckUser(u) != nil {
			return nil, errForm{"people.name-wrong"}
		}
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
