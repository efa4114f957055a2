package main

import (
	"fmt"
	"net/netip"
	"os"
	"time"

	"congthu/filter"
	"congthu/filter/milter"
	"congthu/filter/policy"
	"congthu/filter/relay"
	"congthu/rules"
	"congthu/rules/pack"
)

// buildPolicy turns a configuration into what a judge runs.
func buildPolicy(c *policy.Config) (*filter.Policy, error) {
	freeMail, err := pack.BuiltIn()
	if err != nil {
		return nil, fmt.Errorf("reading the built-in free-mail pack: %w", err)
	}
	org := filter.Organisation{Domains: texts(c.Organisation.Domains), TrustedNetworks: prefixes(c.Organisation.TrustedNetworks),
		AuthservID: c.Organisation.AuthservID}
	for i, d := range org.Domains {
		if freeMail.Has(d) {
			return nil, &exitError{exitConfig, c.Problem(fmt.Sprintf("organisation.domains[%d]", i), "is a free-mail domain: nobody's own")}
		}
	}
	size, free := c.Rules[rules.NameAttachmentSize], c.Rules[rules.NameFreeMail]
	return &filter.Policy{
		Hash:         c.Hash("free-mail " + freeMail.Version),
		Organisation: org,
		Rules: rules.All(rules.Config{
			AttachmentLimit: int64(size.Limit), InlineFloor: int64(size.InlineFloor),
			FreeMail: freeMail, FreeMailAdd: texts(free.Add), FreeMailExcept: texts(free.Except),
			Ours: org.Ours,
		}),
		Settings:    c.Settings(),
		Uninspected: c.Reasons(),
		Deadline:    time.Duration(c.Limits.Deadline),
	}, nil
}

func milterConfig(c *policy.Config, m policy.Milter) milter.Config {
	mc := milter.DefaultConfig()
	mc.Name, mc.Listen, mc.SocketMode = m.Name, m.Listen, os.FileMode(m.Mode)
	mc.Direction, mc.Connections = m.Direction.Filter(), m.Connections
	mc.Limits, mc.Recipients = c.Limits.Message(), c.Limits.Recipients
	return mc
}

func relayConfig(c *policy.Config, r policy.Relay) relay.Config {
	rc := relay.Defaults()
	rc.Name, rc.Listen, rc.NextHops = r.Name, r.Listen, r.NextHops
	rc.Direction, rc.Connections, rc.TrustedPeers = r.Direction.Filter(), r.Connections, prefixes(r.TrustedPeers)
	rc.Limits, rc.Recipients = c.Limits.Message(), c.Limits.Recipients
	if r.Hostname != "" {
		rc.Hostname = r.Hostname
	} else if name, err := os.Hostname(); err == nil && name != "" {
		rc.Hostname = name
	}
	return rc
}

func texts(list []policy.Domain) []string {
	out := make([]string, len(list))
	for i, d := range list {
		out[i] = string(d)
	}
	return out
}

func prefixes(list []policy.Network) []netip.Prefix {
	out := make([]netip.Prefix, len(list))
	for i, n := range list {
		out[i] = netip.Prefix(n)
	}
	return out
}
