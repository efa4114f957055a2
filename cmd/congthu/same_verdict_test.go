package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	gomilter "github.com/emersion/go-milter"
	"github.com/emersion/go-smtp"
	"github.com/google/go-cmp/cmp"

	"congthu/filter"
	"congthu/internal/samples"
)

// said is what a verdict says, wherever it is read: check --json, or the log line of a door.
type said struct {
	ID          string           `json:"id"`
	Direction   filter.Direction `json:"direction"`
	Disposition string           `json:"disposition"`
	Findings    []filter.Finding `json:"findings"`
	Policy      string           `json:"policy"`
	Reply       string           `json:"-"`
}

// comparable leaves out what differs for the same message: the id, and a passing message's words, which
// are the next hop's.
func (s said) comparable() said {
	s.Reply = samples.MaskID(s.Reply, s.ID)
	if strings.HasPrefix(s.Reply, "2") {
		s.Reply = "250"
	}
	s.ID = ""
	return s
}

// lines is a log that can be read while it is written.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

// message waits for the n-th line about a message.
func (l *lines) message(t *testing.T, n int) said {
	t.Helper()
	for range 1000 {
		l.mu.Lock()
		text := l.buf.String()
		l.mu.Unlock()
		seen := 0
		for line := range strings.Lines(text) {
			if !strings.Contains(line, `"msg":"message"`) {
				continue
			}
			if seen++; seen < n {
				continue
			}
			var s struct {
				said
				Reply string `json:"reply"`
			}
			if err := json.Unmarshal([]byte(line), &s); err != nil {
				t.Fatalf("%v in %s", err, line)
			}
			s.said.Reply = s.Reply
			return s.said
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatalf("no line %d about a message", n)
	return said{}
}

// The same message gets the same verdict from check --json, from the relay and from the milter.
func TestSameVerdictEverywhere(t *testing.T) {
	all, err := samples.Load("../../rules/testdata")
	if err != nil {
		t.Fatal(err)
	}
	hop := &practiceHop{}
	hopAddress, err := hop.start()
	if err != nil {
		t.Fatal(err)
	}
	defer hop.server.Close()
	addresses := map[string]string{}
	state := t.TempDir()
	conf := samples.Config + "admin: {listen: \"\"}\n" + fmt.Sprintf("evidence: {dir: %q}\nstore: {dsn: %q}\n", filepath.Join(state, "evidence"), "sqlite:"+filepath.Join(state, "congthu.db"))
	dictionary, err := filepath.Abs("../../deploy/dictionaries/sample.yml")
	if err != nil {
		t.Fatal(err)
	}
	conf += fmt.Sprintf("rules: {content: {dictionaries: [%q]}}\n", dictionary)
	var relays, milters strings.Builder
	for _, d := range []string{"outbound", "inbound"} {
		addresses["relay "+d], addresses["milter "+d] = freeAddress("127.0.0.1:0"), freeAddress("127.0.0.1:0")
		fmt.Fprintf(&relays, "  - {listen: %q, next_hops: [%q], direction: %s}\n", addresses["relay "+d], hopAddress, d)
		fmt.Fprintf(&milters, "  - {listen: \"tcp:%s\", direction: %s}\n", addresses["milter "+d], d)
	}
	conf += "relay:\n" + relays.String() + "milter:\n" + milters.String()
	dir := t.TempDir()
	file := filepath.Join(dir, "congthu.yml")
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	log := startQuietly(t, file)

	seen, byMilter, big := 0, 0, 0
	for _, s := range all {
		// A few of the big ones will do here: each is sent twice, and the race detector is slow on octets.
		if data, err := s.Message(); err != nil {
			t.Fatal(err)
		} else if len(data) > 4<<20 {
			if big++; big > 4 {
				continue
			}
		}
		t.Run(s.Name, func(t *testing.T) {
			data, err := s.Message()
			if err != nil {
				t.Fatal(err)
			}
			listener := "outbound"
			if s.Direction == filter.Inbound {
				listener = "inbound"
			}
			checked := checkFile(t, file, dir, s, data)
			overSMTP(t, addresses["relay "+listener], s, data)
			seen++
			if d := cmp.Diff(checked.comparable(), log.message(t, seen).comparable()); d != "" {
				t.Errorf("the relay says otherwise than check:\n%s", d)
			}
			if !overMilter(t, addresses["milter "+listener], s, data) {
				return
			}
			seen++
			byMilter++
			if d := cmp.Diff(checked.comparable(), log.message(t, seen).comparable()); d != "" {
				t.Errorf("the milter says otherwise than check:\n%s", d)
			}
		})
	}
	if byMilter < (len(all)-big)*9/10 {
		t.Errorf("only %d of %d samples went over the milter", byMilter, len(all))
	}
}

// startQuietly serves a configuration until the test ends and returns the log.
func startQuietly(t *testing.T, file string) *lines {
	t.Helper()
	p, _, _ := newProgram(t, "")
	log := &lines{}
	p.stderr = log
	conf, err := loadConfig(file)
	if err != nil {
		t.Fatal(err)
	}
	g, err := newGate(p, conf)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { done <- g.run(ctx, nil, nil) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the gate ended: %v", err)
		}
	})
	return log
}

