package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"go.uber.org/goleak"

	"congthu/filter/policy"
)

// served is a gate that runs in this process, before a practice next hop.
type served struct {
	relay, admin string
	conf         string // file
	state        string // folder
	hup          chan os.Signal
	hop          *practiceHop
	hopAddress   string
}

func serve(t *testing.T) *served {
	t.Helper()
	s := &served{relay: freeAddress("127.0.0.1:0"), admin: freeAddress("127.0.0.1:0"), hup: make(chan os.Signal, 1),
		conf: filepath.Join(t.TempDir(), "congthu.yml"), state: t.TempDir(), hop: &practiceHop{}}
	var err error
	if s.hopAddress, err = s.hop.start(); err != nil {
		t.Fatal(err)
	}
	s.write(t, "")
	p, _, stderr := newProgram(t, "")
	ctx, cancel := context.WithCancel(t.Context())
	p.ctx, p.reload = ctx, s.hup
	code := make(chan int, 1)
	go func() { code <- p.run([]string{"serve", "--config", s.conf}) }()
	t.Cleanup(func() {
		cancel()
		if got := <-code; got != exitFine {
			t.Errorf("serve ended with %d: %s", got, stderr)
		}
		s.hop.server.Close()
		http.DefaultClient.CloseIdleConnections()
	})
	s.until(t, "/readyz", "ready\n")
	return s
}

// write writes the configuration; more is added to it.
func (s *served) write(t *testing.T, more string) {
	t.Helper()
	text := fmt.Sprintf("organisation: {domains: [monre.gov.vn], trusted_networks: [127.0.0.0/8]}\n"+
		"relay: [{name: r, listen: %q, next_hops: [%q], trusted_peers: []}]\nadmin: {listen: %q}\n"+
		"evidence: {dir: %q}\nstore: {dsn: %q}\n%s", s.relay, s.hopAddress, s.admin, filepath.Join(s.state, "evidence"), "sqlite:"+filepath.Join(s.state, "congthu.db"), more)
	if err := os.WriteFile(s.conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (s *served) get(path string) string {
	r, err := http.Get("http://" + s.admin + path)
	if err != nil {
		return err.Error()
	}
	defer r.Body.Close()
	b, _ := io.ReadAll(r.Body)
	return string(b)
}

// until waits for a text on a page of the admin listener.
func (s *served) until(t *testing.T, path, text string) {
	t.Helper()
	for range 500 {
		if strings.Contains(s.get(path), text) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("no %q on %s:\n%s", text, path, s.get(path))
}

func (s *served) send(t *testing.T, subject string) (code int) {
	err := send(s.relay, sample{from: "an@monre.gov.vn", to: "x@example.com", data: []byte("From: an@monre.gov.vn\r\nSubject: " + subject + "\r\n\r\nx\r\n")})
	var e *smtp.SMTPError
	if errors.As(err, &e) {
		return e.Code
	}
	if err != nil {
		t.Fatalf("%v (%+v) %s", err, s, s.get("/readyz"))
	}
	return 250
}

// A good configuration comes into force on SIGHUP; a bad one keeps the old and shows in the gauge.
func TestReload(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	t.Run("gate", func(t *testing.T) {
		s := serve(t)
		if got := s.send(t, ""); got != 550 {
			t.Fatalf("no subject: %d", got)
		}
		s.write(t, "rules: {subject: {mode: monitor}}\n")
		s.hup <- syscall.SIGHUP
		s.untilCode(t, "", 250)

		for name, bad := range map[string]string{
			"unknown key":      "rule: {subject: {mode: enforce}}\n",
			"another listener": "milter: [{listen: \"tcp:127.0.0.1:1\"}]\n",
			"expression":       "rules: {\"custom:x\": {clause: \"10.2\", when: subjekt}}\n",
			"no domain":        "",
		} {
			s.write(t, bad)
			if name == "no domain" {
				if err := os.WriteFile(s.conf, nil, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			s.hup <- syscall.SIGHUP
			s.until(t, "/metrics", "congthu_config_last_reload_successful 0")
			if got := s.send(t, ""); got != 250 {
				t.Errorf("%s: the old configuration is gone (%d)", name, got)
			}
			s.write(t, "rules: {subject: {mode: monitor}}\n")
			s.hup <- syscall.SIGHUP
			s.until(t, "/metrics", "congthu_config_last_reload_successful 1")
		}
		s.write(t, "")
		s.hup <- syscall.SIGHUP
		s.untilCode(t, "", 550)
	})
}

// What notices take for ours is what the policy in force does.
func TestReloadChangesWhoIsTold(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "congthu.yml")
	load := func(domain string) func() (*policy.Config, error) {
		text := fmt.Sprintf("organisation: {domains: [%s]}\nmilter: [{name: m, listen: \"unix:%s/m.sock\"}]\nadmin: {listen: \"\"}\nevidence: {dir: %q}\n", domain, dir, filepath.Join(dir, "evidence"))
		return func() (*policy.Config, error) {
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				return nil, err
			}
			return loadConfig(file)
		}
	}
	conf, err := load("monre.gov.vn")()
	if err != nil {
		t.Fatal(err)
	}
	p, _, stderr := newProgram(t, "")
	g, err := newGate(p, conf)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := g.stop(); err != nil {
			t.Error(err)
		}
	}()
	g.reload(load("monre.gov.vn, mae.gov.vn"))
	if !g.memory.ours("monre.gov.vn") || !g.memory.ours("mae.gov.vn") {
		t.Errorf("the domains are the old ones: %s", stderr)
	}
}

func (s *served) untilCode(t *testing.T, subject string, want int) {
	t.Helper()
	for range 500 {
		if s.send(t, subject) == want {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("never %d for subject %q", want, subject)
}

func TestMetricsAndHealth(t *testing.T) {
	s := serve(t)
	s.send(t, "a letter")
	s.send(t, "")
	s.until(t, "/metrics", `congthu_messages_total{direction="outbound",disposition="refuse",door="relay",unit=""} 1`)
	metrics := s.get("/metrics")
	for _, want := range []string{
		`congthu_messages_total{direction="outbound",disposition="accept",door="relay",unit=""} 1`,
		`congthu_findings_total{clause="9.3",disposition="refuse",mode="enforce",rule="subject",unit=""} 1`,
		"congthu_panics_total 0", "congthu_config_last_reload_successful 1", "congthu_build_info{", "congthu_judge_seconds_count 2",
		`congthu_rule_seconds_count{rule="subject"} 2`,
	} {
		if !strings.Contains(metrics, want) {
			t.Errorf("no %s in\n%s", want, metrics)
		}
	}
	if got := s.get("/healthz"); got != "ok\n" {
		t.Errorf("/healthz: %q", got)
	}
}

// A listener that is taken is said at once, with its name and address.
func TestListenerTaken(t *testing.T) {
	s := serve(t)
	p, _, stderr := newProgram(t, "")
	if got := p.run([]string{"serve", "--config", s.conf}); got == exitFine || !strings.Contains(stderr.String(), s.relay) {
		t.Errorf("exit %d: %s", got, stderr)
	}
}
