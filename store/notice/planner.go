package notice

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"congthu/filter"
)

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

	telling sync.Mutex // one at a time: who was told is looked up before
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
	return &Planner{who: o.Identity, ours: o.Ours, queue: o.Queue, now: o.Now, log: o.Log, metrics: o.Metrics, wake: o.Wake}, nil
}

// Held is what people are to be told of a message that is about to be held: its internal sender, or the internal
// recipients when it is inbound and holds no virus. Officers are told by Officers. Whoever holds the message queues
// them with it, in one transaction, and says so (Queued): they are lost no more easily than the message.
func (p *Planner) Held(tx *filter.Transaction, v filter.Verdict, expires time.Time) []Notice {
	if p.Own(tx) {
		return nil
	}
	item := NewItem(tx, v, expires)
	if !tx.Direction.FromOurs() {
		return p.recipients(HeldRecipient, tx.Recipients, item)
	}
	if automatic(tx) {
		return nil
	}
	return p.about(nil, HeldSender, tx.ReversePath, item)
}

// Dropped queues what the internal recipients and the officers are told of inbound mail that had to be taken and is
// not delivered (queue: after). It counts the notices queued; an error means that the queue took none.
func (p *Planner) Dropped(ctx context.Context, tx *filter.Transaction, v filter.Verdict, officers []string) (int, error) {
	if p.Own(tx) {
		return 0, nil
	}
	item := NewItem(tx, v, time.Time{})
	all := p.recipients(DroppedRecipient, tx.Recipients, item)
	for _, o := range officers {
		all = p.add(all, Notice{Kind: OfficerDropped, Rule: string(OfficerDropped), Items: []Item{item}}, filter.ParsePath(o, ""))
	}
	queued, err := p.enqueue(ctx, all)
	n := 0
	for _, ok := range queued {
		n += count(ok)
	}
	return n, err
}

// Expired queues what internal recipients are told when the time of held messages is over; Item.Expires is when
// each will be deleted. An address gets one notice with all its messages in it, and hears of each once. It lists the
// ids of the items of which nobody is left to be told: the caller comes again with the others later (an address of
// theirs got such a notice within the hour).
func (p *Planner) Expired(ctx context.Context, items []Item) (told []string, err error) {
	var who []group
	at := map[string]int{} // in who, by address
	for _, item := range items {
		if item.Has(filter.RuleVirus) {
			continue
		}
		for _, r := range item.Recipients[:min(len(item.Recipients), MaxRecipients)] {
			to := filter.ParsePath(r, "")
			key := p.reach(to)
			if key == "" {
				continue
			}
			if _, ok := at[key]; !ok {
				at[key], who = len(who), append(who, group{to: to})
			}
			item.Recipients = []string{key}
			who[at[key]].items = append(who[at[key]].items, item)
		}
	}
	return p.tell(ctx, ExpiredRecipient, items, who)
}

// Officers queues one notice of an officers' kind to each address, with all items in it that it was not told of yet.
// It lists the ids of the items that all these officers heard of: an officer who got a notice of this kind within the
// hour hears of the others when the caller comes again with the same items later. An address that no notice can ever
// go to (CanTell) is not waited for.
func (p *Planner) Officers(ctx context.Context, k Kind, officers []string, items []Item) (told []string, err error) {
	if !k.Officer() {
		return nil, fmt.Errorf("telling officers: %q is no officers' kind", k)
	}
	var who []group
	for _, o := range officers {
		to := filter.ParsePath(o, "")
		if p.reach(to) == "" {
			p.metrics.Notices.WithLabelValues(string(k), resultOutside).Inc()
			continue
		}
		who = append(who, group{to, items})
	}
	if len(who) == 0 {
		return nil, nil
	}
	return p.tell(ctx, k, items, who)
}

// group is what one address is to hear of.
type group struct {
	to    filter.Path
	items []Item
}

