package console

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"congthu/filter/evidence"
	"congthu/store"
)

// The JSON API has the pages' content for programs, with the same checks. What it answers with is described by
// assets/openapi.json; a test holds the two together.

// apiMessage is a message as the API gives it.
type apiMessage struct {
	Gate      string            `json:"gate"`
	Seq       uint64            `json:"seq"`
	Time      time.Time         `json:"time"`
	Verdict   evidence.Verdict  `json:"verdict"`
	Outcome   *evidence.Outcome `json:"outcome,omitempty"`
	OutcomeAt *time.Time        `json:"outcome_at,omitempty"`
}

func apiMessageOf(m store.Message) apiMessage {
	out := apiMessage{Gate: m.Gate, Seq: m.Seq, Time: m.Time, Verdict: m.Verdict, Outcome: m.Outcome}
	if !m.OutcomeAt.IsZero() {
		out.OutcomeAt = &m.OutcomeAt
	}
	return out
}

// apiPage is a page of a list; Next is the value of "after" for the page after it.
type apiPage[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next,omitempty"`
}

// apiWords are the filters of a query, as store.ParseFilter and ParseMessageFilter read them.
func apiWords(r *request) (words []string) {
	for key, values := range r.URL.Query() {
		for _, v := range values {
			words = append(words, key+"="+v)
		}
	}
	return words
}

func (c *Console) apiMessages(w http.ResponseWriter, r *request) error {
	f, err := store.ParseMessageFilter(apiWords(r), local(r.now))
	if err != nil {
		return c.apiProblem(w, err)
	}
	found, next, err := r.store.Search(r.Context(), f)
	if err != nil {
		return err
	}
	out := apiPage[apiMessage]{Items: []apiMessage{}, Next: next}
	for _, m := range found {
		out.Items = append(out.Items, apiMessageOf(m))
	}
	return c.writeJSON(w, http.StatusOK, out)
}

func (c *Console) apiMessage(w http.ResponseWriter, r *request) error {
	found, _, err := r.store.Search(r.Context(), store.MessageFilter{ID: r.PathValue("id"), Limit: 1})
	if err != nil {
		return err
	}
	if len(found) == 0 {
		return errNotFound
	}
	return c.writeJSON(w, http.StatusOK, apiMessageOf(found[0]))
}

// apiHold is a held message as the API gives it: nothing of its content.
type apiHold struct {
	ID           string     `json:"id"`
	State        string     `json:"state"`
	Held         time.Time  `json:"held"`
	Until        time.Time  `json:"until"`
	Door         string     `json:"door"`
	Direction    string     `json:"direction"`
	Unit         string     `json:"unit"`
	Client       string     `json:"client"`
	QueueID      string     `json:"queue_id"`
	ReversePath  string     `json:"reverse_path"`
	Recipients   []string   `json:"recipients"`
	Rules        []apiRule  `json:"rules"`
	Bytes        int64      `json:"bytes"`
	SHA256       string     `json:"sha256"`
	Marking      bool       `json:"marking"`
	TwoPersons   bool       `json:"two_persons"`
	Approvals    int        `json:"approvals"`
	Unsure       bool       `json:"unsure"`
	Decided      *time.Time `json:"decided,omitempty"`
	DecidedBy    string     `json:"decided_by,omitempty"`
	Reason       string     `json:"reason,omitempty"`
	Confirmed    *time.Time `json:"confirmed,omitempty"` // when its sender confirmed that it is not classified
	ConfirmedBy  string     `json:"confirmed_by,omitempty"`
	Confirmation string     `json:"confirmation,omitempty"` // the sender's reason
}

type apiRule struct {
	Rule   string `json:"rule"`
	Clause string `json:"clause"`
}

func apiHoldOf(h store.Held) apiHold {
	out := apiHold{ID: h.ID, State: string(h.State), Held: h.Time, Until: h.Expires, Door: h.Door, Direction: h.Direction, Unit: h.Unit, Client: h.Client,
		QueueID: h.QueueID, ReversePath: h.ReversePath, Recipients: h.Recipients, Rules: []apiRule{}, Bytes: h.Bytes, SHA256: h.SHA256, Marking: h.Marking,
		TwoPersons: h.TwoPersons, Approvals: h.Approvals, Unsure: h.Unsure, DecidedBy: h.DecidedBy, Reason: h.Reason, ConfirmedBy: h.Confirmation.Who, Confirmation: h.Confirmation.Reason}
	for _, r := range h.Rules {
		out.Rules = append(out.Rules, apiRule{r.Name, r.Clause})
	}
	if !h.Decided.IsZero() {
		out.Decided = &h.Decided
	}
	if !h.Confirmation.At.IsZero() {
		out.Confirmed = &h.Confirmation.At
	}
	return out
}

func (c *Console) apiHeld(w http.ResponseWriter, r *request) error {
	f, err := store.ParseFilter(apiWords(r), local(r.now))
	if err != nil {
		return c.apiProblem(w, err)
	}
	if f.State == "" {
		f.State = store.StateUndecided
	}
	if f.Limit == 0 {
		f.Limit = store.DefaultPage
	}
	all, err := r.store.List(r.Context(), f)
	if err != nil {
		return err
	}
	out := apiPage[apiHold]{Items: []apiHold{}}
	for _, h := range all {
		out.Items = append(out.Items, apiHoldOf(h))
	}
	if len(all) == f.Limit {
		out.Next = all[len(all)-1].ID
	}
	return c.writeJSON(w, http.StatusOK, out)
}

