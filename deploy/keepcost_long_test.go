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

// TestLongCostOfKeeping lets mail through two gates in turn, of which one keeps evidence and a database.
func TestLongCostOfKeeping(t *testing.T) {
	const sessions, each, rounds = 20, 50, 9
	with, without := newStand(t, milterTCP, ""), newStand(t, milterTCP, "evidence: {dir: none}\n")
	for _, s := range []*stand{with, without} {
		s.rate(t, sessions, each) // warm
	}
	var shares []float64
	for range rounds {
		a := without.rate(t, sessions, each)
		b := with.rate(t, sessions, each)
		c := without.rate(t, sessions, each)
		shares = append(shares, 2*b/(a+c))
	}
	slices.Sort(shares)
	share := shares[rounds/2]
	fmt.Printf("5 kB at %d sessions through Postfix: with evidence and database %.3f of the rate without (median of %d; %.3f to %.3f)\n",
		sessions, share, rounds, shares[0], shares[rounds-1])
	if share < keptShare {
		t.Errorf("evidence and database cost %.1f %% of the throughput, more than %.0f %%", 100*(1-share), 100*(1-keptShare))
	}
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
