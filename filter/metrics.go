package filter

import "github.com/prometheus/client_golang/prometheus"

// Metrics are the gate's counters. Labels are bounded: nothing from a message becomes one.
type Metrics struct {
	Messages          *prometheus.CounterVec   // door, direction, disposition, unit
	Outcomes          *prometheus.CounterVec   // door, outcome
	Findings          *prometheus.CounterVec   // rule, clause, disposition, mode, unit
	JudgeSeconds      prometheus.Histogram     // from the end of the message to the verdict
	RuleSeconds       *prometheus.HistogramVec // rule
	RuleErrors        *prometheus.CounterVec   // rule
	Panics            prometheus.Counter
	InspectedBytes    prometheus.Counter
	NotInspectedBytes *prometheus.CounterVec // reason
	FailOpen          *prometheus.CounterVec // engine
	DKIM              *prometheus.CounterVec // result
	Sessions          *prometheus.GaugeVec   // door
	Reload            prometheus.Gauge       // 1 when the last reload of the configuration succeeded
}

// NewMetrics registers the gate's metrics.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	buckets := []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60}
	m := &Metrics{
		Messages: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "congthu_messages_total",
			Help: "Messages judged."}, []string{"door", "direction", "disposition", "unit"}),
		Outcomes: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "congthu_outcomes_total",
			Help: "Messages by what became of them after their verdict."}, []string{"door", "outcome"}),
		Findings: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "congthu_findings_total",
			Help: "Findings of rules, in monitor mode as well."}, []string{"rule", "clause", "disposition", "mode", "unit"}),
		JudgeSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "congthu_judge_seconds",
			Help: "Time from the end of a message to its verdict.", Buckets: buckets}),
		RuleSeconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "congthu_rule_seconds",
			Help: "Time that a rule took for a message.", Buckets: buckets}, []string{"rule"}),
		RuleErrors: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "congthu_rule_errors_total",
			Help: "Times that a rule could not judge a message."}, []string{"rule"}),
		Panics: prometheus.NewCounter(prometheus.CounterOpts{Name: "congthu_panics_total",
			Help: "Panics that were contained."}),
		InspectedBytes: prometheus.NewCounter(prometheus.CounterOpts{Name: "congthu_inspected_bytes_total",
			Help: "Octets of files that were looked into, files inside of others too."}),
		NotInspectedBytes: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "congthu_not_inspected_bytes_total",
			Help: "Octets that could not be looked into."}, []string{"reason"}),
		FailOpen: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "congthu_fail_open_total",
			Help: "Messages that passed although an engine did not look at them, because the policy says so."}, []string{"engine"}),
		DKIM: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "congthu_dkim_total",
			Help: "Outgoing messages that passed while keys are configured: signed, or why not."}, []string{"result"}),
		Sessions: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "congthu_sessions",
			Help: "Open connections."}, []string{"door"}),
		Reload: prometheus.NewGauge(prometheus.GaugeOpts{Name: "congthu_config_last_reload_successful",
			Help: "1 when the last reload of the configuration succeeded."}),
	}
	reg.MustRegister(m.Messages, m.Outcomes, m.Findings, m.JudgeSeconds, m.RuleSeconds, m.RuleErrors, m.Panics, m.InspectedBytes, m.NotInspectedBytes, m.FailOpen, m.DKIM, m.Sessions, m.Reload)
	m.Reload.Set(1)
	for _, door := range []string{DoorMilter, DoorRelay} { // begin with 0
		for _, r := range Results(door) {
			m.Outcomes.WithLabelValues(door, string(r))
		}
	}
	m.DKIM.WithLabelValues(resultSigned) // begins with 0
	for _, why := range Unsigneds() {
		m.DKIM.WithLabelValues(string(why))
	}
	return m
}
