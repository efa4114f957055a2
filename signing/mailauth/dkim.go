package mailauth

import (
	"crypto/subtle"
	"slices"
	"strings"
	"time"
)

// DKIM is what came of one DKIM-Signature field. Domain and Selector are A-labels; "" when the field has none.
type DKIM struct {
	Result   Value
	Reason   string // a name out of a short list; "" for a pass
	Domain   string // d=
	Selector string // s=
	// Identity is i= as it is written, "" without; it is of Domain or below.
	Identity  string
	Algorithm string // "rsa-sha256" or "ed25519-sha256"
	KeyBits   int    // 0 without a key
	Mark      string // the first 8 characters of b= (RFC 6008): tells signatures of one domain apart
	Testing   bool   // the key's record says t=y
	// Unsigned is how many octets of the body the signature leaves out by l=; -1 when l= is not used.
	Unsigned   int64
	Oversigned bool      // one From more is signed than there are: adding one breaks the signature
	Signed     time.Time // t=, zero without
	Expires    time.Time // x=, zero without
}

// verifier verifies one message's signatures.
type verifier struct {
	header header
	limits Limits
	now    time.Time
	look   *lookup
}

// signatures are the DKIM signatures to be verified, at most Limits.Signatures: those first whose domain may align
// with an author, so that a flood on top hides nobody's.
func (v *verifier) signatures(authors []string) []*signature {
	var near, far []*signature
	for i, f := range v.header.fields {
		if f.name != dkimField {
			continue
		}
		if len(near) == v.limits.Signatures {
			break
		}
		s := &signature{index: i, field: f}
		s.fault = s.read()
		if slices.ContainsFunc(authors, func(a string) bool { return s.domain != "" && (within(a, s.domain) || within(s.domain, a)) }) {
			near = append(near, s)
		} else if len(far) < v.limits.Signatures {
			far = append(far, s)
		}
	}
	out := append(near, far...)
	out = out[:min(len(out), v.limits.Signatures)]
	for _, s := range out {
		if s.fault.result == "" {
			s.fault = v.readDKIM(s)
		}
	}
	return out
}

// readDKIM reads what only DKIM has.
func (v *verifier) readDKIM(s *signature) fault {
	if s.tags["v"] != "1" {
		return fault{Neutral, "unknown-version"}
	}
	if f := s.readMessageTags(); f.result != "" {
		return f
	}
	if q, has := s.tags["q"]; has && !slices.Contains(list(q), "dns/txt") {
		return fault{Neutral, "unknown-query"}
	}
	if !slices.Contains(s.names, "from") { // RFC 6376 section 5.4
		return fault{PermError, "from-not-signed"}
	}
	if id, has := s.tags["i"]; has {
		if d, ok := identityDomain(id); !ok || !within(d, s.domain) {
			return fault{PermError, "identity-of-other-domain"}
		}
	}
	if end, has := s.tags["x"]; has {
		if t, _ := seconds(solid(end)); v.now.After(t.Add(clockSkew)) {
			return fault{Fail, "expired"}
		}
	}
	return fault{}
}

// identityDomain is the domain of i=.
func identityDomain(id string) (string, bool) {
	i := strings.LastIndexByte(id, '@')
	if i < 0 {
		return "", false
	}
	return asciiDomain(solid(id[i+1:]))
}

// judge says what came of a signature whose key and body hash are there.
func (v *verifier) judge(s *signature) DKIM {
	out := DKIM{Domain: s.domain, Selector: s.selector, Identity: solid(s.tags["i"]), Algorithm: s.tags["a"], Unsigned: -1}
	out.Mark = solid(s.tags["b"])
	out.Mark = out.Mark[:min(len(out.Mark), 8)]
	out.Signed, _ = seconds(solid(s.tags["t"]))
	out.Expires, _ = seconds(solid(s.tags["x"]))
	from, signed := v.header.count("from"), 0
	for _, n := range s.names {
		if n == "from" {
			signed++
		}
	}
	out.Oversigned = signed > from
	if s.form.length >= 0 && s.hash != nil && s.fault.result == "" {
		out.Unsigned = max(s.hash.length-s.form.length, 0)
	}
	f := s.fault
	if f.result == "" {
		var k publicKey
		k, f = s.key(v.limits)
		out.KeyBits, out.Testing = k.bits, k.testing
		if f.result == "" {
			f = v.compare(s, k, signed < from)
		}
	}
	out.Result, out.Reason = f.result, f.reason
	return out
}

// compare compares hashes and signature, then says what the signature leaves open.
func (v *verifier) compare(s *signature, k publicKey, fromOpen bool) fault {
	if id, has := s.tags["i"]; has && k.strict {
		if d, _ := identityDomain(id); d != s.domain {
			return fault{PermError, "identity-of-other-domain"}
		}
	}
	if f := s.compareBody(); f.result != "" {
		return f
	}
	if !k.verify(signedOctets(v.header.pick(s.names, s.index), s.field.raw, s.relaxed), s.value) {
		return fault{Fail, "bad-signature"}
	}
	switch {
	case fromOpen: // another From may have been put on top
		return fault{Policy, "from-not-signed"}
	case s.form.length >= 0 && s.hash.length > s.form.length:
		return fault{Policy, "partial-body"}
	}
	return fault{result: Pass}
}

func (s *signature) compareBody() fault {
	switch {
	case s.hash == nil:
		return fault{PermError, "not-hashed"}
	case s.form.length > s.hash.length: // RFC 6376 section 3.5
		return fault{Fail, "body-shorter-than-signed"}
	case subtle.ConstantTimeCompare(s.hash.sum, s.bodySum) != 1:
		return fault{Fail, "body-changed"}
	}
	return fault{}
}
