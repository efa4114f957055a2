package message

import (
	"strings"
	"testing"
)

func TestOutside(t *testing.T) {
	tests := []struct {
		text   string
		silent bool
	}{
		{"", true},
		{" \t\r\n\r\n", true},
		{"This is a multi-part message in MIME format.\r\n", true},
		{"\r\nThis is a multi-part\r\n  message in MIME format\r\n\r\n", true},
		{"THIS IS A MIME-ENCAPSULATED MESSAGE.", true},
		{"This is a multi-part message in MIME format. TUYET MAT", false},
		{"This is a cryptographically signed message in MIME format, not", false},
		{".", true},
		{"x", false},
		{strings.Repeat("\r\n", 100_000), true},
		{strings.Repeat("\r\n", 100_000) + "x", false},
		{strings.Repeat("long ", 100_000), false},
	}
	for _, test := range tests {
		raw := mixed + test.text + "\r\n--b\r\n\r\nhello\r\n--b--\r\n" + test.text
		m := read(t, raw)
		if got := !hasKind(m.Anomalies, TextOutside); got != test.silent {
			t.Errorf("%.60q: silent %v, want %v", test.text, got, test.silent)
		}
		outside := 0
		for p := range m.Leaves() {
			if p.Outside {
				outside++
			}
		}
		if want := map[bool]int{true: 0, false: 2}[test.silent]; outside != want {
			t.Errorf("%.60q: %d leaves outside, want %d", test.text, outside, want)
		}
	}
}
