package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/emersion/go-smtp"

	"congthu/filter/policy"
	"congthu/rules"
)

type demoCommand struct {
	Listen string `help:"Where the gate takes mail (another port when it is taken)." default:"127.0.0.1:2525"`
	Admin  string `help:"Where metrics and health are (another port when it is taken)." default:"127.0.0.1:8025"`
	Log    string `help:"Where the gate's log goes (default: the demonstration's temporary folder)." placeholder:"FILE"`
	Once   bool   `help:"Send the samples, print the table and stop."`
}

// Run starts a gate on embedded defaults before a practice next hop, sends the samples through it
// and stays up for more. All its files are in a temporary folder, which goes when it stops.
func (c *demoCommand) Run(p *program) error {
	for _, a := range []string{c.Listen, c.Admin} {
		if _, port, err := net.SplitHostPort(a); err != nil || port == "" {
			return &exitError{exitUsage, fmt.Errorf("congthu: %q is no address: write host:port, for example 127.0.0.1:2525", a)}
		}
	}
	ctx, cancel := context.WithCancel(p.ctx)
	defer cancel()
	hop := &practiceHop{}
	hopAddress, err := hop.start()
	if err != nil {
		return fmt.Errorf("starting the practice mail server: %w", err)
	}
	defer hop.server.Close()
	dir, err := os.MkdirTemp("", "congthu-demo-")
	if err != nil {
		return fmt.Errorf("making the demonstration's folder: %w", err)
	}
	defer os.RemoveAll(dir)
	if c.Log == "" {
		c.Log = filepath.Join(dir, "congthu.log")
	}
	logFile, err := os.OpenFile(filepath.Clean(c.Log), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("opening the log: %w", err)
	}
	defer logFile.Close()
	conf, err := c.config(dir, hopAddress)
	if err != nil {
		return err
	}
	gateProgram := *p
	gateProgram.stderr = logFile
	g, err := newGate(&gateProgram, conf)
	if err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() { done <- g.run(ctx, func() (*policy.Config, error) { return conf, nil }, nil) }()
	if err := c.show(p.stdout, conf, hop, dir); err != nil {
		cancel()
		return errors.Join(err, <-done)
	}
	if c.Once {
		cancel()
	}
	return <-done
}

// config writes the demonstration's configuration into its folder and reads it.
func (c *demoCommand) config(dir, hopAddress string) (*policy.Config, error) {
	file := filepath.Join(dir, "congthu.yml")
	err := os.WriteFile(file, fmt.Appendf(nil, `organisation: {domains: [monre.gov.vn, mae.gov.vn], trusted_networks: [127.0.0.0/8]}
relay: [{name: demo, listen: %q, next_hops: [%q], trusted_peers: []}]
admin: {listen: %q}
evidence: {dir: %q}
store: {dsn: %q}
`, freeAddress(c.Listen), hopAddress, freeAddress(c.Admin), filepath.Join(dir, "evidence"), "sqlite:"+filepath.Join(dir, "congthu.db")), 0o600)
	if err != nil {
		return nil, fmt.Errorf("writing the demonstration's configuration: %w", err)
	}
	return policy.Load(file, rules.Defaults())
}

// freeAddress is the wanted address, or a free port of the same host when it is taken.
func freeAddress(wanted string) string {
	l, err := net.Listen("tcp", wanted)
	if err != nil {
		host, _, _ := net.SplitHostPort(wanted)
		if l, err = net.Listen("tcp", net.JoinHostPort(host, "0")); err != nil {
			return wanted // opening it again will say what is wrong
		}
	}
	defer l.Close()
	return l.Addr().String()
}

