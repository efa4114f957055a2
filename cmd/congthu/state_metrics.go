package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"congthu/filter"
	"congthu/filter/message"
	"congthu/filter/policy"
	"congthu/filter/relay"
)

// showState registers what is true of a gate whichever messages it has in hand.
func (g *gate) showState(reg prometheus.Registerer, now func() time.Time) error {
	limit := float64(g.conf.Limits.Spool)
	reg.MustRegister(
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "congthu_ready", Help: "1 while /readyz says that the gate is ready."}, func() float64 {
			if g.admin.notReady() != nil {
				return 0
			}
			return 1
		}),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "congthu_spool_bytes", Help: "Octets of all messages in hand, and of what rules unwrap of them."},
			func() float64 { return limit - float64(g.budget.Left()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "congthu_spool_limit_bytes", Help: "What congthu_spool_bytes may be at most (limits.spool); beyond, mail is deferred."},
			func() float64 { return limit }))
	certificates, err := newCertificateMetrics(g.conf, now)
	if err != nil {
		return err
	}
	reg.MustRegister(certificates)
	return nil
}

// begin makes the counters that alerts watch begin with 0: of what appears with its first event, Prometheus never sees
// that event.
func (g *gate) begin(pol *filter.Policy) {
	for door, listeners := range map[string]int{"milter": len(g.conf.Milter), "relay": len(g.conf.Relay)} {
		if listeners == 0 {
			continue
		}
		for _, direction := range []filter.Direction{filter.Outbound, filter.Internal, filter.Inbound} {
			for d := filter.Accept; d <= filter.Refuse; d++ {
				g.metrics.Messages.WithLabelValues(door, string(direction), d.String(), "")
			}
		}
	}
	for _, r := range pol.Rules {
		g.metrics.RuleErrors.WithLabelValues(r.Name)
	}
	for _, reason := range append(message.Reasons(), filter.RuleFailed) {
		g.metrics.NotInspectedBytes.WithLabelValues(string(reason))
	}
}

// certificateMetrics tells how long the gate's own TLS certificates are good, as they are in use.
type certificateMetrics struct {
	left  *prometheus.Desc
	pairs map[string]*relay.Certificates // by listener
	now   func() time.Time
}

func newCertificateMetrics(c *policy.Config, now func() time.Time) (*certificateMetrics, error) {
	m := &certificateMetrics{now: now, pairs: map[string]*relay.Certificates{}, left: prometheus.NewDesc("congthu_certificate_expiry_seconds",
		"How long a listener's TLS certificate, with those that it presents beside it, is good; negative once it is not.", []string{"name"}, nil)}
	files := map[string]relay.ListenTLS{"console": {Certificate: c.Console.TLS.Certificate, Key: c.Console.TLS.Key}}
	for _, r := range c.Relay {
		files["relay:"+r.Name] = relay.ListenTLS{Certificate: r.TLS.Certificate, Key: r.TLS.Key}
	}
	for name, f := range files {
		if f.Certificate == "" {
			continue
		}
		pair, err := relay.NewCertificates(f, slog.New(slog.DiscardHandler)) // the listener's own says what goes wrong
		if err != nil {
			return nil, fmt.Errorf("certificate of %s: %w", name, err)
		}
		m.pairs[name] = pair
	}
	return m, nil
}

// Describe implements prometheus.Collector.
func (m *certificateMetrics) Describe(to chan<- *prometheus.Desc) { to <- m.left }

// Collect implements prometheus.Collector.
func (m *certificateMetrics) Collect(to chan<- prometheus.Metric) {
	for name, pair := range m.pairs {
		inUse, err := pair.Get(nil)
		if err != nil { // the pair before stays in use instead
			continue
		}
		if end, ok := goodUntil(inUse); ok {
			to <- prometheus.MustNewConstMetric(m.left, prometheus.GaugeValue, end.Sub(m.now()).Seconds(), name)
		}
	}
}

// goodUntil is when the first certificate of a chain ends: the others do not save it.
func goodUntil(pair *tls.Certificate) (end time.Time, ok bool) {
	for _, der := range pair.Certificate {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			continue
		}
		if !ok || c.NotAfter.Before(end) {
			end, ok = c.NotAfter, true
		}
	}
	return end, ok
}
