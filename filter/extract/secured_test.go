package extract

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"slices"
	"strings"
	"testing"

	"congthu/filter/message"
)

// der is an element with its length.
func der(tag byte, content string) string {
	if len(content) < 0x80 {
		return string([]byte{tag, byte(len(content))}) + content
	}
	return string([]byte{tag, 0x82, byte(len(content) >> 8), byte(len(content))}) + content
}

// signedData is a SignedData of content in DER; without content it is a signature alone.
func signedData(content string, certificates string) string {
	encap := der(0x06, "\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01")
	if content != "" {
		encap += der(0xa0, der(0x04, content))
	}
	return der(0x30, der(0x06, CMSSigned)+der(0xa0, der(0x30, der(0x02, "\x01")+der(0x31, "")+der(0x30, encap)+certificates+der(0x31, ""))))
}

// What is signed is looked into; a signature alone is nothing to look into; what is encrypted says so.
func TestSecuredMail(t *testing.T) {
	inside := "Content-Type: text/plain\r\n\r\nnoi dung duoc ky\r\n"
	pieces := "\x30\x80" + der(0x06, CMSSigned) + "\xa0\x80\x30\x80" + der(0x02, "\x01") + der(0x31, "") + "\x30\x80" + der(0x06, "\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01") +
		"\xa0\x80\x24\x80" + der(0x04, inside[:20]) + der(0x04, inside[20:]) + strings.Repeat("\x00", 12)
	for _, tc := range []struct {
		name, file, text string
		missed           message.Reason
	}{
		{"signed", signedData(inside, ""), "noi dung", ""},
		{"signed, in pieces", pieces, "noi dung", ""},
		{"signature alone", signedData("", ""), "", ""},
		{"signature alone with certificates", signedData("", der(0xa0, der(0x30, "certificate"))), "", ""},
		{"cut off", signedData(inside, "")[:80], "", message.Damaged},
		{"enveloped", der(0x30, der(0x06, CMSEnveloped)+der(0xa0, der(0x30, "x"))), "", message.EncryptedMail},
		{"authenticated and enveloped", der(0x30, der(0x06, CMSAuthEnveloped)+der(0xa0, der(0x30, "x"))), "", message.EncryptedMail},
		{"another kind", der(0x30, der(0x06, "\x2a\x03")+der(0xa0, der(0x30, "x"))), "", message.UnknownType},
		{"OpenPGP in letters", BeginPGP + "\r\n\r\nhQEMA\r\n", "", message.EncryptedMail},
		{"OpenPGP in octets", "\x85\x01\x0c\x03\x00\x00\x00\x00", "", message.EncryptedMail},
	} {
		t.Run(tc.name, func(t *testing.T) {
			g, missed := look(t, nil, DefaultLimits(), tc.file)
			if got := strings.Contains(strings.Join(g.lines, "\n"), tc.text); !got {
				t.Errorf("no %q in %q", tc.text, g.lines)
			}
			switch {
			case tc.missed == "" && len(missed) > 0, tc.missed != "" && (len(missed) != 1 || missed[0].Reason != tc.missed):
				t.Errorf("not inspected: %v, want %q", missed, tc.missed)
			}
		})
	}
}

// Every beginning of a signed file is answered for.
func TestSecuredMailCutOff(t *testing.T) {
	whole := signedData("Content-Type: text/plain\r\n\r\nnoi dung\r\n", der(0xa0, der(0x30, "certificate")))
	for n := range len(whole) {
		look(t, nil, DefaultLimits(), whole[:n])
	}
}

// A file that programs take for something else as well is read both ways: nothing hides behind a PDF header.
func TestFilesOfTwoKinds(t *testing.T) {
	pool, _ := newPool(t, 1, 1<<40)
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range []struct{ name, text string }{{"a.pdf", "%PDF-1.4\nkhong phai\n%%EOF\n"}, {"b.txt", "giua hai tep"}, {"c.pdf", "%PDF-1.4\n%%EOF\n"}} {
		if err := w.WriteHeader(&tar.Header{Name: f.name, Mode: 0o600, Size: int64(len(f.text))}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(f.text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	g, _ := look(t, pool, DefaultLimits(), b.String())
	if !slices.ContainsFunc(g.lines, func(l string) bool { return strings.Contains(l, "giua hai tep") }) {
		t.Errorf("what is between two PDF files was not read: %q", g.lines)
	}
	var z bytes.Buffer
	zw := zip.NewWriter(&z)
	m, err := zw.Create("b.txt")
	if err == nil {
		_, err = m.Write([]byte("trong tep nen"))
	}
	if err == nil {
		err = zw.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, before := range []string{"GIF89a\x01\x00\x01\x00\x00\x00\x00;", "Kinh gui\n", "\x00\x01\x02\x03"} {
		g, _ := look(t, pool, DefaultLimits(), before+z.String())
		if !slices.ContainsFunc(g.lines, func(l string) bool { return strings.Contains(l, "trong tep nen") }) {
			t.Errorf("a zip behind %q was not read: %q", before, g.lines)
		}
	}
}
