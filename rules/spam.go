package rules

import (
	"context"
	"errors"
	"fmt"

	"congthu/filter"
)

// NameSpam is the rule that asks an rspamd.
const NameSpam = "spam"

// EngineRspamd names it in metrics and header fields.
const EngineRspamd = "rspamd"

const spamNoAction = "no action"

// SpamActions are what an rspamd may say of a message (its manual, "Rspamd actions").
func SpamActions() []string {
	return []string{"reject", "soft reject", "quarantine", "discard", "rewrite subject", "add header", "greylist", spamNoAction}
}

// Spam is what the spam rule needs to know.
type Spam struct {
	Rspamd *Rspamd // nil: the rule has nothing to say
	// What is asked by action of the rspamd; an action that is not there is asked nothing for.
	Outbound, Inbound map[string]filter.Disposition
	// Failed is told why there was no answer; nil tells nobody. It never has anything of the message.
	Failed func(id string, err error)
}

// spamRule obeys Điều 11 khoản 5 with the spam filter that the administrator runs. What is asked is what the policy says of
// the rspamd's action. Without an answer the mail passes, which its header and a counter say: spam that comes through does
// less harm than mail that does not.
//
// An rspamd on another machine is asked when all other rules have spoken, and only about mail in which nothing looks like a
// secrecy marking.
func spamRule(s Spam) filter.Rule {
	rule := filter.Rule{Name: NameSpam, Clause: "11.5", Code: 550, Status: "7.1", Expensive: true}
	switch {
	case s.Rspamd == nil:
		rule.Check = func(context.Context, *filter.Transaction) ([]filter.Finding, error) { return nil, nil }
	case s.Rspamd.Local():
		rule.Check = s.check
	default:
		rule.Later = func(ctx context.Context, tx *filter.Transaction, said filter.Said) ([]filter.Finding, error) {
			if !maySend(said) {
				return []filter.Finding{{Disposition: filter.Accept, Score: 0.01, Detail: "not asked"}}, nil
			}
			return s.check(ctx, tx)
		}
	}
	return rule
}

func (s Spam) check(ctx context.Context, tx *filter.Transaction) ([]filter.Finding, error) {
	asking, cancel := beforeJudgeEnds(ctx)
	defer cancel()
	a, err := s.Rspamd.ask(asking, tx)
	if ctx.Err() != nil {
		return nil, fmt.Errorf("asking about spam: %w", context.Cause(ctx))
	}
	if err != nil {
		if s.Failed != nil && !errors.Is(err, errSpamPaused) {
			s.Failed(tx.ID, err)
		}
		return []filter.Finding{{Disposition: filter.Accept, Score: 0.01, Detail: "no answer", FailOpen: EngineRspamd}}, nil
	}
	asks := s.Inbound
	if tx.Direction.FromOurs() {
		asks = s.Outbound
	}
	d := asks[a.action]
	if d == filter.Unset {
		d = filter.Accept
	}
	if a.action == spamNoAction && d == filter.Accept {
		return nil, nil
	}
	return []filter.Finding{{Disposition: d, Score: a.part(), Detail: a.detail()}}, nil
}
