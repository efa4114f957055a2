package mailauth

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"slices"
	"strings"
	"time"
)

const (
	dkimField = "dkim-signature"
	clockSkew = 5 * time.Minute // that two clocks may differ by
)

// signature is a DKIM-Signature, an ARC-Message-Signature or an ARC-Seal, as far as it could be read.
type signature struct {
	index     int // of the field in the header
	field     field
	tags      tags
	algorithm string // "rsa" or "ed25519"
	domain    string
	selector  string
	names     []string // of the signed fields, lower case
	relaxed   bool     // the header's form
	form      bodyForm
	bodySum   []byte
	value     []byte
	fault     fault // why it is not verified; the zero fault for one that is

	records  []string // of the key's name
	keyFault fault
	hash     *bodyHash
}

// read reads the tags that DKIM and ARC have in common. It stops at the first that is wrong.
func (s *signature) read() fault {
	t, ok := parseTags(s.field.value())
	if !ok {
		return fault{Neutral, "malformed"}
	}
	s.tags = t
	for _, name := range []string{"a", "b", "d", "s"} {
		if t[name] == "" {
			return fault{PermError, "missing-tag"}
		}
	}
	var domainOK, selectorOK bool
	s.domain, domainOK = asciiDomain(solid(t["d"]))
	s.selector, selectorOK = asciiDomain(solid(t["s"]))
	if !domainOK || !selectorOK || len(s.selector)+len("._domainkey.")+len(s.domain) > maxDomain {
		return fault{Neutral, "bad-domain"}
	}
	if s.value, ok = base64Value(t["b"]); !ok {
		return fault{Neutral, "malformed"}
	}
	if signed, has := t["t"]; has {
		if _, ok := seconds(solid(signed)); !ok {
			return fault{Neutral, "bad-time"}
		}
	}
	switch t["a"] {
	case "rsa-sha256", "ed25519-sha256":
		s.algorithm, _, _ = strings.Cut(t["a"], "-")
	case "rsa-sha1": // RFC 8301 section 3.1
		return fault{Policy, "weak-hash"}
	default:
		return fault{Neutral, "unknown-algorithm"}
	}
	return fault{}
}

// readMessageTags reads the tags of a signature over fields and body: DKIM's, and ARC's of the message.
func (s *signature) readMessageTags() fault {
	t := s.tags
	names, signs := t["h"]
	if t["bh"] == "" || !signs {
		return fault{PermError, "missing-tag"}
	}
	var ok bool
	if s.bodySum, ok = base64Value(t["bh"]); !ok {
		return fault{Neutral, "malformed"}
	}
	for _, n := range list(names) {
		s.names = append(s.names, strings.ToLower(n))
	}
	if form, has := t["c"]; has {
		head, body, _ := strings.Cut(solid(form), "/")
		if body == "" && !strings.Contains(form, "/") {
			body = "simple"
		}
		if !slices.Contains([]string{"simple", "relaxed"}, head) || !slices.Contains([]string{"simple", "relaxed"}, body) {
			return fault{Neutral, "unknown-canonicalization"}
		}
		s.relaxed, s.form.relaxed = head == "relaxed", body == "relaxed"
	}
	s.form.length = -1
	if l, has := t["l"]; has {
		if s.form.length, ok = number(solid(l)); !ok {
			return fault{Neutral, "malformed"}
		}
	}
	return s.readTimes()
}

// readTimes reads t= and x= against each other; whether the time is over is judged later.
func (s *signature) readTimes() fault {
	expires, has := s.tags["x"]
	if !has {
		return fault{}
	}
	end, ok := seconds(solid(expires))
	start, _ := seconds(solid(s.tags["t"]))
	if !ok || end.Before(start) {
		return fault{Neutral, "bad-time"}
	}
	return fault{}
}

// keyName is the name of the key's record (RFC 6376 section 3.6.2.1).
func (s *signature) keyName() string { return s.selector + "._domainkey." + s.domain }

// key is the key that the DNS had, fit for this signature.
func (s *signature) key(l Limits) (publicKey, fault) {
	if s.keyFault.result != "" {
		return publicKey{}, s.keyFault
	}
	k, f := findKey(s.records, l.RSABits)
	switch {
	case f.result != "":
		return k, f
	case (s.algorithm == "rsa") != (k.rsa != nil):
		return k, fault{PermError, "key-of-other-algorithm"}
	case k.hashes != nil && !slices.Contains(k.hashes, "sha256"):
		return k, fault{PermError, "key-of-other-algorithm"}
	}
	return k, fault{}
}

// verify checks the signature over canonical octets.
func (k publicKey) verify(signed, value []byte) bool {
	sum := sha256.Sum256(signed)
	if k.rsa != nil {
		return rsa.VerifyPKCS1v15(k.rsa, crypto.SHA256, sum[:], value) == nil
	}
	return ed25519.Verify(k.ed25519, sum[:], value) // RFC 8463 section 3: PureEdDSA over the hash
}

// signedOctets are the octets that a signature over fields is of: the fields, then the signature's own without b='s
// value and without the last line end (RFC 6376 section 3.7).
func signedOctets(fields []field, own []byte, relaxed bool) []byte {
	var out []byte
	for _, f := range fields {
		out = canonicalField(out, f.raw, relaxed)
	}
	out = canonicalField(out, withoutSignature(own), relaxed)
	return out[:len(out)-len(crlf)]
}
