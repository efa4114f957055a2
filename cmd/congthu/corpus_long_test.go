//go:build long

package main

import (
	"slices"
	"strings"
	"testing"

	"congthu/filter"
	"congthu/internal/corpus"
)

// TestLongCorpusMarkings judges real mail of people and of senders of spam, none of it a paper of any ministry: no
// marking is refused or held in it, nothing panics and nothing fails. Each hit is printed, to be looked at.
func TestLongCorpusMarkings(t *testing.T) {
	j := newLookingJudge(t)
	mails, hits, missed := 0, 0, map[string]int{}
	corpus.Each(t, func(name string, raw []byte) {
		mails++
		v := judged(t, j, raw)
		if v.Err != nil {
			t.Errorf("%s: %v", name, v.Err)
		}
		if i := slices.IndexFunc(v.Findings, func(f filter.Finding) bool { return f.Rule == filter.RuleMarking }); i >= 0 {
			hits++
			f := v.Findings[i]
			t.Logf("%s: %s", name, strings.TrimSpace(found(filter.Verdict{Findings: v.Findings[i : i+1]})))
			if f.Mode == filter.Enforce && f.Disposition >= filter.Hold {
				t.Errorf("%s is refused for a marking", name)
			}
		}
		for _, n := range v.NotInspected {
			missed[string(n.Reason)]++
		}
	})
	t.Logf("%d mails, %d with a sign of a marking, not inspected: %v", mails, hits, missed)
	if mails < 6000 {
		t.Errorf("only %d mails", mails)
	}
}
