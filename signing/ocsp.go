package signing

import (
	"bytes"
	"context"
	"crypto"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
	"golang.org/x/crypto/ocsp"
)

// Object identifiers of OCSP, DER without tag and length.
const oidOCSPNonce = "\x2b\x06\x01\x05\x05\x07\x30\x01\x02" // RFC 6960 section 4.4.1

const nonceBytes = 32 // RFC 9654 section 2.1

func bodyOf(b []byte) io.Reader {
	if b == nil {
		return nil
	}
	return bytes.NewReader(b)
}

// ocsp asks a responder that a certificate names (RFC 6960). An answer that is kept is judged again each time it is used.
func (r *Revocation) ocsp(ctx context.Context, address string, c, issuer *x509.Certificate) (answer, Reason) {
	u, reason := r.allowed(address)
	if reason != "" {
		return answer{}, reason
	}
	var nonce []byte // of the request that was just sent; a kept answer has that of another
	return r.cache.get(ctx, fmt.Sprintf("ocsp %s %s %x", u, Fingerprint(issuer), c.SerialNumber), source{
		fetch: func(ctx context.Context) ([]byte, bool) {
			nonce = make([]byte, nonceBytes)
			if _, err := io.ReadFull(r.Rand, nonce); err != nil {
				return nil, false
			}
			request, err := ocspRequest(c, issuer, nonce)
			if err != nil {
				return nil, false
			}
			return r.fetch(ctx, http.MethodPost, u, request, r.OCSPBytes)
		},
		judge: func(data []byte) (answer, Reason) { return r.judgeOCSP(data, c, issuer, nonce) },
	})
}

// judgeOCSP says what an answer says, when it may say anything. nonce is nil for an answer that was kept.
//
// ocsp.ParseResponseForCert looks at the serial number alone, would believe any certificate of the same authority, and knows
// no time: all that is checked here.
func (r *Revocation) judgeOCSP(data []byte, c, issuer *x509.Certificate, nonce []byte) (answer, Reason) {
	// The issuer is left out, for that function refuses an answer that has the issuer's own certificate in it.
	response, err := ocsp.ParseResponseForCert(data, c, nil)
	if err != nil {
		return answer{}, AnswerUnusable
	}
	now := r.Clock()
	if reason := responderOf(response, issuer, now); reason != "" {
		return answer{}, reason
	}
	got, ok := ocspAbout(response.TBSResponseData, c, issuer)
	switch {
	case !ok, nonce != nil && got != nil && !bytes.Equal(got, nonce):
		return answer{}, AnswerUnusable
	case response.ThisUpdate.After(now.Add(clockSkew)), now.Sub(response.ThisUpdate) > r.OCSPAge:
		return answer{}, Stale
	case !response.NextUpdate.IsZero() && now.After(response.NextUpdate),
		response.NextUpdate.IsZero() && now.Sub(response.ThisUpdate) > 24*time.Hour: // RFC 6960 section 4.2.2.1: newer is always there
		return answer{}, Stale
	}
	switch response.Status {
	case ocsp.Good:
		return answer{good: true}, ""
	case ocsp.Revoked:
		return answer{revoked: true, at: response.RevokedAt}, ""
	}
	return answer{}, UnknownToIssuer
}

// responderOf tells why a responder may not speak for the issuer (RFC 6960 section 4.2.2.2), "" when it may: it is the issuer
// or has from it a certificate for this very purpose.
func responderOf(response *ocsp.Response, issuer *x509.Certificate, now time.Time) Reason {
	switch response.SignatureAlgorithm {
	case x509.SHA1WithRSA, x509.ECDSAWithSHA1, x509.MD5WithRSA:
		return AnswerUnusable
	}
	delegate := response.Certificate
	switch {
	case delegate == nil && response.CheckSignatureFrom(issuer) != nil:
		return WrongResponder
	case delegate == nil, bytes.Equal(delegate.Raw, issuer.Raw): // its signature was checked with the certificate in it
		return ""
	case !bytes.Equal(delegate.RawIssuer, issuer.RawSubject) || delegate.CheckSignatureFrom(issuer) != nil:
		return WrongResponder
	case !slices.Contains(delegate.ExtKeyUsage, x509.ExtKeyUsageOCSPSigning),
		delegate.KeyUsage != 0 && delegate.KeyUsage&(x509.KeyUsageDigitalSignature|x509.KeyUsageContentCommitment) == 0,
		now.Before(delegate.NotBefore), now.After(delegate.NotAfter), len(delegate.UnhandledCriticalExtensions) > 0:
		return WrongResponder
	}
	return ""
}

