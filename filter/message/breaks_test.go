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

// What servers change on the way is named, in the header of a message and of a part.
func TestAltered(t *testing.T) {
	name := func(n int) string { return strings.Repeat("x", n) + ": a\n" }
	content := func(n int) string { // a field that says what a part is, in one line of n octets
		const start = "Content-Disposition: inline; x="
		return start + strings.Repeat("x", n-len(start)) + "\n"
	}
	for _, tc := range []struct {
		name, fields string
		want         AnomalyKind
	}{
		{"none", "X-A: a\n", ""},
		{"NUL in a value", "X-A: a\x00b\n", NULOctet},
		{"NUL in a name", "Rep\x00ly-To: a@b.vn\n", NULOctet},
		{"NUL at the end of a line", "X-A: a\x00\n", NULOctet},
		{"NUL in a fold", "X-A: a\n \x00\n", NULOctet},
		{"name at the limit", name(maxFieldName), ""},
		{"name over the limit", name(maxFieldName + 1), LongFieldName},
		{"name longer than a line", name(1100), LongFieldName},
		{"blanks after a name", "X-A" + strings.Repeat(" ", maxFieldName) + ": a\n", ""},
		{"content line at the limit", content(maxContentLine), ""},
		{"content line over the limit", content(maxContentLine + 1), LongContentLine},
		{"folded content line over the limit", "CONTENT-Location: a\n " + strings.Repeat("x", maxContentLine) + "\n", LongContentLine},
		{"content folded often", "Content-Location: a\n" + strings.Repeat(" xxxxxxxxx\n", 200), ""},
		{"content field over its limit", "Content-Location: a\n" + strings.Repeat(" xxxxxxxx\n", maxContentField/11+1), LongContentLine},
		{"another field's line", "X-A: " + strings.Repeat("x", 2000) + "\n", ""},
	} {
		head := "Subject: x\n" + tc.fields
		for place, raw := range map[string]string{
			"":  crlf(head + "\nhello"),
			"1": mixed + crlf("--b\n"+tc.fields+"\nhello\n--b--\n"),
			"2": mixed + crlf("--b\n\nhello\n--b\nContent-Type: message/rfc822\n\n"+head+"\nhello\n--b--\n"),
		} {
			m := read(t, raw)
			var got []AnomalyKind
			for _, a := range m.Anomalies {
				if a.Kind.Altered() {
					got = append(got, a.Kind)
					if !a.Kind.Ambiguous() || !strings.HasPrefix(a.Part, place) {
						t.Errorf("%s in %q: %+v", tc.name, place, a)
					}
				}
			}
			if tc.want == "" && len(got) > 0 || tc.want != "" && (len(got) != 1 || got[0] != tc.want) {
				t.Errorf("%s in %q: %q, want %q", tc.name, place, got, tc.want)
			}
		}
	}
	if m := read(t, "Subject: a\r\n\r\nhel\x00lo"); len(m.Anomalies) > 0 {
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
