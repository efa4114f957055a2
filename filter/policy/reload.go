package policy

import (
	"errors"
	"reflect"
)

// Problem is an *Error about a key of this configuration.
func (c *Config) Problem(key, problem string) error {
	p := c.origins[key]
	return &Error{File: c.file, Line: p.line, Column: p.column, Key: key, Problem: problem}
}

// SameListeners tells whether a running gate can take next over without a restart: listeners and
// the limits that doors were made with must be the same. The error names each that is not.
func (c *Config) SameListeners(next *Config) error {
	var errs []error
	for _, s := range []struct {
		key        string
		old, fresh any
	}{
		{"milter", c.Milter, next.Milter},
		{"relay", c.Relay, next.Relay},
		{"admin", c.Admin, next.Admin},
		{"console", c.Console, next.Console},
		{"log", c.Log, next.Log},
		{"evidence", c.Evidence, next.Evidence},
		{"store", c.Store, next.Store},
		{"notices", c.Notices, next.Notices},
		{"alerts", c.Alerts, next.Alerts},
		{"limits", doorLimits(c.Limits), doorLimits(next.Limits)},
	} {
		if !reflect.DeepEqual(s.old, s.fresh) {
			errs = append(errs, next.Problem(s.key, "has changed: restart the gate to put it in force, or put it back"))
		}
	}
	return errors.Join(errs...)
}

// doorLimits are all limits but the one that belongs to judging.
func doorLimits(l Limits) Limits {
	l.Deadline = 0
	return l
}
