package rules

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"

	"congthu/filter"
	"congthu/rules/marking"
)

// pdf is a document that is signed as a whole.
func (s signer) pdf() []byte {
	const room = 8 << 10 // digits of the signature
	pdf := []byte("%PDF-1.7\n1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n2 0 obj\n<</Type/Pages/Kids[]/Count 0>>\nendobj\n")
	head := "9 0 obj\n<</Type/Sig/Filter/Adobe.PPKLite/SubFilter/adbe.pkcs7.detached/ByteRange [0 %010d %010d %010d]/Contents "
	tail := ">>\nendobj\ntrailer\n<</Size 10/Root 1 0 R>>\n%%EOF\n"
	start := len(pdf) + len(fmt.Sprintf(head, 0, 0, 0))
	end := start + room + 2
	pdf = append(pdf, fmt.Sprintf(head, start, end, len(tail))...)
	digits := []byte(strings.Repeat("0", room))
	hex.Encode(digits, s.cms(string(pdf)+tail))
	return append(append(append(append(pdf, '<'), digits...), '>'), tail...)
}

// Signed PDF files among the parts have a finding of their own, whatever they are called, and texts about PDF have none.
func TestSignedDocuments(t *testing.T) {
	s := newSigner(t)
	trusted := Signatures{Trust: s.trust()}
	signed := s.pdf()
	attached := func(fields string, data []byte) string {
		return "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nxem tep\r\n--b\r\n" + fields + "Content-Transfer-Encoding: base64\r\n\r\n" + lines(data) + "--b--\r\n"
	}
	const head, pdf = "From: nvan@monre.gov.vn\r\nSubject: x\r\nMIME-Version: 1.0\r\n", "Content-Type: application/pdf; name=cv.pdf\r\n"
	changed := bytes.Replace(signed, []byte("/Count 0"), []byte("/Count 1"), 1)
	for _, c := range []struct {
		name, mail string
		conf       Signatures
		want       string
	}{
		{"signed", head + attached(pdf, signed), trusted, "2: accept valid, document"},
		{"nothing trusted", head + attached(pdf, signed), Signatures{}, "2: tag untrusted: no anchor, document"},
		{"changed", head + attached(pdf, changed), trusted, "2: tag invalid: content changed, document"},
		{"appended", head + attached(pdf, append(bytes.Clone(signed), "3 0 obj\n<<>>\nendobj\n"...)), trusted, "2: tag unsupported: changed after signing, document"},
		{"called a picture", head + attached("Content-Type: image/png; name=a.png\r\n", signed), trusted, "2: accept valid, document"},
		{"not signed", head + attached(pdf, signed[:60]), trusted, ""},
		{"text about PDF", head + "Content-Type: text/plain\r\n\r\n" + string(changed[:400]) + "\r\n", trusted, ""},
		{"in a forwarded message", head + "Content-Type: message/rfc822\r\n\r\n" + head + attached(pdf, changed), trusted, "1.2: tag invalid: content changed, document"},
		{"in a signed message", s.mail(attached(pdf, signed)), trusted, ": accept valid|1.2: accept valid, document"},
		{"in an opaque one", s.mail(attached(pdf, signed), "-nodetach"), trusted, "1: accept valid|1/2: accept valid, document"},
	} {
		if got := strings.Join(s.found(c.mail, c.conf), "|"); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// element is one of DER.
func element(tag byte, parts ...[]byte) []byte {
	content := bytes.Join(parts, nil)
	switch n := len(content); {
	case n < 0x80:
		return append([]byte{tag, byte(n)}, content...)
	case n < 0x100:
		return append([]byte{tag, 0x81, byte(n)}, content...)
	default:
		return append([]byte{tag, 0x82, byte(n >> 8), byte(n)}, content...)
	}
}

// labelled is an opaque signature with a security label, whose key nobody knows.
func labelled(content string, classification byte, mark string) []byte {
	oid := func(octets ...byte) []byte { return element(6, octets) }
	pkcs := func(octets ...byte) []byte {
		return oid(append([]byte{0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01}, octets...)...)
	}
	attribute := func(kind, value []byte) []byte { return element(0x30, kind, element(0x31, value)) }
	sum := sha256.Sum256([]byte(content))
	digest := element(0x30, oid(0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01))
	label := element(0x31, element(2, []byte{classification}), oid(0x2a, 0x03, 0x04), element(0x0c, []byte(mark)))
	attributes := element(0xa0, attribute(pkcs(9, 3), pkcs(7, 1)), attribute(pkcs(9, 4), element(4, sum[:])), attribute(pkcs(9, 16, 2, 2), label))
	signer := element(0x30, element(2, []byte{3}), element(0x80, []byte("key")), digest, attributes,
		element(0x30, pkcs(1, 1), []byte{5, 0}), element(4, []byte("signature")))
	inside := element(0x30, pkcs(7, 1), element(0xa0, element(4, []byte(content))))
	return element(0x30, pkcs(7, 2), element(0xa0, element(0x30, element(2, []byte{3}), element(0x31, digest), inside, element(0x31, signer))))
}

// A security label of a signature is a marking, whoever signed, and one that says nothing secret is none.
func TestSecurityLabelMarks(t *testing.T) {
	const entity = "Content-Type: text/plain\r\n\r\nKinh gui\r\n"
	mail := func(cms []byte) string {
		return "From: nvan@monre.gov.vn\r\nSubject: Bao cao\r\nMIME-Version: 1.0\r\nContent-Type: application/pkcs7-mime; smime-type=signed-data; name=smime.p7m\r\n" +
			"Content-Transfer-Encoding: base64\r\n\r\n" + lines(cms)
	}
	for _, c := range []struct{ name, mail, want string }{
		{"MẬT", mail(labelled(entity, 0, "MẬT")), "1 MAT"},
		{"TUYỆT MẬT", mail(labelled(entity, 5, "TUYỆT MẬT")), "1 TUYET_MAT"},
		{"a classification alone", mail(labelled(entity, 4, "")), "1 OTHER"},
		{"inside of another signature", mail(labelled("Content-Type: application/pkcs7-mime\r\nContent-Transfer-Encoding: base64\r\n\r\n"+lines(labelled(entity, 0, "MẬT")), 1, "")), "1/1 MAT"},
		{"not secret", mail(labelled(entity, 1, "")), ""},
	} {
		conf := Config{Marking: detectorOf(t)}.complete()
		tx := &filter.Transaction{Message: parse(t, c.mail), Received: time.Now(), Direction: filter.Outbound}
		found, err := markingRule(conf).Check(context.Background(), tx)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, f := range found {
			if got = append(got, f.Part+" "+f.Level); f.Score < marking.High || f.Disposition != filter.Unset {
				t.Errorf("%s: %+v", c.name, f)
			}
		}
		if strings.Join(got, "|") != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
