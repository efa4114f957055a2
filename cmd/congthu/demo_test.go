package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"congthu/internal/peer"
)

// The demonstration is what a newcomer sees first: each sample ends as its name says.
func TestDemo(t *testing.T) {
	log := filepath.Join(t.TempDir(), "demo.log")
	p, stdout, stderr := newProgram(t, "")
	if got := p.run([]string{"demo", "--once", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--log", log}); got != exitFine {
		t.Fatalf("exit %d\n%s%s", got, stdout, stderr)
	}
	for name, want := range map[string]string{
		"01-ordinary-letter":         "passed",
		"02-no-subject":              "refused 550  5.7.1 [9.3]",
		"03-blank-subject":           "refused 550  5.7.1 [9.3]",
		"04-only-reply-prefix":       "refused 550  5.7.1 [9.3]",
		"05-placeholder-subject":     "refused 550  5.7.1 [9.3]",
		"06-reply-to-free-mail":      "refused 550  5.7.1 [9.1]",
		"07-from-free-mail":          "refused 550  5.7.1 [9.1]",
		"08-two-clauses-at-once":     "refused 550  5.7.1 [9.1]",
		"09-letter-to-a-citizen":     "passed",
		"10-outside-without-subject": "tagged       Congthu-Verdict: subject [9.3]",
		"11-windows-1258":            "passed",
		"12-delivery-report":         "passed",
		"13-attachment-of-14-MB":     "passed",
		"14-attachment-of-16-MiB":    "refused 552  5.3.4 [4.4]",
	} {
		found := false
		for line := range strings.Lines(stdout.String()) {
			if rest, ok := strings.CutPrefix(line, name); ok {
				found = strings.HasPrefix(strings.Join(strings.Fields(rest), " "), strings.Join(strings.Fields(want), " "))
			}
		}
		if !found {
			t.Errorf("%s: want %q in\n%s", name, want, stdout)
		}
	}
	if !strings.Contains(stdout.String(), "6 of 14 mails reached") {
		t.Errorf("%s", stdout)
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	// The table in README.md is an excerpt: each of its lines begins a line of what was printed.
	shown := 0
	for _, b := range blocks(string(readme)) {
		if b.lang != "text" {
			continue
		}
		for line := range strings.Lines(b.text) {
			begin, _, _ := strings.Cut(strings.TrimSpace(line), "…")
			if shown++; !strings.Contains(strings.Join(strings.Fields(stdout.String()), " "), strings.Join(strings.Fields(begin), " ")) {
				t.Errorf("README.md shows %q, which is not printed", begin)
			}
		}
	}
	if shown < 5 {
		t.Errorf("README.md shows %d lines of the table", shown)
	}
	b, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(b), `"msg":"message"`); n != 14 {
		t.Errorf("%d lines about messages in the log, want 14:\n%s", n, b)
	}
}

// written collects what a program prints while it runs.
type written struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (w *written) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.Write(p)
}

func (w *written) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.String()
}

// The line that the demonstration shows for the evidence works while it runs.
func TestDemoEvidence(t *testing.T) {
	out := &written{}
	p, _, stderr := newProgram(t, "")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	p.ctx, p.stdout = ctx, out
	done := make(chan int, 1)
	go func() { done <- p.run([]string{"demo", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"}) }()
	if err := peer.Wait(time.Minute, "the demonstration", func() bool { return strings.Contains(out.String(), "Ctrl-C") }); err != nil {
		t.Fatalf("%v\n%s%s", err, out, stderr)
	}
	shown := regexp.MustCompile(`build/congthu (log verify \S+)`).FindStringSubmatch(out.String())
	if shown == nil {
		t.Fatalf("no line for the evidence:\n%s", out)
	}
	check, stdout, said := newProgram(t, "")
	if code := check.run(strings.Fields(shown[1])); code != exitFine || !strings.Contains(stdout.String(), "the chain is whole") {
		t.Errorf("exit %d: %s%s", code, stdout, said)
	}
	cancel()
	if code := <-done; code != exitFine {
		t.Errorf("the demonstration ended with %d: %s", code, stderr)
	}
}
