package policy

import (
	"fmt"
	"strings"

	"congthu/filter"
)

const rateName = "rate"

// maxRate is the highest limit of the rate rule, in messages or recipients an hour.
const maxRate = 1_000_000

func rateKeys() []string { return []string{"messages", "recipients", "exempt"} }

// rateDefaults fills the keys of the rate rule.
func rateDefaults(r *Rule) { r.Messages, r.Recipients = 300, 1000 }

// checkRate finds what is wrong with the rate rule.
func (c *Config) checkRate(bad func(path, format string, args ...any)) {
	const path = "rules." + rateName
	r := c.Rules[rateName]
	for key, n := range map[string]int{"messages": r.Messages, "recipients": r.Recipients} {
		if n > maxRate {
			bad(path+"."+key, "is out of bounds: write 1 to %d an hour", maxRate)
		}
	}
	if r.Inbound > Disposition(filter.Accept) {
		bad(path+".inbound", "this rule counts mail of yours only: leave inbound out, or write accept")
	}
	for i, e := range r.Exempt {
		local, domain, address := strings.Cut(e, "@")
		if local == "" || address && (domain == "" || strings.Contains(domain, "@")) || strings.ContainsAny(e, " <>,\t") {
			bad(fmt.Sprintf("%s.exempt[%d]", path, i), "%q is no mailbox: write bantin@monre.gov.vn, or bantin for every domain of yours and for a login", e)
		}
	}
}
