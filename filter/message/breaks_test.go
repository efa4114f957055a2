package message

import (
	"io"
	"strings"
	"testing"
)

// Line ends: all CRLF and all LF are ordinary, anything else is named and read both ways.
func TestLineBreaks(t *testing.T) {
	whole := crlf("Subject: x\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nhello\n--b--\n")
	tests := []struct {
		name, raw string
		bare      bool
		leaves    []string // some leaf decodes to it
	}{
		{"crlf", whole, false, []string{"hello"}},
		{"lf", strings.ReplaceAll(whole, "\r\n", "\n"), false, []string{"hello"}},
		{"lf in the body only", strings.Replace(whole, "hello", "hel\nlo", 1), false, []string{"hel\nlo"}},
		{"lf in the header only", strings.Replace(whole, "x\r\n", "x\n", 1), true, []string{"hello"}},
		{"lf after a boundary line", strings.Replace(whole, "--b\r\n", "--b\n", 1), true, []string{"hello"}},
		{"cr in a header", strings.Replace(whole, "Subject: x", "Subject: x\rX: y", 1), true, []string{"hello"}},
		{"cr hides a type", "Subject: x\rContent-Transfer-Encoding: base64\r\n\r\naGVsbG8=\r\n", true, []string{"hello", "aGVsbG8=\r\n"}},
		{"cr ends the header", "Subject: x\r\rhello: there\r\n\r\nbody", true, []string{"hello: there\r\n\r\nbody", "body"}},
		{"cr before a boundary line", mixed + "--b\r\n\r\none\r--b\r\n\r\ntwo\r\n--b--\r\n", false, []string{"one\r--b\r\n\r\ntwo", "one", "two"}},
		{"cr after a boundary line", mixed + "--b\r\n\r\none\r\n--b\r\r\n\r\ntwo\r\n--b--\r\n", false, []string{"one", "\r\ntwo"}},
	}
	for _, test := range tests {
		m := read(t, test.raw)
		checkTree(t, m)
		if got := hasKind(m.Anomalies, BareLineBreak); got != test.bare {
			t.Errorf("%s: bare line break %v, want %v: %s", test.name, got, test.bare, outline(t, m))
		}
		for _, want := range test.leaves {
			found := false
			for p := range m.Leaves() {
				text, err := io.ReadAll(p.Open())
				if err != nil {
					t.Fatal(err)
				}
				found = found || string(text) == want
			}
			if !found {
				t.Errorf("%s: no leaf %q in\n%s", test.name, want, outline(t, m))
			}
		}
	}
}

func TestNULInHeader(t *testing.T) {
	if m := read(t, "Subject: a\x00b\r\n\r\nhello"); !hasKind(m.Anomalies, NULOctet) {
		t.Errorf("anomalies %v", m.Anomalies)
	}
	if m := read(t, "Subject: a\r\n\r\nhel\x00lo"); hasKind(m.Anomalies, NULOctet) {
		t.Errorf("a NUL in a body is no anomaly of a header: %v", m.Anomalies)
	}
}

// Boundary lines must be found wherever the windows of the scan end.
func TestBoundaryAtEveryOffset(t *testing.T) {
	for _, near := range []int{windowBuffer - maxDelimiter, windowBuffer} {
		for offset := near - 90; offset < near+20; offset++ {
			head := mixed + "--b\r\n\r\n"
			fill := offset - len(head)
			raw := head + strings.Repeat("x", fill) + "\r\n--b\r\nContent-Type: text/html\r\n\r\nlast\r\n--b--\r\n" + strings.Repeat("\r\n", 3000)
			m := read(t, raw)
			if len(m.Root.Children) != 2 || m.Root.Children[0].Body.Len() != int64(fill) || m.Root.Children[1].MediaType != "text/html" || len(m.Anomalies) > 0 {
				t.Fatalf("boundary line at %d: %d children, anomalies %v", offset, len(m.Root.Children), m.Anomalies)
			}
		}
	}
}
