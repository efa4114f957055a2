package main

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"congthu/filter"
	"congthu/filter/extract"
	"congthu/filter/message"
	"congthu/filter/milter"
	"congthu/filter/policy"
	"congthu/filter/relay"
	"congthu/rules"
	"congthu/rules/custom"
	"congthu/rules/pack"
)

// buildPolicy turns a configuration into what a judge runs. What rules must spool comes out of the budget; nil
// bounds only the single message. l looks into files; nil makes a policy that only shows what is configured.
func buildPolicy(c *policy.Config, budget *message.Budget, l *looking) (*filter.Policy, error) {
	org, freeMail, err := organisation(c)
	if err != nil {
		return nil, err
	}
	conf := rulesConfig(c, org, freeMail)
	conf.Limits, conf.Budget = c.Limits.Message(), budget
	if conf.Marking, err = detector(c); err != nil {
		return nil, err
	}
	if conf.AttachmentTypes, err = attachmentTypes(c); err != nil {
		return nil, err
	}
	words, err := contentOf(c, &conf)
	if err != nil {
		return nil, &exitError{exitConfig, err}
	}
	officials, list, err := impersonationOf(c)
	if err != nil {
		return nil, &exitError{exitConfig, err}
	}
	conf.Impersonation, words = officials, append(words, list...)
	if err := checkEngines(c); err != nil {
		return nil, err
	}
	conf.Rate = rateOf(c, l.counter())
	if conf.Spam, err = spamOf(c, l); err != nil {
		return nil, err
	}
	signatures, anchors, err := signaturesOf(c, conf.Ours, l != nil)
	if err != nil {
		return nil, err
	}
	conf.Signatures = signatures
	if anchors != "" {
		words = append(words, "trust "+anchors)
	}
	own, err := customRules(c, conf)
	if err != nil {
		return nil, &exitError{exitConfig, err}
	}
	var options extract.Options
	if l != nil {
		options = extract.Options{Pool: l.pool, Hit: l.hit, CacheSize: rememberedFiles}
		conf.Authentication, conf.AuthservID, conf.TrustedSealers = authenticator(c), org.AuthservID, texts(c.Authentication.TrustedSealers)
		if conf.Virus, err = l.engines.use(c, budget); err != nil {
			return nil, fmt.Errorf("making what asks virus scanners: %w", err)
		}
	}
	if conf.Inspector, err = rules.NewInspector(conf, options); err != nil {
		return nil, fmt.Errorf("making what looks into files: %w", err)
	}
	packs := append([]string{"free-mail " + freeMail.Version, "secrecy " + conf.Marking.Version(),
		"attachment-type " + conf.AttachmentTypes.Version()}, words...)
	return &filter.Policy{
		Hash:         c.Hash(packs...),
		Packs:        packs,
		Organisation: org,
		Rules:        append(rules.All(conf), own...),
		Settings:     c.Settings(),
		Uninspected:  c.Reasons(),
		Coverage:     rules.Coverage(conf.Inspector),
		Deadline:     time.Duration(c.Limits.Deadline),
		KeepMarked:   bool(c.Marking.KeepContent),
	}, nil
}

// organisation is what is ours, which no free-mail domain is.
func organisation(c *policy.Config) (filter.Organisation, *pack.FreeMail, error) {
	org := filter.Organisation{Domains: texts(c.Organisation.Domains), TrustedNetworks: prefixes(c.Organisation.TrustedNetworks),
		AuthservID: c.Organisation.AuthservID}
	freeMail, err := pack.BuiltIn()
	if err != nil {
		return org, nil, fmt.Errorf("reading the built-in free-mail pack: %w", err)
	}
	for i, d := range org.Domains {
		if freeMail.Has(d) {
			return org, nil, &exitError{exitConfig, c.Problem(fmt.Sprintf("organisation.domains[%d]", i), "is a free-mail domain: nobody's own")}
		}
	}
	return org, freeMail, nil
}

