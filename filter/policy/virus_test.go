package policy_test

import (
	"strings"
	"testing"
	"time"

	"congthu/filter"
	"congthu/filter/policy"
)

// An address alone is an engine with all defaults; names are given where there is none.
func TestVirusEngines(t *testing.T) {
	c, err := policy.Parse("a.yml", []byte(`virus: {clamd: ["unix:/run/clamav/clamd.ctl", {address: "tcp:10.0.0.5:3310", failed: accept}], icap: [{address: "icap://127.0.0.1/x", name: avira, found: hold}]}`), settings())
	if err != nil {
		t.Fatal(err)
	}
	engines := c.Engines()
	if len(engines) != 3 {
		t.Fatalf("%d engines", len(engines))
	}
	want := policy.Engine{Name: "clamd", Address: "unix:/run/clamav/clamd.ctl", Heuristics: policy.Disposition(filter.Hold), Failed: policy.OnFailed(filter.Defer),
		MaxSize: 50 << 20, Timeout: policy.Duration(30 * time.Second), Concurrent: 8}
	if engines[0] != want {
		t.Errorf("%+v", engines[0])
	}
	if e := engines[1]; e.Name != "clamd2" || e.Failed != policy.OnFailed(filter.Accept) || e.Concurrent != 8 {
		t.Errorf("%+v", e)
	}
	if e := engines[2]; e.Name != "avira" || e.Found != policy.OnFound(filter.Hold) {
		t.Errorf("%+v", e)
	}
	var b strings.Builder
	if err := c.Show(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"found: rule", "too_big: uninspected", "failed: accept", "ask: together", "remember: 15m0s"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
}
