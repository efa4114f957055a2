package signing

import (
	"bytes"
	"context"
	"crypto/x509"
	"time"
)

// maxPath is how many certificates of a path are shown.
const maxPath = 10

// CertificateResult is what is known of a certificate's own worth, whatever it signs.
type CertificateResult struct {
	State     State
	Reason    Reason
	Notes     []Note
	RevokedAt time.Time // zero unless State is Revoked
	// Path is the certificate and then each issuer that was found, the anchor last when State is Valid. Otherwise it ends where no
	// issuer is known.
	Path []*Certificate
}

// VerifyCertificate tells what chain a certificate has to an anchor at Options.Now, and why not, with further certificates that may be
// between them. Of an authority it is not asked whether it may sign mail itself.
func VerifyCertificate(ctx context.Context, c *x509.Certificate, further []*x509.Certificate, o Options) (CertificateResult, error) {
	o.From, o.Sender = nil, ""
	v := newVerifier(o)
	v.authority = c.IsCA
	if v.Revocation != nil {
		asking, cancel := context.WithTimeout(ctx, v.Revocation.Message)
		defer cancel()
		v.asking = asking
	}
	var ders [][]byte
	for _, f := range further[:min(len(further), v.limits.Certificates)] {
		ders = append(ders, f.Raw)
	}
	v.collect(ders)
	r := CertificateResult{}
	if key, ok := keyOf(c); !ok || key.rsaBits() > maxRSABits {
		r.State, r.Reason = Unsupported, Algorithm
		if ok {
			r.Reason = KeySize
		}
		r.Path = []*Certificate{certificateOf(c)}
		return r, nil
	} else if bits := key.rsaBits(); bits > 0 && bits < minRSABits {
		r.State, r.Reason = Weak, KeySize
		r.Path = v.path(c)
		return r, nil
	}
	s := Signer{Certificate: certificateOf(c)}
	if err := v.trusted(ctx, &s, c); err != nil {
		return r, err
	}
	r.State, r.Reason, r.Notes, r.RevokedAt = s.State, s.Reason, s.Notes, s.RevokedAt
	r.Path = v.path(c)
	return r, nil
}

// path goes from a certificate up: along its chain when it has one, otherwise to issuers that have the name and whose key signed,
// anchors before others. It says nothing of their worth.
func (v *verifier) path(c *x509.Certificate) []*Certificate {
	certificates := v.chain(c).certificates
	if certificates == nil {
		certificates = []*x509.Certificate{c}
		for len(certificates) < maxPath && !contains(v.Trust.anchors, c) {
			if c = v.issuerOf(c); c == nil || contains(certificates, c) {
				break
			}
			certificates = append(certificates, c)
		}
	}
	var out []*Certificate
	for _, c := range certificates[:min(len(certificates), maxPath)] {
		out = append(out, certificateOf(c))
	}
	return out
}

// issuerOf is a certificate that issued another, nil when none is known. crypto/x509 verifies no MD5: there the name has to do.
func (v *verifier) issuerOf(c *x509.Certificate) *x509.Certificate {
	tried := 0
	for _, issuer := range append(v.Trust.Anchors(), v.certificates...) {
		key, ok := keyOf(issuer)
		if !ok || key.rsaBits() > maxRSABits || !bytes.Equal(issuer.RawSubject, c.RawIssuer) {
			continue
		}
		if tried++; tried > maxWeakSteps {
			return nil
		}
		if c.SignatureAlgorithm == x509.MD5WithRSA || issuer.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature) == nil {
			return issuer
		}
	}
	return nil
}
