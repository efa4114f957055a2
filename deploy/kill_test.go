package deploy

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"congthu/internal/peer"
)

// short is for every run; the build tag "long" adds tests with more.
func short() extent { return extent{kills: 10, messages: 500} }

func TestKill9Milter(t *testing.T)      { killMilter(t, short()) }
func TestKill9ProxyFilter(t *testing.T) { killProxyFilter(t, short()) }
func TestKill9Relay(t *testing.T)       { killRelay(t, short()) }

// killMilter kills the gate again and again while clients send through a Postfix that asks it as
// a milter. Postfix has not queued what it has not answered with 250, so nothing may come twice.
func killMilter(t *testing.T, x extent) {
	t.Helper()
	t.Parallel()
	for _, c := range killEach(t, hookup{name: "postfix-milter-unix", start: postfixRoad(milterUnix)}, x, killGate) {
		if c.doubled != 0 {
			t.Errorf("%d messages came twice", c.doubled)
		}
	}
}

// killProxyFilter is the same for the before-queue proxy. A message may come twice only when the
// Postfix behind had said 250 and the gate was killed before it could say so.
func killProxyFilter(t *testing.T, x extent) {
	t.Helper()
	t.Parallel()
	killEach(t, hookup{name: "postfix-proxy-filter", start: postfixRoad(proxyFilter)}, x, killGate)
}

// killRelay has Postfix's own queue send through the relay door to a next hop that counts its
// 250s. Postfix says of a message "may be sent more than once" when the connection broke after the
// final dot: only such a message may come twice.
func killRelay(t *testing.T, x extent) {
	t.Helper()
	t.Parallel()
	start := func(t *testing.T, r *road) {
		s := relayBehindQueue(t, nil)
		must(t, r.sink.Close())
		r.gate, r.mta, r.sink = s.gate, s.mx, s.sink
		r.door = func(string) (string, string) { return "", s.addr }
	}
	killEach(t, hookup{name: "postfix-queue-to-relay", start: start, after: true, doubts: true}, x, killGate)
}

// relayBehindQueue is a Postfix whose queue goes out through the gate's relay door to the sink.
func relayBehindQueue(t *testing.T, hook func(peer.Stage, string, *peer.Delivery) string) *stand {
	t.Helper()
	peer.NeedPostfix(t)
	s := &stand{kind: "relay", sink: &peer.Sink{Hook: hook}}
	must(t, s.sink.Start("127.0.0.1:0"))
	t.Cleanup(func() { s.sink.Close() })
	var ports peer.Ports
	var addrs [3]string
	for i := range addrs {
		var err error
		addrs[i], err = ports.Next()
		must(t, err)
	}
	s.addr = addrs[0]
	s.gate = &peer.Gate{Binary: gateBinary.path(t), Admin: addrs[1], Dir: t.TempDir(), Config: fmt.Sprintf(
		"organisation: {domains: [%s], trusted_networks: [127.0.0.0/8]}\nadmin: {listen: %q}\nrelay: [{name: out, listen: %q, next_hops: [%q], direction: outbound}]\n",
		ours, addrs[1], addrs[2], s.sink.Addr)}
	must(t, s.gate.Start())
	t.Cleanup(func() {
		if err := s.gate.Stop(); err != nil {
			t.Error(err)
		}
	})
	s.mx = &peer.Postfix{Name: "queue.monre.gov.vn", NextHop: addrs[2], Listens: addrs[:1], Master: s.addr + " inet n - y - - smtpd"}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("Postfix:\n%s", tail(s.mx.Log()))
		}
		if err := s.mx.Stop(); err != nil {
			t.Error(err)
		}
	})
	must(t, s.mx.Start())
	return s
}

// TestKill9AtEachStage kills the gate while the next hop is about to answer one step. Only after the
// next hop has taken the message does it come twice; SMTP knows no way to avoid that (RFC 1047).
func TestKill9AtEachStage(t *testing.T) {
	t.Parallel()
	var armed atomic.Value
	armed.Store(peer.Stage(""))
	killed := make(chan error, 1)
	var s *stand
	s = relayBehindQueue(t, func(st peer.Stage, _ string, _ *peer.Delivery) string {
		if armed.CompareAndSwap(st, peer.Stage("")) {
			killed <- s.gate.Kill()
		}
		return peer.Normal
	})
	c, err := peer.Dial(s.addr)
	must(t, err)
	for _, tc := range []struct {
		stage peer.Stage
		want  int // deliveries
	}{{peer.Greeting, 1}, {peer.Ehlo, 1}, {peer.MailFrom, 1}, {peer.RcptTo, 1}, {peer.DataCmd, 1}, {peer.Dot, 2}} {
		// A gate that has just started has no kept connection to the next hop: there is a greeting.
		must(t, s.gate.Kill())
		must(t, s.gate.Start())
		armed.Store(tc.stage)
		l := letter{key: "stage-" + strings.ToLower(string(tc.stage)), subject: "Mot thu"}
		if got := sendOn(t, c, l.mail()).Last(); !got.OK() {
			t.Fatal(got)
		}
		must(t, <-killed)
		must(t, s.gate.Start())
		must(t, s.mx.WaitEmpty(patience))
		if got := len(s.sink.ByKey(l.key)); got != tc.want {
			t.Errorf("killed at %s: delivered %d times, want %d", tc.stage, got, tc.want)
		}
		for _, d := range s.sink.ByKey(l.key) {
			samePassed(t, d, l.bytes())
		}
	}
	must(t, c.Quit())
}
