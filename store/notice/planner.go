package notice

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"congthu/filter"
)

// ruleVirus is the rule of whose findings recipients are not told.
const ruleVirus = "virus"

// MaxRecipients is how many recipients of one message are told of it.
const MaxRecipients = 1000

// Planner decides who is told of what and puts the notices into the queue.
type Planner struct {
	who     Identity
	ours    func(domain string) bool
	queue   Queue
	now     func() time.Time
	log     *slog.Logger
	metrics *Metrics
	wake    func()
}

// PlannerOptions are what a Planner needs; all are.
type PlannerOptions struct {
	Identity Identity
	Ours     func(domain string) bool // filter.Organisation.Ours
	Queue    Queue
	Now      func() time.Time
	Log      *slog.Logger
	Metrics  *Metrics
	Wake     func() // tells the Sender that something was queued
}

// NewPlanner checks the identity.
func NewPlanner(o PlannerOptions) (*Planner, error) {
	if err := o.Identity.Check(); err != nil {
		return nil, err
	}
	return &Planner{o.Identity, o.Ours, o.Queue, o.Now, o.Log, o.Metrics, o.Wake}, nil
}

// Held queues what people are told of a message that was just held: its internal sender, or the internal
// recipients when it is inbound and holds no virus. Officers are told by Officers. It counts the notices queued.
// An error means that the queue did not take a notice; the message is held all the same.
func (p *Planner) Held(ctx context.Context, tx *filter.Transaction, v filter.Verdict, expires time.Time) (int, error) {
	if p.Own(tx) {
		return 0, nil
	}
	item := NewItem(tx, v, expires)
	if tx.Direction.FromOurs() {
		if automatic(tx) {
			return 0, nil
		}
		ok, err := p.tell(ctx, HeldSender, tx.ReversePath, item)
		return count(ok), err
	}
	return p.recipients(ctx, HeldRecipient, tx.Recipients, item)
}

// Dropped queues what the internal recipients are told of inbound mail that had to be taken and is not
// delivered (queue: after). Officers are told by Officers.
func (p *Planner) Dropped(ctx context.Context, tx *filter.Transaction, v filter.Verdict) (int, error) {
	if p.Own(tx) {
		return 0, nil
	}
	return p.recipients(ctx, DroppedRecipient, tx.Recipients, NewItem(tx, v, time.Time{}))
}

// Expired queues what internal recipients are told when the time of held messages is over; Item.Expires is when
// each will be deleted. An address gets one notice with all its messages in it. It lists the ids of the items
// of which nobody is left to be told: the caller comes again with the others later (an address of theirs got
// such a notice within the hour), and then some may hear twice, rather than one never.
func (p *Planner) Expired(ctx context.Context, items []Item) (told []string, err error) {
	var order []filter.Path
	mine, missed := map[string][]Item{}, map[string]bool{}
	for _, item := range items {
		if item.Has(ruleVirus) {
			continue
		}
		for _, r := range item.Recipients[:min(len(item.Recipients), MaxRecipients)] {
			to := filter.ParsePath(r, "")
			if !p.ours(to.Domain) || p.reach(to) == "" {
				continue
			}
			key := p.reach(to)
			if mine[key] == nil {
				order = append(order, to)
			}
			item.Recipients = []string{key}
			mine[key] = append(mine[key], item)
		}
	}
	var errs []error
	for _, to := range order {
		list := mine[p.reach(to)]
		ok, err := p.queueOne(ctx, Notice{Kind: ExpiredRecipient, Rule: string(ExpiredRecipient), Items: list}, to)
		for _, item := range list {
			missed[item.ID] = missed[item.ID] || !ok
		}
		errs = append(errs, err)
	}
	for _, item := range items {
		if !missed[item.ID] {
			told = append(told, item.ID)
		}
	}
	return told, errors.Join(errs...)
}

// Officers queues one notice of an officers' kind to each address, with all items in it. It lists the
// addresses for which it was queued: an address that is missing got one of this kind within the hour, so that
// the caller comes again with the same items later. Nothing is queued for an address outside.
func (p *Planner) Officers(ctx context.Context, k Kind, officers []string, items []Item) (told []string, err error) {
	if !k.Officer() {
		return nil, fmt.Errorf("telling officers: %q is no officers' kind", k)
	}
	if len(items) == 0 {
		return nil, nil
	}
	var errs []error
	for _, officer := range officers {
		ok, err := p.queueOne(ctx, Notice{Kind: k, Rule: string(k), Items: items}, filter.ParsePath(officer, ""))
		if ok {
			told = append(told, officer)
		}
		errs = append(errs, err)
	}
	return told, errors.Join(errs...)
}

