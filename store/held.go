package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"filippo.io/age"
)

// State is where a held message stands.
type State string

// The states. A message is undecided in the first three.
const (
	StateHeld      State = "held"
	StateExpired   State = "expired"   // its time is over; it is kept for GraceAfterNotice
	StateReleasing State = "releasing" // a release was begun and no end of it is known
	StateReleased  State = "released"  // the content is gone, what is known of it stays
	StateDeleted   State = "deleted"
)

// Undecided tells whether somebody has still to decide.
func (s State) Undecided() bool { return s == StateHeld || s == StateExpired || s == StateReleasing }

// Held is a held message as the list shows it: nothing of its content. Hold.Subject is empty (see Subject).
type Held struct {
	Hold
	State     State
	Bytes     int64 // of the message
	Approvals int   // officers who approved its release
	Attempts  int   // releases begun
	Unsure    bool  // of one of them nobody knows, or knows yet, that it delivered nothing
	LastTry   time.Time
	Decided   time.Time
	DecidedBy string
	Reason    string

	Confirmation Confirmation // the sender's, that it is not classified
}

// Filter is what a list of held messages is limited to. Empty fields limit nothing.
type Filter struct {
	State     State // StateUndecided for all three
	Rule      string
	Unit      string
	Recipient string
	Sender    string
	Confirmed bool   // only what its sender says is not classified
	Text      string // part of the id
	Since     time.Time
	Until     time.Time // before
	Limit     int       // at most MaxPage; 0 is DefaultPage
	After     string    // the last id of the page before
}

// StateUndecided stands in a Filter for held, expired and releasing.
const StateUndecided State = "undecided"

// Pages of lists, in rows.
const (
	DefaultPage = 50
	MaxPage     = 1000
)

// page is how many rows a caller gets who asked for n.
func page(n int) int {
	if n <= 0 {
		return DefaultPage
	}
	return min(n, MaxPage)
}

// conditions collects the WHERE of a query.
type conditions struct {
	parts []string
	args  []any
}

// add takes a condition in which every ? stands for the same argument.
func (c *conditions) add(condition string, arg any) {
	c.args = append(c.args, arg)
	c.parts = append(c.parts, strings.ReplaceAll(condition, "?", fmt.Sprintf("$%d", len(c.args))))
}

func (c *conditions) where() string {
	if len(c.parts) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(c.parts, " AND ")
}

// limit is the end of a query: one more argument.
func (c *conditions) limit(n int) string {
	c.args = append(c.args, n)
	return fmt.Sprintf(" LIMIT $%d", len(c.args))
}

// contains is a pattern of LIKE with \ as its escape.
func contains(s string) string {
	return "%" + strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`).Replace(s) + "%"
}

func (f Filter) conditions() *conditions {
	c := &conditions{}
	switch f.State {
	case "":
	case StateUndecided:
		c.parts = append(c.parts, "h.state IN "+undecided)
	default:
		c.add("h.state = ?", string(f.State))
	}
	if f.Rule != "" {
		c.add("EXISTS (SELECT 1 FROM hold_rule x WHERE x.hold_id = h.id AND x.rule = ?)", f.Rule)
	}
	if f.Unit != "" {
		c.add("h.unit = ?", f.Unit)
	}
	if f.Recipient != "" {
		c.add("EXISTS (SELECT 1 FROM hold_recipient x WHERE x.hold_id = h.id AND x.mailbox = ?)", mailbox(f.Recipient))
	}
	if f.Sender != "" {
		c.add("h.sender = ?", mailbox(f.Sender))
	}
	if f.Confirmed {
		c.parts = append(c.parts, "h.confirmed > 0")
	}
	if f.Text != "" {
		c.add(`h.id LIKE ? ESCAPE '\'`, contains(strings.ToUpper(f.Text)))
	}
	if !f.Since.IsZero() {
		c.add("h.held >= ?", micro(f.Since))
	}
	if !f.Until.IsZero() {
		c.add("h.held < ?", micro(f.Until))
	}
	if f.After != "" {
		c.add("h.id < ?", f.After)
	}
	return c
}

