package deploy

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"congthu/internal/peer"
)

// TestKeepingTroubleUnderLoad makes trouble in the middle of mail on several connections at once that passes and is
// held. Clients send each letter until it is taken; whatever was taken is at the next hop or in the quarantine at the
// end, whole and on record, and nothing was refused for good.
func TestKeepingTroubleUnderLoad(t *testing.T) {
	for _, kind := range []string{milterTCP, proxyFilter} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			k := newKeeping(t, kind, "24m", "48m")
			k.underLoad(t)
		})
	}
}

// loaded is a gate with disks of its own and clients that send all the time.
type loaded struct {
	*keeping
	*keepLoad
}

func (k *keeping) underLoad(t *testing.T) {
	r := &road{hookup: hookup{name: k.stand.kind}, gate: k.gate, mta: k.stand.mx, sink: k.stand.sink, hello: xclient,
		door: func(string) (string, string) { return "", k.stand.addr }}
	l := &loaded{k, &keepLoad{road: r}}
	var senders sync.WaitGroup
	errs := make(chan error, 6)
	for i := range cap(errs) {
		senders.Go(func() { errs <- l.sendKind(i%2 == 0) })
	}
	l.goesOn(t, "mail at first")
	l.evidenceFull(t)
	l.databaseFull(t)
	l.databaseAway(t)
	l.databaseLocked(t)
	l.databaseCorrupt(t)
	l.over.Store(true)
	senders.Wait()
	for range cap(errs) {
		must(t, <-errs)
	}
	must(t, r.mta.WaitEmpty(patience))
	k.whole(t)
	r.accountIn(t, k.office, l.keepLoad, quarantinedIn(t, k.office, k.database()))
	l.heldOnRecord(t)
	k.rebuilt(t)
	held, passed := l.told()
	fmt.Printf("trouble under load, %s: %d letters passed (%d times 4xx), %d were held (%d times 4xx)\n", k.stand.kind, passed.ok, passed.later, held.ok, held.later)
}

// goesOn waits until letters of both kinds are taken.
func (l *loaded) goesOn(t *testing.T, what string) {
	t.Helper()
	held, passed := l.told()
	must(t, peer.Wait(patience, what, func() bool {
		h, p := l.told()
		return h.ok >= held.ok+3 && p.ok >= passed.ok+3
	}))
}

// onlyPasses waits until letters pass while those that are to be held are put off.
func (l *loaded) onlyPasses(t *testing.T, what string) {
	t.Helper()
	held, passed := l.told()
	must(t, peer.Wait(patience, what, func() bool {
		h, p := l.told()
		return h.later >= held.later+3 && p.ok >= passed.ok+3
	}))
}

func (l *loaded) evidenceFull(t *testing.T) {
	room := full(t, l.evidence())
	held, passed := l.told()
	must(t, peer.Wait(patience, "no mail without evidence", func() bool {
		h, p := l.told()
		return h.later >= held.later+3 && p.later >= passed.later+3
	}))
	_, before := l.told()
	time.Sleep(time.Second)
	if _, after := l.told(); after.ok > before.ok {
		t.Errorf("%d letters passed while the evidence could not be written", after.ok-before.ok)
	}
	room()
	l.goesOn(t, "mail with room for evidence again")
}

func (l *loaded) databaseFull(t *testing.T) {
	room := full(t, filepath.Dir(l.database()))
	l.onlyPasses(t, "no held mail without room in the database")
	room()
	l.goesOn(t, "mail with room in the database again")
}

func (l *loaded) databaseAway(t *testing.T) {
	back := l.takeAway(t)
	l.onlyPasses(t, "no held mail without a database")
	back()
	l.goesOn(t, "mail with the database back")
}

func (l *loaded) databaseLocked(t *testing.T) {
	unlock := l.lock(t)
	l.onlyPasses(t, "no held mail with a database that another holds")
	unlock()
	l.goesOn(t, "mail with the database let go")
}

// databaseCorrupt: the gate is stopped and started in the middle of mail, over a database that nobody can read. The sound
// one is put back while it runs.
func (l *loaded) databaseCorrupt(t *testing.T) {
	must(t, l.gate.Stop())
	back := l.takeAway(t)
	must(t, os.WriteFile(l.database(), []byte(strings.Repeat("hong", 4096)), 0o600))
	must(t, os.Chown(l.database(), unprivileged, unprivileged))
	must(t, l.gate.Start())
	l.onlyPasses(t, "no held mail with a damaged database")
	must(t, os.Remove(l.database()))
	back()
	l.goesOn(t, "mail with the sound database")
}

// heldOnRecord: what is in the quarantine has a verdict that says so.
func (l *loaded) heldOnRecord(t *testing.T) {
	t.Helper()
	recorded := map[string]bool{}
	for _, r := range l.records(t) {
		if r.Verdict != nil && r.Verdict.Held {
			recorded[r.Verdict.ID] = true
		}
	}
	n := 0
	for after := []string(nil); ; {
		page := l.list(t, append([]string{"limit=100"}, after...)...)
		for _, h := range page {
			if n++; !recorded[h.ID] {
				t.Errorf("%s is held, of which there is no record", h.ID)
			}
			after = []string{"after=" + h.ID}
		}
		if len(page) < 100 {
			break
		}
	}
	if n == 0 {
		t.Error("nothing is held")
	}
}
