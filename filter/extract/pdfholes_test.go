package extract

import (
	"strings"
	"testing"
	"time"
)

// A run that fills another's hole stands in it; one that lies over a run does not part it.
func TestPDFHoles(t *testing.T) {
	run := func() *pdfPiece {
		return &pdfPiece{text: "LI T", left: 0, right: 40, top: 10, holes: []pdfHole{{2, 16, 26}}}
	}
	for _, tc := range []struct {
		name        string
		left, right float64
		want        string
	}{
		{"in it", 17, 25, "LI|E|T"},
		{"nearly", 15, 27, "LI|E|T"},
		{"beside it", 4, 12, "LI T|E"},
		{"far longer", 2, 38, "LI T|E"},
		{"behind", 45, 55, "LI T|E"},
	} {
		var got []string
		for _, p := range filled([]*pdfPiece{{text: "E", left: tc.left, right: tc.right, top: 10}, run()}) {
			got = append(got, p.text)
		}
		if all := strings.Join(got, "|"); all != tc.want {
			t.Errorf("%s: %s, want %s", tc.name, all, tc.want)
		}
	}
}

// Very many runs in one line, each with holes, take time as their number.
func TestPDFHolesMany(t *testing.T) {
	const n = 20_000
	wide := &pdfPiece{text: strings.Repeat("x", n), right: n, top: 10}
	line := []*pdfPiece{wide}
	for i := range n - 1 {
		wide.holes = append(wide.holes, pdfHole{i + 1, float64(i) + 0.6, float64(i) + 1})
		line = append(line, &pdfPiece{text: "y", left: float64(i) + 0.7, right: float64(i) + 0.9, top: 10})
	}
	start := time.Now()
	out := filled(line)
	if len(out) != 2*n-1 || out[0].text != "x" || out[1].text != "y" {
		t.Errorf("%d runs: %q %q", len(out), out[0].text, out[1].text)
	}
	t.Log(time.Since(start))
}
