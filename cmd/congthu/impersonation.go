package main

import (
	"errors"

	"congthu/filter"
	"congthu/filter/policy"
	"congthu/rules"
	"congthu/rules/impersonation"
)

// impersonationOf makes what tells names like ours, with the list of officials that the configuration names. packs is the
// hash of that file: another list is another policy. A rule that is off reads none; rule free-mail then knows no officials.
func impersonationOf(c *policy.Config) (d *impersonation.Detector, packs []string, err error) {
	r := c.Rules[rules.NameImpersonation]
	if filter.Mode(r.Mode) == filter.Off {
		return nil, nil, nil
	}
	conf := impersonation.Config{Domains: texts(c.Organisation.Domains), Names: r.Names, Exempt: r.Exempt}
	if r.Officials != "" {
		var hash string
		if conf.Officials, hash, err = impersonation.Load(c.Beside(r.Officials)); err != nil {
			return nil, nil, errors.Join(c.Problem("rules."+rules.NameImpersonation+".officials", wholePath(c.Beside(r.Officials))+" is a list that cannot be used:"), err)
		}
		packs = append(packs, "officials sha256:"+hash)
	}
	if d, err = impersonation.New(conf); err != nil {
		return nil, nil, errors.Join(c.Problem("rules."+rules.NameImpersonation+".names", "cannot be used:"), err)
	}
	return d, packs, nil
}
