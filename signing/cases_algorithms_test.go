package signing

import (
	"crypto"
	"crypto/x509"
	"encoding/pem"
)

func rsaPerson(p *pki) identity  { return p.person(p.rsa) }
func p256Person(p *pki) identity { return p.person(p.p256) }

// pssPerson is somebody whose key is id-RSASSA-PSS, which only OpenSSL makes. args restrict the key.
func (p *pki) pssSample(args ...string) func(sign ...string) sample {
	gen := append([]string{"genpkey", "-algorithm", "RSA-PSS", "-pkeyopt", "rsa_keygen_bits:2048"}, args...)
	key := p.file(".key", p.openssl(append(gen, "-out", "OUT")...))
	csr := p.file(".csr", p.openssl("req", "-new", "-key", key, "-subj", "/CN=An/emailAddress="+author, "-sigopt", "rsa_padding_mode:pss", "-out", "OUT"))
	cert := p.openssl("x509", "-req", "-in", csr, "-CA", p.certFile(p.sub.cert), "-CAkey", p.keyFile(p.sub.key), "-days", "2", "-set_serial", "77",
		"-extfile", p.file(".ext", []byte("keyUsage=digitalSignature\nextendedKeyUsage=emailProtection\n")), "-out", "OUT")
	return func(sign ...string) sample {
		all := append([]string{"cms", "-sign", "-binary", "-outform", "DER", "-in", p.file(".eml", letter()), "-out", "OUT",
			"-signer", p.file(".pem", cert), "-inkey", key, "-certfile", p.certFile(p.sub.cert), "-keyopt", "rsa_padding_mode:pss"}, sign...)
		return sample{cms: p.openssl(all...), content: letter(), o: p.options()}
	}
}

func algorithmCases() []matrixCase {
	const cms, byHand = "openssl cms", "Go"
	p384 := func(p *pki) identity { return p.person(p.p384) }
	p521 := func(p *pki) identity { return p.person(p.p521) }
	pss := func(more ...string) []string { return append([]string{"-keyopt", "rsa_padding_mode:pss"}, more...) }
	ed := func(p *pki, m *made) { m.signers[0].by = p.person(p.ed) }
	return []matrixCase{
		{"RSA, SHA-256, detached", cms, "valid", detachedBy(rsaPerson, "-md", "sha256")},
		{"RSA, SHA-384, detached", cms, "valid", detachedBy(rsaPerson, "-md", "sha384")},
		{"RSA, SHA-512, detached", cms, "valid", detachedBy(rsaPerson, "-md", "sha512")},
		{"RSA, SHA-256, opaque", cms, "valid", opaqueBy(rsaPerson, "-md", "sha256")},
		{"RSA, SHA-384, opaque", cms, "valid", opaqueBy(rsaPerson, "-md", "sha384")},
		{"RSA, SHA-512, opaque", cms, "valid", opaqueBy(rsaPerson, "-md", "sha512")},
		{"RSA-PSS, SHA-256", cms, "valid", detachedBy(rsaPerson, pss("-md", "sha256")...)},
		{"RSA-PSS, SHA-384", cms, "valid", detachedBy(rsaPerson, pss("-md", "sha384")...)},
		{"RSA-PSS, SHA-512", cms, "valid", detachedBy(rsaPerson, pss("-md", "sha512")...)},
		{"RSA-PSS, salt of 20 octets", cms, "valid", detachedBy(rsaPerson, pss("-md", "sha256", "-keyopt", "rsa_pss_saltlen:20")...)},
		{"RSA-PSS, mask with another hash", cms, "unsupported: algorithm", detachedBy(rsaPerson, pss("-md", "sha256", "-keyopt", "rsa_mgf1_md:sha512")...)},
		{"RSA-PSS, opaque", cms, "valid", opaqueBy(rsaPerson, pss("-md", "sha256")...)},
		{"RSA-PSS with an id-RSASSA-PSS key", cms, "valid", func(p *pki) sample { return p.pssSample()("-md", "sha256") }},
		{"RSA-PSS with a key for SHA-384 only", cms, "valid", func(p *pki) sample {
			return p.pssSample("-pkeyopt", "rsa_pss_keygen_md:sha384", "-pkeyopt", "rsa_pss_keygen_mgf1_md:sha384", "-pkeyopt", "rsa_pss_keygen_saltlen:48")("-md", "sha384")
		}},
		{"ECDSA P-256, SHA-256", cms, "valid", detachedBy(p256Person, "-md", "sha256")},
		{"ECDSA P-256, SHA-512", cms, "valid", detachedBy(p256Person, "-md", "sha512")},
		{"ECDSA P-384, SHA-384", cms, "valid", detachedBy(p384, "-md", "sha384")},
		{"ECDSA P-384, SHA-256, opaque", cms, "valid", opaqueBy(p384, "-md", "sha256")},
		{"ECDSA P-521, SHA-512", cms, "valid", detachedBy(p521, "-md", "sha512")},
		{"Ed25519, detached", byHand, "valid", handMade(ed)},
		{"Ed25519, opaque", byHand, "valid", handMade(func(p *pki, m *made) { ed(p, m); m.opaque = true })},
		{"Ed25519 without attributes, detached", byHand, "valid", handMade(func(p *pki, m *made) { ed(p, m); m.signers[0].bare = true })},
		{"Ed25519 without attributes, opaque", byHand, "valid", handMade(func(p *pki, m *made) {
			ed(p, m)
			m.signers[0].bare, m.opaque = true, true
		})},
		{"Ed25519 with SHA-256", byHand, "unsupported: algorithms disagree", handMade(func(p *pki, m *made) {
			ed(p, m)
			m.signers[0].hash = crypto.SHA256
		})},
	}
}

