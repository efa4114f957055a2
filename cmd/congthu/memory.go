package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"congthu/filter/evidence"
	"congthu/filter/policy"
	"congthu/store"
	"congthu/store/notice"
)

// storeRetry is how often a database that did not open, and a part that ended, is tried again.
const storeRetry = 5 * time.Second

// memory is what a running gate keeps: the evidence log, the store and what tells people of it. Its parts run
// until close.
type memory struct {
	conf   *policy.Config
	log    *slog.Logger
	now    func() time.Time
	ours   func(domain string) bool
	gauges *store.Gauges

	evidence *evidence.Log
	store    atomic.Pointer[store.Store] // nil while the database does not open
	mine     *os.File                    // while there is a store: keeps gates of our name away from it
	canHold  atomic.Bool                 // there is a store, and an officer in it
	counted  atomic.Bool                 // officers could be counted a moment ago
	told     *telling                    // nil: nobody is told

	ctx   context.Context
	stop  context.CancelFunc
	ended sync.WaitGroup
}

// openMemory opens what the configuration asks for: nil when that is nothing. A database that does not open keeps
// no mail from passing: it is tried again, and nothing is held until then.
func openMemory(c *policy.Config, ours func(string) bool, reg prometheus.Registerer, log *slog.Logger, now func() time.Time) (*memory, error) {
	if !c.KeepsEvidence() {
		log.Warn("no evidence is kept (evidence.dir is none), and nothing can be held")
		return nil, nil
	}
	m := &memory{conf: c, log: log, now: now, ours: ours, gauges: store.NewGauges(reg)}
	m.ctx, m.stop = context.WithCancel(context.Background())
	var err error
	m.evidence, err = evidence.Open(evidence.Options{Dir: c.Evidence.Dir, Gate: gateName(c), Now: now, FileBytes: int64(c.Evidence.FileSize),
		Retention: time.Duration(c.Evidence.Retention), Log: log, Metrics: newEvidenceGauges(reg), OffMachine: checkpointSinks(c)})
	if err != nil {
		m.stop()
		return nil, &exitError{exitConfig, c.Problem("evidence.dir", err.Error()+": name a folder that the gate may write and no other gate uses, or none")}
	}
	if err := m.begin(reg); err != nil {
		return nil, errors.Join(err, m.close())
	}
	return m, nil
}

// begin starts everything beside the evidence log.
func (m *memory) begin(reg prometheus.Registerer) error {
	var err error
	if m.told, err = newTelling(m, reg); err != nil {
		return err
	}
	if m.conf.Evidence.Stream.Address != "" {
		s, err := m.stream()
		if err != nil {
			return err
		}
		m.lasting("the stream of the evidence", func() error { return s.Run(m.ctx, m.evidence) })
	}
	m.verify(m.conf.Evidence.Dir, reg)
	if m.conf.HasStore() {
		reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "congthu_can_hold",
			Help: "1 while mail can be held: the database is open and has an officer."}, m.holds))
	}
	m.lasting("the control socket", func() error { return m.evidence.ServeControl(m.ctx) })
	if m.conf.HasStore() {
		err := m.openStore()
		if errors.Is(err, store.ErrSameGate) {
			return &exitError{exitConfig, m.conf.Problem("evidence.gate", err.Error()+": give each gate a name of its own")}
		}
		if err != nil {
			m.log.Error("the database does not open; it is tried again, and nothing can be held until then", "error", err.Error())
		}
		m.ended.Go(m.keepStore)
	}
	m.act(evidence.Start, "", "version "+version())
	return nil
}

// lasting runs a part until the gate stops. One that ends before is begun again.
func (m *memory) lasting(what string, run func() error) {
	m.ended.Go(func() {
		for {
			err := run()
			if m.ctx.Err() != nil || errors.Is(err, evidence.ErrClosed) { // the gate stops
				return
			}
			m.log.Error(what+" has ended and is begun again", "error", fmt.Sprint(err))
			select {
			case <-m.ctx.Done():
				return
			case <-time.After(storeRetry):
			}
		}
	})
}

// act records something that the gate did by itself.
func (m *memory) act(what evidence.What, object, reason string) {
	m.evidence.Note(evidence.Record{Kind: evidence.KindAct, Act: &evidence.Act{Who: "congthu", What: what, Object: object, Reason: reason}})
}

// close ends all parts; what was appended is durable then.
func (m *memory) close() error {
	if m == nil {
		return nil
	}
	m.act(evidence.Stop, "", "")
	err := m.evidence.Close() // those who follow it are given its last record
	m.stop()
	m.ended.Wait()
	if s := m.store.Load(); s != nil {
		err = errors.Join(err, s.Close(), m.mine.Close())
	}
	return err
}

