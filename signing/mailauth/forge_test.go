package mailauth

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"testing"
)

// keys are those that the tests sign with, their records in a zone under the selectors r (RSA with 1024 bits, the
// least there may be) and e (Ed25519) of sender.example, its subdomains that the tests use, and sealer.example.
type keys struct {
	rsa *rsa.PrivateKey
	ed  ed25519.PrivateKey
}

func newKeys(t testing.TB) (keys, *zone) {
	t.Helper()
	r, err := rsa.GenerateKey(rand.Reader, minRSABits)
	if err != nil {
		t.Fatal(err)
	}
	_, e, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	k := keys{r, e}
	z := &zone{txt: map[string][]string{}}
	for _, d := range []string{"sender.example", "mail.sender.example", "other.example", "sealer.example", "xn--bcher-kva.example"} {
		z.txt["r._domainkey."+d] = []string{record(t, r)}
		z.txt["e._domainkey."+d] = []string{record(t, e)}
	}
	return k, z
}

func record(t testing.TB, s crypto.Signer) string {
	t.Helper()
	k := Key{signer: s}
	out, err := k.Record()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// forge makes a signature's field over a message. tags is a tag-list in which "bh=*" and "b=*" stand for the right
// values; what it says otherwise may be wrong in any way.
func forge(t testing.TB, k keys, name, tags, raw string) string {
	t.Helper()
	m := split(raw)
	h, err := readHeader(m.Header, DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	s := &signature{field: field{strings.ToLower(name), []byte(name + ": " + strings.ReplaceAll(tags, "=*", "=AAAA") + crlf)}}
	_ = s.read()
	if s.tags != nil {
		_ = s.readMessageTags()
	}
	if s.tags["bh"] != "" {
		hashes, err := hashBody(m.Body, []bodyForm{s.form})
		if err != nil {
			t.Fatal(err)
		}
		tags = strings.Replace(tags, "bh=*", "bh="+base64.StdEncoding.EncodeToString(hashes[s.form].sum), 1)
	}
	names := strings.Split(strings.ToLower(strings.ReplaceAll(solid(s.tags["h"]), " ", "")), ":")
	text := []byte(name + ": " + tags + crlf)
	return name + ": " + strings.Replace(tags, " b=*", " b="+k.sign(t, s.tags["a"], signedOctets(h.pick(names, -1), text, strings.HasPrefix(s.tags["c"], "relaxed"))), 1) + crlf
}

func (k keys) sign(t testing.TB, algorithm string, octets []byte) string {
	t.Helper()
	sum := sha256.Sum256(octets)
	var value []byte
	var err error
	if strings.HasPrefix(algorithm, "ed25519") {
		value = ed25519.Sign(k.ed, sum[:])
	} else {
		value, err = rsa.SignPKCS1v15(rand.Reader, k.rsa, crypto.SHA256, sum[:])
	}
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(value)
}

// seal puts an ARC set on top of a message. Every tag-list may be replaced; "" takes the right one.
func seal(t testing.TB, k keys, n int, cv, raw, aar, ams, as string) string {
	t.Helper()
	i := string(rune('0' + n))
	if aar == "" {
		aar = "i=" + i + "; gate.example; spf=pass smtp.mailfrom=sender.example"
	}
	if ams == "" {
		ams = "i=" + i + "; a=rsa-sha256; c=relaxed/relaxed; d=sealer.example; s=r; h=from:to:subject; bh=*; b=*"
	}
	if as == "" {
		as = "i=" + i + "; a=rsa-sha256; cv=" + cv + "; d=sealer.example; s=r; b=*"
	}
	message := forge(t, k, "ARC-Message-Signature", ams, raw)
	results := "ARC-Authentication-Results: " + aar + crlf
	sealed := "ARC-Seal: " + as + crlf
	h, err := readHeader(split(sealed+message+results+raw).Header, DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	if c := collectChain(h, DefaultLimits()); len(c.sets) >= n {
		sealed = "ARC-Seal: " + strings.Replace(as, " b=*", " b="+k.sign(t, "rsa-sha256", c.sealedOctets(n-1)), 1) + crlf
	}
	return sealed + message + results + raw
}

const letter = "From: Nguyen Van An <an@sender.example>\r\nTo: ba@receiver.example\r\nSubject: Bao cao\r\nDate: Thu, 15 Jan 2026 07:00:00 +0700\r\n\r\nKinh gui,\r\n\r\nBao cao  thang 1.\r\n"
