package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// newProgram is a program whose output is kept.
func newProgram(t *testing.T, stdin string) (p *program, stdout, stderr *bytes.Buffer) {
	t.Helper()
	stdout, stderr = &bytes.Buffer{}, &bytes.Buffer{}
	return &program{ctx: t.Context(), stdin: strings.NewReader(stdin), stdout: stdout, stderr: stderr, now: time.Now}, stdout, stderr
}

func TestExitCodes(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good := write("good.yml", "organisation: {domains: [monre.gov.vn]}\nmilter: [{listen: \"tcp:127.0.0.1:8890\"}]\n")
	bad := write("bad.yml", "organisation: {domian: [monre.gov.vn]}\n")
	letter := "From: an@monre.gov.vn\nTo: x@example.com\n"
	fine := write("fine.eml", letter+"Subject: a letter\n\nx\n")
	noSubject := write("nosubject.eml", letter+"\nx\n")
	for _, tt := range []struct {
		args string
		want int
	}{
		{"check --config " + good + " " + fine, exitFine},
		{"check --config " + good + " " + noSubject, exitFindings},
		{"check --config " + good + " " + noSubject + " " + filepath.Join(dir, "none.eml"), exitCannotJudge},
		{"check --config " + bad + " " + fine, exitConfig},
		{"check", exitUsage},
		{"check --direction up " + fine, exitUsage},
		{"nonsense", exitUsage},
		{"config check --config " + good, exitFine},
		{"config check --config " + bad, exitConfig},
		{"config show --config " + filepath.Join(dir, "none.yml"), exitConfig},
		{"serve --config " + bad, exitConfig},
		{"--help", exitFine},
	} {
		p, stdout, stderr := newProgram(t, "")
		if got := p.run(strings.Fields(tt.args)); got != tt.want {
			t.Errorf("congthu %s: exit %d, want %d\n%s%s", tt.args, got, tt.want, stdout, stderr)
		}
	}
}

// A message over the limit is refused as the doors refuse it.
func TestCheckTooBig(t *testing.T) {
	conf := filepath.Join(t.TempDir(), "small.yml")
	if err := os.WriteFile(conf, []byte("limits: {message_size: 64KiB}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p, stdout, _ := newProgram(t, "Subject: x\n\n"+strings.Repeat("0123456789\n", 7000))
	if got := p.run([]string{"check", "--config", conf, "-"}); got != exitFindings {
		t.Errorf("exit %d", got)
	}
	if !strings.Contains(stdout.String(), "552 5.3.4 ") {
		t.Errorf("%s", stdout)
	}
}
