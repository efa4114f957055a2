package rules

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"congthu/filter"
	"congthu/filter/extract"
	"congthu/filter/message"
	"congthu/rules/marking"
	"congthu/rules/virus"
)

const (
	// maxRaw is the size in octets up to which the message is shown to engines also as it came: some signatures are of
	// whole mails.
	maxRaw = 1 << 20
	// maxViruses is how many finds of one message get a finding of their own.
	maxViruses = 20
	// virusMargin is how long before the end of judging engines are given up, so that their policy still counts.
	virusMargin = 5 * time.Second
)

// Scanner is a virus scanner. *virus.Engine is one.
type Scanner interface {
	Name() string
	Local() bool // on this machine
	// Scan asks about one object. What is not virus.ErrObject or virus.ErrContent is the engine's trouble.
	Scan(ctx context.Context, o virus.Object) (virus.Answer, error)
	// Known is what Scan would answer without the octets of the object, which nobody reads for it.
	Known(ctx context.Context, o virus.Object) (virus.Answer, bool)
}

// VirusEngine is a virus scanner and what its answers are worth.
type VirusEngine struct {
	Scanner
	Found      filter.Disposition // asked for a virus; Unset: what the rule's setting says
	Suspicious filter.Disposition // asked for the engine's guesses; Unset means Hold
	// Failed is asked when the engine does not answer. Unset and Defer: the message is deferred as for any trouble of
	// ours. Accept passes it unseen.
	Failed filter.Disposition
	// TooBig is asked for what is over a limit of the engine. Unset: it is not inspected. Accept passes it unseen.
	TooBig filter.Disposition
}

// Viruses is what rule virus works with.
type Viruses struct {
	Engines []VirusEngine // in the order in which they are asked; without one the rule has nothing to say
	InTurn  bool          // the next engine is asked only about what those before it found nothing in

	Inspector *extract.Inspector // opens what engines may not open; nil: they are shown files as they are

	// What is signed inside of a part is spooled and read like a message: with these limits, in this budget.
	Limits message.Limits  // the zero value means the default limits
	Budget *message.Budget // nil: only Limits bound it
}

// virusRule obeys Điều 11 khoản 5 and Điều 8 khoản 3: no viruses. Engines are shown each decoded leaf of every reading,
// what is in opaque S/MIME signatures and in containers that they may not open, and the message as it came when it is small
// or can be read in two ways. What is in other containers is the engines' matter.
//
// Everything is shown although a virus was found: an officer may have made an exception for that part, and it must not
// carry another through.
//
// Engines on other machines are asked when all other rules have spoken, and only about messages in which nothing looks like a
// secrecy marking: a secret is not sent to be scanned.
func virusRule(v Viruses) filter.Rule {
	if v.Limits == (message.Limits{}) {
		v.Limits = message.DefaultLimits()
	}
	var here, elsewhere []VirusEngine
	for _, e := range v.Engines {
		if e.Local() {
			here = append(here, e)
		} else {
			elsewhere = append(elsewhere, e)
		}
	}
	rule := filter.Rule{Name: filter.RuleVirus, Clause: "11.5", Code: 550, Status: "7.1", Expensive: true,
		Check: func(ctx context.Context, tx *filter.Transaction) ([]filter.Finding, error) {
			return scanned(ctx, v, tx, here)
		}}
	if len(elsewhere) > 0 {
		rule.Later = func(ctx context.Context, tx *filter.Transaction, said filter.Said) ([]filter.Finding, error) {
			if maySend(said) {
				return scanned(ctx, v, tx, elsewhere)
			}
			var out []filter.Finding
			for _, e := range elsewhere {
				out = append(out, filter.Finding{NotInspected: message.NotAsked, Detail: unseenDetail(message.NotAsked, e)})
			}
			return out, nil
		}
	}
	return rule
}

// maySend tells that the marking rule looked at the message and found nothing that may be a marking, in whatever mode.
func maySend(said filter.Said) bool {
	return said.Judged(filter.RuleMarking) && !slices.ContainsFunc(said.Findings, func(f filter.Finding) bool {
		return f.Rule == filter.RuleMarking && (f.Score >= marking.Medium || f.Disposition >= filter.Hold)
	})
}

func unseenDetail(why message.Reason, e VirusEngine) string { return string(why) + ": " + e.Name() }

// scanned asks engines about everything in a message.
func scanned(ctx context.Context, v Viruses, tx *filter.Transaction, engines []VirusEngine) ([]filter.Finding, error) {
	if len(engines) == 0 {
		return nil, nil
	}
	s := &virusScan{whole: ctx, config: v, engines: engines, failed: map[string]error{}, names: map[string]bool{}, more: map[filter.Disposition]int{}}
	var cancel context.CancelFunc
	s.ctx, cancel = beforeJudgeEnds(ctx)
	defer cancel()
	err := s.message(tx)
	if err == nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("scanning for viruses: %w", err)
	}
	return s.findings()
}

// errNoTime says that an engine was slow: without a time of our own that would look as if the content were to blame.
var errNoTime = errors.New("no time left for the engine")

