package deploy

import (
	"bytes"
	"fmt"
	"net"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"congthu/internal/peer"
)

// deferring makes one rule defer: no rule of the gate does so by default.
const deferring = "rules: {free-mail: {outbound: defer}}\n"

// TestPostfix runs what users would notice through every way to hook the gate up.
func TestPostfix(t *testing.T) {
	for _, kind := range hookups() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := newStand(t, kind, deferring)
			if said, err := s.mx.Check(); err != nil || said != "" {
				t.Errorf("postfix check: %v %s", err, said)
			}
			t.Run("verdicts", s.verdicts)
			t.Run("one-connection", s.oneConnection)
			t.Run("reset", s.reset)
			t.Run("recipient-refused-behind", s.recipientRefused)
			t.Run("identity", s.identity)
			t.Run("forged-fields", s.forgedFields)
			t.Run("smuggling", s.smuggling)
			t.Run("big", s.big)
			t.Run("local-program", s.localProgram)
			t.Run("swaks", s.swaks)
			t.Run("direction", s.direction)
			t.Run("odd-paths", s.oddPaths)
			t.Run("gate-down", s.gateDown) // last: it restarts the gate
			if w := warnings(s.mx.Log()); len(w) > 0 {
				t.Errorf("Postfix warned:\n%s", strings.Join(w, "\n"))
			}
		})
	}
}

// warnings are what Postfix complained of, but for what the tests cause on purpose.
func warnings(log string) (out []string) {
	for line := range strings.Lines(log) {
		if !strings.Contains(line, "warning:") && !strings.Contains(line, "fatal:") && !strings.Contains(line, "panic:") {
			continue
		}
		expected := false
		for _, e := range []string{
			"connect to Milter service", "connect to proxy filter", "warning: proxy ", // the gate is down, or passes a refusal on
			"group or other writable", "not owned by root", // the private instance's folders
			"non-SMTP command", "bare <LF>", "unauthorized pipelining", // smuggling
		} {
			expected = expected || strings.Contains(line, e)
		}
		if !expected {
			out = append(out, strings.TrimSpace(line))
		}
	}
	return out
}

func (s *stand) verdicts(t *testing.T) {
	for _, tc := range []struct {
		name    string
		client  string
		letter  letter
		reply   string // beginning
		says    string // in the reply
		verdict string // Congthu-Verdict of what was delivered
	}{
		{"accept", inside, letter{subject: "Bao cao quy III"}, "250 ", "", ""},
		{"tag", outside, letter{from: "a@khach.example"}, "250 ", "", "subject [9.3]"},
		{"refuse", inside, letter{}, "550 5.7.1 [9.3] Thu khong co tieu de.", "add one and send again", ""},
		{"defer", inside, letter{from: "vu.truong@gmail.com", subject: "Hop giao ban"}, "450 4.7.1 [9.1] ", "free-mail", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.letter.key = s.kind + "-verdict-" + tc.name
			m := tc.letter.mail()
			if tc.client == outside {
				m.From = "a@khach.example"
			}
			if tc.name == "defer" { // the reverse-path is ours, so that the direction is outbound
				m.To = []string{"doi.tac@khach.example"}
			}
			got := s.send(t, tc.client, m).Last()
			if !strings.HasPrefix(got.String(), tc.reply) || !strings.Contains(got.String(), tc.says) || len(got.Lines) != 1 {
				t.Fatalf("got %s, want %q…%q", got, tc.reply, tc.says)
			}
			if !got.OK() {
				s.notDelivered(t, tc.letter.key)
				if line := s.logged(t, transactionID(got)); line["disposition"] != tc.name || line["client"] != tc.client {
					t.Errorf("the log says %v", line)
				}
				return
			}
			d := s.delivered(t, tc.letter.key)
			samePassed(t, d, m.Bytes)
			if v := peer.Field(d.Bytes, "Congthu-Verdict"); v != tc.verdict {
				t.Errorf("Congthu-Verdict is %q, want %q", v, tc.verdict)
			}
			if line := s.logged(t, peer.Field(d.Bytes, "Congthu-Id")); line["disposition"] != tc.name {
				t.Errorf("the log says %v", line)
			}
		})
	}
}

