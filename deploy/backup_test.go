package deploy

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"congthu/internal/peer"
)

// TestBackupElsewhere copies a gate's memory while mail passes and is held, puts it up on another machine (another
// folder, other addresses), and has the officer go on there: clause 11.6 wants nothing lost and the service back
// within a day.
func TestBackupElsewhere(t *testing.T) {
	t.Parallel()
	h := hookup{name: "postfix-" + milterTCP, start: postfixRoad(milterTCP)}
	r := h.begin(t)
	o := newOffice(t, r.gate, r.sink.Addr, "", "lan")
	k := &keepLoad{road: r}
	var senders sync.WaitGroup
	errs := make(chan error, 4)
	for range cap(errs) {
		senders.Go(func() { errs <- k.send() })
	}
	must(t, peer.Wait(patience, "mail to be taken", func() bool { return k.count() >= 20 }))
	before := k.sofar()
	began := time.Now()
	backup := filepath.Join(o.folder, "sao-luu.db")
	out, _ := o.do(t, 0, "store", "backup", backup)
	if !strings.Contains(out, " octets in ") {
		t.Errorf("a backup says %s", out)
	}
	must(t, peer.Wait(patience, "mail to be taken after the backup", func() bool { return k.count() >= len(before)+10 }))
	k.over.Store(true)
	senders.Wait()
	for range cap(errs) {
		must(t, <-errs)
	}
	held := 0
	for _, n := range before {
		if k.holds(n) {
			held++
		}
	}
	if held < 3 {
		t.Fatalf("%d messages were held when the backup was made: no load", held)
	}

	there := elsewhere(t, o, r.sink.Addr, backup)
	out, _ = there.do(t, 0, "store", "restore", filepath.Join(there.folder, "sao-luu.db"))
	if !strings.Contains(out, " octets in ") {
		t.Errorf("a restore says %s", out)
	}
	there.whole(t)
	out, _ = there.do(t, 0, "store", "rebuild")
	if !strings.HasSuffix(out, " records indexed\n") {
		t.Errorf("a rebuild says %s", out)
	}
	must(t, there.gate.Start())
	t.Cleanup(func() { must(t, there.gate.Stop()) })
	fmt.Printf("a backup under load, restored elsewhere, checked and at work again after %s\n", time.Since(began).Round(time.Millisecond))

	there.has(t, k, before)
	there.copied(t)
}

// elsewhere is another machine with nothing but the backup, a copy of the folder of the evidence, the officers'
// identities and the configuration.
func elsewhere(t *testing.T, o *office, release, backup string) *office {
	t.Helper()
	var ports peer.Ports
	var addrs [2]string
	for i := range addrs {
		var err error
		addrs[i], err = ports.Next()
		must(t, err)
	}
	dir, err := peer.TempDir()
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	state := filepath.Join(dir, "noi-khac") // of another name too: no path may be in what was copied
	g := &peer.Gate{Binary: o.gate.Binary, Admin: addrs[0], Dir: dir, UID: unprivileged, GID: unprivileged}
	g.Config = fmt.Sprintf("organisation: {domains: [%s], trusted_networks: [10.0.0.0/8]}\nadmin: {listen: %q}\nmilter: [{name: postfix, listen: \"tcp:%s\"}]\n"+
		"evidence: {dir: %q}\nstore: {dsn: %q, release: %q}\n%s", ours, g.Admin, addrs[1], filepath.Join(state, "so"), "sqlite:"+filepath.Join(state, "kho.db"), release, holding)
	there := &office{gate: g, folder: filepath.Join(dir, "can-bo"), log: filepath.Join(state, "so")}
	for _, d := range []string{state, there.log, there.folder} {
		must(t, os.Mkdir(d, 0o700))
		must(t, os.Chown(d, unprivileged, unprivileged))
	}
	// The checkpoints before the records, as the manual says: what is copied meanwhile goes on.
	files, err := os.ReadDir(o.evidence())
	must(t, err)
	for _, f := range files {
		if f.Type().IsRegular() {
			hand(t, filepath.Join(o.evidence(), f.Name()), filepath.Join(there.log, f.Name()))
		}
	}
	hand(t, backup, filepath.Join(there.folder, "sao-luu.db"))
	hand(t, o.identity("lan"), there.identity("lan"))
	must(t, os.WriteFile(filepath.Join(dir, "congthu.yml"), []byte(g.Config), 0o644))
	return there
}

// hand copies a file for the gate's user.
func hand(t *testing.T, from, to string) {
	t.Helper()
	b, err := os.ReadFile(from)
	must(t, err)
	must(t, os.WriteFile(to, b, 0o600))
	must(t, os.Chown(to, unprivileged, unprivileged))
}

// has: every message that was held when the backup was made is there, whole, and an officer shows and releases one.
func (o *office) has(t *testing.T, k *keepLoad, taken []int) {
	t.Helper()
	all := o.list(t, "limit=200")
	contents := quarantinedIn(t, o, filepath.Join(filepath.Dir(o.evidence()), "kho.db"))
	for _, n := range taken {
		if l := k.letter(n); k.holds(n) && !oneEndsIn(contents, l.bytes()) {
			t.Errorf("%s was held before the backup and is not in it as it was", l.key)
		}
	}
	h := all[len(all)-1]
	out, _ := o.as(t, 0, "lan", "quarantine", "show", h.ID)
	if !strings.Contains(out, "subject    Thu so ") {
		t.Errorf("a message is shown there as\n%s", out)
	}
	had := k.road.sink.Count()
	out, _ = o.as(t, 0, "lan", "quarantine", "release", "--reason", "Thu hop le", h.ID)
	if !strings.HasPrefix(out, h.ID+": released (250 ") {
		t.Errorf("a release there says %s", out)
	}
	must(t, peer.Wait(patience, "the released message", func() bool { return k.road.sink.Count() > had }))
	d := k.road.sink.Deliveries()[had]
	whole := false
	for n := range int(k.next.Load()) + 1 {
		whole = whole || k.holds(n) && bytes.HasSuffix(d.Bytes, k.letter(n).bytes())
	}
	if !whole {
		t.Errorf("what was released there is none of the messages:\n%s", d.Bytes)
	}
	if len(o.list(t, "state=released")) != 1 {
		t.Error("the released message is not in the list of those")
	}
}

// copied: backup and restoring are on record, with how long they took, and the chain goes on over both machines.
func (o *office) copied(t *testing.T) {
	t.Helper()
	seen := map[string]int{}
	for _, r := range o.records(t) {
		if r.Act != nil {
			seen[r.Act.What]++
			if (r.Act.What == "backup" || r.Act.What == "restore") && (r.Act.Details["took"] == "" || r.Act.Details["octets"] == "") {
				t.Errorf("on record is %+v", r.Act)
			}
		}
	}
	for _, what := range []string{"backup", "restore", "rebuild", "view", "release"} {
		if seen[what] == 0 {
			t.Errorf("there is no %s on record: %v", what, seen)
		}
	}
	o.whole(t)
}
