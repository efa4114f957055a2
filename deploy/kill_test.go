package deploy

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"congthu/internal/peer"
)

// killSenders are the clients that send at once.
const killSenders = 8

// extent is how often the gate is killed, and during how many messages.
type extent struct{ kills, messages int }

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
	s := newStand(t, milterUnix, "")
	r := s.sendThroughKills(t, x, "kill-milter")
	if r.doubles != 0 {
		t.Errorf("%d messages came twice", r.doubles)
	}
}

// killProxyFilter is the same for the before-queue proxy. A message may come twice only when the
// Postfix behind had said 250 and the gate was killed before it could say so.
func killProxyFilter(t *testing.T, x extent) {
	t.Helper()
	t.Parallel()
	s := newStand(t, proxyFilter, "")
	s.sendThroughKills(t, x, "kill-proxy")
}

// killResult is what became of the messages.
type killResult struct{ doubles, explained, tries int }

// sendThroughKills has clients send until each message was answered with 250, kills the gate meanwhile,
// and counts what arrived.
func (s *stand) sendThroughKills(t *testing.T, x extent, prefix string) killResult {
	t.Helper()
	var accepted, tries atomic.Int64
	open := make([]int, x.messages) // by message, tries that sent the final dot and got no 250
	work := make(chan int)
	var wg sync.WaitGroup
	for range killSenders {
		wg.Go(func() {
			for n := range work {
				m := letter{key: killKey(prefix, n), subject: "Thu " + prefix}.mail()
				for limit := time.Now().Add(10 * time.Minute); ; {
					tries.Add(1)
					got, dot := s.tryOnce(m)
					if got.OK() {
						accepted.Add(1)
						break
					}
					if dot {
						open[n]++
					}
					if got.Code/100 == 5 || time.Now().After(limit) {
						t.Errorf("%s: %s", killKey(prefix, n), got)
						break
					}
					time.Sleep(20 * time.Millisecond)
				}
			}
		})
	}
	wg.Go(func() {
		defer close(work)
		for n := range x.messages {
			work <- n
		}
	})
	s.killWhile(t, x, accepted.Load)
	wg.Wait()
	must(t, s.mx.WaitEmpty(time.Minute))
	r := killResult{tries: int(tries.Load())}
	for n := range x.messages {
		got := len(s.sink.ByKey(killKey(prefix, n)))
		if got == 0 {
			t.Errorf("%s is lost", killKey(prefix, n))
			continue
		}
		r.doubles += got - 1
		r.explained += min(got-1, open[n])
	}
	t.Logf("%s: %d messages, gate killed %d times, %d tries, all arrived: %v, doubles %d, of which the next hop had said 250 to a gate that was killed: %d",
		prefix, x.messages, x.kills, r.tries, !t.Failed(), r.doubles, r.explained)
	if r.doubles != r.explained {
		t.Errorf("%d messages came twice without such a reason", r.doubles-r.explained)
	}
	return r
}

func killKey(prefix string, n int) string { return fmt.Sprintf("%s-%05d", prefix, n) }

// killWhile kills and restarts the gate each time that done has gone on by its share of the messages.
func (s *stand) killWhile(t *testing.T, x extent, done func() int64) {
	t.Helper()
	for k := range x.kills {
		due := int64(x.messages * (k + 1) / (x.kills + 1))
		if err := peer.Wait(2*time.Minute, "the next kill", func() bool { return done() >= due }); err != nil {
			t.Error(err)
			return
		}
		if err := s.gate.Kill(); err != nil {
			t.Error(err)
			return
		}
		if err := s.gate.Start(); err != nil {
			t.Error(err)
			return
		}
	}
}

// killRelay has Postfix's own queue send through the relay door to a next hop that counts its
// 250s. Postfix says of a message "may be sent more than once" when the connection broke after the
// final dot: only such a message may come twice.
func killRelay(t *testing.T, x extent) {
	t.Helper()
	t.Parallel()
	s := relayBehindQueue(t, nil)
	var wg sync.WaitGroup
	for w := range killSenders {
		wg.Go(func() {
			c, err := peer.Dial(s.addr)
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Quit()
			for n := w; n < x.messages; n += killSenders {
				m := letter{key: killKey("kill-relay", n), subject: "Thu cua hang doi"}.mail()
				if a, err := c.Send(m); err != nil || !a.Last().OK() {
					t.Errorf("handing message %d to Postfix: %v %v", n, a.Last(), err)
				}
			}
		})
	}
	s.killWhile(t, x, func() int64 { return int64(s.sink.Count()) })
	wg.Wait()
	must(t, s.mx.Drain(2*time.Minute))
	ids, unsure := postfixDoubts(s.mx.Log())
	doubles := 0
	for n := range x.messages {
		key := killKey("kill-relay", n)
		got := len(s.sink.ByKey(key))
		if got == 0 {
			t.Errorf("%s is lost", key)
			continue
		}
		doubles += got - 1
		if got-1 > unsure[ids[key]] {
			t.Errorf("%s came %d times; Postfix was unsure of it %d times", key, got, unsure[ids[key]])
		}
	}
	t.Logf("kill-relay: %d messages, gate killed %d times, all arrived: %v, the next hop said 250 %d times, doubles %d", x.messages, x.kills, !t.Failed(), s.sink.Count(), doubles)
}

// postfixDoubts reads Postfix's log: the queue id of each message key, and how often Postfix was unsure
// whether a message had gone out.
func postfixDoubts(log string) (ids map[string]string, unsure map[string]int) {
	ids, unsure = map[string]string{}, map[string]int{}
	for line := range strings.Lines(log) {
		_, rest, ok := strings.Cut(line, "]: ")
		if !ok {
			continue
		}
		id, text, _ := strings.Cut(rest, ": ")
		if key, ok := strings.CutPrefix(text, "message-id=<"); ok {
			key, _, _ = strings.Cut(key, "@")
			ids[key] = id
		}
		if strings.Contains(text, "sent more than once") {
			unsure[id]++
		}
	}
	return ids, unsure
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
		must(t, s.mx.Drain(time.Minute))
		if got := len(s.sink.ByKey(l.key)); got != tc.want {
			t.Errorf("killed at %s: delivered %d times, want %d", tc.stage, got, tc.want)
		}
		for _, d := range s.sink.ByKey(l.key) {
			samePassed(t, d, l.bytes())
		}
	}
	must(t, c.Quit())
}
