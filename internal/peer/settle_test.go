package peer

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// TestSettle: a queue that moves is waited for longer than still; one that stands is kicked, then given up.
func TestSettle(t *testing.T) {
	begun := time.Now()
	moving := func() int { return max(0, 20-int(time.Since(begun)/(100*time.Millisecond))) }
	if err := settle(1500*time.Millisecond, "a slow queue", moving, nil); err != nil {
		t.Error(err)
	}
	left, kicks := 3, 0
	kick := func() error {
		if kicks++; kicks == 1 {
			left = 0
		}
		return nil
	}
	if err := settle(time.Minute, "a queue that wants a kick", func() int { return left }, kick); err != nil || kicks != 1 {
		t.Errorf("%v after %d kicks", err, kicks)
	}
	err := settle(50*time.Millisecond, "a stuck queue", func() int { return 7 }, nil)
	if err == nil || !strings.Contains(err.Error(), "7 messages are left") {
		t.Errorf("a stuck queue: %v", err)
	}
	broken := errors.New("no such queue")
	if err := settle(time.Minute, "a queue", func() int { return 1 }, func() error { return broken }); !errors.Is(err, broken) {
		t.Errorf("a kick that fails: %v", err)
	}
}

// TestSinkHearsClients: what the sink tells of the time after its 250.
func TestSinkHearsClients(t *testing.T) {
	s := &Sink{}
	if err := s.Start("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, polite := range []bool{true, false} {
		c, err := Dial(s.Addr)
		if err != nil {
			t.Fatal(err)
		}
		before := time.Now()
		if _, err := c.Send(Mail{From: "a@example.vn", To: []string{"b@example.vn"}, Bytes: []byte("X-Peer-Key: k\r\n\r\n")}); err != nil {
			t.Fatal(err)
		}
		if polite {
			err = c.Quit()
		} else {
			err = c.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
		last := func() Delivery { all := s.Deliveries(); return all[len(all)-1] }
		if err := Wait(startLimit, "the end of the connection", func() bool { return !last().Ended.IsZero() }); err != nil {
			t.Fatal(err)
		}
		if d := last(); d.Heard != polite || d.At.Before(before) || d.Ended.Before(d.At) {
			t.Errorf("QUIT: %v: heard %v, at %v, ended %v", polite, d.Heard, d.At, d.Ended)
		}
	}
}

// TestChunks sends a message with BDAT to a server that takes it apart.
func TestChunks(t *testing.T) {
	NeedExim(t)
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
	cert, err := NewCertificate(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	e := &Exim{Name: "mx.example.vn", Listens: []string{addr}, NextHop: sink.Addr, Relay: "*", Certificate: cert}
	if err := e.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := e.Stop(); err != nil {
			t.Error(err)
		}
	}()
	c, err := Dial(addr)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(c.Ehlo("client.example.vn"), c.StartTLS(cert.Client), c.Ehlo("client.example.vn")); err != nil {
		t.Fatal(err)
	}
	c.Chunk = 7
	msg := []byte("X-Peer-Key: chunks\r\n\r\n.\r\n..\r\n" + strings.Repeat("a line\r\n", 1000))
	a, err := c.Send(Mail{From: "a@example.vn", To: []string{"b@example.vn"}, Bytes: msg})
	if err != nil || !a.Data.OK() || !a.Dot || a.Begun.IsZero() {
		t.Fatalf("%v %v\n%s", a, err, e.Log())
	}
	if err := c.Quit(); err != nil {
		t.Error(err)
	}
	if err := e.WaitEmpty(startLimit); err != nil {
		t.Fatal(err)
	}
	got := sink.ByKey("chunks")
	if len(got) != 1 || !strings.HasSuffix(string(got[0].Bytes), string(msg)) {
		t.Errorf("%d came", len(got))
	}
}
