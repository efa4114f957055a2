package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"time"

	"filippo.io/age"

	"congthu/filter/evidence"
	"congthu/filter/policy"
	"congthu/store"
	"congthu/store/review"
)

// keeping is what commands have that work on what a gate keeps, beside the gate that runs.
type keeping struct {
	Config string `help:"Configuration file (default: /etc/congthu/congthu.yml if there is one)." placeholder:"FILE"`
}

// open opens the store of the configuration. An act is recorded through the gate that runs, or into its log when none
// does.
func (k keeping) open(p *program) (*policy.Config, *store.Store, review.Recorder, error) {
	conf, err := loadConfig(k.Config)
	if err != nil {
		return nil, nil, nil, err
	}
	if !conf.HasStore() {
		return nil, nil, nil, &exitError{exitConfig, conf.Problem("store.dsn", "there is no database: nothing can be held")}
	}
	path := strings.TrimPrefix(conf.Store.DSN, "sqlite:")
	s, err := store.Open(p.ctx, store.Options{DSN: conf.Store.DSN, Now: p.now})
	if err != nil {
		return nil, nil, nil, accessible(err, conf, filepath.Dir(path))
	}
	likeFolder(database(path)...)
	return conf, s, typed(conf), nil
}

func recorder(conf *policy.Config) review.Recorder {
	return func(ctx context.Context, a evidence.Act) error {
		_, err := evidence.AppendAct(ctx, conf.Evidence.Dir, conf.Evidence.Gate, a)
		return accessible(err, conf, conf.Evidence.Dir)
	}
}

// typed records what is done by a command. Without a gate that runs, the record makes files, which are the gate's.
func typed(conf *policy.Config) review.Recorder {
	record := recorder(conf)
	return func(ctx context.Context, a evidence.Act) error {
		err := record(ctx, a)
		if os.Geteuid() == 0 {
			likeFolder(inside(conf.Evidence.Dir)...)
		}
		return err
	}
}

// operator is who types, for acts that need no officer.
func operator() string {
	if u, err := user.Current(); err == nil {
		return "user " + u.Username
	}
	return fmt.Sprintf("uid %d", os.Getuid())
}

// signedIn is an officer at a command line.
type signedIn struct {
	Identity string `help:"The officer's age identity file." required:"" placeholder:"FILE"`
}

// desk opens the store for an officer.
func (s signedIn) desk(p *program, k keeping) (*review.Desk, review.Officer, func(), error) {
	identity, err := readIdentity(s.Identity)
	if err != nil {
		return nil, review.Officer{}, nil, err
	}
	conf, st, record, err := k.open(p)
	if err != nil {
		return nil, review.Officer{}, nil, err
	}
	d := &review.Desk{Store: st, Record: record, Server: conf.Store.Release, Helo: gateName(conf), AuthservID: conf.Organisation.AuthservID}
	o, err := d.SignIn(p.ctx, identity)
	if err != nil {
		st.Close()
		return nil, review.Officer{}, nil, &exitError{exitCannotJudge, fmt.Errorf("congthu: --identity: %s: %w", s.Identity, err)}
	}
	return d, o, func() { st.Close() }, nil
}

func readIdentity(file string) (age.Identity, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, &exitError{exitUsage, fmt.Errorf("congthu: --identity: %w", err)}
	}
	identity, err := store.ParseIdentity(b)
	if err != nil {
		return nil, &exitError{exitUsage, fmt.Errorf("congthu: --identity: %s: %w", file, err)}
	}
	return identity, nil
}

// checkReason tells whether a reason can be kept, before anything is done for it.
func checkReason(reason string) error {
	if err := store.CheckReason(reason); err != nil {
		return &exitError{exitUsage, fmt.Errorf("congthu: --reason: %w", err)}
	}
	return nil
}

// explained gives an error of the store its way out.
func explained(err error) error {
	for _, e := range []struct {
		is  error
		way string
	}{
		{store.ErrNotFound, "congthu quarantine list shows what is held"},
		{store.ErrDecided, "nothing was done"},
		{store.ErrReleasing, fmt.Sprintf("if nobody is at it, its end is not known: look for it at the server, and try again %.0f minutes after the last attempt", store.ReleaseLease.Minutes())},
		{store.ErrUnsure, "look for it at the server; release --again sends it all the same, and delete ends it"},
		{store.ErrNoAccess, "it was held before you became an officer: somebody who can open it gives you access with congthu officer grant"},
		{store.ErrLastAccess, "grant another officer access first, or add --orphan when the key is lost anyway"},
		{store.ErrNoOfficers, "add one with congthu officer add"},
		{review.ErrNoServer, "write store.release: a server's address that no gate stands before"},
	} {
		if errors.Is(err, e.is) {
			return fmt.Errorf("%w: %s", err, e.way)
		}
	}
	return err
}

// stamp is a time as officers read it.
func stamp(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.In(time.FixedZone("ICT", 7*60*60)).Format("2006-01-02 15:04")
}

// parseUntil reads a date, the end of that day, or a time.
func parseUntil(s string, now time.Time) (time.Time, error) {
	zone := time.FixedZone("ICT", 7*60*60)
	if t, err := time.ParseInLocation("2006-01-02", s, zone); err == nil {
		return t.AddDate(0, 0, 1), nil
	}
	var d policy.Duration
	if d.UnmarshalText([]byte(s)) == nil {
		return now.Add(time.Duration(d)), nil
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is no date: write 2026-12-31, 7d or 2026-12-31T17:00:00+07:00", s)
	}
	return t, nil
}