// oneConnection sends messages with different verdicts on one connection: they share nothing.
func (s *stand) oneConnection(t *testing.T) {
	good := func(n int) letter {
		return letter{key: fmt.Sprintf("%s-conn-%d", s.kind, n), subject: "Thong bao"}
	}
	bad := func(n int) letter { return letter{key: fmt.Sprintf("%s-conn-%d", s.kind, n)} }
	gmail := func(n int) letter {
		l := good(n)
		l.from = "vu.truong@gmail.com"
		return l
	}
	for i, seq := range []struct {
		letters []letter
		codes   []int
	}{
		{[]letter{bad(1), good(2)}, []int{550, 250}},
		{[]letter{good(3), bad(4)}, []int{250, 550}},
		{[]letter{bad(5), good(6), gmail(7)}, []int{550, 250, 450}},
		{[]letter{gmail(8), bad(9), good(10)}, []int{450, 550, 250}},
		{[]letter{good(11), good(12), good(13)}, []int{250, 250, 250}},
	} {
		c := s.client(t, inside)
		for j, l := range seq.letters {
			got := sendOn(t, c, l.mail()).Last()
			if got.Code != seq.codes[j] {
				t.Errorf("sequence %d, message %d: got %s, want %d", i, j, got, seq.codes[j])
			}
		}
		must(t, c.Quit())
		for j, l := range seq.letters {
			if seq.codes[j] != 250 {
				s.notDelivered(t, l.key)
				continue
			}
			if d := s.delivered(t, l.key); d.From != l.mail().From || len(d.To) != 1 {
				t.Errorf("sequence %d, message %d went from %q to %q", i, j, d.From, d.To)
			}
		}
	}
}

// reset breaks a transaction off at every stage that RSET can come at, then sends another.
func (s *stand) reset(t *testing.T) {
	c := s.client(t, inside)
	for i, before := range [][]string{
		{},
		{"MAIL FROM:<dau@monre.gov.vn> SIZE=1000"},
		{"MAIL FROM:<dau@gmail.com>", "RCPT TO:<mot@monre.gov.vn>", "RCPT TO:<hai@khach.example>"},
	} {
		for _, line := range append(before, "RSET") {
			r, err := c.Cmd(line)
			must(t, err)
			if !r.OK() {
				t.Fatalf("%s: %s", line, r)
			}
		}
		l := letter{key: fmt.Sprintf("%s-reset-%d", s.kind, i), subject: "Sau RSET"}
		if got := sendOn(t, c, l.mail()).Last(); !got.OK() {
			t.Fatalf("after RSET %d: %s", i, got)
		}
		d := s.delivered(t, l.key)
		if d.From != "chuyen.vien@"+ours || len(d.To) != 1 || d.To[0] != "van.thu@"+ours {
			t.Errorf("after RSET %d the message went from %q to %q", i, d.From, d.To)
		}
	}
	must(t, c.Quit())
}

// recipientRefused sends to three recipients of whom the Postfix behind (or around) the gate refuses one.
func (s *stand) recipientRefused(t *testing.T) {
	l := letter{key: s.kind + "-recipients", subject: "Gui nhieu noi"}
	m := l.mail()
	m.To = []string{"mot@" + ours, absent, "hai@" + ours}
	a := s.send(t, inside, m)
	if len(a.Rcpt) != 3 || !a.Rcpt[0].OK() || !a.Rcpt[2].OK() {
		t.Fatalf("recipients: %v", a.Rcpt)
	}
	if r := a.Rcpt[1]; r.Code != 550 || !strings.HasPrefix(r.Lines[0], "5.1.1 ") || !strings.HasSuffix(r.Lines[0], absentWords) {
		t.Errorf("the refused recipient was answered %s, not in the words of the Postfix that refused it", r)
	}
	if !a.Data.OK() {
		t.Fatalf("message: %s", a.Data)
	}
	d := s.delivered(t, l.key)
	slices.Sort(d.To)
	if strings.Join(d.To, " ") != "hai@"+ours+" mot@"+ours {
		t.Errorf("delivered to %q", d.To)
	}
	// All recipients refused: there is no message, and the connection goes on.
	c := s.client(t, inside)
	m.To = []string{absent}
	if a := sendOn(t, c, m); a.Data.Code != 0 || a.Rcpt[0].Code != 550 {
		t.Errorf("only the refused recipient: %v", a)
	}
	l.key += "-after"
	if r, err := c.Cmd("RSET"); err != nil || !r.OK() {
		t.Fatalf("RSET: %s %v", r, err)
	}
	if got := sendOn(t, c, l.mail()).Last(); !got.OK() {
		t.Errorf("the message after: %s", got)
	}
	must(t, c.Quit())
	s.delivered(t, l.key)
}

