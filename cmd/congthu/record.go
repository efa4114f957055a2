package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"congthu/filter/evidence"
	"congthu/store"
)

type logCommands struct {
	Verify logVerifyCommand `cmd:"" help:"Check the evidence log against its signatures; needs the public key only."`
	Export logExportCommand `cmd:"" help:"Write the evidence for another program."`
}

type logVerifyCommand struct {
	Key         string   `help:"The gate's public key (default: key.pub in the folder; keep a copy elsewhere)." placeholder:"FILE"`
	Checkpoints []string `help:"Checkpoints that were kept off the machine: files of JSON lines, also with a syslog header." placeholder:"FILE"`
	Dir         string   `arg:"" name:"DIR" help:"The folder evidence.dir."`
}

// Run checks the log and names the first record that is wrong.
func (c *logVerifyCommand) Run(p *program) error {
	if c.Key == "" {
		c.Key = filepath.Join(c.Dir, "key.pub")
	}
	pub, err := evidence.ReadPublicKey(c.Key)
	if err != nil {
		return &exitError{exitCannotJudge, fmt.Errorf("congthu: %w", err)}
	}
	var off []evidence.Line
	for _, file := range c.Checkpoints {
		f, err := os.Open(file)
		if err != nil {
			return &exitError{exitUsage, fmt.Errorf("congthu: --checkpoints: %w", err)}
		}
		lines, err := evidence.ReadCheckpoints(f)
		f.Close()
		if err != nil {
			return &exitError{exitCannotJudge, fmt.Errorf("congthu: %s: %w", file, err)}
		}
		off = append(off, lines...)
	}
	r, err := evidence.Verify(c.Dir, pub, off...)
	var fault *evidence.Fault
	switch {
	case errors.As(err, &fault):
		return &exitError{exitFindings, fmt.Errorf("congthu: the evidence is not what was written: %w", err)}
	case err != nil:
		return err
	}
	_, err = fmt.Fprintf(p.stdout, "the chain is whole: records %d to %d in %d files, %d checkpoints, %d records after the last\n", r.First, r.Last, r.Files, r.Checkpoints, r.Unsigned)
	return err
}

type logExportCommand struct {
	Format string `help:"jsonl, cef or csv." enum:"jsonl,cef,csv" default:"jsonl"`
	From   string `help:"Records from this day on, 2026-01-31." placeholder:"DAY"`
	To     string `help:"Records to this day, which is included." placeholder:"DAY"`
	Dir    string `arg:"" name:"DIR" help:"The folder evidence.dir."`
}

// Run writes the records to standard output.
func (c *logExportCommand) Run(p *program) error {
	format, err := evidence.ParseFormat(c.Format)
	if err != nil {
		return &exitError{exitUsage, fmt.Errorf("congthu: %w", err)}
	}
	zone := time.FixedZone("ICT", 7*60*60)
	var from, to time.Time
	for _, d := range []struct {
		name, text string
		to         *time.Time
		days       int
	}{{"--from", c.From, &from, 0}, {"--to", c.To, &to, 1}} {
		if d.text == "" {
			continue
		}
		t, err := time.ParseInLocation("2006-01-02", d.text, zone)
		if err != nil {
			return &exitError{exitUsage, fmt.Errorf("congthu: %s: %q is no day: write 2026-01-31", d.name, d.text)}
		}
		*d.to = t.AddDate(0, 0, d.days)
	}
	return evidence.Export(p.ctx, p.stdout, c.Dir, format, from, to)
}

type storeCommands struct {
	Backup  storeBackupCommand  `cmd:"" help:"Write the database into a new file, while the gate runs."`
	Restore storeRestoreCommand `cmd:"" help:"Put a backup in the database's place, while the gate is stopped."`
	Rebuild storeRebuildCommand `cmd:"" help:"Make the index of the evidence anew from the files alone."`
}

type storeBackupCommand struct {
	keeping
	File string `arg:"" name:"FILE" help:"A file that is not there yet."`
}

// Run makes a backup and says how long it took.
func (c *storeBackupCommand) Run(p *program) error {
	_, s, record, err := c.open(p)
	if err != nil {
		return err
	}
	defer s.Close()
	path, err := filepath.Abs(c.File)
	if err != nil {
		return err
	}
	b, err := s.Backup(p.ctx, path)
	if err != nil {
		return err
	}
	if err := record(p.ctx, evidence.Act{Who: operator(), What: evidence.Backup, Details: map[string]string{"octets": fmt.Sprint(b.Bytes), "took": b.Took.String()}}); err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.stdout, "%d octets in %s\n", b.Bytes, b.Took.Round(time.Millisecond))
	return err
}

type storeRestoreCommand struct {
	keeping
	File string `arg:"" name:"FILE" help:"A backup."`
}

// Run restores and says how long it took.
func (c *storeRestoreCommand) Run(p *program) error {
	conf, err := loadConfig(c.Config)
	if err != nil {
		return err
	}
	if !conf.HasStore() {
		return &exitError{exitConfig, conf.Problem("store.dsn", "there is no database to restore")}
	}
	path := strings.TrimPrefix(conf.Store.DSN, "sqlite:")
	r, err := store.Restore(p.ctx, c.File, path)
	likeFolder(database(path)...)
	if err != nil {
		return accessible(err, conf, filepath.Dir(path))
	}
	if err := typed(conf)(p.ctx, evidence.Act{Who: operator(), What: evidence.Restore, Details: map[string]string{"octets": fmt.Sprint(r.Bytes), "took": r.Took.String()}}); err != nil {
		return err
	}
	if r.Kept != "" {
		fmt.Fprintf(p.stdout, "the database that stood there is now %s\n", r.Kept)
	}
	_, err = fmt.Fprintf(p.stdout, "%d octets in %s\n", r.Bytes, r.Took.Round(time.Millisecond))
	return err
}

type storeRebuildCommand struct{ keeping }

// Run rebuilds the index.
func (c *storeRebuildCommand) Run(p *program) error {
	conf, s, record, err := c.open(p)
	if err != nil {
		return err
	}
	defer s.Close()
	if err := record(p.ctx, evidence.Act{Who: operator(), What: evidence.Rebuild}); err != nil {
		return err
	}
	n, err := s.Rebuild(p.ctx, conf.Evidence.Dir)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.stdout, "%d records indexed\n", n)
	return err
}
