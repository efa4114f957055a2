package main

import (
	"errors"
	"fmt"

	"congthu/filter"
	"congthu/filter/policy"
	"congthu/rules"
	"congthu/rules/content"
)

// contentOf reads the dictionaries that the configuration names into the rules' configuration. packs are their names with
// the hashes of their files: another dictionary is another policy. A rule that is off reads none.
func contentOf(c *policy.Config, conf *rules.Config) (packs []string, err error) {
	r := c.Rules[rules.NameContent]
	conf.Content.From = r.From
	for _, s := range r.Thresholds {
		conf.Content.Steps = append(conf.Content.Steps, rules.ContentStep{Inbound: s.Direction.Filter() == filter.Inbound, From: s.From, Disposition: filter.Disposition(s.Disposition)})
	}
	if filter.Mode(r.Mode) == filter.Off || len(r.Dictionaries) == 0 {
		return nil, nil
	}
	var all []*content.Dictionary
	var errs []error
	for i, path := range r.Dictionaries {
		d, err := content.Load(c.Beside(path))
		if err != nil {
			errs = append(errs, c.Problem(fmt.Sprintf("rules.%s.dictionaries[%d]", rules.NameContent, i), wholePath(c.Beside(path))+" cannot be used:"), err)
			continue
		}
		all = append(all, d)
		packs = append(packs, "content-"+d.Name+" sha256:"+d.SHA256)
	}
	if len(errs) == 0 {
		if conf.Content.Lexicon, err = content.New(all); err != nil {
			errs = append(errs, c.Problem("rules."+rules.NameContent+".dictionaries", "hold entries that cannot be used:"), err)
		}
	}
	return packs, errors.Join(errs...)
}