func (m *memory) openStore() error {
	s, err := store.Open(m.ctx, store.Options{DSN: m.conf.Store.DSN, Now: m.now, Log: m.log, Metrics: m.gauges})
	if err != nil {
		return err
	}
	if m.mine, err = s.LockGate(gateName(m.conf)); err != nil {
		return errors.Join(err, s.Close())
	}
	m.store.Store(s)
	m.countOfficers(s)
	m.lasting("the index of the evidence", func() error {
		return s.KeepIndex(m.ctx, m.evidence, gateName(m.conf), m.conf.Evidence.Dir)
	})
	return nil
}

// keepStore opens the database when it was not to be had, and follows what officers do in other processes.
func (m *memory) keepStore() {
	second := time.NewTicker(time.Second)
	defer second.Stop()
	next := m.now().Add(storeRetry)
	for {
		select {
		case <-m.ctx.Done():
			return
		case <-second.C:
		}
		if s := m.store.Load(); s != nil {
			m.countOfficers(s)
			m.told.due(m.ctx, s)
			continue
		}
		if now := m.now(); now.After(next) {
			next = now.Add(storeRetry)
			if err := m.openStore(); err == nil {
				m.log.Info("the database is open")
			} else {
				m.told.trouble(notice.StoreTrouble, err)
			}
		}
	}
}

// countOfficers keeps canHold. What is not known stays as it was: holding itself will tell.
func (m *memory) countOfficers(s *store.Store) {
	officers, err := s.ListOfficers(m.ctx)
	defer m.counted.Store(err == nil) // after canHold: not known is better than wrong
	if err != nil {
		return
	}
	if had := m.canHold.Swap(len(officers) > 0); had != (len(officers) > 0) {
		m.log.Info("officers who can open held mail", "officers", len(officers))
	}
}

func (m *memory) stream() (*evidence.Stream, error) {
	s := m.conf.Evidence.Stream
	o := evidence.StreamOptions{Format: evidence.JSONL, Position: filepath.Join(m.conf.Evidence.Dir, "stream.position"), Log: m.log}
	if s.Format == policy.StreamCEF {
		o.Format = evidence.CEF
	}
	kind, address, _ := strings.Cut(s.Address, ":")
	o.Address = address
	if kind == "tls" {
		host, _, _ := strings.Cut(address, ":")
		o.TLS = &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}
		if s.CA != "" {
			pem, err := os.ReadFile(s.CA)
			if err != nil {
				return nil, &exitError{exitConfig, m.conf.Problem("evidence.stream.ca", err.Error())}
			}
			o.TLS.RootCAs = x509.NewCertPool()
			if !o.TLS.RootCAs.AppendCertsFromPEM(pem) {
				return nil, &exitError{exitConfig, m.conf.Problem("evidence.stream.ca", "holds no certificate in PEM")}
			}
		}
	}
	return evidence.NewStream(o)
}

func checkpointSinks(c *policy.Config) []evidence.CheckpointSink {
	if c.Evidence.CheckpointURL == "" {
		return nil
	}
	return []evidence.CheckpointSink{evidence.NewHTTPSink(string(c.Evidence.CheckpointURL), nil)}
}

// gateName is the gate's name in records and alerts.
func gateName(c *policy.Config) string {
	if c.Evidence.Gate != "" {
		return c.Evidence.Gate
	}
	if name, err := os.Hostname(); err == nil && name != "" {
		return name
	}
	return "congthu"
}

// evidenceGauges are evidence.Metrics for Prometheus.
type evidenceGauges struct {
	records, lost prometheus.Counter
	ok            prometheus.Gauge
}

func newEvidenceGauges(reg prometheus.Registerer) *evidenceGauges {
	g := &evidenceGauges{
		records: prometheus.NewCounter(prometheus.CounterOpts{Name: "congthu_evidence_records_total", Help: "Records of the evidence log that are durable."}),
		lost:    prometheus.NewCounter(prometheus.CounterOpts{Name: "congthu_evidence_notes_lost_total", Help: "Outcomes and acts of the gate that could not be recorded. No mail passed without its verdict."}),
		ok:      prometheus.NewGauge(prometheus.GaugeOpts{Name: "congthu_evidence_ok", Help: "1 when the evidence log can be written; else mail is deferred."}),
	}
	reg.MustRegister(g.records, g.lost, g.ok)
	g.ok.Set(1)
	return g
}

func (g *evidenceGauges) Records(n int) { g.records.Add(float64(n)) }
func (g *evidenceGauges) Lost(n int)    { g.lost.Add(float64(n)) }
func (g *evidenceGauges) OK(ok bool) {
	g.ok.Set(0)
	if ok {
		g.ok.Set(1)
	}
}
