package notice

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// Limits of alerts on their way.
const (
	// AlertInterval is how long alerts of one key are gathered after one was sent.
	AlertInterval = 5 * time.Minute
	// MaxKeys is how many keys are gathered at once; alerts of further keys are sent without gathering.
	MaxKeys = 1000
	// lastChance is how long webhooks have for what is left when the gate stops.
	lastChance = 3 * time.Second
)

// Alerter gathers alerts and hands them to webhooks. Raise never waits: a webhook that hangs costs alerts,
// which are counted, and never mail.
type Alerter struct {
	gate     string
	interval time.Duration
	now      func() time.Time
	hooks    []*hook

	mu       sync.Mutex
	gathered map[string]*gathering
}

// gathering is what was raised under one key since the last report.
type gathering struct {
	report
	until time.Time
}

// AlerterOptions are what an Alerter needs.
type AlerterOptions struct {
	Gate     string // this gate's name, on every alert
	Webhooks []Webhook
	Interval time.Duration // 0 is AlertInterval
	Now      func() time.Time
	Log      *slog.Logger
	Metrics  *Metrics
}

// NewAlerter checks the webhooks. Run must be called for alerts to leave.
func NewAlerter(o AlerterOptions) (*Alerter, error) {
	a := &Alerter{gate: o.Gate, interval: o.Interval, now: o.Now, gathered: map[string]*gathering{}}
	if a.interval <= 0 {
		a.interval = AlertInterval
	}
	names := map[string]bool{}
	for _, w := range o.Webhooks {
		h, err := newHook(w, o.Log, o.Metrics)
		if err != nil {
			return nil, err
		}
		if names[w.Name] {
			return nil, fmt.Errorf("two webhooks are called %q", w.Name)
		}
		names[w.Name] = true
		a.hooks = append(a.hooks, h)
	}
	return a, nil
}

// Raise reports an alert: at once when it is the first of its kind, sender and level, otherwise together with the
// others when the interval is over.
func (a *Alerter) Raise(alert Alert) {
	if len(a.hooks) == 0 {
		return
	}
	alert = alert.clean()
	now := a.now()
	if alert.Time.IsZero() {
		alert.Time = now
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	g := a.gathered[alert.key()]
	if g != nil {
		g.add(alert)
		return
	}
	g = &gathering{report: report{gate: a.gate, lasts: 2 * a.interval}, until: now.Add(a.interval)}
	g.add(alert)
	a.send(g.take())
	if len(a.gathered) < MaxKeys {
		a.gathered[alert.key()] = g
	}
}

// Trouble is Raise for what is wrong with the gate itself.
func (a *Alerter) Trouble(k AlertKind, err error) { a.Raise(Alert{Kind: k, Reason: err.Error()}) }

func (g *gathering) add(a Alert) {
	if g.count == 0 || a.Time.Before(g.first) {
		g.first = a.Time
	}
	if g.count == 0 || a.Time.After(g.last) {
		g.last = a.Time
	}
	g.count++
	seen := g.Seen + a.Seen
	g.Alert = a
	g.Seen = seen
	if a.ID != "" && len(g.ids) < MaxIDs {
		g.ids = append(g.ids, a.ID)
	}
}

// take is the report so far; the gathering starts anew.
func (g *gathering) take() report {
	r := g.report
	if r.ids == nil {
		r.ids = []string{}
	}
	g.count, g.Seen, g.ids = 0, 0, nil
	return r
}

// send gives a report to every webhook, and waits for none.
func (a *Alerter) send(r report) {
	for _, h := range a.hooks {
		h.offer(r)
	}
}

// flush sends what was gathered until now; all of it when the gate stops.
func (a *Alerter) flush(now time.Time, all bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for key, g := range a.gathered {
		switch {
		case !all && now.Before(g.until) && now.After(g.until.Add(-2*a.interval)): // a clock that went back ends it as well
			continue
		case g.count == 0:
			delete(a.gathered, key)
		default:
			a.send(g.take())
			g.until = now.Add(a.interval)
		}
	}
}

// Run sends until ctx ends, then gives webhooks a last chance of 3 seconds for what is left.
func (a *Alerter) Run(ctx context.Context) {
	end, cancel := context.WithCancel(context.Background())
	defer cancel()
	var wg sync.WaitGroup
	for _, h := range a.hooks {
		wg.Go(func() { h.run(ctx, end) })
	}
	tick := time.NewTicker(max(a.interval/20, time.Millisecond))
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-tick.C:
			a.flush(a.now(), false)
		}
	}
	a.flush(a.now(), true)
	for _, h := range a.hooks {
		h.close()
	}
	late := time.AfterFunc(lastChance, cancel)
	defer late.Stop()
	wg.Wait()
}