// identity passes messages of which every octet counts.
func (s *stand) identity(t *testing.T) {
	fields, body := attachment(1, 300<<10)
	for _, tc := range []struct {
		name   string
		change func(*letter, *peer.Mail)
		params string // that must arrive
	}{
		{"8bit", func(l *letter, m *peer.Mail) {
			l.fields = "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n"
			l.body = "Kính gửi Bộ trưởng,\r\n\xff\xfe\x80 không phải UTF-8\r\n"
			m.Params = "BODY=8BITMIME"
		}, "BODY=8BITMIME"},
		{"raw-8bit-header", func(l *letter, m *peer.Mail) {
			l.subject = "Báo cáo \xe0\xe1 cũ"
			m.Params = "BODY=8BITMIME"
		}, "BODY=8BITMIME"},
		{"smtputf8", func(l *letter, m *peer.Mail) {
			l.from, l.subject = "chuyên.viên@"+ours, "Thư có địa chỉ tiếng Việt"
			m.From, m.To, m.Params = l.from, []string{"văn.thư@" + ours}, "SMTPUTF8 BODY=8BITMIME"
		}, "SMTPUTF8"},
		{"null-reverse-path", func(l *letter, m *peer.Mail) { m.From = "" }, ""},
		{"folds-and-blanks", func(l *letter, m *peer.Mail) {
			l.fields = "X-Gap:  two spaces\r\nX-Fold: a\r\n\tb\r\n   c  \r\nX-Empty:\r\nx-tab:\tt\r\nX-Trail: t \t\r\n" +
				"DKIM-Signature: v=1; a=rsa-sha256; d=monre.gov.vn; s=a; h=from:to;\r\n b=YWJj\r\n"
			l.body = "  leading\r\ntrailing \t \r\n\r\n\r\n"
		}, ""},
		{"no-body", func(l *letter, m *peer.Mail) { l.body = "\r\n" }, ""},
		{"attachment", func(l *letter, m *peer.Mail) { l.fields, l.body = fields, body }, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			l := letter{key: s.kind + "-identity-" + tc.name, subject: "Bao cao"}
			m := l.mail()
			tc.change(&l, &m)
			m.Bytes = l.bytes()
			if got := s.send(t, inside, m).Last(); !got.OK() {
				t.Fatal(got)
			}
			d := s.delivered(t, l.key)
			samePassed(t, d, m.Bytes)
			if d.From != m.From || d.To[0] != m.To[0] {
				t.Errorf("from %q to %q became from %q to %q", m.From, m.To, d.From, d.To)
			}
			if !strings.Contains(d.Params, tc.params) {
				t.Errorf("MAIL arrived with %q, without %s", d.Params, tc.params)
			}
		})
	}
}

// forgedFields sends fields that claim to be the gate's; they go, all others stay.
func (s *stand) forgedFields(t *testing.T) {
	l := letter{key: s.kind + "-forged", subject: "Thu gia mao", from: "a@khach.example"}
	keep1 := "Authentication-Results: mx.khach.example; spf=pass smtp.mailfrom=khach.example\r\n"
	keep2 := "X-Congthu-Like: stays\r\n"
	l.fields = keep1 + "Congthu-Verdict: none\r\nAuthentication-Results: " + ours + ";\r\n\tdkim=pass header.d=khach.example\r\n" + keep2 +
		"congthu-id : 01FORGED\r\nAUTHENTICATION-RESULTS: (x) MONRE.gov.vn 1; none\r\nCongthu-Id: 01FORGED\r\n"
	m := l.mail()
	m.From = "a@khach.example"
	if got := s.send(t, outside, m).Last(); !got.OK() {
		t.Fatal(got)
	}
	d := s.delivered(t, l.key)
	l.fields = keep1 + keep2
	samePassed(t, d, l.bytes())
	if bytes.Contains(d.Bytes, []byte("FORGED")) {
		t.Error("a forged field passed")
	}
}

