package deploy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"congthu/filter"
	"congthu/internal/peer"
	"congthu/internal/samples"
)

// matrixMail is one message that is sent through every hook-up.
type matrixMail struct {
	name   string
	client string // inside or outside
	mail   peer.Mail
	auto   wanted // where the gate decides the direction
	forced wanted // where the listener does
}

// wanted is what "congthu check" says of a message.
type wanted struct {
	text            string // the verdict, as described
	direction       string
	passes, refused bool
	tagged          bool
	secret          bool // it is refused for a secrecy marking
	dropped         bool // nobody gets it
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
		must(t, os.WriteFile(dir+"/"+m.name, m.mail.Bytes, 0o600))
		envelope := strings.Join(append([]string{m.client, m.mail.From}, m.mail.To...), " ")
		groups[envelope] = append(groups[envelope], m)
	}
	for _, group := range groups {
		m := group[0]
		args := []string{"check", "--json", "--config", conf, "--from=" + m.mail.From}
		for _, to := range m.mail.To {
			args = append(args, "--to="+to)
		}
		if m.client == outside {
			for i, w := range checked(t, dir, group, append(args, "--direction=inbound")) {
				group[i].auto, group[i].forced = w, w
			}
			continue
		}
		for i, w := range checked(t, dir, group, args) {
			group[i].auto = w
		}
		for i, w := range checked(t, dir, group, append(args, "--direction=outbound")) {
			group[i].forced = w
		}
	}
}

// checked runs "congthu check --json" on messages.
func checked(t *testing.T, dir string, group []*matrixMail, args []string) (out []wanted) {
	t.Helper()
	for _, m := range group {
		args = append(args, dir+"/"+m.name)
	}
	text, err := exec.Command(gateBinary.path(t), args...).Output() // it exits with 1 for what is refused
	lines := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	if len(lines) != len(group) {
		t.Fatalf("check: %v, %d lines about %d messages", err, len(lines), len(group))
	}
	for _, line := range lines {
		var v struct {
			filter.Verdict
			Disposition string `json:"disposition"`
			Reply       struct {
				Code         int
				Status, Text string
			} `json:"reply"`
		}
		must(t, json.Unmarshal(line, &v))
		must(t, v.Verdict.Disposition.UnmarshalText([]byte(v.Disposition)))
		out = append(out, wanted{
			text:      described(v.Verdict, fmt.Sprintf("%d %s %s", v.Reply.Code, v.Reply.Status, v.Reply.Text)),
			direction: string(v.Direction), passes: v.Passes(), refused: v.Verdict.Disposition == filter.Refuse,
			tagged: v.Verdict.Disposition == filter.Tag,
			secret: slices.ContainsFunc(v.Findings, func(f filter.Finding) bool {
				return f.Rule == filter.RuleMarking && f.Mode == filter.Enforce && f.Disposition == filter.Refuse
			}),
		})
	}
	return out
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
