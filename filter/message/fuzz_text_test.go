package message

import (
	"bytes"
	"io"
	"mime/quotedprintable"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzQuotedPrintable: what was encoded comes back, what the standard library decodes without an error is
// decoded alike, and no octets stop the reader.
func FuzzQuotedPrintable(f *testing.F) {
	for _, s := range []string{"a=3D=\r\nb \t\r\n", "=", "=4", "=\n=\n", "a=zz", strings.Repeat(" ", 600) + "=20\n", "K\xc3\xad =\t\r\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, kind := decodeAll(t, QuotedPrintable, string(raw))
		if len(got) > len(raw) {
			t.Fatalf("%q grows to %q", raw, got)
		}
		strict := kind == "" && !bytes.ContainsAny(raw, " \t\r") // the library has its own mind about blanks before an end
		want, err := io.ReadAll(quotedprintable.NewReader(bytes.NewReader(raw)))
		if err == nil && strict && string(want) != got {
			t.Fatalf("%q: %q, the library says %q", raw, got, want)
		}
		var b bytes.Buffer
		w := quotedprintable.NewWriter(&b)
		w.Binary = true
		w.Write(raw)
		w.Close()
		if again, kind := decodeAll(t, QuotedPrintable, b.String()); again != string(raw) || kind != "" {
			t.Fatalf("%q does not come back: %q (%s)", raw, again, kind)
		}
	})
}

// FuzzHeader: the fields of a header block are all of its octets, in order, and their texts are UTF-8.
func FuzzHeader(f *testing.F) {
	for _, s := range []string{"Subject: a\r\n b\r\nTo: c@d.vn\r\n\r\n", "From x\nA:b\n", " folded\nA : b\n", "A:\x00\r\rB: c\n", "no field\nSubject: T\xe8I\n",
		"Subject: =?iso-8859-1?q?M=CBT?= \xcb\r\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := Read(bytes.NewReader(raw), int64(len(raw)), DefaultLimits())
		if err != nil {
			t.Fatal(err)
		}
		at := int64(0)
		for _, field := range m.Header.Fields {
			if field.Range.Start < at || field.Range.End > int64(len(raw)) || !bytes.Equal(raw[field.Range.Start:field.Range.End], field.Raw) {
				t.Fatalf("%q: field %q at %v", raw, field.Raw, field.Range)
			}
			at = field.Range.End
			if strings.ContainsAny(field.Value(), "\n") {
				t.Fatalf("%q is not unfolded: %q", field.Raw, field.Value())
			}
		}
		for _, field := range m.Header.Fields[:min(len(m.Header.Fields), 20)] {
			texts := m.Header.Text(field.Name)
			for i, list := range m.Header.Readings(field.Name) {
				if list[0].Text != texts[i] || !utf8.ValidString(texts[i]) {
					t.Fatalf("%q: read as %q, the text is %q", field.Raw, list[0].Text, texts[i])
				}
			}
		}
	})
}
