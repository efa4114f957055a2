package console

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"congthu/filter/evidence"
	"congthu/store"
	"congthu/store/review"
)

// heldData is a page of what is held.
type heldData struct {
	Asked    map[string]string
	Problem  string
	Held     []store.Held
	Next     string
	Unlocked bool
	Officer  bool        // this person is an officer who may unlock
	Kept     bool        // the gate keeps the officer's identity
	States   []string    // that can be asked for
	Results  []actResult // of what was just done with several
	Waiting  int         // undecided, whatever is asked for
	Back     string      // where unlocking leads to
	Reason   string      // as it was typed, when a decision was not to be carried out
	Chosen   []string    // ids, likewise
}

func heldKeys() []string {
	return []string{"state", "rule", "unit", "recipient", "sender", "confirmed", "id", "since", "until"}
}

// heldPage lists what is held, the newest first; without a state what nobody has decided about.
func (c *Console) heldPage(w http.ResponseWriter, r *request) error {
	return c.heldList(w, r, nil, "")
}

// heldList lists what is held, after something was done with several, or after something that was wrong.
func (c *Console) heldList(w http.ResponseWriter, r *request, results []actResult, problem string) error {
	d := heldData{Results: results, States: []string{"undecided", "held", "expired", "releasing", "released", "deleted"}}
	var words []string
	d.Asked, words = asked(r, append(heldKeys(), "after"))
	if r.Method == http.MethodPost { // a form was sent: its values are no search
		d.Asked, words = map[string]string{}, nil
	}
	c.unlockedData(r, &d)
	p := &page{request: r, Name: "held", Title: "menu.held", Problem: problem}
	status := http.StatusOK
	if problem != "" {
		status, d.Reason, d.Chosen = http.StatusBadRequest, r.form("reason"), r.Form["id"]
	}
	f, err := store.ParseFilter(words, local(r.now))
	if err != nil {
		d.Problem = err.Error()
		p.Data = d
		return c.render(w, http.StatusBadRequest, p)
	}
	if f.State == "" {
		f.State = store.StateUndecided
	}
	f.Limit = store.DefaultPage
	if d.Held, err = r.store.List(r.Context(), f); err != nil {
		return err
	}
	if _, d.Waiting, err = r.store.Waiting(r.Context(), 0); err != nil {
		return err
	}
	if len(d.Held) == f.Limit {
		d.Next = "/held" + again(d.Asked, "after", d.Held[len(d.Held)-1].ID)
	}
	p.Data = d
	return c.render(w, status, p)
}

// IsChosen tells whether a message was chosen.
func (d heldData) IsChosen(id string) bool { return slices.Contains(d.Chosen, id) }

func (c *Console) unlockedData(r *request, d *heldData) {
	if d.Back = r.URL.Path; r.Method == http.MethodPost {
		if d.Back = ownPath(r.form("next")); !strings.HasPrefix(d.Back, "/held") {
			d.Back = "/held"
		}
	}
	d.Officer = may(r.session.Role, decideHeld) && r.session.Officer != "" && r.secret != ""
	if !d.Officer {
		return
	}
	d.Unlocked = c.unlocks.get(r.secret, r.now) != nil
	o, err := r.store.Officer(r.Context(), r.session.Officer)
	d.Kept = err == nil && o.Wrapped
}

// holdData is one held message, with its content when an officer asked for it.
type holdData struct {
	heldData
	Hold    store.Held
	Message *store.Message // its verdict; nil when the index no longer has it
	Content *content       // nil when it was not asked for
	Acts    []store.Act
}

func (c *Console) hold(r *request) (d holdData, err error) {
	id := r.PathValue("id")
	if d.Hold, err = r.store.Show(r.Context(), id); err != nil {
		return d, err
	}
	found, _, err := r.store.Search(r.Context(), store.MessageFilter{ID: id, Limit: 1})
	if err != nil {
		return d, err
	}
	if len(found) > 0 {
		d.Message = &found[0]
	}
	if d.Acts, _, err = r.store.Acts(r.Context(), store.ActFilter{Object: id, Limit: 100}); err != nil {
		return d, err
	}
	c.unlockedData(r, &d.heldData)
	return d, nil
}

