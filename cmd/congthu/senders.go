package main

import (
	"strings"

	"congthu/filter"
	"congthu/filter/policy"
	"congthu/rules"
	"congthu/rules/rate"
)

// rateOf is what the rate rule needs. The counter is the gate's and outlives the configuration; nil counts nothing.
func rateOf(c *policy.Config, counter *rate.Counter) rules.Rate {
	r := c.Rules[rules.NameRate]
	enforced := filter.Mode(r.Mode) == filter.Enforce
	out := rules.Rate{Counter: counter, Limits: rate.Limits{Messages: r.Messages, Recipients: r.Recipients},
		Defers:  enforced && filter.Disposition(r.Outbound) == filter.Defer,
		Refuses: enforced && filter.Disposition(r.Outbound) == filter.Refuse}
	for _, e := range r.Exempt {
		local, domain, ok := strings.Cut(strings.ToLower(e), "@")
		if ok {
			local += "@" + filter.NormalDomain(domain)
		}
		out.Exempt = append(out.Exempt, local)
	}
	return out
}
