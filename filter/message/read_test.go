package message

import (
	"fmt"
	"io"
	"strings"
	"testing"
)

// crlf turns a text written in Go source into the lines of a message.
func crlf(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }

func read(t testing.TB, raw string) *Message {
	t.Helper()
	m, err := Read(strings.NewReader(raw), int64(len(raw)), DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// outline writes a message's tree, one part a line, with what its leaves decode to.
func outline(t testing.TB, m *Message) string {
	t.Helper()
	var b strings.Builder
	var walk func(p *Part, indent, how string)
	walk = func(p *Part, indent, how string) {
		fmt.Fprintf(&b, "%s%s[%s] %s", indent, how, p.ID, p.MediaType)
		if p.Name != "" {
			fmt.Fprintf(&b, " %q", p.Names)
		}
		if p.Leaf() {
			text, err := io.ReadAll(p.Open())
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&b, " %s %q", p.Encoding, text)
		}
		b.WriteByte('\n')
		for _, c := range p.Children {
			walk(c, indent+"  ", "")
		}
		for _, c := range p.Readings {
			walk(c, indent+"  ", "or ")
		}
	}
	walk(m.Root, "", "")
	anomalies, err := m.Measured()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range anomalies {
		fmt.Fprintf(&b, "! [%s] %s\n", a.Part, a.Kind)
	}
	for _, n := range m.NotInspected {
		fmt.Fprintf(&b, "- [%s] %s\n", n.Part, n.Reason)
	}
	return b.String()
}