// smuggling tries to hide a second message behind line ends that are not CRLF.
func (s *stand) smuggling(t *testing.T) {
	for i, end := range []string{"\n.\n", "\n.\r\n", "\r\n.\n"} {
		l := letter{key: fmt.Sprintf("%s-smuggle-%d", s.kind, i), subject: "Mot thu"}
		hidden := letter{key: l.key + "-hidden", subject: "Thu giau"}
		raw := string(l.bytes()) + "x" + end + "MAIL FROM:<" + "a@" + ours + ">\r\nRCPT TO:<b@" + ours + ">\r\nDATA\r\n" + string(hidden.bytes()) + "\r\n.\r\n"
		c := s.client(t, inside)
		_, taken, err := c.Envelope(l.mail())
		must(t, err)
		if r, err := c.Cmd("DATA"); err != nil || taken != 1 || r.Code != 354 {
			t.Fatalf("DATA: %v %v", r, err)
		}
		must(t, c.Write([]byte(raw)))
		if r, err := c.Read(); err == nil && r.Code/100 != 5 {
			t.Errorf("%q was answered %s", end, r)
		}
		c.Close()
		s.notDelivered(t, l.key)
		s.notDelivered(t, hidden.key)
	}
}

// big passes a message of 20 MB whole and refuses one whose attachments are over 15 MiB.
func (s *stand) big(t *testing.T) {
	l := letter{key: s.kind + "-big", subject: "Ban do"}
	l.fields, l.body = attachment(2, 14<<20+700<<10)
	m := l.mail()
	if len(m.Bytes) < 20_000_000 {
		t.Fatalf("only %d octets", len(m.Bytes))
	}
	m.Params = fmt.Sprintf("SIZE=%d", len(m.Bytes))
	if got := s.send(t, inside, m).Last(); !got.OK() {
		t.Fatal(got)
	}
	samePassed(t, s.delivered(t, l.key), m.Bytes)

	l.key += "-over"
	l.fields, l.body = attachment(3, 15<<20+1)
	got := s.send(t, inside, l.mail()).Last()
	if !strings.HasPrefix(got.String(), "552 5.3.4 [4.4] ") {
		t.Errorf("over 15 MiB: %s", got)
	}
	s.notDelivered(t, l.key)

	// The wire limit is said at MAIL, before anything is sent.
	c := s.client(t, inside)
	m.Params = "SIZE=41943041"
	if a := sendOn(t, c, m); a.Mail.Code != 552 {
		t.Errorf("SIZE over the wire limit: %s", a.Last())
	}
	must(t, c.Quit())
}

// localProgram sends with the sendmail command, which reaches a milter over non_smtpd_milters; a proxy
// filter does not see such mail (its page says so).
func (s *stand) localProgram(t *testing.T) {
	if s.kind == proxyFilter {
		return
	}
	l := letter{key: s.kind + "-local", subject: "Bao cao tu dong"}
	must(t, s.mx.Sendmail("cron@"+ours, []string{"quan.tri@" + ours}, l.bytes()))
	d := s.delivered(t, l.key)
	samePassed(t, d, l.bytes())
	if peer.Field(d.Bytes, "Congthu-Id") == "" {
		t.Error("the gate did not see the message")
	}
}

// swaks runs the command that README.md gives for trying the gate out, as an inside machine, and a
// mail that is in order.
func (s *stand) swaks(t *testing.T) {
	tool, err := exec.LookPath("swaks")
	peer.Need(t, err == nil, "swaks (Debian package swaks)")
	host, port, err := net.SplitHostPort(s.addr)
	must(t, err)
	page := file(t, "README.md")
	for _, tc := range []struct{ header, want string }{
		{"Subject: ", "<** 550 5.7.1 [9.3] "},
		{"Subject: Thu nghiem cong thu", "<-  250 2.0.0 "},
	} {
		out, err := exec.Command(tool, "--server", host, "--port", port, "--xclient-addr", inside, "--from", "chuyen.vien@"+ours, "--to", "van.thu@"+ours, "--header", tc.header).CombinedOutput()
		if !strings.Contains(string(out), tc.want) || (err == nil) != strings.Contains(tc.want, "250") {
			t.Errorf("--header %q: %v, without %q:\n%s", tc.header, err, tc.want, out)
		}
	}
	if !strings.Contains(page, "--header 'Subject: '") {
		t.Error("README.md gives another command")
	}
}