func beforeJudgeEnds(ctx context.Context) (context.Context, context.CancelFunc) {
	at, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	margin := min(virusMargin, time.Until(at)/6)
	return context.WithDeadlineCause(ctx, at.Add(-margin), errNoTime)
}

// virusScan is the scanning of one message.
type virusScan struct {
	ctx     context.Context
	whole   context.Context // of the judging, which ctx ends before
	config  Viruses
	engines []VirusEngine
	opened  int // opaque signatures

	found  []filter.Finding
	unseen []filter.Finding
	failed map[string]error           // by engine: it is not asked again about this message
	names  map[string]bool            // "engine name" of what was found
	more   map[filter.Disposition]int // finds beyond maxViruses
}

// shown is an object with its place in the message.
type shown struct {
	virus.Object
	part  string
	again bool // what was found around or inside of it is not said again
}

// answered is what one engine said of one object.
type answered struct {
	engine VirusEngine
	answer virus.Answer
	err    error
}

// show asks the engines about one object. The error is one of ours.
func (s *virusScan) show(o shown) error {
	for _, said := range s.ask(o) {
		if errors.Is(said.err, virus.ErrContent) {
			return said.err
		}
		s.take(o, said)
	}
	return nil
}

// ask asks together or in turn.
func (s *virusScan) ask(o shown) []answered {
	all := make([]answered, len(s.engines))
	var wg sync.WaitGroup
	for i, e := range s.engines {
		all[i].engine = e
		if s.failed[e.Name()] != nil {
			continue
		}
		one := func() { all[i].answer, all[i].err = e.Scan(s.ctx, o.Object) }
		if !s.config.InTurn {
			wg.Go(one)
			continue
		}
		if one(); all[i].answer.Kind == virus.Infected {
			return all[:i+1]
		}
	}
	wg.Wait()
	return all
}

// take makes a finding of an answer.
func (s *virusScan) take(o shown, said answered) {
	e, a := said.engine, said.answer
	f := filter.Finding{Part: o.part, PartSHA256: o.SHA256, Detail: e.Name() + ": " + a.Name, Told: a.Name}
	if o.part == "" {
		f.PartSHA256 = ""
	}
	switch {
	case errors.Is(said.err, virus.ErrObject):
		s.miss(f, filter.RuleFailed, e)
	case said.err != nil:
		s.failed[e.Name()] = said.err
	case a.Kind == virus.Infected:
		f.Disposition = e.Found
		s.add(o, f)
	case a.Kind == virus.Suspicious:
		f.Disposition, f.Text = cmp.Or(e.Suspicious, filter.Hold), filter.TextVirusSuspicious
		s.add(o, f)
	case a.Kind == virus.Encrypted:
		f.Mode = filter.Monitor // what cannot be opened is the policy of what is not inspected, no sign of a virus
		s.miss(f, message.Encrypted, e)
	case a.Kind == virus.TooBig && e.TooBig == filter.Unset:
		s.miss(f, message.TooBig, e)
	case a.Kind == virus.TooBig:
		s.found = append(s.found, unscanned(f, e, e.TooBig, "too big"))
	}
}

func (s *virusScan) add(o shown, f filter.Finding) {
	if o.again && s.names[f.Detail] {
		return
	}
	s.names[f.Detail] = true
	if len(s.found) >= maxViruses {
		s.more[f.Disposition]++
		return
	}
	s.found = append(s.found, f)
}

func (s *virusScan) miss(f filter.Finding, why message.Reason, e VirusEngine) {
	f.NotInspected, f.Told, f.Detail = why, "", unseenDetail(why, e)
	s.unseen = append(s.unseen, f)
}

// unscanned is the finding of what an engine did not look at, with the disposition that the policy asks for then.
func unscanned(f filter.Finding, e VirusEngine, d filter.Disposition, why string) filter.Finding {
	f.Disposition, f.Text, f.Told, f.Detail = d, filter.TextVirusUnscanned, "", e.Name()+": "+why
	if d == filter.Accept {
		f.FailOpen = e.Name()
	}
	return f
}

// findings are those of all that was shown. The error is that of an engine that does not answer, where the policy does not say
// otherwise; what was found all the same comes with it.
func (s *virusScan) findings() ([]filter.Finding, error) {
	out := append(s.found, s.unseen...)
	for _, d := range []filter.Disposition{filter.Unset, filter.Accept, filter.Tag, filter.Hold, filter.Defer, filter.Refuse} {
		if n := s.more[d]; n > 0 {
			out = append(out, filter.Finding{Disposition: d, Detail: fmt.Sprintf("%d more", n)})
		}
	}
	var errs []error
	for _, e := range s.engines {
		err := s.failed[e.Name()]
		switch {
		case err == nil:
		case e.Failed == filter.Unset || e.Failed == filter.Defer:
			errs = append(errs, fmt.Errorf("engine %q: %w", e.Name(), err))
		default:
			out = append(out, unscanned(filter.Finding{}, e, e.Failed, "failed"))
		}
	}
	return out, errors.Join(errs...)
}
