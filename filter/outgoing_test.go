package filter_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"congthu/filter"
)

// signer signs with what its function says.
type signer func(tx *filter.Transaction, add []filter.HeaderField, remove []int) (filter.Signing, error)

func (s signer) Sign(_ context.Context, tx *filter.Transaction, add []filter.HeaderField, remove []int) (filter.Signing, error) {
	return s(tx, add, remove)
}

func signs(*filter.Transaction, []filter.HeaderField, []int) (filter.Signing, error) {
	return filter.Signing{Fields: []filter.HeaderField{{Name: "DKIM-Signature", Value: "v=1"}}, By: []string{"monre.gov.vn s1 rsa-sha256"}}, nil
}

// outbound is a message of ours to somebody else.
func outbound(t *testing.T, header string) *filter.Transaction {
	t.Helper()
	tx := transaction(t, header)
	tx.Session.Direction = filter.Outbound
	tx.Recipients = []filter.Path{filter.ParsePath("<a@doitac.example>", "")}
	return tx
}

// TestOutgoingIsSigned: mail that passes and goes out is signed over what leaves; no other mail is.
func TestOutgoingIsSigned(t *testing.T) {
	refuses := finds("subject", "9.3", 550, filter.Finding{})
	for name, test := range map[string]struct {
		rules  []filter.Rule
		inside bool // all recipients are ours
		from   filter.Direction
		signed bool
	}{
		"goes out":    {signed: true},
		"stays":       {inside: true},
		"comes in":    {from: filter.Inbound},
		"is refused":  {rules: []filter.Rule{refuses}},
		"is released": {signed: true},
	} {
		t.Run(name, func(t *testing.T) {
			asked := 0
			s := signer(func(tx *filter.Transaction, add []filter.HeaderField, remove []int) (filter.Signing, error) {
				asked++
				if len(add) != 1 || add[0].Name != "Congthu-Id" || !slices.Equal(remove, []int{1}) {
					t.Errorf("what leaves: %v, %v", add, remove)
				}
				return signs(tx, add, remove)
			})
			g := newGate(t, filter.Policy{Signer: s, Rules: test.rules, Organisation: filter.Organisation{Domains: []string{"monre.gov.vn"}},
				Settings: map[string]filter.Setting{"subject": enforce(filter.Refuse, filter.Refuse)}})
			if name == "is released" {
				g.Judge.KeepWith(releaser{})
			}
			tx := outbound(t, "From: a@monre.gov.vn\nCongthu-Id: forged\n")
			if test.inside {
				tx.Recipients = []filter.Path{filter.ParsePath("<b@monre.gov.vn>", "")}
			}
			if test.from != "" {
				tx.Session.Direction = test.from
			}
			v := g.Judge.Judge(t.Context(), tx)
			if (asked == 1) != test.signed || (len(v.Signed) == 1) != test.signed || v.Unsigned != "" {
				t.Errorf("asked %d times: %+v", asked, v)
			}
			if test.signed && (len(v.Add) != 2 || v.Add[0].Name != "DKIM-Signature" || v.Add[1].Name != "Congthu-Id") {
				t.Errorf("fields %v", v.Add)
			}
			g.Judge.Log(tx, v, filter.Outcome{})
			if n := testutil.ToFloat64(g.metrics.DKIM.WithLabelValues("signed")); n != float64(asked) {
				t.Errorf("%v messages counted", n)
			}
		})
	}
}

// releaser knows every message as one that an officer released.
type releaser struct{ filter.Keeper }

func (releaser) Released(context.Context, *filter.Transaction) (string, error) { return "01HOLD", nil }
func (releaser) Outcome(*filter.Transaction, filter.Verdict, filter.Outcome)   {}

// TestUnsigned: what the message causes lets it go, counted by its reason.
func TestUnsigned(t *testing.T) {
	for _, why := range filter.Unsigneds() {
		g := newGate(t, filter.Policy{Signer: signer(func(*filter.Transaction, []filter.HeaderField, []int) (filter.Signing, error) {
			return filter.Signing{None: why}, nil
		})})
		tx := outbound(t, "From: a@monre.gov.vn\n")
		v := g.Judge.Judge(t.Context(), tx)
		g.Judge.Log(tx, v, filter.Outcome{})
		if !v.Passes() || v.Unsigned != why || len(v.Signed) > 0 || testutil.ToFloat64(g.metrics.DKIM.WithLabelValues(string(why))) != 1 {
			t.Errorf("%s: %+v", why, v)
		}
		if !strings.Contains(g.log.String(), `"unsigned":"`+string(why)+`"`) {
			t.Errorf("%s is not in the log: %s", why, g.log)
		}
	}
}

// TestSigningTrouble: mail that we fail to sign is deferred, or goes and says so where the policy wants that. A panic
// that the same message causes again refuses it: its sender would try for ever.
func TestSigningTrouble(t *testing.T) {
	breaks := signer(func(*filter.Transaction, []filter.HeaderField, []int) (filter.Signing, error) {
		return filter.Signing{}, errors.New("no key")
	})
	panics := signer(func(*filter.Transaction, []filter.HeaderField, []int) (filter.Signing, error) { panic("Bao cao mat") })
	for name, test := range map[string]struct {
		signer signer
		send   bool
		want   []string // the replies to the message and to the same again
	}{
		"error": {breaks, false, []string{"451 4.3.0 ", "451 4.3.0 "}}, "error, sent": {breaks, true, []string{"250 2.0.0 ", "250 2.0.0 "}},
		"panic": {panics, false, []string{"451 4.3.0 ", "550 5.6.0 "}}, "panic, sent": {panics, true, []string{"250 2.0.0 ", "250 2.0.0 "}},
	} {
		t.Run(name, func(t *testing.T) {
			found := finds("subject", "9.3", 550, filter.Finding{})
			g := newGate(t, filter.Policy{Signer: test.signer, SendUnsigned: test.send, Rules: []filter.Rule{found},
				Settings: map[string]filter.Setting{"subject": {Mode: filter.Monitor, Outbound: filter.Refuse}}})
			for i, want := range test.want {
				tx := outbound(t, "From: a@monre.gov.vn\n")
				v := g.Judge.Judge(t.Context(), tx)
				g.Judge.Log(tx, v, filter.Outcome{})
				if !strings.HasPrefix(v.Reply.String(), want) || len(v.Signed) > 0 || len(v.Findings) != 1 {
					t.Errorf("%d: %s, %+v", i, v.Reply, v)
				}
				says := slices.ContainsFunc(v.Add, func(f filter.HeaderField) bool { return f.Name == "Congthu-Fail-Open" && f.Value == "dkim" })
				if says != test.send || (v.Unsigned == filter.UnsignedFailed) != test.send {
					t.Errorf("%d: %v, unsigned %q", i, v.Add, v.Unsigned)
				}
			}
			if n := testutil.ToFloat64(g.metrics.FailOpen.WithLabelValues("dkim")); (n == 2) != test.send {
				t.Errorf("%v failed open", n)
			}
			if strings.Contains(g.log.String(), "Bao cao mat") {
				t.Error("the log holds what the panic held")
			}
		})
	}
}
