package filter

import (
	"context"
	"errors"
	"slices"

	"congthu/filter/message"
)

// conclude makes the verdict out of what the rules found.
func (r *run) conclude(ctx context.Context) Verdict {
	v := r.judge.newVerdict(r.policy, r.tx)
	v.Disposition = Accept
	v.NotInspected = append(v.NotInspected, r.notInspected...)
	speaker := Rule{}
	var clauses []string // of the enforced findings that ask for the strongest disposition, in speaking order
	var text TextKey
	var told string
	all := r.inOrder()
	digests(r.tx.Message, all)
	unknown := r.except(all)
	certain := Accept // without findings that may have an exception
	for i, f := range all {
		if f.Mode != Enforce {
			continue
		}
		v.Disposition = max(v.Disposition, f.Disposition)
		if !unknown[i] {
			certain = max(certain, f.Disposition)
		}
	}
	for _, f := range all {
		v.Findings = append(v.Findings, f)
		if f.Mode != Enforce || f.Disposition != v.Disposition || f.Disposition < Hold {
			continue
		}
		if len(clauses) == 0 {
			speaker, text, told = r.rule(f.Rule), f.Text, f.Told
		}
		if !slices.Contains(clauses, f.Clause) {
			clauses = append(clauses, f.Clause)
		}
	}
	// An error of ours defers, unless the message is refused for what was found without it.
	if r.err != nil && certain != Refuse {
		return r.judge.withFault(v, r.err)
	}
	v.Err = r.err
	switch v.Disposition {
	case Accept, Tag:
		return r.pass(ctx, v)
	case Hold: // until Settle finds a place for the message, the sender's server keeps it
		t, _ := TextOf(TextHeld)
		v.Reply = buildReply(451, "7.1", clauses[0], t, clauses[1:], v.ID)
	case Defer:
		t := speaker.text(text)
		v.Reply = buildReply(450, speaker.Status, clauses[0], t, clauses[1:], v.ID)
	case Refuse:
		t := speaker.text(text)
		if told != "" && v.Direction.FromOurs() {
			t.Vietnamese += " (" + told + ")"
		}
		v.Reply = buildReply(max(speaker.Code, 550), speaker.Status, clauses[0], t, clauses[1:], v.ID)
	}
	return v
}

// pass completes a verdict that lets the message on.
func (r *run) pass(ctx context.Context, v Verdict) Verdict {
	t, _ := TextOf(TextAccepted)
	v.Reply = NewReply(250, "0.0", t, v.ID)
	v.Add = addFields(&v)
	v.Remove = ForgedFields(r.tx.Message.Header, r.policy.Organisation.AuthservID)
	return r.sign(ctx, v)
}

// passing is the verdict that accepts without a finding.
func (r *run) passing(ctx context.Context) Verdict {
	v := r.judge.newVerdict(r.policy, r.tx)
	v.Disposition = Accept
	return r.pass(ctx, v)
}

// text is what a finding of the rule tells the sender.
func (r Rule) text(k TextKey) Text {
	if t, ok := TextOf(k); ok {
		return t
	}
	return r.Text
}

// inOrder lists the findings in the order in which the rules speak, then what was not inspected.
func (r *run) inOrder() []Finding {
	var all []Finding
	for _, rule := range r.policy.Rules {
		all = append(all, r.findings[rule.Name]...)
	}
	for _, n := range r.notInspected {
		f := Finding{Rule: RuleUninspected, Clause: uninspectedRule().Clause, Mode: r.uninspectedMode(n.Reason), Disposition: Hold,
			Score: 1, Part: n.Part, Detail: string(n.Reason), Text: TextUninspected}
		if d, ok := r.policy.Uninspected[n.Reason]; ok {
			f.Disposition = d
		}
		if of, ok := r.unseen[n]; ok {
			f = of.asUninspected(f)
		}
		if f.Mode != Off && f.Mode != "" {
			all = append(all, f)
		}
	}
	return all
}

