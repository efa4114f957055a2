package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"congthu/filter"
	"congthu/filter/message"
)

type checkCommand struct {
	Config    string   `help:"Configuration file (default: /etc/congthu/congthu.yml if there is one)." placeholder:"FILE"`
	JSON      bool     `help:"One JSON object a line."`
	Direction string   `help:"auto takes mail from one of our addresses as sent by a client of ours." enum:"auto,outbound,internal,inbound" default:"auto"`
	From      *string  `help:"Reverse-path; \"\" is the null one (default: Return-Path, else From)." placeholder:"A"`
	To        []string `help:"Recipient, may be repeated (default: To and Cc)." placeholder:"A"`
	Files     []string `arg:"" name:"FILE" help:"Mails; - is standard input."`
}

// checked is what check --json prints of one file. These keys do not change.
type checked struct {
	File string `json:"file"`
	filter.Verdict
}

// Run judges the files and exits with the code of the worst.
func (c *checkCommand) Run(p *program) error {
	if err := c.checkEnvelope(); err != nil {
		return err
	}
	conf, err := loadConfig(c.Config)
	if err != nil {
		return err
	}
	if len(conf.Organisation.Domains) == 0 && c.Direction == "auto" {
		fmt.Fprintln(p.stderr, "congthu: no domain is ours (organisation.domains), so every mail counts as inbound; name a configuration with --config, or the --direction")
	}
	log := slog.New(slog.NewJSONHandler(p.stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	reg := prometheus.NewRegistry()
	look, err := newLooking(reg, log, true)
	if err != nil {
		return err
	}
	defer look.close()
	pol, err := buildPolicy(conf, nil, look)
	if err != nil {
		return err
	}
	judge, err := filter.NewJudge(pol, 1, filter.NewMetrics(reg), log, p.now)
	if err != nil {
		return err
	}
	worst := exitFine
	for _, file := range c.Files {
		v, err := c.judge(p, judge, conf.Limits.Message(), file)
		if err != nil {
			fmt.Fprintf(p.stderr, "congthu: %s: %v\n", file, err)
			worst = exitCannotJudge
			continue
		}
		worst = max(worst, exitCode(v))
		if err := c.print(p.stdout, file, v); err != nil {
			return fmt.Errorf("printing: %w", err)
		}
	}
	if worst != exitFine {
		return &exitError{code: worst}
	}
	return nil
}

// checkEnvelope tells addresses that are none, which would silently be judged as mail from or to nowhere.
func (c *checkCommand) checkEnvelope() error {
	bad := func(s string) bool { path := filter.ParsePath(s, ""); return path.Local == "" || path.Domain == "" }
	if c.From != nil && !filter.ParsePath(*c.From, "").Null() && bad(*c.From) {
		return &exitError{exitUsage, fmt.Errorf("congthu: --from: %q is no address: write name@domain, or \"\" for the null reverse-path", *c.From)}
	}
	for _, to := range c.To {
		if bad(to) {
			return &exitError{exitUsage, fmt.Errorf("congthu: --to: %q is no address: write name@domain", to)}
		}
	}
	return nil
}

func exitCode(v filter.Verdict) int {
	switch {
	case v.Err != nil:
		return exitCannotJudge
	case v.Passes():
		return exitFine
	}
	return exitFindings
}

// judge reads and judges one file, as a door would.
func (c *checkCommand) judge(p *program, judge *filter.Judge, limits message.Limits, file string) (filter.Verdict, error) {
	spool := message.NewSpool(limits, nil)
	defer spool.Close()
	err := c.read(p, spool, file)
	if err == nil && noMail(spool) {
		fmt.Fprintf(p.stderr, "congthu: %s is no mail: it does not begin with a header field; judged all the same, as a server would hand it on\n", file)
	}
	return c.decide(p.ctx, judge, limits, spool, err, p.now())
}

// noMail tells a file that cannot be a message: it begins with no field (RFC 5322 section 2.2, with blanks before the
// colon as in section 4.5). Of what begins with a blank, an empty line or mbox's "From " the verdict says so itself.
func noMail(r io.ReaderAt) bool {
	head := make([]byte, maxFieldName)
	n, _ := r.ReadAt(head, 0) // what cannot be read is for the judging to tell
	head = head[:n]
	if n == 0 || strings.ContainsRune(" \t\r\n", rune(head[0])) || bytes.HasPrefix(head, []byte("From ")) {
		return false
	}
	name, _, colon := bytes.Cut(head, []byte(":"))
	name = bytes.TrimRight(name, " \t")
	return !colon || len(name) == 0 || bytes.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' })
}

// maxFieldName is how far the colon after the first field's name is looked for, in octets: a line's length
// (RFC 5322 section 2.1.1).
const maxFieldName = 998

// decide judges what was spooled; err is what spooling said.
func (c *checkCommand) decide(ctx context.Context, judge *filter.Judge, limits message.Limits, spool *message.Spool, err error, now time.Time) (filter.Verdict, error) {
	tx := &filter.Transaction{ID: filter.NewID(now), Received: now, Session: filter.Session{Door: "check", Listener: "check"}}
	if c.Direction != "auto" {
		tx.Session.Direction = filter.Direction(c.Direction)
	}
	if err != nil && !errors.Is(err, message.ErrTooBig) {
		return filter.Verdict{}, err
	}
	return filter.Decide(ctx, fileJudge{judge, c}, tx, spool, err, limits), nil
}

// fileJudge judges a file: it makes up the envelope once the header is known.
type fileJudge struct {
	filter.Decider
	command *checkCommand
}

// Judge completes tx and judges it.
func (j fileJudge) Judge(ctx context.Context, tx *filter.Transaction) filter.Verdict {
	j.command.envelope(tx)
	return j.Decider.Judge(ctx, tx)
}

func (c *checkCommand) read(p *program, spool *message.Spool, file string) error {
	if file == "-" {
		_, err := io.Copy(spool, p.stdin)
		return err
	}
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(spool, f)
	return err
}

// envelope makes up the envelope and the session of a message that has only a header.
func (c *checkCommand) envelope(tx *filter.Transaction) {
	h := tx.Message.Header
	switch from, _ := h.Addresses("From"); {
	case c.From != nil:
		tx.ReversePath = filter.ParsePath(*c.From, "")
	case len(h.Values("Return-Path")) > 0:
		tx.ReversePath = filter.ParsePath(h.Values("Return-Path")[0], "")
	case len(from) > 0:
		tx.ReversePath = filter.Path{Local: from[0].Local, Domain: from[0].Domain}
	}
	for _, to := range c.To {
		tx.Recipients = append(tx.Recipients, filter.ParsePath(to, ""))
	}
	if len(c.To) == 0 {
		for _, name := range []string{"To", "Cc"} {
			list, _ := h.Addresses(name)
			for _, a := range list {
				tx.Recipients = append(tx.Recipients, filter.Path{Local: a.Local, Domain: a.Domain})
			}
		}
	}
	if c.Direction == "auto" {
		tx.Session.Login = "check" // a file has no client: mail that names us as its sender is taken as ours
	}
}

func (c *checkCommand) print(w io.Writer, file string, v filter.Verdict) error {
	if c.JSON {
		return json.NewEncoder(w).Encode(checked{file, v})
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s (%s)\n", file, v.Disposition, v.Direction)
	if !v.Passes() {
		fmt.Fprintf(&b, "  reply: %s\n", v.Reply)
	}
	for _, f := range v.Findings {
		fmt.Fprintf(&b, "  %s [%s] %s: %s", f.Rule, f.Clause, f.Mode, f.Disposition)
		if f.Part != "" {
			fmt.Fprintf(&b, ", part %s", f.Part)
		}
		fmt.Fprintf(&b, ", %s\n", f.Detail)
	}
	for _, n := range v.NotInspected {
		fmt.Fprintf(&b, "  not inspected: part %q: %s\n", n.Part, n.Reason)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
