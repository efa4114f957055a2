package signing

import (
	"bytes"
	"context"
	"crypto"
	"crypto/x509"
	"encoding/asn1"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"congthu/internal/peer"
)

// gpgsm signs the letter.
func (p *pki) gpgsm(args ...string) []byte {
	p.t.Helper()
	_, err := exec.LookPath("gpgsm")
	_, agent := exec.LookPath("gpg-agent")
	peer.Need(p.t, err == nil && agent == nil, "gpgsm (Debian packages gpgsm, gpg-agent)")
	home := must(os.MkdirTemp("", "gpgsm")) // short: a socket's name has at most 108 octets
	defer os.RemoveAll(home)
	p.gpgsmHome(home)
	defer exec.Command("gpgconf", "--homedir", home, "--kill", "all").Run() // the agent
	out := filepath.Join(home, "out")
	p.runGpgsm(home, "--import", filepath.Join(home, "id.p12"))
	p.runGpgsm(home, append(args, "-u", author, "-o", out, filepath.Join(home, "letter.eml"))...)
	return must(os.ReadFile(out))
}

func (p *pki) runGpgsm(home string, args ...string) {
	p.t.Helper()
	pass := must(os.Open(filepath.Join(home, "pass")))
	defer pass.Close()
	cmd := exec.Command("gpgsm", append([]string{"--homedir", home, "--batch", "--pinentry-mode", "loopback", "--passphrase-fd", "3"}, args...)...)
	cmd.ExtraFiles = []*os.File{pass}
	if text, err := cmd.CombinedOutput(); err != nil {
		p.t.Fatalf("gpgsm %v: %v\n%s", args, err, text)
	}
}

// gpgsmHome fills a home that trusts the root, and has a person's key to import.
func (p *pki) gpgsmHome(home string) {
	p.t.Helper()
	id := p.person(p.rsa)
	root := strings.ToUpper(string(hexColons(sumOf(crypto.SHA1, p.root.cert.Raw))))
	// What OpenSSL 3 writes by default this gpgsm does not read.
	p12 := p.openssl("pkcs12", "-export", "-legacy", "-keypbe", "PBE-SHA1-3DES", "-certpbe", "PBE-SHA1-3DES", "-macalg", "sha1", "-inkey", p.keyFile(id.key),
		"-in", p.certFile(id.cert), "-certfile", p.certFile(p.sub.cert, p.root.cert), "-passout", "pass:x", "-out", "OUT")
	for name, data := range map[string]string{
		"gpg-agent.conf": "allow-loopback-pinentry\ns2k-count 65536\n", // without a count the agent measures the machine for seconds
		"gpgsm.conf":     "disable-crl-checks\n",
		"trustlist.txt":  root + " S relax\n",
		"id.p12":         string(p12),
		"pass":           "x\n",
		"letter.eml":     string(letter()),
	} {
		if err := os.WriteFile(filepath.Join(home, name), []byte(data), 0o600); err != nil {
			p.t.Fatal(err)
		}
	}
}

func hexColons(b []byte) []byte {
	var out []byte
	for i, c := range b {
		if i > 0 {
			out = append(out, ':')
		}
		const digits = "0123456789ABCDEF"
		out = append(out, digits[c>>4], digits[c&15])
	}
	return out
}

// smime signs the letter with openssl smime, which makes PKCS #7.
func smime(opaque bool, args ...string) func(*pki) sample {
	return func(p *pki) sample {
		id := p.person(p.rsa)
		all := append([]string{"smime", "-sign", "-binary", "-outform", "DER", "-in", p.file(".eml", letter()), "-out", "OUT",
			"-signer", p.certFile(id.cert), "-inkey", p.keyFile(id.key), "-certfile", p.certFile(p.sub.cert)}, args...)
		s := sample{content: letter(), o: p.options()}
		if opaque {
			all, s.content = append(all, "-nodetach"), nil
		}
		s.cms = p.openssl(all...)
		return s
	}
}

// twoSigners are signed by the author and by somebody else.
func twoSigners(other func(p *pki) identity, args ...string) func(*pki) sample {
	return func(p *pki) sample {
		id := other(p)
		return sample{cms: p.programCMS(p.person(p.rsa), append(args, "-signer", p.certFile(id.cert), "-inkey", p.keyFile(id.key))...), content: letter(), o: p.options()}
	}
}

