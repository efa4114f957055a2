package filter_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"congthu/filter"
	"congthu/filter/message"
)

// gate is a judge with its metrics and log.
type gate struct {
	*filter.Judge
	metrics *filter.Metrics
	log     *bytes.Buffer
}

func newGate(t *testing.T, p filter.Policy) *gate {
	t.Helper()
	if p.Deadline == 0 {
		p.Deadline = time.Minute
	}
	p.Organisation = filter.Organisation{Domains: []string{"monre.gov.vn"}, AuthservID: "monre.gov.vn",
		TrustedNetworks: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}
	g := &gate{metrics: filter.NewMetrics(prometheus.NewRegistry()), log: &bytes.Buffer{}}
	j, err := filter.NewJudge(&p, 2, g.metrics, slog.New(slog.NewJSONHandler(g.log, nil)), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	g.Judge = j
	return g
}

// transaction is a message from inside to a foreign recipient.
func transaction(t *testing.T, header string) *filter.Transaction {
	t.Helper()
	text := strings.ReplaceAll(header, "\n", "\r\n") + "\r\nbody\r\n"
	m, err := message.Read(strings.NewReader(text), int64(len(text)), message.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	return &filter.Transaction{ID: "01ARZ3NDEKTSV4RRFFQ69G5FAV", SHA256: "hash of " + header, Message: m, Content: content{strings.NewReader(text)},
		Session:     filter.Session{Door: "relay", Client: netip.MustParseAddr("10.1.1.1")},
		ReversePath: filter.ParsePath("<an@monre.gov.vn>", ""),
		Recipients:  []filter.Path{filter.ParsePath("<x@example.com>", "")}}
}

// content is a message in memory.
type content struct{ *strings.Reader }

func (content) SHA256() string { return "" }

func finds(name, clause string, code int, fs ...filter.Finding) filter.Rule {
	return filter.Rule{Name: name, Clause: clause, Code: code, Status: "7.1",
		Check: func(context.Context, *filter.Transaction) ([]filter.Finding, error) { return fs, nil }}
}

func enforce(out, in filter.Disposition) filter.Setting {
	return filter.Setting{Mode: filter.Enforce, Outbound: out, Inbound: in}
}

func TestVerdict(t *testing.T) {
	subject := finds("subject", "9.3", 550, filter.Finding{Detail: "missing"})
	size := finds("attachment-size", "4.4", 552, filter.Finding{Detail: "x"})
	tests := []struct {
		name     string
		rules    []filter.Rule
		settings map[string]filter.Setting
		client   string
		want     filter.Disposition
		reply    string // beginning
	}{
		{"nothing found", []filter.Rule{finds("subject", "9.3", 550)}, map[string]filter.Setting{"subject": enforce(filter.Refuse, filter.Tag)}, "10.1.1.1", filter.Accept, "250 2.0.0"},
		{"refused outbound", []filter.Rule{subject}, map[string]filter.Setting{"subject": enforce(filter.Refuse, filter.Tag)}, "10.1.1.1", filter.Refuse, "550 5.7.1 [9.3] Thu khong co tieu de."},
		{"tagged inbound", []filter.Rule{subject}, map[string]filter.Setting{"subject": enforce(filter.Refuse, filter.Tag)}, "192.0.2.1", filter.Tag, "250 2.0.0"},
		{"monitor records only", []filter.Rule{subject}, map[string]filter.Setting{"subject": {Mode: filter.Monitor, Outbound: filter.Refuse}}, "10.1.1.1", filter.Accept, "250"},
		{"off does not run", []filter.Rule{{Name: "subject", Check: func(context.Context, *filter.Transaction) ([]filter.Finding, error) { panic("ran") }}}, map[string]filter.Setting{"subject": {Mode: filter.Off}}, "10.1.1.1", filter.Accept, "250"},
		{"a rule without a setting does not run", []filter.Rule{{Name: "subject", Check: func(context.Context, *filter.Transaction) ([]filter.Finding, error) { panic("ran") }}}, nil, "10.1.1.1", filter.Accept, "250"},
		{"first in order speaks, others named", []filter.Rule{size, subject}, map[string]filter.Setting{"subject": enforce(filter.Refuse, 0), "attachment-size": enforce(filter.Refuse, 0)}, "10.1.1.1", filter.Refuse, "552 5.7.1 [4.4] "},
		{"hold", []filter.Rule{subject}, map[string]filter.Setting{"subject": enforce(filter.Hold, 0)}, "10.1.1.1", filter.Hold, "451 4.7.1 [9.3] "},
		{"defer keeps the class right", []filter.Rule{size}, map[string]filter.Setting{"attachment-size": enforce(filter.Defer, 0)}, "10.1.1.1", filter.Defer, "450 4.7.1 [4.4] "},
		{"refusal beats hold", []filter.Rule{subject, size}, map[string]filter.Setting{"subject": enforce(filter.Hold, 0), "attachment-size": enforce(filter.Refuse, 0)}, "10.1.1.1", filter.Refuse, "552 5.7.1 [4.4] "},
		{"a finding may lower its mode", []filter.Rule{finds("subject", "9.3", 550, filter.Finding{Mode: filter.Monitor})}, map[string]filter.Setting{"subject": enforce(filter.Refuse, 0)}, "10.1.1.1", filter.Accept, "250"},
		{"a finding cannot raise its mode", []filter.Rule{finds("subject", "9.3", 550, filter.Finding{Mode: filter.Enforce})}, map[string]filter.Setting{"subject": {Mode: filter.Monitor, Outbound: filter.Refuse}}, "10.1.1.1", filter.Accept, "250"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := newGate(t, filter.Policy{Rules: tt.rules, Settings: tt.settings})
			tx := transaction(t, "Subject: x\n")
			tx.Session.Client = netip.MustParseAddr(tt.client)
			v := g.Judge.Judge(t.Context(), tx)
			if v.Disposition != tt.want || !strings.HasPrefix(v.Reply.String(), tt.reply) {
				t.Errorf("%v %q, want %v %q", v.Disposition, v.Reply, tt.want, tt.reply)
			}
			if !strings.HasSuffix(v.Reply.String(), "(id 01ARZ3NDEKTSV4RRFFQ69G5FAV)") {
				t.Errorf("no id in %q", v.Reply)
			}
			g.Log(tx, v, filter.Outcome{})
			if n := testutil.ToFloat64(g.metrics.Messages.WithLabelValues("relay", string(v.Direction), tt.want.String(), "")); n != 1 {
				t.Errorf("counted %v times", n)
			}
		})
	}
}

func TestOthersClausesAreNamed(t *testing.T) {
	g := newGate(t, filter.Policy{
		Rules:    []filter.Rule{finds("free-mail", "9.1", 550, filter.Finding{}), finds("attachment-size", "4.4", 552, filter.Finding{}), finds("subject", "9.3", 550, filter.Finding{})},
		Settings: map[string]filter.Setting{"free-mail": enforce(filter.Refuse, 0), "attachment-size": enforce(filter.Refuse, 0), "subject": enforce(filter.Refuse, 0)},
	})
	v := g.Judge.Judge(t.Context(), transaction(t, "Subject: x\n"))
	for _, want := range []string{"550 5.7.1 [9.1] ", "[4.4]", "[9.3]"} {
		if !strings.Contains(v.Reply.String(), want) {
			t.Errorf("no %q in %q", want, v.Reply)
		}
	}
	if len(v.Reply.String()) > 510 {
		t.Errorf("%d octets", len(v.Reply.String()))
	}
}

// An error is not a verdict (invariant 2).
func TestRuleErrorDefers(t *testing.T) {
	broken := filter.Rule{Name: "broken", Clause: "1.1", Check: func(context.Context, *filter.Transaction) ([]filter.Finding, error) {
		return nil, errors.New("engine down: /secret/path")
	}}
	g := newGate(t, filter.Policy{Rules: []filter.Rule{broken}, Settings: map[string]filter.Setting{"broken": enforce(filter.Refuse, filter.Refuse)}})
	tx := transaction(t, "Subject: x\n")
	for range 3 { // however often it comes
		v := g.Judge.Judge(t.Context(), tx)
		if v.Disposition != filter.Defer || !strings.HasPrefix(v.Reply.String(), "451 4.3.0 ") || v.Err == nil {
			t.Errorf("%v %q %v", v.Disposition, v.Reply, v.Err)
		}
		if strings.Contains(v.Reply.String(), "secret") {
			t.Errorf("the reply tells configuration: %q", v.Reply)
		}
	}
}

func TestRefusalStandsBesideAnError(t *testing.T) {
	broken := filter.Rule{Name: "broken", Clause: "1.1", Check: func(context.Context, *filter.Transaction) ([]filter.Finding, error) {
		return nil, errors.New("down")
	}}
	g := newGate(t, filter.Policy{Rules: []filter.Rule{broken, finds("subject", "9.3", 550, filter.Finding{})},
		Settings: map[string]filter.Setting{"broken": enforce(filter.Refuse, 0), "subject": enforce(filter.Refuse, 0)}})
	if v := g.Judge.Judge(t.Context(), transaction(t, "Subject: x\n")); v.Disposition != filter.Refuse {
		t.Errorf("%v %q", v.Disposition, v.Reply)
	}
}

// A panic that comes again for the same message is "not inspected: rule failed", or the sender would
// retry for ever; and the panic's text, which may be content, is in no log.
func TestPanicIsContained(t *testing.T) {
	rule := filter.Rule{Name: "fragile", Clause: "1.1", Check: func(_ context.Context, tx *filter.Transaction) ([]filter.Finding, error) {
		panic(fmt.Sprintf("cannot parse %q", "TUYET MAT"))
	}}
	for _, tt := range []struct {
		mode filter.Mode
		want filter.Disposition
	}{{filter.Monitor, filter.Accept}, {filter.Enforce, filter.Hold}} {
		g := newGate(t, filter.Policy{Rules: []filter.Rule{rule}, Settings: map[string]filter.Setting{
			"fragile": enforce(filter.Refuse, 0), "uninspected": {Mode: tt.mode}}})
		a, b := transaction(t, "Subject: a\n"), transaction(t, "Subject: b\n")
		if v := g.Judge.Judge(t.Context(), a); v.Disposition != filter.Defer || v.Reply.Code() != 451 {
			t.Fatalf("first time: %v %q", v.Disposition, v.Reply)
		}
		if v := g.Judge.Judge(t.Context(), b); v.Disposition != filter.Defer {
			t.Fatalf("another message: %v", v.Disposition)
		}
		v := g.Judge.Judge(t.Context(), a)
		if v.Disposition != tt.want {
			t.Errorf("second time, %s: %v, want %v", tt.mode, v.Disposition, tt.want)
		}
		if d := cmp.Diff([]message.NotInspected{{Reason: filter.RuleFailed}}, v.NotInspected); d != "" {
			t.Error(d)
		}
		if len(v.Findings) != 1 || v.Findings[0].Rule != "uninspected" || v.Findings[0].Detail != "rule failed" {
			t.Errorf("findings: %+v", v.Findings)
		}
		if strings.Contains(g.log.String(), "TUYET") {
			t.Errorf("content in the log: %s", g.log)
		}
		if n := testutil.ToFloat64(g.metrics.Panics); n != 2 {
			t.Errorf("%v panics counted", n)
		}
	}
}

// A mail on which the rule that looks for markings, or for viruses, failed does not pass at the second try while that
// rule enforces, whatever is said of other mail that was not inspected.
func TestFailedRuleThatEnforces(t *testing.T) {
	for _, tt := range []struct {
		rule              string
		mode, uninspected filter.Mode
		want              filter.Disposition
	}{
		{filter.RuleMarking, filter.Enforce, filter.Monitor, filter.Hold},
		{filter.RuleMarking, filter.Enforce, filter.Off, filter.Hold},
		{filter.RuleVirus, filter.Enforce, filter.Monitor, filter.Hold},
		{filter.RuleMarking, filter.Monitor, filter.Monitor, filter.Accept},
		{filter.RuleMarking, filter.Monitor, filter.Enforce, filter.Hold},
		{"subject", filter.Enforce, filter.Monitor, filter.Accept},
	} {
		fragile := filter.Rule{Name: tt.rule, Clause: "10.1", Check: func(context.Context, *filter.Transaction) ([]filter.Finding, error) { panic("x") }}
		g := newGate(t, filter.Policy{Rules: []filter.Rule{fragile}, Settings: map[string]filter.Setting{
			tt.rule: {Mode: tt.mode, Outbound: filter.Refuse, Inbound: filter.Refuse}, "uninspected": {Mode: tt.uninspected}}})
		tx := transaction(t, "Subject: a\n")
		if v := g.Judge.Judge(t.Context(), tx); v.Disposition != filter.Defer {
			t.Fatalf("%+v, first time: %v", tt, v.Disposition)
		}
		if v := g.Judge.Judge(t.Context(), tx); v.Disposition != tt.want {
			t.Errorf("%+v, second time: %v %+v", tt, v.Disposition, v.Findings)
		}
	}
}

// A rule that never returns is cut off by the deadline; the same message coming again gets what the policy
// says of "rule failed", also when the server that sends it again wrote another Received at its top.
func TestDeadline(t *testing.T) {
	for _, tt := range []struct {
		mode filter.Mode
		want filter.Disposition
	}{{filter.Monitor, filter.Accept}, {filter.Enforce, filter.Hold}} {
		synctest.Test(t, func(t *testing.T) {
			release := make(chan struct{})
			stuck := filter.Rule{Name: "stuck", Clause: "1.1", Expensive: true, Check: func(context.Context, *filter.Transaction) ([]filter.Finding, error) {
				<-release
				return nil, nil
			}}
			quick := finds("subject", "9.3", 550)
			quick.Expensive = true
			g := newGate(t, filter.Policy{Rules: []filter.Rule{stuck, quick},
				Settings: map[string]filter.Setting{"stuck": enforce(filter.Refuse, 0), "subject": enforce(filter.Refuse, 0), "uninspected": {Mode: tt.mode}}})
			start := time.Now()
			v := g.Judge.Judge(t.Context(), transaction(t, "Received: from a; Mon\n (by b)\nSubject: x\n"))
			if v.Disposition != filter.Defer || v.Reply.Code() != 451 || time.Since(start) != time.Minute {
				t.Errorf("first: %v %q after %v", v.Disposition, v.Reply, time.Since(start))
			}
			if !strings.Contains(fmt.Sprint(v.Err), "stuck") || strings.Contains(fmt.Sprint(v.Err), "subject") {
				t.Errorf("the rule at work is not named: %v", v.Err)
			}
			v = g.Judge.Judge(t.Context(), transaction(t, "Received: from a; Tue\n (by b id 2)\nReturn-Path: <>\nSubject: x\n"))
			if v.Disposition != tt.want || len(v.NotInspected) != 1 || v.NotInspected[0].Reason != filter.RuleFailed {
				t.Errorf("again, %s: %v %+v", tt.mode, v.Disposition, v.NotInspected)
			}
			close(release)
			synctest.Wait()
			v = g.Judge.Judge(t.Context(), transaction(t, "Subject: z\n"))
			if v.Disposition != filter.Accept || len(v.NotInspected) != 0 {
				t.Errorf("another message: %v %+v", v.Disposition, v.NotInspected)
			}
		})
	}
}

// Only what the content may have caused is held against a message: not a client that went away, not a gate
// that stops, not a lack of slots.
func TestOurTroubleIsNotRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		stuck := filter.Rule{Name: "stuck", Clause: "1.1", Check: func(ctx context.Context, _ *filter.Transaction) ([]filter.Finding, error) {
			select {
			case <-release:
				return nil, nil
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}}
		deaf := finds("deaf", "1.1", 550)
		deaf.Check = func(context.Context, *filter.Transaction) ([]filter.Finding, error) { <-release; return nil, nil }
		g := newGate(t, filter.Policy{Rules: []filter.Rule{stuck, deaf}, Settings: map[string]filter.Setting{"stuck": enforce(filter.Refuse, 0), "deaf": enforce(filter.Refuse, 0)}})
		for range 5 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			if v := g.Judge.Judge(ctx, transaction(t, "Subject: x\n")); v.Reply.Code() != 451 {
				t.Errorf("%v %q", v.Disposition, v.Reply)
			}
			cancel()
		}
		close(release)
		synctest.Wait()
		if v := g.Judge.Judge(t.Context(), transaction(t, "Subject: x\n")); v.Disposition != filter.Accept || len(v.NotInspected) != 0 {
			t.Errorf("held against the message: %v %+v", v.Disposition, v.NotInspected)
		}
	})
}

