package message

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestBrokenLines: Sendmail breaks a long line, and what follows may be a boundary line then. Such a message is read
// in both ways, wherever in the line and in the window the boundary stands.
func TestBrokenLines(t *testing.T) {
	for _, boundary := range []string{"b", "----=_b", strings.Repeat("-", 60) + "b", strings.Repeat("b", 70)} {
		for _, before := range []int{989, 2039, 70000, windowBuffer - 3, windowBuffer - 1, 2*windowBuffer - 40} {
			for _, filler := range []string{"x", "-", "- ", "x--y"} {
				line := strings.Repeat(filler, before/len(filler))
				msg := "Content-Type: multipart/mixed; boundary=\"" + boundary + "\"\r\n\r\n--" + boundary + "\r\n\r\n" + line + "--" + boundary +
					"\r\nContent-Type: application/octet-stream; name=hidden.exe\r\n\r\nMZ\r\n--" + boundary + "--\r\n"
				m := read(t, msg)
				what := fmt.Sprintf("boundary %.20q after %d octets %q", boundary, len(line), filler)
				if !slices.Contains(m.Anomalies, Anomaly{"", AmbiguousBoundary}) {
					t.Errorf("%s: anomalies %v", what, m.Anomalies)
				}
				if !slices.ContainsFunc(slices.Collect(m.Leaves()), func(p *Part) bool { return p.Name == "hidden.exe" }) {
					t.Errorf("%s: the part is not found", what)
				}
			}
		}
	}
}

// TestOrdinaryLinesAreNotBroken: neither short lines with the boundary in them nor long ones without it.
func TestOrdinaryLinesAreNotBroken(t *testing.T) {
	for name, body := range map[string]string{
		"short":              strings.Repeat("x", 80) + "--b\r\n",
		"long":               strings.Repeat("x--c", 30000) + "\r\n",
		"after many":         strings.Repeat("a line -- of some words\r\n", 5000) + "xx--b\r\n",
		"after a long one":   strings.Repeat("x", 70000) + "\r\nx--b\r\n",
		"after a boundary":   "--b\r\nX: y\r\n\r\nxx--b\r\n",
		"hyphens":            strings.Repeat("-", 100000) + "\r\n",
		"short, LF":          strings.Repeat("a line --\n", 5000) + "xx--b\n",
		"after long headers": "--b\r\nX: " + strings.Repeat("y", 3000) + "\r\n\r\nxx--b\r\n",
	} {
		m := read(t, "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n"+body+"--b--\r\n")
		if slices.Contains(m.Anomalies, Anomaly{"", AmbiguousBoundary}) {
			t.Errorf("%s: taken for ambiguous", name)
		}
	}
}
