package deploy

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"congthu/internal/peer"
)

// variable is a variable of Grafana in a query.
var variable = regexp.MustCompile(`\$\{?(\w+)`)

// alertRule is an alerting or recording rule of Prometheus.
type alertRule struct {
	Alert       string            `yaml:"alert"`
	Record      string            `yaml:"record"`
	Expr        string            `yaml:"expr"`
	For         string            `yaml:"for"`
	Labels      map[string]string `yaml:"labels"`
	Annotations map[string]string `yaml:"annotations"`
}

func rulesOf(t *testing.T, name string) []alertRule {
	t.Helper()
	var all struct {
		Groups []struct {
			Rules []alertRule `yaml:"rules"`
		} `yaml:"groups"`
	}
	must(t, yaml.Unmarshal([]byte(file(t, name)), &all))
	var out []alertRule
	for _, g := range all.Groups {
		out = append(out, g.Rules...)
	}
	if len(out) == 0 {
		t.Fatalf("%s has no rules", name)
	}
	return out
}

// promtool runs Prometheus's own checker in the folder of the rules.
func promtool(t *testing.T, args ...string) {
	t.Helper()
	peer.NeedPrometheus(t)
	cmd := exec.Command("promtool", args...)
	cmd.Dir = "prometheus"
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, tail(string(out)))
	}
}

// Prometheus takes the configuration, and each alert comes when it should and not before.
func TestPrometheusRules(t *testing.T) {
	t.Parallel()
	promtool(t, "check", "config", "prometheus.yml")
	promtool(t, "check", "rules", "congthu-recording.yml", "congthu-alerts.yml")
	promtool(t, "test", "rules", "congthu-test.yml", "congthu-week-test.yml")
}

// Each alert, in each severity, has a test in which it comes and one in which it does not.
func TestEachAlertIsTried(t *testing.T) {
	comes, staysAway := map[string]bool{}, map[string]bool{}
	for _, name := range []string{"prometheus/congthu-test.yml", "prometheus/congthu-week-test.yml"} {
		var all struct {
			Tests []struct {
				Checks []struct {
					Alert string `yaml:"alertname"`
					Want  []struct {
						Labels map[string]string `yaml:"exp_labels"`
					} `yaml:"exp_alerts"`
				} `yaml:"alert_rule_test"`
			} `yaml:"tests"`
		}
		must(t, yaml.Unmarshal([]byte(file(t, name)), &all))
		for _, one := range all.Tests {
			for _, c := range one.Checks {
				staysAway[c.Alert] = staysAway[c.Alert] || len(c.Want) == 0
				for _, w := range c.Want {
					comes[c.Alert+" "+w.Labels["severity"]] = true
				}
			}
		}
	}
	for _, r := range rulesOf(t, "prometheus/congthu-alerts.yml") {
		if key := r.Alert + " " + r.Labels["severity"]; !comes[key] {
			t.Errorf("no test makes %s come", key)
		}
		if !staysAway[r.Alert] {
			t.Errorf("no test has %s stay away", r.Alert)
		}
	}
}

// Whoever is woken finds what to do: each alert has its section, and each section its alert.
func TestRunbook(t *testing.T) {
	var sections []string
	for _, m := range regexp.MustCompile(`(?m)^## (\w+)\n\n(?:.+\n)+\n\*\*Do:\*\* .+\n\n\*\*Threshold:\*\* .+\n`).FindAllStringSubmatch(file(t, "../docs/alerts.md"), -1) {
		sections = append(sections, m[1])
	}
	var alerts []string
	for _, r := range rulesOf(t, "prometheus/congthu-alerts.yml") {
		if s := r.Labels["severity"]; s != "critical" && s != "warning" {
			t.Errorf("%s: severity %q", r.Alert, s)
		}
		if want := "file:/usr/share/doc/congthu/docs/alerts.md#" + strings.ToLower(r.Alert); r.Annotations["runbook_url"] != want {
			t.Errorf("%s: its runbook is %q, not %q", r.Alert, r.Annotations["runbook_url"], want)
		}
		if r.Annotations["summary"] == "" || r.Annotations["description"] == "" {
			t.Errorf("%s says nothing", r.Alert)
		}
		alerts = append(alerts, r.Alert)
	}
	alerts = slices.Compact(alerts)
	if !slices.Equal(alerts, sections) {
		t.Errorf("docs/alerts.md has the sections\n%v\nand there are the alerts\n%v", sections, alerts)
	}
}

// What rules and dashboards ask for exists: a metric of docs/metrics.md, one of the process, or a recording rule.
func TestAskedMetricsExist(t *testing.T) {
	known := map[string]bool{"up": true, "ALERTS": true, "process_start_time_seconds": true, "process_resident_memory_bytes": true, "process_cpu_seconds_total": true}
	for name, kind := range documented(t) {
		known[name] = true
		if strings.HasPrefix(kind, "histogram") {
			known[name+"_bucket"], known[name+"_sum"], known[name+"_count"] = true, true, true
		}
	}
	asked := map[string]string{}
	for _, name := range []string{"prometheus/congthu-recording.yml", "prometheus/congthu-alerts.yml"} {
		for _, r := range rulesOf(t, name) {
			asked[r.Alert+r.Record] = r.Expr
			if r.Record != "" {
				known[r.Record] = true
			}
		}
	}
	for name, d := range dashboards(t) {
		for _, p := range d.Panels {
			for _, q := range p.Targets {
				asked[name+": "+p.Title+" "+q.RefID] = q.Expr
			}
		}
	}
	metric := regexp.MustCompile(`\b(?:(?:instance\w*:)?congthu_[\w:]+|process_\w+|up\b|ALERTS\b)`)
	for who, expr := range asked {
		names := metric.FindAllString(expr, -1)
		if len(names) == 0 {
			t.Errorf("%s asks for no metric: %s", who, expr)
		}
		for _, n := range names {
			if !known[n] {
				t.Errorf("%s asks for %s, which nobody exports", who, n)
			}
		}
	}
}

// documented is what docs/metrics.md says of each metric: "counter direction disposition".
func documented(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, m := range regexp.MustCompile("(?m)^\\| `(congthu_\\w+)` \\| (\\w+) \\| ([^|]*)\\| [^|]+ \\| [^|]+ \\|$").FindAllStringSubmatch(file(t, "../docs/metrics.md"), -1) {
		out[m[1]] = strings.TrimSpace(m[2] + " " + strings.ReplaceAll(m[3], "`", ""))
	}
	if len(out) == 0 {
		t.Fatal("docs/metrics.md has no table")
	}
	return out
}

// ruleFiles puts the deployed configuration into a folder, for gates at these addresses: with an interval of a second, and
// alerts that do not wait.
func ruleFiles(t *testing.T, dir string, targets ...string) {
	t.Helper()
	quoted := `["` + strings.Join(targets, `", "`) + `"]`
	conf := file(t, "prometheus/prometheus.yml", `["127.0.0.1:8025"]`, quoted, "_interval: 15s", "_interval: 1s")
	recording := file(t, "prometheus/congthu-recording.yml", "interval: 2m", "interval: 1s")
	alerts := regexp.MustCompile(`(?m)^( +for: ).*$`).ReplaceAllString(file(t, "prometheus/congthu-alerts.yml"), "${1}0s")
	for name, text := range map[string]string{"prometheus.yml": conf, "congthu-recording.yml": recording, "congthu-alerts.yml": alerts} {
		must(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
}
