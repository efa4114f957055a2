package main

import (
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"congthu/filter/policy"
	"congthu/rules"
)

// A second gate with the folder of the first, or with its database under its name, does not start, and says why; with a
// name of its own it does.
func TestTwoGates(t *testing.T) {
	t.Parallel()
	r := remember(t, "")
	open := func(change func(*policy.Config)) error {
		t.Helper()
		c, err := policy.Load(r.conf, rules.Defaults())
		if err != nil {
			t.Fatal(err)
		}
		change(c)
		m, err := openMemory(c, r.ours, prometheus.NewRegistry(), slog.New(slog.DiscardHandler), r.clock.now)
		if err != nil {
			return err
		}
		return m.close()
	}
	elsewhere := filepath.Join(t.TempDir(), "evidence")
	for _, tt := range []struct {
		change func(*policy.Config)
		want   string
	}{
		{func(*policy.Config) {}, "evidence.dir"},
		{func(c *policy.Config) { c.Evidence.Dir = elsewhere }, "evidence.gate"},
	} {
		err := open(tt.change)
		if e := (*exitError)(nil); !errors.As(err, &e) || e.code != exitConfig || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("want %s: %v", tt.want, err)
		}
	}
	if err := open(func(c *policy.Config) { c.Evidence.Dir, c.Evidence.Gate = elsewhere, "cong-2" }); err != nil {
		t.Error(err)
	}
	r.shut() // and the first is whole
	if err := open(func(*policy.Config) {}); err != nil {
		t.Error(err)
	}
}
