package peer

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"strconv"
)

// Prometheus is a private instance of Debian's prometheus.
type Prometheus struct {
	Addr string // where it listens
	Dir  string // a scratch folder that has prometheus.yml

	d daemon
}

// NeedPrometheus ends a test where no private Prometheus can be started.
func NeedPrometheus(t TB) {
	t.Helper()
	_, err := exec.LookPath("prometheus")
	if err == nil {
		_, err = exec.LookPath("promtool")
	}
	Need(t, err == nil, "Prometheus and promtool (Debian package prometheus)")
}

// Start starts Prometheus and waits until it answers.
func (p *Prometheus) Start() error {
	p.d.name = "prometheus"
	cmd := exec.Command("prometheus", "--config.file="+filepath.Join(p.Dir, "prometheus.yml"), "--storage.tsdb.path="+filepath.Join(p.Dir, "data"),
		"--web.listen-address="+p.Addr, "--log.level=warn")
	cmd.Dir = p.Dir
	if err := p.d.start(cmd); err != nil {
		return err
	}
	err := Wait(startLimit, "Prometheus", func() bool {
		r, err := get("http://" + p.Addr + "/-/ready")
		if err != nil {
			return false
		}
		r.Body.Close()
		return r.StatusCode == http.StatusOK
	})
	if err != nil {
		return fmt.Errorf("%w\n%s", err, p.d.out.String())
	}
	return nil
}

// Stop ends it.
func (p *Prometheus) Stop() error { return p.d.stop() }

// Log is what it says.
func (p *Prometheus) Log() string { return p.d.out.String() }

// Query is how many series with a number a query gives now.
func (p *Prometheus) Query(expr string) (int, error) {
	r, err := get("http://" + p.Addr + "/api/v1/query?query=" + url.QueryEscape(expr))
	if err != nil {
		return 0, fmt.Errorf("asking Prometheus: %w", err)
	}
	defer r.Body.Close()
	var answer struct {
		Status, Error string
		Data          struct {
			Result []struct{ Value [2]any }
		}
	}
	if err := json.NewDecoder(r.Body).Decode(&answer); err != nil {
		return 0, fmt.Errorf("asking Prometheus: %w", err)
	}
	if answer.Status != "success" {
		return 0, fmt.Errorf("asking Prometheus %s: %s", expr, answer.Error)
	}
	series := 0
	for _, s := range answer.Data.Result {
		text, _ := s.Value[1].(string)
		v, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return 0, fmt.Errorf("asking Prometheus %s: the value %v: %w", expr, s.Value, err)
		}
		if !math.IsNaN(v) {
			series++
		}
	}
	return series, nil
}
