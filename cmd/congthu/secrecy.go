package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"congthu/filter/policy"
	"congthu/rules/marking"
	"congthu/rules/pack"
)

// detector makes what finds secrecy markings, of the pack that the configuration names.
func detector(c *policy.Config) (*marking.Detector, error) {
	words, err := secrecyPack(c.Marking.Pack)
	if err != nil {
		return nil, &exitError{exitConfig, c.Problem("marking.pack", err.Error())}
	}
	var own marking.Own
	for _, n := range c.Marking.Names {
		own.Names = append(own.Names, pack.Level{Name: strings.ToLower(n.Name), Level: string(n.Level)})
	}
	for _, l := range c.Marking.Labels {
		level := pack.LabelLevel{Name: l.Label}
		if l.Level != policy.LevelNone {
			level.Level = string(l.Level)
		}
		own.Labels = append(own.Labels, level)
	}
	d, err := marking.New(words, own)
	if err != nil {
		return nil, &exitError{exitConfig, c.Problem("marking.names", err.Error())}
	}
	return d, nil
}

// secrecyPack reads a pack of the program by its name, or one in a file by its path.
func secrecyPack(name string) (*pack.Secrecy, error) {
	if filepath.IsAbs(name) {
		words, err := pack.ReadSecrecy(os.DirFS(filepath.Dir(name)), filepath.Base(name))
		if err != nil {
			return nil, fmt.Errorf("%s cannot be used: %w", name, err)
		}
		return words, nil
	}
	return pack.BuiltInSecrecy(name)
}