func (c *Console) apiHold(w http.ResponseWriter, r *request) error {
	h, err := r.store.Show(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	return c.writeJSON(w, http.StatusOK, apiHoldOf(h))
}

// apiException is an exception as the API gives and takes it.
type apiException struct {
	ID         string     `json:"id"`
	PartSHA256 string     `json:"part_sha256"`
	Rule       string     `json:"rule"`
	Reason     string     `json:"reason"`
	Who        string     `json:"who"`
	Added      time.Time  `json:"added"`
	Until      time.Time  `json:"until"`
	Ended      *time.Time `json:"ended,omitempty"`
	EndedBy    string     `json:"ended_by,omitempty"`
	Uses       int64      `json:"uses"`
}

func apiExceptionOf(e store.Exception) apiException {
	out := apiException{ID: e.ID, PartSHA256: e.PartSHA256, Rule: e.Rule, Reason: e.Reason, Who: e.Who, Added: e.Added, Until: e.Until, EndedBy: e.EndedBy, Uses: e.Uses}
	if !e.Ended.IsZero() {
		out.Ended = &e.Ended
	}
	return out
}

func (c *Console) apiExceptions(w http.ResponseWriter, r *request) error {
	all, err := r.store.ListExceptions(r.Context())
	if err != nil {
		return err
	}
	out := apiPage[apiException]{Items: []apiException{}}
	from := rowOf(r, len(all))
	end := min(len(all), from+store.MaxPage)
	for _, e := range all[from:end] {
		out.Items = append(out.Items, apiExceptionOf(e))
	}
	if end < len(all) {
		out.Next = fmt.Sprint(end)
	}
	return c.writeJSON(w, http.StatusOK, out)
}

// maxAPIBody is the longest JSON that a program may send, in octets.
const maxAPIBody = 64 << 10

func (c *Console) apiAddException(w http.ResponseWriter, r *request) error {
	var in apiException
	d := json.NewDecoder(io.LimitReader(r.Body, maxAPIBody))
	d.DisallowUnknownFields()
	if err := d.Decode(&in); err != nil {
		return c.apiProblem(w, fmt.Errorf("%w: %w", store.ErrInvalid, err))
	}
	e := store.Exception{PartSHA256: in.PartSHA256, Rule: in.Rule, Reason: in.Reason, Who: r.session.User, Until: in.Until}
	if err := r.store.CheckException(e); err != nil {
		return c.apiProblem(w, err)
	}
	act := c.actOf(r, evidence.ExceptionAdd, e.PartSHA256, e.Reason, map[string]string{"rule": e.Rule, "until": e.Until.UTC().Format(time.RFC3339)})
	err := c.options.Record.Do(r.Context(), act, func() (err error) {
		e, err = r.store.AddException(r.Context(), e)
		return err
	})
	if err != nil {
		return err
	}
	return c.writeJSON(w, http.StatusCreated, apiExceptionOf(e))
}

func (c *Console) apiEndException(w http.ResponseWriter, r *request) error {
	id := r.PathValue("id")
	err := c.options.Record.Do(r.Context(), c.actOf(r, evidence.ExceptionEnd, id, "", nil), func() error {
		return r.store.EndException(r.Context(), id, r.session.User)
	})
	if err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// apiDaily is a row of the statistics.
type apiDaily struct {
	Key          string           `json:"key"`
	Messages     int64            `json:"messages"`
	Bytes        int64            `json:"bytes"`
	Dispositions map[string]int64 `json:"dispositions"`
}

func (c *Console) apiStatistics(w http.ResponseWriter, r *request) error {
	d, err := c.statisticsOf(r)
	if errors.Is(err, errDays) {
		return c.apiProblem(w, err)
	}
	if err != nil {
		return err
	}
	out := struct {
		From string     `json:"from"`
		To   string     `json:"to"`
		By   string     `json:"by"`
		Rows []apiDaily `json:"rows"`
	}{d.From, d.To, d.By, []apiDaily{}}
	for _, row := range d.Rows {
		out.Rows = append(out.Rows, apiDaily{row.Key, row.Messages, row.Bytes, row.By})
	}
	return c.writeJSON(w, http.StatusOK, out)
}

func (c *Console) apiSystem(w http.ResponseWriter, r *request) error {
	s, e, p := c.options.Gate.System(), c.options.Gate.Evidence(), c.options.Gate.Policy()
	return c.writeJSON(w, http.StatusOK, struct {
		Gate     string    `json:"gate"`
		Version  string    `json:"version"`
		Started  time.Time `json:"started"`
		Ready    bool      `json:"ready"`
		Trouble  string    `json:"trouble,omitempty"`
		Policy   string    `json:"policy"`
		Packs    []string  `json:"packs"`
		Evidence struct {
			Seq  uint64 `json:"seq"`
			Hash string `json:"hash"`
		} `json:"evidence"`
	}{s.Gate, s.Version, s.Started, s.Ready, s.Trouble, p.Hash, p.Packs, struct {
		Seq  uint64 `json:"seq"`
		Hash string `json:"hash"`
	}{e.Seq, e.Hash}})
}

func (c *Console) apiProblem(w http.ResponseWriter, err error) error {
	return c.writeJSON(w, http.StatusBadRequest, problem{"error.invalid", strings.TrimSpace(err.Error())})
}

// apiDescription is the OpenAPI description of all this.
func (c *Console) apiDescription(w http.ResponseWriter, _ *request) error {
	b, err := assetFiles.ReadFile("assets/openapi.json")
	if err != nil {
		return fmt.Errorf("reading the description of the API: %w", err)
	}
	w.Header().Set("Content-Type", "application/json")
	_, err = w.Write(b)
	return c.gone(err)
}
