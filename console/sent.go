package console

import (
	"errors"
	"net/http"
	"net/url"
	"slices"

	"congthu/filter/evidence"
	"congthu/store"
)

// What senders see of their own held mail: id, times, rules and state. Nothing of the content, and nothing of anybody
// else's mail.

// sentData is a page of the messages of one sender that were held.
type sentData struct {
	Address string
	Held    []store.Held
	Next    string
}

// sentPage lists them, the newest first.
func (c *Console) sentPage(w http.ResponseWriter, r *request) error {
	d := sentData{Address: r.session.Address}
	if d.Address == "" {
		return errForm{"sent.no-address"}
	}
	all, err := r.store.List(r.Context(), store.Filter{Sender: d.Address, After: r.form("after"), Limit: store.DefaultPage})
	if err != nil {
		return err
	}
	if len(all) == store.DefaultPage {
		d.Next = "/sent" + query("after", all[len(all)-1].ID)
	}
	d.Held = slices.DeleteFunc(all, func(h store.Held) bool { return !h.SentBy(d.Address) })
	return c.render(w, http.StatusOK, &page{request: r, Name: "sent", Title: "menu.sent", Data: d})
}

// sentOne is one held message, as its sender sees it.
type sentOne struct {
	Hold       store.Held
	CanConfirm bool
	Reason     string // as it was typed, when it was not to be kept
}

// ownMessage is a held message of whoever asks. What is not there and what is another's are one answer, for an id is
// nobody's proof; that somebody asked is put on record.
func (c *Console) ownMessage(r *request) (h store.Held, err error) {
	if r.session.Address == "" {
		return h, errForm{"sent.no-address"}
	}
	id := r.PathValue("id")
	h, err = r.store.Show(r.Context(), id)
	if err == nil && h.SentBy(r.session.Address) {
		return h, nil
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return h, err
	}
	did := map[string]string{"did": "asked for a held message that is not of this sender", "address": r.session.Address}
	if err := c.record(r, evidence.Denied, shown(id, maxLabel), "", did); err != nil {
		return store.Held{}, err
	}
	return store.Held{}, errNotYours
}

// sentMessage shows one message to its sender.
func (c *Console) sentMessage(w http.ResponseWriter, r *request) error {
	h, err := c.ownMessage(r)
	if err != nil {
		return err
	}
	return c.sentAgain(w, r, h, http.StatusOK, "")
}

func (c *Console) sentAgain(w http.ResponseWriter, r *request, h store.Held, status int, problem string) error {
	d := sentOne{Hold: h, CanConfirm: h.CanConfirm() == nil}
	if problem != "" {
		d.Reason = r.form("reason")
	}
	return c.render(w, status, &page{request: r, Name: "sentone", Title: "sent.one", Problem: problem, Data: d})
}

// confirm keeps the word of a sender that a held message is not classified. It releases nothing: an officer decides.
func (c *Console) confirm(w http.ResponseWriter, r *request) error {
	h, err := c.ownMessage(r)
	if err != nil {
		return err
	}
	word := store.Confirmation{Who: r.session.User, Reason: r.form("reason")}
	if err := h.CanConfirm(); err != nil {
		return c.sentAgain(w, r, h, http.StatusConflict, notConfirmed(err))
	}
	if err := store.CheckConfirmation(word); err != nil {
		return c.sentAgain(w, r, h, http.StatusBadRequest, "sent.why")
	}
	act := c.actOf(r, evidence.Confirm, h.ID, word.Reason, map[string]string{"says": "not classified", "address": r.session.Address})
	err = c.options.Record.Do(r.Context(), act, func() error { return r.store.Confirm(r.Context(), h.ID, word) })
	if key := notConfirmed(err); key != "" { // somebody was faster
		if h, err = c.ownMessage(r); err != nil {
			return err
		}
		return c.sentAgain(w, r, h, http.StatusConflict, key)
	}
	if err != nil {
		return err
	}
	return c.done(w, r, "/sent/"+url.PathEscape(h.ID), "done.confirmed")
}

// notConfirmed is the key of why nothing is left to confirm, "" for another error, or none.
func notConfirmed(err error) string {
	switch {
	case errors.Is(err, store.ErrConfirmed):
		return "sent.twice"
	case errors.Is(err, store.ErrDecided):
		return "sent.decided"
	case errors.Is(err, store.ErrReleasing):
		return "sent.releasing"
	}
	return ""
}