func TestCheapRefusalSparesExpensiveRules(t *testing.T) {
	ran := 0
	costly := filter.Rule{Name: "costly", Clause: "1.1", Expensive: true, Check: func(context.Context, *filter.Transaction) ([]filter.Finding, error) {
		ran++
		return nil, nil
	}}
	for _, tt := range []struct {
		mode filter.Mode
		want int
	}{{filter.Enforce, 0}, {filter.Monitor, 1}} {
		ran = 0
		g := newGate(t, filter.Policy{Rules: []filter.Rule{costly, finds("subject", "9.3", 550, filter.Finding{})},
			Settings: map[string]filter.Setting{"costly": enforce(filter.Refuse, 0), "subject": {Mode: tt.mode, Outbound: filter.Refuse}}})
		g.Judge.Judge(t.Context(), transaction(t, "Subject: x\n"))
		if ran != tt.want {
			t.Errorf("%s: the expensive rule ran %d times, want %d", tt.mode, ran, tt.want)
		}
	}
}

// A policy is swapped whole; a message keeps the one that it began with.
func TestSwap(t *testing.T) {
	g := newGate(t, filter.Policy{Hash: "sha256:1"})
	p := *g.Policy()
	p.Hash = "sha256:2"
	p.Rules = []filter.Rule{finds("subject", "9.3", 550, filter.Finding{})}
	p.Settings = map[string]filter.Setting{"subject": enforce(filter.Refuse, 0)}
	if v := g.Judge.Judge(t.Context(), transaction(t, "Subject: x\n")); v.Policy != "sha256:1" || v.Disposition != filter.Accept {
		t.Errorf("%+v", v)
	}
	g.Swap(&p)
	if v := g.Judge.Judge(t.Context(), transaction(t, "Subject: x\n")); v.Policy != "sha256:2" || v.Disposition != filter.Refuse {
		t.Errorf("%+v", v)
	}
}

