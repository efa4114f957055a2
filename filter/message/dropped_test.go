package message

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// junkParams are n parameters that mean nothing.
func junkParams(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, " a%d=1;", i)
	}
	return b.String()
}

// What stands behind something long, or twice, is not dropped without a word.
func TestNothingIsDroppedSilently(t *testing.T) {
	parts := func(boundary string) string {
		// The lines in front lead a reader astray that guesses.
		return "\r\n\r\n--decoy\r\n\r\nx\r\n--decoy\r\n\r\ny\r\n--" + boundary + "\r\nContent-Type: image/png\r\n\r\nhello\r\n--" + boundary + "--\r\n"
	}
	long, tooLong := strings.Repeat("L", maxBoundary), strings.Repeat("L", maxBoundary+1)
	names := strings.Repeat(" name=x;", maxWeighty)
	for _, test := range []struct {
		name, raw string
		leaf      string // "type disposition name" of a leaf that must be there
		missed    Reason
	}{
		{"boundary of 300 octets", "Content-Type: multipart/mixed; boundary=" + strings.Repeat("L", 300) + parts(strings.Repeat("L", 300)), "image/png", ""},
		{"boundary at the limit", "Content-Type: multipart/mixed; boundary=" + long + parts(long), "image/png", ""},
		{"boundary over the limit", "Content-Type: multipart/mixed; boundary=" + tooLong + parts(tooLong), "application/octet-stream", TooBig},
		{"boundary behind 64 parameters", "Content-Type: multipart/mixed;" + junkParams(64) + " boundary=bb" + parts("bb"), "image/png", ""},
		{"boundary behind 2000 parameters", "Content-Type: multipart/mixed;" + junkParams(2000) + " boundary=bb" + parts("bb"), "image/png", ""},
		{"split boundary behind 64 parameters", "Content-Type: multipart/mixed;" + junkParams(64) + " boundary*0=b; boundary*1=b" + parts("bb"), "image/png", ""},
		{"boundary behind more names than are read", "Content-Type: multipart/mixed;" + names + " boundary=bb" + parts("bb"), "multipart/mixed  x", TooMany},
		{"filename behind 64 parameters", "Content-Type: text/csv\r\nContent-Disposition: inline;" + junkParams(64) + " filename=a.csv\r\n\r\nx", "text/csv inline a.csv", ""},
		{"name behind 64 parameters", "Content-Type: text/csv;" + junkParams(64) + " name*0*=utf-8''a; name*1=.csv\r\n\r\nx", "text/csv  a.csv", ""},
		{"boundary behind open parentheses", "Content-Type: multipart/mixed; x=((y; boundary=bb; z=)" + parts("bb"), "image/png", ""},
		{"boundary in a comment", "Content-Type: multipart/mixed; (x; boundary=bb; y=z)" + parts("bb"), "image/png", ""},
		{"name in a comment", "Content-Type: text/csv (; name=a.csv; x=)\r\n\r\nx", "text/csv  a.csv", ""},
		{"boundary in front of one", "Content-Type: multipart/mixed; boundary=\"bb\" (x; y=1" + parts("bb"), "image/png", ""},
		{"inline, then attachment", "Content-Type: text/csv\r\nContent-Disposition: inline\r\nContent-Disposition: attachment\r\n\r\nx", "text/csv attachment", ""},
		{"attachment, then inline", "Content-Type: text/csv\r\nContent-Disposition: attachment\r\nContent-Disposition: inline\r\n\r\nx", "text/csv attachment", ""},
		{"attachment behind many inline", "Content-Type: text/csv" + manyDispositions(20) + "\r\nContent-Disposition: attachment; filename=a.csv\r\n\r\nx", "text/csv attachment a.csv", TooMany},
		{"the last of many types", "Content-Type: text/a\r\nContent-Type: text/b\r\nContent-Type: text/c\r\nContent-Type: text/d\r\nContent-Type: multipart/mixed; boundary=bb" + parts("bb"), "image/png", TooMany},
		{"a type without a subtype as text", "Content-Type: application\r\n\r\nx", "text/plain", ""},
		{"and as a file", "Content-Type: application; name=a.zip\r\n\r\nx", "application/octet-stream  a.zip", ""},
		{"a type with two", "Content-Type: application/x/y\r\n\r\nx", "application/octet-stream", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := read(t, test.raw)
			checkTree(t, m)
			var got []string
			for p := range m.Parts() {
				got = append(got, strings.TrimRight(p.MediaType+" "+p.Disposition+" "+p.Name, " "))
			}
			if !slices.Contains(got, test.leaf) {
				t.Errorf("parts %q, want %q", got, test.leaf)
			}
			for _, n := range m.NotInspected {
				if n.Reason != test.missed {
					t.Errorf("not inspected: %v", n)
				}
			}
			if test.missed != "" && len(m.NotInspected) == 0 {
				t.Errorf("silent, want %q", test.missed)
			}
			if !slices.ContainsFunc(m.Anomalies, func(a Anomaly) bool { return a.Kind.Ambiguous() }) &&
				(strings.Contains(test.name, "as") || strings.Contains(test.name, "then") || test.missed != "") {
				t.Errorf("no anomaly that programs read differently: %v", m.Anomalies)
			}
		})
	}
	// What is only text to every program is no file.
	for _, raw := range []string{"Content-Type: text\r\n\r\nx", "Content-Type: \r\n\r\nx", "Content-Type: text/\r\n\r\nx"} {
		for p := range read(t, raw).Parts() {
			if p.MediaType != "text/plain" {
				t.Errorf("%q has a part of type %s", raw, p.MediaType)
			}
		}
	}
}

func manyDispositions(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "\r\nContent-Disposition: inline; x=%d", i)
	}
	return b.String()
}

// However many boundaries begin with one another, a line is compared with few of them, and no part is lost.
func TestAlikeBoundariesAreBounded(t *testing.T) {
	for _, up := range []bool{true, false} {
		bs := &boundaries{}
		const n = 500
		for i := range n {
			length := i + 1
			if !up {
				length = n - i
			}
			bs.add(strings.Repeat("a", length), 0)
		}
		if len(bs.list) != maxAlike {
			t.Errorf("%d boundaries", len(bs.list))
		}
		for _, b := range bs.list {
			chain := 0
			for p := b; p != nil; p = p.prefix {
				chain++
			}
			if chain > maxAlike || chain != b.alike+1 {
				t.Errorf("%d boundaries in a chain, %d counted", chain, b.alike+1)
			}
		}
	}
	var raw strings.Builder
	raw.WriteString("Subject: x\r\nContent-Type: multipart/mixed; boundary=a\r\n\r\n")
	const siblings = 60
	for i := 2; i < siblings; i++ {
		name := strings.Repeat("a", i)
		fmt.Fprintf(&raw, "--a\r\nContent-Type: multipart/mixed; boundary=%s\r\n\r\n--%s\r\nContent-Type: image/png\r\n\r\nx\r\n--%s--\r\n", name, name, name)
	}
	raw.WriteString("--a--\r\n")
	m := read(t, raw.String())
	pictures := 0
	for p := range m.Parts() {
		if p.MediaType == "image/png" {
			pictures++
		}
	}
	if pictures < siblings-2 {
		t.Errorf("%d parts of %d, not inspected: %v", pictures, siblings-2, m.NotInspected)
	}
}
