package deploy

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"congthu/filter"
	"congthu/internal/peer"
)

// pretenders are mail from outside, by what the gate says of its sender.
func pretenders() []struct{ key, fields, want string } {
	return []struct{ key, fields, want string }{
		{"official", "From: =?utf-8?B?Tmd1eeG7hW4gVsSDbiBIw7luZw==?= <x8@gmail.com>\r\n", "official's name, free-mail"},
		{"turned", "From: Hung Van Nguyen <x8@gmail.com>\r\n", "official's name, free-mail"},
		{"eight", "From: \"Nguyễn Văn Hùng\" <x8@gmail.com>\r\n", "official's name, free-mail"},
		{"lookalike", "From: Van thu <van.thu@rnonre.gov.vn>\r\n", "look-alike domain: letters"},
		{"elsewhere", "From: Doi tac <a@khach.example>\r\nReply-To: vanthu@monre-gov-vn.com\r\n", "look-alike domain: our domain inside"},
		{"namesake", "From: Nguyen Van Hung <hung@khach.example>\r\n", "official's name"},
		{"citizen", "From: Nguyen Van Dung <x8@gmail.com>\r\n", ""},
	}
}

// TestImpersonation sends mail of pretenders through Postfix: both doors and check say the same of it, tag it and change nothing else.
func TestImpersonation(t *testing.T) {
	dir, err := peer.TempDir() // which the gate, as another user, can read
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	list := filepath.Join(dir, "officials.csv")
	must(t, os.WriteFile(list, []byte("name,addresses,unit\nNguyễn Văn Hùng,,Cục Công nghệ thông tin\n"), 0o644))
	conf := fmt.Sprintf("rules: {impersonation: {mode: enforce, officials: %q}}\n", list)
	letterOf := func(key, fields string) peer.Mail {
		l := letter{key: key, subject: "Viec gap"}
		m := l.mail()
		m.From = "x8@gmail.com"
		m.Bytes = []byte(strings.Replace(string(m.Bytes), "From: <chuyen.vien@"+ours+">\r\n", fields, 1))
		if key == "eight" {
			m.Params = "BODY=8BITMIME SMTPUTF8"
		}
		return m
	}
	for _, p := range pretenders() {
		line := checkedLine(t, dir, "organisation: {domains: ["+ours+", mae.gov.vn]}\n"+conf, letterOf(p.key, p.fields).Bytes, "--direction", "inbound")
		if got := detailOf(t, line, "impersonation"); got != p.want {
			t.Errorf("check of %s: %q, want %q", p.key, got, p.want)
		}
	}
	for _, kind := range []string{milterUnix, proxyFilter} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := newStand(t, kind, conf)
			for _, p := range pretenders() {
				m := letterOf(p.key, p.fields)
				if answer := s.send(t, outside, m).Last(); !answer.OK() {
					t.Errorf("%s: answered %s", p.key, answer)
					continue
				}
				d := s.delivered(t, p.key)
				samePassed(t, d, m.Bytes)
				if got := detailOf(t, s.logged(t, peer.Field(d.Bytes, "Congthu-Id")), "impersonation"); got != p.want {
					t.Errorf("%s: logged %q, want %q", p.key, got, p.want)
				}
				tagged := strings.Contains(peer.Field(d.Bytes, "Congthu-Verdict"), "impersonation [10.5]")
				if want := p.want != "" && p.key != "namesake"; tagged != want {
					t.Errorf("%s: tagged %v, want %v", p.key, tagged, want)
				}
			}
		})
	}
}

// checkedLine is what congthu check says of a message, with this configuration in this folder.
func checkedLine(t *testing.T, dir, conf string, mail []byte, args ...string) map[string]any {
	t.Helper()
	must(t, os.WriteFile(filepath.Join(dir, "congthu.yml"), []byte(conf), 0o600))
	must(t, os.WriteFile(filepath.Join(dir, "letter.eml"), mail, 0o600))
	all := append(append([]string{"check", "--json", "--config", filepath.Join(dir, "congthu.yml")}, args...), filepath.Join(dir, "letter.eml"))
	out, err := exec.Command(gateBinary.path(t), all...).Output() // 1 for what is refused
	var line map[string]any
	if bad := json.Unmarshal(out, &line); bad != nil {
		t.Fatalf("check: %v, %v: %s", err, bad, out)
	}
	return line
}

// detailOf is what the findings of a verdict say by a rule.
func detailOf(t *testing.T, line map[string]any, rule string) string {
	t.Helper()
	text, err := json.Marshal(line["findings"])
	must(t, err)
	var findings []filter.Finding
	must(t, json.Unmarshal(text, &findings))
	var out []string
	for _, f := range findings {
		if f.Rule == rule {
			out = append(out, f.Detail)
		}
	}
	return strings.Join(out, "|")
}
