package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"congthu/filter"
	"congthu/internal/peer"
	"congthu/store"
)

// listener remembers what was sent to it.
type listener struct {
	mu   sync.Mutex
	took []string
}

func (l *listener) add(s string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.took = append(l.took, s)
}

func (l *listener) all() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.took, "\n")
}

func (l *listener) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	b, _ := io.ReadAll(r.Body)
	l.add(r.URL.Path + " " + string(b))
}

func (l *listener) until(t *testing.T, want string) {
	t.Helper()
	if err := peer.Wait(time.Minute, want, func() bool { return strings.Contains(l.all(), want) }); err != nil {
		t.Fatalf("%v; this came:\n%s", err, l.all())
	}
}

// web is a web server for a listener.
func web(t *testing.T, l *listener) string {
	t.Helper()
	s := httptest.NewServer(l)
	t.Cleanup(s.Close)
	return s.URL
}

// syslog takes octet-counted frames (RFC 6587 section 3.4.1).
func syslog(t *testing.T, l *listener) string {
	t.Helper()
	s, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	go func() {
		for {
			conn, err := s.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				r := bufio.NewReader(conn)
				for {
					size, err := r.ReadString(' ')
					if err != nil {
						return
					}
					n, err := strconv.Atoi(strings.TrimSpace(size))
					if err != nil || n > 1<<20 {
						l.add("no frame: " + size)
						return
					}
					frame := make([]byte, n)
					if _, err := io.ReadFull(r, frame); err != nil {
						return
					}
					l.add(string(frame))
				}
			}()
		}
	}()
	return s.Addr().String()
}

// The security team hears of marked mail, of bursts and of trouble by a way that is not mail; records and checkpoints
// leave the machine.
func TestOthersAreTold(t *testing.T) {
	t.Parallel()
	var manager, hook, checkpoints, stream listener
	r := remember(t, fmt.Sprintf("alerts: {alertmanager: %q, webhook: %q, burst: 3}", web(t, &manager), web(t, &hook)+"/cong-thu"),
		fmt.Sprintf("checkpoint_url: %q, stream: {address: \"tcp:%s\"}", web(t, &checkpoints), syslog(t, &stream)))
	if err := r.decide(t, "01KB7W0QJ5R3M9V2C8XZ4T6N1J", filter.RuleMarking, filter.Refuse); err != nil {
		t.Fatal(err)
	}
	hook.until(t, `"marking-refused"`)
	manager.until(t, `CongthuMarkingRefused`)
	for i := range 3 {
		if err := r.decide(t, fmt.Sprintf("01KB7W0QJ5R3M9V2C8XZ4T6N2%d", i), "subject", filter.Refuse); err != nil {
			t.Fatal(err)
		}
	}
	hook.until(t, `"refusal-burst"`)
	for _, l := range strings.Split(hook.all(), "\n") {
		if !strings.HasPrefix(l, "/cong-thu {") || !json.Valid([]byte(strings.TrimPrefix(l, "/cong-thu "))) {
			t.Errorf("the webhook got %q", l)
		}
	}
	if got := manager.all(); !strings.HasPrefix(got, "/api/v2/alerts [") {
		t.Errorf("Alertmanager got %q", got)
	}
	stream.until(t, "01KB7W0QJ5R3M9V2C8XZ4T6N22")
	for _, l := range []*listener{&manager, &hook, &stream} {
		if strings.Contains(l.all(), "Noi dung rieng") {
			t.Errorf("the subject was told:\n%s", l.all())
		}
	}
	r.shut()
	checkpoints.until(t, `"checkpoint"`)
	r.verifiedElsewhere(t, &checkpoints)
}

// verifiedElsewhere checks the log against the checkpoints that left the machine: it is whole, and without its last
// records it is not, although nothing on the machine itself shows that.
func (r *remembered) verifiedElsewhere(t *testing.T, off *listener) {
	t.Helper()
	dir := filepath.Join(filepath.Dir(r.conf), "evidence")
	file := filepath.Join(t.TempDir(), "checkpoints")
	if err := os.WriteFile(file, []byte(off.all()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	verify := func(args ...string) (int, string) {
		p, stdout, stderr := newProgram(t, "")
		return p.run(append([]string{"log", "verify", dir}, args...)), stdout.String() + stderr.String()
	}
	if code, said := verify("--checkpoints", file); code != exitFine {
		t.Errorf("exit %d: %s", code, said)
	}
	logs, err := filepath.Glob(filepath.Join(dir, "evidence-*.jsonl"))
	if err != nil || len(logs) != 1 {
		t.Fatal(logs, err)
	}
	b, err := os.ReadFile(logs[0])
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(b), "\n")
	if err := os.WriteFile(logs[0], []byte(strings.Join(lines[:2], "")), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "checkpoints.jsonl")); err != nil {
		t.Fatal(err)
	}
	if code, said := verify("--checkpoints", file); code != exitFindings || !strings.Contains(said, "cut tail") {
		t.Errorf("a log without its end: exit %d: %s", code, said)
	}
}

// Trouble of the gate's own is told, and mail is not taken meanwhile.
func TestTroubleIsTold(t *testing.T) {
	t.Parallel()
	var hook listener
	r := remember(t, fmt.Sprintf("alerts: {webhook: %q}", web(t, &hook)))
	logs, err := filepath.Glob(filepath.Join(filepath.Dir(r.conf), "evidence", "evidence-*.jsonl"))
	if err != nil || len(logs) != 1 {
		t.Fatal(logs, err)
	}
	if err := os.Rename(logs[0], logs[0]+".weg"); err != nil {
		t.Fatal(err)
	}
	if err := r.decide(t, "01KB7W0QJ5R3M9V2C8XZ4T6N1K", "subject", filter.Refuse); err == nil {
		t.Error("a verdict without a record")
	}
	hook.until(t, `"evidence-trouble"`)
	if err := os.Rename(logs[0]+".weg", logs[0]); err != nil {
		t.Fatal(err)
	}
	var last string
	if err := peer.Wait(time.Minute, "records to be written again", func() bool {
		last = filter.NewID(time.Now())
		return r.decide(t, last, "subject", filter.Refuse) == nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := peer.Wait(time.Minute, "the index to follow again", func() bool {
		all, _, err := r.store.Load().Search(t.Context(), store.MessageFilter{ID: last})
		return err == nil && len(all) == 1
	}); err != nil {
		t.Fatal(err)
	}
}
