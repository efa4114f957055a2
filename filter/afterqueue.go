package filter

import "slices"

// AfterQueue is the verdict as a door behind an MTA's queue speaks it. There a 5xx would make the MTA
// mail the message back to whoever the reverse-path names, which in mail from outside is often a stranger:
// such mail is not refused. It is held; until there is a quarantine that is 451, and the MTA keeps it.
func (v Verdict) AfterQueue() Verdict {
	if v.Disposition != Refuse || v.Direction.FromOurs() {
		return v
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
