package signing

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"math/big"
	"time"
)

// forged changes a good sample.
func forged(good func(*pki) sample, f func(s *sample)) func(*pki) sample {
	return func(p *pki) sample {
		s := good(p)
		f(&s)
		return s
	}
}

// withAttributes changes the attributes before they are signed: what the owner of a good key could do.
func withAttributes(f func(attrs [][]byte) [][]byte) func(*pki) sample {
	return handMade(func(_ *pki, m *made) { m.signers[0].attributes = f })
}

func forgedCases() []matrixCase {
	const cms, byHand = "openssl cms", "Go"
	digest := func(of string) []byte {
		return attribute(oidMessageDigest, tlv(0x04, sumOf(crypto.SHA256, []byte(of))))
	}
	return []matrixCase{
		{"content changed", cms, "invalid: content changed", forged(detachedBy(rsaPerson), func(s *sample) { s.content = bytes.Replace(s.content, []byte("nguyên"), []byte("nguyeen"), 1) })},
		{"content with a footer", cms, "invalid: content changed", forged(detachedBy(rsaPerson), func(s *sample) { s.content = append(s.content, "-- \r\nlist\r\n"...) })},
		{"content empty", cms, "invalid: content changed", forged(detachedBy(rsaPerson), func(s *sample) { s.content = []byte{} })},
		{"content changed, without attributes", cms, "invalid: signature wrong", forged(detachedBy(rsaPerson, "-noattr"), func(s *sample) { s.content = append(s.content, ' ') })},
		{"content changed, RSA-PSS", cms, "invalid: content changed", forged(detachedBy(rsaPerson, "-keyopt", "rsa_padding_mode:pss"), func(s *sample) { s.content[0]++ })},
		{"content changed, Ed25519 without attributes", byHand, "invalid: signature wrong", forged(handMade(func(p *pki, m *made) {
			m.signers[0].by, m.signers[0].bare = p.person(p.ed), true
		}), func(s *sample) { s.content[0]++ })},
		{"opaque content changed", cms, "invalid: content changed", forged(opaqueBy(rsaPerson), func(s *sample) { s.cms = bytes.Replace(s.cms, []byte("nguyên"), []byte("nguyeen"), 1) })},
		{"line ends changed to LF", cms, "invalid: content changed", forged(detachedBy(rsaPerson), func(s *sample) { s.content = bytes.ReplaceAll(s.content, []byte("\r\n"), []byte("\n")) })},
		{"attribute changed", byHand, "invalid: signature wrong", handMade(func(_ *pki, m *made) {
			m.signers[0].after = func(set []byte) []byte {
				elements := contentsOf(set)
				at := bytes.Index(elements, []byte(oidSigningTime)) + len(oidSigningTime) + 4
				elements[at]++
				return tlv(0x31, elements)
			}
		})},
		{"digest in the attributes replaced", byHand, "invalid: signature wrong", handMade(func(_ *pki, m *made) {
			m.signers[0].attributes = func(attrs [][]byte) [][]byte { return [][]byte{attrs[0], attrs[1], digest("another letter")} }
			m.signers[0].after = func(set []byte) []byte {
				return bytes.Replace(set, sumOf(crypto.SHA256, []byte("another letter")), sumOf(crypto.SHA256, letter()), 1)
			}
		})},
		{"signature changed", cms, "invalid: signature wrong", forged(detachedBy(rsaPerson), func(s *sample) { s.cms[len(s.cms)-1]++ })},
		{"signature of another key, certificate copied", byHand, "invalid: signature wrong", handMade(func(p *pki, m *made) {
			m.signers[0].by = identity{p.person(p.p256).cert, p.p384}
		})},
		{"signature of a key of another kind", byHand, "invalid: signature wrong", handMade(func(p *pki, m *made) {
			m.signers[0].by = identity{p.person(p.p256).cert, p.rsa}
		})},
		{"a forged certificate with the author's serial number and issuer beside the right one", byHand, "untrusted: no anchor", handMade(func(p *pki, m *made) {
			good := p.person(p.p256)
			sub := identity{authority("CA phục vụ các cơ quan G9"), p.p521}
			m.signers[0].by = p.issue(sub, p.p384, person(func(c *x509.Certificate) { c.SerialNumber = good.cert.SerialNumber }))
			m.certs = []*x509.Certificate{good.cert}
		})},
		{"attributes passed off as content", byHand, "invalid: attributes as content", func(p *pki) sample {
			id := p.person(p.p256)
			// The owner signed a letter with attributes; who saw it makes a message of the attributes.
			attrs := tlv(0x31, attribute(oidContentType, oidDER(oidData)), digest("a letter of the author"))
			m := made{content: attrs, signers: []madeSigner{{by: id, bare: true}}, certs: []*x509.Certificate{id.cert}}
			return sample{cms: m.der(), content: attrs, o: p.options()}
		}},
		{"no digest attribute", byHand, "invalid: signed attributes", withAttributes(func(a [][]byte) [][]byte { return a[:2] })},
		{"no content-type attribute", byHand, "invalid: signed attributes", withAttributes(func(a [][]byte) [][]byte { return a[1:] })},
		{"digest attribute twice", byHand, "invalid: signed attributes", withAttributes(func(a [][]byte) [][]byte { return append(a, digest("another")) })},
		{"digest attribute with two values", byHand, "invalid: signed attributes", withAttributes(func(a [][]byte) [][]byte {
			return append(a[:2], attribute(oidMessageDigest, tlv(0x04, sumOf(crypto.SHA256, letter())), tlv(0x04, sumOf(crypto.SHA256, nil))))
		})},
		{"content-type attribute of another type", byHand, "invalid: signed attributes", withAttributes(func(a [][]byte) [][]byte {
			return append(a[1:], attribute(oidContentType, oidDER(oidTSTInfo)))
		})},
		{"no attributes in the attributes", byHand, "invalid: signed attributes", withAttributes(func([][]byte) [][]byte { return nil })},
		{"signing time that is none", byHand, "valid", noted(withAttributes(func(a [][]byte) [][]byte {
			a[1] = attribute(oidSigningTime, tlv(0x17, []byte("yesterday")))
			return a
		}), SigningTimeOdd)},
		{"algorithm protection for another algorithm", byHand, "invalid: signed attributes", withAttributes(func(a [][]byte) [][]byte {
			return append(a, attribute(oidAlgorithmProtection, tlv(0x30, tlv(0x30, oidDER(oidSHA512)), tlv(0xa1, oidDER(oidEC)))))
		})},
		{"signing-certificate attribute of another certificate", byHand, "invalid: another certificate", func(p *pki) sample {
			other := p.person(p.p384)
			return withAttributes(func(a [][]byte) [][]byte { return append(a, essV2(other.cert)) })(p)
		}},
		{"content of another kind", byHand, "unsupported: kind of content", handMade(func(_ *pki, m *made) { m.kind = oidTSTInfo })},
		{"other content inside a detached signature", cms, "invalid: other content inside", forged(opaqueBy(rsaPerson), func(s *sample) { s.content = append(letter(), '!') })},
		{"digest not announced", byHand, "unsupported: digest not announced", handMade(func(_ *pki, m *made) { m.opaque, m.announce = true, []string{oidSHA512} })},
		{"signature algorithm with another hash than the digest's", byHand, "unsupported: algorithms disagree", handMade(func(_ *pki, m *made) {
			m.signers[0].signature = tlv(0x30, oidDER(oidECSHA512))
		})},
		{"no content in an opaque signature", cms, "invalid: no content", forged(detachedBy(rsaPerson), func(s *sample) { s.content = nil })},
		{"something behind it", cms, "invalid: data behind it", forged(detachedBy(rsaPerson), func(s *sample) { s.cms = append(s.cms, s.cms...) })},
		{"cut off", cms, "invalid: damaged", forged(detachedBy(rsaPerson), func(s *sample) { s.cms = s.cms[:len(s.cms)-40] })},
		{"no CMS at all", byHand, "invalid: damaged", func(p *pki) sample { return sample{cms: []byte("-----BEGIN"), content: letter(), o: p.options()} }},
		{"nothing", byHand, "invalid: damaged", func(p *pki) sample { return sample{content: letter(), o: p.options()} }},
		{"signing time of next year", byHand, "valid", noted(withAttributes(func(a [][]byte) [][]byte {
			a[1] = attribute(oidSigningTime, must(asn1.Marshal(time.Now().AddDate(1, 0, 0).UTC())))
			return a
		}), SigningAhead)},
	}
}

