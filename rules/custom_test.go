package rules_test

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"congthu/filter"
	"congthu/filter/message"
	"congthu/internal/samples"
	"congthu/rules"
	"congthu/rules/custom"
)

// What expressions can ask of the other rules is what those rules say.
func TestCustomFacts(t *testing.T) {
	const signedMail = "Content-Type: multipart/signed; protocol=\"application/pkcs7-signature\"; micalg=sha-256; boundary=b\n" +
		"\n--b\n\nKinh gui.\n--b\nContent-Type: application/pkcs7-signature; name=smime.p7s\nContent-Transfer-Encoding: base64\n\nMAAA\n--b--\n"
	const opaque = "Content-Type: application/pkcs7-mime; smime-type=x; name=smime.p7m\nContent-Transfer-Encoding: base64\n\n"
	for _, tc := range []struct{ mail, expression string }{
		{"Delivered-To: nvan@monre.gov.vn\nFrom: a@example.com\n\n", `forwarded && !automatic && !signed && !encrypted`},
		{"From: a@example.com\n\n", `!forwarded && recipients.exists(r, r.free_mail) && recipients.exists(r, r.ours) && !from[0].ours`},
		{"Auto-Submitted: auto-replied\n\n", `automatic && !forwarded`},
		{signedMail, `signed && !encrypted && attachments_bytes == 0 && attachments.size() == 1`},
		{strings.Replace(signedMail, "pkcs7-signature; n", "octet-stream; n", 1), `!signed`},
		{opaque + "MIAGCSqGSIb3DQEHAqCAMIACAQExADCABgkqhkiG9w0BBwEAADEAAAAAAAAA", `signed && !encrypted`},
		{opaque + "MIAGCSqGSIb3DQEHA6CAMIACAQAxADCABgkqhkiG9w0BBwEAAAAAAAAAAAA=", `encrypted && !signed`},
		{opaque + "a2V5", `!encrypted && !signed`},
		{"Content-Type: application/pdf; name=a.pdf\n\n1234", `attachments_bytes == 4 && attachments[0].bytes == 4 && parts == 1`},
		{"Content-Type: text/html\n\n<p>", `attachments_bytes == 0 && attachments == []`},
	} {
		list, err := rules.Custom(config(t), []custom.Rule{{Name: "custom:x", Clause: "10.2", When: tc.expression}})
		if err != nil {
			t.Fatal(err)
		}
		mail := strings.ReplaceAll(tc.mail, "\n", "\r\n")
		m, err := message.Read(strings.NewReader(mail), int64(len(mail)), message.DefaultLimits())
		if err != nil {
			t.Fatal(err)
		}
		tx := &filter.Transaction{Message: m, ReversePath: filter.ParsePath("a@example.com", ""),
			Recipients: []filter.Path{filter.ParsePath("nvan@monre.gov.vn", ""), filter.ParsePath("x@gmail.com", "")}}
		if found, err := list[0].Check(context.Background(), tx); err != nil || len(found) != 1 || found[0].Detail != "x" {
			t.Errorf("%s: %+v, %v on\n%s", tc.expression, found, err, tc.mail)
		}
	}
}

func TestCustomErrorsNameTheirRule(t *testing.T) {
	_, err := rules.Custom(config(t), []custom.Rule{{Name: "custom:a", When: "true"}, {Name: "custom:b", When: "1 +"}, {Name: "custom:c", When: "x", Part: "y"}})
	text := ""
	if err != nil {
		text = err.Error()
	}
	named := &rules.CustomError{}
	if !errors.As(err, &named) || named.Rule != "custom:b" || strings.Contains(text, "custom:a") || strings.Count(text, "undeclared reference") != 2 {
		t.Errorf("got %q", text)
	}
}

// judgeWith judges with the default rules and these behind them, all enforced as given.
func judgeWith(t *testing.T, tx *filter.Transaction, settings map[string]filter.Setting, list ...custom.Rule) (filter.Verdict, *prometheus.Registry) {
	t.Helper()
	own, err := rules.Custom(config(t), list)
	if err != nil {
		t.Fatal(err)
	}
	all := rules.Defaults()
	for name, s := range settings {
		all[name] = s
	}
	p := &filter.Policy{Hash: "sha256:test", Organisation: filter.Organisation{Domains: samples.Domains(), TrustedNetworks: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}},
		Rules: append(rules.All(config(t)), own...), Settings: all, Deadline: time.Minute}
	reg := prometheus.NewRegistry()
	j, err := filter.NewJudge(p, 1, filter.NewMetrics(reg), slog.New(slog.DiscardHandler), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	tx.Direction, tx.Session = "", filter.Session{Door: "check", Client: netip.MustParseAddr("10.0.0.1")}
	v := j.Judge(context.Background(), tx)
	j.Log(tx, v, filter.Outcome{})
	return v, reg
}

