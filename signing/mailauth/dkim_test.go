package mailauth

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"math/big"
	"strings"
	"testing"
)

const (
	good = "v=1; a=rsa-sha256; c=relaxed/relaxed; d=sender.example; s=r; h=from:to:subject; bh=*; b=*"
	edd  = "v=1; a=ed25519-sha256; c=relaxed/relaxed; d=sender.example; s=e; h=from:to:subject; bh=*; b=*"
)

func with(tags string, pairs ...string) string {
	for i := 0; i < len(pairs); i += 2 {
		tags = strings.Replace(tags, pairs[i], pairs[i+1], 1)
	}
	return tags
}

func TestDKIM(t *testing.T) {
	k, z := newKeys(t)
	tests := []struct {
		name, tags     string
		from, to       string // a change of the signed message
		result, reason string
	}{
		{"rsa", good, "", "", "pass", ""},
		{"ed25519", edd, "", "", "pass", ""},
		{"simple", with(good, "relaxed/relaxed", "simple/simple"), "", "", "pass", ""},
		{"relaxed header, body simple when not said", with(good, "relaxed/relaxed", "relaxed"), "", "", "pass", ""},
		{"no c= is simple", with(good, "c=relaxed/relaxed; ", ""), "", "", "pass", ""},
		{"folds and blanks everywhere", with(good, "; d=", " ;\r\n\t d =", "h=from:to", "h= from :\r\n\tto "), "", "", "pass", ""},
		{"last tag closed", good + ";", "", "", "pass", ""},
		{"unknown tag that ends with b", with(good, "; s=r", "; s=r; xb=abc; fb=1"), "", "", "pass", ""},
		{"identity below the domain", with(good, "; s=r", "; i=an@mail.Sender.Example; s=r"), "", "", "pass", ""},
		{"domain in capitals", with(good, "d=sender", "d=SENDER"), "", "", "pass", ""},
		{"domain in Unicode", with(good, "d=sender.example", "d=bücher.example"), "", "", "pass", ""},
		{"not yet over", with(good, "; s=r", "; s=r; t=1768000000; x=1768435300"), "", "", "pass", ""},
		{"over within the clocks' difference", with(good, "; s=r", "; s=r; x=1768435000"), "", "", "pass", ""},
		{"lines and blanks changed on the way, relaxed", good, "Bao cao  thang", "Bao cao \t thang", "pass", ""},
		{"empty lines added, relaxed", good, "thang 1.\r\n", "thang 1.  \r\n\r\n\r\n", "pass", ""},
		{"empty lines added, simple", with(good, "relaxed/relaxed", "relaxed/simple"), "thang 1.\r\n", "thang 1.\r\n\r\n\r\n", "pass", ""},
		{"field that is not signed", good, "Date:", "X-More: 1\r\nDate:", "pass", ""},
		{"whole body by length", with(good, "; s=r", "; l=31; s=r"), "", "", "pass", ""},

		{"body changed", good, "thang 1", "thang 2", "fail", "body-changed"},
		{"blanks changed, simple", with(good, "relaxed/relaxed", "relaxed/simple"), "cao  thang", "cao thang", "fail", "body-changed"},
		{"subject changed", good, "Subject: Bao", "Subject: Bo", "fail", "bad-signature"},
		{"field folded, simple", with(good, "relaxed/relaxed", "simple/relaxed"), "Subject: Bao cao", "Subject: Bao\r\n cao", "fail", "bad-signature"},
		{"subject put on top of an oversigned one", with(good, "from:to:subject", "from:to:subject:subject"), "To:", "Subject: Khac\r\nTo:", "fail", "bad-signature"},
		{"signature by another key", with(good, "d=sender.example; s=r", "d=strange.example; s=r"), "", "", "fail", "bad-signature"},
		{"expired", with(good, "; s=r", "; s=r; x=1768434000"), "", "", "fail", "expired"},
		{"length beyond the body", with(good, "; s=r", "; l=32; s=r"), "", "", "fail", "body-shorter-than-signed"},

		{"text added behind the length", with(good, "; s=r", "; l=31; s=r"), "thang 1.\r\n", "thang 1.\r\nMa: doc", "policy", "partial-body"},
		{"nothing of the body signed", with(good, "; s=r", "; l=0; s=r"), "", "", "policy", "partial-body"},
		{"sha1", with(good, "rsa-sha256", "rsa-sha1"), "", "", "policy", "weak-hash"},
		{"key too small", with(good, "s=r", "s=small"), "", "", "policy", "weak-key"},
		{"key of 16384 bits", with(good, "s=r", "s=huge"), "", "", "policy", "key-too-big"},
		{"second From", good, "From:", "From: chief@sender.example\r\nFrom:", "policy", "from-not-signed"},
		{"second From on top", with(good, "h=from", "h=from:from"), "From:", "From: chief@sender.example\r\nFrom:", "fail", "bad-signature"},

		{"no key", with(good, "s=r", "s=none"), "", "", "permerror", "no-key"},
		{"key revoked", with(good, "s=r", "s=revoked"), "", "", "permerror", "key-revoked"},
		{"key that is none", with(good, "s=r", "s=junk"), "", "", "permerror", "bad-key"},
		{"two keys", with(good, "s=r", "s=two"), "", "", "permerror", "several-keys"},
		{"key beside another record", with(good, "s=r", "s=beside"), "", "", "pass", ""},
		{"key for another service", with(good, "s=r", "s=service"), "", "", "permerror", "key-of-other-service"},
		{"key for sha1 only", with(good, "s=r", "s=sha1"), "", "", "permerror", "key-of-other-algorithm"},
		{"key of the other algorithm", with(good, "s=r", "s=e"), "", "", "permerror", "key-of-other-algorithm"},
		{"key of an unknown algorithm", with(good, "s=r", "s=k"), "", "", "neutral", "unknown-algorithm"},
		{"key only for its own domain", with(good, "; s=r", "; i=a@mail.sender.example; s=strict"), "", "", "permerror", "identity-of-other-domain"},
		{"the same, its own domain", with(good, "; s=r", "; i=@sender.example; s=strict"), "", "", "pass", ""},
		{"From not signed", with(good, "h=from:", "h="), "", "", "permerror", "from-not-signed"},
		{"identity of another domain", with(good, "; s=r", "; i=a@notsender.example; s=r"), "", "", "permerror", "identity-of-other-domain"},
		{"identity without a domain", with(good, "; s=r", "; i=sender.example; s=r"), "", "", "permerror", "identity-of-other-domain"},
		{"no selector", with(good, "s=r; ", ""), "", "", "permerror", "missing-tag"},
		{"no body hash", with(good, "bh=*; ", ""), "", "", "permerror", "missing-tag"},
		{"DNS fails", with(good, "s=r", "s=fails"), "", "", "temperror", "dns"},

		{"no version", with(good, "v=1; ", ""), "", "", "neutral", "unknown-version"},
		{"tag twice", with(good, "; s=r", "; s=r; s=r"), "", "", "neutral", "malformed"},
		{"no tag-list", "hello", "", "", "neutral", "malformed"},
		{"empty tags", with(good, "; s=r", ";; s=r"), "", "", "neutral", "malformed"},
		{"signature that is no base64", with(good, "b=*", "b=%%%"), "", "", "neutral", "malformed"},
		{"length that is none", with(good, "; s=r", "; l=-1; s=r"), "", "", "neutral", "malformed"},
		{"time that is none", with(good, "; s=r", "; t=soon; s=r"), "", "", "neutral", "bad-time"},
		{"over before it began", with(good, "; s=r", "; t=1768435200; x=1768435100; s=r"), "", "", "neutral", "bad-time"},
		{"domain that is none", with(good, "d=sender.example", "d=sender..example"), "", "", "neutral", "bad-domain"},
		{"form that is none", with(good, "relaxed/relaxed", "relaxed/loose"), "", "", "neutral", "unknown-canonicalization"},
		{"algorithm that is none", with(good, "rsa-sha256", "rsa-sha512"), "", "", "neutral", "unknown-algorithm"},
		{"query that is none", with(good, "; s=r", "; q=http; s=r"), "", "", "neutral", "unknown-query"},
		{"query that is known", with(good, "; s=r", "; q=http:dns/txt; s=r"), "", "", "pass", ""},
	}
	own := z.txt["r._domainkey.sender.example"][0]
	addKeys(t, z, own)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			raw := letter
			if test.from != "" {
				raw = strings.Replace(letter, test.from, test.to, 1)
			}
			signed := forge(t, k, "DKIM-Signature", test.tags, letter)
			out := check(t, z, split(signed+raw)).DKIM
			if len(out) != 1 || string(out[0].Result) != test.result || out[0].Reason != test.reason {
				t.Errorf("%+v, want %s %s", out, test.result, test.reason)
			}
		})
	}
}

