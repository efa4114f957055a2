package filter_test

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"congthu/filter"
	"congthu/filter/message"
)

// What a rule has left is done when the others have spoken, and not when the message is lost already.
func TestLater(t *testing.T) {
	marking := func(f ...filter.Finding) filter.Rule {
		r := finds("marking", "10.1", 550, f...)
		r.Expensive = true
		return r
	}
	failing := filter.Rule{Name: "marking", Expensive: true, Check: func(context.Context, *filter.Transaction) ([]filter.Finding, error) {
		return nil, errors.New("no room")
	}}
	tests := []struct {
		name     string
		marking  filter.Rule
		mode     filter.Mode
		checkErr error
		runs     bool
		judged   bool
		heard    int
	}{
		{name: "nothing found", marking: marking(), mode: filter.Enforce, runs: true, judged: true},
		{name: "found and not acted on", marking: marking(filter.Finding{Score: 0.6}), mode: filter.Monitor, runs: true, judged: true, heard: 1},
		{name: "refused", marking: marking(filter.Finding{}), mode: filter.Enforce},
		{name: "off", marking: marking(filter.Finding{}), mode: filter.Off, runs: true},
		{name: "failed", marking: failing, mode: filter.Enforce, runs: true},
		{name: "the rule's own check failed", marking: marking(), mode: filter.Enforce, checkErr: errors.New("engine down")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ran := 0
			rule := filter.Rule{Name: "virus", Clause: "11.5", Code: 550, Status: "7.1", Expensive: true,
				Check: func(context.Context, *filter.Transaction) ([]filter.Finding, error) { return nil, tt.checkErr },
				Later: func(_ context.Context, _ *filter.Transaction, said filter.Said) ([]filter.Finding, error) {
					ran++
					if said.Judged("marking") != tt.judged || len(said.Findings) != tt.heard {
						t.Errorf("judged %v, %d findings", said.Judged("marking"), len(said.Findings))
					}
					return []filter.Finding{{Detail: "late"}}, nil
				}}
			g := newGate(t, filter.Policy{Rules: []filter.Rule{rule, tt.marking}, Settings: map[string]filter.Setting{
				"virus": enforce(filter.Tag, filter.Tag), "marking": {Mode: tt.mode, Outbound: filter.Refuse, Inbound: filter.Refuse}}})
			v := g.Judge.Judge(t.Context(), transaction(t, "Subject: x\n"))
			if (ran == 1) != tt.runs || ran > 1 {
				t.Errorf("ran %d times", ran)
			}
			if late := slices.ContainsFunc(v.Findings, func(f filter.Finding) bool { return f.Detail == "late" }); late != tt.runs {
				t.Errorf("its finding is there: %v", late)
			}
		})
	}
}

// A rule that has nothing to do before the others have spoken needs no Check.
func TestLaterAlone(t *testing.T) {
	rule := filter.Rule{Name: "virus", Clause: "11.5", Code: 550, Status: "7.1", Later: func(context.Context, *filter.Transaction, filter.Said) ([]filter.Finding, error) {
		return nil, errors.New("engine down")
	}}
	g := newGate(t, filter.Policy{Rules: []filter.Rule{rule}, Settings: map[string]filter.Setting{"virus": enforce(filter.Refuse, filter.Refuse)}})
	if v := g.Judge.Judge(t.Context(), transaction(t, "Subject: x\n")); !strings.HasPrefix(v.Reply.String(), "451 4.3.0 ") {
		t.Errorf("%s", v.Reply)
	}
}

