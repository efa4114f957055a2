package signing

import (
	"crypto/x509"
	"math/big"
	"time"
)

// State is what became of a signature. A policy decides by it.
type State string

// The states, in the order in which they count: a message with several signers has the first of theirs, but Invalid when one of
// them is. Revoked comes before what anybody can make: who has a stolen key must not hide that behind a second signature.
const (
	Valid             State = "valid"              // the key of a trusted certificate signed exactly these octets
	RevocationUnknown State = "revocation-unknown" // valid but for that, and the policy insists on knowing
	Revoked           State = "revoked"            // a certificate was withdrawn by its authority
	AddressMismatch   State = "address-mismatch"   // the certificate is another address's than the message's author
	Expired           State = "expired"            // a certificate is not valid at the time of receipt
	Untrusted         State = "untrusted"          // no chain to an anchor that may vouch for mail
	Weak              State = "weak"               // SHA-1, MD5 or a short key: anybody with means can forge it
	Unsupported       State = "unsupported"        // an algorithm, a form or a size that is not verified here
	Unsigned          State = "unsigned"           // a SignedData without signers: only certificates
	Invalid           State = "invalid"            // the signature does not belong to these octets, or is damaged
)

// rank orders states, the one that counts first.
func (s State) rank() int {
	for i, other := range []State{Valid, RevocationUnknown, Revoked, AddressMismatch, Expired, Untrusted, Weak, Unsupported, Unsigned, Invalid} {
		if s == other {
			return i
		}
	}
	return 1 << 10
}

// Reason says why a state is what it is, in words that never come from the message. The list is closed.
type Reason string

// Reasons of a form that cannot be read, or goes beyond a limit.
const (
	Damaged             Reason = "damaged"                // no CMS, or none that ends
	TrailingData        Reason = "data behind it"         // octets behind the CMS
	TooBig              Reason = "too big"                // Limits.StructureBytes, Limits.PureBytes
	TooDeep             Reason = "too deep"               // Limits.Depth
	TooManyElements     Reason = "too many elements"      // Limits.Elements
	TooManyCertificates Reason = "too many certificates"  // Limits.Certificates
	TooManySigners      Reason = "too many signers"       // Limits.Signers
	NotSigned           Reason = "another kind of CMS"    // encrypted, compressed
	NoSigners           Reason = "no signers"             // certificates only (RFC 8551 section 3.8)
	NoContent           Reason = "no content"             // an opaque signature without anything in it
	OtherContent        Reason = "other content inside"   // a detached signature that holds content of its own
	ContentKind         Reason = "kind of content"        // what is signed is not data (RFC 8551 section 2.4.1)
	AttributesAsContent Reason = "attributes as content"  // RFC 5652 section 5.3's attributes passed off as a message
	Attributes          Reason = "signed attributes"      // missing, twice or not what they must be
	DigestUnannounced   Reason = "digest not announced"   // RFC 5652 section 5.1: the content was not hashed with it
	DigestMismatch      Reason = "content changed"        // the content is not what was signed
	SignatureMismatch   Reason = "signature wrong"        // the key did not sign this
	CertificateMismatch Reason = "another certificate"    // the signing-certificate attribute names another (RFC 5035)
	Algorithm           Reason = "algorithm"              // not one of those in the package's documentation
	AlgorithmsDisagree  Reason = "algorithms disagree"    // the signature's hash is not the digest's
	WeakDigest          Reason = "digest"                 // SHA-1 or MD5
	WeakCertificate     Reason = "digest of certificate"  // a certificate of the chain is signed with SHA-1 or MD5
	KeySize             Reason = "key size"               // RSA under 2048 or over 8192 bits
	CertificateForm     Reason = "unreadable certificate" // the signer's certificate cannot be read
	ChangedAfter        Reason = "changed after signing"  // a file that something was appended to
)

// Reasons of a chain of certificates.
const (
	NoCertificate   Reason = "no certificate"        // neither in the message nor in the store
	NoAnchor        Reason = "no anchor"             // no chain to a trust anchor
	Purpose         Reason = "purpose"               // key usage or extended key usage is for something else
	NameConstraint  Reason = "name constraint"       // an authority may not vouch for this address
	CriticalUnknown Reason = "critical extension"    // one that is not understood (RFC 5280 section 4.2)
	NotYetValid     Reason = "not yet valid"         // the signer's certificate
	NoLongerValid   Reason = "no longer valid"       // the signer's certificate
	IssuerNotValid  Reason = "issuer not valid then" // a certificate above it, not at the time of receipt
	ForeignAddress  Reason = "foreign address"       // no address of the certificate is From's or Sender's
)