// holdPage shows one held message, without its content.
func (c *Console) holdPage(w http.ResponseWriter, r *request) error {
	d, err := c.hold(r)
	if err != nil {
		return err
	}
	return c.render(w, http.StatusOK, &page{request: r, Name: "hold", Title: "held.one", Data: d})
}

// viewHold shows the subject and the text of a held message, which is put on record. What is held for a marking is
// never shown.
func (c *Console) viewHold(w http.ResponseWriter, r *request) error {
	o, err := c.officer(r)
	if err != nil {
		return err
	}
	d, err := c.hold(r)
	if err != nil {
		return err
	}
	if d.Hold.Marking {
		return errForm{"held.no-preview"}
	}
	if d.Content, err = c.content(r, o, d.Hold.ID, evidence.View); err != nil {
		return explained(err)
	}
	return c.render(w, http.StatusOK, &page{request: r, Name: "hold", Title: "held.one", Data: d})
}

// actResult is what became of one message of several.
type actResult struct {
	ID   string
	Key  string // of the catalogue
	Good bool
	Text string // the server's words
}

// decide releases or deletes one held message or several.
func (c *Console) decide(w http.ResponseWriter, r *request) error {
	o, err := c.officer(r)
	if err != nil {
		return err
	}
	do, reason := r.form("do"), r.form("reason")
	if reason == "" {
		return c.heldList(w, r, nil, "held.why")
	}
	if do != "release" && do != "delete" && do != "release-again" {
		return errForm{"error.invalid"}
	}
	ids := r.Form["id"]
	if len(ids) == 0 || len(ids) > store.DefaultPage {
		return c.heldList(w, r, nil, "held.none-chosen")
	}
	desk := c.desk(r)
	results := []actResult{}
	for _, id := range ids {
		results = append(results, c.decideOne(r, desk, o, id, do, reason))
	}
	if len(ids) == 1 && results[0].Good {
		return c.done(w, r, "/held/"+url.PathEscape(ids[0]), results[0].Key)
	}
	return c.heldList(w, r, results, "")
}

func (c *Console) decideOne(r *request, desk *review.Desk, o review.Officer, id, do, reason string) actResult {
	if do == "delete" {
		if err := desk.Delete(r.Context(), o, id, reason); err != nil {
			return c.notDone(id, err)
		}
		return actResult{ID: id, Key: "done.deleted", Good: true}
	}
	out, err := desk.Release(r.Context(), o, id, reason, do == "release-again")
	switch {
	case err != nil:
		return c.notDone(id, err)
	case out.Needs:
		return actResult{ID: id, Key: "done.approved", Good: true}
	}
	return actResult{ID: id, Key: "done.released", Good: true, Text: out.Reply}
}

// notDone says why nothing was done with a message.
func (c *Console) notDone(id string, err error) actResult {
	f := failureOf(explained(err))
	if f.status >= http.StatusInternalServerError {
		c.options.Log.Error("an officer's decision was not carried out", "id", id, "error", err.Error())
	}
	return actResult{ID: id, Key: f.key}
}

// explained is an error of a review as a page says it.
func explained(err error) error {
	for is, key := range map[error]string{
		store.ErrDecided: "held.decided", store.ErrReleasing: "held.releasing", store.ErrUnsure: "held.unsure", review.ErrUnsure: "held.unsure",
		store.ErrNoAccess: "held.no-access", store.ErrDamaged: "held.damaged", review.ErrNoServer: "held.no-server", store.ErrNotOfficer: "held.another-officer",
	} {
		if errors.Is(err, is) {
			return errForm{key}
		}
	}
	return err
}
