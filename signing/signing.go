// Package signing verifies S/MIME 4.0 signatures (RFC 8551, CMS of RFC 5652): octets in, values out. It knows no SMTP and no
// MIME: the caller finds the parts and hands over their octets.
//
// # What is verified
//
// RSA PKCS #1 v1.5 and RSA-PSS (also keys that are id-RSASSA-PSS) of 2048 to 8192 bits, ECDSA on P-256, P-384 and P-521, Ed25519
// (RFC 8419); SHA-256, SHA-384, SHA-512. SHA-1, MD5 and shorter keys are verified too, but are Weak and never Valid.
//
// # Which octets
//
// The second part of a multipart/signed (RFC 1847 section 2.1) covers the first: from the octet behind the line end of the
// boundary line, its header fields and all, to the octet before the line end in front of the next boundary line, with transfer
// encodings as they are. Lines end with CR LF as they do on the wire (RFC 8551 section 3.1.1); of a file whose lines end with
// LF alone, pass CanonicalLines of it. Nothing outside these octets is signed: not the header around, not a footer behind.
//
// An opaque signature holds what it covers, a MIME entity of its own, which Open gives out. Both may be nested: what comes out
// is walked like any other message, and each signature has its own Result.
package signing

import (
	"context"
	"crypto"
	"crypto/x509"
	"fmt"
	"io"
	"time"
)

// Options are what a verdict depends on beside the octets.
type Options struct {
	Trust *Trust    // nil trusts nothing: every good signature is Untrusted
	Now   time.Time // the time of receipt

	// From and Sender are the addresses of the message's authors and of its Sender field. Both empty: no address is compared.
	From   []string
	Sender string
	// Domain gives domains the form in which they are compared, A-labels in small letters. nil: small ASCII letters.
	Domain func(string) string

	Revocation *Revocation // nil: nobody is asked, and nothing is said of it
	Limits     Limits      // zero fields have their defaults
	Paths      bool        // fill Signer.Path, which nothing is decided by
}

// Limits are bounds of one signature. Beyond, the state is Unsupported with the reason beside the field.
type Limits struct {
	StructureBytes int64 // octets of certificates, signers and attributes together (TooBig)
	PureBytes      int64 // octets of content that Ed25519 signed without signed attributes, which needs them in memory (TooBig)
	Depth          int   // elements in one another (TooDeep)
	Elements       int   // elements of the structure (TooManyElements)
	Certificates   int   // certificates in the message (TooManyCertificates)
	Signers        int   // signers (TooManySigners)
}

func (l Limits) complete() Limits {
	set(&l.StructureBytes, 1<<20)
	set(&l.PureBytes, 1<<20)
	set(&l.Depth, 40)
	set(&l.Elements, 100_000)
	set(&l.Certificates, 64)
	set(&l.Signers, 16)
	return l
}

func set[T int | int64 | time.Duration](field *T, value T) {
	if *field == 0 {
		*field = value
	}
}

// Verify verifies a detached signature of content, which is read once and not kept. An error is the readers' or the context's:
// whatever the octets are, they give a Result.
func Verify(ctx context.Context, signature, content io.Reader, o Options) (Result, error) {
	return newVerifier(o).detached(ctx, signature, content)
}

func (v *verifier) detached(ctx context.Context, signature, content io.Reader) (Result, error) {
	var inside *hashed
	sd, err := readSignedData(signature, v.limits, func(announced []crypto.Hash) io.Writer {
		inside = newHashed(append(announced, crypto.SHA256), nil, 0)
		return inside
	})
	if reason := reasonOf(err); reason != "" {
		return Result{State: stateOf(reason), Reason: reason}, nil
	}
	if err != nil {
		return Result{}, fmt.Errorf("reading a signature: %w", err)
	}
	digests, pure := sd.needs()
	if inside != nil {
		digests = append(digests, crypto.SHA256)
	}
	if !pure {
		v.limits.PureBytes = 0
	}
	outside := newHashed(digests, nil, v.limits.PureBytes)
	if err := copyContent(ctx, outside, content); err != nil {
		return Result{}, fmt.Errorf("reading what is signed: %w", err)
	}
	// Programs that show the content inside and those that show the one outside must show the same.
	if inside != nil && !inside.equal(outside) {
		return Result{State: Invalid, Reason: OtherContent, Covered: outside.n}, nil
	}
	r, err := v.result(ctx, sd, outside)
	if inside != nil {
		r.Notes = append(r.Notes, EmbeddedContent)
	}
	return r, err
}

