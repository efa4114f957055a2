package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"congthu/internal/peer"
)

// stand is everything that runs: the sink that all mail ends in, a Postfix with one listener for each
// candidate behind it and one without any, the gate, the floors and the peers.
type stand struct {
	dir        string // scratch folder
	sockets    string // folder of the milters' sockets
	ports      peer.Ports
	sink       *child
	sinkAddr   string
	count      *counter
	mx         *peer.Postfix // Dir is "" when nothing behind Postfix is measured
	plain      string        // address of Postfix alone
	reinject   string        // address of the Postfix behind the proxy filters
	gate       *peer.Gate    // nil when no door is measured
	candidates []*candidate
	missing    []string
}

// newStand starts all that the kinds need. What cannot be had is left out and named in missing.
func newStand(o options, all []kind, says io.Writer) (_ *stand, err error) {
	s := &stand{mx: &peer.Postfix{Name: "mx.bo.example"}}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.stop())
		}
	}()
	if s.dir, err = peer.TempDir(); err != nil {
		return nil, err
	}
	if err := s.startSink(); err != nil {
		return nil, err
	}
	if err := s.prepare(all); err != nil {
		return nil, err
	}
	if err := s.prepareGate(o); err != nil {
		return nil, err
	}
	if err := s.startFilters(says); err != nil {
		return nil, err
	}
	if s.mx.Dir != "" {
		if err := s.startPostfix(); err != nil {
			return nil, err
		}
	}
	return s, s.probe()
}

func (s *stand) startSink() (err error) {
	if s.sinkAddr, err = s.ports.Next(); err != nil {
		return err
	}
	if s.sink, err = own(roleSink, s.sinkAddr, ""); err != nil {
		return err
	}
	if err := s.sink.Start(); err != nil {
		return err
	}
	s.count, err = dialCounter(s.sinkAddr)
	return err
}

// prepare places the candidates and finds their servers.
func (s *stand) prepare(all []kind) (err error) {
	for _, k := range all {
		if k.hook == hookInline || s.mx.Dir != "" {
			continue
		}
		if err := s.mx.Prepare(); err != nil {
			return err
		}
		s.sockets = filepath.Join(s.mx.Dir, "spool/congthu")
		if err := os.Mkdir(s.sockets, 0o755); err != nil {
			return fmt.Errorf("making the sockets' folder: %w", err)
		}
		if s.plain, err = s.ports.Next(); err != nil {
			return err
		}
		if s.reinject, err = s.ports.Next(); err != nil {
			return err
		}
	}
	for _, k := range all {
		c := &candidate{kind: k}
		if err := c.place(s); err != nil {
			return err
		}
		if !k.ours() {
			if err := c.make(s); err != nil {
				s.missing = append(s.missing, k.key+": "+err.Error())
				continue
			}
		}
		s.candidates = append(s.candidates, c)
	}
	return nil
}

// prepareGate writes the configuration of the doors that are measured: one process for all. Unless it keeps them,
// the gate has neither evidence nor database.
func (s *stand) prepareGate(o options) (err error) {
	var milters, relays strings.Builder
	for _, c := range s.candidates {
		if !c.ours() {
			continue
		}
		switch c.hook {
		case hookMilterUnix:
			fmt.Fprintf(&milters, "  - {name: %s, listen: %q, mode: \"0666\"}\n", c.key, c.listen)
		case hookMilterTCP:
			fmt.Fprintf(&milters, "  - {name: %s, listen: \"tcp:%s\"}\n", c.key, c.listen)
		case hookProxyFilter:
			fmt.Fprintf(&relays, "  - {name: %s, listen: %q, next_hops: [%q], trusted_peers: [127.0.0.1]}\n", c.key, c.listen, s.reinject)
		case hookInline:
			fmt.Fprintf(&relays, "  - {name: %s, listen: %q, next_hops: [%q], direction: outbound}\n", c.key, c.listen, s.sinkAddr)
		}
	}
	if milters.Len()+relays.Len() == 0 {
		return nil
	}
	binary, err := filepath.Abs(o.gate)
	if err != nil {
		return fmt.Errorf("finding the gate's binary: %w", err)
	}
	admin, err := s.ports.Next()
	if err != nil {
		return err
	}
	text := fmt.Sprintf("organisation: {domains: [bo.example], trusted_networks: [127.0.0.0/8]}\nadmin: {listen: %q}\n", admin)
	evidence, store := "none", "none"
	if o.keep {
		evidence, store = filepath.Join(s.dir, "evidence"), "sqlite:"+filepath.Join(s.dir, "congthu.db")
	}
	text += fmt.Sprintf("evidence: {dir: %q}\nstore: {dsn: %q}\n", evidence, store)
	if !o.files {
		text += "rules: {marking: {mode: off}, uninspected: {mode: off}, attachment-type: {mode: off}, signature: {mode: off}}\n"
	}
	if milters.Len() > 0 {
		text += "milter:\n" + milters.String()
	}
	if relays.Len() > 0 {
		text += "relay:\n" + relays.String()
	}
	s.gate = &peer.Gate{Binary: binary, Admin: admin, Dir: s.dir, Config: text}
	for _, c := range s.candidates {
		if c.ours() {
			c.server = s.gate
		}
	}
	return nil
}

