package store

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"congthu/filter/evidence"
)

// Message is a message as the index has it: its verdict and, once it is known, what became of it.
type Message struct {
	Gate      string
	Seq       uint64
	Time      time.Time
	Verdict   evidence.Verdict
	Outcome   *evidence.Outcome
	OutcomeAt time.Time
}

// MessageFilter is what a search is limited to. Empty fields limit nothing.
type MessageFilter struct {
	Since, Until time.Time // from, before
	Gate         string
	ID           string // the transaction's
	QueueID      string // the MTA's, here or at the next hop
	Client       string // address
	Sender       string
	Recipient    string
	Unit         string
	Direction    string
	Disposition  string
	Rule         string
	Clause       string
	SHA256       string // of the message, or of a part that a rule found something in
	Held         bool   // only what was held
	Limit        int    // at most MaxPage; 0 is DefaultPage
	After        string // the page after this one (see Search)
}

// pageOf limits rows to times and to those after a cursor, newest first.
func (c *conditions) pageOf(since, until time.Time, after string) error {
	if !since.IsZero() {
		c.add("m.at >= ?", micro(since))
	}
	if !until.IsZero() {
		c.add("m.at < ?", micro(until))
	}
	if after == "" {
		return nil
	}
	return c.beside("<", after)
}

// beside limits rows to those on one side of a cursor.
func (c *conditions) beside(compares, at string) error {
	when, seq, gate, err := parseCursor(at)
	if err != nil {
		return err
	}
	c.args = append(c.args, when, gate, seq)
	n := len(c.args)
	c.parts = append(c.parts, fmt.Sprintf("(m.at, m.gate, m.seq) %s ($%d, $%d, $%d)", compares, n-2, n-1, n))
	return nil
}

// The order of lists. The + keeps the database from reading in that order all messages there are, in search of
// the few that a condition names.
const (
	newestFirst    = " ORDER BY m.at DESC, m.gate DESC, m.seq DESC"
	fewNewestFirst = " ORDER BY +m.at DESC, m.gate DESC, m.seq DESC"
)

// cursor names a row, so that the page after it can be asked for.
func cursor(at int64, gate string, seq int64) string { return fmt.Sprintf("%d.%d.%s", at, seq, gate) }

func parseCursor(s string) (at, seq int64, gate string, err error) {
	first, rest, ok := strings.Cut(s, ".")
	second, gate, ok2 := strings.Cut(rest, ".")
	at, err1 := strconv.ParseInt(first, 10, 64)
	seq, err2 := strconv.ParseInt(second, 10, 64)
	if !ok || !ok2 || err1 != nil || err2 != nil {
		return 0, 0, "", fmt.Errorf("%w: %q names no page", ErrInvalid, s)
	}
	return at, seq, gate, nil
}

// LookedTo is the time of the message that a value of next names, up to which a search read: the zero time for none.
func LookedTo(next string) time.Time {
	at, _, _, err := parseCursor(next)
	if err != nil {
		return time.Time{}
	}
	return fromMicro(at)
}

// Search lists messages, the newest first. next is MessageFilter.After for the page after this one, "" when this is the
// last. A search for what is rare reads maxLooked messages at a time: its page may have few messages, or none, and a page
// after it.
func (s *Store) Search(ctx context.Context, f MessageFilter) (all []Message, next string, err error) {
	n := page(f.Limit)
	err = s.read(ctx, "searching messages", func(q querier) error {
		x, err := f.countFew(ctx, q)
		if err != nil {
			return err
		}
		p := f.plan(x)
		if next, err = f.lookedTo(ctx, q, p); err != nil {
			return err
		}
		query, args, err := f.query(p, n, next)
		if err != nil {
			return err
		}
		if all, err = messages(ctx, q, query, args); err != nil {
			return err
		}
		if len(all) > n {
			last := all[n-1]
			all, next = all[:n], cursor(micro(last.Time), last.Gate, int64(last.Seq))
		}
		for i := range all {
			if err := complete(ctx, q, &all[i]); err != nil {
				return err
			}
		}
		return nil
	})
	return all, next, err
}

func messages(ctx context.Context, q querier, query string, args []any) ([]Message, error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []Message
	for rows.Next() {
		var m Message
		var o evidence.Outcome
		var seq, at, outcomeSeq, outcomeAt int64
		var packs string
		v := &m.Verdict
		err := rows.Scan(&m.Gate, &seq, &at, &v.ID, &v.Door, &v.Listener, &v.QueueID, &v.Client, &v.ClientName, &v.Helo, &v.Login,
			&v.TLS, &v.Protocol, &v.ReversePath, &v.Direction, &v.Unit, &v.Disposition, &v.Reply, &v.Held, &v.Policy, &packs,
			&v.SHA256, &v.Bytes, &v.Error, &v.MoreRecipients, &v.MoreFindings, &v.MoreUnseen, &v.Dropped, &v.Released,
			&outcomeSeq, &outcomeAt, &o.Reply, &o.Error, &o.NextHop, &o.NextHopQueueID)
		if err != nil {
			return nil, err
		}
		m.Seq, m.Time = uint64(seq), fromMicro(at)
		if packs != "" {
			v.Packs = strings.Split(packs, "\n")
		}
		if outcomeSeq > 0 {
			o.ID, o.Held = v.ID, v.Held
			m.Outcome, m.OutcomeAt = &o, fromMicro(outcomeAt)
		}
		all = append(all, m)
	}
	return all, rows.Err()
}

// complete reads the lists of a message.
func complete(ctx context.Context, q querier, m *Message) (err error) {
	if m.Verdict.Recipients, err = texts(ctx, q, selectMessageRecipients, m.Gate, int64(m.Seq)); err != nil {
		return err
	}
	rows, err := q.QueryContext(ctx, selectFindings, m.Gate, int64(m.Seq))
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var f evidence.Finding
		if err := rows.Scan(&f.Rule, &f.Clause, &f.Mode, &f.Disposition, &f.Score, &f.Level, &f.Part, &f.PartSHA256, &f.Detail); err != nil {
			return err
		}
		m.Verdict.Findings = append(m.Verdict.Findings, f)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	unseen, err := q.QueryContext(ctx, selectUninspected, m.Gate, int64(m.Seq))
	if err != nil {
		return err
	}
	defer unseen.Close()
	for unseen.Next() {
		var n evidence.NotInspected
		if err := unseen.Scan(&n.Part, &n.Reason); err != nil {
			return err
		}
		m.Verdict.NotInspected = append(m.Verdict.NotInspected, n)
	}
	return unseen.Err()
}
