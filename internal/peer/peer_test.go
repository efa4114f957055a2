package peer

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestDotStuffingRoundTrip(t *testing.T) {
	s := &Sink{}
	if err := s.Start("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	long := strings.Repeat("x", 64<<10)
	for _, body := range []string{
		"", ".", "..", ".\r\n.", "a\r\n.b", "a\r\n..\r\n.\r\nb", ".\n.\r\nx", "x\n.\r\ny",
		long[:65535] + "\r\n.y", long[:65534] + "\r\n.y", long + long + "\r\n..", "\xff\x00\r\n",
	} {
		c, err := Dial(s.Addr)
		if err != nil {
			t.Fatal(err)
		}
		msg := []byte("X-Peer-Key: k\r\n\r\n" + body + "\r\n")
		a, err := c.Send(Mail{From: "a@example.vn", To: []string{"b@example.vn"}, Bytes: msg})
		if err != nil || !a.Data.OK() {
			t.Fatalf("body %.20q: %v %v", body, a.Last(), err)
		}
		all := s.Deliveries()
		d := all[len(all)-1]
		sum := sha256.Sum256(msg)
		if !bytes.Equal(d.Bytes, msg) || d.SHA256 != hex.EncodeToString(sum[:]) || d.Key != "k" || d.Size != int64(len(msg)) {
			t.Errorf("body %.20q arrived as %.40q", body, d.Bytes)
		}
		if err := c.Quit(); err != nil {
			t.Error(err)
		}
	}
}

func TestSinkMisbehaves(t *testing.T) {
	for _, tc := range []struct {
		stage Stage
		say   string
		want  string // of the mail's last reply; "" for a broken dialogue
		count int
	}{
		{MailFrom, "451 4.3.0 later", "451 4.3.0 later", 0},
		{RcptTo, "550 5.1.1 who", "550 5.1.1 who", 0},
		{DataCmd, "451 4.3.0 no", "451 4.3.0 no", 0},
		{Dot, "554 5.6.0 bad", "554 5.6.0 bad", 0},
		{Dot, "250 2.0.0 my words", "250 2.0.0 my words", 1},
		{Dot, Drop, "", 0},
		{Dot, Mute, "", 1},
		{DataCmd, Drop, "", 0},
	} {
		s := &Sink{Hook: func(st Stage, _ string, _ *Delivery) string {
			if st == tc.stage {
				return tc.say
			}
			return Normal
		}}
		if err := s.Start("127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
		c, err := Dial(s.Addr)
		if err != nil {
			t.Fatal(err)
		}
		a, err := c.Send(Mail{To: []string{"b@example.vn"}, Bytes: []byte("a: b\r\n\r\n")})
		switch {
		case tc.want == "" && err == nil:
			t.Errorf("%s %q: the dialogue went on: %v", tc.stage, tc.say, a.Last())
		case tc.want != "" && (err != nil || a.Last().String() != tc.want):
			t.Errorf("%s %q: got %v, %v", tc.stage, tc.say, a.Last(), err)
		}
		if s.Count() != tc.count {
			t.Errorf("%s %q: counted %d, want %d", tc.stage, tc.say, s.Count(), tc.count)
		}
		c.Close()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestSinkCloseEndsHangingSessions(t *testing.T) {
	s := &Sink{Hook: func(st Stage, _ string, _ *Delivery) string {
		if st == MailFrom {
			return Hang
		}
		return Normal
	}}
	if err := s.Start("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	c, err := Dial(s.Addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Write([]byte("MAIL FROM:<>\r\n")); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil { // returns only when the session has ended
		t.Error(err)
	}
}

func TestPrivatePostfixDelivers(t *testing.T) {
	NeedPostfix(t)
	sink := &Sink{}
	if err := sink.Start("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	defer sink.Close()
	var ports Ports
	addr, err := ports.Next()
	if err != nil {
		t.Fatal(err)
	}
	p := &Postfix{Name: "mx.example.vn", NextHop: sink.Addr, Listens: []string{addr}, Master: addr + " inet n - y - - smtpd"}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	c, err := Dial(addr)
	if err != nil {
		t.Fatal(err)
	}
	a, err := c.Send(Mail{From: "a@example.vn", To: []string{"b@example.vn"}, Bytes: []byte("X-Peer-Key: one\r\n\r\nhello\r\n")})
	if err != nil || !a.Data.OK() {
		t.Fatalf("%v %v\n%s", a.Last(), err, p.Log())
	}
	c.Quit()
	if err := p.Sendmail("a@example.vn", []string{"c@example.vn"}, []byte("X-Peer-Key: two\r\n\r\nhello\r\n")); err != nil {
		t.Fatal(err)
	}
	if err := Wait(startLimit, "both messages", func() bool { return sink.Count() == 2 }); err != nil {
		t.Errorf("%v\n%s", err, p.Log())
	}
	if err := p.WaitEmpty(startLimit); err != nil {
		t.Error(err)
	}
	if err := p.Stop(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(p.Dir); err == nil {
		t.Errorf("%s is still there", p.Dir)
	}
	if c, err := Dial(addr); err == nil {
		c.Close()
		t.Error("Postfix still listens")
	}
}

// server is what the unpacked servers have in common.
type server interface {
	Start() error
	Stop() error
	Kill() error
	WaitEmpty(time.Duration) error
	Log() string
}

// TestUnpackedServersDeliver sends through Sendmail and Exim, before and after all their processes were killed.
func TestUnpackedServersDeliver(t *testing.T) {
	for _, tc := range []struct {
		name string
		need func(TB)
		make func(listen, hop string) server
	}{
		{"sendmail", NeedSendmail, func(listen, hop string) server {
			return &Sendmail{Name: "mx.example.vn", Listen: listen, NextHop: hop}
		}},
		{"exim", NeedExim, func(listen, hop string) server {
			return &Exim{Name: "mx.example.vn", Listens: []string{listen}, NextHop: hop, Relay: "*"}
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.need(t)
			sink := &Sink{}
			if err := sink.Start("127.0.0.1:0"); err != nil {
				t.Fatal(err)
			}
			defer sink.Close()
			var ports Ports
			addr, err := ports.Next()
			if err != nil {
				t.Fatal(err)
			}
			s := tc.make(addr, sink.Addr)
			if err := s.Start(); err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := s.Stop(); err != nil {
					t.Error(err)
				}
			}()
			for _, key := range []string{"one", "two"} {
				c, err := Dial(addr)
				if err != nil {
					t.Fatal(err)
				}
				if err := c.Ehlo("client.example.vn"); err != nil {
					t.Fatal(err)
				}
				a, err := c.Send(Mail{From: "a@example.vn", To: []string{"b@example.vn"}, Bytes: []byte("X-Peer-Key: " + key + "\r\n\r\nhello\r\n")})
				if err != nil || !a.Data.OK() {
					t.Fatalf("%v %v\n%s", a.Last(), err, s.Log())
				}
				c.Quit()
				if err := Wait(startLimit, "the message", func() bool { return len(sink.ByKey(key)) == 1 }); err != nil {
					t.Fatalf("%v\n%s", err, s.Log())
				}
				if err := s.WaitEmpty(startLimit); err != nil {
					t.Error(err)
				}
				if err := s.Kill(); err != nil {
					t.Error(err)
				}
				if err := s.Start(); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// Two tests that pick ports at once never meet, even while nobody listens and after everything unused was collected.
func TestPortsOfTwoNeverMeet(t *testing.T) {
	seen := map[string]bool{}
	for range 40 {
		ports := &Ports{}
		for range blockPorts { // more than one block
			addr, err := ports.Next()
			if err != nil {
				t.Fatal(err)
			}
			if seen[addr] {
				t.Fatalf("%s was given twice", addr)
			}
			seen[addr] = true
		}
		runtime.GC()
	}
}
