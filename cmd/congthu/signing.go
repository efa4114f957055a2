package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"strings"

	"congthu/filter"
	"congthu/filter/policy"
	"congthu/rules"
	"congthu/signing"
)

// signaturesOf reads what rule signature goes by: anchors, further certificates and revocation lists. The string names the
// anchors, for the policy's record: "" without any. Nobody is asked without ask.
func signaturesOf(c *policy.Config, ours func(domain string) bool, ask bool) (rules.Signatures, string, error) {
	s := c.Signing
	var files [3][]string
	for i, list := range []struct {
		key      string
		patterns []string
	}{{"trust", s.Trust}, {"intermediates", s.Intermediates}, {"lists", s.Lists}} {
		var err error
		if files[i], err = c.SigningFiles(list.key, list.patterns); err != nil {
			return rules.Signatures{}, "", &exitError{exitConfig, err}
		}
	}
	trust, err := signing.LoadTrust(files[0], files[1])
	if err != nil {
		return rules.Signatures{}, "", &exitError{exitConfig, c.Problem("signing.trust", err.Error())}
	}
	out := rules.Signatures{Trust: trust, States: map[signing.State]filter.Disposition{}, Required: requiredOf(s.Required, ours)}
	for state, d := range rules.DefaultStates() {
		out.States[state] = d
	}
	for state, d := range s.States {
		out.States[signing.State(state)] = filter.Disposition(d)
	}
	if out.Revocation, err = revocationOf(c, files[2], ask); err != nil {
		return rules.Signatures{}, "", err
	}
	return out, anchorsVersion(trust), nil
}

// revocationOf is what asks whether certificates are revoked; nil when the policy does not.
func revocationOf(c *policy.Config, lists []string, ask bool) (*signing.Revocation, error) {
	s := c.Signing
	if s.Revocation == policy.RevocationOff {
		return nil, nil
	}
	conf := signing.RevocationConfig{Lists: lists, Hosts: s.Hosts, Dir: s.Cache, Hard: s.Revocation == policy.RevocationHard}
	if ask && len(s.Hosts) > 0 {
		transport := http.DefaultTransport.(*http.Transport).Clone()
		transport.DisableKeepAlives = true // a connection in hours
		conf.Transport = transport
	}
	if ask && s.Cache != "" {
		if err := os.MkdirAll(s.Cache, 0o750); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, &exitError{exitConfig, c.Problem("signing.cache", err.Error())}
		}
	}
	r, err := signing.NewRevocation(conf)
	if err != nil {
		return nil, &exitError{exitConfig, c.Problem("signing.lists", err.Error())}
	}
	return r, nil
}

// requiredOf tells mailboxes that have to sign: with a domain that one, without that of each of our domains.
func requiredOf(mailboxes []string, ours func(domain string) bool) func(local, domain string) bool {
	return func(local, domain string) bool {
		for _, m := range mailboxes {
			l, d, whole := strings.Cut(m, "@")
			if strings.EqualFold(l, local) && (whole && filter.NormalDomain(d) == filter.NormalDomain(domain) || !whole && ours(domain)) {
				return true
			}
		}
		return false
	}
}

// anchorsVersion is a hash of the anchors, whatever files they are in.
func anchorsVersion(t *signing.Trust) string {
	h := sha256.New()
	if len(t.Anchors()) == 0 {
		return ""
	}
	for _, c := range t.Anchors() {
		h.Write([]byte(signing.Fingerprint(c)))
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}
