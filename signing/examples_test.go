package signing

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// The signed messages of RFC 4134 that need no DSA: one in DER, one in BER of indefinite length with its content in two segments. Both
// are signed by a key of 1024 bits with SHA-1, and none is more than Weak, whoever is trusted.
func TestExamplesRFC4134(t *testing.T) {
	const content = "This is some sample content."
	for name, certificates := range map[string]int{"4.2": 1, "4.5": 2} {
		cms := must(base64.StdEncoding.DecodeString(string(must(os.ReadFile(filepath.Join("testdata", "rfc4134", name+".b64"))))))
		// Section 4.5 has Carl's certificate beside; it issued Alice's of both.
		carl := must(x509.ParseCertificate(firstCertificate(t, "4.5")))
		for who, trust := range map[string]*Trust{"nobody": nil, "Carl": NewTrust([]*x509.Certificate{carl}, nil)} {
			var out bytes.Buffer
			r, err := Open(context.Background(), bytes.NewReader(cms), &out, Options{Trust: trust, Now: received(), From: []string{"AliceRSA@example.com"}})
			if err != nil || detail(r) != "weak: digest" || out.String() != content || r.Covered != int64(len(content)) || len(r.Signers) != 1 {
				t.Errorf("%s, %s trusted: %s, %d signers, content %q, %v", name, who, detail(r), len(r.Signers), out.String(), err)
				continue
			}
			s := r.Signers[0]
			if s.Certificate == nil || s.Certificate.Subject != "CN=AliceRSA" || len(s.Certificate.Addresses) != 1 || s.Certificate.Addresses[0] != "AliceRSA@example.com" || s.Digest != "SHA-1" {
				t.Errorf("%s: signer %+v", name, s)
			}
		}
		if sd, err := readSignedData(bytes.NewReader(cms), Limits{}.complete(), discard); err != nil || len(sd.certificates) != certificates {
			t.Errorf("%s: %d certificates, %v", name, len(sd.certificates), err)
		}
		changed := bytes.Replace(cms, []byte("sample"), []byte("simple"), 1)
		if r := verify(t, changed, nil, Options{Now: received()}); r.State != Invalid {
			t.Errorf("%s changed: %s", name, detail(r))
		}
	}
}

// firstCertificate is the first one in a message of RFC 4134.
func firstCertificate(t *testing.T, name string) []byte {
	t.Helper()
	cms := must(base64.StdEncoding.DecodeString(string(must(os.ReadFile(filepath.Join("testdata", "rfc4134", name+".b64"))))))
	sd, err := readSignedData(bytes.NewReader(cms), Limits{}.complete(), discard)
	if err != nil || len(sd.certificates) == 0 {
		t.Fatalf("%s: %v", name, err)
	}
	return sd.certificates[0]
}

// lamps reads a certificate of RFC 9216, and its key when there is one.
func lamps(t *testing.T, name string) identity {
	t.Helper()
	certificates, err := ReadCertificates(filepath.Join("testdata", "rfc9216", name+".crt"))
	if err != nil {
		t.Fatal(err)
	}
	id := identity{cert: certificates[0]}
	data, err := os.ReadFile(filepath.Join("testdata", "rfc9216", name+".key"))
	if err == nil {
		block, _ := pem.Decode(data)
		id.key = must(x509.ParsePKCS8PrivateKey(block.Bytes)).(crypto.Signer)
	}
	return id
}

// The people of RFC 9216 sign: Alice with RSA, Carlos with Ed25519. Each authority also vouches for the other one (section 2.5).
func TestExamplesRFC9216(t *testing.T) {
	p := &pki{t: t, dir: t.TempDir()}
	alice, carlos := lamps(t, "alice.sign"), lamps(t, "carlos.sign")
	if _, ok := carlos.key.(ed25519.PrivateKey); !ok {
		t.Fatalf("Carlos's key is %T", carlos.key)
	}
	rsaRoot, edRoot := lamps(t, "ca.rsa").cert, lamps(t, "ca.25519").cert
	rsaBelow, edBelow := lamps(t, "ca.rsa.cross").cert, lamps(t, "ca.25519.cross").cert
	byAlice := p.openssl("cms", "-sign", "-binary", "-outform", "DER", "-in", p.file(".eml", letter()), "-out", "OUT", "-md", "sha256",
		"-signer", p.certFile(alice.cert), "-inkey", p.keyFile(alice.key))
	byCarlos := made{content: letter(), signers: []madeSigner{{by: carlos}}, certs: []*x509.Certificate{carlos.cert}}.der()
	bare := made{content: letter(), signers: []madeSigner{{by: carlos, bare: true}}, certs: []*x509.Certificate{carlos.cert}}.der()
	for _, c := range []struct {
		name          string
		cms           []byte
		root, further *x509.Certificate
		from, want    string
		chain         int
	}{
		{"Alice", byAlice, rsaRoot, nil, "alice@smime.example", "valid", 2},
		{"Alice, in capitals", byAlice, rsaRoot, nil, "Alice@SMIME.Example", "valid", 2},
		{"Alice, below the other authority", byAlice, edRoot, rsaBelow, "alice@smime.example", "valid", 3},
		{"Alice, the other authority alone", byAlice, edRoot, nil, "alice@smime.example", "untrusted: no anchor", 0},
		{"Alice for Bob", byAlice, rsaRoot, nil, "bob@smime.example", "address-mismatch: foreign address", 2},
		{"Carlos", byCarlos, edRoot, nil, "carlos@smime.example", "valid", 2},
		{"Carlos, without attributes", bare, edRoot, nil, "carlos@smime.example", "valid", 2},
		{"Carlos, below the other authority", byCarlos, rsaRoot, edBelow, "carlos@smime.example", "valid", 3},
		{"Carlos for Alice", byCarlos, edRoot, nil, "alice@smime.example", "address-mismatch: foreign address", 2},
	} {
		o := Options{Trust: NewTrust([]*x509.Certificate{c.root}, nil), Now: received(), From: []string{c.from}}
		if c.further != nil {
			o.Trust = NewTrust([]*x509.Certificate{c.root}, []*x509.Certificate{c.further})
		}
		r := verify(t, c.cms, letter(), o)
		if got := detail(r); got != c.want || len(r.Signers) != 1 || r.Signers[0].Chain != c.chain {
			t.Errorf("%s: %s, want %s: %+v", c.name, got, c.want, r.Signers)
		}
		if r := verify(t, c.cms, append(letter(), '.'), o); r.State != Invalid {
			t.Errorf("%s, changed: %s", c.name, detail(r))
		}
	}
}

func discard([]crypto.Hash) io.Writer { return io.Discard }