// startFilters starts the gate, the floors and the peers. A peer that does not start is missing.
func (s *stand) startFilters(says io.Writer) error {
	if s.gate != nil {
		if err := s.gate.Start(); err != nil {
			return err
		}
	}
	var there []*candidate
	for _, c := range s.candidates {
		if !c.ours() {
			fmt.Fprintf(says, "starting %s\n", c.key)
			if err := c.server.Start(); err != nil {
				if c.role != "" {
					return err
				}
				s.missing = append(s.missing, c.key+": "+err.Error())
				continue
			}
		}
		there = append(there, c)
	}
	s.candidates = there
	for _, c := range s.candidates {
		if err := settle(c.server.PID()); err != nil {
			return err
		}
	}
	return nil
}

// settle waits until a process has finished starting: until it works for less than 10 ms in 300 ms.
func settle(pid int) error {
	before, err := cpuSeconds(pid)
	for end := time.Now().Add(startLimit); err == nil && time.Now().Before(end); {
		time.Sleep(300 * time.Millisecond)
		var now float64
		if now, err = cpuSeconds(pid); err == nil && now-before < 0.01 {
			return nil
		}
		before = now
	}
	return err
}

// startPostfix starts Postfix from the deployed files.
func (s *stand) startPostfix() error {
	root, err := peer.ModuleRoot()
	if err != nil {
		return err
	}
	deployed := map[string]string{}
	for _, name := range []string{"milter.cf", "proxy-filter.cf", "proxy-filter.master.cf"} {
		b, err := os.ReadFile(filepath.Join(root, "deploy/postfix", name))
		if err != nil {
			return fmt.Errorf("reading the Postfix lines: %w", err)
		}
		deployed[name] = string(b)
	}
	s.mx.NextHop, s.mx.Listens = s.sinkAddr, []string{s.plain}
	s.mx.Main = merged(deployed["milter.cf"], deployed["proxy-filter.cf"]) + "\ndefault_process_limit = 200\nnotify_classes =\n"
	var master strings.Builder
	fmt.Fprintf(&master, "%s inet n - y - 200 smtpd -o smtpd_milters=\n", s.plain)
	client, again, ok := strings.Cut(deployed["proxy-filter.master.cf"], "\n127.0.0.1:10026 inet")
	if !ok {
		return errors.New("deploy/postfix/proxy-filter.master.cf has no listener on 127.0.0.1:10026")
	}
	fmt.Fprintf(&master, "%s inet%s\n", s.reinject, again)
	for _, c := range s.candidates {
		switch c.hook {
		case hookInline:
			continue
		case hookMilterUnix:
			fmt.Fprintf(&master, "%s inet n - y - 200 smtpd -o smtpd_milters=unix:congthu/%s\n", c.load, filepath.Base(c.listen))
		case hookMilterTCP:
			fmt.Fprintf(&master, "%s inet n - y - 200 smtpd -o smtpd_milters=inet:%s\n", c.load, c.listen)
		case hookProxyFilter:
			master.WriteString(strings.NewReplacer("\nsmtp      inet", "\n"+c.load+" inet", "127.0.0.1:10025", c.listen).Replace(client) + "\n")
		}
		s.mx.Listens = append(s.mx.Listens, c.load)
	}
	s.mx.Master = master.String()
	return s.mx.Start()
}

// merged is a with the settings of b that it does not make.
func merged(a, b string) string {
	set := map[string]bool{}
	key := func(line string) string {
		k, _, ok := strings.Cut(line, "=")
		if !ok || strings.HasPrefix(line, "#") {
			return ""
		}
		return strings.TrimSpace(k)
	}
	for line := range strings.Lines(a) {
		set[key(line)] = true
	}
	out := strings.TrimRight(a, "\n") + "\n"
	for line := range strings.Lines(b) {
		if k := key(line); k != "" && !set[k] {
			out += line
		}
	}
	return out
}

// probe sends the mail that every rspamd refuses (GTUBE) through those that are measured: a scanner that scans
// nothing would be cheap.
func (s *stand) probe() error {
	const gtube = "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"
	mail := wire(head("gtube") + "\r\n" + gtube + "\r\n.\r\n")
	for _, c := range s.candidates {
		if c.key != keyRspamd && c.key != keyRspamdBare {
			continue
		}
		if _, err := one(c.load, mail); err == nil || !strings.Contains(err.Error(), "not accepted: 5") {
			return fmt.Errorf("%s does not refuse GTUBE, so it does not scan: %v", c.key, err)
		}
	}
	return nil
}

// stop ends everything.
func (s *stand) stop() (err error) {
	if s.mx.Dir != "" {
		err = s.mx.Stop()
	}
	for _, c := range s.candidates {
		if !c.ours() && c.server != nil {
			err = errors.Join(err, c.server.Stop())
		}
	}
	if s.gate != nil && s.gate.Starts > 0 {
		err = errors.Join(err, s.gate.Stop())
	}
	if s.count != nil {
		err = errors.Join(err, s.count.close())
	}
	if s.sink != nil {
		err = errors.Join(err, s.sink.Stop())
	}
	if s.dir != "" {
		err = errors.Join(err, os.RemoveAll(s.dir))
	}
	return err
}
