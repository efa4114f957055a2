package deploy

import (
	"fmt"
	"maps"
	"net/mail"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"congthu/internal/peer"
)

// killSenders are the clients that send at once.
const killSenders = 8

// extent is how often something is killed, and during how many messages.
type extent struct{ kills, messages int }

// Who is killed.
const (
	killGate    = "gate"
	killServer  = "server" // all processes of Postfix, Sendmail or Exim
	killNextHop = "next hop"
)

// tally is what became of a load's messages; a row of the table.
type tally struct{ kills, tries, sent, delivered, refused, doubled, explained, lost, unseen int }

func (c tally) String() string {
	return fmt.Sprintf("%5d %6d %5d %9d %7d %7d %9d %4d %6d", c.kills, c.tries, c.sent, c.delivered, c.refused, c.doubled, c.explained, c.lost, c.unseen)
}

const tallyHead = "kills  tries  sent delivered refused doubled explained lost unseen"

// bad is every tenth message: one that the gate must refuse.
func bad(n int) bool { return n%10 == 9 }

// span is a time during which something happened.
type span struct{ from, to time.Time }

// overlaps tells whether two spans have a moment in common.
func (s span) overlaps(o span) bool { return !s.from.After(o.to) && !o.from.After(s.to) }

// load sends messages through a road while one of its pieces is killed again and again.
type load struct {
	road   *road
	victim string
	x      extent

	tries  [][]try // by message; each has one sender
	killed []span
	done   atomic.Int64 // messages with a final answer
	total  atomic.Int64 // tries
	over   atomic.Bool  // something stands still or went wrong: nobody need try on
}

// try is one time that a message was sent. Only one that sent it to the end is kept.
type try struct {
	span      // from the message's first octet to the answer, or to what came instead
	ok   bool // answered 250
}