// addKeys adds records that are wrong in one way each.
func addKeys(t *testing.T, z *zone, own string) {
	t.Helper()
	p := own[strings.Index(own, "p="):]
	other, err := rsa.GenerateKey(rand.Reader, minRSABits)
	if err != nil {
		t.Fatal(err)
	}
	for selector, records := range map[string][]string{
		"small": {sized(t, 1016)}, "huge": {sized(t, 16384)}, "revoked": {"v=DKIM1; p="}, "junk": {"v=DKIM1; p=AAAA"},
		"two": {own, own}, "beside": {"v=spf1 -all", own}, "service": {"v=DKIM1; s=tlsrpt; " + p}, "sha1": {"v=DKIM1; h=sha1; " + p},
		"k": {"v=DKIM1; k=dsa; " + p}, "strict": {"v=DKIM1; t=s; " + p}, "fails": {"!"}, "testing": {"v=DKIM1; t=y:s; " + p},
	} {
		z.txt[selector+"._domainkey.sender.example"] = records
	}
	z.txt["r._domainkey.strange.example"] = []string{record(t, other)}
}

// sized is the record of a modulus of that many bits, which no one has the private key of.
func sized(t *testing.T, bits int) string {
	t.Helper()
	n := new(big.Int).Lsh(big.NewInt(1), uint(bits-1))
	der := x509.MarshalPKCS1PublicKey(&rsa.PublicKey{N: n.Add(n, big.NewInt(1)), E: 65537})
	return "v=DKIM1; k=rsa; p=" + base64.StdEncoding.EncodeToString(der)
}