func formCases() []matrixCase {
	const cms, pkcs7, gpgsm, byHand = "openssl cms", "openssl smime", "gpgsm", "Go"
	colleague := func(p *pki) identity {
		return p.person(p.p256, func(c *x509.Certificate) { c.EmailAddresses = []string{"ttbinh@monre.gov.vn"} })
	}
	stranger := func(p *pki) identity { return p.issue(identity{}, p.p256, person()) }
	return []matrixCase{
		{"PKCS #7, detached", pkcs7, "valid", smime(false, "-md", "sha256")},
		{"PKCS #7, opaque", pkcs7, "valid", smime(true, "-md", "sha256")},
		{"PKCS #7, SHA-512, without attributes", pkcs7, "valid", smime(false, "-md", "sha512", "-noattr")},
		{"BER of indefinite length, detached", cms, "valid", detachedBy(rsaPerson, "-stream")},
		{"BER of indefinite length, opaque", cms, "valid", opaqueBy(rsaPerson, "-stream")},
		{"BER, opaque, in segments of 4096 octets", cms, "valid", func(p *pki) sample {
			id := p.person(p.rsa)
			big := append(letter(), bytes.Repeat([]byte("0123456789abcdef\r\n"), 20_000)...)
			s := sample{o: p.options(), cms: p.openssl("cms", "-sign", "-binary", "-nodetach", "-stream", "-outform", "DER", "-in", p.file(".eml", big), "-out", "OUT",
				"-signer", p.certFile(id.cert), "-inkey", p.keyFile(id.key), "-certfile", p.certFile(p.sub.cert))}
			s.check = func(t *testing.T, r Result) {
				var out bytes.Buffer
				if _, err := Open(context.Background(), bytes.NewReader(s.cms), &out, s.o); err != nil || !bytes.Equal(out.Bytes(), big) || r.Covered != int64(len(big)) {
					t.Errorf("%d octets of %d came out, %d covered, %v", out.Len(), len(big), r.Covered, err)
				}
			}
			return s
		}},
		{"everything indefinite, strings in segments", byHand, "valid", func(p *pki) sample {
			s := opaqueBy(rsaPerson)(p)
			s.cms = loosen(s.cms, 5)
			return s
		}},
		{"gpgsm, detached", gpgsm, "valid", func(p *pki) sample { return sample{cms: p.gpgsm("--detach-sign"), content: letter(), o: p.options()} }},
		{"gpgsm, opaque", gpgsm, "valid", func(p *pki) sample { return sample{cms: p.gpgsm("--sign"), o: p.options()} }},
		{"gpgsm, certificate of the signer alone", gpgsm, "valid", func(p *pki) sample {
			return sample{cms: p.gpgsm("--include-certs", "1", "--detach-sign"), content: letter(), o: p.options(), notes: []Note{CertificateStored}}
		}},
		{"signer by key identifier, RSA", cms, "valid", detachedBy(withKeyID(rsaPerson), "-keyid")},
		{"signer by key identifier, ECDSA, opaque", cms, "valid", opaqueBy(withKeyID(p256Person), "-keyid")},
		{"signer by key identifier in segments", byHand, "valid", func(p *pki) sample {
			id := withKeyID(p256Person)(p)
			m := made{content: letter(), signers: []madeSigner{{by: id, keyID: true}}, certs: []*x509.Certificate{id.cert}}
			der := m.der()
			whole := tlv(0x80, id.cert.SubjectKeyId)
			s := sample{content: letter(), o: p.options()}
			s.cms = bytes.Replace(loosen(der, 1000), append([]byte{0x80, 0x83, 0, 0}, whole[1:]...),
				append(append([]byte{0xa0, 0x80}, tlv(0x04, id.cert.SubjectKeyId)...), 0, 0), 1)
			return s
		}},
		{"without attributes, detached", cms, "valid", noted(detachedBy(rsaPerson, "-noattr"), NoAttributes)},
		{"without attributes, opaque", cms, "valid", opaqueBy(p256Person, "-noattr")},
		{"attributes not in the order of DER", byHand, "valid", handMade(func(_ *pki, m *made) {
			m.signers[0].after = func(set []byte) []byte { return reversed(set) }
			m.signers[0].attributes = func(attrs [][]byte) [][]byte { return [][]byte{attrs[0], attrs[1], attrs[2]} }
			sortAttributes(&m.signers[0])
		})},
		{"signing-certificate attribute version 2", cms, "valid", func(p *pki) sample {
			s := detachedBy(rsaPerson, "-cades")(p)
			s.check = func(t *testing.T, r Result) {
				if !r.Signers[0].CertificateBound {
					t.Error("not bound to the certificate")
				}
			}
			return s
		}},
		{"signing-certificate attribute version 1", byHand, "valid", handMade(func(_ *pki, m *made) {
			sum := sumOf(crypto.SHA1, m.signers[0].by.cert.Raw)
			m.signers[0].attributes = func(attrs [][]byte) [][]byte {
				return append(attrs, attribute(oidSigningCertificate, tlv(0x30, tlv(0x30, tlv(0x30, tlv(0x04, sum))))))
			}
		})},
		{"ESS security label", byHand, "valid", labelled()},
		{"signing time seven hours ahead", byHand, "valid", noted(handMade(func(_ *pki, m *made) {
			m.signers[0].attributes = func(attrs [][]byte) [][]byte {
				attrs[1] = attribute(oidSigningTime, must(asn1.Marshal(time.Now().Add(7*time.Hour).UTC())))
				return attrs
			}
		}), SevenHoursOff)},
		{"two signers, the other with another address", cms, "valid", noted(twoSigners(colleague), OthersFailed)},
		{"two signers, the other of an unknown authority", cms, "valid", noted(twoSigners(stranger), OthersFailed)},
		{"two signers, the other's signature wrong", byHand, "invalid: signature wrong", handMade(func(p *pki, m *made) {
			m.signers = append(m.signers, madeSigner{by: identity{p.person(p.p256).cert, p.p384}})
		})},
		{"two signatures of one signer, one with SHA-1", byHand, "valid", noted(handMade(func(_ *pki, m *made) {
			m.signers = append(m.signers, madeSigner{by: m.signers[0].by, hash: crypto.SHA1})
		}), OthersFailed)},
		{"the same content inside a detached signature", cms, "valid", func(p *pki) sample {
			s := opaqueBy(rsaPerson)(p)
			s.content, s.notes = letter(), []Note{EmbeddedContent}
			return s
		}},
		{"zeros and a line end behind it", cms, "valid", func(p *pki) sample {
			s := detachedBy(rsaPerson)(p)
			s.cms = append(s.cms, 0, 0, 0, '\r', '\n')
			return s
		}},
		{"certificates only", cms, "unsigned: no signers", func(p *pki) sample {
			return sample{cms: p.openssl("crl2pkcs7", "-nocrl", "-certfile", p.certFile(p.sub.cert), "-outform", "DER", "-out", "OUT"), o: p.options()}
		}},
		{"encrypted", cms, "unsupported: another kind of CMS", func(p *pki) sample {
			return sample{cms: p.openssl("cms", "-encrypt", "-binary", "-outform", "DER", "-in", p.file(".eml", letter()), "-out", "OUT", p.certFile(p.person(p.rsa).cert)), o: p.options()}
		}},
	}
}

