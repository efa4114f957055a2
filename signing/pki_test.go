package signing

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"congthu/internal/peer"
)

const author = "nvan@monre.gov.vn"

// received is when the messages of these tests are received: now, for OpenSSL and gpgsm know no other time.
func received() time.Time { return time.Now().Truncate(time.Second) }

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// identity is a certificate with its key.
type identity struct {
	cert *x509.Certificate
	key  crypto.Signer
}

// pki is a ministry's: a root, an authority below it that signs for people, and the keys of people.
type pki struct {
	t    testing.TB
	dir  string // for files that programs read
	root identity
	sub  identity

	rsa, rsa2, small *rsa.PrivateKey
	p256, p384, p521 *ecdsa.PrivateKey
	ed               ed25519.PrivateKey
}

func newPKI(t testing.TB) *pki {
	curve := func(c elliptic.Curve) *ecdsa.PrivateKey { return must(ecdsa.GenerateKey(c, rand.Reader)) }
	p := &pki{
		t: t, dir: t.TempDir(),
		rsa: must(rsa.GenerateKey(rand.Reader, 2048)), rsa2: must(rsa.GenerateKey(rand.Reader, 2048)), small: must(rsa.GenerateKey(rand.Reader, 1024)),
		p256: curve(elliptic.P256()), p384: curve(elliptic.P384()), p521: curve(elliptic.P521()),
	}
	_, p.ed, _ = ed25519.GenerateKey(rand.Reader)
	p.root = p.issue(identity{}, p.rsa2, authority("RootCA chuyên dùng G9"))
	p.sub = p.issue(p.root, curve(elliptic.P256()), authority("CA phục vụ các cơ quan G9"))
	return p
}

func serial() *big.Int { return must(rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 100))) }

// person is a template of a certificate for mail.
func person(changes ...func(*x509.Certificate)) *x509.Certificate {
	c := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: "Nguyễn Văn An", Organization: []string{"Bộ Tài nguyên và Môi trường"}, Country: []string{"VN"}},
		NotBefore: received().Add(-24 * time.Hour), NotAfter: received().Add(24 * time.Hour),
		EmailAddresses: []string{author}, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageContentCommitment,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection},
	}
	for _, change := range changes {
		change(c)
	}
	return c
}

// authority is a template of a certificate that issues others.
func authority(name string, changes ...func(*x509.Certificate)) *x509.Certificate {
	c := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: name, Organization: []string{"Ban Cơ yếu"}, Country: []string{"VN"}},
		NotBefore: received().Add(-1000 * time.Hour), NotAfter: received().Add(1000 * time.Hour),
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, IsCA: true, BasicConstraintsValid: true,
	}
	for _, change := range changes {
		change(c)
	}
	return c
}

// issue makes a certificate; one of nobody is self-signed.
func (p *pki) issue(by identity, key crypto.Signer, template *x509.Certificate) identity {
	p.t.Helper()
	if by.cert == nil {
		by = identity{template, key}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, by.cert, key.Public(), by.key)
	if err != nil {
		p.t.Fatal(err)
	}
	return identity{must(x509.ParseCertificate(der)), key}
}

// person makes a certificate for mail of the authority below the root.
func (p *pki) person(key crypto.Signer, changes ...func(*x509.Certificate)) identity {
	p.t.Helper()
	return p.issue(p.sub, key, person(changes...))
}

// file writes into the directory, under a name of its own.
func (p *pki) file(suffix string, data []byte) string {
	p.t.Helper()
	f := must(os.CreateTemp(p.dir, "*"+suffix))
	defer f.Close()
	must(f.Write(data))
	return f.Name()
}

func certPEM(certs ...*x509.Certificate) []byte {
	var out []byte
	for _, c := range certs {
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})...)
	}
	return out
}

func (p *pki) certFile(certs ...*x509.Certificate) string { return p.file(".pem", certPEM(certs...)) }

func (p *pki) keyFile(key crypto.Signer) string {
	return p.file(".key", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: must(x509.MarshalPKCS8PrivateKey(key))}))
}

// openssl runs OpenSSL and gives what it wrote to -out, when wanted, else its output.
func (p *pki) openssl(args ...string) []byte {
	p.t.Helper()
	needPrograms(p.t)
	out := filepath.Join(must(os.MkdirTemp(p.dir, "")), "out")
	for i, a := range args {
		if a == "OUT" {
			args[i] = out
		}
	}
	cmd := exec.Command("openssl", args...)
	cmd.Dir = p.dir
	text, err := cmd.CombinedOutput()
	if err != nil {
		p.t.Fatalf("openssl %v: %v\n%s", args, err, text)
	}
	data, err := os.ReadFile(out)
	if err != nil {
		return text
	}
	return data
}

func needPrograms(t testing.TB) {
	t.Helper()
	_, err := exec.LookPath("openssl")
	peer.Need(t, err == nil, "openssl (Debian package openssl)")
}

// trust trusts the root and has the authority below it in store.
func (p *pki) trust() *Trust {
	return NewTrust([]*x509.Certificate{p.root.cert}, []*x509.Certificate{p.sub.cert})
}

// options are those of a message from the author.
func (p *pki) options() Options {
	return Options{Trust: p.trust(), Now: received(), From: []string{author}}
}

// emailAddress is that attribute of a subject, as the government's certificates have it.
func emailAddress(address string) func(*x509.Certificate) {
	return func(c *x509.Certificate) {
		c.Subject.ExtraNames = []pkix.AttributeTypeAndValue{{
			Type: asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 1}, Value: asn1.RawValue{Tag: asn1.TagIA5String, Bytes: []byte(address)},
		}}
	}
}