func TestDKIMDetails(t *testing.T) {
	k, z := newKeys(t)
	addKeys(t, z, z.txt["r._domainkey.sender.example"][0])
	tags := with(good, "h=from", "h=from:from", "; s=r", "; t=1768000000; x=1769000000; l=10; i=@sender.example; s=testing")
	out := check(t, z, split(forge(t, k, "DKIM-Signature", tags, letter)+letter)).DKIM[0]
	if out.Domain != "sender.example" || out.Selector != "testing" || out.Identity != "@sender.example" || out.Algorithm != "rsa-sha256" ||
		out.KeyBits != 1024 || !out.Testing || !out.Oversigned || out.Unsigned != 21 || len(out.Mark) != 8 ||
		out.Signed.Unix() != 1768000000 || out.Expires.Unix() != 1769000000 {
		t.Errorf("%+v", out)
	}
	out = check(t, z, split(forge(t, k, "DKIM-Signature", good, letter)+letter)).DKIM[0]
	if out.Testing || out.Oversigned || out.Unsigned != -1 || !out.Signed.IsZero() {
		t.Errorf("%+v", out)
	}
}

// Signatures of who the mail says it is from are verified although others stand on top of them in any number.
func TestManySignatures(t *testing.T) {
	k, z := newKeys(t)
	m := split(strings.Repeat(forge(t, k, "DKIM-Signature", with(good, "d=sender.example", "d=other.example"), letter), 200) +
		forge(t, k, "DKIM-Signature", edd, letter) + letter)
	m.Authors = []string{"sender.example"}
	out := check(t, z, m).DKIM
	if len(out) != 9 || out[0].Domain != "sender.example" || out[0].Result != Pass || out[7].Domain != "other.example" || out[7].Result != Pass {
		t.Errorf("%+v", out)
	}
	if last := out[8]; last.Result != Policy || last.Reason != "too-many-signatures" {
		t.Errorf("%+v", last)
	}
}

