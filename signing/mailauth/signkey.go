package mailauth

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"time"
)

// Sizes of RSA keys that sign (RFC 8301 section 3.2 asks for 2048 bits; DNS answers and verifiers bear 4096).
const (
	minSigningBits = 2048
	maxSigningBits = 4096
	maxKeyFile     = 64 << 10 // octets
)

// Key is a private key that signs for a domain under a selector.
type Key struct {
	Domain   string
	Selector string
	// From and Until bound the time in which it signs; the zero Time bounds nothing. A new selector's record is
	// published before From, and an old one's stays for some days after Until: mail is verified late.
	From, Until time.Time

	signer    crypto.Signer
	algorithm string // "rsa" or "ed25519"
}

// ReadKey reads a PEM file: PKCS #8 with RSA or Ed25519, or PKCS #1. Only the file's owner may have any right to it.
func ReadKey(path, domain, selector string) (Key, error) {
	f, err := os.Open(path)
	if err != nil {
		return Key{}, fmt.Errorf("read DKIM key: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return Key{}, fmt.Errorf("read DKIM key: %w", err)
	case !info.Mode().IsRegular():
		return Key{}, fmt.Errorf("read DKIM key: %s is no regular file", path)
	case info.Mode().Perm()&0o077 != 0:
		return Key{}, fmt.Errorf("read DKIM key: %s has mode %04o: others than its owner may use it, make it 0600", path, info.Mode()&fs.ModePerm)
	}
	data, err := io.ReadAll(io.LimitReader(f, maxKeyFile))
	if err != nil {
		return Key{}, fmt.Errorf("read DKIM key: %w", err)
	}
	signer, err := parsePrivate(data)
	if err != nil {
		return Key{}, fmt.Errorf("read DKIM key %s: %w", path, err)
	}
	return NewKey(signer, domain, selector)
}

// NewKey makes a key that signs with signer.
func NewKey(signer crypto.Signer, domain, selector string) (Key, error) {
	k := Key{signer: signer}
	var ok, okSelector bool
	k.Domain, ok = asciiDomain(domain)
	k.Selector, okSelector = asciiDomain(selector)
	if !ok || !okSelector {
		return Key{}, fmt.Errorf("DKIM key: domain %q or selector %q is none", domain, selector)
	}
	switch public := signer.Public().(type) {
	case *rsa.PublicKey:
		k.algorithm = "rsa"
		if bits := public.N.BitLen(); bits < minSigningBits || bits > maxSigningBits {
			return Key{}, fmt.Errorf("DKIM key: RSA with %d bits; %d to %d are good", bits, minSigningBits, maxSigningBits)
		}
	case ed25519.PublicKey:
		k.algorithm = "ed25519"
	default:
		return Key{}, fmt.Errorf("DKIM key: %T is neither RSA nor Ed25519", public)
	}
	return k, nil
}

func parsePrivate(data []byte) (crypto.Signer, error) {
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, errors.New("no PEM in it")
	}
	if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return key, nil
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, errors.New("no private key of PKCS #8 or PKCS #1 in it")
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("%T does not sign", key)
	}
	return signer, nil
}

// Name is where the key's record is published.
func (k Key) Name() string { return k.Selector + "._domainkey." + k.Domain }

// Record is the TXT record to publish (RFC 6376 section 3.6.1). An Ed25519 key stands as it is (RFC 8463 section 4).
func (k Key) Record() (string, error) {
	if public, ok := k.signer.Public().(ed25519.PublicKey); ok {
		return "v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(public), nil
	}
	der, err := x509.MarshalPKIXPublicKey(k.signer.Public())
	if err != nil {
		return "", fmt.Errorf("DKIM record: %w", err)
	}
	return "v=DKIM1; k=rsa; p=" + base64.StdEncoding.EncodeToString(der), nil
}

// signs tells that the key signs at a time.
func (k Key) signs(now time.Time) bool {
	return !now.Before(k.From) && (k.Until.IsZero() || now.Before(k.Until))
}

// Algorithm is "rsa-sha256" or "ed25519-sha256".
func (k Key) Algorithm() string { return k.algorithm + "-sha256" }

// Bits is the size of an RSA key, and 256 of an Ed25519 key.
func (k Key) Bits() int {
	if public, ok := k.signer.Public().(*rsa.PublicKey); ok {
		return public.N.BitLen()
	}
	return 8 * ed25519.PublicKeySize
}

// GenerateKey makes a private key, as PEM with PKCS #8, for an algorithm of Key.Algorithm. bits is the size of an RSA
// key, from 2048 to 4096.
func GenerateKey(algorithm string, bits int) ([]byte, error) {
	var key any
	var err error
	switch {
	case algorithm == "ed25519-sha256":
		_, key, err = ed25519.GenerateKey(rand.Reader)
	case algorithm == "rsa-sha256" && bits >= minSigningBits && bits <= maxSigningBits:
		key, err = rsa.GenerateKey(rand.Reader, bits)
	case algorithm == "rsa-sha256":
		return nil, fmt.Errorf("RSA with %d bits; %d to %d are good", bits, minSigningBits, maxSigningBits)
	default:
		return nil, fmt.Errorf("%q is neither rsa-sha256 nor ed25519-sha256", algorithm)
	}
	if err != nil {
		return nil, fmt.Errorf("make DKIM key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("make DKIM key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

// Published compares the key with the TXT records of its name: "" when whoever verifies finds this key in them, else why
// not, by the names that Authentication-Results has: "no-key", "several-keys", "bad-key", "key-revoked",
// "unknown-algorithm", "key-of-other-service", and "other-key", "testing" (t=y: a signature counts as none) and
// "key-of-other-algorithm" (its h= leaves out SHA-256).
func (k Key) Published(records []string) string {
	published, f := findKey(records, DefaultLimits().RSABits)
	if f.result != "" {
		return f.reason
	}
	same := false
	switch public := k.signer.Public().(type) {
	case *rsa.PublicKey:
		same = published.rsa != nil && public.Equal(published.rsa)
	case ed25519.PublicKey:
		same = published.ed25519 != nil && public.Equal(published.ed25519)
	}
	switch {
	case !same:
		return "other-key"
	case published.hashes != nil && !slices.Contains(published.hashes, "sha256"):
		return "key-of-other-algorithm"
	case published.testing:
		return "testing"
	}
	return ""
}