func hostileCases() []matrixCase {
	const byHand = "Go"
	raw := func(cms []byte) func(*pki) sample {
		return func(p *pki) sample { return sample{cms: cms, content: letter(), o: p.options()} }
	}
	return []matrixCase{
		{"4 million levels of BER in 8 MB", byHand, "unsupported: too deep", raw(signedPrefix(bytes.Repeat([]byte{0x30, 0x80}, 4<<20)))},
		{"4 million levels outside of everything", byHand, "invalid: damaged", raw(bytes.Repeat([]byte{0x30, 0x80}, 4<<20))},
		{"8 MB of empty elements that never end", byHand, "unsupported: too many elements", raw(signedPrefix(append([]byte{0x30, 0x80}, bytes.Repeat([]byte{0x05, 0x00}, 4<<20)...)))},
		{"a certificate of 4 GB that is not there", byHand, "invalid: damaged", raw(signedPrefix([]byte{0x30, 0x84, 0xff, 0xff, 0xff, 0xff, 1, 2, 3}))},
		{"2 MB of certificate", byHand, "unsupported: too big", raw(signedPrefix(tlv(0x30, tlv(0x04, make([]byte, 2<<20)))))},
		{"10000 certificates", byHand, "unsupported: too many certificates", func(p *pki) sample {
			id := p.person(p.p256)
			m := made{content: letter(), signers: []madeSigner{{by: id}}}
			for range 10_000 {
				m.rawCerts = append(m.rawCerts, id.cert.Raw)
			}
			return sample{cms: m.der(), content: letter(), o: p.options()}
		}},
		{"10000 signers", byHand, "unsupported: too many signers", func(p *pki) sample {
			m := made{content: letter()}
			s := madeSigner{by: p.person(p.p256)}.der(made{content: letter(), kind: oidData})
			fields := [][]byte{{2, 1, 1}, tlv(0x31), tlv(0x30, oidDER(oidData)), tlv(0x31, bytes.Repeat(s, 10_000))}
			return sample{cms: tlv(0x30, oidDER(oidSignedData), tlv(0xa0, tlv(0x30, fields...))), content: m.content, o: p.options()}
		}},
		{"authorities that issue each other", byHand, "untrusted: no anchor", chained(func(p *pki) (identity, []*x509.Certificate) {
			a := identity{authority("a"), p.p384}
			b := identity{authority("b"), p.p521}
			ab, ba := p.issue(b, a.key, a.cert), p.issue(a, b.key, b.cert)
			return p.issue(identity{ab.cert, p.p384}, p.p256, person()), []*x509.Certificate{ab.cert, ba.cert}
		})},
		{"60 authorities of one name", byHand, "valid", chained(func(p *pki) (identity, []*x509.Certificate) {
			var fakes []*x509.Certificate
			for range 60 {
				fakes = append(fakes, p.issue(identity{authority("RootCA chuyên dùng G9"), p.p521}, p.p384, authority("CA phục vụ các cơ quan G9")).cert)
			}
			return p.person(p.p256), fakes
		})},
		{"a short key with the signer's name and number beside", byHand, "expired: no longer valid", handMade(func(p *pki, m *made) {
			id := p.person(p.p256, validity(-48*time.Hour, -time.Hour))
			m.signers[0].by = id
			m.certs = []*x509.Certificate{p.issue(identity{authority("CA phục vụ các cơ quan G9"), p.p521}, publicOnly{&rsa.PublicKey{N: big.NewInt(1<<61 - 1), E: 65537}, p.rsa},
				person(func(c *x509.Certificate) { c.SerialNumber = id.cert.SerialNumber })).cert}
		})},
		{"a certificate that cannot be read beside", byHand, "valid", noted(handMade(func(_ *pki, m *made) { m.rawCerts = [][]byte{tlv(0x30, []byte{1, 1, 1})} }), CertificateLeft)},
		{"the signer's certificate cannot be read", byHand, "unsupported: unreadable certificate", func(p *pki) sample {
			m := made{content: letter(), signers: []madeSigner{{by: p.person(p.p256)}}, rawCerts: [][]byte{tlv(0x30, []byte{1, 1, 1})}}
			return sample{cms: m.der(), content: letter(), o: p.options()}
		}},
	}
}

// signedPrefix is a SignedData up to its certificates, the first of which begins with certificate.
func signedPrefix(certificate []byte) []byte {
	open := []byte{0x30, 0x80}
	open = append(open, oidDER(oidSignedData)...)
	open = append(open, 0xa0, 0x80, 0x30, 0x80, 2, 1, 1)
	open = append(open, tlv(0x31)...)
	open = append(open, tlv(0x30, oidDER(oidData))...)
	return append(append(open, 0xa0, 0x80), certificate...)
}
