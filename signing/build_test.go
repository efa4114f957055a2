package signing

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"time"
)

// tlv is one element in DER.
func tlv(tag byte, parts ...[]byte) []byte {
	var contents []byte
	for _, p := range parts {
		contents = append(contents, p...)
	}
	return append(derLength([]byte{tag}, len(contents)), contents...)
}

func oidDER(oid string) []byte { return tlv(0x06, []byte(oid)) }

// attribute is an Attribute with one value.
func attribute(oid string, values ...[]byte) []byte {
	return tlv(0x30, oidDER(oid), tlv(0x31, values...))
}

// made is a CMS made by hand, for what no program makes: forgeries, Ed25519, odd forms.
type made struct {
	content  []byte
	opaque   bool
	kind     string // of content; "": data
	signers  []madeSigner
	certs    []*x509.Certificate
	rawCerts [][]byte
	announce []string // digest algorithms; nil: the signers'
}

type madeSigner struct {
	by         identity
	hash       crypto.Hash // 0: SHA-256, of Ed25519 SHA-512
	signature  []byte      // algorithm identifier; nil: what the key makes
	keyID      bool
	bare       bool                    // without attributes
	attributes func([][]byte) [][]byte // changes them before they are signed
	after      func([]byte) []byte     // changes the SET of them after they were signed
	unsigned   []byte
}

func hashOID(h crypto.Hash) string {
	return map[crypto.Hash]string{crypto.SHA256: oidSHA256, crypto.SHA384: oidSHA384, crypto.SHA512: oidSHA512, crypto.SHA1: oidSHA1, crypto.MD5: oidMD5}[h]
}

func sumOf(h crypto.Hash, data []byte) []byte {
	x := h.New()
	x.Write(data)
	return x.Sum(nil)
}

// der is the CMS.
func (m made) der() []byte {
	if m.kind == "" {
		m.kind = oidData
	}
	var digests, signers, certs [][]byte
	for _, s := range m.signers {
		signers = append(signers, s.der(m))
		digests = append(digests, tlv(0x30, oidDER(hashOID(s.digest()))))
	}
	if m.announce != nil {
		digests = nil
		for _, oid := range m.announce {
			digests = append(digests, tlv(0x30, oidDER(oid)))
		}
	}
	for _, c := range m.certs {
		certs = append(certs, c.Raw)
	}
	certs = append(certs, m.rawCerts...)
	encapsulated := [][]byte{oidDER(m.kind)}
	if m.opaque {
		encapsulated = append(encapsulated, tlv(0xa0, tlv(0x04, m.content)))
	}
	fields := [][]byte{{2, 1, 1}, tlv(0x31, digests...), tlv(0x30, encapsulated...)}
	if len(certs) > 0 {
		fields = append(fields, tlv(0xa0, certs...))
	}
	fields = append(fields, tlv(0x31, signers...))
	return tlv(0x30, oidDER(oidSignedData), tlv(0xa0, tlv(0x30, fields...)))
}

func (s madeSigner) digest() crypto.Hash {
	_, ed := s.by.key.(ed25519.PrivateKey)
	switch {
	case s.hash != 0:
		return s.hash
	case ed:
		return crypto.SHA512
	}
	return crypto.SHA256
}

func (s madeSigner) der(m made) []byte {
	hash := s.digest()
	toSign := m.content
	var set []byte
	if !s.bare {
		attrs := [][]byte{
			attribute(oidContentType, oidDER(m.kind)),
			attribute(oidSigningTime, must(asn1.Marshal(time.Now().UTC()))),
			attribute(oidMessageDigest, tlv(0x04, sumOf(hash, m.content))),
		}
		if s.attributes != nil {
			attrs = s.attributes(attrs)
		}
		set = tlv(0x31, attrs...)
		toSign = set
	}
	value, algorithm := s.sign(hash, toSign)
	if s.signature != nil {
		algorithm = s.signature
	}
	id := tlv(0x30, s.by.cert.RawIssuer, must(asn1.Marshal(s.by.cert.SerialNumber)))
	if s.keyID {
		id = tlv(0x80, s.by.cert.SubjectKeyId)
	}
	fields := [][]byte{{2, 1, 1}, id, tlv(0x30, oidDER(hashOID(hash)))}
	if set != nil {
		if s.after != nil {
			set = s.after(set)
		}
		fields = append(fields, append([]byte{0xa0}, set[1:]...))
	}
	fields = append(fields, algorithm, tlv(0x04, value))
	if s.unsigned != nil {
		fields = append(fields, tlv(0xa1, s.unsigned))
	}
	return tlv(0x30, fields...)
}

// sign signs with the key's usual algorithm.
func (s madeSigner) sign(hash crypto.Hash, toSign []byte) (value, algorithm []byte) {
	switch key := s.by.key.(type) {
	case ed25519.PrivateKey:
		return ed25519.Sign(key, toSign), tlv(0x30, oidDER(oidEd25519))
	case *rsa.PrivateKey:
		return must(rsa.SignPKCS1v15(rand.Reader, key, hash, sumOf(hash, toSign))), tlv(0x30, oidDER(oidRSA), []byte{5, 0})
	default:
		return must(key.Sign(rand.Reader, sumOf(hash, toSign), hash)), tlv(0x30, oidDER(oidEC))
	}
}

// loosen is DER as other BER: every length indefinite, every octet string in segments of at most size octets, inside of
// implicit tags too where they are known to be strings.
func loosen(der []byte, size int) []byte {
	var out []byte
	for len(der) > 0 {
		tag := der[0]
		n, head := int(der[1]), 2
		if n >= 0x80 {
			octets := n & 0x7f
			n, head = 0, 2+octets
			for _, c := range der[2:head] {
				n = n<<8 | int(c)
			}
		}
		contents := der[head : head+n]
		switch {
		case tag&constructedBit != 0:
			out = append(append(append(out, tag, 0x80), loosen(contents, size)...), 0, 0)
		case tag == 0x04:
			out = append(out, 0x24, 0x80)
			for len(contents) > 0 {
				take := min(size, len(contents))
				out = append(out, tlv(0x04, contents[:take])...)
				contents = contents[take:]
			}
			out = append(out, 0, 0)
		default: // length octets with zeros in front
			out = append(out, tag, 0x83, byte(n>>16), byte(n>>8), byte(n))
			out = append(out, contents...)
		}
		der = der[head+n:]
	}
	return out
}

// essV2 is a signing-certificate attribute for a certificate.
func essV2(c *x509.Certificate) []byte {
	sum := sha256.Sum256(c.Raw)
	return attribute(oidSigningCertificateV2, tlv(0x30, tlv(0x30, tlv(0x30, tlv(0x04, sum[:])))))
}