func TestDirection(t *testing.T) {
	for _, tt := range []struct {
		name, client, login, reverse, from string
		to                                 []string
		fixed, want                        filter.Direction
	}{
		{"inside client, our sender, foreign recipient", "10.1.1.1", "", "an@monre.gov.vn", "an@monre.gov.vn", []string{"x@example.com"}, "", filter.Outbound},
		{"one foreign among ours", "10.1.1.1", "", "an@monre.gov.vn", "an@monre.gov.vn", []string{"b@monre.gov.vn", "x@example.com"}, "", filter.Outbound},
		{"all ours", "10.1.1.1", "", "an@monre.gov.vn", "an@monre.gov.vn", []string{"b@monre.gov.vn", "c@cntt.monre.gov.vn", "root"}, "", filter.Internal},
		{"outside client claims to be ours", "192.0.2.1", "", "an@monre.gov.vn", "an@monre.gov.vn", []string{"b@monre.gov.vn"}, "", filter.Inbound},
		{"client unknown (no XFORWARD)", "", "", "an@monre.gov.vn", "an@monre.gov.vn", []string{"x@example.com"}, "", filter.Inbound},
		{"signed in from outside", "192.0.2.1", "an", "an@monre.gov.vn", "an@monre.gov.vn", []string{"x@example.com"}, "", filter.Outbound},
		{"only From is ours", "10.1.1.1", "", "bounce@lists.example", "an@monre.gov.vn", []string{"x@example.com"}, "", filter.Outbound},
		{"null reverse-path, From ours", "10.1.1.1", "", "", "MAILER-DAEMON@monre.gov.vn", []string{"x@example.com"}, "", filter.Outbound},
		{"inside client forwards foreign mail", "10.1.1.1", "", "x@example.com", "x@example.com", []string{"y@example.net"}, "", filter.Inbound},
		{"look-alike domain is not ours", "10.1.1.1", "", "an@xmonre.gov.vn", "an@monre.gov.vn.example", []string{"y@example.net"}, "", filter.Inbound},
		{"case and dot", "10.1.1.1", "", "an@MONRE.gov.vn.", "x@example.com", []string{"b@Monre.Gov.VN"}, "", filter.Internal},
		{"IPv4 in IPv6", "::ffff:10.1.1.1", "", "an@monre.gov.vn", "an@monre.gov.vn", []string{"x@example.com"}, "", filter.Outbound},
		{"reverse-path with a comment", "10.1.1.1", "", "an@(c)monre.gov.vn", "x@example.com", []string{"x@example.com"}, "", filter.Outbound},
		{"From with a comment", "10.1.1.1", "", "", "an(c)@monre.gov.vn", []string{"x@example.com"}, "", filter.Outbound},
		{"From of ours for readers that end the header early", "10.1.1.1", "", "", "x@example.com>\n \nFrom: <an@monre.gov.vn", []string{"x@example.com"}, "", filter.Outbound},
		{"From of ours for readers that end a line at CR", "10.1.1.1", "", "", "x@example.com>\nX: y\rFrom: <an@monre.gov.vn", []string{"x@example.com"}, "", filter.Outbound},
		{"From that nobody can read, of a client of ours", "10.1.1.1", "", "", "an(at)monre", []string{"x@example.com"}, "", filter.Outbound},
		{"From that nobody can read, of a stranger", "192.0.2.1", "", "", "an(at)monre", []string{"x@example.com"}, "", filter.Inbound},
		{"percent route to us", "10.1.1.1", "", "an%monre.gov.vn", "x@example.com", []string{"x@example.com"}, "", filter.Outbound},
		{"recipient outside behind a comment", "10.1.1.1", "", "an@monre.gov.vn", "an@monre.gov.vn", []string{"x@(c)example.com"}, "", filter.Outbound},
		{"recipient outside by a bang path", "10.1.1.1", "", "an@monre.gov.vn", "an@monre.gov.vn", []string{"example.com!x"}, "", filter.Outbound},
		{"fixed inbound", "10.1.1.1", "an", "an@monre.gov.vn", "an@monre.gov.vn", []string{"x@example.com"}, filter.Inbound, filter.Inbound},
		{"fixed outbound", "", "", "x@example.com", "x@example.com", []string{"b@monre.gov.vn"}, filter.Outbound, filter.Internal},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := newGate(t, filter.Policy{})
			tx := transaction(t, "From: <"+tt.from+">\nSubject: x\n")
			tx.Session = filter.Session{Door: "relay", Login: tt.login, Direction: tt.fixed}
			if tt.client != "" {
				tx.Session.Client = netip.MustParseAddr(tt.client)
			}
			tx.ReversePath, tx.Recipients = filter.ParsePath(tt.reverse, ""), nil
			for _, to := range tt.to {
				tx.Recipients = append(tx.Recipients, filter.ParsePath(to, ""))
			}
			if v := g.Judge.Judge(t.Context(), tx); v.Direction != tt.want {
				t.Errorf("%s, want %s", v.Direction, tt.want)
			}
		})
	}
}

