package mailauth

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-msgauth/dkim"
)

// pair are the two keys of a domain under the selectors rsa and ed, and their records.
func pair(t testing.TB) ([]Key, map[string][]string) {
	t.Helper()
	r, err := rsa.GenerateKey(rand.Reader, minSigningBits)
	if err != nil {
		t.Fatal(err)
	}
	_, e, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return publish(t, map[string]crypto.Signer{"rsa": r, "ed": e})
}

func publish(t testing.TB, signers map[string]crypto.Signer) ([]Key, map[string][]string) {
	t.Helper()
	var keys []Key
	records := map[string][]string{}
	for selector, s := range signers {
		k, err := NewKey(s, "sender.example", selector)
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, k)
		records[k.Name()] = []string{record(t, s)}
	}
	return keys, records
}

const outgoing = "Received: from desk by mail; Thu, 15 Jan 2026 07:00:00 +0700\r\nFrom: =?UTF-8?Q?V=C5=A9?= <vu@sender.example>\r\n" +
	"To: a@b.example,\r\n\tc@d.example\r\nTo: e@f.example\r\nSubject: Bao cao\r\nDate: Thu, 15 Jan 2026 07:00:00 +0700\r\n" +
	"Message-ID: <1@sender.example>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n" +
	"Content-Transfer-Encoding: 8bit\r\n\r\nKính gửi  Ông,\r\n\r\n.báo cáo \t\r\n\r\n\r\n"

func signed(t testing.TB, s *Signer, raw string) string {
	t.Helper()
	m := split(raw)
	signatures, err := s.Sign([]string{"Sender.Example"}, m.Header, m.Body)
	if err != nil {
		t.Fatal(err)
	}
	out := ""
	for _, one := range signatures {
		out += one.Field
	}
	return out + raw
}

func TestSign(t *testing.T) {
	keys, records := pair(t)
	s := NewSigner(keys, SignerOptions{Expires: 7 * 24 * time.Hour}, testNow)
	raw := signed(t, s, outgoing)
	for line := range strings.SplitSeq(raw, crlf) {
		if strings.Contains(line, "\n") || len(line) > 78 && !strings.HasPrefix(line, "Received") {
			t.Errorf("%q is no line of mail", line)
		}
	}
	out := check(t, &zone{txt: records}, split(raw)).DKIM
	if len(out) != 2 {
		t.Fatalf("%+v", out)
	}
	for _, d := range out {
		if d.Result != Pass || !d.Oversigned || !d.Signed.Equal(testNow()) || !d.Expires.Equal(testNow().Add(7*24*time.Hour)) {
			t.Errorf("%+v", d)
		}
	}
	// An implementation that is not ours agrees.
	verifications, err := dkim.VerifyWithOptions(strings.NewReader(raw), &dkim.VerifyOptions{LookupTXT: func(n string) ([]string, error) { return records[n], nil }})
	if err != nil || len(verifications) != 2 {
		t.Fatalf("%v, %v", verifications, err)
	}
	// It reads the time of the machine, so signatures may be over for it.
	for _, v := range verifications {
		if v.Err != nil && !strings.Contains(v.Err.Error(), "expired") {
			t.Errorf("%s: %v", v.Domain, v.Err)
		}
	}
	for _, name := range onceFields() {
		v, err := New(&zone{txt: records}, Limits{}, testNow).Check(t.Context(), split(name+": added\r\n"+raw))
		if err != nil || v.DKIM[0].Result == Pass || v.DKIM[1].Result == Pass {
			t.Errorf("%s added: %+v, %v", name, v.DKIM, err)
		}
	}
}

func TestVerifyForeignSignatures(t *testing.T) {
	keys, records := pair(t)
	for _, k := range keys {
		for _, form := range []dkim.Canonicalization{dkim.CanonicalizationSimple, dkim.CanonicalizationRelaxed} {
			var b strings.Builder
			err := dkim.Sign(&b, strings.NewReader(outgoing), &dkim.SignOptions{Domain: k.Domain, Selector: k.Selector, Signer: k.signer,
				HeaderCanonicalization: form, BodyCanonicalization: form})
			if err != nil {
				t.Fatal(err)
			}
			out := check(t, &zone{txt: records}, split(b.String())).DKIM
			if len(out) != 1 || out[0].Result != Pass {
				t.Errorf("%s %s: %+v", k.algorithm, form, out)
			}
		}
	}
}

func TestRotation(t *testing.T) {
	keys, _ := pair(t)
	old, next := keys[0], keys[1]
	old.Selector, old.Until = "old", testNow()
	next.Selector, next.From = "next", testNow()
	for offset, want := range map[time.Duration]string{-time.Second: "s=old;", 0: "s=next;"} {
		s := NewSigner([]Key{old, next}, SignerOptions{}, func() time.Time { return testNow().Add(offset) })
		m := split(outgoing)
		fields, err := s.Sign([]string{"sender.example"}, m.Header, m.Body)
		if err != nil || len(fields) != 1 || !strings.Contains(fields[0].Field, want) || strings.Contains(fields[0].Field, " x=") {
			t.Errorf("%v: %q, %v", offset, fields, err)
		}
	}
}

func TestSignRefuses(t *testing.T) {
	keys, _ := pair(t)
	s := NewSigner(keys, SignerOptions{}, testNow)
	for raw, want := range map[string]error{
		"Subject: x\r\n\r\n":                                                 ErrFrom,
		"From: a@b.example\r\nFrom : c@d.example\r\n\r\n":                    ErrFrom,
		"From: a@b.example\r\nX: " + strings.Repeat("x", 1<<20) + "\r\n\r\n": ErrHeaderSize,
	} {
		m := split(raw)
		if fields, err := s.Sign([]string{"sender.example"}, m.Header, m.Body); !errors.Is(err, want) || fields != nil {
			t.Errorf("%.40q: %q, %v", raw, fields, err)
		}
	}
	m := split(outgoing)
	if fields, err := s.Sign([]string{"other.example"}, m.Header, m.Body); err != nil || fields != nil {
		t.Errorf("no key: %q, %v", fields, err)
	}
}

func TestReadKey(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, key any, mode os.FileMode) string {
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	keys, _ := pair(t)
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	junk := filepath.Join(dir, "junk")
	if err := os.WriteFile(junk, []byte("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct{ path, domain, fails string }{
		{write("good", keys[0].signer, 0o600), "sender.example", ""},
		{write("other", keys[1].signer, 0o400), "sender.example", ""},
		{write("group", keys[0].signer, 0o640), "sender.example", "mode 0640"},
		{write("world", keys[0].signer, 0o604), "sender.example", "mode 0604"},
		{write("small", small, 0o600), "sender.example", "1024 bits"},
		{write("curve", curve, 0o600), "sender.example", "neither RSA nor Ed25519"},
		{write("domain", keys[0].signer, 0o600), "sender example", "is none"},
		{junk, "sender.example", "no private key"},
		{dir, "sender.example", "no regular file"},
		{filepath.Join(dir, "missing"), "sender.example", "no such file"},
	}
	for _, test := range tests {
		_, err := ReadKey(test.path, test.domain, "s1")
		if test.fails == "" && err != nil || test.fails != "" && (err == nil || !strings.Contains(err.Error(), test.fails)) {
			t.Errorf("%s: %v, want %q", test.path, err, test.fails)
		}
	}
}
