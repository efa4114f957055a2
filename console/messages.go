package console

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"time"

	"congthu/filter/evidence"
	"congthu/store"
)

// searchKeys are the fields of the search, in the order of the form. Each is a key that store.ParseMessageFilter knows.
func searchKeys() []string {
	return []string{"since", "until", "sender", "recipient", "disposition", "direction", "rule", "clause", "unit", "id", "queue", "client", "sha256", "held"}
}

// messagesData is a page of a search.
type messagesData struct {
	Asked    map[string]string // by key, as it was typed
	Problem  string            // what is wrong with it; only our own words and what was typed
	Messages []store.Message
	Next     string // address of the page after this one; "" for none
	// LookedTo is the time of the oldest message that was looked at when there may be more of what few messages have.
	LookedTo time.Time
}

// asked are the words of a search: empty ones are left out.
func asked(r *request, keys []string) (typed map[string]string, words []string) {
	typed = map[string]string{}
	for _, k := range keys {
		if v := r.form(k); v != "" {
			typed[k] = v
			words = append(words, k+"="+v)
		}
	}
	return typed, words
}

// messagesPage lists messages, the newest first.
func (c *Console) messagesPage(w http.ResponseWriter, r *request) error {
	d := messagesData{}
	var words []string
	d.Asked, words = asked(r, append(searchKeys(), "after"))
	f, err := store.ParseMessageFilter(words, local(r.now))
	if err != nil {
		d.Problem = err.Error()
		return c.render(w, http.StatusBadRequest, &page{request: r, Name: "messages", Title: "menu.messages", Data: d})
	}
	next := ""
	if d.Messages, next, err = r.store.Search(r.Context(), f); err != nil {
		return err
	}
	if next != "" {
		d.Next = "/messages" + again(d.Asked, "after", next)
		if len(d.Messages) < store.DefaultPage {
			d.LookedTo = store.LookedTo(next)
		}
	}
	return c.render(w, http.StatusOK, &page{request: r, Name: "messages", Title: "menu.messages", Data: d})
}

// again is the query of a search with one value changed.
func again(asked map[string]string, key, value string) string {
	pairs := []string{key, value}
	for k, v := range asked {
		if k != key {
			pairs = append(pairs, k, v)
		}
	}
	return query(pairs...)
}

// sumOf is how many messages of one page have a disposition.
type sumOf struct {
	Disposition string
	N           int
}

// Sums is what this page has by disposition, the strongest first.
func (d messagesData) Sums() (out []sumOf) {
	for _, disposition := range slices.Backward(dispositions()) {
		n := 0
		for _, m := range d.Messages {
			if m.Verdict.Disposition == disposition {
				n++
			}
		}
		if n > 0 {
			out = append(out, sumOf{disposition, n})
		}
	}
	return out
}

// messageData is everything that the gate has of one message. Several verdicts have one id only when a log was
// indexed under two names.
type messageData struct {
	Message    store.Message
	Findings   []evidence.Finding // what was acted on first
	Judgements map[string]store.Judgement
	Acts       []store.Act // what officers did with it
	Same       []store.Message
	CanJudge   bool
	Held       *store.Held // in the quarantine; nil when it is not, or no longer known there
}

// messagePage shows one message.
func (c *Console) messagePage(w http.ResponseWriter, r *request) error {
	id := r.PathValue("id")
	found, _, err := r.store.Search(r.Context(), store.MessageFilter{ID: id, Limit: 2})
	if err != nil {
		return err
	}
	if len(found) == 0 {
		return errNotFound
	}
	d := messageData{Message: found[0], Judgements: map[string]store.Judgement{}, CanJudge: may(r.session.Role, judgeFindings)}
	d.Findings = slices.Clone(d.Message.Verdict.Findings)
	slices.SortStableFunc(d.Findings, func(a, b evidence.Finding) int {
		return cmp.Or(cmp.Compare(weight(b), weight(a)), cmp.Compare(b.Score, a.Score))
	})
	judged, err := r.store.Judgements(r.Context(), id)
	if err != nil {
		return err
	}
	for _, j := range judged {
		d.Judgements[j.Rule] = j
	}
	if d.Acts, _, err = r.store.Acts(r.Context(), store.ActFilter{Object: id, Limit: 100}); err != nil {
		return err
	}
	if d.Held, err = c.heldOf(r, d.Message.Verdict); err != nil {
		return err
	}
	if d.Message.Verdict.SHA256 != "" {
		if d.Same, err = c.same(r, d.Message); err != nil {
			return err
		}
	}
	return c.render(w, http.StatusOK, &page{request: r, Name: "message", Title: "message.title", Data: d})
}

// heldOf is a verdict's message as the quarantine has it, nil when it does not.
func (c *Console) heldOf(r *request, v evidence.Verdict) (*store.Held, error) {
	if !v.Held {
		return nil, nil
	}
	h, err := r.store.Show(r.Context(), v.ID)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return &h, err
}

// weight orders findings: what was acted on, and how strongly.
func weight(f evidence.Finding) int {
	w := slices.Index(dispositions(), f.Disposition)
	if f.Mode == "enforce" {
		w += 10
	}
	return w
}

// same are other transactions of the same message: tries of the same mail, or copies.
func (c *Console) same(r *request, m store.Message) ([]store.Message, error) {
	all, _, err := r.store.Search(r.Context(), store.MessageFilter{SHA256: m.Verdict.SHA256, Limit: 20})
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(o store.Message) bool { return o.Gate == m.Gate && o.Seq == m.Seq }), nil
}

// Rules are those that found something, each once.
func (d messageData) Rules() []string {
	var out []string
	for _, f := range d.Findings {
		if !slices.Contains(out, f.Rule) {
			out = append(out, f.Rule)
		}
	}
	return out
}

// judge keeps what an officer says of a rule's finding.
func (c *Console) judge(w http.ResponseWriter, r *request) error {
	id, rule := r.PathValue("id"), r.form("rule")
	word, right := r.form("judgement"), false
	switch word {
	case "right":
		right = true
	case "wrong":
	default:
		return errForm{"error.invalid"}
	}
	found, _, err := r.store.Search(r.Context(), store.MessageFilter{ID: id, Limit: 1})
	if err != nil {
		return err
	}
	if len(found) == 0 || !slices.ContainsFunc(found[0].Verdict.Findings, func(f evidence.Finding) bool { return f.Rule == rule }) {
		return errNotFound
	}
	if err := c.record(r, evidence.Judge, id, "", map[string]string{"rule": rule, "judgement": word}); err != nil {
		return err
	}
	if err := r.store.JudgeFinding(r.Context(), store.Judgement{Message: id, Rule: rule, Right: right, Who: r.session.User}); err != nil {
		return err
	}
	return c.done(w, r, "/messages/"+url.PathEscape(id), "done.judged")
}

// Dispositions are those that can be searched for.
func (d messagesData) Dispositions() []string { return dispositions() }

// Directions are those that can be searched for.
func (d messagesData) Directions() []string { return []string{"outbound", "internal", "inbound"} }

// First is the query of the first page of the same search.
func (d messagesData) First() string { return again(d.Asked, "after", "") }
