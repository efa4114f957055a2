package signing

import (
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"time"
)

// chained is a detached signature of somebody whose certificate an authority of its own issued, made by f below the root.
func chained(f func(p *pki) (id identity, chain []*x509.Certificate)) func(*pki) sample {
	return func(p *pki) sample {
		id, chain := f(p)
		m := made{content: letter(), signers: []madeSigner{{by: id}}, certs: append([]*x509.Certificate{id.cert}, chain...)}
		return sample{cms: m.der(), content: letter(), o: p.options()}
	}
}

// changed is somebody whose certificate is changed by f.
func changed(f ...func(*x509.Certificate)) func(*pki) sample {
	return chained(func(p *pki) (identity, []*x509.Certificate) { return p.person(p.p256, f...), nil })
}

// below is somebody below an authority of its own, which is changed by f.
func below(f func(*x509.Certificate), more ...func(*x509.Certificate)) func(*pki) sample {
	return chained(func(p *pki) (identity, []*x509.Certificate) {
		own := p.issue(p.root, p.p384, authority("CA riêng", f))
		return p.issue(own, p.p256, person(more...)), []*x509.Certificate{own.cert}
	})
}

func validity(from, to time.Duration) func(*x509.Certificate) {
	return func(c *x509.Certificate) { c.NotBefore, c.NotAfter = received().Add(from), received().Add(to) }
}

func usage(u x509.KeyUsage, extended ...x509.ExtKeyUsage) func(*x509.Certificate) {
	return func(c *x509.Certificate) { c.KeyUsage, c.ExtKeyUsage = u, extended }
}

