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

// TestVirusCrowd: 200 mails at once before a clamd that hangs. Each is deferred in time, none passes, the gate's memory and
// goroutines stay within bounds, and mail passes within seconds when clamd goes on.
func TestVirusCrowd(t *testing.T) {
	t.Parallel()
	c := startClamd(t)
	r, next := base(t)
	door := next()
	r.gate.Config = fmt.Sprintf("organisation: {domains: [%s], trusted_networks: [127.0.0.0/8]}\nadmin: {listen: %q}\n"+
		"relay: [{name: mx, listen: %q, next_hops: [%q], trusted_peers: [], client_connections: 0}]\n"+
		"virus: {clamd: [{address: \"unix:%s\", timeout: 3s}]}\nlimits: {deadline: 40s}\n", ours, r.gate.Admin, door, r.sink.Addr, c.Socket())
	must(t, r.gate.Start())
	defer func() { must(t, r.gate.Stop()) }()
	send := func(key string) peer.Reply {
		client, err := peer.Dial(door)
		if err != nil {
			t.Errorf("%s: %v", key, err)
			return peer.Reply{}
		}
		defer client.Close()
		if err := client.Ehlo(clientName); err != nil {
			t.Errorf("%s: %v", key, err)
			return peer.Reply{}
		}
		a, err := client.Send(letter{key: key, subject: "Thu " + key}.mail())
		if err != nil {
			t.Errorf("%s: %v", key, err)
			return peer.Reply{}
		}
		return a.Last()
	}
	if got := send("truoc"); got.Code != 250 {
		t.Fatalf("before: answered %s", got)
	}
	must(t, c.Pause())
	start := time.Now()
	var deferredMails atomic.Int64
	var slowest atomic.Int64
	var wg sync.WaitGroup
	for n := range 200 {
		wg.Go(func() {
			begun := time.Now()
			got := send(fmt.Sprintf("dam-dong-%d", n))
			if got.Code == 451 && strings.Contains(got.String(), "4.3.0") {
				deferredMails.Add(1)
			} else {
				t.Errorf("mail %d: answered %s", n, got)
			}
			slowest.Store(max(slowest.Load(), int64(time.Since(begun))))
		})
	}
	goroutines := 0.0
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	for waiting := true; waiting; {
		select {
		case <-done:
			waiting = false
		case <-time.After(200 * time.Millisecond):
			n, err := r.gate.Metric("go_goroutines")
			must(t, err)
			goroutines = max(goroutines, n)
		}
	}
	memory, err := r.gate.Metric("process_resident_memory_bytes")
	must(t, err)
	t.Logf("%d mails deferred in %s, the slowest after %s; %.0f goroutines, %.0f MB", deferredMails.Load(), time.Since(start).Round(time.Millisecond),
		time.Duration(slowest.Load()).Round(time.Millisecond), goroutines, memory/1e6)
	if deferredMails.Load() != 200 || time.Duration(slowest.Load()) > 60*time.Second {
		t.Errorf("%d of 200 were deferred, the slowest after %s", deferredMails.Load(), time.Duration(slowest.Load()))
	}
	if goroutines > 1500 { // a few for each connection
		t.Errorf("%.0f goroutines", goroutines)
	}
	if memory > 1<<30 { // under the race detector, which takes several times as much
		t.Errorf("%.0f MB", memory/1e6)
	}
	must(t, c.Resume())
	back := time.Now()
	must(t, peer.Wait(patience, "a mail to pass", func() bool { return send(fmt.Sprintf("sau-%d", time.Now().UnixNano())).Code == 250 }))
	if took := time.Since(back); took > 15*time.Second {
		t.Errorf("mail passed again only after %s", took)
	}
	if n := len(r.sink.ByKey("dam-dong-1")); n != 0 {
		t.Error("a mail passed unseen")
	}
}