func TestFieldsOfPassingMessages(t *testing.T) {
	header := "Congthu-Id: forged\n" +
		"Received: from a\n" +
		"Authentication-Results: monre.gov.vn; dkim=pass\n" +
		"authentication-results: (x \\) y) \"MONRE.gov.vn\" 1;\n spf=pass\n" +
		"Authentication-Results: mx.google.com; dkim=pass\n" +
		"Authentication-Results: monre.gov.vn.example; dkim=pass\n" +
		"CONGTHU-verdict: nothing [0]\n" +
		"X-Congthu-Id: not ours\n" +
		"Subject: x\n"
	g := newGate(t, filter.Policy{Rules: []filter.Rule{finds("subject", "9.3", 550, filter.Finding{}, filter.Finding{}), finds("mailbox-name", "4", 550, filter.Finding{})},
		Settings: map[string]filter.Setting{"subject": enforce(filter.Tag, 0), "mailbox-name": {Mode: filter.Monitor, Outbound: filter.Tag}}})
	v := g.Judge.Judge(t.Context(), transaction(t, header))
	if d := cmp.Diff([]int{0, 2, 3, 6}, v.Remove); d != "" {
		t.Errorf("removed: %s", d)
	}
	want := []filter.HeaderField{{Name: "Congthu-Id", Value: "01ARZ3NDEKTSV4RRFFQ69G5FAV"}, {Name: "Congthu-Verdict", Value: "subject [9.3]"}}
	if d := cmp.Diff(want, v.Add); d != "" {
		t.Errorf("added: %s", d)
	}
}

