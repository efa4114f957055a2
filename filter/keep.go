package filter

import (
	"context"
	"errors"
	"fmt"
	"time"

	"congthu/filter/message"
)

// Keeper makes durable what was decided: the evidence log and the quarantine. A judge without one keeps
// nothing, and nothing can be held then.
type Keeper interface {
	// Keep returns when the verdict is on record and, of one that is Held, the message is in the
	// quarantine: under the id hold, which is an earlier transaction's when the same message of the same
	// envelope is in it already. An error means that it is not, and the message is deferred (invariant 2).
	Keep(ctx context.Context, tx *Transaction, v Verdict) (hold string, err error)
	// Outcome records what became of the message. It is not waited for.
	Outcome(tx *Transaction, v Verdict, o Outcome)
	// CanHold tells whether the quarantine takes messages: not without an officer who can open them. known is false
	// while that cannot be told, as without its database.
	CanHold() (can, known bool)
	// Released names the hold that an officer released when tx is the message that came out of it, ""
	// for any other. It says so once for each release.
	Released(ctx context.Context, tx *Transaction) (hold string, err error)
	// Excepted names the exception that an officer granted for a part, "" when there is none in force. An error
	// means that this is not known: the message is deferred then, unless it is refused for something else.
	Excepted(rule, partSHA256 string, at time.Time) (id string, err error)
}

// keepNothing is the keeper of a judge that has none.
type keepNothing struct{}

func (keepNothing) Keep(context.Context, *Transaction, Verdict) (hold string, err error) {
	return "", nil
}
func (keepNothing) Outcome(*Transaction, Verdict, Outcome)                          {}
func (keepNothing) CanHold() (can, known bool)                                      { return false, true }
func (keepNothing) Released(context.Context, *Transaction) (hold string, err error) { return "", nil }
func (keepNothing) Excepted(string, string, time.Time) (id string, err error)       { return "", nil }

// KeepWith tells the judge who keeps what is decided. It is called before the first message.
func (j *Judge) KeepWith(k Keeper) { j.keeper, j.keeps = k, true }

// Settle makes a verdict what the door will speak, and durable: mail that is to be held goes into the
// quarantine, and behind a queue nothing from outside is refused. Doors call it once for each message, when
// the last word on it is said and before they act on it. ctx bounds the waiting for disk and database.
func (j *Judge) Settle(ctx context.Context, tx *Transaction, v Verdict) Verdict {
	behind := tx.Session.AfterQueue && !v.Direction.FromOurs()
	if behind {
		v = v.afterQueue(j.keeps)
	}
	if v.Disposition == Hold && !v.Dropped {
		v = j.place(tx, v, behind)
	}
	hold, err := j.keeper.Keep(ctx, tx, v)
	if err != nil {
		fault := j.withFault(v, fmt.Errorf("keeping the verdict: %w", err))
		fault.Held, fault.Hold, fault.Dropped, fault.Add, fault.Remove, fault.Signed, fault.Unsigned = false, "", false, nil, nil, nil, ""
		return fault
	}
	if v.Held && hold != v.Hold {
		v.Hold = hold
		t, _ := TextOf(TextQuarantined)
		v.Reply = NewReply(250, "0.0", t, hold) // whoever asks about the message is to name what an officer finds
	}
	return v
}

// place decides where a message goes that is to be held. Without a quarantine that takes it the sender's
// server keeps it (451), for an officer may come. But a message that is held for nothing but the failure of a rule
// is refused then: it fails on each try, and its sender would try for days (invariant 2).
func (j *Judge) place(tx *Transaction, v Verdict, behind bool) Verdict {
	can, known := j.keeper.CanHold()
	unkept := v.enforces(RuleMarking, Hold) && !j.policy.Load().KeepMarked // clause 10.1: nothing of it is kept
	switch {
	case unkept && behind: // the MTA's queue keeps it: a mark that is not sure is no reason to lose a mail
	case unkept && !behind:
		t, _ := TextOf(TextKey(RuleMarking))
		v.Disposition = Refuse
		v.Reply = buildReply(550, "7.1", "10.1", t, nil, v.ID)
	case !unkept && tx.Content != nil && can:
		v.Held, v.Hold = true, v.ID
		t, _ := TextOf(TextQuarantined)
		v.Reply = NewReply(250, "0.0", t, v.ID)
	case !unkept && !behind && !can && known && v.onlyFailed():
		t, _ := TextOf(TextUninspected)
		v.Disposition = Refuse
		v.Reply = buildReply(550, "7.1", uninspectedRule().Clause, t, nil, v.ID)
	}
	return v
}

// onlyFailed tells whether nothing else asks to hold the message than rules that failed on it before.
func (v Verdict) onlyFailed() bool {
	failed := false
	for _, f := range v.Findings {
		if f.Mode != Enforce || f.Disposition < Hold {
			continue
		}
		if f.Rule != RuleUninspected || f.Detail != string(RuleFailed) {
			return false
		}
		failed = true
	}
	return failed
}

// RuleMarking is the rule whose findings say that a message is marked (clause 10.1).
const RuleMarking = "marking"

// RuleVirus is the rule whose findings say that a message is infected (clause 11.5).
const RuleVirus = "virus"

// Marked tells whether the message carries a secrecy marking, as far as the rule is sure of it, in
// whatever mode: then its content, its subject and its file names are not kept in the clear (invariant 5).
func (v Verdict) Marked() bool {
	for _, f := range v.Findings {
		if f.Rule == RuleMarking && f.Disposition >= Hold {
			return true
		}
	}
	return false
}

// enforces tells whether a rule asks for a disposition in earnest.
func (v Verdict) enforces(rule string, d Disposition) bool {
	for _, f := range v.Findings {
		if f.Rule == rule && f.Mode == Enforce && f.Disposition >= d {
			return true
		}
	}
	return false
}

// digests fills in the hashes of the parts that enforced findings name, so that an officer can make an
// exception for exactly that part. What cannot be read keeps none.
func digests(m *message.Message, findings []Finding) {
	for i, f := range findings {
		if f.Part == "" || f.PartSHA256 != "" || f.Mode != Enforce || f.Disposition < Hold {
			continue
		}
		findings[i].PartSHA256 = digestOf(m, f.Part)
	}
}

// digestOf is the hash of the part with an id. Two readings of one part have the same id: when they differ, there is
// none, for an exception is for one content.
func digestOf(m *message.Message, id string) string {
	found := ""
	for p := range m.Parts() {
		if p.ID != id {
			continue
		}
		sum, err := p.Digest()
		if err != nil || sum == "" || found != "" && found != sum {
			return ""
		}
		found = sum
	}
	return found
}

// except lowers what an officer has made an exception for. It tells which findings may have one or not: that is not
// known, and an error of ours.
func (r *run) except(findings []Finding) (unknown map[int]bool) {
	for i, f := range findings {
		if f.PartSHA256 == "" || f.Mode != Enforce || f.Disposition < Hold {
			continue
		}
		id, err := r.judge.keeper.Excepted(f.Rule, f.PartSHA256, r.judge.now())
		switch {
		case err != nil:
			r.err = errors.Join(r.err, fmt.Errorf("looking for an exception from rule %q: %w", f.Rule, err))
			if unknown == nil {
				unknown = map[int]bool{}
			}
			unknown[i] = true
		case id != "":
			findings[i].Mode, findings[i].Exception = Monitor, id
		}
	}
	return unknown
}