// Reasons of revocation.
const (
	KeyRevoked      Reason = "revoked"
	IssuerRevoked   Reason = "issuer revoked"
	NoSource        Reason = "no source"       // the certificate names none, and no file has its list
	HostNotAllowed  Reason = "host"            // the address is not on the list of hosts: nobody was asked
	Unreachable     Reason = "unreachable"     // no answer, or not in time
	AnswerUnusable  Reason = "unusable answer" // too big, damaged, wrong signature, for another certificate
	WrongResponder  Reason = "wrong responder" // signed by who may not speak for the authority
	Stale           Reason = "stale"           // too old, or from the future
	UnknownToIssuer Reason = "unknown to responder"
)

// Note is something to know that changes no state. The list is closed, like that of reasons.
type Note string

// The notes.
const (
	SevenHoursOff     Note = "signing time seven hours off" // local time of Vietnam written as UTC
	SigningAhead      Note = "signing time ahead"           // more than five minutes after receipt
	SigningTimeOdd    Note = "signing time unreadable"
	SigningOutside    Note = "signing time outside certificate" // not within the certificate's validity
	NoAttributes      Note = "no signed attributes"
	NoAddress         Note = "address not bound" // the certificate has no address
	SenderAddress     Note = "address of sender" // Sender's address and not From's
	RevocationSoft    Note = "revocation unknown"
	OthersFailed      Note = "other signers failed"
	CertificateLeft   Note = "unreadable certificate left out"
	CertificateStored Note = "issuer from the store"
	EmbeddedContent   Note = "content inside too" // a detached signature that holds the same content again
	Timestamped       Note = "timestamp not evaluated"
	ChangedLater      Note = "file changed after signing"
)

// Result is what is known of one CMS signature. Nothing in it is content of the message but certificates' names and a
// security label's privacy mark.
type Result struct {
	State   State
	Reason  Reason // "" when Valid
	Notes   []Note
	Signers []Signer
	Covered int64 // octets that were hashed: what is signed when State is Valid, and nothing else is
}

// Signer is the result of one SignerInfo (RFC 5652 section 5.3).
type Signer struct {
	State  State
	Reason Reason
	Notes  []Note

	Certificate *Certificate // nil: none was found
	Chain       int          // certificates of the chain, the signer's and the anchor among them; 0: none
	Anchor      string       // SHA-256 fingerprint of the anchor
	// Path is the signer's certificate and each issuer that was found, with Options.Paths; see CertificateResult.
	Path []*Certificate

	Digest      string    // such as "SHA-256"; "" when unknown
	Algorithm   string    // such as "RSA-PSS"; "" when unknown
	SigningTime time.Time // as the signer says; zero: it says none
	RevokedAt   time.Time // zero unless State is Revoked

	// CertificateBound says that a signing-certificate attribute (RFC 5035) names the certificate.
	CertificateBound bool
	// Label is the ESS security label (RFC 2634 section 3), nil without one. It is read whatever the state is: who looks for
	// markings does not care whether a marking is forged.
	Label *Label
}

// Label is a security label.
type Label struct {
	Policy         string // object identifier, dotted
	Classification int    // RFC 2634 section 3.2: 0 unmarked … 5 top secret; others are the policy's; -1: none
	PrivacyMark    string // as the sender wrote it, at most 128 octets
	Categories     int    // how many security categories there are
}

// Certificate is what a policy and a log need of a certificate.
type Certificate struct {
	Subject, Issuer     string // RFC 2253 form
	Addresses           []string
	Serial              *big.Int
	Fingerprint         string // SHA-256 of the DER, lower-case hexadecimal
	NotBefore, NotAfter time.Time
}

func certificateOf(c *x509.Certificate) *Certificate {
	return &Certificate{
		Subject: c.Subject.String(), Issuer: c.Issuer.String(), Addresses: addressesOf(c), Serial: c.SerialNumber,
		Fingerprint: Fingerprint(c), NotBefore: c.NotBefore, NotAfter: c.NotAfter,
	}
}

// settle makes the state of the whole out of the signers'.
//
// One that is Invalid makes all Invalid: the octets are not those that it signed. Otherwise the first in order counts: that
// somebody else signed too, with an unknown or old certificate, takes nothing from the author's signature.
func (r *Result) settle() {
	if len(r.Signers) == 0 {
		r.State, r.Reason = Unsigned, NoSigners
		return
	}
	best, worst := r.Signers[0], r.Signers[0]
	for _, s := range r.Signers[1:] {
		if s.State.rank() < best.State.rank() {
			best = s
		}
		if s.State.rank() > worst.State.rank() {
			worst = s
		}
	}
	if worst.State == Invalid {
		best = worst
	}
	r.State, r.Reason = best.State, best.Reason
	r.Notes = append(r.Notes, best.Notes...)
	if worst.State != best.State {
		r.Notes = append(r.Notes, OthersFailed)
	}
}

// stateOf is the state of a form that could not be read: Unsupported for what is beyond a limit or of another kind, for that
// says nothing of who made it, and Invalid for damage.
func stateOf(reason Reason) State {
	switch reason {
	case TooBig, TooDeep, TooManyElements, TooManyCertificates, TooManySigners, NotSigned, ContentKind:
		return Unsupported
	}
	return Invalid
}
