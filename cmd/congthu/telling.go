package main

import (
	"context"
	"errors"
	"fmt"
	"net/mail"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"congthu/filter"
	"congthu/filter/evidence"
	"congthu/filter/policy"
	"congthu/store"
	"congthu/store/notice"
)

// dueEvery is how often it is looked whether officers are to be told of something.
const dueEvery = time.Minute

// forgetEvery is how often held mail is forgotten that was decided on before the time for which evidence is kept.
const forgetEvery = time.Hour

// telling tells people: notices by mail, alerts by webhook. A nil *telling tells nobody.
type telling struct {
	m       *memory
	planner *notice.Planner // nil: no notices
	alerter *notice.Alerter // nil: no alerts
	watcher *notice.Watcher
	next    time.Time // of due
	forget  time.Time // the next time
}

// newTelling starts what the configuration asks for.
func newTelling(m *memory, reg prometheus.Registerer) (*telling, error) {
	c := m.conf
	t := &telling{m: m}
	metrics := notice.NewMetrics(reg)
	if err := t.alerts(c, metrics); err != nil {
		return nil, &exitError{exitConfig, c.Problem("alerts", err.Error())}
	}
	if c.Notices.Submit == "" {
		return t, nil
	}
	templates, err := notice.LoadTemplates(c.Notices.Templates, nil, notice.Words{Organisation: c.Notices.Organisation, Contact: c.Notices.Contact, Console: c.ConfirmURL()})
	if err != nil {
		return nil, &exitError{exitConfig, c.Problem("notices.templates", err.Error())}
	}
	secret, err := notice.LoadSecret(filepath.Join(filepath.Dir(strings.TrimPrefix(c.Store.DSN, "sqlite:")), "notices.secret"))
	if err != nil {
		return nil, err
	}
	queue := &laterQueue{m}
	who := notice.Identity{From: mail.Address{Address: c.Notices.From}, Secret: secret}
	sender, err := notice.NewSender(notice.SenderOptions{Identity: who, Templates: func() *notice.Templates { return templates },
		Submission: notice.Submission{Address: c.Notices.Submit, Helo: gateName(c)}, Ours: m.ours, Queue: queue, Now: m.now, Log: m.log, Metrics: metrics})
	if err != nil {
		return nil, &exitError{exitConfig, c.Problem("notices", err.Error())}
	}
	t.planner, err = notice.NewPlanner(notice.PlannerOptions{Identity: who, Ours: m.ours, Queue: queue, Now: m.now, Log: m.log, Metrics: metrics, Wake: sender.Wake})
	if err != nil {
		return nil, &exitError{exitConfig, c.Problem("notices", err.Error())}
	}
	m.ended.Go(func() { sender.Run(m.ctx) })
	return t, nil
}

// alerts starts the webhooks.
func (t *telling) alerts(c *policy.Config, metrics *notice.Metrics) error {
	var hooks []notice.Webhook
	if a := string(c.Alerts.Alertmanager); a != "" {
		hooks = append(hooks, notice.Webhook{Name: "alertmanager", URL: strings.TrimSuffix(strings.TrimSuffix(a, "/"), "/api/v2/alerts") + "/api/v2/alerts", Format: notice.Alertmanager})
	}
	if a := string(c.Alerts.Webhook); a != "" {
		hooks = append(hooks, notice.Webhook{Name: "webhook", URL: a, Format: notice.PlainJSON})
	}
	if len(hooks) == 0 {
		return nil
	}
	var err error
	if t.alerter, err = notice.NewAlerter(notice.AlerterOptions{Gate: gateName(c), Webhooks: hooks, Now: t.m.now, Log: t.m.log, Metrics: metrics}); err != nil {
		return err
	}
	burst := notice.Burst{Count: c.Alerts.Burst, Within: time.Duration(c.Alerts.BurstWindow)}
	if t.watcher, err = notice.NewWatcher(t.alerter.Raise, burst, burst); err != nil {
		return err
	}
	t.m.ended.Go(func() { t.alerter.Run(t.m.ctx) })
	return nil
}

// trouble alerts of trouble of the gate's own.
func (t *telling) trouble(kind notice.AlertKind, err error) {
	if t != nil && t.alerter != nil {
		t.alerter.Trouble(kind, err)
	}
}

// droppedTimeout bounds the queueing of notices of a message that is dropped, which waits for its answer meanwhile.
const droppedTimeout = 3 * time.Second

