package rules

import (
	"strings"
	"testing"
)

// Whatever is signed, wrapped in what and how deeply: the rule ends without an error, has no more findings than it looks at signatures, and
// nothing is valid but the texts that were signed.
func FuzzSignature(f *testing.F) {
	forger := newForger(f)
	for _, text := range forger.mails {
		f.Add(text)
	}
	for _, text := range hostileNests(forger) {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		g := *forger
		g.t = t
		if why := g.forged(text); why != "" {
			t.Fatal(why)
		}
		// A signature has two findings at most, one of them about header fields, and one more says that there are too many.
		if _, v := g.verdict(text); len(v.Findings) > 2*(maxSignatures+maxDocuments)+2 {
			t.Fatalf("%d findings", len(v.Findings))
		}
	})
}

// hostileNests are mails in which kinds of signatures are in one another, good ones and empty ones.
func hostileNests(f *forger) map[string]string {
	const from = "From: alice@smime.example\r\nMIME-Version: 1.0\r\n"
	entity := func(name string) string {
		text := f.mails[name]
		return text[strings.Index(text, "MIME-Version"):]
	}
	signedOf := func(inside, boundary string) string {
		return "Content-Type: multipart/signed; protocol=\"application/pkcs7-signature\"; boundary=" + boundary + "\r\n\r\n--" + boundary + "\r\n" + inside +
			"\r\n--" + boundary + "\r\nContent-Type: application/pkcs7-signature\r\nContent-Transfer-Encoding: base64\r\n\r\nMIAGCSqGSIb3DQEHAqCAAAA=\r\n--" + boundary + "--\r\n"
	}
	deep, mixed := entity("detached"), entity("opaque")
	for i := range 20 {
		b := strings.Repeat("b", i+1)
		deep = signedOf(deep, b)
		mixed = "Content-Type: multipart/mixed; boundary=" + b + "\r\n\r\n--" + b + "\r\n" + mixed + "\r\n--" + b + "\r\n" + entity("opaque") + "\r\n--" + b + "--\r\n"
	}
	opaque := func(body string) string {
		return "Content-Type: application/pkcs7-mime; smime-type=signed-data\r\nContent-Transfer-Encoding: base64\r\n\r\n" + lines([]byte(body))
	}
	// Signed data without signers (RFC 8551 section 3.8), with this in it.
	around := func(inside string) string {
		return "0\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02\xa0\x800\x80\x02\x01\x011\x000\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01\xa0\x80\x24\x80\x04\x83" +
			string([]byte{byte(len(inside) >> 16), byte(len(inside) >> 8), byte(len(inside))}) + inside + strings.Repeat("\x00\x00", 3) + "1\x00" + strings.Repeat("\x00\x00", 3)
	}
	shell := opaque(around(entity("detached")))
	shells := shell
	for range 6 {
		shells = opaque(around(shells))
	}
	return map[string]string{
		"multipart/signed in each other":       from + deep,
		"more opaque signatures than are read": from + mixed,
		"opaque in each other, unsigned":       from + shells,
		"opaque once, unsigned":                from + shell,
		"a signature of a signature":           from + signedOf("Content-Type: application/pkcs7-signature\r\n\r\n0\x80", "b"),
		"the signed part is the message":       from + signedOf("Content-Type: message/rfc822\r\n\r\n"+f.mails["opaque"], "b"),
		"the signature is a multipart/signed":  from + "Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b\r\n" + entity("detached") + "\r\n--b--\r\n",
		"opaque as second part":                from + "Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b\r\n" + entity("opaque") + "\r\n--b--\r\n",
		"encoded multipart/signed":             from + "Content-Transfer-Encoding: base64\r\nContent-Type: multipart/signed; boundary=b\r\n\r\n" + lines([]byte("--b\r\n\r\nx\r\n--b\r\n"+entity("opaque")+"--b--\r\n")),
		"one that nobody closes":               from + "Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n--b\r\n--b",
	}
}

// Nests are seen through, and at most so many signatures are opened in one another.
func TestSignatureNests(t *testing.T) {
	f := newForger(t)
	nests := hostileNests(f)
	for _, c := range []struct {
		name        string
		n           int // findings
		first, last string
	}{
		{"multipart/signed in each other", maxSignatures + 1, ": invalid: damaged", "1.1.1.1.1.1.1.1.1.1.1.1.1.1.1.1: unsupported: too many signatures"},
		{"more opaque signatures than are read", maxSignatures + 1, strings.Repeat("1.", 19) + "1: valid, part of the message", "1.1.1.1.2: unsupported: too many signatures"},
		{"opaque in each other, unsigned", 1, "1/1/1/1: unsupported: too deep", "1/1/1/1: unsupported: too deep"},
		{"opaque once, unsigned", 1, "1/: valid", "1/: valid"},
		{"a signature of a signature", 1, ": invalid: damaged", ": invalid: damaged"},
		{"the signed part is the message", 2, ": invalid: damaged", "1.1: valid, enclosed message"},
		{"the signature is a multipart/signed", 1, "2: valid, part of the message", "2: valid, part of the message"},
		{"opaque as second part", 1, "2: valid, part of the message", "2: valid, part of the message"},
		{"encoded multipart/signed", 1, "2: unsupported: read in two ways, part of the message", "2: unsupported: read in two ways, part of the message"},
		{"one that nobody closes", 0, "", ""},
	} {
		if why := f.forged(nests[c.name]); why != "" {
			t.Errorf("%s: %s", c.name, why)
		}
		_, v := f.verdict(nests[c.name])
		first, last := "", ""
		for i, found := range v.Findings {
			if last = found.Part + ": " + found.Detail; i == 0 {
				first = last
			}
		}
		if v.Err != nil || len(v.Findings) != c.n || first != c.first || last != c.last {
			t.Errorf("%s: %d findings, first %q, last %q, %v", c.name, len(v.Findings), first, last, v.Err)
		}
	}
}
