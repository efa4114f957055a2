package filter

import (
	"context"
	"slices"

	"congthu/filter/message"
)

// Coverage says how far the files of a message were looked into.
type Coverage struct {
	Bytes  int64 // octets of the files that were looked into whole, those inside of others too
	Missed []Missed
}

// Missed is something that could not be looked into.
type Missed struct {
	message.NotInspected
	Bytes int64 // octets of the file; those of the file around it where nobody knows
}

// cover asks how far the message was looked into (invariant 3). It goes the way of a rule, because what goes wrong
// is to be contained and remembered alike. When a rule had failed on this message before, it is not tried again:
// looking into it is the likeliest cause. look is false for what was refused before anybody looked into it.
func (r *run) cover(ctx context.Context, look bool) {
	if look && ctx.Err() == nil && r.policy.Coverage != nil && !r.failedBefore() {
		r.inspected(ctx)
	}
	own := append(slices.Clone(r.tx.Message.NotInspected), r.tx.Message.Undecoded()...)
	r.countMissed(own)
	r.notInspected = append(r.notInspected, own...)
}

func (r *run) inspected(ctx context.Context) {
	r.check(ctx, Rule{Name: RuleUninspected, Check: func(ctx context.Context, tx *Transaction) ([]Finding, error) {
		c, err := r.policy.Coverage(ctx, tx.Message)
		if err != nil {
			return nil, err
		}
		r.judge.metrics.InspectedBytes.Add(float64(c.Bytes))
		r.mu.Lock()
		defer r.mu.Unlock()
		for _, m := range c.Missed {
			r.notInspected = append(r.notInspected, m.NotInspected)
			r.judge.metrics.NotInspectedBytes.WithLabelValues(string(m.Reason)).Add(float64(m.Bytes))
		}
		return nil, nil
	}})
}

func (r *run) failedBefore() bool {
	for _, n := range r.notInspected {
		if n.Reason == RuleFailed {
			return true
		}
	}
	return false
}

// countMissed counts the octets of parts of the message that were not inspected.
func (r *run) countMissed(list []message.NotInspected) {
	if len(list) == 0 {
		return
	}
	sizes := map[string]int64{}
	for p := range r.tx.Message.Parts() {
		if _, known := sizes[p.ID]; !known {
			sizes[p.ID] = p.Body.Len()
		}
	}
	for _, n := range list {
		size, known := sizes[n.Part]
		if !known {
			size = r.tx.Message.Size
		}
		r.judge.metrics.NotInspectedBytes.WithLabelValues(string(n.Reason)).Add(float64(size))
	}
}
