//go:build long

package deploy

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"congthu/filter/evidence"
	"congthu/internal/peer"
)

// What evidence and database may cost: of the throughput of 5 kB messages at 20 sessions through a real Postfix, and
// records that the log must take in a second.
const (
	keptShare     = 0.92
	recordsSecond = 3000
)

// Shares of what a mail costs are told by CPU time, which other work on the machine hardly changes. The clock counts
// only in rounds in which others used little of the machine, and when there were enough of them.
const (
	quietShare  = 0.10
	quietRounds = 5
)

// TestLongCostOfKeeping lets mail through two gates in turn, of which one keeps evidence and a database. Clients,
// server, gate and next hop share the machine, so the throughput is the inverse of the CPU time that a mail takes of
// all of them, as long as nobody waits for the disk: the clock tells that. Only the gate's share differs, so what
// the others took counts as one sum over all rounds: it goes up and down by more than the difference.
func TestLongCostOfKeeping(t *testing.T) {
	const sessions, each, rounds = 20, 50, 9
	with, without := newStand(t, milterTCP, ""), newStand(t, milterTCP, "evidence: {dir: none}\n")
	for _, s := range []*stand{with, without} {
		s.rate(t, sessions, each) // warm
	}
	var byClock, more, plain []float64
	others := 0.0
	for range rounds {
		rateA, a := without.costs(t, sessions, each)
		rateB, b := with.costs(t, sessions, each)
		rateC, c := without.costs(t, sessions, each)
		plain, more = append(plain, (a.gate+c.gate)/2), append(more, b.gate-(a.gate+c.gate)/2)
		others += (a.all() - a.gate + b.all() - b.gate + c.all() - c.gate) / (3 * rounds)
		if max(a.foreign(), b.foreign(), c.foreign()) < quietShare {
			byClock = append(byClock, 2*rateB/(rateA+rateC))
		}
		t.Logf("CPU for %d mails without: gate %.2f s, server %.2f s, clients and next hop %.2f s; with: %.2f, %.2f, %.2f; %.0f and %.0f a second; others %.0f %%",
			sessions*each, a.gate, a.server, a.test, b.gate, b.server, b.test, rateA, rateB, 100*b.foreign())
	}
	all := middle(plain) + others
	share := all / (all + middle(more))
	fmt.Printf("5 kB at %d sessions through Postfix: with evidence and database %.3f of the throughput without, by CPU; %.0f microseconds of the gate's CPU a mail more (median of %d; %.0f to %.0f)\n",
		sessions, share, perMail*middle(more)/(sessions*each), rounds, perMail*slices.Min(more)/(sessions*each), perMail*slices.Max(more)/(sessions*each))
	if share < keptShare {
		t.Errorf("evidence and database cost %.1f %% of the throughput by CPU, more than %.0f %%", 100*(1-share), 100*(1-keptShare))
	}
	if len(byClock) < quietRounds {
		fmt.Printf("by the clock: nothing, for only %d rounds had the machine to themselves\n", len(byClock))
		return
	}
	share = middle(byClock)
	fmt.Printf("by the clock %.3f (median of %d; %.3f to %.3f)\n", share, len(byClock), slices.Min(byClock), slices.Max(byClock))
	if share < keptShare {
		t.Errorf("evidence and database cost %.1f %% of the throughput by the clock, more than %.0f %%", 100*(1-share), 100*(1-keptShare))
	}
}

const perMail = 1e6 // microseconds

func middle(all []float64) float64 {
	s := slices.Sorted(slices.Values(all))
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}

// costs is rate, and the CPU that it took.
func (s *stand) costs(t *testing.T, sessions, each int) (rate float64, took seconds) {
	t.Helper()
	before := s.used(t)
	rate = s.rate(t, sessions, each)
	return rate, s.used(t).since(before)
}

// rate sends messages over so many sessions and tells how many a second were taken.
func (s *stand) rate(t *testing.T, sessions, each int) float64 {
	t.Helper()
	m := letter{key: "gia", subject: "Bao cao", body: strings.Repeat("Mot dong cua thu thuong.\r\n", 190)}.mail()
	clients := make([]*peer.Client, sessions)
	for i := range clients {
		clients[i] = s.client(t, inside)
	}
	errs := make(chan error, sessions)
	var wg sync.WaitGroup
	began := time.Now()
	for _, c := range clients {
		wg.Go(func() {
			for range each {
				a, err := c.Send(m)
				if err == nil && !a.Last().OK() {
					err = fmt.Errorf("answered %s", a.Last())
				}
				if err != nil {
					errs <- err
					return
				}
			}
		})
	}
	wg.Wait()
	took := time.Since(began)
	close(errs)
	for err := range errs {
		t.Fatal(err)
	}
	for _, c := range clients {
		must(t, c.Quit())
	}
	must(t, s.mx.WaitEmpty(patience)) // what is still to be delivered is not the next round's load
	return float64(sessions*each) / took.Seconds()
}

// TestLongRecordsASecond has 64 messages at once put on record, for three seconds.
func TestLongRecordsASecond(t *testing.T) {
	l, err := evidence.Open(evidence.Options{Dir: t.TempDir(), Gate: "do", Now: time.Now})
	must(t, err)
	v := evidence.Verdict{ID: "01KB7W0QJ5R3M9V2C8XZ4T6N1D", Door: "milter", Client: inside, ReversePath: "chuyen.vien@" + ours, Recipients: []string{"van.thu@" + ours},
		Direction: "internal", Disposition: "accept", Reply: "250 2.0.0 ok", SHA256: strings.Repeat("0", 64), Bytes: 5000,
		Findings: []evidence.Finding{{Rule: "mailbox-name", Clause: "4.1", Mode: "monitor", Disposition: "accept", Score: 1, Detail: "shape: dot"}}}
	const writers = 64
	counts := make([]int, writers)
	errs := make([]error, writers)
	var wg sync.WaitGroup
	began := time.Now()
	for i := range writers {
		wg.Go(func() {
			for time.Since(began) < 3*time.Second && errs[i] == nil {
				if _, errs[i] = l.Append(t.Context(), evidence.Record{Kind: evidence.KindVerdict, Verdict: &v}); errs[i] == nil {
					counts[i]++
				}
			}
		})
	}
	wg.Wait()
	took := time.Since(began)
	must(t, l.Close())
	total := 0
	for i, n := range counts {
		must(t, errs[i])
		total += n
	}
	rate := float64(total) / took.Seconds()
	fmt.Printf("%.0f verdicts a second into the log, durable\n", rate)
	if rate < recordsSecond {
		t.Errorf("the log took %.0f records a second, less than %d", rate, recordsSecond)
	}
}
