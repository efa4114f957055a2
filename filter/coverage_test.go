package filter_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"congthu/filter"
	"congthu/filter/message"
)

// covers is a policy that monitors what was not inspected, as looking into the message says it.
func covers(look func(context.Context, *message.Message) (filter.Coverage, error), rules ...filter.Rule) filter.Policy {
	return filter.Policy{Rules: rules, Coverage: look,
		Settings:    map[string]filter.Setting{"marking": enforce(filter.Refuse, filter.Refuse), filter.RuleUninspected: {Mode: filter.Enforce}},
		Uninspected: map[message.Reason]filter.Disposition{message.UnknownType: filter.Tag, message.EncryptedMail: filter.Accept}}
}

// What looking into the files missed is in the verdict with its reason's disposition, and its octets are counted.
func TestCoverage(t *testing.T) {
	missed := []filter.Missed{{NotInspected: message.NotInspected{Part: "2/1", Reason: message.UnknownType}, Bytes: 300},
		{NotInspected: message.NotInspected{Part: "3", Reason: message.EncryptedMail}, Bytes: 20}}
	g := newGate(t, covers(func(context.Context, *message.Message) (filter.Coverage, error) {
		return filter.Coverage{Bytes: 1000, Missed: missed}, nil
	}))
	v := g.Judge.Judge(t.Context(), transaction(t, "Subject: x\n"))
	if v.Disposition != filter.Tag {
		t.Errorf("disposition %s", v.Disposition)
	}
	if diff := cmp.Diff([]message.NotInspected{missed[0].NotInspected, missed[1].NotInspected}, v.NotInspected); diff != "" {
		t.Error(diff)
	}
	var said []string
	for _, f := range v.Findings {
		said = append(said, f.Rule+" "+f.Part+" "+f.Detail+" "+f.Disposition.String())
	}
	if diff := cmp.Diff([]string{"uninspected 2/1 unknown type tag", "uninspected 3 encrypted message accept"}, said); diff != "" {
		t.Error(diff)
	}
	for what, n := range map[float64]float64{1000: testutil.ToFloat64(g.metrics.InspectedBytes),
		300: testutil.ToFloat64(g.metrics.NotInspectedBytes.WithLabelValues("unknown type"))} {
		if n != what {
			t.Errorf("%v octets counted, want %v", n, what)
		}
	}
}

// An error of looking is ours: the message waits. With the rule off nobody asks.
func TestCoverageFails(t *testing.T) {
	asked := 0
	p := covers(func(context.Context, *message.Message) (filter.Coverage, error) {
		asked++
		return filter.Coverage{}, errors.New("no room")
	})
	if v := newGate(t, p).Judge.Judge(t.Context(), transaction(t, "Subject: x\n")); v.Disposition != filter.Defer || v.Err == nil {
		t.Errorf("%s, %v", v.Disposition, v.Err)
	}
	p.Settings = map[string]filter.Setting{filter.RuleUninspected: {Mode: filter.Off}}
	if v := newGate(t, p).Judge.Judge(t.Context(), transaction(t, "Subject: x\n")); v.Disposition != filter.Accept || asked != 1 {
		t.Errorf("%s after %d questions", v.Disposition, asked)
	}
}

// A message that a rule took too long for is not looked into again when it comes again: it would take too long once
// more, and its sender would try for ever (invariant 2).
func TestCoverageNotAgain(t *testing.T) {
	var asked atomic.Int32 // a rule that overran may still be at work
	p := covers(func(context.Context, *message.Message) (filter.Coverage, error) {
		asked.Add(1)
		return filter.Coverage{}, nil
	},
		filter.Rule{Name: "marking", Clause: "10.1", Code: 550, Status: "7.1", Check: func(ctx context.Context, _ *filter.Transaction) ([]filter.Finding, error) {
			<-ctx.Done()
			return nil, context.Cause(ctx)
		}})
	p.Deadline = 50 * time.Millisecond
	p.Uninspected[filter.RuleFailed] = filter.Hold
	g := newGate(t, p)
	if v := g.Judge.Judge(t.Context(), transaction(t, "Subject: x\n")); v.Disposition != filter.Defer {
		t.Errorf("the first time: %s", v.Disposition)
	}
	before := asked.Load()
	v := g.Judge.Judge(t.Context(), transaction(t, "Subject: x\n"))
	if v.Disposition != filter.Hold || len(v.NotInspected) != 1 || v.NotInspected[0].Reason != filter.RuleFailed || asked.Load() != before {
		t.Errorf("the second time: %s, %v, asked %d times", v.Disposition, v.NotInspected, asked.Load()-before)
	}
}