// weakCert is a person's certificate that OpenSSL signed with a weak digest, in the name of the root.
func (p *pki) weakCert(digest string) identity {
	key := p.keyFile(p.rsa)
	csr := p.file(".csr", p.openssl("req", "-new", "-key", key, "-subj", "/CN=An/emailAddress="+author, "-out", "OUT"))
	data := p.openssl("x509", "-req", "-in", csr, "-CA", p.certFile(p.root.cert), "-CAkey", p.keyFile(p.root.key), "-days", "2", "-set_serial", "78", "-"+digest,
		"-extfile", p.file(".ext", []byte("keyUsage=digitalSignature\nextendedKeyUsage=emailProtection\n")), "-out", "OUT")
	block, _ := pem.Decode(data)
	return identity{must(x509.ParseCertificate(block.Bytes)), p.rsa}
}

func weakCases() []matrixCase {
	const cms, byHand = "openssl cms", "Go"
	// OpenSSL at its default level signs with MD5 and with short keys all the same.
	return []matrixCase{
		{"RSA, SHA-1", cms, "weak: digest", detachedBy(rsaPerson, "-md", "sha1")},
		{"RSA, SHA-1, opaque", cms, "weak: digest", opaqueBy(rsaPerson, "-md", "sha1")},
		{"RSA, MD5", cms, "weak: digest", detachedBy(rsaPerson, "-md", "md5")},
		{"RSA-PSS, SHA-1", cms, "weak: digest", detachedBy(rsaPerson, "-md", "sha1", "-keyopt", "rsa_padding_mode:pss")},
		{"ECDSA, SHA-1", cms, "weak: digest", detachedBy(p256Person, "-md", "sha1")},
		{"RSA, SHA-1, content changed", cms, "invalid: content changed", func(p *pki) sample {
			s := detachedBy(rsaPerson, "-md", "sha1")(p)
			s.content = append(s.content, '.')
			return s
		}},
		{"RSA of 1024 bits", cms, "weak: key size", detachedBy(func(p *pki) identity { return p.person(p.small) })},
		{"RSA of 16384 bits", byHand, "unsupported: key size", handMade(func(p *pki, m *made) { m.signers[0].by = p.hugeKey(16384) })},
		{"certificate signed with SHA-1", cms, "weak: digest of certificate", detachedBy(func(p *pki) identity { return p.weakCert("sha1") })},
		{"certificate signed with MD5", cms, "weak: digest of certificate", detachedBy(func(p *pki) identity { return p.weakCert("md5") })},
		{"SHA-224", cms, "unsupported: algorithm", detachedBy(rsaPerson, "-md", "sha224")},
		{"SHA3-256", cms, "unsupported: algorithm", detachedBy(rsaPerson, "-md", "sha3-256")},
		{"authority with RSA of 1024 bits", cms, "weak: key size", func(p *pki) sample {
			small := p.issue(p.root, p.small, authority("small"))
			id := p.issue(small, p.rsa, person())
			return sample{cms: p.programCMS(id, "-certfile", p.certFile(small.cert)), content: letter(), o: p.options()}
		}},
	}
}
