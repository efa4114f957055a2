package extract

import (
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"
)

func TestUnescaped(t *testing.T) {
	for _, tc := range []struct {
		text, want string
		seen       bool
	}{
		{`T\u1ed0I M\u1EACT`, "TỐI MẬT", true},
		{`a\u{1ed0}\u{1F600}b`, "aỐ😀b", true},
		{`\ud83d\ude00!`, "😀!", true},
		{`\ud83dx\ude00`, "\uFFFDx\uFFFD", true},
		{`line\nline\ttab \"x\" \\u1ed0 \/`, "line\nline\ttab \"x\" \\u1ed0 /", true},
		{`C:\users\u12`, `C:\users\u12`, false},
		{`\u0041`, "A", false},
		{`\`, `\`, false},
		{`\u{}\u{zz}\u12G4\u{110000}`, `\u{}\u{zz}\u12G4\u{110000}`, false},
		{strings.Repeat("x", 5000) + `\u1ed0`, strings.Repeat("x", 5000) + "Ố", true},
	} {
		for pad := range 14 {
			before := strings.Repeat("-", pad)
			for name, r := range map[string]io.Reader{"at once": strings.NewReader(before + tc.text), "octet by octet": iotest.OneByteReader(strings.NewReader(before + tc.text))} {
				w := &escapeWatch{r: r}
				got, err := io.ReadAll(unescaped(w))
				if err != nil || string(got) != before+tc.want || w.seen != tc.seen {
					t.Fatalf("%.50q %s behind %d: %.50q, %v, %v", tc.text, name, pad, got, w.seen, err)
				}
			}
		}
	}
}

// FuzzUnescaped: whatever the text, reading it ends, and what has no backslash stays as it is.
func FuzzUnescaped(f *testing.F) {
	for _, s := range []string{`T\u1ed0I`, `\ud83d\ude00`, `\u{1ed0}`, `\`, "plain"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := io.ReadAll(unescaped(strings.NewReader(s)))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(s, `\`) && string(got) != s || utf8.ValidString(s) && !utf8.Valid(got) || len(got) > len(s) {
			t.Fatalf("%q becomes %q", s, got)
		}
	})
}

// FuzzXLSB: records of any kind and length are read to some end.
func FuzzXLSB(f *testing.F) {
	f.Add([]byte(xlsbRecord(19, "\x00"+xlsbWide(mark)) + xlsbRecord(6, string(make([]byte, 8))+xlsbWide("x"))))
	f.Add([]byte(xlsbRecord(479, "\x00\x00"+xlsbWide(mark)+"\xff\xff\xff\xff")))
	f.Fuzz(func(t *testing.T, b []byte) {
		o := &sampled{most: 1 << 20}
		d := &ooxml{parts: &parts{in: &input{limits: DefaultLimits()}, o: o}}
		_ = d.records(strings.NewReader(string(b)), newWriter(o, Body)) // it returns
		_ = d.leftStrings()
	})
}
