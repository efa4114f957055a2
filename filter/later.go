package filter

import (
	"context"
	"maps"
	"slices"
	"sync"

	"congthu/filter/message"
)

// Said is what the rules found that looked before, for Rule.Later.
type Said struct {
	Findings []Finding // as the policy completes them, in no order
	judged   map[string]bool
}

// Judged tells whether a rule looked at the message and could judge it. One that is off did not look.
func (s Said) Judged(rule string) bool { return s.judged[rule] }

// NewSaid is for tests of rules.
func NewSaid(judged []string, findings ...Finding) Said {
	s := Said{Findings: findings, judged: map[string]bool{}}
	for _, name := range judged {
		s.judged[name] = true
	}
	return s
}

// later runs what rules have left for the time when the others have spoken.
func (r *run) later(ctx context.Context) {
	var rest []Rule
	for _, rule := range r.policy.Rules {
		if rule.Later != nil && !slices.Contains(r.leftOut, rule.Name) && (rule.Check == nil || r.judged[rule.Name]) {
			rest = append(rest, rule)
		}
	}
	if len(rest) == 0 || r.refused() || ctx.Err() != nil {
		return
	}
	said := r.said()
	var wg sync.WaitGroup
	for _, rule := range rest {
		rule.Check = func(ctx context.Context, tx *Transaction) ([]Finding, error) { return rule.Later(ctx, tx, said) }
		wg.Go(func() { r.check(ctx, rule) })
	}
	wg.Wait()
}

// said is a copy, since rules add to what was found while others read it.
func (r *run) said() Said {
	s := NewSaid(slices.Collect(maps.Keys(r.judged)))
	for _, found := range r.findings {
		s.Findings = append(s.Findings, found...)
	}
	return s
}

// add takes a completed finding. It is called with mu held.
func (r *run) add(f Finding) {
	if f.NotInspected == "" {
		r.findings[f.Rule] = append(r.findings[f.Rule], f)
		return
	}
	n := message.NotInspected{Part: f.Part, Reason: f.NotInspected}
	if had, known := r.unseen[n]; !known || had.Mode != Enforce && f.Mode == Enforce {
		r.unseen[n] = f
	}
	if !slices.Contains(r.notInspected, n) {
		r.notInspected = append(r.notInspected, n)
	}
}

// asUninspected is u, the finding of what was not inspected, with what the rule adds whose engine did not look:
// where that rule enforces, so does the finding, whatever else may stay unread.
func (f Finding) asUninspected(u Finding) Finding {
	if f.Mode == Enforce {
		u.Mode = Enforce
	}
	u.Clause, u.PartSHA256 = f.Clause, f.PartSHA256
	if f.Detail != "" {
		u.Detail = f.Detail
	}
	return u
}
