package deploy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"congthu/filter/evidence"
	"congthu/internal/peer"
	"congthu/store"
)

// TestKill9Keeping kills the gate at random moments, 20 times in all, while mail passes and is held.
func TestKill9Keeping(t *testing.T) {
	for _, kind := range []string{milterTCP, proxyFilter} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			killKeeping(t, kind, 10)
		})
	}
}

// keepLoad sends letters, every other of which is to be held, until it is told to stop.
type keepLoad struct {
	road *road
	next atomic.Int64
	over atomic.Bool

	mu    sync.Mutex
	taken []int // letters that got 250
	tries int
	// Answers so far: to letters that are to be held, and to the others.
	held, passed answered
}

// answered counts what clients were told.
type answered struct{ ok, later int }

func (k *keepLoad) holds(n int) bool { return n%2 == 1 }

func (k *keepLoad) letter(n int) letter {
	l := letter{key: fmt.Sprintf("giet-%05d", n), subject: fmt.Sprintf("Thu so %d", n), body: strings.Repeat(fmt.Sprintf("Dong cua thu %d.\r\n", n), 250)}
	if k.holds(n) {
		l.fields = "X-Giu: 1\r\n"
	}
	return l
}

// send sends letters of both kinds, one after the other, each until it is answered with 250.
func (k *keepLoad) send() error {
	return k.sendEach(func() int { return int(k.next.Add(1)) })
}

// sendKind sends only letters that are to be held, or only others, not so fast that a quick machine fills the small
// disks of a test with their records.
func (k *keepLoad) sendKind(hold bool) error {
	return k.sendEach(func() int {
		time.Sleep(30 * time.Millisecond)
		n := 2 * int(k.next.Add(1))
		if hold {
			n++
		}
		return n
	})
}

func (k *keepLoad) sendEach(next func() int) error {
	for !k.over.Load() {
		n := next()
		m := k.letter(n).mail()
		for ok := false; !ok && !k.over.Load(); {
			c, err := k.road.dial(inside)
			if err != nil {
				time.Sleep(10 * time.Millisecond)
				continue
			}
			a, err := c.Send(m)
			c.Close()
			ok = err == nil && a.Data.OK()
			k.mu.Lock()
			if k.tries++; ok {
				k.taken = append(k.taken, n)
			}
			if err == nil {
				k.answer(n).add(a.Last())
			}
			k.mu.Unlock()
			if !ok {
				time.Sleep(20 * time.Millisecond) // trouble is no reason to do nothing but ask
			}
			if err == nil && a.Last().Code/100 == 5 {
				return fmt.Errorf("letter %d was answered %s", n, a.Last())
			}
		}
	}
	return nil
}

func (k *keepLoad) answer(n int) *answered {
	if k.holds(n) {
		return &k.held
	}
	return &k.passed
}

func (a *answered) add(r peer.Reply) {
	switch {
	case r.OK():
		a.ok++
	case r.Code/100 == 4:
		a.later++
	}
}

// told is what clients were told so far.
func (k *keepLoad) told() (held, passed answered) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.held, k.passed
}

func (k *keepLoad) count() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.taken)
}

// sofar are the letters that were taken until now.
func (k *keepLoad) sofar() []int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.taken)
}

