package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"congthu/filter"
	"congthu/filter/evidence"
	"congthu/filter/message"
	"congthu/filter/milter"
	"congthu/filter/policy"
	"congthu/filter/relay"
)

// stopGrace is how long sessions may take to finish their message when the gate stops. It is longer
// than the longest judging and shorter than systemd's patience (TimeoutStopSec of the unit).
const stopGrace = 70 * time.Second

type serveCommand struct {
	Config string `help:"Configuration file (default: /etc/congthu/congthu.yml if there is one)." placeholder:"FILE"`
}

// Run serves until the program is told to stop.
func (c *serveCommand) Run(p *program) error {
	conf, err := loadConfig(c.Config)
	if err != nil {
		return err
	}
	if err := servable(conf); err != nil {
		return err
	}
	if err := usable(conf); err != nil {
		return err
	}
	g, err := newGate(p, conf)
	if err != nil {
		return err
	}
	return g.run(p.ctx, func() (*policy.Config, error) { return loadConfig(c.Config) }, p.reload)
}

// servable says what a configuration lacks that is not wrong in itself, but leaves a gate without sense.
func servable(c *policy.Config) error {
	switch {
	case len(c.Organisation.Domains) == 0:
		return &exitError{exitConfig, c.Problem("organisation.domains", "name at least one domain of yours, for example [monre.gov.vn]; without it no mail is ours")}
	case len(c.Milter) == 0 && len(c.Relay) == 0:
		return &exitError{exitConfig, c.Problem("", "no listener: write a milter or a relay section, or try congthu demo")}
	}
	return nil
}

// door is what both doors have.
type door interface {
	Serve(net.Listener) error
	Shutdown(context.Context) error
}

// gate is a running gate: a judge, its doors and the admin listener.
type gate struct {
	conf    *policy.Config
	budget  *message.Budget // of all messages in hand, and of what rules unwrap
	judge   *filter.Judge
	metrics *filter.Metrics
	log     *slog.Logger
	now     func() time.Time
	admin   *admin
	looking *looking // into files
	memory  *memory  // nil when nothing is kept
	shown   *pages   // nil without a console
	web     *ownWeb  // nil when the console is on the admin listener, or nowhere
	doors   []door
	listens []net.Listener // one for each door, then the admin's
}

// newGate makes a gate and opens every listener, or none.
func newGate(p *program, conf *policy.Config) (*gate, error) {
	budget := message.NewBudget(int64(conf.Limits.Spool))
	reg := prometheus.NewRegistry()
	reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), buildInfo())
	var err error
	g := &gate{conf: conf, budget: budget, now: p.now, metrics: filter.NewMetrics(reg), admin: newAdmin(reg, prefixes(conf.Admin.Allow)),
		log: slog.New(slog.NewJSONHandler(p.stderr, &slog.HandlerOptions{Level: conf.Log.Level.Slog()}))}
	if g.looking, err = newLooking(reg, g.log, !looksIntoFiles(conf)); err != nil {
		return nil, err
	}
	pol, err := buildPolicy(conf, budget, g.looking)
	if err == nil {
		err = signOutgoing(conf, pol, p.now)
	}
	if err != nil {
		g.close()
		return nil, err
	}
	announce(conf, g.metrics)
	g.begin(pol)
	if g.judge, err = filter.NewJudge(pol, conf.Limits.Judging, g.metrics, g.log, p.now); err != nil {
		g.close()
		return nil, err
	}
	if err := g.open(p); err != nil {
		g.close()
		return nil, err
	}
	ours := func(domain string) bool { return g.judge.Policy().Organisation.Ours(domain) } // of the policy in force
	if g.memory, err = openMemory(conf, ours, reg, g.log, p.now); err != nil {
		g.close()
		return nil, err
	}
	if g.memory != nil {
		g.judge.KeepWith(g.memory)
		g.admin.trouble = g.memory.evidence.OK
	}
	err = g.openConsole(reg, p)
	if err == nil {
		err = g.showState(reg, p.now)
	}
	if err != nil {
		g.close()
		return nil, errors.Join(err, g.memory.close())
	}
	return g, nil
}

