package signing

import (
	"bytes"
	"context"
	"crypto"
	"crypto/x509"
	"time"

	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// maxCandidates is how many certificates are tried for one signer. Renewed certificates share a key identifier; hostile ones
// share everything that names a signer.
const maxCandidates = 4

// clockSkew is how far a signer's clock may be ahead.
const clockSkew = 5 * time.Minute

// signer verifies one SignerInfo (RFC 5652 section 5.6).
func (v *verifier) signer(ctx context.Context, sd *signedData, si signerInfo, c *hashed) (Signer, error) {
	s := Signer{State: Invalid}
	attrs, method, hash, reason := v.prepare(&s, sd, si)
	if reason == "" {
		reason = v.covers(&s, sd, attrs, hash, c, si)
	}
	if reason != "" {
		s.State, s.Reason = signerState(reason), reason
		s.Certificate = v.named(si)
		return s, nil
	}
	messages := si.messages(attrs, hash, c)
	if method.kind == kindEd25519 && attrs == nil {
		whole, kept := c.whole()
		if !kept {
			s.State, s.Reason = Unsupported, TooBig
			return s, nil
		}
		messages = []signedOctets{{message: whole}}
	}
	return v.certified(ctx, s, si, attrs, method, hash, messages)
}

// signerState is the state of a signer that failed before its certificate was looked at.
func signerState(reason Reason) State {
	switch reason {
	case Algorithm, AlgorithmsDisagree, DigestUnannounced:
		return Unsupported
	}
	return stateOf(reason)
}

// prepare reads algorithms and attributes. attrs is nil when there are none.
func (v *verifier) prepare(s *Signer, sd *signedData, si signerInfo) (attributes, scheme, crypto.Hash, Reason) {
	var attrs attributes
	if si.attributes != nil {
		var ok bool
		if attrs, ok = parseAttributes(si.attributes); !ok {
			return nil, scheme{}, 0, Attributes
		}
		s.Label = attrs.label()
		if s.SigningTime, ok = attrs.signingTime(); !ok { // a clock's fault, which takes nothing from the signature
			s.Notes = append(s.Notes, SigningTimeOdd)
		}
	}
	if timestamped(si.unsigned) {
		s.Notes = append(s.Notes, Timestamped)
	}
	hash := digestOf(si.digest.oid)
	if hash != 0 {
		s.Digest = hash.String()
	}
	method, reason := schemeOf(si.signature)
	s.Algorithm = string(method.kind)
	switch {
	case reason != "":
		return attrs, method, hash, reason
	case hash == 0:
		return attrs, method, hash, Algorithm
	case sd.contentType != oidData:
		return attrs, method, hash, ContentKind
	}
	if method.hash == 0 {
		method.hash = hash
	}
	if method.hash != hash || method.kind == kindEd25519 && attrs != nil && hash != crypto.SHA512 { // RFC 8419 section 3.1
		return attrs, method, hash, AlgorithmsDisagree
	}
	return attrs, method, hash, ""
}

// covers tells whether the signer says that it signed this content (RFC 5652 sections 5.4, 11.1, 11.2).
func (v *verifier) covers(s *Signer, sd *signedData, attrs attributes, hash crypto.Hash, c *hashed, si signerInfo) Reason {
	sum := c.sum(hash)
	if sum == nil {
		return DigestUnannounced
	}
	if attrs == nil {
		s.Notes = append(s.Notes, NoAttributes)
		if c.isAttributes() {
			return AttributesAsContent
		}
		return ""
	}
	kind, ok := attrs.single(oidContentType, cbasn1.OBJECT_IDENTIFIER)
	if !ok || string(kind) != sd.contentType {
		return Attributes
	}
	digest, ok := attrs.single(oidMessageDigest, cbasn1.OCTET_STRING)
	if !ok || !attrs.protects(si.digest.oid, si.signature.oid) {
		return Attributes
	}
	if !bytes.Equal(digest, sum) {
		return DigestMismatch
	}
	return ""
}

// signedOctets are what a key may have signed: the digest, and for Ed25519 the message.
type signedOctets struct{ digest, message []byte }

// messages are the forms of what was signed. DER sorts the attributes of a set (RFC 5652 section 5.4), many programs
// send and sign them as they come: they are the same attributes in either order.
func (si signerInfo) messages(attrs attributes, hash crypto.Hash, c *hashed) []signedOctets {
	if attrs == nil {
		return []signedOctets{{digest: c.sum(hash)}}
	}
	forms := [][]byte{si.attributes}
	if sorted := sortedSet(si.attributes); !bytes.Equal(sorted, si.attributes) {
		forms = append(forms, sorted)
	}
	var out []signedOctets
	for _, form := range forms {
		h := hash.New()
		h.Write(form)
		out = append(out, signedOctets{digest: h.Sum(nil), message: form})
	}
	return out
}

// certified finds the certificate whose key signed, and judges it. Of several the first in the order of states counts; one whose key
// did sign counts before those of which nobody knows, or a second certificate of the same name would hide what the first says.
func (v *verifier) certified(ctx context.Context, s Signer, si signerInfo, attrs attributes, method scheme, hash crypto.Hash,
	messages []signedOctets) (Signer, error) {
	candidates := v.find(si)
	if len(candidates) == 0 {
		s.State, s.Reason = Untrusted, NoCertificate
		if v.left {
			s.State, s.Reason = Unsupported, CertificateForm
		}
		return s, nil
	}
	var best *Signer
	bestSigned := false
	for _, c := range candidates {
		one := s
		one.Notes = append([]Note(nil), s.Notes...)
		one.Certificate = certificateOf(c)
		var signed bool
		one.State, one.Reason, signed = signedBy(c, method, hash, messages, si.value)
		if one.State == Valid && attrs != nil {
			var fits bool
			if one.CertificateBound, fits = attrs.bound(c); !fits {
				one.State, one.Reason = Invalid, CertificateMismatch
			}
		}
		if one.State == Valid {
			if err := v.trusted(ctx, &one, c); err != nil {
				return s, err
			}
			v.timeNotes(&one, c)
		}
		if v.Paths {
			one.Path = v.path(c)
		}
		if best == nil || signed && !bestSigned || signed == bestSigned && one.State.rank() < best.State.rank() {
			best, bestSigned = &one, signed
		}
	}
	return *best, nil
}

// signedBy tells whether a certificate's key made the signature, and whether that says anything. signed is true when it did.
func signedBy(c *x509.Certificate, method scheme, hash crypto.Hash, messages []signedOctets, value []byte) (state State, reason Reason, signed bool) {
	key, ok := keyOf(c)
	if !ok {
		return Unsupported, Algorithm, false
	}
	bits := key.rsaBits()
	switch {
	case bits > maxRSABits:
		return Unsupported, KeySize, false
	case bits > 0 && bits < 1024: // crypto/rsa does not even verify these
		return Weak, KeySize, false
	case !key.fits(method):
		return Invalid, SignatureMismatch, false
	}
	for _, m := range messages {
		if !key.verify(method, hash, m.digest, m.message, value) {
			continue
		}
		switch {
		case weakHash(hash):
			return Weak, WeakDigest, true
		case bits > 0 && bits < minRSABits:
			return Weak, KeySize, true
		}
		return Valid, "", true
	}
	return Invalid, SignatureMismatch, false
}

// find gives the certificates that a SignerIdentifier names, the message's before the store's.
func (v *verifier) find(si signerInfo) []*x509.Certificate {
	var out []*x509.Certificate
	for _, c := range v.certificates {
		if len(out) == maxCandidates {
			break
		}
		if si.names(c) && !contains(out, c) {
			out = append(out, c)
		}
	}
	return out
}

func contains(list []*x509.Certificate, c *x509.Certificate) bool {
	for _, other := range list {
		if other.Equal(c) {
			return true
		}
	}
	return false
}

// names tells whether a SignerIdentifier is a certificate's. A certificate without a key identifier has that of RFC 5280
// section 4.2.1.2 (1).
func (si signerInfo) names(c *x509.Certificate) bool {
	if si.keyID == nil {
		return bytes.Equal(si.issuer, c.RawIssuer) && serialOf(si.serial).Cmp(c.SerialNumber) == 0
	}
	if len(c.SubjectKeyId) > 0 {
		return bytes.Equal(si.keyID, c.SubjectKeyId)
	}
	id, ok := keyIdentifier(c)
	return ok && bytes.Equal(si.keyID, id)
}

// named is the certificate of a signer that failed, for the report; nil when there is none.
func (v *verifier) named(si signerInfo) *Certificate {
	if found := v.find(si); len(found) > 0 {
		return certificateOf(found[0])
	}
	return nil
}

// trusted judges the chain of a signer's certificate, its revocation and its address.
func (v *verifier) trusted(ctx context.Context, s *Signer, c *x509.Certificate) error {
	ch := v.chain(c)
	s.State, s.Reason, s.Chain = ch.state, ch.reason, len(ch.certificates)
	if ch.state != Valid {
		return nil
	}
	anchor := ch.certificates[len(ch.certificates)-1]
	s.Anchor = Fingerprint(anchor)
	if len(ch.certificates) > 2 && !contains(v.embedded, ch.certificates[1]) {
		s.Notes = append(s.Notes, CertificateStored)
	}
	unknown := Reason("")
	if v.Revocation != nil {
		r, err := v.Revocation.check(ctx, v.asking, ch.certificates, v.Now)
		switch {
		case err != nil:
			return err
		case r.revoked:
			s.State, s.Reason, s.RevokedAt = Revoked, r.reason, r.at
			return nil
		}
		unknown = r.reason
	}
	if note, ok := v.address(c); !ok {
		s.State, s.Reason = AddressMismatch, ForeignAddress
		return nil
	} else if note != "" {
		s.Notes = append(s.Notes, note)
	}
	switch {
	case unknown == "":
	case v.Revocation.Hard:
		s.State, s.Reason = RevocationUnknown, unknown
	default:
		s.Notes = append(s.Notes, RevocationSoft)
	}
	return nil
}

// timeNotes compares the signer's own clock with that of receipt. It changes no state: whoever signs can write any time, and
// some signing programs in Vietnam write local time as if it were UTC, seven hours ahead.
func (v *verifier) timeNotes(s *Signer, c *x509.Certificate) {
	t := s.SigningTime
	if t.IsZero() {
		return
	}
	ahead := t.Sub(v.Now)
	switch {
	case ahead > 6*time.Hour && ahead <= 7*time.Hour+clockSkew: // up to an hour on the way
		s.Notes = append(s.Notes, SevenHoursOff)
	case ahead > clockSkew:
		s.Notes = append(s.Notes, SigningAhead)
	}
	if t.Before(c.NotBefore) || t.After(c.NotAfter) {
		s.Notes = append(s.Notes, SigningOutside)
	}
}