// verdict tells who is to know of a verdict. What goes wrong here changes nothing for the message.
func (t *telling) verdict(ctx context.Context, tx *filter.Transaction, v filter.Verdict) {
	if t == nil {
		return
	}
	if t.watcher != nil {
		t.watcher.Observe(notice.SeenOf(tx, v))
	}
	if t.planner == nil || !v.Dropped {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, droppedTimeout)
	defer cancel()
	if err := t.dropped(ctx, tx, v); err != nil {
		t.m.log.Error("notices of a dropped message could not be queued; the evidence has it", "id", tx.ID, "error", err.Error())
	}
}

func (t *telling) dropped(ctx context.Context, tx *filter.Transaction, v filter.Verdict) error {
	s := t.m.store.Load()
	if s == nil {
		return store.ErrUnavailable
	}
	addresses, err := t.addresses(ctx, s)
	if err != nil && !errors.Is(err, errNobodyTold) {
		return err
	}
	_, again := t.planner.Dropped(ctx, tx, v, addresses)
	return errors.Join(err, again)
}

// held gives a message that is about to be held the notices of it.
func (t *telling) held(tx *filter.Transaction, v filter.Verdict, h *store.Hold) {
	if t == nil || t.planner == nil {
		return
	}
	h.Notices = t.planner.Held(tx, v, h.Expires)
	h.Queued = func(queued []bool) { t.planner.Queued(h.Notices, queued) }
}

// errNobodyTold says that held mail can wait for ever.
var errNobodyTold = errors.New("no officer has a mailbox that notices go to: nobody can be told of held mail, and none of it is deleted when its time is over")

// addresses are those of the officers who can be told: notices go to nobody outside.
func (t *telling) addresses(ctx context.Context, s *store.Store) ([]string, error) {
	officers, err := s.ListOfficers(ctx)
	if err != nil {
		return nil, fmt.Errorf("listing officers: %w", err)
	}
	var all []string
	for _, o := range officers {
		if t.planner.CanTell(o.Address) {
			all = append(all, o.Address)
		}
	}
	if len(all) == 0 {
		return nil, errNobodyTold
	}
	return all, nil
}

// due does what the passing of time asks for. Without notices nobody could be told that the time of a held
// message is over, so then none is deleted but those with a marking, which may not be kept.
func (t *telling) due(ctx context.Context, s *store.Store) {
	now := t.m.now()
	if now.Before(t.next) {
		return
	}
	t.next = now.Add(dueEvery)
	if !now.Before(t.forget) {
		t.forget = now.Add(forgetEvery)
		if _, err := s.Forget(ctx, now.Add(-time.Duration(t.m.conf.Evidence.Retention))); err != nil && ctx.Err() == nil {
			t.m.log.Error("forgetting what was held and decided long ago", "error", err.Error())
		}
	}
	if err := t.expire(ctx, s, now); err != nil && ctx.Err() == nil {
		t.m.log.Error("looking after held mail", "error", err.Error())
	}
}

func (t *telling) expire(ctx context.Context, s *store.Store, now time.Time) error {
	due, err := s.Expiry(ctx, now)
	if err != nil {
		return err
	}
	if err := t.gone(ctx, s, due.Gone); err != nil {
		return err
	}
	ended, err := t.marked(ctx, s, due.Ended, now)
	if err != nil || t.planner == nil {
		return err
	}
	addresses, err := t.addresses(ctx, s)
	if err != nil {
		return err
	}
	if err := t.reminded(ctx, s, addresses, due.Half, notice.OfficerHalf, store.HalfTime, now); err != nil {
		return err
	}
	if err := t.reminded(ctx, s, addresses, ended, notice.OfficerExpired, store.EndOfTime, now); err != nil {
		return err
	}
	return t.reminded(ctx, s, addresses, due.Waiting, notice.OfficerWaiting, store.Waiting, now)
}

// gone deletes messages whose grace is over too, each on record first.
func (t *telling) gone(ctx context.Context, s *store.Store, held []store.Held) error {
	const why = "the time for a decision is over"
	for _, h := range held {
		act := evidence.Act{Who: "congthu", What: evidence.Delete, Object: h.ID, Reason: why}
		if _, err := t.m.evidence.Append(ctx, evidence.Record{Kind: evidence.KindAct, Act: &act}); err != nil {
			return fmt.Errorf("recording the end of %s: %w", h.ID, err)
		}
		if err := s.Delete(ctx, h.ID, "congthu", why); err != nil {
			return err
		}
	}
	return nil
}