func chainCases() []matrixCase {
	const cms, byHand = "openssl cms", "Go"
	signs, mail := x509.KeyUsageDigitalSignature, x509.ExtKeyUsageEmailProtection
	noAddress := func(c *x509.Certificate) { c.EmailAddresses = nil }
	return []matrixCase{
		{"certificates left out, in the store", cms, "valid", func(p *pki) sample {
			id := p.person(p.rsa)
			s := sample{cms: p.programCMS(id, "-nocerts"), content: letter(), o: p.options()}
			s.o.Trust = NewTrust([]*x509.Certificate{p.root.cert}, []*x509.Certificate{p.sub.cert, id.cert})
			return s
		}},
		{"certificates left out", cms, "untrusted: no certificate", detachedBy(rsaPerson, "-nocerts")},
		{"issuer left out, in the store", byHand, "valid", noted(changed(), CertificateStored)},
		{"issuer left out", byHand, "untrusted: no anchor", func(p *pki) sample {
			s := changed()(p)
			s.o.Trust = NewTrust([]*x509.Certificate{p.root.cert}, nil)
			return s
		}},
		{"nothing trusted", byHand, "untrusted: no anchor", func(p *pki) sample {
			s := changed()(p)
			s.o.Trust = nil
			return s
		}},
		{"unknown root", byHand, "untrusted: no anchor", chained(func(p *pki) (identity, []*x509.Certificate) {
			root := p.issue(identity{}, p.p384, authority("RootCA chuyên dùng G9"))
			return p.issue(root, p.p256, person()), []*x509.Certificate{root.cert}
		})},
		{"unknown root with the names of ours", byHand, "untrusted: no anchor", chained(func(p *pki) (identity, []*x509.Certificate) {
			root := p.issue(identity{}, p.p384, authority("RootCA chuyên dùng G9"))
			sub := p.issue(root, p.p521, authority("CA phục vụ các cơ quan G9"))
			return p.issue(sub, p.p256, person()), []*x509.Certificate{sub.cert, root.cert}
		})},
		{"self-signed", byHand, "untrusted: no anchor", chained(func(p *pki) (identity, []*x509.Certificate) {
			return p.issue(identity{}, p.p256, person()), nil
		})},
		{"self-signed, trusted by itself", byHand, "valid", func(p *pki) sample {
			id := p.issue(identity{}, p.p256, person())
			s := chained(func(*pki) (identity, []*x509.Certificate) { return id, nil })(p)
			s.o.Trust = NewTrust([]*x509.Certificate{id.cert}, nil)
			return s
		}},
		{"certificate no longer valid", byHand, "expired: no longer valid", changed(validity(-48*time.Hour, -time.Hour))},
		{"certificate no longer valid, signing time dated back", byHand, "expired: no longer valid", func(p *pki) sample {
			return handMade(func(p *pki, m *made) {
				m.signers[0].by = p.person(p.p256, validity(-48*time.Hour, -24*time.Hour))
				m.signers[0].attributes = func(attrs [][]byte) [][]byte {
					attrs[1] = attribute(oidSigningTime, must(asn1.Marshal(time.Now().Add(-36*time.Hour).UTC())))
					return attrs
				}
			})(p)
		}},
		{"certificate not yet valid", byHand, "expired: not yet valid", changed(validity(time.Hour, 48*time.Hour))},
		{"certificate no longer valid, of an unknown root", byHand, "untrusted: no anchor", chained(func(p *pki) (identity, []*x509.Certificate) {
			root := p.issue(identity{}, p.p384, authority("elsewhere"))
			return p.issue(root, p.p256, person(validity(-48*time.Hour, -time.Hour))), []*x509.Certificate{root.cert}
		})},
		{"issuer no longer valid", byHand, "expired: issuer not valid then", below(validity(-100*time.Hour, -time.Hour), validity(-48*time.Hour, 48*time.Hour))},
		{"received while the certificate was valid, looked at later", byHand, "valid", func(p *pki) sample {
			s := changed(validity(-48*time.Hour, -24*time.Hour))(p)
			s.o.Now = received().Add(-36 * time.Hour)
			return s
		}},
		{"extended key usage for servers only", byHand, "untrusted: purpose", changed(usage(signs, x509.ExtKeyUsageServerAuth))},
		{"extended key usage for anything", byHand, "valid", changed(usage(signs, x509.ExtKeyUsageAny))},
		{"no extended key usage", byHand, "valid", changed(usage(signs))},
		{"issuer for servers only", byHand, "untrusted: purpose", below(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} })},
		{"key usage for encryption only", byHand, "untrusted: purpose", changed(usage(x509.KeyUsageKeyEncipherment, mail))},
		{"key usage non-repudiation only", byHand, "valid", changed(usage(x509.KeyUsageContentCommitment, mail))},
		{"no key usage", byHand, "valid", changed(usage(0, mail))},
		{"issuer that is no authority", byHand, "untrusted: no anchor", chained(func(p *pki) (identity, []*x509.Certificate) {
			colleague := p.person(p.p384)
			return p.issue(colleague, p.p256, person()), []*x509.Certificate{colleague.cert}
		})},
		{"issuer that may not sign certificates", byHand, "untrusted: no anchor", below(func(c *x509.Certificate) { c.KeyUsage = signs })},
		{"path longer than an authority allows", byHand, "untrusted: no anchor", chained(func(p *pki) (identity, []*x509.Certificate) {
			one := p.issue(p.root, p.p384, authority("one", func(c *x509.Certificate) { c.MaxPathLenZero = true }))
			two := p.issue(one, p.p521, authority("two"))
			return p.issue(two, p.p256, person()), []*x509.Certificate{two.cert, one.cert}
		})},
		{"name constraint that holds", byHand, "valid", below(func(c *x509.Certificate) { c.PermittedEmailAddresses = []string{"monre.gov.vn"} })},
		{"name constraint, address outside", byHand, "untrusted: name constraint", below(func(c *x509.Certificate) { c.PermittedEmailAddresses = []string{"example.com"} })},
		{"name constraint, address excluded", byHand, "untrusted: name constraint", below(func(c *x509.Certificate) { c.ExcludedEmailAddresses = []string{"monre.gov.vn"} })},
		{"name constraint, address in the subject only", byHand, "untrusted: name constraint", below(
			func(c *x509.Certificate) { c.PermittedEmailAddresses = []string{"example.com"} }, noAddress, emailAddress(author))},
		{"name constraint, another address in the subject", byHand, "untrusted: name constraint", below(
			func(c *x509.Certificate) { c.PermittedEmailAddresses = []string{"example.com"} },
			func(c *x509.Certificate) { c.EmailAddresses = []string{"x@example.com"} }, emailAddress(author))},
		{"critical extension that nobody knows", byHand, "untrusted: critical extension", changed(func(c *x509.Certificate) {
			c.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 2, 3, 4}, Critical: true, Value: []byte{5, 0}}}
		})},
		{"renewed certificate with the same key identifier", byHand, "valid", handMade(func(p *pki, m *made) {
			key := func(c *x509.Certificate) { c.SubjectKeyId = []byte{1, 2, 3} }
			old := p.person(p.p256, key, validity(-48*time.Hour, -time.Hour))
			m.certs = append(m.certs, old.cert)
			m.signers[0] = madeSigner{by: p.person(p.p256, key), keyID: true}
		})},
	}
}

