package mailauth

import (
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"slices"
	"strings"
)

const minRSABits = 1024 // RFC 8301 section 3.2: with less it is no valid signature

// fault is why something is not a pass: what the method's result is, and the reason's name.
type fault struct {
	result Value
	reason string
}

// publicKey is a key record (RFC 6376 section 3.6.1, RFC 8463 section 4).
type publicKey struct {
	rsa     *rsa.PublicKey
	ed25519 ed25519.PublicKey
	bits    int
	testing bool // t=y: the domain is testing; the same as no signature for what is refused
	strict  bool // t=s: i= has d='s domain
	hashes  []string
}

// findKey is the key among a name's records. Records that are no keys do not count (a wildcard's SPF record); of two
// keys it cannot be told which is meant.
func findKey(records []string, maxBits int) (publicKey, fault) {
	var keys []tags
	for _, r := range records {
		if t, ok := parseTags(r); ok {
			_, has := t["p"]
			version, versioned := t["v"]
			if has && (!versioned || version == "DKIM1" && strings.HasPrefix(trim(r), "v")) {
				keys = append(keys, t)
			}
		}
	}
	switch {
	case len(keys) > 1:
		return publicKey{}, fault{PermError, "several-keys"}
	case len(keys) == 0 && len(records) > 0:
		return publicKey{}, fault{PermError, "bad-key"}
	case len(keys) == 0:
		return publicKey{}, fault{PermError, "no-key"}
	}
	return parseKey(keys[0], maxBits)
}

func parseKey(t tags, maxBits int) (k publicKey, f fault) {
	if h, ok := t["h"]; ok {
		k.hashes = list(h)
	}
	flags := list(t["t"])
	k.testing, k.strict = slices.Contains(flags, "y"), slices.Contains(flags, "s")
	if s, ok := t["s"]; ok && !slices.Contains(list(s), "*") && !slices.Contains(list(s), "email") {
		return k, fault{PermError, "key-of-other-service"}
	}
	if solid(t["p"]) == "" {
		return k, fault{PermError, "key-revoked"}
	}
	data, ok := base64Value(t["p"])
	if !ok {
		return k, fault{PermError, "bad-key"}
	}
	switch t["k"] {
	case "", "rsa":
		return k.withRSA(data, maxBits)
	case "ed25519":
		if len(data) != ed25519.PublicKeySize {
			return k, fault{PermError, "bad-key"}
		}
		k.ed25519, k.bits = data, 8*ed25519.PublicKeySize
		return k, fault{}
	}
	return k, fault{Neutral, "unknown-algorithm"}
}

// withRSA reads a SubjectPublicKeyInfo, or an RSAPublicKey as some publish it (RFC 6376, erratum 3017). The size is
// judged before anything is computed with the key.
func (k publicKey) withRSA(data []byte, maxBits int) (publicKey, fault) {
	var key *rsa.PublicKey
	if parsed, err := x509.ParsePKIXPublicKey(data); err == nil {
		key, _ = parsed.(*rsa.PublicKey)
	} else if parsed, err := x509.ParsePKCS1PublicKey(data); err == nil {
		key = parsed
	}
	if key == nil {
		return k, fault{PermError, "bad-key"}
	}
	k.rsa, k.bits = key, key.N.BitLen()
	switch {
	case k.bits < minRSABits:
		return k, fault{Policy, "weak-key"}
	case k.bits > maxBits:
		return k, fault{Policy, "key-too-big"}
	}
	return k, fault{}
}
