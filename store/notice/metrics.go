package notice

import "github.com/prometheus/client_golang/prometheus"

// Metrics count notices and alerts. All labels are from closed lists and the configuration.
type Metrics struct {
	Notices         *prometheus.CounterVec // kind; result: queued, suppressed, sent, retried, given-up, outside, error
	TemplateFailure *prometheus.CounterVec // kind
	Alerts          *prometheus.CounterVec // webhook; result: sent, retried, given-up, dropped
}

// Results of the metrics.
const (
	resultQueued     = "queued"
	resultSuppressed = "suppressed" // one was queued for the same address and rule within Interval
	resultOutside    = "outside"    // not an address of ours: nothing was queued or sent
	resultSent       = "sent"
	resultRetried    = "retried"
	resultGivenUp    = "given-up"
	resultDropped    = "dropped" // the queue of a webhook was full
	resultError      = "error"   // the queue in the store did not take it
)

// NewMetrics registers the metrics.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	m := &Metrics{
		Notices: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "congthu_notices_total",
			Help: "Notices by mail, by what became of them."}, []string{"kind", "result"}),
		TemplateFailure: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "congthu_notice_template_failures_total",
			Help: "Notices made with the built-in template because the administrator's failed."}, []string{"kind"}),
		Alerts: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "congthu_alerts_total",
			Help: "Alerts by webhook, by what became of them."}, []string{"webhook", "result"}),
	}
	for _, k := range Kinds() { // exported as 0 from the start: a rate needs a beginning
		for _, r := range []string{resultQueued, resultSuppressed, resultOutside, resultSent, resultRetried, resultGivenUp, resultError} {
			m.Notices.WithLabelValues(string(k), r)
		}
		m.TemplateFailure.WithLabelValues(string(k))
	}
	reg.MustRegister(m.Notices, m.TemplateFailure, m.Alerts)
	return m
}
