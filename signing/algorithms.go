package signing

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	_ "crypto/md5" // told from SHA-256, never believed
	"crypto/rsa"
	_ "crypto/sha1"
	_ "crypto/sha256"
	_ "crypto/sha512"
	"crypto/x509"
	"math/big"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// Object identifiers, DER without tag and length.
const (
	oidData       = "\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01"         // RFC 5652 section 4
	oidSignedData = "\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02"         // RFC 5652 section 5.1
	oidTSTInfo    = "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x04" // RFC 3161 section 2.4.2

	oidSHA256 = "\x60\x86\x48\x01\x65\x03\x04\x02\x01" // RFC 5754 section 2
	oidSHA384 = "\x60\x86\x48\x01\x65\x03\x04\x02\x02"
	oidSHA512 = "\x60\x86\x48\x01\x65\x03\x04\x02\x03"
	oidSHA1   = "\x2b\x0e\x03\x02\x1a" // RFC 3370 section 2
	oidMD5    = "\x2a\x86\x48\x86\xf7\x0d\x02\x05"

	oidRSA        = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01" // RFC 8017 appendix C
	oidMD5RSA     = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x04"
	oidSHA1RSA    = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x05"
	oidOldSHA1RSA = "\x2b\x0e\x03\x02\x1d" // OIW
	oidMGF1       = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x08"
	oidPSS        = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a"
	oidSHA256RSA  = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b"
	oidSHA384RSA  = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0c"
	oidSHA512RSA  = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0d"

	oidEC       = "\x2a\x86\x48\xce\x3d\x02\x01" // RFC 5753 section 7.1.3
	oidECSHA1   = "\x2a\x86\x48\xce\x3d\x04\x01"
	oidECSHA256 = "\x2a\x86\x48\xce\x3d\x04\x03\x02"
	oidECSHA384 = "\x2a\x86\x48\xce\x3d\x04\x03\x03"
	oidECSHA512 = "\x2a\x86\x48\xce\x3d\x04\x03\x04"
	oidEd25519  = "\x2b\x65\x70" // RFC 8410 section 3
)

// Sizes in bits of RSA keys that are verified. Shorter ones are Weak; longer ones cost too much.
const (
	minRSABits = 2048
	maxRSABits = 8192
)

// digestOf is the hash of a digest algorithm, 0 when it is not known.
func digestOf(oid string) crypto.Hash {
	switch oid {
	case oidSHA256:
		return crypto.SHA256
	case oidSHA384:
		return crypto.SHA384
	case oidSHA512:
		return crypto.SHA512
	case oidSHA1:
		return crypto.SHA1
	case oidMD5:
		return crypto.MD5
	}
	return 0
}

func weakHash(h crypto.Hash) bool { return h == crypto.SHA1 || h == crypto.MD5 }

// kind is a family of signature algorithms.
type kind string

const (
	kindPKCS1   kind = "RSA"
	kindPSS     kind = "RSA-PSS"
	kindECDSA   kind = "ECDSA"
	kindEd25519 kind = "Ed25519"
)

// scheme is how a signature is made.
type scheme struct {
	kind kind
	hash crypto.Hash // 0: the digest algorithm's
	salt int         // of RSA-PSS, in octets
}

// schemeOf reads a signature algorithm. The reason is why it cannot be verified here.
func schemeOf(a algorithm) (scheme, Reason) {
	switch a.oid {
	case oidRSA:
		return scheme{kind: kindPKCS1}, ""
	case oidMD5RSA:
		return scheme{kind: kindPKCS1, hash: crypto.MD5}, ""
	case oidSHA1RSA, oidOldSHA1RSA:
		return scheme{kind: kindPKCS1, hash: crypto.SHA1}, ""
	case oidSHA256RSA:
		return scheme{kind: kindPKCS1, hash: crypto.SHA256}, ""
	case oidSHA384RSA:
		return scheme{kind: kindPKCS1, hash: crypto.SHA384}, ""
	case oidSHA512RSA:
		return scheme{kind: kindPKCS1, hash: crypto.SHA512}, ""
	case oidEC:
		return scheme{kind: kindECDSA}, ""
	case oidECSHA1:
		return scheme{kind: kindECDSA, hash: crypto.SHA1}, ""
	case oidECSHA256:
		return scheme{kind: kindECDSA, hash: crypto.SHA256}, ""
	case oidECSHA384:
		return scheme{kind: kindECDSA, hash: crypto.SHA384}, ""
	case oidECSHA512:
		return scheme{kind: kindECDSA, hash: crypto.SHA512}, ""
	case oidEd25519:
		return scheme{kind: kindEd25519}, ""
	case oidPSS:
		return readPSS(a.parameters)
	}
	return scheme{}, Algorithm
}

