package main

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"congthu/filter/policy"
	"congthu/internal/peer"
	"congthu/rules"
	"congthu/store"
)

// again ends the memory and opens it anew, as a restart of the gate does.
func (r *remembered) again(t *testing.T) {
	t.Helper()
	if err := r.close(); err != nil {
		t.Fatal(err)
	}
	c, err := policy.Load(r.conf, rules.Defaults())
	if err != nil {
		t.Fatal(err)
	}
	if r.memory, err = openMemory(c, r.ours, prometheus.NewRegistry(), slog.New(slog.DiscardHandler), r.clock.now); err != nil {
		t.Fatal(err)
	}
}

// Who was told stays known when the gate starts again: nobody hears twice of the same, and whoever had not heard yet does.
func TestRestartTellsNobodyAgain(t *testing.T) {
	t.Parallel()
	r := remember(t, "notices: {submit: \"SINK\"}")
	const first, second = "01KB7W0QJ5R3M9V2C8XZ4T6N1P", "01KB7W0QJ5R3M9V2C8XZ4T6N1Q"
	r.keep(t, first, "custom:x")
	r.clock.move(2 * time.Minute)
	if all := r.told(t, 2); !strings.Contains(all["lan@monre.gov.vn"], first) {
		t.Fatalf("at first: %q", all)
	}
	for range 2 { // each looks at once what there is to tell
		r.again(t)
		r.clock.move(2 * time.Hour)
		r.looked(t)
	}
	if n := r.sink.Count(); n != r.seen {
		t.Fatalf("%d notices after a restart: %v", n-r.seen, r.told(t, 1))
	}
	r.keep(t, second, "custom:x")
	r.again(t)
	r.clock.move(2 * time.Hour)
	if all := r.told(t, 2); !strings.Contains(all["lan@monre.gov.vn"], second) || strings.Contains(all["lan@monre.gov.vn"], first) {
		t.Errorf("of another message: %q", all)
	}
}

// looked waits until it was looked for what is to be told: then all that waits is noted, or queued.
func (r *remembered) looked(t *testing.T) {
	t.Helper()
	time.Sleep(2200 * time.Millisecond) // longer than the look of each second
	err := peer.Wait(time.Minute, "the notices to be sent", func() bool {
		all, err := r.store.Load().NextNotices(t.Context(), r.clock.now(), store.MaxPage)
		return err == nil && len(all) == 0
	})
	if err != nil {
		t.Fatal(err)
	}
}