// killKeeping kills the gate that often. Whatever got 250 is then at the next hop or in the quarantine, whole, and
// on record; the evidence is whole after each kill.
func killKeeping(t *testing.T, kind string, kills int) {
	t.Helper()
	h := hookup{name: "postfix-" + kind, start: postfixRoad(kind)}
	r := h.begin(t)
	o := newOffice(t, r.gate, r.sink.Addr, "", "lan")
	k := &keepLoad{road: r}
	var senders sync.WaitGroup
	errs := make(chan error, 4)
	for range cap(errs) {
		senders.Go(func() { errs <- k.send() })
	}
	src := rand.New(rand.NewPCG(uint64(kills), 7))
	torn := 0
	for range kills {
		had := k.count()
		must(t, peer.Wait(patience, "mail to go on", func() bool { return k.count() >= had+3 }))
		time.Sleep(time.Duration(src.IntN(100)) * time.Millisecond) // at any moment of a message's way
		must(t, r.gate.Kill())
		// Until the next start the last record may lack its end; nothing else may be wrong.
		err := verified(o)
		if fault := (*evidence.Fault)(nil); errors.As(err, &fault) && fault.Kind == evidence.Torn {
			torn++
		} else if err != nil {
			t.Errorf("after a kill: %v", err)
		}
		must(t, r.gate.Start())
		must(t, verified(o))
	}
	o.whole(t)
	k.over.Store(true)
	senders.Wait()
	for range cap(errs) {
		must(t, <-errs)
	}
	must(t, r.mta.WaitEmpty(patience))
	r.account(t, o, k)
	came := 0 // of these letters: Postfix tells its master of trouble with the gate by mail too
	for _, n := range k.taken {
		came += len(r.sink.ByKey(k.letter(n).key))
	}
	fmt.Printf("%s: %d kills, %d tails torn, %d letters taken in %d tries, %d deliveries\n", r.name, kills, torn, len(k.taken), k.tries, came)
}

// verified checks the evidence as "log verify" does.
func verified(o *office) error {
	key, err := evidence.ReadPublicKey(filepath.Join(o.evidence(), "key.pub"))
	if err != nil {
		return err
	}
	_, err = evidence.Verify(o.evidence(), key)
	return err
}

// account looks for every letter that was taken.
func (r *road) account(t *testing.T, o *office, k *keepLoad) {
	t.Helper()
	inStore := quarantined(t, o)
	r.accountIn(t, o, k, inStore)
}

// accountIn is account, with what is in the quarantine.
func (r *road) accountIn(t *testing.T, o *office, k *keepLoad, inStore [][]byte) {
	t.Helper()
	recorded := map[string]bool{}
	for _, rec := range o.records(t) {
		if rec.Verdict != nil {
			recorded[rec.Verdict.ID] = true
		}
	}
	held, passed := 0, 0
	for _, n := range k.taken {
		l := k.letter(n)
		if k.holds(n) {
			held++
			if !oneEndsIn(inStore, l.bytes()) {
				t.Errorf("%s got 250 and is not in the quarantine as it was", l.key)
			}
			if len(r.sink.ByKey(l.key)) > 0 {
				t.Errorf("%s was held and delivered", l.key)
			}
			continue
		}
		passed++
		all := r.sink.ByKey(l.key)
		if len(all) == 0 {
			t.Errorf("%s got 250 and is lost", l.key)
		}
		for _, d := range all {
			samePassed(t, d, l.bytes())
			if id := peer.Field(d.Bytes, "Congthu-Id"); !recorded[id] {
				t.Errorf("%s passed as %q, of which there is no record", l.key, id)
			}
		}
	}
	if held == 0 || passed == 0 {
		t.Errorf("%d letters were held and %d passed: no load", held, passed)
	}
}

func oneEndsIn(all [][]byte, want []byte) bool {
	for _, b := range all {
		if bytes.HasSuffix(b, want) {
			return true
		}
	}
	return false
}

// quarantined are all held messages, decrypted, which checks them to their ends.
func quarantined(t *testing.T, o *office) [][]byte {
	t.Helper()
	return quarantinedIn(t, o, filepath.Join(o.gate.State(), "congthu.db"))
}

func quarantinedIn(t *testing.T, o *office, database string) (all [][]byte) {
	t.Helper()
	b, err := os.ReadFile(o.identity("lan"))
	must(t, err)
	identity, err := store.ParseIdentity(b)
	must(t, err)
	ctx := context.Background()
	s, err := store.Open(ctx, store.Options{DSN: "sqlite:" + database})
	must(t, err)
	defer s.Close()
	for after := ""; ; {
		page, err := s.List(ctx, store.Filter{State: store.StateUndecided, Limit: store.MaxPage, After: after})
		must(t, err)
		for _, h := range page {
			r, err := s.Open(ctx, h.ID, identity)
			must(t, err)
			content, err := io.ReadAll(r)
			must(t, err)
			must(t, r.Close())
			all = append(all, content)
			after = h.ID
		}
		if len(page) < store.MaxPage {
			return all
		}
	}
}
