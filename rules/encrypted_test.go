package rules

import (
	"strings"
	"testing"

	"congthu/filter/extract"
)

func TestEncrypted(t *testing.T) {
	pgp := func(first, second string) string {
		return "Content-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=b\r\n\r\n--b\r\nContent-Type: " + first +
			"\r\n\r\nVersion: 1\r\n--b\r\nContent-Type: application/octet-stream\r\n\r\n" + second + "\r\n--b--\r\n"
	}
	inSignature := func(mail string) string {
		return "Content-Type: multipart/signed; boundary=s\r\n\r\n--s\r\n" + mail + "--s\r\nContent-Type: application/pgp-signature\r\n\r\nx\r\n--s--\r\n"
	}
	list := func(mail, footer string) string {
		return "Content-Type: multipart/mixed; boundary=s\r\n\r\n--s\r\n" + mail + "--s\r\nContent-Type: text/plain\r\n\r\n" + footer + "\r\n--s--\r\n"
	}
	smime := func(kind string) string {
		data := cmsOf(t, "37-subject-encrypted-smime")
		return "Content-Type: " + kind + "\r\nContent-Disposition: attachment; filename=smime.p7m\r\n\r\n" + string(data)
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
		"its type taken away":      {strings.Replace(pgp("application/pgp-encrypted", armour), "multipart/encrypted", "multipart/mixed", 1), true},
		"of Exchange":              {strings.Replace(pgp("application/pgp-encrypted", armour), "multipart/encrypted", "multipart/mixed", 1) + "--b\r\n\r\n\r\n--b--\r\n", true},
		"in a list":                {list(pgp("application/pgp-encrypted", armour), "Danh ba: ds@monre.gov.vn"), true},
		"in a list, with a letter": {list(pgp("application/pgp-encrypted", armour), strings.Repeat("Kinh gui. ", 300)), false},
		"with a file in clear":     {list(pgp("application/pgp-encrypted", armour), "\r\n--s\r\nContent-Type: application/zip\r\n\r\n"+strings.Repeat("z", 3000)), false},
		"with a message in clear":  {list(pgp("application/pgp-encrypted", armour), "\r\n--s\r\nContent-Type: message/rfc822\r\n\r\nA: b\r\n\r\n"+strings.Repeat("z", 3000)), false},
		"in the text":              {"Subject: ...\r\n\r\n" + armour + "\r\n-----END PGP MESSAGE-----\r\n-- \r\nPhong TCHC\r\n", true},
		"in the text, base64":      {"Content-Transfer-Encoding: base64\r\n\r\nLS0tLS1CRUdJTiBQR1AgTUVTU0FHRS0tLS0tCgpoUUVN\r\n", true},
		"a letter and armour":      {"Subject: ...\r\n\r\n" + strings.Repeat("Kinh gui. ", 300) + "\r\n" + armour, false},
		"a letter on one line":     {"Subject: ...\r\n\r\n" + strings.Repeat("Kinh gui. ", 3000), false},
		"armour in a sentence":     {"Subject: ...\r\n\r\nViet " + armour, false},
		"S/MIME":                   {smime("application/pkcs7-mime; smime-type=enveloped-data"), true},
		"S/MIME without its type":  {smime("application/octet-stream; name=smime.p7m"), true},
		"S/MIME in a list":         {list(smime("application/x-pkcs7-mime"), "Danh ba"), true},
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

// Whatever octets call themselves OpenPGP: reading ends without an error, and what is outside of armour is no
// more than there is.
func FuzzEncrypted(f *testing.F) {
	for _, s := range []string{"", "-----BEGIN PGP MESSAGE-----\r\n\r\nhQEM\r\n-----END PGP MESSAGE-----\r\n-- \r\nx", "\x85\x01\x0c\x03\x01\x02", "\xc1\xff\x00\x00\x00\x05\x03",
		"\xc1\xc0\x4c\x03ab", "\x8c\x0d\x04\x09", "\x87\x03", "-----END PGP MESSAGE-----\n-----BEGIN PGP MESSAGE-----", strings.Repeat("x", 5000)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		armoured, clear, err := outsideArmour(strings.NewReader(s))
		if err != nil {
			t.Fatal(err)
		}
		if clear > int64(len(s)) || armoured && !strings.Contains(s, extract.BeginPGP) {
			t.Fatalf("armoured %v, %d of %d octets clear", armoured, clear, len(s))
		}
		really, err := extract.OpenPGP(strings.NewReader(s))
		if err != nil {
			t.Fatal(err)
		}
		if really && s[0]&0x80 == 0 && !strings.Contains(s, extract.BeginPGP) {
			t.Fatalf("%q taken for OpenPGP", s)
		}
	})
}