// run sends every message until it has a final answer, kills meanwhile, waits until the server has nothing
// left, and counts what arrived. Each message that is in order must arrive, none of the others may. One comes
// twice only where a kill took the 250 of the one before (RFC 1047); see explained.
func (l *load) run(t *testing.T) tally {
	t.Helper()
	l.tries = make([][]try, l.x.messages)
	work := make(chan int)
	var wg sync.WaitGroup
	var refused atomic.Int64
	for range killSenders {
		wg.Go(func() {
			for n := range work {
				switch code := l.send(n); {
				case code/100 == 2 && (!bad(n) || l.road.after):
				case code/100 == 5 && bad(n) && !l.road.after:
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
	if err := l.road.mta.WaitEmpty(patience); err != nil {
		t.Error(err)
	}
	c := l.count(t)
	if c.refused += int(refused.Load()); c.refused != l.x.messages-c.sent {
		t.Errorf("%d were refused, not %d", c.refused, l.x.messages-c.sent)
	}
	if c.lost != 0 || c.unseen != 0 || c.doubled != c.explained {
		t.Errorf("%d lost, %d passed the gate unseen, %d came twice and no kill explains it", c.lost, c.unseen, c.doubled-c.explained)
	}
	return c
}

func (l *load) key(n int) string {
	return strings.ReplaceAll(fmt.Sprintf("%s-%s-%05d", l.road.name, l.victim, n), " ", "-")
}

// send tries a message until it is answered with 2xx or 5xx, and gives up when the load is over.
func (l *load) send(n int) (code int) {
	lt := letter{key: l.key(n)}
	if !bad(n) {
		lt.subject = "Thu " + lt.key
	}
	m := lt.mail()
	for ; !l.over.Load(); time.Sleep(20 * time.Millisecond) {
		l.total.Add(1)
		c, err := l.road.dial(inside)
		if err != nil {
			continue
		}
		a, err := c.Send(m)
		c.Close()
		final := err == nil && (a.Last().Code/100 == 2 || a.Last().Code/100 == 5)
		if a.Dot {
			l.tries[n] = append(l.tries[n], try{span{a.Begun, time.Now()}, final && a.Last().OK()})
		}
		if final {
			return a.Last().Code
		}
	}
	return 0
}

// progress is how many messages are through: as far as the kills can hit them.
func (l *load) progress() int64 {
	if l.road.after {
		return int64(l.road.sink.Count())
	}
	return l.done.Load()
}

// killAll kills and starts the victim again each time that its share of the messages is done. It fails only
// when nothing is done any more.
func (l *load) killAll() error {
	begun := l.progress()
	for k := range l.x.kills {
		due := begun + int64(l.x.messages*(k+1)/(l.x.kills+1))
		last, moved := l.progress(), time.Now()
		for n := last; n < due; n = l.progress() {
			time.Sleep(5 * time.Millisecond)
			if n != last {
				last, moved = n, time.Now()
			}
			if time.Since(moved) > patience {
				return fmt.Errorf("kill %d waits for message %d; nothing went on after %d", k, due, last)
			}
		}
		s := span{from: time.Now()}
		if err := l.kill(); err != nil {
			return fmt.Errorf("killing the %s: %w", l.victim, err)
		}
		s.to = time.Now()
		l.killed = append(l.killed, s)
		if err := l.revive(); err != nil {
			return fmt.Errorf("starting the %s again: %w", l.victim, err)
		}
	}
	return nil
}

func (l *load) kill() error {
	switch l.victim {
	case killGate:
		return l.road.gate.Kill()
	case killServer:
		return l.road.mta.Kill()
	}
	return l.road.sink.Close() // leaves its clients as a killed process would
}

func (l *load) revive() error {
	switch l.victim {
	case killGate:
		return l.road.gate.Start()
	case killServer:
		return l.road.mta.Start()
	}
	return l.road.sink.Start(l.road.sink.Addr)
}

func (l *load) count(t *testing.T) (c tally) {
	t.Helper()
	arrivals := map[string][]peer.Delivery{}
	var returned strings.Builder
	for _, d := range l.road.sink.Deliveries() {
		if d.Key != "" {
			arrivals[d.Key] = append(arrivals[d.Key], d)
		} else {
			returned.Write(d.Bytes)
		}
	}
	bounces, unsure := returned.String(), readDoubts(l.road.mta.Log())
	c.kills, c.tries = len(l.killed), int(l.total.Load())
	for n := range l.x.messages {
		got := arrivals[l.key(n)]
		if bad(n) {
			c.unseen += len(got)
			if strings.Contains(bounces, "X-Peer-Key: "+l.key(n)+"\r\n") {
				c.refused++
			}
			continue
		}
		c.sent++
		if len(got) == 0 {
			c.lost++
			continue
		}
		c.delivered++
		c.doubled += len(got) - 1
		why := l.explained(n, got, unsure[l.key(n)])
		c.explained += min(len(got)-1, why)
		if why < len(got)-1 {
			l.confess(t, n, got)
		}
	}
	return c
}

// hit tells whether something was killed in that time.
func (l *load) hit(s span) bool {
	for _, k := range l.killed {
		if k.overlaps(s) {
			return true
		}
	}
	return false
}

// explained is how many times a message may have come twice: how many times one side had said 250, or been about
// to, and a kill kept it from the other.
//
//   - The client sent the message to the end and was not told 250, with a kill in between. Not so where the gate was
//     killed and is a milter, for the server has queued nothing then, or is behind the queue.
//   - The sink said 250 and its client, killed or that of a killed sink, said nothing more. Where that is a gate
//     behind a queue, the queue's server must say that it was unsure.
//   - Behind the queue the server took the message from the gate once more, after a kill; where the gate was killed,
//     only if the server said that it was unsure.
func (l *load) explained(n int, got []peer.Delivery, unsure int) (times int) {
	between := l.victim == killServer || l.victim == killGate && !l.road.milter() && !l.road.after
	for _, y := range l.tries[n] {
		if between && !y.ok && l.hit(y.span) {
			times++
		}
	}
	for i, d := range got[:len(got)-1] {
		switch late := l.road.lateMark() && l.victim == killServer; {
		case late && l.hit(span{d.At, got[i+1].At}), !late && !d.Heard && l.hit(span{d.At, d.Ended}):
			times++
		}
	}
	if l.road.doubts {
		return min(times, unsure)
	}
	if l.road.after {
		times += l.enteredAgain(got, unsure)
	}
	return times
}

// enteredAgain is how many times the server behind the gate took a message once more, after a kill.
func (l *load) enteredAgain(got []peer.Delivery, unsure int) (times int) {
	entered := map[string]time.Time{} // by queue id
	for _, d := range got {
		id, at := received(d)
		entered[id] = at
	}
	at := slices.SortedFunc(maps.Values(entered), time.Time.Compare)
	for i := 1; i < len(at); i++ {
		s := span{at[i-1], at[i].Add(time.Second)} // servers write whole seconds
		if (l.victim == killServer || l.victim == killGate && unsure >= i) && l.hit(s) {
			times++
		}
	}
	return times
}

// confess tells all that is known of a message that came twice for no known reason.
func (l *load) confess(t *testing.T, n int, got []peer.Delivery) {
	t.Helper()
	const clock = "05.000"
	var b strings.Builder
	for _, y := range l.tries[n] {
		fmt.Fprintf(&b, "\ntried from %s to %s, answered 250: %v", y.from.Format(clock), y.to.Format(clock), y.ok)
	}
	for _, d := range got {
		fmt.Fprintf(&b, "\ncame at %s, connection over at %s, more was said: %v", d.At.Format(clock), d.Ended.Format(clock), d.Heard)
	}
	for _, k := range l.killed {
		fmt.Fprintf(&b, "\nkill from %s to %s", k.from.Format(clock), k.to.Format(clock))
	}
	for line := range strings.Lines(l.road.mta.Log()) {
		if strings.Contains(line, l.key(n)) {
			b.WriteString("\n" + strings.TrimSpace(line))
		}
	}
	t.Logf("%s:%s", l.key(n), b.String())
}

// received is under which id and when the last server took a message; it has put its Received field on top.
func received(d peer.Delivery) (id string, at time.Time) {
	field := strings.Join(strings.Fields(peer.Field(d.Bytes, "Received")), " ")
	_, id, _ = strings.Cut(field, " id ")
	id, _, _ = strings.Cut(id, " ")
	at, _ = mail.ParseDate(strings.TrimSpace(field[strings.LastIndexByte(field, ';')+1:])) // zero: before any kill
	return id, at
}

func (r *road) milter() bool { return strings.Contains(r.name, "-milter-") }

// lateMark tells of Sendmail, which takes a message out of its queue only after it has said QUIT.
func (r *road) lateMark() bool { return strings.HasPrefix(r.name, "sendmail") }

// killEach kills each of the victims on a road, prints the rows of its table, and returns them.
func killEach(t *testing.T, h hookup, x extent, victims ...string) (rows []tally) {
	t.Helper()
	r := h.begin(t)
	// A client that pipelines says QUIT before it has read the last reply.
	addr := r.sink.Addr
	must(t, r.sink.Close())
	r.sink.Offers = []string{"SIZE 104857600", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES"}
	must(t, r.sink.Start(addr))
	for _, v := range victims {
		l := &load{road: r, victim: v, x: x}
		c := l.run(t)
		fmt.Printf("%-24s %-8s %s\n%-24s %-8s %s\n", "hook-up", "killed", tallyHead, r.name, v, c)
		rows = append(rows, c)
	}
	return rows
}
