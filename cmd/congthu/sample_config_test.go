package main

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"congthu/filter/policy"
)

// The commented sample loads, is servable, and tells the truth: with its comments taken away it means
// the same.
func TestSampleConfiguration(t *testing.T) {
	const file = "../../deploy/congthu.yml"
	as := func(path string) *policy.Config {
		c, err := loadConfig(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := servable(c); err != nil {
			t.Fatal(err)
		}
		if _, err := buildPolicy(c, nil, nil); err != nil {
			t.Fatal(err)
		}
		return c
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	// "  # key: value   # why" and "    # key: value" are defaults written as comments.
	bare := regexp.MustCompile(`(?m)^( +)# ([a-z_]+|[a-z]+(?:-[a-z]+)*):( |$)`).ReplaceAll(text, []byte("$1$2:$3"))
	bare = regexp.MustCompile(`(?m)^( +)# ( +)([a-z_]+):( |$)`).ReplaceAll(bare, []byte("$1$2$3:$4"))
	written := regexp.MustCompile(`(?m)^ +(?:authserv_id|hostname): .*\n`).ReplaceAll(bare, nil) // worked out, described in words
	path := filepath.Join(t.TempDir(), "congthu.yml")
	if err := os.WriteFile(path, written, 0o600); err != nil {
		t.Fatal(err)
	}
	if a, b := as(file), as(path); a.Hash() != b.Hash() {
		t.Errorf("the defaults in %s are not the program's:\n%s", file, written)
	}
	if len(written) == len(text) || string(written) == string(text) {
		t.Error("no default was found in the comments")
	}
}