// List lists held messages, the newest first. The next page begins after the last id of this one.
func (s *Store) List(ctx context.Context, f Filter) (all []Held, err error) {
	c := f.conditions()
	query := selectHeld + c.where() + " ORDER BY h.id DESC" + c.limit(page(f.Limit))
	err = s.read(ctx, "listing held messages", func(q querier) error {
		all, err = held(ctx, q, query, c.args...)
		return err
	})
	return all, err
}

// Show is one held message; ErrNotFound when there never was one with this id, or it is forgotten.
func (s *Store) Show(ctx context.Context, id string) (h Held, err error) {
	err = s.read(ctx, "showing "+id, func(q querier) error {
		all, err := held(ctx, q, selectHeld+" WHERE h.id = $1", id)
		if err == nil && len(all) == 0 {
			err = ErrNotFound
		}
		if err == nil {
			h = all[0]
		}
		return err
	})
	return h, err
}

func held(ctx context.Context, q querier, query string, args ...any) ([]Held, error) {
	all, err := heldRows(ctx, q, query, args...)
	for i := range all {
		if err == nil {
			all[i].Recipients, err = texts(ctx, q, selectRecipients, all[i].ID)
		}
		if err == nil {
			all[i].Rules, err = holdRules(ctx, q, all[i].ID)
		}
	}
	return all, err
}

func heldRows(ctx context.Context, q querier, query string, args ...any) ([]Held, error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []Held
	for rows.Next() {
		var h Held
		var at, half, expires, decided, tried, open, confirmed int64
		err := rows.Scan(&h.ID, &h.State, &at, &half, &expires, &h.Door, &h.Direction, &h.Unit, &h.Client, &h.QueueID,
			&h.ReversePath, &h.Marking, &h.TwoPersons, &h.SHA256, &h.BodySHA256, &h.Bytes, &decided, &h.DecidedBy, &h.Reason,
			&confirmed, &h.Confirmation.Who, &h.Confirmation.Reason,
			&h.Attempts, &tried, &open, &h.Approvals)
		if err != nil {
			return nil, err
		}
		h.Time, h.HalfTime, h.Expires = fromMicro(at), fromMicro(half), fromMicro(expires)
		h.Unsure = open > 0 && h.State.Undecided()
		h.Decided, h.LastTry = fromMicro(decided), fromMicro(tried)
		h.Confirmation.At = fromMicro(confirmed)
		all = append(all, h)
	}
	return all, rows.Err()
}

func holdRules(ctx context.Context, q querier, id string) ([]Rule, error) {
	rows, err := q.QueryContext(ctx, selectRules, id)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []Rule
	for rows.Next() {
		var r Rule
		if err := rows.Scan(&r.Name, &r.Clause); err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	return all, rows.Err()
}

// sealed is what is needed to open a message.
type sealed struct {
	state   State
	sum     string
	size    int64
	subject []byte
}

// unlock reads what is needed to open a message, and its key.
func unlock(ctx context.Context, q querier, id string, by age.Identity) (c sealed, key *age.X25519Identity, err error) {
	err = q.QueryRowContext(ctx, selectSealed, id).Scan(&c.state, &c.sum, &c.size, &c.subject)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return c, nil, ErrNotFound
	case err != nil:
		return c, nil, err
	case !c.state.Undecided():
		return c, nil, ErrDecided
	}
	key, err = holdKey(ctx, q, id, by)
	return c, key, err
}

// Subject is the subject of a held message, for whom it is encrypted; "" when none is kept.
func (s *Store) Subject(ctx context.Context, id string, by age.Identity) (subject string, err error) {
	err = s.read(ctx, "opening "+id, func(q querier) error {
		c, key, err := unlock(ctx, q, id, by)
		if err != nil || len(c.subject) == 0 {
			return err
		}
		text, err := unsealText(c.subject, key)
		subject = string(text)
		return err
	})
	return subject, err
}
