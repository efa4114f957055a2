package deploy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"congthu/filter"
	"congthu/internal/peer"
	"congthu/internal/samples"
)

// matrixMail is one message that is sent through every hook-up.
type matrixMail struct {
	name    string
	client  string // inside or outside
	mail    peer.Mail
	verdict string // what "congthu check" says, as described
	passes  bool
	tagged  bool
}

// unclosed is a multipart without its closing boundary. Sendmail writes one when it sends the message on.
const unclosed = "92-malformed-no-closing-boundary"

// dotted has an address that ends in a dot, which Postfix takes away before it shows a milter the message.
const dotted = "53-free-mail-reply-to-second-in-group"

// TestMatrix sends the same messages through every hook-up: everywhere the sender gets the same reply, the
// log says the same verdict, and what passes arrives octet for octet.
func TestMatrix(t *testing.T) {
	mails := append(sampleMails(t), identityMails()...)
	check(t, mails)
	if len(mails) < 60 {
		t.Fatalf("only %d messages", len(mails))
	}
	for _, h := range roads() {
		t.Run(h.name, func(t *testing.T) {
			t.Parallel()
			r := h.begin(t)
			ids := make([]string, len(mails))
			clients := map[string]*peer.Client{}
			for i, m := range mails {
				ids[i] = r.judge(t, clients, m, i)
			}
			for _, c := range clients {
				must(t, c.Quit())
			}
			must(t, r.mta.WaitEmpty(time.Minute))
			arrived := map[string]peer.Delivery{}
			for _, d := range r.sink.Deliveries() {
				arrived[peer.Field(d.Bytes, "Congthu-Id")] = d
			}
			passed := 0
			for i, m := range mails {
				d, ok := arrived[ids[i]]
				if ok != m.passes {
					t.Errorf("%s: arrived: %v", m.name, ok)
				} else if ok {
					passed++
					r.arrived(t, m, d)
				}
			}
			if n := r.sink.Count(); n != passed {
				t.Errorf("%d messages passed and %d arrived", passed, n)
			}
		})
	}
}

// judge sends the n-th message and compares reply and log line with what is wanted. The connections are
// used for many messages.
func (r *road) judge(t *testing.T, clients map[string]*peer.Client, m matrixMail, n int) (id string) {
	t.Helper()
	c := clients[m.client]
	if c == nil {
		var err error
		c, err = r.dial(m.client)
		must(t, err)
		clients[m.client] = c
	}
	a := sendOn(t, c, m.mail)
	must(t, peer.Wait(20*time.Second, fmt.Sprintf("the log line of %s (answered %s)", m.name, a.Last()), func() bool { return len(r.gate.Messages()) > n }))
	v, reply := logged(t, r.gate.Messages()[n])
	if v.Passes() != a.Last().OK() {
		t.Errorf("%s: answered %s; the log says %s", m.name, a.Last(), v.Disposition)
	}
	if !v.Passes() {
		reply = a.Last().String()
	}
	want := m.verdict
	if m.name == dotted && strings.HasPrefix(r.name, "postfix-milter") {
		want = regexp.MustCompile(`(?m)^malformed .* malformed-address\n`).ReplaceAllString(want, "")
	}
	if got := described(v, reply); got != want {
		t.Errorf("%s: got\n%swant\n%s", m.name, got, want)
	}
	return v.ID
}

// logged is the verdict that a line of the log tells of.
func logged(t *testing.T, line map[string]any) (v filter.Verdict, reply string) {
	t.Helper()
	b, err := json.Marshal(line)
	must(t, err)
	var l struct {
		filter.Verdict
		Disposition string `json:"disposition"`
		Reply       string `json:"reply"`
	}
	must(t, json.Unmarshal(b, &l))
	must(t, l.Verdict.Disposition.UnmarshalText([]byte(l.Disposition)))
	return l.Verdict, l.Reply
}

// described writes a verdict without the words in which the next hop took a message that passes.
func described(v filter.Verdict, reply string) string {
	lines := strings.SplitAfterN(samples.Describe(v), "\n", 3)
	lines[1] = samples.MaskID(reply, v.ID) + "\n"
	if v.Passes() {
		lines[1] = ""
	}
	return strings.Join(lines, "")
}