// Nothing of a message's content is in its log line (invariant 5).
func TestLogHoldsNoContent(t *testing.T) {
	g := newGate(t, filter.Policy{Rules: []filter.Rule{finds("subject", "9.3", 550, filter.Finding{Detail: "missing"})}, Settings: map[string]filter.Setting{"subject": enforce(filter.Refuse, 0)}})
	tx := transaction(t, "Subject: SECRETWORD\nContent-Type: text/plain; name=\"SECRETWORD.txt\"\n")
	tx.SHA256 = "00ff"
	v := g.Judge.Judge(t.Context(), tx)
	g.Log(tx, v, filter.Outcome{Reply: v.Reply.String()})
	line := g.log.String()
	if strings.Contains(line, "SECRETWORD") {
		t.Errorf("content in the log: %s", line)
	}
	for _, want := range []string{tx.ID, `"rule":"subject"`, `"disposition":"refuse"`, "an@monre.gov.vn", `"sha256":"00ff"`} {
		if !strings.Contains(line, want) {
			t.Errorf("no %s in %s", want, line)
		}
	}
	if strings.Count(line, "\n") != 1 {
		t.Errorf("not one line: %s", line)
	}
}

func TestProtocolAndFault(t *testing.T) {
	g := newGate(t, filter.Policy{})
	tx := &filter.Transaction{ID: "01ARZ3NDEKTSV4RRFFQ69G5FAV", Session: filter.Session{Door: "relay"}}
	if v := g.Protocol(tx, 552, "3.4", filter.TextTooBig); v.Disposition != filter.Refuse || !strings.HasPrefix(v.Reply.String(), "552 5.3.4 ") {
		t.Errorf("%v %q", v.Disposition, v.Reply)
	}
	if v := g.Protocol(tx, 452, "5.3", filter.TextTooManyRecipients); v.Disposition != filter.Defer || !strings.HasPrefix(v.Reply.String(), "452 4.5.3 ") {
		t.Errorf("%v %q", v.Disposition, v.Reply)
	}
	v := g.Fault(tx, io.ErrUnexpectedEOF)
	if v.Disposition != filter.Defer || !strings.HasPrefix(v.Reply.String(), "451 4.3.0 ") || !errors.Is(v.Err, io.ErrUnexpectedEOF) {
		t.Errorf("%v %q %v", v.Disposition, v.Reply, v.Err)
	}
	g.Log(tx, v, filter.Outcome{}) // a message that was never read
}

