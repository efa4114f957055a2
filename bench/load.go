package main

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"congthu/internal/peer"
)

// load is what one run sends: count mails over so many sessions, one connection a mail, as fast as they
// go or one every so often.
type load struct {
	make     func(turn int) ([]wire, error) // each run has a turn of its own
	turn     *int
	mails    []wire
	count    int
	sessions int
	every    time.Duration
}

// sent is what one run gave.
type sent struct {
	perSecond      float64       // mails until the sink had counted them all
	dotP50, dotP99 time.Duration // from the last octet of the message to the reply
	seconds        float64
}

// run sends the load to addr and waits until the sink has it all. A mail that is not accepted ends the run
// with an error: what is refused early costs less and would flatter.
func (l load) run(addr string, sink *counter) (sent, error) {
	if l.make != nil {
		var err error
		*l.turn++
		if l.mails, err = l.make(*l.turn); err != nil {
			return sent{}, err
		}
	}
	before, err := sink.count()
	if err != nil {
		return sent{}, err
	}
	start := time.Now()
	jobs := make(chan int)
	var mu sync.Mutex
	var dots []time.Duration
	var failed error
	var wg sync.WaitGroup
	for range l.sessions {
		wg.Go(func() {
			for i := range jobs {
				d, err := one(addr, l.mails[i%len(l.mails)])
				mu.Lock()
				dots = append(dots, d)
				if failed == nil {
					failed = err
				}
				mu.Unlock()
			}
		})
	}
	for i := range l.count {
		mu.Lock()
		over := failed != nil
		mu.Unlock()
		if over {
			break
		}
		if l.every > 0 {
			time.Sleep(time.Until(start.Add(time.Duration(i) * l.every)))
		}
		jobs <- i
	}
	close(jobs)
	wg.Wait()
	if failed != nil {
		return sent{}, failed
	}
	if err := l.arrived(sink, before+l.count); err != nil {
		return sent{}, err
	}
	took := time.Since(start).Seconds()
	slices.Sort(dots)
	return sent{perSecond: float64(l.count) / took, dotP50: percentile(dots, 0.5), dotP99: percentile(dots, 0.99), seconds: took}, nil
}

// deliveryLimit bounds the wait for the last mail of a run to reach the sink.
const deliveryLimit = 2 * time.Minute

// arrived waits until the sink has counted that many.
func (l load) arrived(sink *counter, want int) error {
	for end := time.Now().Add(deliveryLimit); ; {
		n, err := sink.count()
		if err != nil || n >= want {
			return err
		}
		if time.Now().After(end) {
			return fmt.Errorf("the sink misses %d mails after %v", want-n, deliveryLimit)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// one sends one mail and measures from its last octet to the reply.
func one(addr string, w wire) (time.Duration, error) {
	c, err := peer.Dial(addr)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	if err := c.Ehlo("may.bo.example"); err != nil {
		return 0, err
	}
	a, taken, err := c.Envelope(peer.Mail{From: "van.phong@bo.example", Params: "BODY=8BITMIME", To: []string{"don.vi@bo.example"}})
	if err != nil {
		return 0, err
	}
	if taken == 0 {
		return 0, fmt.Errorf("envelope not accepted: %s", a.Last())
	}
	r, err := c.Cmd("DATA")
	if err != nil {
		return 0, err
	}
	if r.Code != 354 {
		return 0, fmt.Errorf("DATA was answered %s", r)
	}
	if err := c.Write(w); err != nil {
		return 0, fmt.Errorf("sending: %w", err)
	}
	start := time.Now()
	if r, err = c.Read(); err != nil {
		return 0, fmt.Errorf("reading the reply to the final dot: %w", err)
	}
	if !r.OK() {
		return 0, fmt.Errorf("not accepted: %s", r)
	}
	took := time.Since(start)
	return took, c.Quit()
}
