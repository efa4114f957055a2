package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"time"

	"congthu/filter"
	"congthu/filter/policy"
	"congthu/rules"
	"congthu/signing/mailauth"
)

// signOutgoing has a policy sign outgoing mail with the keys of the configuration. It is for a gate and for whoever tries
// its configuration: nobody else can read the keys, and nothing leaves there.
func signOutgoing(c *policy.Config, p *filter.Policy, now func() time.Time) error {
	keys, err := dkimKeys(c)
	if err != nil || len(keys) == 0 {
		return err
	}
	d := c.Signing.DKIM
	o := mailauth.SignerOptions{Fields: texts(d.Fields), Once: texts(d.Oversigned), Expires: time.Duration(d.Expires),
		Header: int64(c.Limits.Header), HeaderFields: c.Limits.HeaderFields}
	if len(o.Fields) == 0 {
		o.Fields = nil
	}
	if len(o.Once) == 0 {
		o.Once = nil
	}
	o.SimpleHeader, o.SimpleBody = d.Canonicalization.Simple()
	p.Signer = rules.NewOutgoing(mailauth.NewSigner(keys, o, now), p.Organisation.Ours)
	p.SendUnsigned = filter.Disposition(d.Failed) == filter.Accept
	return nil
}

// dkimKeys reads the keys. What is wrong with one is said with its place in the configuration and the way out.
func dkimKeys(c *policy.Config) ([]mailauth.Key, error) {
	var keys []mailauth.Key
	var wrong []error
	for i, k := range c.Signing.DKIM.Keys {
		key, err := mailauth.ReadKey(c.Beside(k.File), string(k.Domain), k.Selector)
		if err != nil {
			wrong = append(wrong, c.Problem(fmt.Sprintf("signing.dkim.keys[%d].file", i), err.Error()+keyWayOut(err, c.Beside(k.File), k)))
			continue
		}
		key.From, key.Until = time.Time(k.From), time.Time(k.Until)
		keys = append(keys, key)
	}
	if len(wrong) > 0 {
		return nil, &exitError{exitConfig, errors.Join(wrong...)}
	}
	return keys, nil
}

// keyWayOut says what to do about a key file that cannot be read.
func keyWayOut(err error, path string, k policy.DKIMKey) string {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Sprintf("; make it with congthu dkim keygen --domain %s --selector %s %s, or correct the path", k.Domain, k.Selector, path)
	case errors.Is(err, fs.ErrPermission):
		name := fmt.Sprintf("user %d", os.Geteuid())
		if u, err := user.Current(); err == nil {
			name = u.Username
		}
		return fmt.Sprintf("; the gate runs as %s here, whose file it must be: chown %s %s", name, name, path)
	}
	return ""
}
