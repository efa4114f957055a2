package main

import (
	dto "github.com/prometheus/client_model/go"

	"congthu/console"
	"congthu/filter/evidence"
	"congthu/store"
)

// shownMetric is one metric as the console shows it: of a histogram its count and sum are of use, and the count is shown.
func shownMetric(name string, m *dto.Metric) console.Metric {
	out := console.Metric{Name: name, Labels: map[string]string{}}
	for _, l := range m.GetLabel() {
		out.Labels[l.GetName()] = l.GetValue()
	}
	switch {
	case m.Counter != nil:
		out.Value = m.Counter.GetValue()
	case m.Gauge != nil:
		out.Value = m.Gauge.GetValue()
	case m.Histogram != nil:
		out.Name += "_count"
		out.Value = float64(m.Histogram.GetSampleCount())
	}
	return out
}

func inviteAct(i store.Invitation) evidence.Act {
	return evidence.Act{Who: operator(), What: evidence.People, Details: map[string]string{"did": "invited", "role": string(i.Role), "address": i.Address}}
}