// arrived compares what came with what was sent.
func (r *road) arrived(t *testing.T, m matrixMail, d peer.Delivery) {
	t.Helper()
	if m.name == unclosed && strings.HasPrefix(r.name, "sendmail") {
		m.mail.Bytes = append(bytes.Clone(m.mail.Bytes), "--mot--\r\n"...)
	}
	top, ok := bytes.CutSuffix(d.Bytes, m.mail.Bytes)
	if !ok && strings.HasPrefix(r.name, "sendmail") { // it folds address lists anew and quotes names
		top, ok = bytes.CutSuffix(unfolded(d.Bytes), unfolded(m.mail.Bytes))
	}
	if !ok {
		at := max(0, bytes.Index(d.Bytes, m.mail.Bytes[:min(20, len(m.mail.Bytes))]))
		t.Errorf("%s was changed on the way: %s", m.name, difference(d.Bytes[at:], m.mail.Bytes))
		return
	}
	for _, f := range peer.Fields(append(bytes.Clone(top), "\r\n"...)) {
		if name, _, _ := strings.Cut(f, ":"); !slices.Contains([]string{"", "Received", "Congthu-Id", "Congthu-Verdict"}, name) {
			t.Errorf("%s: a field was added: %q", m.name, f)
		}
	}
	if d.From != m.mail.From || !slices.Equal(slices.Sorted(slices.Values(d.To)), slices.Sorted(slices.Values(m.mail.To))) {
		t.Errorf("%s: from %q to %q became from %q to %q", m.name, m.mail.From, m.mail.To, d.From, d.To)
	}
	if got := peer.Field(d.Bytes, "Congthu-Verdict"); (got != "") != m.tagged {
		t.Errorf("%s: Congthu-Verdict is %q", m.name, got)
	}
}

// unfolded is a message whose header fields are a line each and have no quotation marks.
func unfolded(msg []byte) []byte {
	head, body, _ := bytes.Cut(msg, []byte("\r\n\r\n"))
	head = regexp.MustCompile(`\r\n[ \t]+`).ReplaceAll(head, []byte(" "))
	head = bytes.ReplaceAll(head, []byte(`"`), nil)
	return slices.Concat(head, []byte("\r\n\r\n"), body)
}

// check fills in what "congthu check" says of each message.
func check(t *testing.T, mails []matrixMail) {
	t.Helper()
	dir := t.TempDir()
	conf := dir + "/congthu.yml"
	must(t, os.WriteFile(conf, []byte("organisation: {domains: ["+ours+", mae.gov.vn]}\nmilter: [{listen: \"tcp:127.0.0.1:8890\"}]\n"), 0o600))
	groups := map[string][]*matrixMail{} // one envelope is one call
	for i := range mails {
		m := &mails[i]
		envelope := strings.Join(append([]string{m.client, m.mail.From}, m.mail.To...), " ")
		groups[envelope] = append(groups[envelope], m)
	}
	for _, group := range groups {
		m := group[0]
		args := []string{"check", "--json", "--config", conf, "--from=" + m.mail.From}
		if m.client == outside {
			args = append(args, "--direction=inbound")
		}
		for _, to := range m.mail.To {
			args = append(args, "--to="+to)
		}
		for _, m := range group {
			name := dir + "/" + m.name
			must(t, os.WriteFile(name, m.mail.Bytes, 0o600))
			args = append(args, name)
		}
		out, err := exec.Command(gateBinary.path(t), args...).Output() // it exits with 1 for what is refused
		lines := bytes.Split(bytes.TrimSpace(out), []byte("\n"))
		if len(lines) != len(group) {
			t.Fatalf("check: %v, %d lines about %d messages", err, len(lines), len(group))
		}
		for i, m := range group {
			m.checked(t, lines[i])
		}
	}
}

// checked reads a line of "congthu check --json".
func (m *matrixMail) checked(t *testing.T, line []byte) {
	t.Helper()
	var v struct {
		filter.Verdict
		Disposition string `json:"disposition"`
		Reply       struct {
			Code         int
			Status, Text string
		} `json:"reply"`
	}
	if err := json.Unmarshal(line, &v); err != nil {
		t.Fatalf("checking %s: %v", m.name, err)
	}
	must(t, v.Verdict.Disposition.UnmarshalText([]byte(v.Disposition)))
	m.verdict = described(v.Verdict, fmt.Sprintf("%d %s %s", v.Reply.Code, v.Reply.Status, v.Reply.Text))
	m.passes, m.tagged = v.Passes(), v.Verdict.Disposition == filter.Tag
}

