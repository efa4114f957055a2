package main

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"congthu/filter/evidence"
	"congthu/store"
)

type exceptionCommands struct {
	List exceptionListCommand `cmd:"" help:"List exceptions."`
	Add  exceptionAddCommand  `cmd:"" help:"Let one part, by its hash, through one rule until a date."`
	End  exceptionEndCommand  `cmd:"" help:"End an exception before its date."`
}

type exceptionListCommand struct{ keeping }

// Run lists the exceptions.
func (c *exceptionListCommand) Run(p *program) error {
	_, s, _, err := c.open(p)
	if err != nil {
		return err
	}
	defer s.Close()
	all, err := s.ListExceptions(p.ctx)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(p.stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintln(table, "ID\tRULE\tPART\tBY\tUNTIL\tUSES\tSTATE\tREASON")
	for _, e := range all {
		fmt.Fprintf(table, "%s\t%s\t%s…\t%s\t%s\t%d\t%s\t%s\n", e.ID, visible(e.Rule), e.PartSHA256[:min(12, len(e.PartSHA256))], visible(e.Who), stamp(e.Until), e.Uses, exceptionState(e, p.now()), visible(e.Reason))
	}
	return table.Flush()
}

func exceptionState(e store.Exception, now time.Time) string {
	switch {
	case !now.Before(e.Until), e.Ended.Equal(e.Until):
		return "over"
	case !e.Ended.IsZero():
		return "ended"
	}
	return "in force"
}

type exceptionAddCommand struct {
	keeping
	signedIn
	PartHash string `help:"SHA-256 of the part's decoded octets, 64 hexadecimal digits; the evidence of the refusal has it (part_sha256)." required:"" placeholder:"SHA256"`
	Rule     string `help:"The rule." default:"marking"`
	Reason   string `help:"Why, for the record." required:""`
	Until    string `help:"2026-12-31, 7d or a time in RFC 3339." required:"" placeholder:"WHEN"`
}

// Run adds the exception.
func (c *exceptionAddCommand) Run(p *program) error {
	if err := checkReason(c.Reason); err != nil {
		return err
	}
	hash := strings.ToLower(c.PartHash)
	if !regexp.MustCompile(`^[0-9a-f]{64}$`).MatchString(hash) {
		return &exitError{exitUsage, fmt.Errorf("congthu: --part-hash: %q is no SHA-256: 64 hexadecimal digits", c.PartHash)}
	}
	until, err := parseUntil(c.Until, p.now())
	if err != nil {
		return &exitError{exitUsage, fmt.Errorf("congthu: --until: %w", err)}
	}
	if !until.After(p.now()) {
		return &exitError{exitUsage, errors.New("congthu: --until: lies in the past")}
	}
	conf, err := loadConfig(c.Config)
	if err != nil {
		return err
	}
	if _, ok := conf.Rules[c.Rule]; !ok {
		return &exitError{exitUsage, fmt.Errorf("congthu: --rule: there is no rule %q", c.Rule)}
	}
	d, o, done, err := c.desk(p, c.keeping)
	if err != nil {
		return err
	}
	defer done()
	e := store.Exception{PartSHA256: hash, Rule: c.Rule, Reason: c.Reason, Who: o.Address, Until: until}
	act := evidence.Act{Who: o.Address, What: evidence.ExceptionAdd, Object: hash, Reason: c.Reason,
		Details: map[string]string{"rule": c.Rule, "until": until.UTC().Format(time.RFC3339)}}
	err = d.Record.Do(p.ctx, act, func() (err error) {
		e, err = d.Store.AddException(p.ctx, e)
		return err
	})
	if err != nil {
		return explained(err)
	}
	_, err = fmt.Fprintf(p.stdout, "%s: in force until %s; the gate sees it within a second\n", e.ID, stamp(e.Until))
	return err
}

type exceptionEndCommand struct {
	keeping
	signedIn
	ID string `arg:"" name:"ID"`
}

// Run ends the exception.
func (c *exceptionEndCommand) Run(p *program) error {
	d, o, done, err := c.desk(p, c.keeping)
	if err != nil {
		return err
	}
	defer done()
	all, err := d.Store.ListExceptions(p.ctx)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(all, func(e store.Exception) bool { return e.ID == c.ID && e.Ended.IsZero() }) {
		return fmt.Errorf("ending exception %s: %w", c.ID, store.ErrNotFound)
	}
	return d.Record.Do(p.ctx, evidence.Act{Who: o.Address, What: evidence.ExceptionEnd, Object: c.ID}, func() error {
		return d.Store.EndException(p.ctx, c.ID, o.Address)
	})
}