// open makes the doors and opens their listeners and the admin's.
func (g *gate) open(p *program) error {
	for i, m := range g.conf.Milter {
		mc := milterConfig(g.conf, m)
		l, err := milter.Listen(mc)
		if err != nil {
			return listenError(g.conf, fmt.Sprintf("milter[%d].listen", i), m.Listen, err)
		}
		g.listens = append(g.listens, l)
		g.doors = append(g.doors, milter.New(mc, g.judge, g.budget, g.metrics, g.log, p.now))
	}
	for i, r := range g.conf.Relay {
		d, err := relay.New(relayConfig(g.conf, r), g.judge, g.budget, g.metrics, g.log, p.now)
		if err != nil {
			return fmt.Errorf("relay listener %q: %w", r.Name, err)
		}
		l, err := net.Listen("tcp", r.Listen)
		if err != nil {
			return listenError(g.conf, fmt.Sprintf("relay[%d].listen", i), r.Listen, err)
		}
		g.listens = append(g.listens, l)
		g.doors = append(g.doors, d)
	}
	if g.conf.Admin.Listen == "" {
		return nil
	}
	l, err := net.Listen("tcp", g.conf.Admin.Listen)
	if err != nil {
		return listenError(g.conf, "admin.listen", g.conf.Admin.Listen, err)
	}
	g.listens = append(g.listens, l)
	return nil
}

func buildInfo() prometheus.Collector {
	g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "congthu_build_info", Help: "Always 1; the labels tell the build."}, []string{"version", "go"})
	g.WithLabelValues(version(), runtime.Version()).Set(1)
	return g
}

// close lets go of what a gate that does not open has taken.
func (g *gate) close() {
	g.closeListeners()
	g.looking.close() // it has nothing to lose
}

func (g *gate) closeListeners() {
	for _, l := range g.listens {
		l.Close()
	}
}

// run serves until ctx ends or a listener breaks, then lets the messages at hand finish.
func (g *gate) run(ctx context.Context, load func() (*policy.Config, error), hup <-chan os.Signal) error {
	broken := make(chan error, len(g.listens)+1)
	for i, d := range g.doors {
		go func() { broken <- d.Serve(g.listens[i]) }()
	}
	if len(g.listens) > len(g.doors) {
		go func() { broken <- g.admin.serve(g.listens[len(g.doors)]) }()
	}
	if g.web != nil {
		go func() { broken <- g.web.serve() }()
	}
	g.admin.ready.Store(true)
	notifySystemd(g.log, "READY=1")
	g.log.Info("gate is open", "version", version(), "policy", g.judge.Policy().Hash, "listeners", g.addresses())

	var err error
	for waiting := true; waiting; {
		select {
		case <-hup:
			g.reload(load)
		case err = <-broken:
			waiting = false
		case <-ctx.Done():
			waiting = false
		}
	}
	return errors.Join(err, g.stop())
}

func (g *gate) stop() error {
	g.admin.ready.Store(false)
	notifySystemd(g.log, "STOPPING=1")
	g.log.Info("gate is closing")
	ctx, cancel := context.WithTimeout(context.Background(), stopGrace)
	defer cancel()
	errs := make(chan error, len(g.doors))
	for _, d := range g.doors {
		go func() { errs <- d.Shutdown(ctx) }()
	}
	var all []error
	for range g.doors {
		all = append(all, <-errs)
	}
	all = append(all, g.admin.shutdown(ctx), g.web.shutdown(ctx), g.memory.close(), g.looking.close())
	g.closeListeners()
	return errors.Join(all...)
}

func (g *gate) addresses() []string {
	var out []string
	for _, l := range g.listens {
		out = append(out, l.Addr().String())
	}
	return out
}

// reload puts a new policy in force, or keeps the old when the new configuration is bad.
func (g *gate) reload(load func() (*policy.Config, error)) {
	conf, err := load()
	if err == nil {
		err = servable(conf)
	}
	if err == nil {
		err = g.conf.SameListeners(conf)
	}
	var pol *filter.Policy
	if err == nil {
		pol, err = buildPolicy(conf, g.budget, g.looking)
	}
	if err == nil {
		err = signOutgoing(conf, pol, g.now)
	}
	if err != nil {
		g.looking.engines.settle(g.conf)
		g.metrics.Reload.Set(0)
		g.log.Error("configuration not reloaded, the old one stays in force", "error", err.Error())
		return
	}
	g.conf = conf
	if g.shown != nil {
		g.shown.use(conf)
	}
	g.judge.Swap(pol)
	g.looking.engines.settle(conf)
	announce(conf, g.metrics)
	g.begin(pol)
	g.metrics.Reload.Set(1)
	if g.memory != nil {
		g.memory.act(evidence.Reload, pol.Hash, "")
	}
	g.log.Info("configuration reloaded", "policy", pol.Hash)
}

// notifySystemd tells systemd a state, when it started us and asked for it (sd_notify(3)).
func notifySystemd(log *slog.Logger, state string) {
	path := os.Getenv("NOTIFY_SOCKET")
	if path == "" {
		return
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: path, Net: "unixgram"})
	if err == nil {
		defer conn.Close()
		_, err = conn.Write([]byte(state))
	}
	if err != nil {
		log.Warn("systemd could not be told", "state", state, "error", err.Error())
	}
}
