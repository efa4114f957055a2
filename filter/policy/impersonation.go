package policy

import (
	"fmt"
	"strings"

	"congthu/filter"
)

const impersonationName = "impersonation"

func impersonationKeys() []string { return []string{"officials", "names", "exempt"} }

// checkImpersonation finds what is wrong with the rule about names like ours, but for its list of officials.
func (c *Config) checkImpersonation(bad func(path, format string, args ...any)) {
	const path = "rules." + impersonationName
	r := c.Rules[impersonationName]
	if r.Outbound > Disposition(filter.Accept) {
		bad(path+".outbound", "this rule looks at mail from outside only: leave outbound out, or write accept")
	}
	for i, e := range r.Exempt {
		local, domain, address := strings.Cut(e, "@")
		if !address {
			domain = e
		}
		var d Domain
		if err := d.UnmarshalText([]byte(domain)); err != nil || address && local == "" || strings.ContainsAny(local, " <>,\t") {
			bad(fmt.Sprintf("%s.exempt[%d]", path, i), "%q is no mailbox or domain: write van.hung@firm.vn, or firm.vn for everybody there", e)
		}
	}
	for i, n := range r.Names {
		if strings.TrimSpace(n) == "" {
			bad(fmt.Sprintf("%s.names[%d]", path, i), "is empty: write a name of your organisation, as Bộ Tài nguyên và Môi trường")
		}
	}
}

// elsewhereOfficials finds a list of officials of edited that c does not read.
func (c *Config) elsewhereOfficials(edited *Config) (errs []error) {
	if is := edited.Rules[impersonationName].Officials; is != "" && is != c.Rules[impersonationName].Officials {
		errs = append(errs, edited.Problem("rules."+impersonationName+".officials", "is another file than the one in force: put it in force to see what it does"))
	}
	return errs
}