func checkFile(t *testing.T, conf, dir string, s samples.Sample, data []byte) said {
	t.Helper()
	mail := filepath.Join(dir, s.Name+".eml")
	if err := os.WriteFile(mail, data, 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"check", "--json", "--config", conf, "--direction", string(s.Direction), "--from=" + s.From}
	for _, to := range s.To {
		args = append(args, "--to="+to)
	}
	p, stdout, stderr := newProgram(t, "")
	if code := p.run(append(args, mail)); code > exitFindings {
		t.Fatalf("check: exit %d: %s", code, stderr)
	}
	var v struct {
		said
		Reply struct {
			Code         int
			Status, Text string
		} `json:"reply"`
	}
	if err := json.Unmarshal(stdout.Bytes(), &v); err != nil {
		t.Fatalf("%v in %s", err, stdout)
	}
	v.said.Reply = fmt.Sprintf("%d %s %s", v.Reply.Code, v.Reply.Status, v.Reply.Text)
	return v.said
}

func overSMTP(t *testing.T, address string, s samples.Sample, data []byte) {
	t.Helper()
	c, err := smtp.Dial(address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	err = c.SendMail(s.From, s.To, bytes.NewReader(data))
	if err != nil && !errors.As(err, new(*smtp.SMTPError)) {
		t.Fatalf("sending: %v", err)
	}
}

// overMilter plays an MTA. It returns false for a message that no MTA could hand over so, because its
// header holds lines that are no fields.
func overMilter(t *testing.T, address string, s samples.Sample, data []byte) bool {
	t.Helper()
	head, body, _ := bytes.Cut(data, []byte("\r\n\r\n"))
	var fields [][2]string
	for line := range strings.Lines(string(head) + "\r\n") {
		line = strings.TrimSuffix(line, "\r\n")
		name, value, ok := strings.Cut(line, ":")
		switch {
		case strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t"):
			if len(fields) == 0 {
				return false
			}
			fields[len(fields)-1][1] += "\n" + line
		case !ok || strings.ContainsAny(name, " \t"):
			return false
		default:
			fields = append(fields, [2]string{name, value})
		}
	}
	c := gomilter.NewClientWithOptions("tcp", address, gomilter.ClientOptions{ActionMask: gomilter.OptAddHeader | gomilter.OptChangeHeader})
	session, err := c.Session()
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	step := func(_ *gomilter.Action, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	step(session.Conn("client.example", gomilter.FamilyInet, 25, "192.0.2.1"))
	step(session.Helo("client.example"))
	step(session.Mail(s.From, nil))
	for _, to := range s.To {
		step(session.Rcpt(to, nil))
	}
	for _, f := range fields {
		// This client speaks without leading space: the gate adds the one that was there.
		step(session.HeaderField(f[0], strings.TrimPrefix(f[1], " ")))
	}
	step(session.HeaderEnd())
	for len(body) > 0 {
		n := min(len(body), gomilter.MaxBodyChunk)
		step(session.BodyChunk(body[:n]))
		body = body[n:]
	}
	_, _, err = session.End()
	if err != nil {
		t.Fatal(err)
	}
	return true
}