// params are the parameters of MAIL that a message needs.
func params(m peer.Mail) string {
	p := fmt.Sprintf("SIZE=%d", len(m.Bytes))
	isEight := func(r byte) bool { return r >= 0x80 }
	if slices.ContainsFunc(m.Bytes, isEight) {
		p += " BODY=8BITMIME"
	}
	if slices.ContainsFunc([]byte(m.From+strings.Join(m.To, "")), isEight) {
		p += " SMTPUTF8"
	}
	return p
}

// sampleMails are the rules' own samples, with the fields that servers would add. Of the big ones the one at the limit and the one over it do.
func sampleMails(t *testing.T) (out []matrixMail) {
	t.Helper()
	all, err := samples.Load("../rules/testdata")
	must(t, err)
	for _, s := range all {
		b, err := s.Message()
		must(t, err)
		// Some samples are kept with LF; a client sends CRLF.
		b = bytes.ReplaceAll(bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n")), []byte("\n"), []byte("\r\n"))
		big := strings.HasPrefix(s.Name, "70-") || strings.HasPrefix(s.Name, "71-")
		foreign := func(to string) bool { return !strings.HasSuffix(to, "@"+ours) && !strings.HasSuffix(to, "@mae.gov.vn") }
		switch {
		case len(b) > 1<<20 && !big:
			continue
		case s.Direction == filter.Inbound && slices.ContainsFunc(s.To, foreign): // no server hands strangers' mail on to strangers
			continue
		}
		for _, field := range []string{"Date: Tue, 06 Oct 2026 08:00:00 +0700", "Message-Id: <" + s.Name + "@monre.gov.vn>"} {
			if name, _, _ := strings.Cut(field, ":"); peer.Field(b, name) == "" { // servers would add it
				b = append([]byte(field+"\r\n"), b...)
			}
		}
		m := matrixMail{name: s.Name, client: inside, mail: peer.Mail{From: s.From, To: s.To, Bytes: b}}
		if s.Direction == filter.Inbound {
			m.client = outside
		}
		m.mail.Params = params(m.mail)
		out = append(out, m)
	}
	return out
}

// identityMails are messages of which every octet counts.
func identityMails() (out []matrixMail) {
	fields, body := attachment(1, 300<<10)
	signed, signature := attachment(9, 3<<10)
	for _, tc := range []struct {
		name string
		l    letter
		to   string // van.thu@ when empty
	}{
		{"8bit", letter{fields: "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n",
			body: "Kính gửi Bộ trưởng,\r\n\xff\xfe\x80 không phải UTF-8\r\n"}, ""},
		{"raw-8bit-header", letter{subject: "Báo cáo \xe0\xe1 cũ"}, ""},
		{"folds-and-blanks", letter{fields: "X-Gap:  two spaces\r\nX-Fold: a\r\n\tb\r\n   c  \r\nX-Empty:\r\nx-tab:\tt\r\nX-Trail: t \t\r\n",
			body: "  leading\r\ntrailing \t \r\n\r\n\r\n"}, ""},
		{"dkim", letter{fields: "DKIM-Signature: v=1; a=rsa-sha256; d=monre.gov.vn; s=a; h=from:to;\r\n b=YWJj\r\n"}, ""},
		{"no-body", letter{body: "\r\n"}, ""},
		{"dots", letter{body: ".\r\n..\r\n.x\r\n\r\n.\r\n"}, ""},
		{"attachment", letter{fields: fields, body: body}, ""},
		{"smime-like", letter{fields: strings.Replace(signed, "multipart/mixed", "multipart/signed; protocol=\"application/pkcs7-signature\"; micalg=sha-256", 1), body: signature}, ""},
		{"many-fields", letter{fields: strings.Repeat("X-Many: value\r\n", 300)}, ""},
		{"long-lines", letter{body: strings.Repeat("x", 990) + "\r\n" + strings.Repeat("y", 998) + "\r\n"}, ""},
		{"to-outside", letter{}, "doi.tac@khach.example"},
	} {
		tc.l.key = "identity-" + tc.name
		if tc.l.subject == "" {
			tc.l.subject = "Bao cao"
		}
		m := matrixMail{name: tc.l.key, client: inside, mail: tc.l.mail()}
		if tc.to != "" {
			m.mail.To = []string{tc.to}
		}
		m.mail.Params = params(m.mail)
		out = append(out, m)
	}
	return out
}
