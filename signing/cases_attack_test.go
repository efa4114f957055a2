package signing

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"io"
	"strings"
)

// plainDomain is a caller's idea of a domain: dots around it and case do not count, and one internationalised name is known.
func plainDomain(d string) string {
	d = strings.ToLower(strings.Trim(d, "."))
	return strings.ReplaceAll(d, "bộ.vn", "xn--b-g9s.vn")
}

// alternative gives a certificate a subjectAltName of these names.
func alternative(critical bool, names ...[]byte) func(*x509.Certificate) {
	return func(c *x509.Certificate) {
		c.EmailAddresses = nil
		c.ExtraExtensions = append(c.ExtraExtensions, pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 17}, Critical: critical, Value: tlv(0x30, names...)})
	}
}

func rfc822Name(address string) []byte { return tlv(0x81, []byte(address)) }

func utf8Mailbox(address string) []byte {
	return tlv(0xa0, oidDER(oidSmtpUTF8Mailbox), tlv(0xa0, tlv(0x0c, []byte(address))))
}

// with gives a sample's options another form.
func with(s func(*pki) sample, change func(o *Options)) func(*pki) sample {
	return func(p *pki) sample {
		out := s(p)
		change(&out.o)
		return out
	}
}

// constraintAttacks are authorities that write an address otherwise than those above them forbid it.
func constraintAttacks() []matrixCase {
	const byHand, outside = "Go", "untrusted: name constraint"
	excluded := func(names ...string) func(*x509.Certificate) {
		return func(c *x509.Certificate) { c.ExcludedEmailAddresses = names }
	}
	noSAN := func(c *x509.Certificate) { c.EmailAddresses = nil }
	plain := func(s func(*pki) sample) func(*pki) sample {
		return with(s, func(o *Options) { o.Domain = plainDomain })
	}
	utf8 := func(o *Options) { o.From, o.Domain = []string{"an@bộ.vn"}, plainDomain }
	return []matrixCase{
		{"name constraint, excluded domain with a dot behind it", byHand, outside, plain(below(excluded("monre.gov.vn"), noSAN, emailAddress(author+".")))},
		{"name constraint, excluded domain in capitals", byHand, outside, plain(below(excluded("monre.gov.vn"), noSAN, emailAddress("nvan@MONRE.GOV.VN")))},
		{"name constraint, excluded mailbox in capitals", byHand, outside, below(excluded(author), noSAN, emailAddress("NVAN@monre.gov.vn"))},
		{"name constraint, excluded mailbox in capitals, as rfc822Name", byHand, outside, below(excluded(author), func(c *x509.Certificate) { c.EmailAddresses = []string{"NVAN@monre.gov.vn"} })},
		{"name constraint, excluded domain in letters outside of ASCII", byHand, outside, with(below(excluded("xn--b-g9s.vn"), alternative(false, utf8Mailbox("an@bộ.vn"))), utf8)},
		{"name constraint, excluded domains below, in letters outside of ASCII", byHand, outside, with(below(excluded(".vn"), alternative(false, utf8Mailbox("an@bộ.vn"))), utf8)},
		{"name constraint, permitted domain in letters outside of ASCII", byHand, "valid", with(below(
			func(c *x509.Certificate) { c.PermittedEmailAddresses = []string{"xn--b-g9s.vn"} }, alternative(false, utf8Mailbox("an@bộ.vn"))), utf8)},
		{"name constraint, excluded elsewhere", byHand, "valid", below(excluded("mae.gov.vn", ".monre.gov.vn", "nvbinh@monre.gov.vn"))},
		{"name constraint of the root", byHand, outside, func(p *pki) sample {
			root := p.issue(identity{}, p.p384, authority("RootCA G10", excluded("monre.gov.vn")))
			s := chained(func(p *pki) (identity, []*x509.Certificate) {
				return p.issue(root, p.p256, person(noSAN, emailAddress(author))), nil
			})(p)
			s.o.Trust = NewTrust([]*x509.Certificate{root.cert}, nil)
			return s
		}},
	}
}

