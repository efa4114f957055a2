package rules

import (
	"fmt"
	"testing"

	"congthu/filter/message"
)

func TestMalformedFindings(t *testing.T) {
	found := malformedFindings([]message.Anomaly{
		{Part: "1", Kind: message.DuplicateEncoding},
		{Part: "1", Kind: message.DuplicateEncoding}, // the same of another reading
		{Part: "2", Kind: message.DuplicateEncoding},
		{Part: "", Kind: message.MalformedAddress}, // every program reads it alike
	})
	if len(found) != 2 || found[0].Part != "1" || found[1].Part != "2" || found[0].Detail != "duplicate-encoding" {
		t.Errorf("%+v", found)
	}
}

func TestMalformedFindingsAreBounded(t *testing.T) {
	for n, want := range map[int]int{maxMalformed: maxMalformed, maxMalformed + 1: maxMalformed + 1, 5000: maxMalformed + 1} {
		var all []message.Anomaly
		for i := range n {
			all = append(all, message.Anomaly{Part: fmt.Sprint(i), Kind: message.TextOutside})
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
