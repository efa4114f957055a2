package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"congthu/console"
	"congthu/filter"
	"congthu/filter/message"
	"congthu/filter/policy"
	"congthu/rules"
	"congthu/store"
	"congthu/store/review"
)

// pages is the gate as its console sees it.
type pages struct {
	gate    *gate
	metrics prometheus.Gatherer
	started time.Time
	now     func() time.Time
	show    atomic.Pointer[inForce]
	end     func() // ends what never ends by itself
}

// inForce is a configuration since it was read.
type inForce struct {
	conf   *policy.Config
	loaded time.Time
}

// newPages makes the console of a gate: nil when the gate keeps nothing that it could show.
func newPages(g *gate, reg prometheus.Gatherer, now func() time.Time) (http.Handler, *pages, error) {
	if g.memory == nil || !g.conf.HasStore() || !g.conf.HasConsole() {
		return nil, nil, nil
	}
	p := &pages{gate: g, metrics: reg, started: now(), now: now}
	p.use(g.conf)
	provider, err := oidcOf(g.conf)
	if err != nil {
		return nil, nil, err
	}
	c, err := console.New(console.Options{Gate: p, OIDC: provider, Record: recorder(g.conf), Now: now, Log: g.log, Secure: g.conf.Console.TLS.Certificate != "" || strings.HasPrefix(string(g.conf.Console.URL), "https:")})
	if err != nil {
		return nil, nil, err
	}
	p.end = c.Close
	return onlyFor(prefixes(g.conf.Console.Allow), c), p, nil
}

// use shows another configuration.
func (p *pages) use(conf *policy.Config) { p.show.Store(&inForce{conf, p.now()}) }

// Store implements console.Gate.
func (p *pages) Store() *store.Store { return p.gate.memory.store.Load() }

// Desk implements console.Gate.
func (p *pages) Desk(s *store.Store) *review.Desk {
	conf := p.show.Load().conf
	return &review.Desk{Store: s, Record: recorder(conf), Server: conf.Store.Release, Helo: gateName(conf), AuthservID: conf.Organisation.AuthservID}
}

// Policy implements console.Gate.
func (p *pages) Policy() console.Policy {
	now, pol := p.show.Load(), p.gate.judge.Policy()
	out := console.Policy{Hash: pol.Hash, Packs: pol.Packs, Loaded: now.loaded, Source: string(now.conf.Source())}
	var b bytes.Buffer
	if err := now.conf.Show(&b); err != nil { // a buffer takes everything
		return out
	}
	for line := range strings.Lines(b.String()) {
		text, origin, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " # ")
		out.Lines = append(out.Lines, console.PolicyLine{Text: strings.TrimRight(text, " "), Origin: origin})
	}
	return out
}

// Evidence implements console.Gate.
func (p *pages) Evidence() console.Evidence {
	log := p.gate.memory.evidence
	out := console.Evidence{Dir: log.Dir(), Gate: gateName(p.show.Load().conf)}
	out.Seq, out.Hash = log.Tail()
	if err := log.OK(); err != nil {
		out.Trouble = err.Error()
	}
	return out
}

// System implements console.Gate.
func (p *pages) System() console.System {
	out := console.System{Gate: gateName(p.show.Load().conf), Version: version(), Started: p.started, Ready: p.gate.admin.ready.Load()}
	if err := p.gate.memory.evidence.OK(); err != nil {
		out.Trouble = err.Error()
	}
	for i, l := range p.gate.listens {
		out.Listeners = append(out.Listeners, p.gate.listener(i, l))
	}
	families, err := p.metrics.Gather()
	if err != nil {
		p.gate.log.Warn("not all metrics can be shown", "error", err.Error())
	}
	for _, f := range families {
		if !strings.HasPrefix(f.GetName(), "congthu_") {
			continue
		}
		for _, m := range f.GetMetric() {
			out.Metrics = append(out.Metrics, shownMetric(f.GetName(), m))
		}
	}
	return out
}

// listener names a door, or the admin listener.
func (g *gate) listener(i int, l net.Listener) console.Listener {
	switch milters := len(g.conf.Milter); {
	case i < milters:
		return console.Listener{Name: g.conf.Milter[i].Name, Kind: "milter", Address: l.Addr().String()}
	case i < milters+len(g.conf.Relay):
		return console.Listener{Name: g.conf.Relay[i-milters].Name, Kind: "relay", Address: l.Addr().String()}
	}
	return console.Listener{Name: "admin", Kind: "admin", Address: l.Addr().String()}
}

// maxTried is how long the judging of a message that is tried may take.
const maxTried = 30 * time.Second