// readPSS reads RSASSA-PSS-params (RFC 4055 section 3.1). All its fields have defaults, those of SHA-1.
func readPSS(parameters cryptobyte.String) (scheme, Reason) {
	s := scheme{kind: kindPSS, hash: crypto.SHA1, salt: 20}
	if len(parameters) == 0 {
		return s, ""
	}
	var in, field cryptobyte.String
	var present bool
	if !parameters.ReadASN1(&in, cbasn1.SEQUENCE) || !parameters.Empty() {
		return s, Damaged
	}
	tag := func(n uint8) cbasn1.Tag { return cbasn1.Tag(n).ContextSpecific().Constructed() }
	if !in.ReadOptionalASN1(&field, &present, tag(0)) {
		return s, Damaged
	}
	if present {
		a, ok := readAlgorithm(&field)
		if !ok {
			return s, Damaged
		}
		if s.hash = digestOf(a.oid); s.hash == 0 {
			return s, Algorithm
		}
	}
	mask := crypto.SHA1
	if !in.ReadOptionalASN1(&field, &present, tag(1)) {
		return s, Damaged
	}
	if present {
		a, ok := readAlgorithm(&field)
		if !ok {
			return s, Damaged
		}
		inner, ok := readAlgorithm(&a.parameters)
		if a.oid != oidMGF1 || !ok {
			return s, Algorithm
		}
		mask = digestOf(inner.oid)
	}
	if mask != s.hash { // RFC 4055 section 3.1 recommends the same; crypto/rsa has no other
		return s, Algorithm
	}
	trailer := 1
	if !in.ReadOptionalASN1(&field, &present, tag(2)) || present && (!field.ReadASN1Integer(&s.salt) || s.salt < 0 || s.salt > maxRSABits/8) {
		return s, Damaged
	}
	if !in.ReadOptionalASN1(&field, &present, tag(3)) || present && !field.ReadASN1Integer(&trailer) || trailer != 1 || !in.Empty() {
		return s, Damaged
	}
	return s, ""
}

// publicKey is a certificate's key.
type publicKey struct {
	key  crypto.PublicKey // *rsa.PublicKey, *ecdsa.PublicKey, ed25519.PublicKey
	pss  *scheme          // what an id-RSASSA-PSS key may be used for; nil: anything
	only kind             // the only kind it may sign with; "": any that fits the key
}

// keyOf gives a certificate's key. One that is id-RSASSA-PSS (RFC 4055 section 1.2) crypto/x509 leaves unread.
func keyOf(c *x509.Certificate) (publicKey, bool) {
	switch key := c.PublicKey.(type) {
	case *rsa.PublicKey, *ecdsa.PublicKey, ed25519.PublicKey:
		return publicKey{key: key}, true
	}
	input := cryptobyte.String(c.RawSubjectPublicKeyInfo)
	var in cryptobyte.String
	if !input.ReadASN1(&in, cbasn1.SEQUENCE) {
		return publicKey{}, false
	}
	a, ok := readAlgorithm(&in)
	var bits []byte
	if !ok || a.oid != oidPSS || !in.ReadASN1BitStringAsBytes(&bits) {
		return publicKey{}, false
	}
	key, err := x509.ParsePKCS1PublicKey(bits)
	if err != nil {
		return publicKey{}, false
	}
	out := publicKey{key: key, only: kindPSS}
	if len(a.parameters) > 0 { // without them the key has no restriction
		s, reason := readPSS(a.parameters)
		if reason != "" {
			return publicKey{}, false
		}
		out.pss = &s
	}
	return out, true
}

// rsaBits is the size of an RSA key, 0 of another.
func (k publicKey) rsaBits() int {
	if key, ok := k.key.(*rsa.PublicKey); ok {
		return key.N.BitLen()
	}
	return 0
}

// fits tells whether the key may make signatures of this scheme.
func (k publicKey) fits(s scheme) bool {
	if k.only != "" && k.only != s.kind {
		return false
	}
	if k.pss != nil && (k.pss.hash != s.hash || s.salt < k.pss.salt) { // RFC 4055 section 3.3
		return false
	}
	switch k.key.(type) {
	case *rsa.PublicKey:
		return s.kind == kindPKCS1 || s.kind == kindPSS
	case *ecdsa.PublicKey:
		return s.kind == kindECDSA
	case ed25519.PublicKey:
		return s.kind == kindEd25519
	}
	return false
}

// verify tells whether signature is the key's over a digest made with hash, or with Ed25519 over the message itself.
func (k publicKey) verify(s scheme, hash crypto.Hash, digest, message, signature []byte) bool {
	switch key := k.key.(type) {
	case *rsa.PublicKey:
		if len(signature) > maxRSABits/8 {
			return false
		}
		if s.kind == kindPSS {
			return rsa.VerifyPSS(key, hash, digest, signature, &rsa.PSSOptions{SaltLength: s.salt, Hash: hash}) == nil
		}
		return rsa.VerifyPKCS1v15(key, hash, digest, signature) == nil
	case *ecdsa.PublicKey:
		return ecdsa.VerifyASN1(key, digest, signature)
	case ed25519.PublicKey:
		return len(key) == ed25519.PublicKeySize && ed25519.Verify(key, message, signature)
	}
	return false
}

// serialOf reads the contents of an INTEGER that is a serial number.
func serialOf(contents []byte) *big.Int {
	n := new(big.Int).SetBytes(contents)
	if len(contents) > 0 && contents[0]&0x80 != 0 {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(contents))))
	}
	return n
}
