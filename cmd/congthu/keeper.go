package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"congthu/filter"
	"congthu/filter/evidence"
	"congthu/store"
	"congthu/store/notice"
)

// keepTimeout bounds the waiting for disk and database before a message is deferred.
const keepTimeout = 20 * time.Second

// Keep implements filter.Keeper. The record comes first, for nothing may be held without one.
func (m *memory) Keep(ctx context.Context, tx *filter.Transaction, v filter.Verdict) (hold string, err error) {
	ctx, cancel := context.WithTimeout(ctx, keepTimeout)
	defer cancel()
	record := evidence.FromVerdict(tx, v)
	if _, err := m.evidence.Append(ctx, evidence.Record{Kind: evidence.KindVerdict, Verdict: &record}); err != nil {
		m.told.trouble(notice.EvidenceTrouble, err)
		return "", err
	}
	if v.Held {
		if hold, err = m.hold(ctx, tx, v); err != nil {
			if !errors.Is(err, store.ErrNoOfficers) {
				m.told.trouble(notice.StoreTrouble, err)
			}
			return "", err
		}
	}
	m.countExceptions(ctx, v)
	m.told.verdict(ctx, tx, v)
	return hold, nil
}

// hold puts the message into the quarantine, where id is its own or that of the same message before it, of which
// people know already.
func (m *memory) hold(ctx context.Context, tx *filter.Transaction, v filter.Verdict) (id string, err error) {
	s := m.store.Load()
	if s == nil {
		return "", store.ErrUnavailable
	}
	body, err := bodyHash(tx)
	if err != nil {
		return "", err
	}
	now := m.now()
	h := store.Hold{ID: v.ID, Time: now, Door: tx.Session.Door, Direction: string(v.Direction), Unit: v.Unit, QueueID: tx.QueueID,
		ReversePath: tx.ReversePath.String(), Marking: v.Marked(), SHA256: tx.SHA256, BodySHA256: body}
	if tx.Session.Client.IsValid() {
		h.Client = tx.Session.Client.String()
	}
	for _, r := range tx.Recipients {
		h.Recipients = append(h.Recipients, r.String())
	}
	for _, f := range v.Findings {
		r := store.Rule{Name: f.Rule, Clause: f.Clause}
		if f.Mode == filter.Enforce && f.Disposition >= filter.Hold && !slices.Contains(h.Rules, r) {
			h.Rules = append(h.Rules, r)
			h.TwoPersons = h.TwoPersons || slices.Contains(m.conf.Store.TwoPersons, f.Rule)
		}
	}
	keep := time.Duration(m.conf.Store.Keep)
	if h.Marking {
		keep = time.Duration(m.conf.Store.KeepMarked)
	} else if subjects := tx.Message.Header.Text("Subject"); len(subjects) > 0 {
		h.Subject = subjects[0]
	}
	h.Expires = now.Add(keep)
	m.told.held(tx, v, &h)
	return s.Hold(ctx, h, io.NewSectionReader(tx.Content, 0, tx.Content.Size()))
}

// bodyHash is the SHA-256 by which a released message is known again: of what stands below the header and of the fields
// that say how to read it. Whoever has the secret of a release, as its recipients do where no gate took it out, has it
// for that content only. Servers fold fields anew, but have no other words for these.
func bodyHash(tx *filter.Transaction) (string, error) {
	body := tx.Message.Root.Body
	sum := sha256.New()
	for _, name := range []string{"MIME-Version", "Content-Type", "Content-Transfer-Encoding"} {
		for _, v := range tx.Message.Header.Values(name) {
			fmt.Fprintf(sum, "%s: %s\n", name, strings.Join(strings.Fields(v), " "))
		}
	}
	fmt.Fprintln(sum)
	if _, err := io.Copy(sum, io.NewSectionReader(tx.Content, body.Start, body.Len())); err != nil {
		return "", fmt.Errorf("hashing the body: %w", err)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// Outcome implements filter.Keeper.
func (m *memory) Outcome(tx *filter.Transaction, v filter.Verdict, o filter.Outcome) {
	out := evidence.Outcome{ID: tx.ID, Reply: o.Reply, NextHop: o.NextHop, Held: v.Held}
	if v.Hold != tx.ID {
		out.Hold = v.Hold
	}
	if o.Err != nil {
		out.Error = o.Err.Error()
	} else if v.Err != nil {
		out.Error = v.Err.Error()
	}
	m.evidence.Note(evidence.Record{Kind: evidence.KindOutcome, Outcome: &out})
	if tx.Released != "" && (o.Err != nil || len(o.Reply) == 0 || o.Reply[0] != '2') {
		m.returnRelease(tx, tx.Released)
	}
}

// returnRelease lets a released message come once more, for the next hop did not take it.
func (m *memory) returnRelease(tx *filter.Transaction, hold string) {
	ctx, cancel := context.WithTimeout(m.ctx, keepTimeout)
	defer cancel()
	s := m.store.Load()
	if s == nil {
		return
	}
	if err := s.ReturnRelease(ctx, hold, recipients(tx)); err != nil {
		m.log.Error("a release that was not delivered could not be given back", "hold", hold, "error", err.Error())
	}
}

func recipients(tx *filter.Transaction) []string {
	var all []string
	for _, r := range tx.Recipients {
		all = append(all, r.String())
	}
	return all
}

// CanHold implements filter.Keeper.
func (m *memory) CanHold() (can, known bool) {
	return m.canHold.Load(), m.counted.Load() || !m.conf.HasStore()
}

// Released implements filter.Keeper. Only a message that says that it was released, once, is looked up.
func (m *memory) Released(ctx context.Context, tx *filter.Transaction) (string, error) {
	s, tokens := m.store.Load(), tx.Message.Header.Values(filter.ReleaseField)
	if s == nil || len(tokens) != 1 || tx.Content == nil {
		return "", nil
	}
	body, err := bodyHash(tx)
	if err != nil {
		return "", err
	}
	hold, ok, err := s.TakeRelease(ctx, strings.TrimSpace(tokens[0]), body, tx.ReversePath.String(), recipients(tx))
	if err != nil || !ok {
		return "", err
	}
	return hold, nil
}

// Excepted implements filter.Keeper. As long as the database has not opened, nobody knows.
func (m *memory) Excepted(rule, partSHA256 string, at time.Time) (string, error) {
	s := m.store.Load()
	switch {
	case s != nil:
		return s.Excepted(partSHA256, rule, at)
	case m.conf.HasStore():
		return "", store.ErrUnavailable
	}
	return "", nil
}

// countExceptions counts each exception that the verdict used.
func (m *memory) countExceptions(ctx context.Context, v filter.Verdict) {
	s := m.store.Load()
	if s == nil {
		return
	}
	var counted []string
	for _, f := range v.Findings {
		if f.Exception == "" || slices.Contains(counted, f.Exception) {
			continue
		}
		counted = append(counted, f.Exception)
		if err := s.CountException(ctx, f.Exception, m.now()); err != nil {
			m.log.Error("the use of an exception could not be counted; the evidence has it", "exception", f.Exception, "error", err.Error())
		}
	}
}
