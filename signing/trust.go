package signing

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
)

// Limits of a file with certificates.
const (
	maxTrustBytes        = 4 << 20 // octets
	maxTrustCertificates = 1000
)

// Trust is what chains may begin and go on with. It does not change; load another and take that.
type Trust struct {
	anchors, stored      []*x509.Certificate
	roots, intermediates *x509.CertPool
}

// NewTrust trusts these anchors, and knows further certificates that messages may leave out. Those are not trusted.
func NewTrust(anchors, further []*x509.Certificate) *Trust {
	t := &Trust{anchors: anchors, stored: further, roots: x509.NewCertPool(), intermediates: x509.NewCertPool()}
	for _, c := range anchors {
		t.roots.AddCert(c)
	}
	for _, c := range further {
		if c.IsCA {
			t.intermediates.AddCert(c)
		}
	}
	return t
}

// LoadTrust reads files of anchors and of further certificates, PEM or DER. The error names the file and what is wrong with it.
func LoadTrust(anchors, further []string) (*Trust, error) {
	a, errAnchors := readFiles(anchors)
	f, errFurther := readFiles(further)
	if err := errors.Join(errAnchors, errFurther); err != nil {
		return nil, err
	}
	return NewTrust(a, f), nil
}

// Anchors are the certificates that are trusted.
func (t *Trust) Anchors() []*x509.Certificate { return append([]*x509.Certificate(nil), t.anchors...) }

func (t *Trust) all() []*x509.Certificate {
	return append(append([]*x509.Certificate(nil), t.stored...), t.anchors...)
}

func readFiles(names []string) ([]*x509.Certificate, error) {
	var out []*x509.Certificate
	var errs []error
	for _, name := range names {
		certificates, err := ReadCertificates(name)
		errs = append(errs, err)
		for _, c := range certificates {
			if !contains(out, c) {
				out = append(out, c)
			}
		}
	}
	return out, errors.Join(errs...)
}

// ReadCertificates reads a file of certificates: PEM, any number of them, or one in DER. A file without any is an error.
func ReadCertificates(name string) ([]*x509.Certificate, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("opening certificates: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxTrustBytes+1))
	if err != nil {
		return nil, fmt.Errorf("reading certificates: %w", err)
	}
	if len(data) > maxTrustBytes {
		return nil, fmt.Errorf("%s: over %d MiB, not a file of certificates", name, maxTrustBytes>>20)
	}
	certificates, err := ParseCertificates(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return certificates, nil
}

// ParseCertificates is ReadCertificates of what is in a file.
func ParseCertificates(data []byte) ([]*x509.Certificate, error) {
	if !bytes.Contains(data, []byte("-----BEGIN ")) {
		c, err := x509.ParseCertificate(data)
		if err != nil {
			return nil, fmt.Errorf("neither PEM nor a certificate in DER: %w", err)
		}
		understood(c)
		return []*x509.Certificate{c}, nil
	}
	var out []*x509.Certificate
	for rest := data; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			return nil, fmt.Errorf("holds a %s beside certificates: keep that elsewhere", pemType(block.Type))
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("certificate %d: %w", len(out)+1, err)
		}
		understood(c)
		if out = append(out, c); len(out) > maxTrustCertificates {
			return nil, fmt.Errorf("more than %d certificates", maxTrustCertificates)
		}
	}
	// pem.Decode steps over what it cannot read.
	if begun := bytes.Count(data, []byte("-----BEGIN CERTIFICATE-----")); len(out) == 0 || begun != len(out) {
		return nil, fmt.Errorf("%d certificates begin, %d can be read: the file is damaged", begun, len(out))
	}
	return out, nil
}

// pemType is a block's type as it may stand in an error.
func pemType(s string) string {
	if len(s) > 32 {
		s = s[:32]
	}
	return s
}

// Fingerprint is the SHA-256 of a certificate, in lower-case hexadecimal.
func Fingerprint(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	return hex.EncodeToString(sum[:])
}
