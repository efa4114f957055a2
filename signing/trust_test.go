package signing

import (
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Files of certificates in every form, and what is said of those that are none.
func TestLoadTrust(t *testing.T) {
	p := newPKI(t)
	dir := t.TempDir()
	write := func(name string, data []byte) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	both := certPEM(p.root.cert, p.sub.cert)
	for _, c := range []struct {
		name string
		data []byte
		want string // "": good
	}{
		{"pem", certPEM(p.root.cert), ""},
		{"der", p.root.cert.Raw, ""},
		{"two", both, ""},
		{"text around", append([]byte("# root of the government\n"), both...), ""},
		{"windows line ends", []byte(strings.ReplaceAll(string(both), "\n", "\r\n")), ""},
		{"empty", nil, "neither PEM nor a certificate in DER"},
		{"text", []byte("hello"), "neither PEM nor a certificate in DER"},
		{"a key beside", append(certPEM(p.root.cert), must(os.ReadFile(p.keyFile(p.p256)))...), "holds a PRIVATE KEY beside certificates"},
		{"damaged", []byte(strings.Replace(string(both), "MI", "!!", 1)), "damaged"},
		{"cut off", both[:len(both)-60], "damaged"},
		{"no certificate in the block", []byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), "certificate 1: "},
		{"too big", make([]byte, maxTrustBytes+1), "over 4 MiB"},
	} {
		file := write(strings.ReplaceAll(c.name, " ", "-"), c.data)
		trust, err := LoadTrust([]string{file}, nil)
		switch {
		case c.want == "" && (err != nil || len(trust.Anchors()) == 0 || !trust.Anchors()[0].Equal(p.root.cert)):
			t.Errorf("%s: %v", c.name, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), file)):
			t.Errorf("%s: %v, want the file and %q", c.name, err, c.want)
		}
	}
	_, err := LoadTrust([]string{filepath.Join(dir, "none.pem")}, []string{filepath.Join(dir, "text"), filepath.Join(dir, "pem")})
	if err == nil || !strings.Contains(err.Error(), "none.pem") || !strings.Contains(err.Error(), "/text") {
		t.Errorf("two bad files: %v", err)
	}
}

// The store's certificates help to find a chain and are not trusted.
func TestStoreIsNotTrusted(t *testing.T) {
	p := newPKI(t)
	s := changed()(p)
	trust := must(LoadTrust(nil, []string{p.certFile(p.root.cert, p.sub.cert)}))
	s.o.Trust = trust
	if r := verify(t, s.cms, s.content, s.o); detail(r) != "untrusted: no anchor" {
		t.Error(detail(r))
	}
}

func TestFingerprint(t *testing.T) {
	p := newPKI(t)
	text := string(p.openssl("x509", "-in", p.certFile(p.root.cert), "-noout", "-fingerprint", "-sha256"))
	_, colons, _ := strings.Cut(strings.TrimSpace(text), "=")
	if want := strings.ToLower(strings.ReplaceAll(colons, ":", "")); Fingerprint(p.root.cert) != want {
		t.Errorf("%s, OpenSSL says %s", Fingerprint(p.root.cert), want)
	}
	if b, err := hex.DecodeString(Fingerprint(p.sub.cert)); err != nil || len(b) != 32 {
		t.Error(err)
	}
}
