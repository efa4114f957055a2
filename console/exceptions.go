package console

import (
	"net/http"
	"slices"
	"time"

	"congthu/filter"
	"congthu/filter/evidence"
	"congthu/store"
)

type exceptionsData struct {
	Exceptions []exceptionRow
	Rule       string // asked for by a link from a finding
	Part       string
	Days       string // as they were chosen
	Reason     string
	Next       int // rows before the next page; 0 when this is the last
	From       int
}

type exceptionRow struct {
	store.Exception
	InForce bool
}

// exceptionsPage lists exceptions, the newest first.
func (c *Console) exceptionsPage(w http.ResponseWriter, r *request) error {
	return c.exceptionList(w, r, http.StatusOK, "")
}

func (c *Console) exceptionList(w http.ResponseWriter, r *request, status int, problem string) error {
	all, err := r.store.ListExceptions(r.Context())
	if err != nil {
		return err
	}
	d := exceptionsData{Rule: r.form("rule"), Part: r.form("part"), From: rowOf(r, len(all))}
	if problem != "" {
		d.Days, d.Reason = r.form("days"), r.form("reason")
	}
	if d.Rule == "" {
		d.Rule = filter.RuleMarking
	}
	end := min(len(all), d.From+store.DefaultPage)
	if end < len(all) {
		d.Next = end
	}
	for _, e := range all[d.From:end] {
		d.Exceptions = append(d.Exceptions, exceptionRow{e, e.Ended.IsZero() && r.now.Before(e.Until)})
	}
	return c.render(w, status, &page{request: r, Name: "exceptions", Title: "menu.exceptions", Problem: problem, Data: d})
}

// addException lets a part through a rule until a date.
func (c *Console) addException(w http.ResponseWriter, r *request) error {
	n := slices.Index(exceptionsData{}.Choices(), r.form("days"))
	if n < 0 {
		return c.exceptionList(w, r, http.StatusBadRequest, "exceptions.days-wrong")
	}
	e := store.Exception{PartSHA256: r.form("part"), Rule: r.form("rule"), Reason: r.form("reason"), Who: r.session.User,
		Until: r.now.Add(time.Duration([]int{1, 7, 30, 90}[n]) * 24 * time.Hour)}
	if err := r.store.CheckException(e); err != nil {
		return c.exceptionList(w, r, http.StatusBadRequest, "exceptions.wrong")
	}
	act := c.actOf(r, evidence.ExceptionAdd, e.PartSHA256, e.Reason, map[string]string{"rule": e.Rule, "until": e.Until.UTC().Format(time.RFC3339)})
	err := c.options.Record.Do(r.Context(), act, func() error {
		_, err := r.store.AddException(r.Context(), e)
		return err
	})
	if err != nil {
		return err
	}
	return c.done(w, r, "/exceptions", "done.exception")
}

// endException ends an exception before its date.
func (c *Console) endException(w http.ResponseWriter, r *request) error {
	id := r.PathValue("id")
	err := c.options.Record.Do(r.Context(), c.actOf(r, evidence.ExceptionEnd, id, r.form("reason"), nil), func() error {
		return r.store.EndException(r.Context(), id, r.session.User)
	})
	if err != nil {
		return err
	}
	return c.done(w, r, "/exceptions", "done.exception-ended")
}

// Choices are for how many days an exception can be granted.
func (exceptionsData) Choices() []string { return []string{"1", "7", "30", "90"} }
