package deploy

import (
	"strings"
	"testing"

	"congthu/internal/peer"
)

// direction sends the same mail from a client inside and from one outside through the one Postfix: what
// Postfix says of the client (XFORWARD, or the milter's connection facts) decides.
func (s *stand) direction(t *testing.T) {
	send := func(key, client string) peer.Reply {
		return s.send(t, client, letter{key: s.kind + key}.mail()).Last()
	}
	if got := send("-dir-inside", inside); !strings.HasPrefix(got.String(), "550 5.7.1 [9.3] ") {
		t.Errorf("from inside, without a subject: %s", got)
	} else if line := s.logged(t, transactionID(got)); line["direction"] != "internal" || line["client"] != inside {
		t.Errorf("from inside, the log says %v", line)
	}
	if got := send("-dir-outside", outside); !got.OK() {
		t.Fatalf("from outside, without a subject: %s", got)
	}
	d := s.delivered(t, s.kind+"-dir-outside")
	if v := peer.Field(d.Bytes, "Congthu-Verdict"); v != "subject [9.3]" {
		t.Errorf("from outside: Congthu-Verdict is %q", v)
	}
	if line := s.logged(t, peer.Field(d.Bytes, "Congthu-Id")); line["direction"] != "inbound" || line["client"] != outside {
		t.Errorf("from outside, the log says %v", line)
	}
	s.notDelivered(t, s.kind+"-dir-inside")
	if s.kind == proxyFilter && !strings.Contains(s.mx.Log(), "client=may.khach.example["+outside+"]") {
		t.Error("the Postfix behind the gate was not told who the client was")
	}
}

// TestWithoutXFORWARD speaks to the relay door from a trusted peer that says nothing of its client: the
// mail is inbound, although 127.0.0.1 is in trusted_networks here.
func TestWithoutXFORWARD(t *testing.T) {
	sink := &peer.Sink{}
	must(t, sink.Start("127.0.0.1:0"))
	defer sink.Close()
	var ports peer.Ports
	door, err := ports.Next()
	must(t, err)
	admin, err := ports.Next()
	must(t, err)
	g := &peer.Gate{Binary: gateBinary.path(t), Admin: admin, Dir: t.TempDir(), Config: "organisation: {domains: [" + ours + "], trusted_networks: [127.0.0.0/8, 10.0.0.0/8]}\n" +
		"admin: {listen: \"" + admin + "\"}\nrelay: [{name: mx, listen: \"" + door + "\", next_hops: [\"" + sink.Addr + "\"], trusted_peers: [127.0.0.1]}]\n"}
	must(t, g.Start())
	for _, tc := range []struct {
		key, xforward string
		code          int
		direction     string
	}{
		{"bare", "", 250, "inbound"},
		{"inside", "XFORWARD NAME=may.monre.gov.vn ADDR=10.1.2.3", 550, "internal"},
		{"outside", "XFORWARD NAME=may.khach.example ADDR=203.0.113.9", 250, "inbound"},
		{"unknown", "XFORWARD NAME=[UNAVAILABLE] ADDR=[UNAVAILABLE]", 250, "inbound"},
	} {
		c, err := peer.Dial(door)
		must(t, err)
		must(t, c.Ehlo("mx.monre.gov.vn"))
		if tc.xforward != "" {
			if r, err := c.Cmd(tc.xforward); err != nil || !r.OK() {
				t.Fatalf("%s: %v %v", tc.xforward, r, err)
			}
		}
		if got := sendOn(t, c, letter{key: tc.key}.mail()).Last(); got.Code != tc.code {
			t.Errorf("%s: got %s, want %d", tc.key, got, tc.code)
		}
		must(t, c.Quit())
		must(t, peer.Wait(patience, "the log line of "+tc.key, func() bool {
			all := g.Messages()
			return len(all) > 0 && all[len(all)-1]["direction"] == tc.direction
		}))
	}
	must(t, g.Stop())
}

// gateDown kills the gate, sends, and starts it again: 4xx meanwhile, nothing lost, nothing passed.
func (s *stand) gateDown(t *testing.T) {
	l := letter{key: s.kind + "-down", subject: "Khi cong dung"}
	must(t, s.gate.Kill())
	if got, _ := s.tryOnce(l.mail()); !got.Temporary() {
		t.Errorf("while the gate was down: %s", got)
	}
	s.notDelivered(t, l.key)
	must(t, s.gate.Start())
	if got := s.send(t, inside, l.mail()).Last(); !got.OK() {
		t.Fatalf("after the gate came back: %s", got)
	}
	samePassed(t, s.delivered(t, l.key), l.bytes())
}

// tryOnce sends as the client inside and returns the reply that ended it (code 0 for a broken dialogue),
// and whether the final dot was sent.
func (s *stand) tryOnce(m peer.Mail) (last peer.Reply, dot bool) {
	broken := func(err error) peer.Reply { return peer.Reply{Lines: []string{err.Error()}} }
	c, err := peer.Dial(s.addr)
	if err != nil {
		return broken(err), false
	}
	defer c.Close()
	if !c.Welcome.OK() {
		return c.Welcome, false
	}
	r, err := c.Cmd("XCLIENT ADDR=" + inside)
	if err != nil {
		return broken(err), false
	}
	if !r.OK() {
		return r, false
	}
	if err := c.Ehlo("may.khach.example"); err != nil {
		return broken(err), false
	}
	a, err := c.Send(m)
	if err != nil {
		return broken(err), a.Dot
	}
	return a.Last(), a.Dot
}
