package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"unicode"
	"unicode/utf8"

	"congthu/filter/evidence"
	"congthu/filter/message"
	"congthu/store"
)

type quarantineCommands struct {
	List    quarantineListCommand    `cmd:"" help:"List held messages."`
	Show    quarantineShowCommand    `cmd:"" help:"Show one held message: the envelope and why; with --identity the subject and the text."`
	Release quarantineReleaseCommand `cmd:"" help:"Release held messages to their recipients."`
	Delete  quarantineDeleteCommand  `cmd:"" help:"Delete held messages."`
	Export  quarantineExportCommand  `cmd:"" help:"Write a held message into a file."`
}

type quarantineListCommand struct {
	keeping
	JSON  bool     `help:"One JSON object a line."`
	Where []string `arg:"" optional:"" name:"KEY=VALUE" help:"state, rule, unit, sender, recipient, confirmed=yes, id, since, until, limit, after; for example state=undecided since=7d."`
}

// Run lists what is held; without a state what nobody has decided about.
func (c *quarantineListCommand) Run(p *program) error {
	f, err := store.ParseFilter(c.Where, p.now())
	if err != nil {
		return &exitError{exitUsage, fmt.Errorf("congthu: %w", err)}
	}
	if f.State == "" {
		f.State = store.StateUndecided
	}
	_, s, _, err := c.open(p)
	if err != nil {
		return err
	}
	defer s.Close()
	held, err := s.List(p.ctx, f)
	if err != nil {
		return err
	}
	if c.JSON {
		enc := json.NewEncoder(p.stdout)
		for _, h := range held {
			if err := enc.Encode(viewOf(h)); err != nil {
				return err
			}
		}
		return nil
	}
	table := tabwriter.NewWriter(p.stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintln(table, "ID\tHELD\tUNTIL\tSTATE\tFROM\tTO\tWHY")
	for _, h := range held {
		v := viewOf(h)
		to := visible(strings.Join(v.To, " "))
		if len(v.To) > 1 {
			to = fmt.Sprintf("%s +%d", visible(v.To[0]), len(v.To)-1)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", v.ID, stamp(h.Time), stamp(h.Expires), v.standing(), visible(v.From), to, strings.Join(v.Why, ", "))
	}
	return table.Flush()
}

// heldView is what commands print of a held message. These keys do not change.
type heldView struct {
	ID        string   `json:"id"`
	State     string   `json:"state"`
	Held      string   `json:"held"` // RFC 3339
	Until     string   `json:"until"`
	Door      string   `json:"door"`
	Direction string   `json:"direction"`
	Unit      string   `json:"unit"`
	Client    string   `json:"client"`
	QueueID   string   `json:"queue_id"`
	From      string   `json:"from"`
	To        []string `json:"to"`
	Why       []string `json:"why"` // "rule [clause]"
	Bytes     int64    `json:"bytes"`
	SHA256    string   `json:"sha256"`
	Marking   bool     `json:"marking"`
	Persons   int      `json:"persons"`   // who must approve a release
	Approvals int      `json:"approvals"` // who did
	Attempts  int      `json:"attempts"`  // releases begun
	Unsure    bool     `json:"unsure"`    // one of them may have delivered the message
	DecidedBy string   `json:"decided_by"`
	Reason    string   `json:"reason"`

	// What the sender said: that the message is not classified, and why.
	Confirmed    string `json:"confirmed,omitempty"` // RFC 3339
	ConfirmedBy  string `json:"confirmed_by,omitempty"`
	Confirmation string `json:"confirmation,omitempty"`
}

func viewOf(h store.Held) heldView {
	v := heldView{ID: h.ID, State: string(h.State), Held: h.Time.Format("2006-01-02T15:04:05Z07:00"), Until: h.Expires.Format("2006-01-02T15:04:05Z07:00"),
		Door: h.Door, Direction: h.Direction, Unit: h.Unit, Client: h.Client, QueueID: h.QueueID, From: h.ReversePath, To: h.Recipients,
		Bytes: h.Bytes, SHA256: h.SHA256, Marking: h.Marking, Persons: 1, Approvals: h.Approvals, Attempts: h.Attempts, Unsure: h.Unsure, DecidedBy: h.DecidedBy, Reason: h.Reason}
	if h.TwoPersons {
		v.Persons = 2
	}
	if w := h.Confirmation; !w.At.IsZero() {
		v.Confirmed, v.ConfirmedBy, v.Confirmation = w.At.Format("2006-01-02T15:04:05Z07:00"), w.Who, w.Reason
	}
	for _, r := range h.Rules {
		v.Why = append(v.Why, fmt.Sprintf("%s [%s]", r.Name, r.Clause))
	}
	return v
}

// standing is the state in the list, with the releases that came to no known end.
func (v heldView) standing() string {
	switch {
	case v.Unsure:
		return fmt.Sprintf("%s, perhaps delivered", v.State)
	case v.Attempts > 0 && store.State(v.State).Undecided():
		return fmt.Sprintf("%s, tried %d times", v.State, v.Attempts)
	}
	return v.State
}

type quarantineShowCommand struct {
	keeping
	Identity string `help:"The officer's age identity file: also show the subject and the beginning of the text." placeholder:"FILE"`
	JSON     bool   `help:"As a JSON object, without subject and text."`
	ID       string `arg:"" name:"ID"`
}

// maxShown is how much text of a message is shown, in octets.
const maxShown = 8 << 10

// Run shows the message.
func (c *quarantineShowCommand) Run(p *program) error {
	_, s, _, err := c.open(p)
	if err != nil {
		return err
	}
	h, err := s.Show(p.ctx, c.ID)
	s.Close()
	if err != nil {
		return explained(err)
	}
	if c.JSON {
		return json.NewEncoder(p.stdout).Encode(viewOf(h))
	}
	if c.Identity == "" {
		c.envelope(p, h)
		return nil
	}
	return c.content(p, h)
}

// envelope prints what is known of the message without opening it.
func (c *quarantineShowCommand) envelope(p *program, h store.Held) {
	v := viewOf(h)
	fmt.Fprintf(p.stdout, "id         %s\nstate      %s\nheld       %s\nuntil      %s\nfrom       %s\nto         %s\nwhy        %s\nsize       %d octets\ndirection  %s\nclient     %s\n",
		v.ID, v.State, stamp(h.Time), stamp(h.Expires), visible(v.From), visible(strings.Join(v.To, " ")), strings.Join(v.Why, ", "), v.Bytes, v.Direction, v.Client)
	if v.Persons > 1 {
		fmt.Fprintf(p.stdout, "release    needs %d officers, %d approved\n", v.Persons, v.Approvals)
	}
	if v.Attempts > 0 {
		fmt.Fprintf(p.stdout, "attempts   %d, the last at %s%s\n", v.Attempts, stamp(h.LastTry), map[bool]string{true: "; it may have been delivered"}[v.Unsure])
	}
	if v.ConfirmedBy != "" {
		fmt.Fprintf(p.stdout, "sender     says it is not classified: %s (%s, %s)\n", visible(v.Confirmation), visible(v.ConfirmedBy), stamp(h.Confirmation.At))
	}
	if v.DecidedBy != "" {
		fmt.Fprintf(p.stdout, "decided    by %s: %s\n", visible(v.DecidedBy), visible(v.Reason))
	}
}

// content shows the message with subject and text, which is recorded. When it cannot be opened nothing is printed.
func (c *quarantineShowCommand) content(p *program, h store.Held) error {
	d, o, done, err := signedIn{c.Identity}.desk(p, c.keeping)
	if err != nil {
		return err
	}
	defer done()
	r, err := d.View(p.ctx, o, c.ID, evidence.View)
	if err != nil {
		return explained(err)
	}
	defer r.Close()
	subject, err := d.Store.Subject(p.ctx, c.ID, o.Identity)
	if err != nil {
		return explained(err)
	}
	limits := message.DefaultLimits()
	limits.WireBytes = 1 << 30
	spool := message.NewSpool(limits, nil)
	defer spool.Close()
	if _, err := io.Copy(spool, r); err != nil {
		return explained(err)
	}
	m, err := message.Read(spool, spool.Size(), message.DefaultLimits())
	if err != nil {
		return err
	}
	c.envelope(p, h)
	fmt.Fprintf(p.stdout, "subject    %s\n", visible(subject))
	for part := range m.Leaves() {
		fmt.Fprintf(p.stdout, "part %-5s %s %s\n", part.ID, part.MediaType, visible(part.Name))
		if part.MediaType != "text/plain" || part.Name != "" {
			continue
		}
		text, err := io.ReadAll(io.LimitReader(part.Text(), maxShown))
		if err != nil {
			return err
		}
		for line := range strings.Lines(string(text)) {
			fmt.Fprintf(p.stdout, "  | %s\n", visible(strings.TrimRight(line, "\r\n")))
		}
	}
	return nil
}

// visible is outside text for a terminal, on one line: what could move the cursor, colour, turn or hide text is shown
// as what it is.
func visible(s string) string {
	var b strings.Builder
	for i, n := 0, 0; i < len(s); i += n {
		var r rune
		switch r, n = utf8.DecodeRuneInString(s[i:]); {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case r == '\t':
			b.WriteByte(' ')
		case unicode.In(r, unicode.C, unicode.Zl, unicode.Zp):
			fmt.Fprintf(&b, `\u{%x}`, r)
		default:
			b.WriteString(s[i : i+n])
		}
	}
	return b.String()
}

type quarantineReleaseCommand struct {
	keeping
	signedIn
	Reason string   `help:"Why, for the record." required:""`
	Again  bool     `help:"Also when an earlier attempt may have delivered the message: it may come twice."`
	IDs    []string `arg:"" name:"ID"`
}

// Run releases the messages.
func (c *quarantineReleaseCommand) Run(p *program) error {
	if err := checkReason(c.Reason); err != nil {
		return err
	}
	d, o, done, err := c.desk(p, c.keeping)
	if err != nil {
		return err
	}
	defer done()
	var all []error
	waits := false
	for _, id := range c.IDs {
		r, err := d.Release(p.ctx, o, id, c.Reason, c.Again)
		switch {
		case err != nil:
			all = append(all, fmt.Errorf("congthu: %s: %w", id, explained(err)))
		case r.Needs:
			waits = true
			fmt.Fprintf(p.stdout, "%s: approved; another officer must release it too\n", id)
		default:
			fmt.Fprintf(p.stdout, "%s: released (%s)\n", id, visible(r.Reply))
			if r.Delivered {
				fmt.Fprintf(p.stdout, "%s: an earlier attempt, whose end nobody knows, may have delivered it too\n", id)
			}
		}
	}
	switch {
	case len(all) > 0:
		return &exitError{exitCannotJudge, errors.Join(all...)}
	case waits:
		return &exitError{code: exitFindings}
	}
	return nil
}

type quarantineDeleteCommand struct {
	keeping
	signedIn
	Reason string   `help:"Why, for the record." required:""`
	IDs    []string `arg:"" name:"ID"`
}

// Run deletes the messages.
func (c *quarantineDeleteCommand) Run(p *program) error {
	if err := checkReason(c.Reason); err != nil {
		return err
	}
	d, o, done, err := c.desk(p, c.keeping)
	if err != nil {
		return err
	}
	defer done()
	var all []error
	for _, id := range c.IDs {
		if err := d.Delete(p.ctx, o, id, c.Reason); err != nil {
			all = append(all, fmt.Errorf("congthu: %s: %w", id, explained(err)))
			continue
		}
		fmt.Fprintf(p.stdout, "%s: deleted\n", id)
	}
	if len(all) > 0 {
		return &exitError{exitCannotJudge, errors.Join(all...)}
	}
	return nil
}

type quarantineExportCommand struct {
	keeping
	signedIn
	Output string `help:"A new file." required:"" short:"o" placeholder:"FILE"`
	ID     string `arg:"" name:"ID"`
}

// Run writes the message into a new file. A message that turns out not to be what was held leaves no file.
func (c *quarantineExportCommand) Run(p *program) error {
	d, o, done, err := c.desk(p, c.keeping)
	if err != nil {
		return err
	}
	defer done()
	f, err := os.OpenFile(c.Output, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return &exitError{exitUsage, fmt.Errorf("congthu: --output: %w", err)}
	}
	r, err := d.View(p.ctx, o, c.ID, evidence.ExportContent)
	if err == nil {
		_, err = io.Copy(f, r)
		err = errors.Join(err, r.Close())
	}
	if err := errors.Join(err, f.Close()); err != nil {
		os.Remove(c.Output)
		return explained(err)
	}
	return nil
}
