package main

import (
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"congthu/filter"
	"congthu/filter/message"
	"congthu/filter/policy"
	"congthu/rules"
	"congthu/rules/virus"
)

// rememberedScans is how many answers of virus scanners are remembered, by hash, without content.
const rememberedScans = 50_000

// engines are the virus scanners of the process. One that a new configuration leaves as it is stays, with its
// connections and what it knows; messages that are being judged may go on with one that is no longer wanted.
type engines struct {
	lazy bool // they are asked only when there is something to scan
	log  *slog.Logger
	hit  func()

	mu      sync.Mutex
	running map[engineKey]*virus.Engine
	memory  *virus.Memory
	keep    time.Duration // of memory
}

// engineKey is what makes an engine another: what its answers are worth does not.
type engineKey struct {
	policy.Engine
	keep time.Duration
}

func newEngines(reg prometheus.Registerer, log *slog.Logger, lazy bool, hit func()) *engines {
	e := &engines{lazy: lazy, log: log, hit: hit, running: map[engineKey]*virus.Engine{}}
	reg.MustRegister(&engineMetrics{engines: e,
		up: prometheus.NewDesc("congthu_engine_up", "1 when a virus scanner answered the last time it was asked.", []string{"engine"}, nil),
		age: prometheus.NewDesc("congthu_engine_database_age_seconds", "Age of a virus scanner's signatures, where it tells.",
			[]string{"engine"}, nil)})
	return e
}

func keyOf(e policy.Engine, keep time.Duration) engineKey {
	return engineKey{policy.Engine{Name: e.Name, Address: e.Address, MaxSize: e.MaxSize, Timeout: e.Timeout, Concurrent: e.Concurrent}, keep}
}

// use gives the engines of a configuration, and starts those that are new.
func (e *engines) use(c *policy.Config, budget *message.Budget) (rules.Viruses, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	keep := time.Duration(c.Virus.Remember)
	if e.memory == nil || e.keep != keep {
		memory, err := virus.NewMemory(rememberedScans, keep, time.Now, e.hit)
		if err != nil {
			return rules.Viruses{}, err
		}
		e.memory, e.keep = memory, keep
	}
	out := rules.Viruses{InTurn: c.Virus.Ask == policy.AskInTurn, Limits: c.Limits.Message(), Budget: budget}
	for _, want := range c.Engines() {
		key := keyOf(want, keep)
		engine := e.running[key]
		if engine == nil {
			var err error
			engine, err = virus.New(virus.Options{Name: want.Name, Address: want.Address, Concurrent: want.Concurrent,
				Timeout: time.Duration(want.Timeout), MaxSize: int64(want.MaxSize)}, virus.Shared{Memory: e.memory, Log: e.log, Now: time.Now})
			if err != nil {
				return rules.Viruses{}, fmt.Errorf("virus scanner %q: %w", want.Name, err)
			}
			e.running[key] = engine
			if !e.lazy {
				engine.Watch()
			}
		}
		out.Engines = append(out.Engines, rules.VirusEngine{Scanner: engine, Found: filter.Disposition(want.Found), Suspicious: filter.Disposition(want.Heuristics),
			Failed: filter.Disposition(want.Failed), TooBig: filter.Disposition(want.TooBig)})
	}
	return out, nil
}

// settle ends the engines that the configuration in force does not name.
func (e *engines) settle(c *policy.Config) {
	wanted := map[engineKey]bool{}
	for _, one := range c.Engines() {
		wanted[keyOf(one, time.Duration(c.Virus.Remember))] = true
	}
	e.end(func(key engineKey) bool { return !wanted[key] })
}

func (e *engines) close() { e.end(func(engineKey) bool { return true }) }

func (e *engines) end(which func(engineKey) bool) {
	e.mu.Lock()
	var old []*virus.Engine
	for key, engine := range e.running {
		if which(key) {
			old = append(old, engine)
			delete(e.running, key)
		}
	}
	e.mu.Unlock()
	for _, engine := range old {
		engine.Close()
	}
}

// checkEngines finds engines that could never be asked: what goes to another machine must have passed the marking rule.
func checkEngines(c *policy.Config) error {
	if c.Rules[filter.RuleMarking].Mode != policy.Mode(filter.Off) || c.Rules[filter.RuleVirus].Mode == policy.Mode(filter.Off) {
		return nil
	}
	for kind, list := range map[string][]policy.Engine{"clamd": c.Virus.Clamd, "icap": c.Virus.ICAP} {
		for i, e := range list {
			if !virus.Local(e.Address) {
				return &exitError{exitConfig, c.Problem(fmt.Sprintf("virus.%s[%d]", kind, i),
					"is on another machine and is asked only about mail in which rule marking found nothing, but that rule is off: set rules.marking.mode to monitor or enforce")}
			}
		}
	}
	return nil
}

// announce makes the counters of engines that fail open begin with 0.
func announce(c *policy.Config, m *filter.Metrics) {
	for _, e := range c.Engines() {
		m.FailOpen.WithLabelValues(e.Name)
	}
	if len(c.Signing.DKIM.Keys) > 0 {
		m.FailOpen.WithLabelValues(filter.EngineDKIM)
	}
	if c.Rules[rules.NameSpam].Mode != policy.Mode(filter.Off) {
		m.FailOpen.WithLabelValues(rules.EngineRspamd)
	}
}

// engineMetrics asks the engines when metrics are read.
type engineMetrics struct {
	engines *engines
	up, age *prometheus.Desc
}

// Describe implements prometheus.Collector.
func (m *engineMetrics) Describe(to chan<- *prometheus.Desc) {
	to <- m.up
	to <- m.age
}

// Collect implements prometheus.Collector. Of engines of one name, which a reload leaves for a moment, one is told.
func (m *engineMetrics) Collect(to chan<- prometheus.Metric) {
	m.engines.mu.Lock()
	defer m.engines.mu.Unlock()
	told := map[string]bool{}
	for _, e := range m.engines.running {
		if told[e.Name()] {
			continue
		}
		told[e.Name()] = true
		up, database := e.State()
		value := 0.0
		if up {
			value = 1
		}
		to <- prometheus.MustNewConstMetric(m.up, prometheus.GaugeValue, value, e.Name())
		if !database.Made.IsZero() {
			to <- prometheus.MustNewConstMetric(m.age, prometheus.GaugeValue, time.Since(database.Made).Seconds(), e.Name())
		}
	}
}
