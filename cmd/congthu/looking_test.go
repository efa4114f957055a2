package main

import (
	"testing"

	"congthu/filter/policy"
	"congthu/rules"
)

// Workers are ready when a rule that is on may need them, and only then: they take more memory than the gate itself.
func TestWorkersAreReadyForRulesThatAreOn(t *testing.T) {
	const off = "organisation: {domains: [monre.gov.vn]}\nrules:\n  uninspected: {mode: off}\n  attachment-type: {mode: off}\n  signature: {mode: off}\n"
	for _, tc := range []struct {
		name, text string
		want       bool
	}{
		{"as it comes", "organisation: {domains: [monre.gov.vn]}\n", true},
		{"nothing looks", off + "  marking: {mode: off}\n", false},
		{"markings are counted", off + "  marking: {mode: monitor}\n", true},
		{"a virus scanner is asked", off + "  marking: {mode: off}\nvirus: {clamd: [\"unix:/run/clamav/clamd.ctl\"]}\n", true},
		{"a virus scanner is there and not asked", off + "  marking: {mode: off}\n  virus: {mode: off}\nvirus: {clamd: [\"unix:/run/clamav/clamd.ctl\"]}\n", false},
	} {
		c, err := policy.Parse("congthu.yml", []byte(tc.text), rules.Defaults())
		if err != nil {
			t.Fatalf("%s: %v", tc.name, err)
		}
		if got := looksIntoFiles(c); got != tc.want {
			t.Errorf("%s: %v, want %v", tc.name, got, tc.want)
		}
	}
}
