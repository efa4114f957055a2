package console

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"congthu/filter"
	"congthu/store"
)

type policyData struct {
	Policy     Policy
	Precisions []store.Precision // what officers said of findings, last 90 days
	Would      []wouldHave       // what rules in monitor mode would have done, last 30 days
	CanTry     bool
}

// wouldHave is what a rule in monitor mode would have done if it had been enforced.
type wouldHave struct {
	Rule, Disposition string
	Messages          int64
}

// policyPage shows the policy in force, where each value came from, and how its rules do.
func (c *Console) policyPage(w http.ResponseWriter, r *request) error {
	d := policyData{Policy: c.options.Gate.Policy(), CanTry: may(r.session.Role, tryPolicy)}
	var err error
	if d.Precisions, err = r.store.Precisions(r.Context(), r.now.AddDate(0, 0, -90)); err != nil {
		return err
	}
	today := midnight(r.now)
	err = r.store.Monitored(r.Context(), today.AddDate(0, 0, -29).Format(dayFormat), today.Format(dayFormat), func(rule, disposition string, messages int64) {
		d.Would = append(d.Would, wouldHave{rule, disposition, messages})
	})
	if err != nil {
		return err
	}
	return c.render(w, http.StatusOK, &page{request: r, Name: "policy", Title: "menu.policy", Data: d})
}

type tryData struct {
	Config    string // edited; "" for the policy in force
	From, To  string
	Direction string
	Wrong     string // what is wrong with the configuration: names of keys, lines and columns
	Verdict   *filter.Verdict
	JSON      string
}

// tryPage asks for a message to try.
func (c *Console) tryPage(w http.ResponseWriter, r *request) error {
	d := tryData{}
	if r.form("edit") == "yes" {
		d.Config = c.options.Gate.Policy().Source
	}
	return c.render(w, http.StatusOK, &page{request: r, Name: "try", Title: "try.title", Data: d})
}

// try judges an uploaded message under the policy in force or an edited one. Nothing is kept and nobody is told.
func (c *Console) try(w http.ResponseWriter, r *request) error {
	d := tryData{From: r.form("sender"), To: r.form("recipients"), Direction: r.form("direction")}
	d.Config = r.FormValue("config") // as it was typed
	p := &page{request: r, Name: "try", Title: "try.title"}
	again := func(status int) error {
		p.Data = d
		return c.render(w, status, p)
	}
	file, _, err := r.FormFile("message")
	if err != nil {
		p.Problem = "try.no-message"
		return again(http.StatusBadRequest)
	}
	defer file.Close()
	mail, err := io.ReadAll(file)
	if err != nil {
		return fmt.Errorf("reading the message to try: %w", err)
	}
	v, err := c.options.Gate.Try(r.Context(), []byte(d.Config), mail, Envelope{Direction: d.Direction, ReversePath: d.From, Recipients: strings.Fields(strings.ReplaceAll(d.To, ",", " "))})
	var wrong ErrConfiguration
	if errors.As(err, &wrong) {
		d.Wrong = wrong.Error()
		return again(http.StatusBadRequest)
	}
	if err != nil {
		return err
	}
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("showing a verdict: %w", err)
	}
	d.Verdict, d.JSON = &v, string(b)
	return again(http.StatusOK)
}

// Directions are those that a message can be tried in.
func (d tryData) Directions() []string { return []string{"outbound", "internal", "inbound"} }
