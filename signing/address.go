package signing

import (
	"crypto/sha1"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"slices"
	"strings"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

const (
	oidEmailAddress     = "1.2.840.113549.1.9.1"             // RFC 2985 section 5.2.1
	oidSubjectAltName   = "2.5.29.17"                        // RFC 5280 section 4.2.1.6
	oidSmtpUTF8Mailbox  = "\x2b\x06\x01\x05\x05\x07\x08\x09" // RFC 9598 section 3
	maxAddresses        = 100                                // of one certificate; more are left out
	maxAddressBytes     = 320                                // RFC 5321 section 4.5.3.1: 64 + @ + 255
	tagRFC822Name       = cbasn1.Tag(0x80 | 1)               // [1] in a GeneralName
	tagOtherName        = cbasn1.Tag(0x80 | 0x20)            // [0] in a GeneralName
	tagOtherNameContent = cbasn1.Tag(0x80 | 0x20)            // [0] EXPLICIT in an OtherName
)

// addressesOf are the mail addresses of a certificate: rfc822Name, SmtpUTF8Mailbox and the subject's emailAddress (RFC 8550
// section 3), each once.
func addressesOf(c *x509.Certificate) []string {
	var out []string
	add := func(address string) {
		if len(out) < maxAddresses && plainAddress(address) && !slices.Contains(out, address) {
			out = append(out, address)
		}
	}
	for _, address := range c.EmailAddresses {
		add(address)
	}
	for _, address := range utf8Mailboxes(c) {
		add(address)
	}
	for _, name := range c.Subject.Names {
		if address, ok := name.Value.(string); ok && name.Type.String() == oidEmailAddress {
			add(address)
		}
	}
	return out
}

// namesAddress tells whether a certificate has an address at all, be it one that cannot be read: then it is not one that is bound to
// nobody, for whoever has `"a b"@example.com` certified is not everybody.
func namesAddress(c *x509.Certificate) bool {
	return len(c.EmailAddresses) > 0 || len(utf8Mailboxes(c)) > 0 ||
		slices.ContainsFunc(c.Subject.Names, func(n pkix.AttributeTypeAndValue) bool { return n.Type.String() == oidEmailAddress })
}

// plainAddress tells an address from what only looks like one: with an octet zero in it, two addresses, a comment.
func plainAddress(s string) bool {
	at := strings.LastIndexByte(s, '@')
	if at <= 0 || at == len(s)-1 || len(s) > maxAddressBytes {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f || strings.ContainsRune(`<>(),;:"\`, r) })
}

// understood takes the subjectAltName off a certificate's critical extensions that are not understood, when its names are of kinds that
// are: an empty subject makes it critical (RFC 5280 section 4.2.1.6), and crypto/x509 knows no SmtpUTF8Mailbox.
func understood(c *x509.Certificate) {
	if len(utf8Mailboxes(c)) == 0 {
		return
	}
	for _, e := range c.Extensions {
		if e.Id.String() == oidSubjectAltName && !onlyMailboxes(e.Value) {
			return
		}
	}
	c.UnhandledCriticalExtensions = slices.DeleteFunc(c.UnhandledCriticalExtensions, func(id asn1.ObjectIdentifier) bool { return id.String() == oidSubjectAltName })
}

// onlyMailboxes tells whether a subjectAltName has no names but rfc822Name and SmtpUTF8Mailbox.
func onlyMailboxes(value []byte) bool {
	input := cryptobyte.String(value)
	var names cryptobyte.String
	if !input.ReadASN1(&names, cbasn1.SEQUENCE) {
		return false
	}
	for !names.Empty() {
		var name, kind cryptobyte.String
		var tag cbasn1.Tag
		if !names.ReadAnyASN1(&name, &tag) {
			return false
		}
		mailbox := tag == tagOtherName && name.ReadASN1(&kind, cbasn1.OBJECT_IDENTIFIER) && string(kind) == oidSmtpUTF8Mailbox
		if tag != tagRFC822Name && !mailbox {
			return false
		}
	}
	return true
}

// utf8Mailboxes are the subjectAltName's addresses with letters outside of ASCII.
func utf8Mailboxes(c *x509.Certificate) []string {
	var out []string
	for _, e := range c.Extensions {
		if e.Id.String() != oidSubjectAltName {
			continue
		}
		input := cryptobyte.String(e.Value)
		var names cryptobyte.String
		if !input.ReadASN1(&names, cbasn1.SEQUENCE) {
			continue
		}
		for !names.Empty() {
			var name, kind, value, address cryptobyte.String
			var tag cbasn1.Tag
			if !names.ReadAnyASN1(&name, &tag) {
				break
			}
			if tag == tagOtherName && name.ReadASN1(&kind, cbasn1.OBJECT_IDENTIFIER) && string(kind) == oidSmtpUTF8Mailbox &&
				name.ReadASN1(&value, tagOtherNameContent) && value.ReadASN1(&address, cbasn1.UTF8String) {
				out = append(out, string(address))
			}
		}
	}
	return out
}

// address compares a certificate's addresses with the message's (RFC 8550 section 3). Every author has to be in the certificate,
// or else Sender, which then stands for them. A certificate without addresses is bound to nobody, which is no mismatch.
func (v *verifier) address(c *x509.Certificate) (Note, bool) {
	if len(v.From) == 0 && v.Sender == "" {
		return "", true
	}
	if !namesAddress(c) {
		return NoAddress, true
	}
	addresses := addressesOf(c)
	has := func(wanted string) bool {
		return slices.ContainsFunc(addresses, func(a string) bool { return v.sameAddress(a, wanted) })
	}
	missing := slices.ContainsFunc(v.From, func(from string) bool { return !has(from) })
	switch {
	case len(v.From) > 0 && !missing:
		return "", true
	case v.Sender != "" && has(v.Sender):
		return SenderAddress, true
	}
	return "", false
}

// sameAddress compares addresses as mail systems do: ASCII letters without case (RFC 5321 section 2.4 would allow it to count
// in local parts; nobody lets it), other letters exactly, domains in the caller's form.
func (v *verifier) sameAddress(a, b string) bool {
	localA, domainA, okA := cutAddress(a)
	localB, domainB, okB := cutAddress(b)
	return okA && okB && lowerASCII(localA) == lowerASCII(localB) && v.domain(domainA) == v.domain(domainB)
}

// domain is the form of a domain in which it is compared.
func (v *verifier) domain(d string) string {
	if v.Domain != nil {
		d = v.Domain(d)
	}
	return lowerASCII(d)
}

func cutAddress(s string) (local, domain string, ok bool) {
	at := strings.LastIndexByte(s, '@')
	if at <= 0 || at == len(s)-1 {
		return "", "", false
	}
	return s[:at], s[at+1:], true
}

// lowerASCII leaves letters outside of ASCII alone: the Kelvin sign is no k.
func lowerASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

// constrained tells whether the authorities of a chain may vouch for all addresses of its first certificate. crypto/x509 looks
// at rfc822Name alone, but emailAddress in the subject is bound as well (RFC 5280 section 4.2.1.10), and so is
// SmtpUTF8Mailbox (RFC 9598 section 6).
//
// What is one mailbox to sameAddress is one here: an authority that is kept out of it must not get in by another way to write it.
func (v *verifier) constrained(chain []*x509.Certificate) bool {
	for _, address := range addressesOf(chain[0]) {
		for _, authority := range chain[1:] {
			within := func(constraint string) bool { return v.inConstraint(address, constraint) }
			if slices.ContainsFunc(authority.ExcludedEmailAddresses, within) {
				return false
			}
			if len(authority.PermittedEmailAddresses) > 0 && !slices.ContainsFunc(authority.PermittedEmailAddresses, within) {
				return false
			}
		}
	}
	return true
}

// inConstraint tells whether an address is within one: a mailbox, a host, or with a dot in front all hosts below a domain.
func (v *verifier) inConstraint(address, constraint string) bool {
	local, domain, _ := cutAddress(address)
	domain, constraint = v.domain(domain), strings.TrimSpace(constraint)
	if l, d, ok := cutAddress(constraint); ok {
		return lowerASCII(l) == lowerASCII(local) && v.domain(d) == domain
	}
	if below, ok := strings.CutPrefix(constraint, "."); ok {
		return strings.HasSuffix(domain, "."+v.domain(below))
	}
	return domain == v.domain(constraint)
}

// keyIdentifier is the SHA-1 of the public key's bits (RFC 5280 section 4.2.1.2). It names a key and proves nothing.
func keyIdentifier(c *x509.Certificate) ([]byte, bool) {
	input := cryptobyte.String(c.RawSubjectPublicKeyInfo)
	var in cryptobyte.String
	var bits []byte
	if !input.ReadASN1(&in, cbasn1.SEQUENCE) || !in.SkipASN1(cbasn1.SEQUENCE) || !in.ReadASN1BitStringAsBytes(&bits) {
		return nil, false
	}
	sum := sha1.Sum(bits)
	return sum[:], true
}