// A rule of the administrator's speaks with his own words, after the built-in rules, and the strictest counts.
func TestCustomVerdict(t *testing.T) {
	refuse := filter.Setting{Mode: filter.Enforce, Outbound: filter.Refuse, Inbound: filter.Tag}
	text := filter.Text{Vietnamese: "Thư trái quy định của đơn vị.", English: "Against the unit's rules."}
	a := custom.Rule{Name: "custom:a", Clause: "10.2", When: "recipients.size() > 1", Text: text}
	b := custom.Rule{Name: "custom:b", Clause: "7.2", When: "subject != ''", Failed: filter.Hold}
	settings := map[string]filter.Setting{"custom:a": refuse, "custom:b": {Mode: filter.Enforce, Outbound: filter.Tag, Inbound: filter.Tag}}

	v, _ := judgeWith(t, transaction(t, "", "nvan@monre.gov.vn", "b@mae.gov.vn a@b.example", "From: <nvan@monre.gov.vn>\n"), settings, a, b)
	if got := samples.Describe(v); got != "outbound refuse\n550 5.7.1 [10.2] Thu trai quy dinh cua don vi. / Against the unit's rules. (id ID)\n"+
		"custom:a [10.2] enforce refuse part=\"\" a\ncustom:b [7.2] enforce tag part=\"\" b\n" {
		t.Errorf("got\n%s", got)
	}
	v, _ = judgeWith(t, transaction(t, "", "nvan@monre.gov.vn", "b@mae.gov.vn", "From: <nvan@monre.gov.vn>\n"), settings, a, b)
	if v.Direction != filter.Internal || v.Disposition != filter.Tag || v.Add[1].Value != "custom:b [7.2]" {
		t.Errorf("got\n%s%+v", samples.Describe(v), v.Add)
	}
	// The built-in rule speaks first.
	v, _ = judgeWith(t, transaction(t, "", "nvan@monre.gov.vn", "b@mae.gov.vn a@b.example", "From: <nvan@gmail.com>\n"), settings, a, b)
	if got := v.Reply.Text(); !strings.HasPrefix(got, "[9.1] ") || !strings.Contains(got, "(+ [10.2])") {
		t.Errorf("got %s", got)
	}
}

// An expression that fails on a message defers nothing: it is a finding, and counted.
func TestCustomFailureIsCounted(t *testing.T) {
	settings := map[string]filter.Setting{"custom:a": {Mode: filter.Enforce, Outbound: filter.Refuse, Inbound: filter.Refuse}}
	r := custom.Rule{Name: "custom:a", Clause: "10.2", When: `header("X-Note")[0] == "x"`}
	tx := func() *filter.Transaction {
		return transaction(t, "", "nvan@monre.gov.vn", "b@mae.gov.vn", "From: <nvan@monre.gov.vn>\n")
	}
	v, reg := judgeWith(t, tx(), settings, r)
	if got := samples.Describe(v); v.Err != nil || !strings.HasPrefix(got, "internal accept\n") || !strings.HasSuffix(got, "custom:a [10.2] monitor accept part=\"\" expression failed\n") {
		t.Errorf("got %v\n%s", v.Err, got)
	}
	if n := counted(t, reg, "congthu_findings_total", "custom:a"); n != 1 {
		t.Errorf("counted %v times", n)
	}
	if n := counted(t, reg, "congthu_rule_errors_total", "custom:a"); n != 0 {
		t.Errorf("%v errors of a rule that had none", n)
	}
	r.Failed = filter.Hold
	if v, _ := judgeWith(t, tx(), settings, r); v.Disposition != filter.Hold || v.Reply.Code() != 451 {
		t.Errorf("failed: hold\n%s", samples.Describe(v))
	}
}

// counted is the value of a counter for a rule.
func counted(t *testing.T, reg *prometheus.Registry, name, rule string) (n float64) {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				if f.GetName() == name && l.GetName() == "rule" && l.GetValue() == rule {
					n += m.GetCounter().GetValue()
				}
			}
		}
	}
	return n
}

// Mail to recipients of ours and foreign ones is outbound, in whatever order they stand, and judged by the
// outbound column; there is one verdict for all, the strictest.
func TestMixedRecipients(t *testing.T) {
	settings := map[string]filter.Setting{"custom:in": {Mode: filter.Enforce, Outbound: filter.Tag, Inbound: filter.Tag},
		"custom:out": {Mode: filter.Enforce, Outbound: filter.Refuse, Inbound: filter.Accept}}
	in := custom.Rule{Name: "custom:in", Clause: "7.2", When: `recipients.exists(r, r.ours)`}
	out := custom.Rule{Name: "custom:out", Clause: "10.2", When: `direction == "outbound" && recipients.exists(r, !r.ours)`}
	for _, tc := range []struct {
		from, to string
		d        filter.Direction
		want     filter.Disposition
	}{
		{"nvan@monre.gov.vn", "a@mae.gov.vn b@monre.gov.vn", filter.Internal, filter.Tag},
		{"nvan@monre.gov.vn", "a@mae.gov.vn b@b.example", filter.Outbound, filter.Refuse},
		{"nvan@monre.gov.vn", "b@b.example a@mae.gov.vn c@monre.gov.vn", filter.Outbound, filter.Refuse},
		{"nvan@monre.gov.vn", "b@b.example", filter.Outbound, filter.Refuse},
		{"nvan@monre.gov.vn", "a@mae.gov.vn b@monre.gov.vn.b.example", filter.Outbound, filter.Refuse},
		{"x@b.example", "a@mae.gov.vn", filter.Inbound, filter.Tag},
		{"x@b.example", "a@mae.gov.vn b@b.example", filter.Inbound, filter.Tag},
	} {
		tx := transaction(t, "", tc.from, tc.to, "From: <"+tc.from+">\n")
		if v, _ := judgeWith(t, tx, settings, in, out); v.Direction != tc.d || v.Disposition != tc.want {
			t.Errorf("<%s> to %s: %s %s, want %s %s", tc.from, tc.to, v.Direction, v.Disposition, tc.d, tc.want)
		}
	}
}
