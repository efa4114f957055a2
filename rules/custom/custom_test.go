package custom_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"congthu/filter"
	"congthu/filter/message"
	"congthu/rules/custom"
)

func environment(t testing.TB) *custom.Environment {
	t.Helper()
	org := filter.Organisation{Domains: []string{"monre.gov.vn", "mae.gov.vn"}}
	e, err := custom.New(custom.Facts{
		Ours:            org.Ours,
		FreeMail:        func(d string) bool { return d == "gmail.com" },
		Automatic:       func(tx *filter.Transaction) bool { return tx.ReversePath.Null() },
		Encrypted:       func(m *message.Message) (bool, error) { return m.Root.MediaType == "application/pkcs7-mime", nil },
		Signed:          func(m *message.Message) (bool, error) { return m.Root.MediaType == "multipart/signed", nil },
		AttachmentBytes: func(context.Context, *filter.Transaction) (int64, error) { return 4, nil },
		Letter:          func(p *message.Part) bool { return p.MediaType == "text/plain" && p.Name == "" },
	})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

const letter = `Received: from x by y; Mon, 3 Nov 2025 08:00:00 +0700
From: =?utf-8?q?Nguy=E1=BB=85n_V=C4=83n_An?= <nvan@monre.gov.vn>
Reply-To: nvan@GMail.com, vanthu@dwrm.monre.gov.vn
To: partner@example.com
Cc: lthoa@mae.gov.vn
Subject: =?utf-8?b?VGjGsCBt4budaSAg4bqjbmg=?=
X-Note: one
x-note: =?utf-8?q?hai?=
Content-Type: multipart/mixed; boundary=b

preamble that is no notice
--b

Kinh gui.
--b
Content-Type: application/x-msdownload; name="a.exe"
Content-Disposition: attachment; filename="b.exe"
Content-Transfer-Encoding: base64

AAAAAA==
--b
Content-Type: image/png
Content-ID: <1@x>

png
--b
Content-Type: message/rfc822

Subject: inner
Content-Type: application/pdf; name=in.pdf

pdf
--b--
`

func transaction(t testing.TB, mail string) *filter.Transaction {
	t.Helper()
	mail = strings.ReplaceAll(mail, "\n", "\r\n")
	m, err := message.Read(strings.NewReader(mail), int64(len(mail)), message.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	return &filter.Transaction{
		ID: "X", Message: m, Direction: filter.Outbound, Unit: "cntt", Received: time.Date(2026, 11, 24, 15, 30, 0, 0, time.UTC),
		Session: filter.Session{Door: "milter", Listener: "postfix", Client: netip.MustParseAddr("::ffff:10.1.2.3"), ClientName: "pc.monre.gov.vn",
			Helo: "pc", Login: "nvan", Protocol: "ESMTP", TLS: "TLSv1.3"},
		ReversePath: filter.ParsePath("nvan@MONRE.gov.vn.", ""),
		Recipients:  []filter.Path{filter.ParsePath("lthoa@mae.gov.vn", ""), filter.ParsePath("x@gmail.com", "")},
	}
}

// judge gives the findings of an expression as text, or the error.
func judge(t testing.TB, e *custom.Environment, r custom.Rule, tx *filter.Transaction) string {
	t.Helper()
	if r.Name == "" {
		r.Name = "custom:x"
	}
	rule, err := e.Compile(r)
	if err != nil {
		return "compile: " + err.Error()
	}
	found, err := rule.Check(t.Context(), tx)
	if err != nil {
		return "error: " + err.Error()
	}
	var out []string
	for _, f := range found {
		out = append(out, strings.TrimSpace(fmt.Sprintf("%s %s %s %s", f.Mode, f.Disposition, f.Part, f.Detail)))
	}
	return strings.Join(out, "; ")
}

// Every variable and every function, each with what is true and what is not.
func TestExpressions(t *testing.T) {
	e, tx := environment(t), transaction(t, letter)
	for _, expression := range []string{
		`direction == "outbound" && direction in ["outbound", "internal"] && unit == "cntt" && door == "milter" && listener == "postfix"`,
		`client == "10.1.2.3" && client_name == "pc.monre.gov.vn" && helo == "pc" && login == "nvan" && protocol == "ESMTP" && tls == "TLSv1.3"`,
		`received == timestamp("2026-11-24T15:30:00Z") && received.getHours("+07:00") == 22 && received.getDayOfWeek("+07:00") == 2`,
		`reverse_path.local == "nvan" && reverse_path.domain == "monre.gov.vn" && reverse_path.address == "nvan@monre.gov.vn" && reverse_path.ours`,
		`recipients.size() == 2 && recipients[0].ours && !recipients[0].free_mail && recipients[1].free_mail && recipients.exists_one(r, r.free_mail)`,
		`from[0].name == "Nguyễn Văn An" && from[0].address == "nvan@monre.gov.vn" && size(sender) == 0`,
		`reply_to.size() == 2 && reply_to.exists(a, a.free_mail) && reply_to[0].domain == "gmail.com" && reply_to[1].ours`,
		`to.all(a, !a.ours) && cc.all(a, a.ours)`,
		`subject == "Thư mời  ảnh" && subjects == ["Thư mời  ảnh"] && plain(subject) == "thu moi anh" && plain(subject).matches("^thu\\b")`,
		`header("X-NOTE") == ["one", "hai"] && header("received").size() == 1 && header("X-None") == []`,
		`attachments.map(a, a.part) == ["2", "3", "4", "4.1"] && attachments.size() == 4 && size(attachments) > 3`,
		`attachments[0].name == "b.exe" && "a.exe" in attachments[0].names && attachments[0].bytes == 4 && attachments[0].type == "application/x-msdownload" && !attachments[0].inline`,
		`attachments[1].inline && attachments[1].name == "" && attachments.exists(a, a.name == "in.pdf" && a.bytes == 3)`,
		`size > 700 && attachments_bytes == 4 && parts == 7`,
		`anomalies.exists(a, a == "text-outside-boundaries") && anomalies.filter(a, a == "name-twice").size() == 1 && not_inspected.size() == 0`,
		`!automatic && !forwarded && !encrypted && !signed`,
		`in_network(client, "10.0.0.0/8") && in_network("::ffff:10.1.2.3", "10.0.0.0/8") && in_network(client, "10.1.2.3") && in_network("2001:db8::1", "2001:db8::/32")`,
		`!in_network(client, "10.2.0.0/16") && !in_network("", "0.0.0.0/0") && !in_network("unknown", "0.0.0.0/0")`,
		`in_domain(to[0].domain, "example.com") && in_domain("a.b.VN.", "b.vn") && in_domain("thư.vn", "xn--th-0ea.vn") == in_domain("xn--th-0ea.vn", "thư.vn") && !in_domain("ab.vn", "b.vn") && !in_domain("b.vn", "")`,
		`is_ours("dwrm.monre.gov.vn") && !is_ours("gov.vn") && is_free_mail("gmail.com") && !is_free_mail("x.vn")`,
		`plain(subject).contains(" ") && plain(subject).contains("") && plain(subject).startsWith("thu ")`,
		`plain(" ĐẢNG ủy\tQuân–Sự ") == "dang uy quan–su" && plain("ﬁ") == "fi" && plain("") == ""`,
	} {
		if got := judge(t, e, custom.Rule{When: expression}, tx); got != "unset  x" {
			t.Errorf("%s\ngot %q", expression, got)
		}
		if got := judge(t, e, custom.Rule{When: "!(" + expression + ")"}, tx); got != "" {
			t.Errorf("not (%s)\ngot %q", expression, got)
		}
	}
}

// What is not known is empty, never an error.
func TestExpressionsOverNothing(t *testing.T) {
	tx := transaction(t, "\n")
	tx.Session, tx.ReversePath, tx.Recipients = filter.Session{}, filter.Path{}, nil
	e, err := custom.New(custom.Facts{})
	if err != nil {
		t.Fatal(err)
	}
	const nothing = `client == "" && login == "" && subject == "" && subjects == [] && recipients == [] && from == [] && attachments == [] &&
		reverse_path.address == "" && !reverse_path.ours && !automatic && !forwarded && !encrypted && !signed && attachments_bytes == 0`
	// Without the fact, a text part counts as an attachment.
	if got := judge(t, e, custom.Rule{When: strings.Replace(nothing, "attachments == []", "attachments.size() == 1", 1)}, tx); got != "unset  x" {
		t.Errorf("got %q", got)
	}
}

// What does not compile is said with its line and column; nothing is left for the first message.
func TestCompileErrors(t *testing.T) {
	e := environment(t)
	for _, tc := range []struct{ when, part, want string }{
		{`directon == "outbound"`, "", `when:1:1: undeclared reference to 'directon'`},
		{"direction == \"outbound\" &&\n  from[0].doman == \"x\"", "", `when:2:10: undefined field 'doman'`},
		{`"Đảng" == subject && subject == 1`, "", `when:1:30: found no matching overload for '_==_'`},
		{`subject`, "", `when:1:1: is of type string, must be of type bool`},
		{`dyn(true)`, "", `when:1:1: is of type dyn, must be of type bool`},
		{``, "", `when:1:1: Syntax error`},
		{`direction == "outgoing"`, "", `when:1:14: direction is never "outgoing"`},
		{`!(direction in ["internal", "in"])`, "", `when:1:29: direction is never "in"`},
		{`"smtp" != door`, "", `when:1:1: door is never "smtp"`},
		{`plain(subject).contains("Mật")`, "", `when:1:25: plain(...) never holds "Mật": it is lower case without diacritics; write "mat"`},
		{`plain(subject) in ["thu moi", "Thu khen"]`, "", `when:1:31: plain(...) never holds "Thu khen"`},
		{`"Đảng" == plain(subject)`, "", `write "dang"`},
		{`reverse_path.domain == "Monre.gov.vn"`, "", `write "monre.gov.vn"`},
		{`from == "y@x.vn"`, "", `write from.exists(a, a.address == "x@example.com")`},
		{`signed and encrypted`, "", `write && for and`},
		{`in_network(client, "10.0.0/8")`, "", `when:1:20: "10.0.0/8" is no network`},
		{`header("X-Spam:").size() > 0`, "", `when:1:8: "X-Spam:" is no name of a header field`},
		{`subject.matches("(")`, "", `when:1:17: invalid matches argument`},
		{`subject.matches("((a{1,50}){1,50}){1,9}")`, "", `when:1:17: `},
		{`received > timestamp("yesterday")`, "", `when:1:22: `},
		{`true`, "1", `part:1:1: is of type int, must be of type string`},
		{`subject == 1`, "x", "part:1:1: undeclared reference to 'x'"},
		{strings.Repeat("(", 100) + "true" + strings.Repeat(")", 100), "", "when:"},
		{"true" + strings.Repeat(" || true", custom.MaxCharacters/8), "", "when:"},
		{`[1].all(a, [1].all(b, [1].all(c, ` + strings.Repeat("a==b && ", 60) + "true)))" + strings.Repeat(" && subject == 'x'", 200), "", "when:"},
	} {
		got := judge(t, e, custom.Rule{When: tc.when, Part: tc.part}, nil)
		if !strings.HasPrefix(got, "compile: ") || !strings.Contains(got, tc.want) {
			t.Errorf("%.60s\ngot  %.200q\nwant %q", tc.when, got, tc.want)
		}
		if len(got) > 4096 {
			t.Errorf("%.60s: the error has %d octets", tc.when, len(got))
		}
	}
}

// The limit of characters is one that can be reached: at it all is well.
func TestMaxCharacters(t *testing.T) {
	e, tx := environment(t), transaction(t, letter)
	fits := `subject != "` + strings.Repeat("x", custom.MaxCharacters-len(`subject != ""`)) + `"`
	if got := judge(t, e, custom.Rule{When: fits}, tx); !strings.HasPrefix(got, "unset") {
		t.Errorf("%d characters: %q", len(fits), got)
	}
	if got := judge(t, e, custom.Rule{When: fits + " "}, tx); !strings.HasPrefix(got, "compile: ") {
		t.Errorf("one more: %q", got)
	}
}

// What an expression cannot do with a message is a finding: counted, or as the administrator asks.
func TestFailures(t *testing.T) {
	e, tx := environment(t), transaction(t, letter)
	for range 1500 {
		tx.Recipients = append(tx.Recipients, filter.ParsePath("x@example.com", ""))
	}
	const pairs = `recipients.exists(a, recipients.exists(b, a.address == "none" && b.address == "none"))`
	for _, tc := range []struct {
		when   string
		failed filter.Disposition
		want   string
	}{
		{`header("X-None")[0] == "x"`, filter.Unset, "monitor accept  expression failed"},
		{`header("X-None")[0] == "x"`, filter.Accept, "monitor accept  expression failed"},
		{`header("X-None")[0] == "x"`, filter.Hold, "hold  expression failed"},
		{`header("X-None")[0] == "x" || true`, filter.Hold, "unset  x"},
		{`in_network(client, subject)`, filter.Unset, "monitor accept  expression failed"},
		{`int(subject) == 1`, filter.Refuse, "refuse  expression failed"},
		{pairs, filter.Unset, "monitor accept  cost limit"},
		{pairs, filter.Tag, "tag  cost limit"},
		{`recipients.exists(a, header("X-" + a.address).size() > 0 || recipients.all(b, plain(b.address + a.address) != "") && a.local == "")`, filter.Hold, "hold  cost limit"},
	} {
		if got := judge(t, e, custom.Rule{When: tc.when, Failed: tc.failed}, tx); strings.Join(strings.Fields(got), " ") != strings.Join(strings.Fields(tc.want), " ") {
			t.Errorf("%s: got %q, want %q", tc.when, got, tc.want)
		}
	}
}

// The part that a finding names is the number of a part, whatever the expression gives.
func TestPart(t *testing.T) {
	e, tx := environment(t), transaction(t, letter)
	for part, want := range map[string]string{
		`attachments.filter(a, a.name.endsWith(".exe"))[0].part`: "unset 2 x",
		`attachments.filter(a, a.name.endsWith(".zip"))[0].part`: "unset  x",
		`subject`: "unset  x",
		`"4.1"`:   "unset 4.1 x",
		`""`:      "unset  x",
	} {
		if got := judge(t, e, custom.Rule{When: "true", Part: part}, tx); strings.Join(strings.Fields(got), " ") != strings.Join(strings.Fields(want), " ") {
			t.Errorf("%s: got %q, want %q", part, got, want)
		}
	}
}

// broken is a message that can be read once, and then no more.
type broken struct {
	io.ReaderAt
	now bool
}

func (b *broken) ReadAt(p []byte, off int64) (int, error) {
	if b.now {
		return 0, errors.New("memory file is gone")
	}
	return b.ReaderAt.ReadAt(p, off)
}

// Our own trouble is an error and not a finding. What is not asked for is not looked at: an expression
// over the envelope needs no content.
func TestTroubleAndLaziness(t *testing.T) {
	// Base64 is measured while the message is read first; quoted-printable is read again.
	mail := strings.ReplaceAll(letter, "base64\n\nAAAAAA==", "quoted-printable\n\n=41=42")
	mail = strings.ReplaceAll(mail, "\n", "\r\n")
	b := &broken{ReaderAt: strings.NewReader(mail)}
	m, err := message.Read(b, int64(len(mail)), message.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	e, tx := environment(t), transaction(t, letter)
	tx.Message, b.now = m, true
	for expression, want := range map[string]string{
		`subject.startsWith("x") && attachments.size() > 0`:          "",
		`size(from) == 1 && recipients.size() == 2`:                  "unset",
		`attachments.size() > 0`:                                     "error: evaluating when: ",
		`attachments.size() > 0 || true`:                             "error: evaluating when: ",
		`anomalies.size() > 0`:                                       "error: evaluating when: ",
		`subject.startsWith("Th") && anomalies.exists(a, a == "no")`: "error: evaluating when: ",
	} {
		got := judge(t, e, custom.Rule{When: expression}, tx)
		if !strings.HasPrefix(got, want) || want == "" && got != "" {
			t.Errorf("%s: got %q, want %q", expression, got, want)
		}
	}
	if got := judge(t, e, custom.Rule{When: "true", Part: "attachments[0].part"}, tx); !strings.HasPrefix(got, "error: evaluating part: ") {
		t.Errorf("part: %q", got)
	}
}

// A message whose time is up is our trouble, not a result.
func TestContext(t *testing.T) {
	e, tx := environment(t), transaction(t, letter)
	rule, err := e.Compile(custom.Rule{Name: "custom:x", When: `recipients.all(a, a.local != "")`})
	if err != nil {
		t.Fatal(err)
	}
	cause := errors.New("judging took too long")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	if found, err := rule.Check(ctx, tx); !errors.Is(err, cause) || found != nil {
		t.Errorf("%v, %v", found, err)
	}
}

// One compiled rule judges several messages at once, and each has its own facts.
func TestConcurrent(t *testing.T) {
	e := environment(t)
	rule, err := e.Compile(custom.Rule{Name: "custom:x", When: `header("X-Note").size() == 2 && attachments.size() == 4 && recipients.size() == 2`})
	if err != nil {
		t.Fatal(err)
	}
	with, without := transaction(t, letter), transaction(t, "Subject: x\n\n")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				if found, err := rule.Check(context.Background(), with); err != nil || len(found) != 1 {
					t.Errorf("with: %v, %v", found, err)
				}
				if found, err := rule.Check(context.Background(), without); err != nil || len(found) != 0 {
					t.Errorf("without: %v, %v", found, err)
				}
			}
		})
	}
	wg.Wait()
}

func BenchmarkCheck(b *testing.B) {
	e, tx := environment(b), transaction(b, letter)
	for range 1500 {
		tx.Recipients = append(tx.Recipients, filter.ParsePath("x@example.com", ""))
	}
	for name, when := range map[string]string{
		"envelope":    `direction == "outbound" && reverse_path.ours && plain(subject).contains("giay")`,
		"attachments": `attachments.exists(a, a.name.endsWith(".zip"))`,
		"cost-limit":  `recipients.exists(a, recipients.exists(b, a.address == "none" && b.address == "none"))`,
		"cost-plain":  `recipients.all(a, recipients.all(b, plain(b.address + a.address) != ""))`,
		"cost-header": `recipients.all(a, recipients.all(b, header("X-Note" + a.address + b.address).size() == 0))`,
		"cost-regex":  `recipients.all(a, recipients.all(b, b.address.matches("^(a|x)*@[a-z.]*(com|vn)$")))`,
	} {
		b.Run(name, func(b *testing.B) {
			rule, err := e.Compile(custom.Rule{Name: "custom:x", When: when})
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := rule.Check(context.Background(), tx); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