// Open verifies an opaque signature and writes the content that is in it to w while it reads: whatever the Result is,
// Covered octets were written. An error is the reader's, the writer's or the context's.
func Open(ctx context.Context, cms io.Reader, w io.Writer, o Options) (Result, error) {
	v := newVerifier(o)
	var inside *hashed
	sd, err := readSignedData(contextReader{ctx, cms}, v.limits, func(announced []crypto.Hash) io.Writer {
		inside = newHashed(announced, w, v.limits.PureBytes)
		return inside
	})
	var covered int64
	if inside != nil {
		covered = inside.n
	}
	if reason := reasonOf(err); reason != "" {
		return Result{State: stateOf(reason), Reason: reason, Covered: covered}, nil
	}
	switch {
	case err != nil:
		return Result{}, fmt.Errorf("reading signed data: %w", err)
	case len(sd.signers) == 0:
		return Result{State: Unsigned, Reason: NoSigners, Covered: covered}, nil
	case inside == nil:
		return Result{State: Invalid, Reason: NoContent}, nil
	}
	return v.result(ctx, sd, inside)
}

// verifier verifies one SignedData.
type verifier struct {
	Options
	limits       Limits
	embedded     []*x509.Certificate
	certificates []*x509.Certificate // embedded, then the store's
	pool         *x509.CertPool      // of intermediates
	left         bool                // certificates that cannot be read were left out
	documents    bool                // certificates for documents will do as well
	authority    bool                // what is judged is an authority and need not sign mail
	chains       map[string]chain    // by the signer's certificate
	asking       context.Context     // of all questions for revocation together; nil when none is asked
}

func newVerifier(o Options) *verifier {
	if o.Trust == nil {
		o.Trust = NewTrust(nil, nil)
	}
	return &verifier{Options: o, limits: o.Limits.complete(), chains: map[string]chain{}}
}

// result verifies every signer.
func (v *verifier) result(ctx context.Context, sd *signedData, c *hashed) (Result, error) {
	r := Result{Covered: c.n}
	if v.Revocation != nil {
		asking, cancel := context.WithTimeout(ctx, v.Revocation.Message)
		defer cancel()
		v.asking = asking
	}
	v.collect(sd.certificates)
	for _, si := range sd.signers {
		if err := ctx.Err(); err != nil {
			return Result{}, fmt.Errorf("verifying a signature: %w", err)
		}
		s, err := v.signer(ctx, sd, si, c)
		if err != nil {
			return Result{}, err
		}
		r.Signers = append(r.Signers, s)
	}
	if v.left {
		r.Notes = append(r.Notes, CertificateLeft)
	}
	r.settle()
	return r, nil
}

// collect reads the message's certificates. One that cannot be read is left out, as are authorities with keys over the
// limit, which would only cost time.
func (v *verifier) collect(ders [][]byte) {
	v.pool = v.Trust.intermediates.Clone()
	for _, der := range ders {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			v.left = true
			continue
		}
		understood(c)
		v.embedded = append(v.embedded, c)
		if key, ok := keyOf(c); ok && key.rsaBits() <= maxRSABits && c.IsCA {
			v.pool.AddCert(c)
		}
	}
	v.certificates = append(append(v.certificates, v.embedded...), v.Trust.all()...)
}
