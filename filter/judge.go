package filter

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"congthu/filter/message"
)

// Policy is everything that judging depends on, made whole from one configuration and swapped whole.
type Policy struct {
	Hash         string   // "sha256:…" of the configuration in force
	Packs        []string // "name version" of the packs of rule data
	Organisation Organisation
	Rules        []Rule // in the order in which they speak when several refuse
	Settings     map[string]Setting
	// Uninspected is what the policy says of what was not inspected, by reason; its mode is
	// Settings[RuleUninspected].Mode.
	Uninspected map[message.Reason]Disposition
	// Coverage tells how far the files of a message were looked into, once the rules have looked; nil when none
	// are. Its error is one of ours.
	Coverage func(ctx context.Context, m *message.Message) (Coverage, error)
	Deadline time.Duration // for judging one message
	Signer   Signer        // signs outgoing mail; nil: none is signed
	// SendUnsigned lets outgoing mail go that the Signer fails on; else it is deferred.
	SendUnsigned bool
	KeepMarked   bool // held messages with a secrecy marking are kept, encrypted, for a day
}

// RuleUninspected names the findings that Judge makes itself, of what was not inspected.
const RuleUninspected = "uninspected"

// RuleFailed is the reason for a rule that failed on the same message again (invariant 2).
const RuleFailed message.Reason = "rule failed"

// Judge runs a policy over transactions. It is safe for concurrent use.
type Judge struct {
	policy  atomic.Pointer[Policy]
	slots   chan struct{} // bounds messages judged at once
	failed  failures
	metrics *Metrics
	log     *slog.Logger
	now     func() time.Time
	keeper  Keeper
	keeps   bool // keeper is a real one
}

// NewJudge makes a judge that looks at no more than concurrent messages at once.
func NewJudge(p *Policy, concurrent int, m *Metrics, log *slog.Logger, now func() time.Time) (*Judge, error) {
	failed, err := newFailures()
	if err != nil {
		return nil, fmt.Errorf("making the memory of failed messages: %w", err)
	}
	j := &Judge{slots: make(chan struct{}, concurrent), failed: failed, metrics: m, log: log, now: now, keeper: keepNothing{}}
	j.policy.Store(p)
	return j, nil
}

// Swap puts another policy in force. Messages being judged keep theirs.
func (j *Judge) Swap(p *Policy) { j.policy.Store(p) }

// Policy is the policy in force.
func (j *Judge) Policy() *Policy { return j.policy.Load() }

var (
	errNoSlot   = errors.New("too many messages are being judged at once")
	errDeadline = errors.New("judging took too long")
	errPanic    = errors.New("panic")
)

// Judge decides one message. There is no error: an error of ours is a verdict that defers.
func (j *Judge) Judge(ctx context.Context, tx *Transaction) Verdict {
	start := j.now()
	p := j.policy.Load()
	tx.Direction = p.Organisation.decideDirection(tx)
	defer func() { j.metrics.JudgeSeconds.Observe(j.now().Sub(start).Seconds()) }()

	// Waiting for a slot is our trouble, never the message's: it has a time of its own.
	wait, cancel := context.WithTimeout(ctx, p.Deadline/2)
	defer cancel()
	select {
	case j.slots <- struct{}{}:
		return j.unlessReleased(ctx, p, tx)
	case <-wait.Done():
		return j.fault(p, tx, errNoSlot)
	}
}

// unlessReleased evaluates a message, unless an officer has decided about it already.
func (j *Judge) unlessReleased(ctx context.Context, p *Policy, tx *Transaction) Verdict {
	var err error
	tx.Released, err = j.released(ctx, p, tx)
	switch {
	case err != nil:
		<-j.slots
		return j.fault(p, tx, fmt.Errorf("looking for a release: %w", err))
	case tx.Released == "":
		return j.evaluate(ctx, p, tx)
	}
	<-j.slots
	r := &run{judge: j, policy: p, tx: tx}
	return r.passing(ctx)
}

// released asks the keeper, whose trouble must not cost a slot.
func (j *Judge) released(ctx context.Context, p *Policy, tx *Transaction) (hold string, err error) {
	ctx, cancel := context.WithTimeout(ctx, p.Deadline/2)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			j.metrics.Panics.Inc()
			j.log.Error("looking for a release panicked", "id", tx.ID, "type", fmt.Sprintf("%T", p), "stack", string(debug.Stack()))
			hold, err = "", errPanic
		}
	}()
	return j.keeper.Released(ctx, tx)
}

// evaluate runs the rules beside the caller, so that the deadline holds whatever a rule does.
// A rule that overruns keeps its slot until it returns.
func (j *Judge) evaluate(ctx context.Context, p *Policy, tx *Transaction) Verdict {
	ctx, cancel := context.WithTimeoutCause(ctx, p.Deadline, errDeadline)
	defer cancel()
	r := &run{judge: j, policy: p, tx: tx, running: map[string]bool{}}
	if j.failed.any() {
		r.identity = identity(tx)
	}
	done := make(chan Verdict, 1)
	go func() {
		defer func() { <-j.slots }()
		done <- r.verdict(ctx)
	}()
	select {
	case v := <-done:
		return v
	case <-ctx.Done():
	}
	// The verdict may have come in the same moment.
	select {
	case v := <-done:
		return v
	default:
	}
	err := fmt.Errorf("rules %q: %w", r.atWork(), context.Cause(ctx))
	if context.Cause(ctx) == errDeadline { // not: the client went away, the gate stops
		for _, rule := range r.atWork() {
			j.failed.add(identity(tx), rule)
		}
	}
	return j.fault(p, tx, err)
}