func TestSignatureOverSignatures(t *testing.T) {
	k, z := newKeys(t)
	first := forge(t, k, "DKIM-Signature", edd, letter) + letter
	second := forge(t, k, "DKIM-Signature", with(good, "h=from", "h=dkim-signature:from"), first) + first
	out := check(t, z, split(second)).DKIM
	if len(out) != 2 || out[0].Result != Pass || out[1].Result != Pass {
		t.Errorf("%+v", out)
	}
}

func TestCanonicalField(t *testing.T) {
	tests := []struct{ raw, relaxed, simple string }{
		{"A: X\r\n", "a:X\r\n", "A: X\r\n"}, // RFC 6376 section 3.4.5
		{"B : Y\t\r\n\tZ  \r\n", "b:Y Z\r\n", "B : Y\t\r\n\tZ  \r\n"},
		{"C:\r\n", "c:\r\n", "C:\r\n"},
		{"D: a\n b\n", "d:a b\r\n", "D: a\r\n b\r\n"},
		{"E: a", "e:a\r\n", "E: a\r\n"},
		{"F:  a  \r\n \r\n", "f:a\r\n", "F:  a  \r\n \r\n"},
		{"G: a:b\r\n", "g:a:b\r\n", "G: a:b\r\n"},
	}
	for _, test := range tests {
		if got := string(canonicalField(nil, []byte(test.raw), true)); got != test.relaxed {
			t.Errorf("%q relaxed: %q, want %q", test.raw, got, test.relaxed)
		}
		if got := string(canonicalField(nil, []byte(test.raw), false)); got != test.simple {
			t.Errorf("%q simple: %q, want %q", test.raw, got, test.simple)
		}
	}
}

// collect keeps what a canonical form is.
type collect struct{ strings.Builder }

func canonical(relaxed bool, pieces ...string) (string, int64) {
	var out collect
	c := &bodyCanon{relaxed: relaxed}
	c.to = append(c.to, &out)
	for _, p := range pieces {
		_, _ = c.Write([]byte(p))
	}
	c.close()
	return out.String(), c.length
}

func TestCanonicalBody(t *testing.T) {
	tests := []struct{ raw, relaxed, simple string }{
		{" C \r\nD \t E\r\n\r\n\r\n", " C\r\nD E\r\n", " C \r\nD \t E\r\n"}, // RFC 6376 section 3.4.5
		{"", "", "\r\n"}, // section 3.4.3, 3.4.4
		{"\r\n\r\n", "", "\r\n"},
		{" \t\r\n", "", " \t\r\n"},
		{"a", "a\r\n", "a\r\n"},
		{"a\nb\n\n", "a\r\nb\r\n", "a\r\nb\r\n"},
		{"\r\n\r\na \r\n", "\r\n\r\na\r\n", "\r\n\r\na \r\n"},
		{"a\rb\r", "a\rb\r\r\n", "a\rb\r\r\n"},
		{"a \r", "a \r\r\n", "a \r\r\n"},
		{"a b  c \td\t e \r\n f", "a b c d e\r\n f\r\n", "a b  c \td\t e \r\n f\r\n"},
		{"a \x01b", "a \x01b\r\n", "a \x01b\r\n"},
	}
	for _, test := range tests {
		for form, want := range map[bool]string{true: test.relaxed, false: test.simple} {
			whole, n := canonical(form, test.raw)
			single, _ := canonical(form, strings.Split(test.raw, "")...)
			if whole != want || single != want || n != int64(len(want)) {
				t.Errorf("%q, relaxed %v: %q and octet by octet %q (%d octets), want %q", test.raw, form, whole, single, n, want)
			}
		}
	}
}