// tell queues a notice to each of the groups of what it was not told of yet, and lists those of the items that nobody
// is left to be told of.
func (p *Planner) tell(ctx context.Context, k Kind, items []Item, who []group) (told []string, err error) {
	p.telling.Lock()
	defer p.telling.Unlock()
	heard, err := p.queue.Heard(ctx, k, ids(items))
	if err != nil {
		return nil, fmt.Errorf("looking up who was told: %w", err)
	}
	var all []Notice
	for _, g := range who {
		address := p.reach(g.to)
		fresh := slices.DeleteFunc(slices.Clone(g.items), func(i Item) bool { return slices.Contains(heard[i.ID], address) })
		if len(fresh) > 0 {
			all = p.add(all, Notice{Kind: k, Rule: string(k), Items: fresh, Hears: ids(fresh)}, g.to)
		}
	}
	queued, err := p.enqueue(ctx, all)
	if err != nil {
		return nil, err
	}
	for i, ok := range queued {
		for _, id := range all[i].Hears {
			if ok {
				heard[id] = append(heard[id], all[i].To)
			}
		}
	}
	missed := map[string]bool{}
	for _, g := range who {
		for _, item := range g.items {
			missed[item.ID] = missed[item.ID] || !slices.Contains(heard[item.ID], p.reach(g.to))
		}
	}
	return slices.DeleteFunc(ids(items), func(id string) bool { return missed[id] }), nil
}

func ids(items []Item) (all []string) {
	for _, i := range items {
		all = append(all, i.ID)
	}
	return all
}

// Own tells whether a message is a notice of ours. Nobody is told of it, whatever is decided about it.
func (p *Planner) Own(tx *filter.Transaction) bool {
	if tx.Message == nil || tx.Message.Header == nil {
		return false
	}
	return slices.ContainsFunc(tx.Message.Header.Values("Message-ID"), p.who.Own)
}

// recipients tells each internal recipient of itself alone: the others may be blind copies.
func (p *Planner) recipients(k Kind, to []filter.Path, item Item) (all []Notice) {
	if item.Has(filter.RuleVirus) {
		return nil
	}
	for _, r := range to[:min(len(to), MaxRecipients)] {
		if !p.ours(r.Domain) {
			continue // the sender's business: not counted as a mistake
		}
		item.Recipients = []string{r.String()}
		all = p.about(all, k, r, item)
	}
	return all
}

// about adds a notice about one message to one address.
func (p *Planner) about(all []Notice, k Kind, to filter.Path, item Item) []Notice {
	rule := string(k)
	if len(item.Rules) > 0 {
		rule = item.Rules[0].Rule
	}
	return p.add(all, Notice{Kind: k, Rule: rule, Items: []Item{item}}, to)
}

// CanTell tells whether a notice can ever go to an address.
func (p *Planner) CanTell(address string) bool { return p.reach(filter.ParsePath(address, "")) != "" }

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

// add completes n for an address of ours and adds it to all.
func (p *Planner) add(all []Notice, n Notice, to filter.Path) []Notice {
	if n.To = p.reach(to); n.To == "" {
		p.metrics.Notices.WithLabelValues(string(n.Kind), resultOutside).Inc()
		return all
	}
	n.Created = p.now()
	n.ID = filter.NewID(n.Created)
	n, err := fit(n)
	if err != nil {
		p.log.Error("notice not written", "kind", string(n.Kind), "to", n.To, "error", err.Error())
		return all
	}
	return append(all, n)
}

// enqueue gives notices to the queue, all at once; with an error it took none.
func (p *Planner) enqueue(ctx context.Context, all []Notice) (queued []bool, err error) {
	if len(all) == 0 {
		return nil, nil
	}
	if queued, err = p.queue.QueueNotices(ctx, all); err != nil {
		for _, n := range all {
			p.metrics.Notices.WithLabelValues(string(n.Kind), resultError).Inc()
		}
		return nil, fmt.Errorf("queueing %d notices: %w", len(all), err)
	}
	p.Queued(all, queued)
	return queued, nil
}

// Queued counts notices and tells the Sender, after a queue took them: not those of which somebody was told within
// the hour.
func (p *Planner) Queued(all []Notice, queued []bool) {
	for i, n := range all {
		result := resultSuppressed
		if queued[i] {
			result = resultQueued
		}
		p.metrics.Notices.WithLabelValues(string(n.Kind), result).Inc()
	}
	if slices.Contains(queued, true) {
		p.wake()
	}
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