// ocspAbout tells whether ResponseData (RFC 6960 section 4.2.1) is about this certificate of this issuer, and gives its nonce, nil
// when it has none. The first answer with the serial number counts, as in ocsp.ParseResponseForCert.
func ocspAbout(data []byte, c, issuer *x509.Certificate) (nonce []byte, ok bool) {
	input := cryptobyte.String(data)
	var in, answers, field cryptobyte.String
	var tag cbasn1.Tag
	context := func(n uint8) cbasn1.Tag { return cbasn1.Tag(n).ContextSpecific().Constructed() }
	if !input.ReadASN1(&in, cbasn1.SEQUENCE) || !in.SkipOptionalASN1(context(0)) || !in.ReadAnyASN1(&field, &tag) ||
		!in.SkipASN1(cbasn1.GeneralizedTime) || !in.ReadASN1(&answers, cbasn1.SEQUENCE) {
		return nil, false
	}
	for !ok {
		var one, id, name, key, serial cryptobyte.String
		if !answers.ReadASN1(&one, cbasn1.SEQUENCE) || !one.ReadASN1(&id, cbasn1.SEQUENCE) {
			return nil, false
		}
		a, read := readAlgorithm(&id)
		if !read || !id.ReadASN1(&name, cbasn1.OCTET_STRING) || !id.ReadASN1(&key, cbasn1.OCTET_STRING) || !id.ReadASN1(&serial, cbasn1.INTEGER) {
			return nil, false
		}
		if serialOf(serial).Cmp(c.SerialNumber) != 0 {
			continue
		}
		hash := digestOf(a.oid)
		wantName, wantKey, known := issuerHashes(issuer, hash)
		if !known || !bytes.Equal(name, wantName) || !bytes.Equal(key, wantKey) {
			return nil, false
		}
		ok = true
	}
	var extensions, list cryptobyte.String
	var present bool
	if !in.ReadOptionalASN1(&extensions, &present, context(1)) || !present || !extensions.ReadASN1(&list, cbasn1.SEQUENCE) {
		return nil, true
	}
	for !list.Empty() {
		var one, kind, value cryptobyte.String
		if !list.ReadASN1(&one, cbasn1.SEQUENCE) || !one.ReadASN1(&kind, cbasn1.OBJECT_IDENTIFIER) ||
			!one.SkipOptionalASN1(cbasn1.BOOLEAN) || !one.ReadASN1(&value, cbasn1.OCTET_STRING) {
			return nil, false
		}
		if string(kind) == oidOCSPNonce {
			var inner cryptobyte.String
			if !value.ReadASN1(&inner, cbasn1.OCTET_STRING) {
				return nil, false
			}
			return append([]byte{}, inner...), true
		}
	}
	return nil, true
}

// issuerHashes are the hashes that name an issuer in a CertID: of its name and of its key's bits.
func issuerHashes(issuer *x509.Certificate, hash crypto.Hash) (name, key []byte, ok bool) {
	input := cryptobyte.String(issuer.RawSubjectPublicKeyInfo)
	var in cryptobyte.String
	var bits []byte
	if hash == 0 || hash == crypto.MD5 || !input.ReadASN1(&in, cbasn1.SEQUENCE) || !in.SkipASN1(cbasn1.SEQUENCE) || !in.ReadASN1BitStringAsBytes(&bits) {
		return nil, nil, false
	}
	h := hash.New()
	h.Write(issuer.RawSubject)
	name = h.Sum(nil)
	h.Reset()
	h.Write(bits)
	return name, h.Sum(nil), true
}

// ocspRequest asks about one certificate, with a nonce (RFC 6960 section 4.1.1, RFC 9654). SHA-1 names the issuer, as every
// responder knows it; nothing depends on its strength.
func ocspRequest(c, issuer *x509.Certificate, nonce []byte) ([]byte, error) {
	name, key, ok := issuerHashes(issuer, crypto.SHA1)
	if !ok {
		return nil, fmt.Errorf("asking a responder: the issuer's key cannot be read")
	}
	b := cryptobyte.NewBuilder(nil)
	sequence := func(b *cryptobyte.Builder, f cryptobyte.BuilderContinuation) { b.AddASN1(cbasn1.SEQUENCE, f) }
	sequence(b, func(b *cryptobyte.Builder) {
		sequence(b, func(b *cryptobyte.Builder) {
			sequence(b, func(b *cryptobyte.Builder) {
				sequence(b, func(b *cryptobyte.Builder) {
					sequence(b, func(b *cryptobyte.Builder) {
						sequence(b, func(b *cryptobyte.Builder) {
							b.AddASN1(cbasn1.OBJECT_IDENTIFIER, func(b *cryptobyte.Builder) { b.AddBytes([]byte(oidSHA1)) })
							b.AddASN1NULL()
						})
						b.AddASN1OctetString(name)
						b.AddASN1OctetString(key)
						b.AddASN1BigInt(c.SerialNumber)
					})
				})
			})
			b.AddASN1(cbasn1.Tag(2).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) {
				sequence(b, func(b *cryptobyte.Builder) {
					sequence(b, func(b *cryptobyte.Builder) {
						b.AddASN1(cbasn1.OBJECT_IDENTIFIER, func(b *cryptobyte.Builder) { b.AddBytes([]byte(oidOCSPNonce)) })
						b.AddASN1(cbasn1.OCTET_STRING, func(b *cryptobyte.Builder) { b.AddASN1OctetString(nonce) })
					})
				})
			})
		})
	})
	request, err := b.Bytes()
	if err != nil {
		return nil, fmt.Errorf("asking a responder: %w", err)
	}
	return request, nil
}
