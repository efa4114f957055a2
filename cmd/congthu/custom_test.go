package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"congthu/filter/policy"
)

// The example of a rule of one's own in the sample configuration works when its signs are taken away.
func TestSampleCustomRule(t *testing.T) {
	text, err := os.ReadFile("../../deploy/congthu.yml")
	if err != nil {
		t.Fatal(err)
	}
	with := regexp.MustCompile(`(?m)^  ## `).ReplaceAll(text, []byte("  "))
	path := filepath.Join(t.TempDir(), "congthu.yml")
	if err := os.WriteFile(path, with, 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := loadConfig(path)
	if err != nil {
		t.Fatal(err)
	}
	p, err := buildPolicy(c, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	last := p.Rules[len(p.Rules)-1]
	if !strings.HasPrefix(last.Name, policy.CustomPrefix) || last.Clause == "" || last.Text.Vietnamese == "" {
		t.Errorf("the last rule is %+v", last)
	}
}