// show sends the samples, prints what became of each and how to go on.
func (c *demoCommand) show(w io.Writer, conf *policy.Config, hop *practiceHop, dir string) error {
	all, err := demoSamples()
	if err != nil {
		return err
	}
	gate := conf.Relay[0].Listen
	fmt.Fprintf(w, "Congthu stands at %s, before a practice mail server at %s.\nOur domains are monre.gov.vn and mae.gov.vn. Sending %d sample mails:\n\n", gate, conf.Relay[0].NextHops[0], len(all))
	table := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(table, "SAMPLE\tRESULT\tWHY")
	for _, s := range all {
		before := hop.count()
		result, why := "passed", ""
		if err := send(gate, s); err != nil {
			var refused *smtp.SMTPError
			if !errors.As(err, &refused) {
				return fmt.Errorf("sending %s: %w", s.name, err)
			}
			result = fmt.Sprintf("refused %d", refused.Code)
			if refused.Temporary() {
				result = fmt.Sprintf("deferred %d", refused.Code)
			}
			e := refused.EnhancedCode
			why = fmt.Sprintf("%d.%d.%d %s", e[0], e[1], e[2], refused.Message)
		} else if verdict := hop.last("Congthu-Verdict"); hop.count() > before && verdict != "" {
			result, why = "tagged", "Congthu-Verdict: "+verdict
		}
		fmt.Fprintf(table, "%s\t%s\t%s\n", s.name, result, why)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(w, `
%d of %d mails reached the practice mail server. What happened is also
  in the log      %s
  in the metrics  http://%s/metrics  (congthu_messages_total, congthu_findings_total)
  on record       build/congthu log verify %s
  on the pages    http://%s/  (the first account is made at the address that the log begins with)

Send more, for example a mail without a subject:
  curl -sv --crlf smtp://%s --mail-from nvan@monre.gov.vn --mail-rcpt x@example.com -T FILE.eml
  swaks --server %s --from nvan@monre.gov.vn --to x@example.com --header 'Subject: '
Judge a file without sending it:
  build/congthu check --config %s --from nvan@monre.gov.vn --to x@example.com FILE.eml
`, hop.count(), len(all), c.Log, conf.Admin.Listen, conf.Evidence.Dir, conf.Admin.Listen, gate, gate, filepath.Join(dir, "congthu.yml"))
	if !c.Once {
		fmt.Fprintln(w, "The gate stays up. Ctrl-C stops it, and takes the log, the evidence and the configuration away, but for a log of --log.")
	}
	return nil
}

// send hands one mail to the gate over SMTP.
func send(gate string, s sample) error {
	client, err := smtp.Dial(gate)
	if err != nil {
		return err
	}
	defer client.Close()
	if err := client.SendMail(s.from, []string{s.to}, strings.NewReader(string(s.data))); err != nil {
		return err
	}
	return client.Quit()
}

// practiceHop is a mail server that takes everything and keeps the header of the last mail only.
type practiceHop struct {
	server *smtp.Server

	mu     sync.Mutex
	taken  int
	header string
}

func (h *practiceHop) start() (address string, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	h.server = smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &practiceSession{h}, nil }))
	h.server.Domain = "practice.invalid"
	h.server.MaxMessageBytes = 64 << 20
	h.server.ReadTimeout, h.server.WriteTimeout = 5*time.Minute, time.Minute
	h.server.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	go h.server.Serve(l)
	return l.Addr().String(), nil
}

func (h *practiceHop) count() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.taken
}

// last is the value of a header field of the last mail taken.
func (h *practiceHop) last(field string) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	for line := range strings.Lines(h.header) {
		if v, ok := strings.CutPrefix(line, field+": "); ok {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

type practiceSession struct{ hop *practiceHop }

func (*practiceSession) Reset()                               {}
func (*practiceSession) Logout() error                        { return nil }
func (*practiceSession) Mail(string, *smtp.MailOptions) error { return nil }
func (*practiceSession) Rcpt(string, *smtp.RcptOptions) error { return nil }

// Data takes the mail and forgets all but its header.
func (s *practiceSession) Data(r io.Reader) error {
	head, err := io.ReadAll(io.LimitReader(r, 64<<10))
	if err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, r); err != nil {
		return err
	}
	header, _, _ := strings.Cut(string(head), "\r\n\r\n")
	s.hop.mu.Lock()
	defer s.hop.mu.Unlock()
	s.hop.taken++
	s.hop.header = header
	return nil
}