// run is the judging of one message.
type run struct {
	judge    *Judge
	policy   *Policy
	tx       *Transaction
	identity string // of the message, when failures are remembered

	mu           sync.Mutex
	running      map[string]bool      // rules at work
	findings     map[string][]Finding // by rule
	notInspected []message.NotInspected
	leftOut      []string                         // rules that failed on this message before
	judged       map[string]bool                  // rules that looked and could judge
	unseen       map[message.NotInspected]Finding // of notInspected: what a rule's own engine did not look into
	err          error
}

// atWork names the rules that have not returned.
func (r *run) atWork() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Sorted(maps.Keys(r.running))
}

func (r *run) verdict(ctx context.Context) Verdict {
	r.findings, r.judged, r.unseen = map[string][]Finding{}, map[string]bool{}, map[message.NotInspected]Finding{}
	for _, rule := range r.policy.Rules {
		if !rule.Expensive {
			r.check(ctx, rule)
		}
	}
	look := !r.refused()
	if look {
		var wg sync.WaitGroup
		for _, rule := range r.policy.Rules {
			if rule.Expensive {
				wg.Go(func() { r.check(ctx, rule) })
			}
		}
		wg.Wait()
		r.later(ctx)
	}
	r.cover(ctx, look)
	return r.conclude(ctx)
}

// check runs one rule; whatever goes wrong in it is contained here.
func (r *run) check(ctx context.Context, rule Rule) {
	set := r.policy.Settings[rule.Name]
	if set.Mode == Off || set.Mode == "" {
		return
	}
	// What the content causes comes again with the same content: then the message is "not inspected" by
	// this rule, or the sender would retry for ever (invariant 2).
	failedBefore := r.identity != "" && r.judge.failed.has(r.identity, rule.Name)
	r.mu.Lock()
	if failedBefore {
		r.notInspected = append(r.notInspected, message.NotInspected{Reason: RuleFailed})
		r.leftOut = append(r.leftOut, rule.Name)
		r.mu.Unlock()
		return
	}
	r.running[rule.Name] = true
	r.mu.Unlock()

	start := r.judge.now()
	found, err := r.call(ctx, rule)
	r.judge.metrics.RuleSeconds.WithLabelValues(rule.Name).Observe(r.judge.now().Sub(start).Seconds())
	if errors.As(err, new(contentError)) {
		r.judge.failed.add(identity(r.tx), rule.Name)
	}

	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.running, rule.Name)
	for _, f := range found { // beside an error too: it may refuse the message
		r.add(complete(f, rule, set, r.tx.Direction))
	}
	if err != nil {
		r.judge.metrics.RuleErrors.WithLabelValues(rule.Name).Inc()
		r.err = errors.Join(r.err, fmt.Errorf("rule %q: %w", rule.Name, err))
		return
	}
	r.judged[rule.Name] = true
}

// contentError is a failure that the message's content may have caused.
type contentError struct {
	cause string
	stack []byte
}

func (e contentError) Error() string { return e.cause }

func (r *run) call(ctx context.Context, rule Rule) (found []Finding, err error) {
	defer func() {
		if p := recover(); p != nil {
			r.judge.metrics.Panics.Inc()
			// The panic's value may hold content (invariant 5): only its type and the stack are logged.
			r.judge.log.Error("rule panicked", "rule", rule.Name, "id", r.tx.ID, "type", fmt.Sprintf("%T", p), "stack", string(debug.Stack()))
			err = contentError{cause: "panic"}
		}
	}()
	if rule.Check == nil {
		return nil, nil
	}
	found, err = rule.Check(ctx, r.tx)
	if err != nil && context.Cause(ctx) == errDeadline {
		err = contentError{cause: "deadline: " + err.Error()}
	}
	return found, err
}

// complete fills what the rule left to its policy.
func complete(f Finding, rule Rule, set Setting, d Direction) Finding {
	f.Rule = rule.Name
	if f.Clause == "" {
		f.Clause = rule.Clause
	}
	if f.Mode != Monitor {
		f.Mode = set.Mode
	}
	if f.Disposition == Unset {
		f.Disposition = set.For(d)
	}
	if f.Score == 0 {
		f.Score = 1
	}
	if f.Text == TextNone {
		f.Text = TextKey(rule.Name)
	}
	return f
}

func (r *run) refused() bool {
	for _, fs := range r.findings {
		for _, f := range fs {
			if f.Mode == Enforce && f.Disposition == Refuse {
				return true
			}
		}
	}
	return false
}
