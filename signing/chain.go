package signing

import (
	"bytes"
	"crypto/x509"
	"errors"
	"slices"
	"time"
)

// maxWeakSteps is how many issuers are looked at to tell a weak chain from none.
const maxWeakSteps = 64

// chain is what became of a certificate on its way to an anchor.
type chain struct {
	certificates []*x509.Certificate // the signer's first, the anchor last; nil unless state is Valid
	state        State
	reason       Reason
}

// chain finds a chain to an anchor that is valid at the time of receipt and may vouch for mail. Each certificate is judged
// once a message.
func (v *verifier) chain(c *x509.Certificate) chain {
	key := string(c.Raw)
	if known, ok := v.chains[key]; ok {
		return known
	}
	found := v.findChain(c)
	v.chains[key] = found
	return found
}

func (v *verifier) findChain(c *x509.Certificate) chain {
	if v.Now.Before(c.NotBefore) || v.Now.After(c.NotAfter) {
		reason := NoLongerValid
		if v.Now.Before(c.NotBefore) {
			reason = NotYetValid
		}
		return v.expired(c, reason)
	}
	chains, err := v.paths(c, v.Now)
	if err != nil {
		return v.broken(c, err)
	}
	best := chain{state: Invalid}
	for _, certificates := range chains {
		if one := v.purposeful(certificates); one.state.rank() < best.state.rank() {
			best = one
		}
	}
	return best
}

// paths are the chains at a time, for any purpose: which one is looked at afterwards, for mail and documents differ.
func (v *verifier) paths(c *x509.Certificate, at time.Time) ([][]*x509.Certificate, error) {
	return c.Verify(x509.VerifyOptions{
		Roots: v.Trust.roots, Intermediates: v.pool, CurrentTime: at, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	})
}

// purposeful checks of a chain what crypto/x509 leaves out.
func (v *verifier) purposeful(certificates []*x509.Certificate) chain {
	c := certificates[0]
	signs := x509.KeyUsageDigitalSignature | x509.KeyUsageContentCommitment // RFC 8550 section 4.4.2
	switch {
	case !v.authority && c.KeyUsage != 0 && c.KeyUsage&signs == 0:
		return chain{state: Untrusted, reason: Purpose}
	case slices.ContainsFunc(certificates, func(c *x509.Certificate) bool { return !v.forPurpose(c) }):
		return chain{state: Untrusted, reason: Purpose}
	case !v.constrained(certificates):
		return chain{state: Untrusted, reason: NameConstraint}
	}
	for _, authority := range certificates[1:] {
		key, ok := keyOf(authority)
		switch bits := key.rsaBits(); {
		case !ok:
			return chain{state: Unsupported, reason: Algorithm}
		case bits > 0 && bits < minRSABits:
			return chain{state: Weak, reason: KeySize}
		}
	}
	return chain{certificates: certificates, state: Valid}
}

// forPurpose tells whether a certificate's extended key usage allows what is verified: mail (RFC 8550 section 4.4.4), or also
// documents (RFC 9336). A certificate without that extension is for everything.
func (v *verifier) forPurpose(c *x509.Certificate) bool {
	if len(c.ExtKeyUsage) == 0 && len(c.UnknownExtKeyUsage) == 0 {
		return true
	}
	if slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageAny) || slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageEmailProtection) {
		return true
	}
	if !v.documents {
		return false
	}
	for _, usage := range c.UnknownExtKeyUsage {
		switch usage.String() {
		case "1.3.6.1.5.5.7.3.36", "1.3.6.1.4.1.311.10.3.12", "1.2.840.113583.1.1.5": // RFC 9336, Microsoft, Adobe
			return true
		}
	}
	return false
}

// broken says why there is no chain.
func (v *verifier) broken(c *x509.Certificate, err error) chain {
	var invalid x509.CertificateInvalidError
	var critical x509.UnhandledCriticalExtension
	switch {
	case errors.As(err, &critical):
		return chain{state: Untrusted, reason: CriticalUnknown}
	case errors.As(err, &invalid):
		switch invalid.Reason {
		case x509.CANotAuthorizedForThisName, x509.TooManyConstraints, x509.UnconstrainedName, x509.NameConstraintsWithoutSANs:
			return chain{state: Untrusted, reason: NameConstraint}
		}
	}
	if v.reachesWeakly(c) {
		return chain{state: Weak, reason: WeakCertificate}
	}
	return v.expired(c, IssuerNotValid)
}

// expired tells a chain that was good at some time of the certificate's validity from one that never was.
func (v *verifier) expired(c *x509.Certificate, reason Reason) chain {
	for _, at := range []time.Time{c.NotAfter, c.NotBefore} {
		chains, err := v.paths(c, at)
		if err == nil && slices.ContainsFunc(chains, func(cs []*x509.Certificate) bool { return v.purposeful(cs).state == Valid }) {
			return chain{state: Expired, reason: reason}
		}
	}
	return chain{state: Untrusted, reason: NoAnchor}
}

// reachesWeakly tells whether there would be a chain if SHA-1 and MD5 were good: crypto/x509 refuses both.
func (v *verifier) reachesWeakly(c *x509.Certificate) bool {
	steps := 0
	var climb func(c *x509.Certificate, weak bool, depth int) bool
	climb = func(c *x509.Certificate, weak bool, depth int) bool {
		weak = weak || weakSignature(c)
		for _, issuer := range append(v.Trust.Anchors(), v.certificates...) {
			if steps++; steps > maxWeakSteps || depth > v.limits.Depth {
				return false
			}
			key, ok := keyOf(issuer)
			if !ok || key.rsaBits() > maxRSABits || !issuer.IsCA || !bytes.Equal(issuer.RawSubject, c.RawIssuer) {
				steps-- // costs nothing
				continue
			}
			// crypto/x509 verifies no MD5 at all: there the name has to do. It only tells Weak from Untrusted.
			if c.SignatureAlgorithm != x509.MD5WithRSA && issuer.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature) != nil {
				continue
			}
			if contains(v.Trust.anchors, issuer) {
				if weak {
					return true
				}
				continue
			}
			if climb(issuer, weak, depth+1) {
				return true
			}
		}
		return false
	}
	return climb(c, false, 0)
}

func weakSignature(c *x509.Certificate) bool {
	switch c.SignatureAlgorithm {
	case x509.MD2WithRSA, x509.MD5WithRSA, x509.SHA1WithRSA, x509.ECDSAWithSHA1, x509.DSAWithSHA1:
		return true
	}
	return false
}