// Try implements console.Gate. Of an edited configuration only what judges counts: its rules, what is ours, what marking
// is. Where the gate listens, keeps, asks and reads files stays as it is in force.
func (p *pages) Try(ctx context.Context, config, mail []byte, e console.Envelope) (filter.Verdict, error) {
	conf := p.show.Load().conf
	if len(config) > 0 {
		edited, err := policy.Parse("edited", config, rules.Defaults())
		if err != nil {
			return filter.Verdict{}, console.ErrConfiguration{Err: err}
		}
		if conf, err = conf.Judging(edited); err != nil {
			return filter.Verdict{}, console.ErrConfiguration{Err: err}
		}
	}
	ctx, cancel := context.WithTimeout(ctx, maxTried)
	defer cancel()
	pol, err := buildPolicy(conf, p.gate.budget, p.gate.looking)
	var exit *exitError
	if errors.As(err, &exit) {
		return filter.Verdict{}, console.ErrConfiguration{Err: exit.err}
	}
	if err != nil {
		return filter.Verdict{}, fmt.Errorf("making the policy to try: %w", err)
	}
	return p.try(ctx, pol, conf, mail, e)
}

func (p *pages) try(ctx context.Context, pol *filter.Policy, conf *policy.Config, mail []byte, e console.Envelope) (filter.Verdict, error) {
	judge, err := filter.NewJudge(pol, 1, filter.NewMetrics(prometheus.NewRegistry()), slog.New(slog.DiscardHandler), p.now)
	if err != nil {
		return filter.Verdict{}, fmt.Errorf("making a judge to try: %w", err)
	}
	c := &checkCommand{Direction: "auto", To: e.Recipients}
	if e.Direction != "" {
		c.Direction = e.Direction
	}
	if e.ReversePath != "" {
		c.From = &e.ReversePath
	}
	limits := conf.Limits.Message()
	spool := message.NewSpool(limits, p.gate.budget)
	defer spool.Close()
	_, err = io.Copy(spool, bytes.NewReader(mail))
	return c.decide(ctx, judge, limits, spool, err, p.now())
}

// openConsole puts the console on the admin listener and, at the first start, prints how the first administrator gets
// in.
func (g *gate) openConsole(reg *prometheus.Registry, p *program) error {
	handler, shown, err := newPages(g, reg, p.now)
	if err != nil || handler == nil {
		return err
	}
	g.shown = shown
	if g.web, err = g.openWeb(handler); err != nil {
		return err
	}
	server := g.admin.server
	if g.web == nil {
		g.admin.pages(handler)
	} else {
		server = g.web.server
	}
	server.RegisterOnShutdown(shown.end)
	s := g.memory.store.Load()
	if s == nil {
		return nil
	}
	code, err := console.FirstCode(p.ctx, s, p.now())
	if err != nil {
		g.log.Error("the first administrator's code could not be made; congthu console invite makes one", "error", err.Error())
		return nil
	}
	if code != "" {
		fmt.Fprintf(p.stderr, "congthu: nobody can sign in to the console yet. Within %v, make the first administrator's account at\n  %s/setup#%s\n", console.InviteLife, g.consoleAddress(), code)
	}
	return nil
}

// consoleAddress is where a browser finds the console.
func (g *gate) consoleAddress() string {
	switch k := g.conf.Console; {
	case k.URL != "":
		return strings.TrimSuffix(string(k.URL), "/")
	case g.web != nil && k.TLS.Certificate != "":
		return "https://" + g.web.listen.Addr().String()
	case g.web != nil:
		return "http://" + g.web.listen.Addr().String()
	}
	return "http://" + g.listens[len(g.doors)].Addr().String()
}

type consoleCommands struct {
	Invite consoleInviteCommand `cmd:"" help:"Print a code with which somebody makes an account in the console, once within a day."`
}

type consoleInviteCommand struct {
	keeping
	Role    string `help:"What the person may do." enum:"administrator,officer,auditor,sender" default:"administrator"`
	Address string `help:"The person's own mail address; a sender needs one." placeholder:"ADDRESS"`
}

// Run makes an invitation.
func (c *consoleInviteCommand) Run(p *program) error {
	i := store.Invitation{Role: store.Role(c.Role), Address: c.Address}
	if err := store.CheckInvitation(i); err != nil {
		return &exitError{exitUsage, fmt.Errorf("congthu: --address: %w", err)}
	}
	conf, s, record, err := c.open(p)
	if err != nil {
		return err
	}
	defer s.Close()
	if err := record(p.ctx, inviteAct(i)); err != nil {
		return err
	}
	code, err := console.Invite(p.ctx, s, i, p.now())
	if err != nil {
		return err
	}
	address := "http://" + conf.Admin.Listen
	switch k := conf.Console; {
	case k.URL != "":
		address = strings.TrimSuffix(string(k.URL), "/")
	case k.Listen != "" && k.TLS.Certificate != "":
		address = "https://" + k.Listen
	case k.Listen != "":
		address = "http://" + k.Listen
	}
	_, err = fmt.Fprintf(p.stdout, "%s/setup#%s\n", address, code)
	return err
}