func rulesConfig(c *policy.Config, org filter.Organisation, freeMail *pack.FreeMail) rules.Config {
	size, free, types := c.Rules[rules.NameAttachmentSize], c.Rules[rules.NameFreeMail], c.Rules[rules.NameAttachmentType]
	return rules.Config{
		AttachmentLimit: int64(size.Limit), InlineFloor: int64(size.InlineFloor),
		FreeMail: freeMail, FreeMailAdd: texts(free.Add), FreeMailExcept: texts(free.Except), Forwarded: filter.Disposition(free.Forwarded),
		MarkingEnforced: float64(c.Marking.EnforceFrom) / 100,
		MacrosOutbound:  filter.Disposition(types.MacrosOutbound), MacrosInbound: filter.Disposition(types.MacrosInbound),
		MailboxExempt: c.Rules[rules.NameMailboxName].Exempt,
		Ours:          org.Ours, ClientOurs: org.ClientIsOurs,
	}
}

// customRules compiles the administrator's own rules, in the order of their names. What is wrong with an
// expression is said with its place in the configuration file.
func customRules(c *policy.Config, conf rules.Config) ([]filter.Rule, error) {
	var list []custom.Rule
	for _, name := range slices.Sorted(maps.Keys(c.Rules)) {
		if r := c.Rules[name]; strings.HasPrefix(name, policy.CustomPrefix) {
			list = append(list, custom.Rule{Name: name, Clause: r.Clause, When: r.When, Part: r.Part, Failed: filter.Disposition(r.Failed),
				Text: filter.Text{Vietnamese: r.Vietnamese, English: r.English}})
		}
	}
	built, err := rules.Custom(conf, list)
	problems := placed(c, "", err)
	slices.SortStableFunc(problems, inFile)
	return built, errors.Join(problems...)
}

// placed turns the problems of expressions into problems of the configuration file.
func placed(c *policy.Config, rule string, err error) []error {
	switch e := err.(type) {
	case nil:
		return nil
	case interface{ Unwrap() []error }:
		var all []error
		for _, one := range e.Unwrap() {
			all = append(all, placed(c, rule, one)...)
		}
		return all
	case *rules.CustomError:
		return placed(c, e.Rule, e.Err)
	case *custom.Error:
		return []error{c.ProblemIn("rules."+rule+"."+e.Key, e.Line, e.Column, e.Problem)}
	}
	return []error{err}
}

// inFile orders problems as they stand in the configuration file.
func inFile(a, b error) int {
	x, y := &policy.Error{}, &policy.Error{}
	errors.As(a, &x)
	errors.As(b, &y)
	return cmp.Or(cmp.Compare(x.Line, y.Line), cmp.Compare(x.Column, y.Column))
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
	rc.TLS = relay.ListenTLS{Certificate: r.TLS.Certificate, Key: r.TLS.Key, Required: bool(r.TLS.Required)}
	rc.AuthPass = r.Auth == policy.AuthPass
	rc.ClientFacts = relay.ClientFacts(r.ClientFacts)
	rc.Keep = relay.Keep{Connections: int(r.Keep.Connections), Idle: time.Duration(r.Keep.Idle), Age: time.Duration(r.Keep.Age), Mails: int(r.Keep.Mails)}
	rc.Timeouts.Command, rc.Timeouts.Data = time.Duration(r.Timeouts.Command), time.Duration(r.Timeouts.Data)
	rc.Timeouts.Message, rc.Timeouts.Session = time.Duration(r.Timeouts.Message), time.Duration(r.Timeouts.Session)
	rc.AfterQueue = r.Queue == policy.QueueAfter
	rc.Received, rc.ClientConnections = bool(r.Received), int(r.ClientConnections)
	rc.NextHopTLS = relay.NextHopTLS{Mode: relay.TLSMode(r.NextHopTLS.Mode), CA: r.NextHopTLS.CA}
	if r.Hostname != "" {
		rc.Hostname = r.Hostname
	} else if name, err := os.Hostname(); err == nil && name != "" {
		rc.Hostname = name
	}
	return rc
}

func texts[T ~string](list []T) []string {
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
