package store_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"congthu/filter/evidence"
)

// An outcome belongs to the newest verdict of its transaction before it, wherever the transactions of the index end.
func TestOutcomesInAnyBatch(t *testing.T) {
	g := newLog(t)
	verdict := func(id string) {
		g.append(t, evidence.Record{Kind: evidence.KindVerdict, Verdict: &evidence.Verdict{ID: id, Direction: "inbound", Disposition: "accept",
			Recipients: []string{"an@monre.gov.vn"}}})
	}
	outcome := func(o evidence.Outcome) { g.append(t, evidence.Record{Kind: evidence.KindOutcome, Outcome: &o}) }
	verdict("01A")
	outcome(evidence.Outcome{ID: "01A", Reply: "451 later", Error: "gone"})
	verdict("01A")
	verdict("01B")
	outcome(evidence.Outcome{ID: "01A", Reply: "250 held", Held: true})
	outcome(evidence.Outcome{ID: "01C", Reply: "250 nobody knows of"})
	outcome(evidence.Outcome{ID: "01A", Reply: "250 again", NextHop: "127.0.0.1:25"})
	verdict("01D")
	lines := readAll(t, g.dir)
	want := ""
	for size := 1; size <= len(lines); size++ {
		d := newDesk(t, "")
		for batch := range slices.Chunk(lines, size) {
			if err := d.Index(t.Context(), batch); err != nil {
				t.Fatal(err)
			}
		}
		got := dump(t, d.path)
		if size == 1 {
			want = got
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%d records at a time:\n%s", size, diff)
		}
	}
	if !strings.Contains(want, "451 later gone") || !strings.Contains(want, "250 again") || strings.Contains(want, "250 held") || strings.Contains(want, "nobody") {
		t.Errorf("the outcomes are not where they belong:\n%s", want)
	}
}
