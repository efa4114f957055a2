package notice

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"congthu/filter"
)

// Limits of what is remembered for bursts.
const (
	// MaxSenders is how many senders and clients are counted at once; the longest silent is forgotten.
	MaxSenders = 10000
	// MaxBurst is the highest threshold of a burst, in messages.
	MaxBurst = 500
)

// Burst is a threshold: so many messages of one sender within a time.
type Burst struct {
	Count  int           // 0 never alerts; at most MaxBurst
	Within time.Duration // the sliding window
}

// DefaultViruses and DefaultRefusals are thresholds for a ministry.
func DefaultViruses() Burst { return Burst{3, 10 * time.Minute} }

// DefaultRefusals is the threshold of refused messages of any kind.
func DefaultRefusals() Burst { return Burst{20, 10 * time.Minute} }

func (b Burst) check(name string) error {
	if b.Count < 0 || b.Count > MaxBurst || b.Count > 0 && b.Within <= 0 {
		return fmt.Errorf("burst of %s: a count of 0 to %d messages and a time over 0 are needed", name, MaxBurst)
	}
	return nil
}

// Seen is what a Watcher needs to know of one verdict.
type Seen struct {
	ID          string
	Time        time.Time
	Direction   filter.Direction
	Unit        string
	Sender      string // reverse-path, "" for the null reverse-path
	Login       string
	Client      string // address of the SMTP client
	Disposition filter.Disposition
	Findings    []filter.Finding
}

// SeenOf is what a Watcher needs of a transaction and its verdict.
func SeenOf(tx *filter.Transaction, v filter.Verdict) Seen {
	s := Seen{ID: tx.ID, Time: tx.Received, Direction: v.Direction, Unit: v.Unit, Sender: tx.ReversePath.String(), Login: tx.Session.Login,
		Disposition: v.Disposition, Findings: v.Findings}
	if tx.Session.Client.IsValid() {
		s.Client = tx.Session.Client.String()
	}
	return s
}

// Watcher looks at verdicts and raises alerts: for each refused marking, for bursts, and for senders of too much.
type Watcher struct {
	raise              func(Alert)
	viruses, refusals  Burst
	mu                 sync.Mutex
	virusOf, refusedOf *simplelru.LRU[string, []int64]
	overOf             *simplelru.LRU[string, int64]
}

// NewWatcher checks the thresholds. raise is Alerter.Raise.
func NewWatcher(raise func(Alert), viruses, refusals Burst) (*Watcher, error) {
	w := &Watcher{raise: raise, viruses: viruses, refusals: refusals}
	for name, b := range map[string]Burst{"viruses": viruses, "refusals": refusals} {
		if err := b.check(name); err != nil {
			return nil, err
		}
	}
	var err error
	if w.virusOf, err = simplelru.NewLRU[string, []int64](MaxSenders, nil); err != nil {
		return nil, fmt.Errorf("watching for bursts: %w", err)
	}
	if w.refusedOf, err = simplelru.NewLRU[string, []int64](MaxSenders, nil); err != nil {
		return nil, fmt.Errorf("watching for bursts: %w", err)
	}
	if w.overOf, err = simplelru.NewLRU[string, int64](MaxSenders, nil); err != nil {
		return nil, fmt.Errorf("watching for senders of too much: %w", err)
	}
	return w, nil
}

// Observe looks at one verdict. It costs nothing for mail that passes.
func (w *Watcher) Observe(s Seen) {
	w.overRate(s)
	virus, marked := false, false
	for _, f := range s.Findings {
		if f.Mode != filter.Enforce {
			continue
		}
		virus = virus || f.Rule == filter.RuleVirus && f.Disposition >= filter.Hold
		if !marked && f.Rule == filter.RuleMarking && f.Disposition == filter.Refuse && s.Disposition == filter.Refuse {
			marked = true
			a := s.alert(MarkingRefused, f.Rule, f.Clause)
			a.Level = f.Level
			w.raise(a)
		}
	}
	if s.Disposition != filter.Refuse && !virus {
		return
	}
	// Inbound, the reverse-path is whatever the client says: the client is counted as well.
	sender := s
	sender.Client = ""
	client := s
	client.Sender, client.Login = "", ""
	for _, who := range []Seen{sender, client} {
		key := who.sender() + "\x00" + who.Client
		if key == "\x00" || who.Client != "" && s.Direction.FromOurs() {
			continue
		}
		if virus && w.add(w.virusOf, w.viruses, key, s.Time) {
			a := who.alert(VirusBurst, filter.RuleVirus, "")
			a.Seen = w.viruses.Count
			w.raise(a)
		}
		if s.Disposition == filter.Refuse && w.add(w.refusedOf, w.refusals, key, s.Time) {
			a := who.alert(RefusalBurst, "", "")
			a.Seen = w.refusals.Count
			w.raise(a)
		}
	}
}

// add counts a message and tells whether it completes a burst; then counting starts anew.
func (w *Watcher) add(of *simplelru.LRU[string, []int64], b Burst, key string, at time.Time) bool {
	if b.Count == 0 {
		return false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	times, _ := of.Get(key)
	kept := times[:0]
	for _, t := range times { // both ways: the clock may go back
		if d := at.UnixNano() - t; d < int64(b.Within) && -d < int64(b.Within) {
			kept = append(kept, t)
		}
	}
	if kept = append(kept, at.UnixNano()); len(kept) >= b.Count {
		of.Remove(key)
		return true
	}
	of.Add(key, kept)
	return false
}

func (s Seen) sender() string {
	if s.Login != "" {
		return Visible(strings.ToLower(s.Login), MaxAddress)
	}
	return Visible(strings.ToLower(filter.ParsePath(s.Sender, "").String()), MaxAddress)
}

func (s Seen) alert(k AlertKind, rule, clause string) Alert {
	return Alert{Kind: k, Time: s.Time, Direction: s.Direction, Unit: s.Unit, Sender: s.sender(), Client: s.Client,
		Rule: rule, Clause: clause, ID: s.ID}
}
