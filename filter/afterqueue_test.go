package filter

import (
	"strings"
	"testing"
)

// Behind a queue mail from outside is never answered 5xx; everything else stays as it is.
func TestAfterQueue(t *testing.T) {
	refused := []Finding{
		{Rule: "a", Clause: "9.3", Mode: Enforce, Disposition: Refuse}, {Rule: "b", Clause: "4.4", Mode: Monitor, Disposition: Refuse},
		{Rule: "c", Clause: "9.1", Mode: Enforce, Disposition: Tag}, {Rule: "d", Clause: "11.5", Mode: Enforce, Disposition: Refuse},
	}
	text, _ := TextOf(TextTooBig)
	g := plainJudge(t)
	for _, c := range []struct {
		direction Direction
		d         Disposition
		code      int
		findings  []Finding
		want      string
		becomes   Disposition
	}{
		{Inbound, Refuse, 550, refused, "451 4.7.1 [9.3] ", Hold},
		{Inbound, Refuse, 552, nil, "451 4.7.1 Thu", Hold},
		{"", Refuse, 550, nil, "451 4.7.1 Thu", Hold}, // nobody knows where it comes from
		{Outbound, Refuse, 550, refused, "550 5.7.1 ", Refuse},
		{Internal, Refuse, 550, refused, "550 5.7.1 ", Refuse},
		{Inbound, Defer, 450, nil, "450 4.7.1 ", Defer},
		{Inbound, Tag, 250, nil, "250 2.7.1 ", Tag},
	} {
		v := Verdict{ID: "id1", Direction: c.direction, Disposition: c.d, Findings: c.findings, Reply: NewReply(c.code, "7.1", text, "id1")}
		tx := &Transaction{Session: Session{AfterQueue: true}}
		got := g.Settle(t.Context(), tx, v)
		if got.Disposition != c.becomes || !strings.HasPrefix(got.Reply.String(), c.want) || !strings.HasSuffix(got.Reply.Text(), "(id id1)") {
			t.Errorf("%s %s: %s %q", c.direction, c.d, got.Disposition, got.Reply)
		}
		if len(c.findings) > 0 && c.becomes == Hold && (!strings.Contains(got.Reply.Text(), "(+ [11.5])") || strings.Contains(got.Reply.Text(), "4.4")) {
			t.Errorf("clauses: %q", got.Reply)
		}
	}
}

// What nobody may have is taken and dropped, where there is a record of it.
func TestDropped(t *testing.T) {
	text, _ := TextOf(TextMarking)
	for _, rule := range []string{RuleMarking, RuleVirus} {
		for _, c := range []struct {
			name    string
			after   bool
			from    Direction
			mode    Mode
			keeps   bool
			code    int
			dropped bool
		}{
			{"behind a queue", true, Inbound, Enforce, true, 250, true},
			{"without a record", true, Inbound, Enforce, false, 451, false},
			{"in monitor mode", true, Inbound, Monitor, true, 451, false},
			{"from ours", true, Outbound, Enforce, true, 550, false},
			{"before the queue", false, Inbound, Enforce, true, 550, false},
		} {
			g := plainJudge(t)
			if c.keeps {
				g.KeepWith(keepNothing{})
			}
			v := Verdict{ID: "id1", Direction: c.from, Disposition: Refuse, Reply: NewReply(550, "7.1", text, "id1"),
				Findings: []Finding{{Rule: rule, Mode: c.mode, Disposition: Refuse}}}
			got := g.Settle(t.Context(), &Transaction{Session: Session{AfterQueue: c.after}}, v)
			if got.Reply.Code() != c.code || got.Dropped != c.dropped || got.Passes() || got.Taken() != c.dropped {
				t.Errorf("%s %s: %q dropped %v", rule, c.name, got.Reply, got.Dropped)
			}
		}
	}
}