// What an engine did not look into is asked for by its reason, in the stricter of the two modes.
func TestUnseenByRule(t *testing.T) {
	tests := []struct {
		rule, uninspected filter.Mode
		lowered           filter.Mode
		want              filter.Disposition
		mode              filter.Mode
	}{
		{filter.Enforce, filter.Monitor, "", filter.Hold, filter.Enforce},
		{filter.Enforce, filter.Off, "", filter.Hold, filter.Enforce},
		{filter.Monitor, filter.Enforce, "", filter.Hold, filter.Enforce},
		{filter.Monitor, filter.Monitor, "", filter.Accept, filter.Monitor},
		{filter.Monitor, filter.Off, "", filter.Accept, ""},
		{filter.Enforce, filter.Monitor, filter.Monitor, filter.Accept, filter.Monitor},
	}
	for _, tt := range tests {
		rule := finds("virus", "11.5", 550, filter.Finding{Part: "2", NotInspected: message.TooBig, Detail: "too big: clamav", Mode: tt.lowered},
			filter.Finding{Part: "2", NotInspected: message.TooBig, Mode: filter.Monitor})
		g := newGate(t, filter.Policy{Rules: []filter.Rule{rule}, Uninspected: map[message.Reason]filter.Disposition{message.TooBig: filter.Hold},
			Settings: map[string]filter.Setting{"virus": {Mode: tt.rule, Outbound: filter.Refuse, Inbound: filter.Refuse}, "uninspected": {Mode: tt.uninspected}}})
		v := g.Judge.Judge(t.Context(), transaction(t, "Subject: x\n"))
		if v.Disposition != tt.want || len(v.NotInspected) != 1 || v.NotInspected[0] != (message.NotInspected{Part: "2", Reason: message.TooBig}) {
			t.Errorf("%+v: %s, %v", tt, v.Disposition, v.NotInspected)
		}
		if tt.mode == "" {
			if len(v.Findings) != 0 {
				t.Errorf("%+v: %+v", tt, v.Findings)
			}
			continue
		}
		if len(v.Findings) != 1 || v.Findings[0].Rule != "uninspected" || v.Findings[0].Mode != tt.mode || v.Findings[0].Clause != "11.5" || v.Findings[0].Detail != "too big: clamav" {
			t.Errorf("%+v: %+v", tt, v.Findings)
		}
	}
}

// Mail that passes although an engine did not look says so, and is counted; what is stopped all the same is not.
func TestFailOpen(t *testing.T) {
	open := filter.Finding{Disposition: filter.Accept, Detail: "clamav failed", FailOpen: "clamav"}
	tests := []struct {
		name    string
		subject filter.Disposition
		header  string
		counted float64
	}{
		{"passes", filter.Accept, "clamav, avira", 1},
		{"tagged", filter.Tag, "clamav, avira", 1},
		{"refused for something else", filter.Refuse, "", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := newGate(t, filter.Policy{Rules: []filter.Rule{
				finds("virus", "11.5", 550, open, open, filter.Finding{Disposition: filter.Accept, FailOpen: "avira"}),
				finds("subject", "9.3", 550, filter.Finding{})},
				Settings: map[string]filter.Setting{"virus": enforce(filter.Refuse, filter.Refuse), "subject": enforce(tt.subject, tt.subject)}})
			tx := transaction(t, "Congthu-Fail-Open: forged\nSubject: x\n")
			v := g.Judge.Judge(t.Context(), tx)
			got := ""
			for _, f := range v.Add {
				if f.Name == "Congthu-Fail-Open" {
					got += f.Value
				}
			}
			if got != tt.header {
				t.Errorf("header %q, want %q", got, tt.header)
			}
			if v.Passes() && len(v.Remove) != 1 {
				t.Errorf("the forged field stays: %v", v.Remove)
			}
			g.Log(tx, v, filter.Outcome{})
			for _, engine := range []string{"clamav", "avira"} {
				if n := testutil.ToFloat64(g.metrics.FailOpen.WithLabelValues(engine)); n != tt.counted {
					t.Errorf("%s counted %v times, want %v", engine, n, tt.counted)
				}
			}
		})
	}
}

// What was found by name is told to our own people only: its maker need not know which engine knows it.
func TestToldToOurs(t *testing.T) {
	for client, want := range map[string]bool{"10.1.1.1": true, "192.0.2.1": false} {
		g := newGate(t, filter.Policy{Rules: []filter.Rule{finds("virus", "11.5", 550, filter.Finding{Told: "Eicar-Test-Signature"})},
			Settings: map[string]filter.Setting{"virus": enforce(filter.Refuse, filter.Refuse)}})
		tx := transaction(t, "Subject: x\n")
		tx.Session.Client = netip.MustParseAddr(client)
		v := g.Judge.Judge(t.Context(), tx)
		if !strings.HasPrefix(v.Reply.String(), "550 5.7.1 [11.5] ") || strings.Contains(v.Reply.String(), " (Eicar-Test-Signature) / ") != want || len(v.Reply.String()) > 510 {
			t.Errorf("%s: %s", client, v.Reply)
		}
	}
}
