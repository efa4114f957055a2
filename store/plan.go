package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Of the messages that one condition names, a search reads at most so many to find those that the others name too; the
// page after it goes on from there. What a condition names that has so few is looked up, all of it, and sorted.
const (
	maxLooked = 20_000
	maxFew    = 2000
)

// few tells of which conditions there are few messages.
type few struct{ rule, clause, recipient bool }

// countFew finds that out.
func (f MessageFilter) countFew(ctx context.Context, q querier) (x few, err error) {
	for _, c := range []struct {
		query, value string
		is           *bool
	}{{countRule, f.Rule, &x.rule}, {countClause, f.Clause, &x.clause}, {countRecipient, mailbox(f.Recipient), &x.recipient}} {
		if c.value == "" {
			continue
		}
		n := 0
		if err := q.QueryRowContext(ctx, c.query, c.value, maxFew+1).Scan(&n); err != nil {
			return x, err
		}
		*c.is = n <= maxFew
	}
	return x, nil
}

// term is one condition of a search.
type term struct {
	text, value string // in the text every ? stands for the value
	few         bool   // what it names is looked up
	ordered     bool   // it has an index in the order of the list
}

// terms are those that are asked for.
func (f MessageFilter) terms(x few) []term {
	held := ""
	if f.Held {
		held = "yes"
	}
	all := []term{
		{text: "m.id = ?", value: f.ID, few: true},
		{text: "((m.queue_id = ? AND m.queue_id <> '') OR (m.next_queue_id = ? AND m.next_queue_id <> ''))", value: f.QueueID, few: true},
		{text: "(m.sha256 = ? OR " + among("message_finding WHERE part_sha256 = ? AND part_sha256 <> ''") + ")", value: strings.ToLower(f.SHA256), few: true},
		listed("message_recipient", "mailbox", mailbox(f.Recipient), x.recipient),
		listed("message_finding", "rule", f.Rule, x.rule),
		listed("message_finding", "clause", f.Clause, x.clause),
		{text: "m.sender = ?", value: mailbox(f.Sender), ordered: true}, // the fewest first
		{text: "m.held", value: held, ordered: true},
		{text: "m.disposition = ?", value: f.Disposition, ordered: true},
		{text: "m.client = ?", value: f.Client, ordered: true},
		{text: "m.gate = ?", value: f.Gate}, {text: "m.unit = ?", value: f.Unit}, {text: "m.direction = ?", value: f.Direction},
	}
	return slices.DeleteFunc(all, func(t term) bool { return t.value == "" })
}

// listed is a condition on a list of the message.
func listed(table, column, value string, few bool) term {
	if few {
		return term{text: among(table + " WHERE " + column + " = ?"), value: value, few: true}
	}
	return term{text: "EXISTS (SELECT 1 FROM " + table + " x WHERE x.gate = m.gate AND x.seq = m.seq AND x." + column + " = ?)", value: value}
}

func (c *conditions) term(t term, plus string) {
	if !strings.Contains(t.text, "?") {
		c.parts = append(c.parts, plus+t.text)
		return
	}
	c.add(plus+t.text, t.value)
}

// plan is how a search reads.
type plan struct {
	terms  []term
	few    bool // some are looked up and sorted; else they are read in the order of the list
	drives int  // the term by whose index that is; -1 for all messages
}

func (f MessageFilter) plan(x few) plan {
	p := plan{terms: f.terms(x), drives: -1}
	p.few = slices.ContainsFunc(p.terms, func(t term) bool { return t.few })
	if !p.few {
		p.drives = slices.IndexFunc(p.terms, func(t term) bool { return t.ordered })
	}
	return p
}

// bounded tells whether messages are read that the search does not want.
func (p plan) bounded() bool {
	return !p.few && len(p.terms) > 1 || !p.few && len(p.terms) == 1 && p.drives < 0
}

// boundary asks for the last message that the search reads.
func (f MessageFilter) boundary(p plan) (query string, args []any, err error) {
	c := &conditions{}
	if p.drives >= 0 {
		c.term(p.terms[p.drives], "")
	}
	if err := c.pageOf(f.Since, f.Until, f.After); err != nil {
		return "", nil, err
	}
	c.args = append(c.args, maxLooked-1)
	return selectBoundary + c.where() + newestFirst + fmt.Sprintf(" LIMIT 1 OFFSET $%d", len(c.args)), c.args, nil
}

// query asks for one row more than a page has. With end, a cursor, nothing older is read.
func (f MessageFilter) query(p plan, rows int, end string) (query string, args []any, err error) {
	c := &conditions{}
	for i, t := range p.terms {
		plus := ""
		if t.ordered && i != p.drives { // not by its index
			plus = "+"
		}
		c.term(t, plus)
	}
	if err := c.pageOf(f.Since, f.Until, f.After); err != nil {
		return "", nil, err
	}
	if end != "" {
		if err := c.beside(">=", end); err != nil {
			return "", nil, err
		}
	}
	order := newestFirst
	if p.few {
		order = fewNewestFirst
	}
	return selectMessages + c.where() + order + c.limit(rows+1), c.args, nil
}

// lookedTo is the cursor of the last message that a bounded search reads; "" when it comes to the end.
func (f MessageFilter) lookedTo(ctx context.Context, q querier, p plan) (string, error) {
	if !p.bounded() {
		return "", nil
	}
	query, args, err := f.boundary(p)
	if err != nil {
		return "", err
	}
	var at, seq int64
	var gate string
	err = q.QueryRowContext(ctx, query, args...).Scan(&at, &gate, &seq)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return cursor(at, gate, seq), err
}

func among(rows string) string { return "(m.gate, m.seq) IN (SELECT gate, seq FROM " + rows + ")" }