func addressCases() []matrixCase {
	const byHand = "Go"
	addresses := func(a ...string) func(*x509.Certificate) { return func(c *x509.Certificate) { c.EmailAddresses = a } }
	from := func(s func(*pki) sample, sender string, from ...string) func(*pki) sample {
		return func(p *pki) sample {
			out := s(p)
			out.o.From, out.o.Sender = from, sender
			return out
		}
	}
	idna := func(d string) string { // what the caller knows of internationalised names
		return map[string]string{"bộ.vn": "xn--b-g9s.vn"}[d] + map[bool]string{true: d}[d != "bộ.vn"]
	}
	utf8 := func(c *x509.Certificate) {
		c.EmailAddresses = nil
		other := tlv(0xa0, oidDER(oidSmtpUTF8Mailbox), tlv(0xa0, tlv(0x0c, []byte("an@bộ.vn"))))
		c.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 17}, Value: tlv(0x30, other)}}
	}
	return []matrixCase{
		{"address in the subject", byHand, "valid", changed(addresses(), emailAddress(author))},
		{"address in other case", byHand, "valid", changed(addresses("NVAn@MONRE.gov.vn"))},
		{"one of several addresses", byHand, "valid", changed(addresses("other@example.com", author))},
		{"certificate without an address", byHand, "valid", noted(changed(addresses()), NoAddress)},
		{"another address", byHand, "address-mismatch: foreign address", changed(addresses("nvbinh@monre.gov.vn"))},
		{"the same local part elsewhere", byHand, "address-mismatch: foreign address", changed(addresses("nvan@monre.gov.vn.example.com"))},
		{"an address behind a zero", byHand, "address-mismatch: foreign address", changed(addresses("x@example.com"), emailAddress("x@example.com\x00"+author))},
		{"Sender's address", byHand, "valid", noted(from(changed(addresses("vanthu@monre.gov.vn")), "vanthu@monre.gov.vn", author), SenderAddress)},
		{"two authors, one of them", byHand, "address-mismatch: foreign address", from(changed(), "", author, "bt@monre.gov.vn")},
		{"address with letters outside of ASCII", byHand, "valid", func(p *pki) sample {
			s := from(changed(utf8), "", "an@xn--b-g9s.vn")(p)
			s.o.Domain = idna
			return s
		}},
		{"Kelvin sign for k", byHand, "address-mismatch: foreign address", from(changed(addresses("kien@monre.gov.vn")), "", "\u212aien@monre.gov.vn")},
	}
}

// hugeKey is somebody with an RSA key of so many bits. Nobody has the other half of it.
func (p *pki) hugeKey(bits uint) identity {
	n := new(big.Int).Lsh(big.NewInt(1), bits-1)
	n.Add(n, big.NewInt(1))
	id := p.issue(p.sub, publicOnly{&rsa.PublicKey{N: n, E: 65537}, p.rsa}, person())
	return identity{id.cert, p.rsa}
}

// publicOnly shows one public key and signs with another.
type publicOnly struct {
	public *rsa.PublicKey
	*rsa.PrivateKey
}

func (k publicOnly) Public() crypto.PublicKey { return k.public }