func TestNewID(t *testing.T) {
	a, b := filter.NewID(time.UnixMilli(1700000000000)), filter.NewID(time.UnixMilli(1700000000001))
	if len(a) != 26 || a >= b || a == filter.NewID(time.UnixMilli(1700000000000)) {
		t.Errorf("%q %q", a, b)
	}
	if a[:10] != "01HF7YAT00" { // as every ULID of that millisecond begins
		t.Errorf("time part %q", a[:10])
	}
}

// A header that is over the limits is refused before any rule reads it: what stands beyond the cut would
// count as missing, and a forged field there would pass.
func TestHeaderOverLimits(t *testing.T) {
	g := newGate(t, filter.Policy{Rules: []filter.Rule{finds("subject", "9.3", 550, filter.Finding{})}, Settings: map[string]filter.Setting{"subject": enforce(filter.Refuse, filter.Refuse)}})
	limits := message.DefaultLimits()
	for _, tt := range []struct {
		name, header string
		want         string
	}{
		{"fields at the limit", strings.Repeat("X-A: b\r\n", limits.HeaderFields), "550 5.7.1 [9.3]"},
		{"fields over it", strings.Repeat("X-A: b\r\n", limits.HeaderFields+1), "552 5.3.4 "},
		{"octets at the limit", "X-A: " + strings.Repeat("b", limits.HeaderBytes-len("X-A: \r\n")) + "\r\n", "550 5.7.1 [9.3]"},
		{"octets over it", "X-A: " + strings.Repeat("b", limits.HeaderBytes) + "\r\n", "552 5.3.4 "},
	} {
		c := content{strings.NewReader(tt.header + "\r\nbody\r\n")}
		tx := &filter.Transaction{ID: "01ARZ3NDEKTSV4RRFFQ69G5FAV", Session: filter.Session{Door: "relay"}}
		if v := filter.Decide(t.Context(), g.Judge, tx, c, nil, limits); !strings.HasPrefix(v.Reply.String(), tt.want) {
			t.Errorf("%s: %q, want %q", tt.name, v.Reply, tt.want)
		}
	}
}
