package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"congthu/filter"
	"congthu/filter/policy"
	"congthu/rules"
)

// maxSecret is the longest password in a file, in octets.
const maxSecret = 4096

// spamOf is what the spam rule needs. l is nil where nothing is judged.
func spamOf(c *policy.Config, l *looking) (rules.Spam, error) {
	r := c.Rules[rules.NameSpam]
	if filter.Mode(r.Mode) == filter.Off {
		return rules.Spam{}, nil
	}
	problem := func(key, text string) error {
		return &exitError{exitConfig, c.Problem("rules."+rules.NameSpam+"."+key, text)}
	}
	password, err := secretOf(r.Password)
	if err != nil {
		return rules.Spam{}, problem("password", err.Error())
	}
	rspamd, err := rules.NewRspamd(rules.RspamdOptions{Address: r.Address, Password: password, Timeout: time.Duration(r.Timeout), Concurrent: r.Concurrent, Now: time.Now})
	if err != nil {
		return rules.Spam{}, problem("address", err.Error())
	}
	if !rspamd.Local() && c.Rules[filter.RuleMarking].Mode == policy.Mode(filter.Off) {
		return rules.Spam{}, problem("address", "is on another machine and is asked only about mail in which rule marking found nothing, but that rule is off: set rules.marking.mode to monitor or enforce")
	}
	s := rules.Spam{Rspamd: rspamd, Outbound: dispositions(r.ActionsOutbound), Inbound: dispositions(r.ActionsInbound)}
	if l != nil {
		s.Failed = func(id string, err error) {
			l.engines.log.Warn("rspamd gave no answer: the mail passes without it", "id", id, "error", err.Error())
		}
	}
	return s, nil
}

func dispositions(of map[string]policy.Disposition) map[string]filter.Disposition {
	out := map[string]filter.Disposition{}
	for k, d := range of {
		out[k] = filter.Disposition(d)
	}
	return out
}

// secretOf reads a secret that the configuration names as file:/path; "" is none.
func secretOf(place string) (string, error) {
	if place == "" {
		return "", nil
	}
	f, err := os.Open(strings.TrimPrefix(place, "file:"))
	if err != nil {
		return "", fmt.Errorf("cannot be read: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
	secret := strings.TrimRight(string(data), "\r\n")
	switch {
	case err != nil:
		return "", fmt.Errorf("cannot be read: %w", err)
	case secret == "" || len(data) > maxSecret || strings.ContainsFunc(secret, func(r rune) bool { return r < ' ' || r > '~' }):
		return "", fmt.Errorf("the file must hold the password in one line of ASCII")
	}
	return secret, nil
}