// Own tells whether a message is a notice of ours. Nobody is told of it, whatever is decided about it.
func (p *Planner) Own(tx *filter.Transaction) bool {
	if tx.Message == nil || tx.Message.Header == nil {
		return false
	}
	return slices.ContainsFunc(tx.Message.Header.Values("Message-ID"), p.who.Own)
}

// recipients tells each internal recipient of itself alone: the others may be blind copies.
func (p *Planner) recipients(ctx context.Context, k Kind, to []filter.Path, item Item) (int, error) {
	if item.Has(ruleVirus) {
		return 0, nil
	}
	queued, errs := 0, []error(nil)
	for _, r := range to[:min(len(to), MaxRecipients)] {
		if !p.ours(r.Domain) {
			continue // the sender's business: not counted as a mistake
		}
		item.Recipients = []string{r.String()}
		ok, err := p.tell(ctx, k, r, item)
		queued += count(ok)
		errs = append(errs, err)
	}
	return queued, errors.Join(errs...)
}

// tell queues a notice about one message to one address.
func (p *Planner) tell(ctx context.Context, k Kind, to filter.Path, item Item) (bool, error) {
	rule := string(k)
	if len(item.Rules) > 0 {
		rule = item.Rules[0].Rule
	}
	return p.queueOne(ctx, Notice{Kind: k, Rule: rule, Items: []Item{item}}, to)
}

// reach is the mailbox to which a notice for to goes, "" when none may: not ours, not an address of RFC 5321
// in ASCII, or the one that notices come from.
func (p *Planner) reach(to filter.Path) string {
	// One mailbox can be written with capitals in many ways, and each would be told once an hour. No mail server of our
	// days tells them apart, though RFC 5321 section 2.4 lets one.
	addr := strings.ToLower(to.Local) + "@" + filter.NormalDomain(to.Domain)
	if to.Domain == "" || !p.ours(to.Domain) || !asciiMailbox(addr) || strings.EqualFold(p.who.From.Address, addr) {
		return ""
	}
	return addr
}

// queueOne queues n for an address of ours.
func (p *Planner) queueOne(ctx context.Context, n Notice, to filter.Path) (bool, error) {
	if n.To = p.reach(to); n.To == "" {
		p.metrics.Notices.WithLabelValues(string(n.Kind), resultOutside).Inc()
		return false, nil
	}
	n.Created = p.now()
	n.ID = filter.NewID(n.Created)
	n, err := fit(n)
	if err != nil {
		return false, err
	}
	ok, err := p.queue.QueueNotice(ctx, n)
	result := resultQueued
	switch {
	case err != nil:
		result, err = resultError, fmt.Errorf("queueing a notice to %s: %w", n.To, err)
		p.log.Error("notice not queued", "kind", string(n.Kind), "to", n.To, "error", err.Error())
	case !ok:
		result = resultSuppressed
	default:
		p.wake()
	}
	p.metrics.Notices.WithLabelValues(string(n.Kind), result).Inc()
	return ok && err == nil, err
}

// fit shortens a notice to MaxItems and MaxNotice; at least one message stays in it.
func fit(n Notice) (Notice, error) {
	all := n.Items
	n.Items = make([]Item, 0, min(len(all), MaxItems))
	for _, item := range all[:cap(n.Items)] {
		n.Items = append(n.Items, item.short())
	}
	for {
		n.More = len(all) - len(n.Items)
		b, err := json.Marshal(n)
		if err != nil {
			return n, fmt.Errorf("writing a notice: %w", err)
		}
		if len(b) <= MaxNotice || len(n.Items) <= 1 {
			return n, nil
		}
		n.Items = n.Items[:len(n.Items)/2]
	}
}

func count(ok bool) int {
	if ok {
		return 1
	}
	return 0
}

// NewItem is what a notice says of a message: the reasons are the enforced findings that asked for what was
// done with it.
func NewItem(tx *filter.Transaction, v filter.Verdict, expires time.Time) Item {
	i := Item{ID: tx.ID, Time: tx.Received, Expires: expires, Direction: tx.Direction, Unit: tx.Unit}
	if !tx.ReversePath.Null() {
		i.Sender = Visible(tx.ReversePath.String(), MaxAddress)
	}
	for _, r := range tx.Recipients[:min(len(tx.Recipients), MaxRecipients)] {
		i.Recipients = append(i.Recipients, Visible(r.String(), MaxAddress))
	}
	for _, f := range v.Findings {
		known := slices.ContainsFunc(i.Rules, func(r Reason) bool { return r.Rule == f.Rule && r.Clause == f.Clause })
		if f.Mode == filter.Enforce && f.Disposition >= filter.Hold && !known {
			i.Rules = append(i.Rules, Reason{Rule: f.Rule, Clause: f.Clause, Text: f.Text})
		}
	}
	return i
}