// certificateAttacks are certificates that are read in two ways, or are not for mail.
func certificateAttacks() []matrixCase {
	const byHand, foreign = "Go", "address-mismatch: foreign address"
	signs := x509.KeyUsageDigitalSignature
	return []matrixCase{
		{"SmtpUTF8Mailbox alone, critical", byHand, "valid", with(changed(alternative(true, utf8Mailbox("ân@monre.gov.vn"))), func(o *Options) { o.From = []string{"ân@monre.gov.vn"} })},
		{"SmtpUTF8Mailbox and a kind of name that nobody knows, critical", byHand, "untrusted: critical extension", changed(alternative(true, utf8Mailbox(author), tlv(0xa3, tlv(0x30))))},
		{"SmtpUTF8Mailbox with a zero in it", byHand, foreign, changed(alternative(false, rfc822Name("x@example.com"), utf8Mailbox(author+"\x00.example.com")))},
		{"SmtpUTF8Mailbox with two addresses", byHand, foreign, changed(alternative(false, rfc822Name("x@example.com"), utf8Mailbox("x@example.com,"+author)))},
		{"SmtpUTF8Mailbox that only looks the same", byHand, foreign, changed(alternative(false, utf8Mailbox("nv\u0430n@monre.gov.vn")))},
		{"rfc822Name with letters outside of ASCII", byHand, "unsupported: unreadable certificate", func(p *pki) sample {
			id := p.person(p.p256)
			raw := certificateWith(p, id, rfc822Name("nv\xc3\xa2n@monre.gov.vn"))
			m := made{content: letter(), signers: []madeSigner{{by: id}}, rawCerts: [][]byte{raw}}
			return sample{cms: m.der(), content: letter(), o: p.options()}
		}},
		{"rfc822Name with a zero in it", byHand, foreign, changed(alternative(false, rfc822Name(author+"\x00@example.com")))},
		{"rfc822Name that cannot be read", byHand, foreign, changed(alternative(false, rfc822Name(`"Nguyen Van An"@monre.gov.vn`)))},
		{"rfc822Name in angle brackets", byHand, foreign, changed(alternative(false, rfc822Name("<"+author+">")))},
		{"address in the subject that cannot be read", byHand, foreign, changed(func(c *x509.Certificate) { c.EmailAddresses = nil }, emailAddress("An "+author))},
		{"extended key usage for code", byHand, "untrusted: purpose", changed(usage(signs, x509.ExtKeyUsageCodeSigning))},
		{"extended key usage for times and clients", byHand, "untrusted: purpose", changed(usage(signs, x509.ExtKeyUsageTimeStamping, x509.ExtKeyUsageClientAuth))},
		{"extended key usage that nobody knows", byHand, "untrusted: purpose", changed(usage(signs), func(c *x509.Certificate) {
			c.UnknownExtKeyUsage = []asn1.ObjectIdentifier{{1, 2, 3, 4}}
		})},
		{"the key of an authority signs mail", byHand, "untrusted: purpose", handMade(func(p *pki, m *made) { m.signers[0].by = p.sub })},
		{"another's certificate with the author's key identifier", byHand, foreign, handMade(func(p *pki, m *made) {
			key := func(c *x509.Certificate) { c.SubjectKeyId = []byte{7, 7, 7} }
			good := p.person(p.p384, key)
			m.certs = append(m.certs, good.cert)
			m.signers[0] = madeSigner{by: p.person(p.p256, key, func(c *x509.Certificate) { c.EmailAddresses = []string{"x@example.com"} }), keyID: true}
		})},
		{"the author's certificate, signed by another's key of the same identifier", byHand, "invalid: signature wrong", handMade(func(p *pki, m *made) {
			key := func(c *x509.Certificate) { c.SubjectKeyId = []byte{7, 7, 7} }
			m.signers[0] = madeSigner{by: identity{p.person(p.p256, key).cert, p.p384}, keyID: true}
		})},
	}
}

// certificateWith is a certificate of the authority with a subjectAltName that crypto/x509 does not make.
func certificateWith(p *pki, id identity, name []byte) []byte {
	p.t.Helper()
	template := person(func(c *x509.Certificate) { c.SerialNumber = id.cert.SerialNumber })
	alternative(false, name)(template)
	der, err := x509.CreateCertificate(rand.Reader, template, p.sub.cert, id.key.Public(), p.sub.key)
	if err != nil {
		p.t.Fatal(err)
	}
	return der
}

// pssWith signs with RSA-PSS, with this salt, and says of it what parameters say.
func pssWith(salt int, parameters ...[]byte) func(*pki) sample {
	return handMade(func(p *pki, m *made) {
		m.signers[0].by = identity{p.person(p.rsa).cert, pssKey{p.rsa, salt}}
		m.signers[0].signature = tlv(0x30, append([][]byte{oidDER(oidPSS)}, parameters...)...)
	})
}

// pssKey signs with RSA-PSS whoever asks.
type pssKey struct {
	*rsa.PrivateKey
	salt int
}

func (k pssKey) Public() crypto.PublicKey { return &k.PublicKey }

func (k pssKey) Sign(r io.Reader, digest []byte, o crypto.SignerOpts) ([]byte, error) {
	return rsa.SignPSS(r, k.PrivateKey, o.HashFunc(), digest, &rsa.PSSOptions{SaltLength: k.salt})
}

