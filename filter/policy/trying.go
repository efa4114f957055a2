package policy

import (
	"errors"
	"maps"
)

// Source is the configuration file as it was read, for whoever edits it.
func (c *Config) Source() []byte { return c.data }

// Judging is c with that part of edited which says how mail is judged: what is ours, the rules, and what a marking is.
// It is for trying a message, so that nobody can make the gate listen, ask engines, or read files elsewhere: a value
// of edited that names a file must be one that c names.
func (c *Config) Judging(edited *Config) (*Config, error) {
	next := *c
	next.Organisation.Domains, next.Organisation.TrustedNetworks = edited.Organisation.Domains, edited.Organisation.TrustedNetworks
	next.Rules = maps.Clone(edited.Rules)
	next.Marking = edited.Marking
	next.file, next.data, next.origins = edited.file, edited.data, edited.origins
	var errs []error
	if edited.Marking.Pack != c.Marking.Pack && edited.Marking.Pack != Default(nil).Marking.Pack {
		errs = append(errs, edited.Problem("marking.pack", "is another file than the one in force: put it in force to see what it does"))
	}
	errs = append(errs, c.elsewhere(edited)...)
	return &next, errors.Join(errs...)
}
