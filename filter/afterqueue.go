package filter

import "slices"

// afterQueue is the verdict on mail from outside as a door behind an MTA's queue speaks it. There a 5xx would
// make the MTA mail the message back to whoever the reverse-path names, often a stranger: such mail is not
// refused. What is infected or marked is dropped, for nobody may have it and it is on record; the rest is
// held. canDrop tells that there is a record.
func (v Verdict) afterQueue(canDrop bool) Verdict {
	if v.Disposition != Refuse {
		return v
	}
	if canDrop && (v.enforces(RuleVirus, Refuse) || v.enforces(RuleMarking, Refuse)) {
		return v.dropped()
	}
	var clauses []string
	for _, f := range v.Findings {
		if f.Mode == Enforce && f.Disposition == Refuse && !slices.Contains(clauses, f.Clause) {
			clauses = append(clauses, f.Clause)
		}
	}
	t, _ := TextOf(TextHeld)
	v.Disposition = Hold
	if len(clauses) == 0 { // turned away by a limit or the protocol
		v.Reply = NewReply(451, "7.1", t, v.ID)
	} else {
		v.Reply = buildReply(451, "7.1", clauses[0], t, clauses[1:], v.ID)
	}
	return v
}

// dropped is the verdict with its message taken and kept nowhere.
func (v Verdict) dropped() Verdict {
	v.Dropped = true
	t, _ := TextOf(TextDropped)
	v.Reply = NewReply(250, "0.0", t, v.ID)
	return v
}
