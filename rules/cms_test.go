package rules

import (
	"bufio"
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"

	"congthu/filter/message"
)

// Whatever octets call themselves CMS: reading ends, nothing comes out that did not go in, and the only
// error is that they are no CMS.
func FuzzCMS(f *testing.F) {
	for _, name := range []string{"37-subject-encrypted-smime", "82-attachment-opaque-signed-small"} {
		f.Add(cmsOf(f, name))
	}
	f.Add([]byte("\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02\xa0\x80\x30\x80\x02\x01\x01\x31\x00\x30\x80\x06\x01\x2a\xa0\x80\x24\x80\x04\x02ab\x04\x01c\x00\x00"))
	f.Add([]byte("\x30\x84\xff\xff\xff\xff\x06\x81\x09"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		r := bufio.NewReader(bytes.NewReader(data))
		kind, err := cmsKind(r)
		if err != nil && !errors.Is(err, errNoCMS) {
			t.Fatal(err)
		}
		if err != nil || len(kind) > 32 {
			return
		}
		var out bytes.Buffer
		if err := copySigned(&out, r); err != nil && !errors.Is(err, errNoCMS) {
			t.Fatal(err)
		}
		if out.Len() > len(data) {
			t.Fatalf("%d octets out of %d", out.Len(), len(data))
		}
	})
}

func cmsOf(t testing.TB, sample string) []byte {
	t.Helper()
	m := readMail(t, sample)
	var out bytes.Buffer
	if _, err := out.ReadFrom(m.Root.Open()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func readMail(t testing.TB, sample string) *message.Message {
	t.Helper()
	data, err := os.ReadFile("testdata/" + sample + ".eml")
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, string(data))
}

func parse(t testing.TB, mail string) *message.Message {
	t.Helper()
	m, err := message.Read(strings.NewReader(mail), int64(len(mail)), message.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// What OpenSSL signed comes out as it went in.
func TestCopySigned(t *testing.T) {
	r := bufio.NewReader(bytes.NewReader(cmsOf(t, "82-attachment-opaque-signed-small")))
	kind, err := cmsKind(r)
	if err != nil || kind != cmsSigned {
		t.Fatalf("kind %x, %v", kind, err)
	}
	var out bytes.Buffer
	if err := copySigned(&out, r); err != nil {
		t.Fatal(err)
	}
	if s := out.String(); !strings.HasPrefix(s, "Content-Type: text/plain; charset=utf-8\r\n") || !strings.HasSuffix(s, "tài nguyên nước\r\n") {
		t.Errorf("signed content %q", s)
	}
}

func TestEncrypted(t *testing.T) {
	pgp := func(first, second string) string {
		return "Content-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=b\r\n\r\n--b\r\nContent-Type: " + first +
			"\r\n\r\nVersion: 1\r\n--b\r\nContent-Type: application/octet-stream\r\n\r\n" + second + "\r\n--b--\r\n"
	}
	inSignature := func(mail string) string {
		return "Content-Type: multipart/signed; boundary=s\r\n\r\n--s\r\n" + mail + "--s\r\nContent-Type: application/pgp-signature\r\n\r\nx\r\n--s--\r\n"
	}
	const armour, packet = "-----BEGIN PGP MESSAGE-----\r\n\r\nhQEM", "\xc1\xc0\x4c\x03\x01\x02\x03"
	for name, tc := range map[string]struct {
		mail string
		want bool
	}{
		"in clear":                 {"Subject: a\r\n\r\nb\r\n", false},
		"armoured":                 {pgp("application/pgp-encrypted", armour), true},
		"armoured, signed outside": {inSignature(pgp("application/pgp-encrypted", armour)), true},
		"binary, new format":       {pgp("application/pgp-encrypted", packet), true},
		"binary, old format":       {pgp("application/pgp-encrypted", "\x85\x01\x0c\x03\x01\x02\x03"), true},
		"binary, for a passphrase": {pgp("application/pgp-encrypted", "\x8c\x0d\x04\x09\x03\x08abc"), true},
		"says so, is no version":   {pgp("application/pgp-encrypted", "\x85\x01\x0c\x09\x01\x02\x03"), false},
		"says so, is binary":       {pgp("application/pgp-encrypted", "PK\x03\x04\x14\x00\x00\x00"), false},
		"says so, is text":         {pgp("application/pgp-encrypted", "Kinh gui."), false},
		"says so, is a signature":  {pgp("application/pgp-encrypted", "-----BEGIN PGP SIGNATURE-----"), false},
		"says so, is empty":        {pgp("application/pgp-encrypted", ""), false},
		"other protocol":           {pgp("text/plain", armour), false},
		"S/MIME that is none":      {"Content-Type: application/pkcs7-mime; smime-type=enveloped-data\r\n\r\nabc\r\n", false},
	} {
		if got, err := encrypted(parse(t, tc.mail)); got != tc.want || err != nil {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	for sample, want := range map[string]bool{"37-subject-encrypted-smime": true, "38-subject-encrypted-pgp": true, "39-subject-signed-claims-encrypted": false} {
		if got, err := encrypted(readMail(t, sample)); got != want || err != nil {
			t.Errorf("%s: %v, %v", sample, got, err)
		}
	}
}
