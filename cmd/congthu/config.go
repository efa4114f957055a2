package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"congthu/filter/policy"
	"congthu/rules"
)

// defaultConfig is read when no --config is given and it is there.
const defaultConfig = "/etc/congthu/congthu.yml"

// loadConfig reads the named file, else the default one, else the embedded defaults.
func loadConfig(path string) (*policy.Config, error) {
	if path == "" {
		if _, err := os.Stat(defaultConfig); errors.Is(err, fs.ErrNotExist) {
			return policy.Parse("without --config and "+defaultConfig, nil, rules.Defaults())
		}
		path = defaultConfig
	}
	c, err := policy.Load(path, rules.Defaults())
	if err != nil {
		return nil, &exitError{exitConfig, err}
	}
	return c, nil
}

type configCheckCommand struct {
	Config string `help:"Configuration file (default: /etc/congthu/congthu.yml if there is one)." placeholder:"FILE"`
}

// Run reads the configuration as serve would.
func (c *configCheckCommand) Run(p *program) error {
	conf, err := loadConfig(c.Config)
	if err != nil {
		return err
	}
	if err := servable(conf); err != nil {
		return err
	}
	if err := usable(conf); err != nil {
		return err
	}
	pol, err := buildPolicy(conf, nil, nil)
	if err != nil {
		return err
	}
	if err := signOutgoing(conf, pol, p.now); err != nil {
		return err
	}
	for _, doubt := range doubts(conf) {
		fmt.Fprintln(p.stderr, "warning:", doubt)
	}
	_, err = fmt.Fprintf(p.stdout, "configuration is good: %d milter and %d relay listeners, %d rules, policy %s\n",
		len(conf.Milter), len(conf.Relay), len(pol.Rules), pol.Hash)
	return err
}

type configShowCommand struct {
	Config string `help:"Configuration file (default: /etc/congthu/congthu.yml if there is one)." placeholder:"FILE"`
}

// Run prints the configuration in force.
func (c *configShowCommand) Run(p *program) error {
	conf, err := loadConfig(c.Config)
	if err != nil {
		return err
	}
	return conf.Show(p.stdout)
}