// uninspectedMode is in which mode a reason counts. Where a rule that enforces was left out because it failed on this
// message before, that rule's mode holds: else a mail that it takes too long to judge would pass at the second try.
func (r *run) uninspectedMode(reason message.Reason) Mode {
	if reason == RuleFailed {
		for _, name := range []string{RuleMarking, RuleVirus} {
			if slices.Contains(r.leftOut, name) && r.policy.Settings[name].Mode == Enforce {
				return Enforce
			}
		}
	}
	return r.policy.Settings[RuleUninspected].Mode
}

// uninspectedRule speaks for findings that Judge makes itself.
func uninspectedRule() Rule {
	return Rule{Name: RuleUninspected, Clause: "10.1", Code: 550, Status: "7.1"}
}

func (r *run) rule(name string) Rule {
	for _, rule := range r.policy.Rules {
		if rule.Name == name {
			return rule
		}
	}
	return uninspectedRule()
}

func (j *Judge) newVerdict(p *Policy, tx *Transaction) Verdict {
	return Verdict{ID: tx.ID, Policy: p.Hash, Packs: p.Packs, Direction: tx.Direction, Unit: tx.Unit,
		Findings: []Finding{}, NotInspected: []message.NotInspected{}}
}

func (j *Judge) withFault(v Verdict, err error) Verdict {
	v.Disposition, v.Err = Defer, err
	t, _ := TextOf(TextTrouble)
	v.Reply = NewReply(451, "3.0", t, v.ID)
	return v
}

func (j *Judge) fault(p *Policy, tx *Transaction, err error) Verdict {
	return j.withFault(j.newVerdict(p, tx), err)
}

// Fault is the verdict for a message that could not be judged for a reason of ours: 451 4.3.0. A failure
// that the content may have caused and that comes again with the same content is refused instead, as
// malformed: the sender would retry for ever, and what nobody can read must not pass.
func (j *Judge) Fault(tx *Transaction, err error) Verdict {
	if failure := (contentError{}); errors.As(err, &failure) {
		j.metrics.Panics.Inc()
		j.log.Error("message could not be read", "id", tx.ID, "error", err.Error(), "stack", string(failure.stack))
		if j.failed.add(identity(tx), wholeMessage) {
			v := j.Protocol(tx, 550, "6.0", TextMalformed)
			v.NotInspected = append(v.NotInspected, message.NotInspected{Reason: message.Damaged})
			return v
		}
	}
	p := j.policy.Load()
	j.direct(p, tx)
	return j.fault(p, tx, err)
}

// Protocol is the verdict for a message that a door turns away before it can be judged: a limit, a
// breach of the protocol. status is subject and detail ("5.2"); the class comes from code.
func (j *Judge) Protocol(tx *Transaction, code int, status string, text TextKey) Verdict {
	p := j.policy.Load()
	j.direct(p, tx)
	v := j.newVerdict(p, tx)
	t, _ := TextOf(text)
	v.Reply = NewReply(code, status, t, v.ID)
	v.Disposition = Refuse
	if code < 500 {
		v.Disposition = Defer
	}
	return v
}

// direct decides the direction of a message that is not judged, as far as the envelope tells.
func (j *Judge) direct(p *Policy, tx *Transaction) {
	if tx.Direction == "" {
		tx.Direction = p.Organisation.decideDirection(tx)
	}
}

// count counts a message by its last verdict.
func (j *Judge) count(tx *Transaction, v Verdict) {
	j.metrics.Messages.WithLabelValues(tx.Session.Door, string(v.Direction), v.Disposition.String(), v.Unit).Inc()
	for _, f := range v.Findings {
		j.metrics.Findings.WithLabelValues(f.Rule, f.Clause, f.Disposition.String(), string(f.Mode), v.Unit).Inc()
	}
	j.countSigned(v)
	if v.Passes() { // what is stopped all the same did not pass unseen
		for _, engine := range v.failedOpen() {
			j.metrics.FailOpen.WithLabelValues(engine).Inc()
		}
	}
}
