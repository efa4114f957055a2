package console

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"time"

	"congthu/store"
)

type systemData struct {
	System System
	Up     time.Duration
	Acts   []store.Act // what the gate did: starts, reloads, backups
	Health []health
}

// health is one thing that can be well or not.
type health struct {
	Key    string // of the catalogue
	Name   string // of an engine, a listener
	Good   bool
	Detail string
}

// systemPage shows how the gate does.
func (c *Console) systemPage(w http.ResponseWriter, r *request) error {
	d := systemData{System: c.options.Gate.System()}
	d.Up = r.now.Sub(d.System.Started)
	d.Health = healthOf(d.System)
	acts, _, err := r.store.Acts(r.Context(), store.ActFilter{Who: "congthu", Limit: 20})
	if err != nil {
		return err
	}
	d.Acts = acts
	return c.render(w, http.StatusOK, &page{request: r, Name: "system", Title: "menu.system", Data: d})
}

// healthOf reads what is well out of the gate's own metrics, so that the page says what the alerts say.
func healthOf(s System) []health {
	out := []health{{Key: "system.ready", Good: s.Ready}, {Key: "system.evidence", Good: s.Trouble == "", Detail: s.Trouble}}
	workers, there := 0.0, false
	for _, m := range s.Metrics {
		switch m.Name {
		case "congthu_config_last_reload_successful":
			out = append(out, health{Key: "system.reload", Good: m.Value == 1})
		case "congthu_panics_total":
			out = append(out, health{Key: "system.panics", Good: m.Value == 0})
		case "congthu_can_hold":
			out = append(out, health{Key: "system.can-hold", Good: m.Value == 1})
		case "congthu_evidence_intact":
			out = append(out, health{Key: "system.intact", Good: m.Value == 1})
		case "congthu_workers":
			if state := m.Labels["state"]; state == "idle" || state == "busy" {
				workers, there = workers+m.Value, true
			}
		case "congthu_engine_up":
			out = append(out, health{Key: "system.engine", Name: m.Labels["engine"], Good: m.Value == 1})
		}
	}
	if there {
		out = append(out, health{Key: "system.workers", Good: workers > 0})
	}
	return out
}

// Rows are the metrics by name, each with its labels as text.
func (d systemData) Rows() []Metric {
	rows := slices.Clone(d.System.Metrics)
	slices.SortStableFunc(rows, func(a, b Metric) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(labels(a), labels(b)))
	})
	return rows
}

// LabelText is a metric's labels in order.
func (m Metric) LabelText() string { return labels(m) }

func labels(m Metric) string {
	var all []string
	for k, v := range m.Labels {
		all = append(all, k+"="+v)
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}
