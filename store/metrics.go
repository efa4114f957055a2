package store

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Gauges are Metrics for Prometheus.
type Gauges struct {
	messages prometheus.Gauge
	oldest   prometheus.Gauge
	errors   prometheus.Counter
}

// NewGauges registers the store's metrics.
func NewGauges(reg prometheus.Registerer) *Gauges {
	g := &Gauges{
		messages: prometheus.NewGauge(prometheus.GaugeOpts{Name: "congthu_held_messages",
			Help: "Messages in the quarantine on which nobody has decided."}),
		oldest: prometheus.NewGauge(prometheus.GaugeOpts{Name: "congthu_held_oldest_seconds",
			Help: "How long the oldest undecided message has been held; 0 without one."}),
		errors: prometheus.NewCounter(prometheus.CounterOpts{Name: "congthu_store_errors_total",
			Help: "Calls of the store that failed because of the database."}),
	}
	reg.MustRegister(g.messages, g.oldest, g.errors)
	return g
}

// Held implements Metrics.
func (g *Gauges) Held(messages int, oldest time.Duration) {
	g.messages.Set(float64(messages))
	g.oldest.Set(oldest.Seconds())
}

// Failed implements Metrics.
func (g *Gauges) Failed() { g.errors.Inc() }

type noMetrics struct{}

func (noMetrics) Held(int, time.Duration) {}
func (noMetrics) Failed()                 {}
