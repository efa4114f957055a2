package deploy

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"congthu/internal/peer"
)

// scraped is a gate under a little load of everything, and a Prometheus that asks it.
type scraped struct {
	*stand
	prometheus *peer.Prometheus
	rounds     int
}

// newScraped starts a gate with all that has metrics: two scanners, of which one does not answer and may be passed by,
// officers, a console with a certificate, a webhook that nobody serves.
func newScraped(t *testing.T) *scraped {
	t.Helper()
	peer.NeedPrometheus(t)
	clamd := startClamd(t)
	must(t, clamd.UseDaily(27000))
	s := &scraped{stand: newStand(t, milterTCP, "")}
	var ports peer.Ports
	next := func() string {
		addr, err := ports.Next()
		must(t, err)
		return addr
	}
	certificate, err := peer.NewCertificate(s.gate.Dir)
	must(t, err)
	more := fmt.Sprintf("virus: {clamd: [\"unix:%s\"], icap: [{address: \"icap://%s/avscan\", name: icap, failed: accept}]}\n"+
		"console: {listen: %q, tls: {certificate: %q, key: %q}}\nalerts: {webhook: \"http://%s/\"}\n",
		clamd.Socket(), next(), next(), certificate.File, certificate.Key, next())
	newOffice(t, s.gate, "", more, "lan")
	must(t, s.gate.Stop())
	s.gate.Config = strings.Replace(s.gate.Config, "evidence: {dir:", "evidence: {verify: 10s, dir:", 1)
	must(t, s.gate.Start())
	dir, err := peer.TempDir()
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	ruleFiles(t, dir, s.gate.Admin)
	s.prometheus = &peer.Prometheus{Addr: next(), Dir: dir}
	must(t, s.prometheus.Start())
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("Prometheus:\n%s", tail(s.prometheus.Log()))
		}
		must(t, s.prometheus.Stop())
	})
	return s
}

// round sends one mail of each kind.
func (s *scraped) round(t *testing.T) {
	t.Helper()
	s.rounds++
	key := func(name string) string { return fmt.Sprintf("%s-%d", name, s.rounds) }
	clean := zipOf(t, "bao-cao.txt", "Kinh gui anh chi.")
	marked := letter{key: key("mat"), subject: "=?UTF-8?Q?TUY=E1=BB=86T_M=E1=BA=ACT?="}
	for _, m := range []letter{
		{key: key("thuong"), subject: "Bao cao thang"}, {key: key("khong-tieu-de")}, {key: key("giu"), subject: "Bao cao", fields: "X-Giu: 1\r\n"},
		marked, withDocument(key("sach"), "bao-cao.zip", clean), withDocument(key("hong"), "hong.zip", clean[:len(clean)-40]),
		withDocument(key("nhiem"), "nhiem.zip", zipOf(t, "a.txt", peer.EICAR())),
	} {
		for _, client := range []string{inside, outside} {
			s.send(t, client, m.mail())
		}
	}
}

// queries are those of all dashboards, and of their variables, as Grafana would send them.
func queries(t *testing.T) map[string]string {
	t.Helper()
	grafana := strings.NewReplacer("$__range", "5m", "$__rate_interval", "5m", "$instance", ".*", "$direction", ".*", "$clause", ".*", "$unit", ".*")
	values := regexp.MustCompile(`^label_values\((\w+), (\w+)\)$`)
	out := map[string]string{}
	for name, d := range dashboards(t) {
		for _, p := range d.Panels {
			for _, q := range p.Targets {
				out[name+": "+p.Title+" "+q.RefID] = grafana.Replace(q.Expr)
			}
		}
		for _, v := range d.Templating.List {
			if v.Type != "query" {
				continue
			}
			query, _ := v.Query.(map[string]any)
			text, _ := query["query"].(string)
			m := values.FindStringSubmatch(text)
			if m == nil {
				t.Fatalf("%s: variable %s: %v is not looked into", name, v.Name, v.Query)
			}
			out[name+": variable "+v.Name] = fmt.Sprintf("count by (%s) (%s)", m[2], m[1])
		}
	}
	return out
}

// TestDashboardsOfAGate: a real Prometheus asks a real gate; every query of every dashboard gives data, the alert about the
// scanner that does not answer comes, and docs/metrics.md names what the gate exports, no more and no less.
func TestDashboardsOfAGate(t *testing.T) {
	t.Parallel()
	s := newScraped(t)
	missing := queries(t)
	if len(missing) < 40 {
		t.Fatalf("there are only %d queries", len(missing))
	}
	missing["alert"] = `ALERTS{alertname="CongthuEngineDown",alertstate="firing",engine="icap"}`
	for _, r := range rulesOf(t, "prometheus/congthu-recording.yml") {
		missing[r.Record] = r.Record
	}
	// What looks an hour back, which is not yet over.
	delete(missing, "instance_direction:congthu_messages_refused:ratio7d")
	err := peer.Wait(patience, "data for every query", func() bool {
		s.round(t)
		for who, expr := range missing {
			n, err := s.prometheus.Query(expr)
			must(t, err)
			if n > 0 {
				delete(missing, who)
			}
		}
		return len(missing) == 0
	})
	for who, expr := range missing {
		t.Errorf("%s has no data: %s", who, expr)
	}
	if err != nil {
		t.Errorf("after %d rounds: %v", s.rounds, err)
	}
	sameAsDocumented(t, s.gate.Admin)
}

// sameAsDocumented compares docs/metrics.md with what a gate exports: names, types and labels.
func sameAsDocumented(t *testing.T, admin string) {
	t.Helper()
	resp, err := http.Get("http://" + admin + "/metrics")
	must(t, err)
	defer resp.Body.Close()
	defer http.DefaultClient.CloseIdleConnections()
	b, err := io.ReadAll(resp.Body)
	must(t, err)
	kinds, labels := map[string]string{}, map[string][]string{}
	label := regexp.MustCompile(`(\w+)="(?:[^"\\]|\\.)*"`)
	for line := range strings.SplitSeq(string(b), "\n") {
		if f := strings.Fields(line); strings.HasPrefix(line, "# TYPE congthu_") {
			kinds[f[2]] = f[3]
			continue
		}
		name := regexp.MustCompile(`^congthu_\w+`).FindString(line)
		for _, ending := range []string{"_bucket", "_sum", "_count"} {
			if base := strings.TrimSuffix(name, ending); kinds[base] == "histogram" {
				name = base
			}
		}
		for _, m := range label.FindAllStringSubmatch(line, -1) {
			if name != "" && m[1] != "le" && !slices.Contains(labels[name], m[1]) {
				labels[name] = append(labels[name], m[1])
			}
		}
	}
	said := documented(t)
	for name, kind := range kinds {
		slices.Sort(labels[name])
		if got := strings.TrimSpace(kind + " " + strings.Join(labels[name], " ")); said[name] != got {
			t.Errorf("docs/metrics.md says %q of %s, and the gate %q", said[name], name, got)
		}
		delete(said, name)
	}
	for name := range said {
		t.Errorf("docs/metrics.md names %s, which the gate does not export", name)
	}
}
