package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

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

// Run adds the officer. A key that was made for nobody is not left; one that may be an officer's is.
func (c *officerAddCommand) Run(p *program) error {
	if (c.Recipient == "") == (c.NewKey == "") || c.Wrap && c.NewKey == "" {
		return &exitError{exitUsage, errors.New("congthu: name a public key with --recipient, or make one with --new-key FILE (and only then --wrap)")}
	}
	if c.Recipient != "" { // its error shows no key: it may be a private one
		if _, err := store.ParseRecipient(c.Recipient); err != nil {
			return &exitError{exitUsage, fmt.Errorf("congthu: --recipient: %w: write the public key whole, one line that begins with age1, as age-keygen -y FILE prints it", err)}
		}
	}
	_, s, record, err := c.open(p)
	if err != nil {
		return err
	}
	defer s.Close()
	o := store.Officer{Address: c.Address, Name: c.Name, Unit: c.Unit, Recipient: c.Recipient}
	var key *age.X25519Identity
	if c.NewKey != "" {
		if key, err = age.GenerateX25519Identity(); err != nil {
			return fmt.Errorf("making a key: %w", err)
		}
		o.Recipient = key.Recipient().String()
	}
	// Before anything is recorded: what was typed may be a private key.
	if o, err = s.CheckOfficer(p.ctx, o); err != nil {
		return explained(err)
	}
	var wrapped []byte
	if c.NewKey != "" {
		if wrapped, err = c.keepKey(p, o.Address, key); err != nil {
			return err
		}
	}
	act := evidence.Act{Who: operator(), What: evidence.OfficerAdd, Object: o.Address, Details: map[string]string{"recipient": o.Recipient}}
	err = record.Do(p.ctx, act, func() error {
		_, err := s.AddOfficer(p.ctx, o, wrapped)
		return err
	})
	if err != nil {
		return errors.Join(explained(err), c.dropKey(p, s, o))
	}
	_, err = fmt.Fprintf(p.stdout, "%s is an officer with the key %s\n", o.Address, o.Recipient)
	return err
}

// keepKey writes an identity into its file and wraps it when that is wanted.
func (c *officerAddCommand) keepKey(p *program, address string, key *age.X25519Identity) (wrapped []byte, err error) {
	if c.Wrap {
		line, err := bufio.NewReader(p.stdin).ReadString('\n')
		if line == "" && err != nil {
			return nil, &exitError{exitUsage, errors.New("congthu: --wrap reads a passphrase from standard input")}
		}
		if wrapped, err = store.WrapIdentity(strings.TrimRight(line, "\r\n"), key.String()); err != nil {
			return nil, &exitError{exitUsage, fmt.Errorf("congthu: %w", err)}
		}
	}
	f, err := os.OpenFile(c.NewKey, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, &exitError{exitUsage, fmt.Errorf("congthu: --new-key: %w", err)}
	}
	_, err = fmt.Fprintf(f, "# officer %s\n# public key: %s\n%s\n", address, key.Recipient(), key)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return nil, errors.Join(fmt.Errorf("writing the identity: %w", err), os.Remove(c.NewKey))
	}
	return wrapped, nil
}

// dropKey removes the file of a key that is surely no officer's. A database that does not answer may have the officer
// all the same, and held mail would be encrypted to a key that is gone.
func (c *officerAddCommand) dropKey(p *program, s *store.Store, o store.Officer) error {
	if c.NewKey == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(p.ctx), lookTimeout)
	defer cancel()
	all, err := s.ListOfficers(ctx)
	known := slices.ContainsFunc(all, func(other store.Officer) bool { return other.Recipient == o.Recipient })
	if err != nil || known {
		return fmt.Errorf("%s is kept: its key may be that of %s (see congthu officer list)", c.NewKey, o.Address)
	}
	return os.Remove(c.NewKey)
}

// lookTimeout is how long is waited for the database when something has failed already.
const lookTimeout = 10 * time.Second

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
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", visible(o.Address), visible(o.Name), visible(o.Unit), stamp(o.Added), o.Recipient)
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
	o, err := s.Officer(p.ctx, c.Address)
	if err != nil {
		return explained(err)
	}
	return explained(record.Do(p.ctx, evidence.Act{Who: operator(), What: evidence.OfficerRemove, Object: o.Address}, func() error {
		return s.RemoveOfficer(p.ctx, o.Address, c.Orphan)
	}))
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
	to, err := d.Store.Officer(p.ctx, c.Address)
	if err != nil {
		return explained(err)
	}
	for _, id := range c.IDs {
		if _, err := d.Store.Show(p.ctx, id); err != nil {
			return explained(err)
		}
	}
	var g store.Granted
	act := evidence.Act{Who: o.Address, What: evidence.Grant, Object: to.Address, Details: map[string]string{"holds": strings.Join(c.IDs, " ")}}
	err = d.Record.Do(p.ctx, act, func() (err error) {
		g, err = d.Store.Grant(p.ctx, o.Identity, to.Address, c.IDs...)
		return err
	})
	if err != nil {
		return explained(err)
	}
	fmt.Fprintf(p.stdout, "%s can open %d held messages\n", to.Address, g.Given)
	for _, id := range g.Without {
		fmt.Fprintf(p.stdout, "%s: you cannot open it yourself\n", id)
	}
	if len(g.Without) > 0 {
		return &exitError{code: exitFindings}
	}
	return nil
}