// noted is a sample that must have a note.
func noted(f func(*pki) sample, n Note) func(*pki) sample {
	return func(p *pki) sample {
		s := f(p)
		s.notes = append(s.notes, n)
		return s
	}
}

// withKeyID gives a certificate the extension that -keyid needs.
func withKeyID(f func(*pki) identity) func(*pki) identity {
	return func(p *pki) identity {
		id := f(p)
		return p.person(id.key, func(c *x509.Certificate) {
			key, _ := keyIdentifier(id.cert)
			c.SubjectKeyId = key
		})
	}
}

// sortAttributes makes the signer sign the attributes in the order of DER.
func sortAttributes(s *madeSigner) {
	s.attributes = func(attrs [][]byte) [][]byte {
		return [][]byte{contentsOf(sortedSet(tlv(0x31, attrs...)))}
	}
}

// reversed is a SET with its elements the other way round.
func reversed(set []byte) []byte {
	var elements [][]byte
	rest := contentsOf(set)
	for len(rest) > 0 {
		var raw asn1.RawValue
		rest = must(asn1.Unmarshal(rest, &raw))
		elements = append([][]byte{raw.FullBytes}, elements...)
	}
	return tlv(0x31, elements...)
}

func contentsOf(element []byte) []byte {
	var raw asn1.RawValue
	must(asn1.Unmarshal(element, &raw))
	return raw.Bytes
}

// labelled has a security label: top secret, in a policy of somebody's.
func labelled() func(*pki) sample {
	return func(p *pki) sample {
		s := handMade(func(_ *pki, m *made) {
			label := tlv(0x31, tlv(0x06, []byte{0x2a, 0x03, 0x04}), []byte{2, 1, 5}, tlv(0x0c, []byte("TUYỆT MẬT")))
			m.signers[0].attributes = func(attrs [][]byte) [][]byte { return append(attrs, attribute(oidSecurityLabel, label)) }
		})(p)
		s.check = func(t *testing.T, r Result) {
			want := Label{Policy: "1.2.3.4", Classification: 5, PrivacyMark: "TUYỆT MẬT"}
			if l := r.Signers[0].Label; l == nil || *l != want {
				t.Errorf("label %+v", l)
			}
		}
		return s
	}
}
