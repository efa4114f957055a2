package milter

import (
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	gomilter "github.com/emersion/go-milter"
)

// Judges from outside: clients that this project did not write.

func TestMiltertest(t *testing.T) {
	tool, err := exec.LookPath("miltertest")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("miltertest is missing (Debian package miltertest)")
		}
		t.Skip("miltertest is missing (Debian package miltertest)")
	}
	for _, network := range []string{"unix", "tcp"} {
		g := newGate(t, testConfig(), time.Now).start(network)
		socket := "unix:" + g.address
		if network == "tcp" {
			host, port, _ := strings.Cut(g.address, ":")
			socket = "inet:" + port + "@" + host
		}
		out, err := exec.Command(tool, "-D", "socket="+socket, "-s", "testdata/session.lua").CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s\n%s", network, err, out, g.log)
		}
		for _, want := range []string{"refuse helo=client.example.org login=minh", "tag helo=client.example.org login=minh"} {
			o := g.outcome()
			kind, rest, _ := strings.Cut(want, " ")
			if got := describe(o); !strings.HasPrefix(got, kind+" ") || !strings.Contains(got, rest) || o.tx.Session.Client.String() != "192.0.2.7" {
				t.Errorf("%s: %s", network, got)
			}
		}
	}
}

func TestEmersionClient(t *testing.T) {
	g := newGate(t, testConfig(), time.Now).start("tcp")
	client := gomilter.NewClientWithOptions(g.network, g.address, gomilter.ClientOptions{ReadTimeout: patience, WriteTimeout: patience,
		ActionMask: gomilter.OptAddHeader | gomilter.OptChangeHeader})
	s, err := client.Session()
	if err != nil {
		t.Fatal(err)
	}
	step := func(a *gomilter.Action, err error) {
		t.Helper()
		if err != nil || a.Code != gomilter.ActContinue {
			t.Fatalf("action %+v, %v", a, err)
		}
	}
	step(s.Conn("mail.example.org", gomilter.FamilyInet6, 25, "2001:db8::7"))
	step(s.Helo("client.example.org"))
	for _, tt := range []struct {
		subject string
		code    gomilter.ActionCode
		smtp    int
		changes int
	}{{"refuse", gomilter.ActReplyCode, 550, 0}, {"accept", gomilter.ActContinue, 0, 1}, {"hold", gomilter.ActReplyCode, 451, 0}} {
		step(s.Mail("a@example.org", []string{"SIZE=1"}))
		step(s.Rcpt("b@example.vn", nil))
		step(s.HeaderField("Subject", tt.subject))
		step(s.HeaderEnd())
		step(s.BodyChunk([]byte("x\r\n")))
		changes, a, err := s.End()
		if err != nil || a.Code != tt.code || a.SMTPCode != tt.smtp || len(changes) != tt.changes {
			t.Errorf("%s: %+v %+v %v", tt.subject, changes, a, err)
		}
		if o := g.outcome(); o.tx.Session.Client.String() != "2001:db8::7" || o.tx.ReversePath.Params != "SIZE=1" {
			t.Errorf("%s: %s", tt.subject, describe(o))
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// TestQuickAcknowledgement: Postfix writes several small packets and then waits, and with Nagle's
// algorithm the second leaves only when the first is acknowledged: 40 ms later, if that is delayed. Of many
// messages on one connection at least one must be quicker than that.
func TestQuickAcknowledgement(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the option is Linux's")
	}
	const delayed = 40 * time.Millisecond
	g := newGate(t, testConfig(), time.Now).start("tcp")
	m := g.dial().negotiate().connect()
	if err := m.Conn.(*net.TCPConn).SetNoDelay(false); err != nil {
		t.Fatal(err)
	}
	best := time.Hour
	for n := range 60 {
		start := time.Now()
		m.message("a@example.org", "accept", "x\r\n")
		m.verdict()
		if n >= 30 { // Linux acknowledges the first packets of a connection at once by itself
			best = min(best, time.Since(start))
		}
	}
	if best >= delayed {
		t.Errorf("the quickest message took %v", best)
	}
}
