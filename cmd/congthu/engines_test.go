package main

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"congthu/filter/policy"
	"congthu/internal/peer"
	"congthu/rules"
)

// A reload keeps an engine that is asked in the same way, whatever its answers are worth now, and ends what is not named
// any more; metrics tell of those that are there.
func TestEnginesOverReloads(t *testing.T) {
	c := scanner(t, "")
	if err := c.UseDaily(27500); err != nil {
		t.Fatal(err)
	}
	reg := prometheus.NewPedanticRegistry()
	e := newEngines(reg, slog.New(slog.DiscardHandler), false, nil)
	defer e.close()
	use := func(section string) rules.Viruses {
		t.Helper()
		conf, err := policy.Parse("a.yml", []byte("virus: "+strings.ReplaceAll(section, "SOCKET", c.Socket())+"\n"), rules.Defaults())
		if err != nil {
			t.Fatal(err)
		}
		v, err := e.use(conf, nil)
		if err != nil {
			t.Fatal(err)
		}
		e.settle(conf)
		return v
	}
	first := use(`{clamd: ["unix:SOCKET"]}`)
	second := use(`{clamd: [{address: "unix:SOCKET", failed: accept, found: hold}, {name: gone, address: "unix:/nobody"}], ask: in-turn}`)
	if first.Engines[0].Scanner != second.Engines[0].Scanner {
		t.Error("the engine was made anew")
	}
	if first.InTurn || !second.InTurn || len(second.Engines) != 2 {
		t.Errorf("%+v", second)
	}
	up := func(engine string) bool {
		families, err := reg.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families {
			for _, m := range f.GetMetric() {
				if f.GetName() == "congthu_engine_up" && m.GetLabel()[0].GetValue() == engine {
					return m.GetGauge().GetValue() == 1
				}
			}
		}
		return false
	}
	if err := peer.Wait(time.Minute, "the engine to answer", func() bool { return up("clamd") }); err != nil {
		t.Fatal(err)
	}
	if up("gone") {
		t.Error("an engine that is not there is up")
	}
	if n := testutil.CollectAndCount(&engineMetrics{engines: e, up: prometheus.NewDesc("up", "", []string{"engine"}, nil), age: prometheus.NewDesc("age", "", []string{"engine"}, nil)}); n != 3 {
		t.Errorf("%d metrics, want two engines and one age", n)
	}
	third := use(`{clamd: [{address: "unix:SOCKET", timeout: 5s}]}`)
	if third.Engines[0].Scanner == second.Engines[0].Scanner || len(e.running) != 1 {
		t.Errorf("%d engines are running", len(e.running))
	}
	if use(`{}`); len(e.running) != 0 {
		t.Errorf("%d engines are running", len(e.running))
	}
}