// marked lets messages with a marking go as soon as their time is over, whoever could be told: their content may
// not stay (clause 10.1). The others are left.
func (t *telling) marked(ctx context.Context, s *store.Store, ended []store.Held, now time.Time) (others []store.Held, err error) {
	var marked []store.Held
	var ids []string
	for _, h := range ended {
		if !h.Marking {
			others = append(others, h)
			continue
		}
		t.m.log.Warn("the time of a held message with a marking is over", "id", h.ID)
		marked, ids = append(marked, h), append(ids, h.ID)
	}
	if len(marked) == 0 {
		return others, nil
	}
	if t.planner != nil {
		going := items(marked)
		for i := range going {
			going[i].Going, going[i].Expires = true, time.Time{}
		}
		addresses, err := t.addresses(ctx, s)
		if err == nil {
			_, err = t.planner.Officers(ctx, notice.OfficerExpired, addresses, going)
		}
		_, again := t.planner.Expired(ctx, going)
		if err := errors.Join(err, again); err != nil {
			t.m.log.Error("people could not be told of marked mail whose time is over", "error", err.Error())
		}
	}
	return others, s.Noticed(ctx, store.EndOfTime, now, ids...)
}

// reminded tells officers, at the end recipients too, and notes it for those messages that everybody was told of.
// Whoever is missing had a notice within the hour: later.
func (t *telling) reminded(ctx context.Context, s *store.Store, officers []string, held []store.Held, k notice.Kind, stage store.Stage, now time.Time) error {
	all := items(held)
	if stage == store.EndOfTime {
		for i := range all {
			all[i].Expires = now.Add(store.GraceAfterNotice)
		}
	}
	done, err := t.planner.Officers(ctx, k, officers, all)
	if err == nil && stage == store.EndOfTime {
		var recipients []string
		recipients, err = t.planner.Expired(ctx, all)
		done = slices.DeleteFunc(done, func(id string) bool { return !slices.Contains(recipients, id) })
	}
	if err != nil || len(done) == 0 {
		return err
	}
	return s.Noticed(ctx, stage, now, done...)
}

func items(held []store.Held) []notice.Item {
	var all []notice.Item
	for _, h := range held {
		i := notice.Item{ID: h.ID, Time: h.Time, Expires: h.Expires, Direction: filter.Direction(h.Direction), Unit: h.Unit, Sender: h.ReversePath, Recipients: h.Recipients}
		for _, r := range h.Rules {
			i.Rules = append(i.Rules, notice.Reason{Rule: r.Name, Clause: r.Clause})
		}
		all = append(all, i)
	}
	return all
}

// laterQueue is the store's queue of notices, once the database is open.
type laterQueue struct{ m *memory }

func (q *laterQueue) store() (*store.Store, error) {
	if s := q.m.store.Load(); s != nil {
		return s, nil
	}
	return nil, store.ErrUnavailable
}

func (q *laterQueue) QueueNotices(ctx context.Context, all []notice.Notice) ([]bool, error) {
	s, err := q.store()
	if err != nil {
		return nil, err
	}
	return s.QueueNotices(ctx, all)
}

func (q *laterQueue) Heard(ctx context.Context, k notice.Kind, ids []string) (map[string][]string, error) {
	s, err := q.store()
	if err != nil {
		return nil, err
	}
	return s.Heard(ctx, k, ids)
}

// NextNotices has nothing to send while the database is not open: whoever opens it says what is wrong with it.
func (q *laterQueue) NextNotices(ctx context.Context, now time.Time, limit int) ([]notice.Notice, error) {
	s, err := q.store()
	if err != nil {
		return nil, nil
	}
	return s.NextNotices(ctx, now, limit)
}

func (q *laterQueue) MarkSent(ctx context.Context, id string) error {
	s, err := q.store()
	if err != nil {
		return err
	}
	return s.MarkSent(ctx, id)
}

func (q *laterQueue) MarkFailed(ctx context.Context, id, reason string, next time.Time) error {
	s, err := q.store()
	if err != nil {
		return err
	}
	return s.MarkFailed(ctx, id, reason, next)
}
