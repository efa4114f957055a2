//go:build long

package main

import (
	"strings"
	"testing"

	"congthu/filter"
	"congthu/internal/corpus"
	"congthu/rules"
)

// TestLongCorpusAttachments judges real mail: none that people wanted is held or refused, but for a shortcut to a page,
// which the rule refuses. Each hit is printed, to be looked at.
func TestLongCorpusAttachments(t *testing.T) {
	j := newLookingJudge(t)
	mails := 0
	corpus.Each(t, func(name string, raw []byte) {
		mails++
		v := judged(t, j, raw)
		if v.Err != nil {
			t.Errorf("%s: %v", name, v.Err)
		}
		for _, f := range v.Findings {
			if f.Rule != rules.NameAttachmentType {
				continue
			}
			t.Logf("%s: part %s, %s, %s", name, f.Part, f.Detail, f.Disposition)
			if f.Disposition >= filter.Hold && strings.Contains(name, "ham") && f.Detail != "shortcut" {
				t.Errorf("%s asks for %s: %s", name, f.Disposition, f.Detail)
			}
		}
	})
	if mails < 6000 {
		t.Errorf("only %d mails", mails)
	}
}
