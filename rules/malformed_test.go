package rules

import (
	"fmt"
	"testing"

	"congthu/filter"
	"congthu/filter/message"
)

func TestMalformedFindings(t *testing.T) {
	found := malformedFindings([]message.Anomaly{
		{Part: "1", Kind: message.DuplicateEncoding},
		{Part: "1", Kind: message.DuplicateEncoding}, // the same of another reading
		{Part: "2", Kind: message.DuplicateEncoding},
		{Part: "1", Kind: message.MalformedName}, // every program reads it alike
		{Part: "1", Kind: message.MalformedName},
		{Part: "1", Kind: message.DamagedQuoted},
		{Part: "", Kind: message.MboxLine}, // no departure
	})
	if len(found) != 4 || found[0].Part != "1" || found[1].Part != "2" || found[0].Detail != "duplicate-encoding" {
		t.Errorf("%+v", found)
	}
	for i, f := range found {
		if recorded := i >= 2; recorded != (f.Mode == filter.Monitor && f.Disposition == filter.Accept) {
			t.Errorf("%+v", f)
		}
	}
	if found[2].Detail != "malformed-name" || found[3].Detail != "damaged-quoted-printable" {
		t.Errorf("%+v", found)
	}
}

func TestMalformedFindingsAreBounded(t *testing.T) {
	for n, want := range map[int]int{maxMalformed: maxMalformed, maxMalformed + 1: maxMalformed + 1, 5000: maxMalformed + 1, -5000: maxMalformed + 1} {
		kind := message.TextOutside
		if n < 0 {
			n, kind = -n, message.MalformedName
		}
		var all []message.Anomaly
		for i := range n {
			all = append(all, message.Anomaly{Part: fmt.Sprint(i), Kind: kind})
		}
		found := malformedFindings(all)
		if len(found) != want {
			t.Fatalf("%d anomalies: %d findings, want %d", n, len(found), want)
		}
		if last := found[len(found)-1].Detail; n > maxMalformed && last != fmt.Sprintf("%d more", n-maxMalformed) {
			t.Errorf("%d anomalies: the last finding says %q", n, last)
		}
	}
}
