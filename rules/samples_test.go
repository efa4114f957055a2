package rules_test

import (
	"context"
	"flag"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"congthu/filter"
	"congthu/filter/message"
	"congthu/internal/samples"
	"congthu/rules"
	"congthu/rules/pack"
)

var update = flag.Bool("update", false, "write the verdicts got into the .want files")

// config is the rules' configuration without a configuration file.
func config(t testing.TB) rules.Config {
	t.Helper()
	p, err := pack.BuiltIn()
	if err != nil {
		t.Fatal(err)
	}
	return rules.Config{InlineFloor: rules.DefaultInlineFloor, FreeMail: p, Ours: filter.Organisation{Domains: samples.Domains()}.Ours}
}

func judge(t testing.TB, c rules.Config, settings map[string]filter.Setting) *filter.Judge {
	t.Helper()
	p := &filter.Policy{Hash: "sha256:test", Organisation: filter.Organisation{Domains: samples.Domains()}, Rules: rules.All(c), Settings: settings,
		Uninspected: map[message.Reason]filter.Disposition{}, Deadline: time.Minute}
	j, err := filter.NewJudge(p, 4, filter.NewMetrics(prometheus.NewRegistry()), slog.New(slog.DiscardHandler), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func TestSamples(t *testing.T) {
	all, err := samples.Load("testdata")
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 40 {
		t.Fatalf("only %d samples", len(all))
	}
	j := judge(t, config(t), rules.Defaults())
	for _, s := range all {
		t.Run(s.Name, func(t *testing.T) {
			tx, err := s.Transaction(filter.NewID(time.Now()))
			if err != nil {
				t.Fatal(err)
			}
			v := j.Judge(context.Background(), tx)
			got := samples.Describe(v)
			if v.Err != nil {
				t.Errorf("judging failed: %v", v.Err)
			}
			if *update {
				if err := s.Update(got); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(s.Want, got); diff != "" {
				t.Errorf("verdict differs (-want +got):\n%s", diff)
			}
		})
	}
}