func messageAttacks() []matrixCase {
	const byHand, attributesWrong = "Go", "invalid: signed attributes"
	hash := tlv(0xa0, tlv(0x30, oidDER(oidSHA256)))
	mask := tlv(0xa1, tlv(0x30, oidDER(oidMGF1), tlv(0x30, oidDER(oidSHA256))))
	salt := func(n byte) []byte { return tlv(0xa2, []byte{2, 1, n}) }
	trailer := func(n byte) []byte { return tlv(0xa3, []byte{2, 1, n}) }
	params := func(fields ...[]byte) []byte { return tlv(0x30, fields...) }
	// more adds to the attributes that are not signed, which anybody can.
	more := func(attrs ...[]byte) func(*pki) sample {
		return handMade(func(_ *pki, m *made) {
			for _, a := range attrs {
				m.signers[0].unsigned = append(m.signers[0].unsigned, a...)
			}
		})
	}
	return []matrixCase{
		{"RSA-PSS by hand", byHand, "valid", pssWith(32, params(hash, mask, salt(32)))},
		{"RSA-PSS with the trailer written out", byHand, "valid", pssWith(32, params(hash, mask, salt(32), trailer(1)))},
		{"RSA-PSS with another trailer", byHand, "invalid: damaged", pssWith(32, params(hash, mask, salt(32), trailer(2)))},
		{"RSA-PSS without parameters, which means SHA-1", byHand, "unsupported: algorithms disagree", pssWith(32)},
		{"RSA-PSS without a mask, which means SHA-1", byHand, "unsupported: algorithm", pssWith(32, params(hash, salt(32)))},
		{"RSA-PSS with a mask of SHA-1", byHand, "unsupported: algorithm", pssWith(32, params(hash, tlv(0xa1, tlv(0x30, oidDER(oidMGF1), tlv(0x30, oidDER(oidSHA1)))), salt(32)))},
		{"RSA-PSS with another salt than it says", byHand, "invalid: signature wrong", pssWith(20, params(hash, mask, salt(32)))},
		{"RSA-PSS with a salt below nothing", byHand, "invalid: damaged", pssWith(32, params(hash, mask, tlv(0xa2, []byte{2, 1, 0x80})))},
		{"RSA-PSS with a salt of 4 billion octets", byHand, "invalid: damaged", pssWith(32, params(hash, mask, tlv(0xa2, []byte{2, 5, 1, 0, 0, 0, 0})))},
		{"RSA-PSS without a salt", "openssl cms", "valid", detachedBy(rsaPerson, "-md", "sha256", "-keyopt", "rsa_padding_mode:pss", "-keyopt", "rsa_pss_saltlen:0")},
		{"RSA-PSS that calls itself PKCS #1", byHand, "invalid: signature wrong", handMade(func(p *pki, m *made) {
			m.signers[0].by = identity{p.person(p.rsa).cert, pssKey{p.rsa, 32}}
			m.signers[0].signature = tlv(0x30, oidDER(oidRSA), []byte{5, 0})
		})},
		{"signed data as content, in signed data", byHand, "unsupported: kind of content", handMade(func(p *pki, m *made) {
			m.content, m.kind, m.opaque = detachedBy(p256Person)(p).cms, oidSignedData, true
		})},
		{"signed data called data, as content", byHand, "valid", handMade(func(p *pki, m *made) {
			m.content, m.opaque = detachedBy(p256Person)(p).cms, true
		})},
		{"content type of the content, and another in the attributes", byHand, attributesWrong, withAttributes(func(a [][]byte) [][]byte {
			a[0] = attribute(oidContentType, oidDER(oidSignedData))
			return a
		})},
		{"digest attribute without a value", byHand, attributesWrong, withAttributes(func(a [][]byte) [][]byte { return append(a[:2], attribute(oidMessageDigest)) })},
		{"digest attribute of another type", byHand, attributesWrong, withAttributes(func(a [][]byte) [][]byte {
			return append(a[:2], attribute(oidMessageDigest, tlv(0x03, append([]byte{0}, sumOf(crypto.SHA256, letter())...))))
		})},
		{"digest attribute cut short", byHand, "invalid: content changed", withAttributes(func(a [][]byte) [][]byte {
			return append(a[:2], attribute(oidMessageDigest, tlv(0x04, sumOf(crypto.SHA256, letter())[:8])))
		})},
		{"content-type attribute twice", byHand, attributesWrong, withAttributes(func(a [][]byte) [][]byte { return append(a, a[0]) })},
		{"digest of another text in the attributes that are not signed", byHand, "valid", more(attribute(oidMessageDigest, tlv(0x04, sumOf(crypto.SHA256, []byte("another")))))},
		{"content type in the attributes that are not signed", byHand, "valid", more(attribute(oidContentType, oidDER(oidSignedData)))},
		{"signed attributes moved to those that are not signed", byHand, attributesWrong, handMade(func(_ *pki, m *made) {
			s := &m.signers[0]
			s.attributes = func(a [][]byte) [][]byte {
				s.unsigned = append(s.unsigned, a[0]...)
				return a
			}
			s.after = func(set []byte) []byte {
				return tlv(0x31, contentsOf(set)[len(attribute(oidContentType, oidDER(oidData))):])
			}
		})},
	}
}
