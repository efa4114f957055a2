package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"

	"filippo.io/age"

	"congthu/filter/evidence"
	"congthu/store"
)

type officerCommands struct {
	Add    officerAddCommand    `cmd:"" help:"Add an officer, who can open what is held from now on."`
	List   officerListCommand   `cmd:"" help:"List the officers."`
	Remove officerRemoveCommand `cmd:"" help:"Remove an officer with all access to what is held."`
	Grant  officerGrantCommand  `cmd:"" help:"Give an officer access to what is held already, by one who has it."`
}

type officerAddCommand struct {
	keeping
	Address   string `arg:"" help:"The officer's mailbox."`
	Name      string `help:"Name." required:""`
	Unit      string `help:"Organisational unit."`
	Recipient string `help:"Public key, age1…" xor:"key" placeholder:"KEY"`
	NewKey    string `help:"Make a key and write the identity into this new file. Whoever has the file can open held mail." xor:"key" placeholder:"FILE"`
	Wrap      bool   `help:"With --new-key: keep the identity in the database too, under a passphrase that is read from standard input, for signing in at the console."`
}

// Run adds the officer. A key that was made for nobody is not left.
func (c *officerAddCommand) Run(p *program) (err error) {
	if (c.Recipient == "") == (c.NewKey == "") || c.Wrap && c.NewKey == "" {
		return &exitError{exitUsage, errors.New("congthu: name a public key with --recipient, or make one with --new-key FILE (and only then --wrap)")}
	}
	_, s, record, err := c.open(p)
	if err != nil {
		return err
	}
	defer s.Close()
	var wrapped []byte
	if c.NewKey != "" {
		if wrapped, err = c.makeKey(p); err != nil {
			return err
		}
		defer func() {
			if err != nil {
				err = errors.Join(err, os.Remove(c.NewKey))
			}
		}()
	}
	if err := record(p.ctx, evidence.Act{Who: operator(), What: evidence.OfficerAdd, Object: c.Address, Details: map[string]string{"recipient": c.Recipient}}); err != nil {
		return err
	}
	o, err := s.AddOfficer(p.ctx, store.Officer{Address: c.Address, Name: c.Name, Unit: c.Unit, Recipient: c.Recipient}, wrapped)
	if err != nil {
		return explained(err)
	}
	_, err = fmt.Fprintf(p.stdout, "%s is an officer with the key %s\n", o.Address, o.Recipient)
	return err
}

// makeKey makes an identity, writes it and wraps it when that is wanted.
func (c *officerAddCommand) makeKey(p *program) ([]byte, error) {
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		return nil, fmt.Errorf("making a key: %w", err)
	}
	var wrapped []byte
	if c.Wrap {
		line, err := bufio.NewReader(p.stdin).ReadString('\n')
		if line == "" && err != nil {
			return nil, &exitError{exitUsage, errors.New("congthu: --wrap reads a passphrase from standard input")}
		}
		if wrapped, err = store.WrapIdentity(strings.TrimRight(line, "\r\n"), identity.String()); err != nil {
			return nil, &exitError{exitUsage, fmt.Errorf("congthu: %w", err)}
		}
	}
	c.Recipient = identity.Recipient().String()
	f, err := os.OpenFile(c.NewKey, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, &exitError{exitUsage, fmt.Errorf("congthu: --new-key: %w", err)}
	}
	_, err = fmt.Fprintf(f, "# officer %s\n# public key: %s\n%s\n", c.Address, c.Recipient, identity)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return nil, fmt.Errorf("writing the identity: %w", err)
	}
	return wrapped, nil
}

type officerListCommand struct{ keeping }

// Run lists the officers.
func (c *officerListCommand) Run(p *program) error {
	_, s, _, err := c.open(p)
	if err != nil {
		return err
	}
	defer s.Close()
	all, err := s.ListOfficers(p.ctx)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(p.stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintln(table, "ADDRESS\tNAME\tUNIT\tSINCE\tKEY")
	for _, o := range all {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", o.Address, o.Name, o.Unit, stamp(o.Added), o.Recipient)
	}
	return table.Flush()
}

type officerRemoveCommand struct {
	keeping
	Address string `arg:"" help:"The officer's mailbox."`
	Orphan  bool   `help:"Also when held mail is left that nobody can open."`
}

// Run removes the officer.
func (c *officerRemoveCommand) Run(p *program) error {
	_, s, record, err := c.open(p)
	if err != nil {
		return err
	}
	defer s.Close()
	if err := record(p.ctx, evidence.Act{Who: operator(), What: evidence.OfficerRemove, Object: c.Address}); err != nil {
		return err
	}
	return explained(s.RemoveOfficer(p.ctx, c.Address, c.Orphan))
}

type officerGrantCommand struct {
	keeping
	signedIn
	Address string   `arg:"" help:"The officer who gets access."`
	IDs     []string `arg:"" optional:"" name:"ID" help:"Held messages; all undecided ones when none is named."`
}

// Run gives access.
func (c *officerGrantCommand) Run(p *program) error {
	d, o, done, err := c.desk(p, c.keeping)
	if err != nil {
		return err
	}
	defer done()
	if err := d.Record(p.ctx, evidence.Act{Who: o.Address, What: evidence.Grant, Object: c.Address, Details: map[string]string{"holds": strings.Join(c.IDs, " ")}}); err != nil {
		return err
	}
	g, err := d.Store.Grant(p.ctx, o.Identity, c.Address, c.IDs...)
	if err != nil {
		return explained(err)
	}
	fmt.Fprintf(p.stdout, "%s can open %d held messages\n", c.Address, g.Given)
	for _, id := range g.Without {
		fmt.Fprintf(p.stdout, "%s: you cannot open it yourself\n", id)
	}
	if len(g.Without) > 0 {
		return &exitError{code: exitFindings}
	}
	return nil
}
