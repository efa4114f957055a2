package mailauth

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
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
