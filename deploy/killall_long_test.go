//go:build long

package deploy

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"congthu/internal/peer"
)

// Who is killed.
const (
	killGate    = "gate"
	killServer  = "server" // all processes of Postfix, Sendmail or Exim
	killNextHop = "next hop"
)

// tally is what became of a load's messages; a row of the table.
type tally struct{ kills, tries, sent, delivered, refused, doubled, lost, unseen, unexplained int }

func (c tally) String() string {
	return fmt.Sprintf("%5d %6d %6d %9d %7d %7d %4d %6d", c.kills, c.tries, c.sent, c.delivered, c.refused, c.doubled, c.lost, c.unseen)
}

const tallyHead = "kills  tries   sent delivered refused doubled lost unseen"

// bad is every tenth message: one that the gate must refuse.
func bad(n int) bool { return n%10 == 9 }

// load sends messages through a road while one of its pieces is killed again and again.
type load struct {
	road   *road
	victim string
	x      extent

	mu    sync.Mutex
	first []time.Time // by message: when it was first tried
	kills []time.Time
	done  atomic.Int64
	over  atomic.Bool // a kill went wrong: nobody need try on
	tries atomic.Int64
}

// run sends every message until it has a final answer, and counts what arrived. Each that is in order must
// arrive, none of the others may. One comes twice only where a kill fell between its first try and its last
// arrival: then a 250 got lost (RFC 1047).
func (l *load) run(t *testing.T) tally {
	t.Helper()
	l.first = make([]time.Time, l.x.messages)
	work := make(chan int)
	var wg sync.WaitGroup
	var refused atomic.Int64
	for range killSenders {
		wg.Go(func() {
			for n := range work {
				switch code := l.send(n); {
				case code/100 == 2 && !bad(n):
				case code/100 == 5 && bad(n):
					refused.Add(1)
				default:
					t.Errorf("message %d was answered %d in the end", n, code)
				}
				l.done.Add(1)
			}
		})
	}
	wg.Go(func() {
		defer close(work)
		for n := range l.x.messages {
			work <- n
		}
	})
	if err := l.killAll(); err != nil {
		l.over.Store(true)
		t.Error(err)
	}
	wg.Wait()
	if err := l.road.mta.WaitEmpty(time.Minute); err != nil {
		t.Error(err)
	}
	c := l.count()
	c.refused = int(refused.Load())
	if c.lost != 0 || c.unseen != 0 || c.unexplained != 0 || c.sent != c.delivered {
		t.Errorf("%d lost, %d passed the gate unseen, %d came twice without a kill", c.lost, c.unseen, c.unexplained)
	}
	return c
}

func (l *load) key(n int) string { return fmt.Sprintf("%s-%s-%05d", l.road.name, l.victim, n) }

// send tries a message until it is answered with 2xx or 5xx.
func (l *load) send(n int) (code int) {
	lt := letter{key: l.key(n)}
	if !bad(n) {
		lt.subject = "Thu " + lt.key
	}
	m := lt.mail()
	l.mu.Lock()
	l.first[n] = time.Now()
	l.mu.Unlock()
	for limit := time.Now().Add(2 * time.Minute); time.Now().Before(limit) && !l.over.Load(); time.Sleep(20 * time.Millisecond) {
		l.tries.Add(1)
		c, err := l.road.dial(inside)
		if err != nil {
			continue
		}
		a, err := c.Send(m)
		c.Close()
		if code := a.Last().Code; err == nil && (code/100 == 2 || code/100 == 5) {
			return code
		}
	}
	return 0
}

// killAll kills and starts the victim again each time that its share of the messages is done.
func (l *load) killAll() error {
	for k := range l.x.kills {
		due := int64(l.x.messages * (k + 1) / (l.x.kills + 1))
		if err := peer.Wait(2*time.Minute, "the next kill", func() bool { return l.done.Load() >= due }); err != nil {
			return err
		}
		l.mu.Lock()
		l.kills = append(l.kills, time.Now())
		l.mu.Unlock()
		if err := l.kill(); err != nil {
			return fmt.Errorf("killing the %s: %w", l.victim, err)
		}
	}
	return nil
}

func (l *load) kill() error {
	switch l.victim {
	case killGate:
		return errors.Join(l.road.gate.Kill(), l.road.gate.Start())
	case killServer:
		return errors.Join(l.road.mta.Kill(), l.road.mta.Start())
	}
	addr := l.road.sink.Addr // a sink that closes leaves its clients as a killed process would
	return errors.Join(l.road.sink.Close(), l.road.sink.Start(addr))
}

func (l *load) count() (c tally) {
	arrivals := map[string][]peer.Delivery{}
	for _, d := range l.road.sink.Deliveries() {
		arrivals[d.Key] = append(arrivals[d.Key], d)
	}
	c.kills, c.tries = len(l.kills), int(l.tries.Load())
	for n := range l.x.messages {
		got := arrivals[l.key(n)]
		if bad(n) {
			c.unseen += len(got)
			continue
		}
		c.sent++
		if len(got) == 0 {
			c.lost++
			continue
		}
		c.delivered++
		c.doubled += len(got) - 1
		between := 0
		for _, k := range l.kills {
			// The kill takes effect a little after its time was taken.
			if k.After(l.first[n].Add(-time.Second)) && k.Before(got[len(got)-1].At) {
				between++
			}
		}
		if len(got) > 1 && between == 0 {
			c.unexplained += len(got) - 1
		}
	}
	return c
}

// victims are who is killed on each road.
func victims() []string { return []string{killGate, killServer, killNextHop} }

// killEach kills each piece of a road and prints the rows of its table.
func killEach(t *testing.T, h hookup, x extent) {
	t.Helper()
	r := h.begin(t)
	t.Logf("%-22s %-8s %s", "hook-up", "killed", tallyHead)
	for _, v := range victims() {
		l := &load{road: r, victim: v, x: x}
		t.Logf("%-22s %-8s %s", r.name, v, l.run(t))
	}
}
