package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A file that the gate reads at its start and cannot use is an error of the configuration, with its place, before the gate
// is started.
func TestConfigCheckTriesFiles(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "congthu.yml")
	text := filepath.Join(dir, "text.pem")
	if err := os.WriteFile(text, []byte("no certificate\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	templates := filepath.Join(dir, "notices")
	if err := os.Mkdir(templates, 0o700); err != nil {
		t.Fatal(err)
	}
	const store = "evidence: {dir: /tmp/evidence}\nstore: {dsn: \"sqlite:/tmp/congthu.db\"}\n"
	for _, c := range []struct{ name, yaml, want string }{
		{"certificate away", `relay: [{listen: "127.0.0.1:10025", next_hops: ["127.0.0.1:10026"], tls: {certificate: /nonexistent/a.pem, key: /nonexistent/a.key}}]`,
			"congthu.yml:2:88: relay[0].tls.certificate: there is no file /nonexistent/a.pem: write the file's path"},
		{"key away", `relay: [{listen: "127.0.0.1:10025", next_hops: ["127.0.0.1:10026"], tls: {certificate: ` + text + `, key: /nonexistent/a.key}}]`,
			"relay[0].tls.key: there is no file /nonexistent/a.key: write the file's path"},
		{"no certificate", `relay: [{listen: "127.0.0.1:10025", next_hops: ["127.0.0.1:10026"], tls: {certificate: ` + text + `, key: ` + text + `}}]`,
			"congthu.yml:2:75: relay[0].tls: TLS certificate " + text},
		{"roots away", `relay: [{listen: "127.0.0.1:10025", next_hops: ["127.0.0.1:10026"], next_hop_tls: {mode: verified, ca: /nonexistent/ca.pem}}]`,
			"relay[0].next_hop_tls.ca: open /nonexistent/ca.pem: no such file or directory"},
		{"no roots", `relay: [{listen: "127.0.0.1:10025", next_hops: ["127.0.0.1:10026"], next_hop_tls: {mode: verified, ca: ` + text + `}}]`,
			"relay[0].next_hop_tls.ca: " + text + " holds no certificate in PEM"},
		{"console", `milter: [{listen: "tcp:127.0.0.1:8890"}]` + "\n" + `console: {listen: "127.0.0.1:8443", tls: {certificate: /nonexistent/a.pem, key: ` + text + `}}`,
			"console.tls.certificate: there is no file /nonexistent/a.pem: write the file's path"},
		{"templates away", `milter: [{listen: "tcp:127.0.0.1:8890"}]` + "\n" + store + `notices: {submit: "127.0.0.1:25", templates: /nonexistent/notices}`,
			"notices.templates: templates in /nonexistent/notices: "},
		{"dictionary away", `milter: [{listen: "tcp:127.0.0.1:8890"}]` + "\n" + `rules: {content: {dictionaries: [words/a.yml]}}`,
			"congthu.yml:3:34: rules.content.dictionaries[0]: " + filepath.Join(dir, "words", "a.yml") + " cannot be used:"},
		{"officials away", `milter: [{listen: "tcp:127.0.0.1:8890"}]` + "\n" + `rules: {impersonation: {officials: o.csv}}`,
			"rules.impersonation.officials: " + filepath.Join(dir, "o.csv") + " is a list that cannot be used:"},
		{"good", `milter: [{listen: "tcp:127.0.0.1:8890"}]` + "\n" + store + `notices: {submit: "127.0.0.1:25", templates: ` + templates + `}`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := os.WriteFile(file, []byte("organisation: {domains: [monre.gov.vn]}\n"+c.yaml+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			p, _, stderr := newProgram(t, "")
			got := p.run([]string{"config", "check", "--config", file})
			want := exitConfig
			if c.want == "" {
				want = exitFine
			}
			if got != want || !strings.Contains(stderr.String(), c.want) {
				t.Errorf("exit code %d, wanted %d; stderr:\n%swanted:\n%s", got, want, stderr, c.want)
			}
		})
	}
}

// A scanner's socket that is not there yet is a doubt, not an error: the scanner may start after the gate.
func TestConfigCheckDoubtsSockets(t *testing.T) {
	dir := t.TempDir()
	there := filepath.Join(dir, "there.ctl")
	if err := os.WriteFile(there, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "congthu.yml")
	yaml := "organisation: {domains: [monre.gov.vn]}\nmilter: [{listen: \"tcp:127.0.0.1:8890\"}]\nvirus:\n  clamd:\n  - \"unix:" + there +
		"\"\n  - \"unix:/nonexistent/clamd.ctl\"\n  - \"tcp:127.0.0.1:3310\"\n"
	if err := os.WriteFile(file, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	p, stdout, stderr := newProgram(t, "")
	if code := p.run([]string{"config", "check", "--config", file}); code != exitFine || !strings.HasPrefix(stdout.String(), "configuration is good") {
		t.Errorf("exit %d: %s", code, stdout)
	}
	want := "warning: congthu.yml:6:5: virus.clamd[1]: there is no socket /nonexistent/clamd.ctl: is clamd running "
	if said := stderr.String(); strings.Count(said, "\n") != 1 || !strings.HasPrefix(said, want) {
		t.Errorf("said %q, wanted one line that begins with %q", said, want)
	}
}
