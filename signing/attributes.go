package signing

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/asn1"
	"slices"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// Object identifiers of attributes, DER without tag and length.
const (
	oidContentType          = "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x03"         // RFC 5652 section 11.1
	oidMessageDigest        = "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x04"         // RFC 5652 section 11.2
	oidSigningTime          = "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x05"         // RFC 5652 section 11.3
	oidAlgorithmProtection  = "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x34"         // RFC 6211
	oidSecurityLabel        = "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x02\x02" // RFC 2634 section 3.2
	oidSigningCertificate   = "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x02\x0c" // RFC 2634 section 5.4
	oidTimestamp            = "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x02\x0e" // RFC 3161 appendix A
	oidSigningCertificateV2 = "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x02\x2f" // RFC 5035 section 3
)

// maxPrivacyMark is how many octets of a security label's privacy mark are kept (RFC 2634 section 3.2: ub-privacy-mark-length).
const maxPrivacyMark = 128

// attributes are signed attributes, by type: the contents of the SET of values.
type attributes map[string]cryptobyte.String

// parseAttributes reads a SET OF Attribute. No type may come twice (RFC 5652 section 5.3): two programs would read the first
// and the last.
func parseAttributes(set []byte) (attributes, bool) {
	input := cryptobyte.String(set)
	var in cryptobyte.String
	if !input.ReadASN1(&in, cbasn1.SET) || !input.Empty() || in.Empty() {
		return nil, false
	}
	out := attributes{}
	for !in.Empty() {
		var one, kind, values cryptobyte.String
		if !in.ReadASN1(&one, cbasn1.SEQUENCE) || !one.ReadASN1(&kind, cbasn1.OBJECT_IDENTIFIER) ||
			!one.ReadASN1(&values, cbasn1.SET) || !one.Empty() {
			return nil, false
		}
		if _, twice := out[string(kind)]; twice {
			return nil, false
		}
		out[string(kind)] = values
	}
	return out, true
}

// single gives the contents of an attribute that must have exactly one value of this tag.
func (a attributes) single(kind string, tag cbasn1.Tag) ([]byte, bool) {
	values, ok := a[kind]
	if !ok {
		return nil, false
	}
	var value cryptobyte.String
	if !values.ReadASN1(&value, tag) || !values.Empty() {
		return nil, false
	}
	return value, true
}

// sortedSet is a SET OF in the order that DER asks for (X.690 section 11.6).
func sortedSet(set []byte) []byte {
	input := cryptobyte.String(set)
	var in cryptobyte.String
	if !input.ReadASN1(&in, cbasn1.SET) {
		return set
	}
	head := set[:len(set)-len(in)]
	var elements [][]byte
	for !in.Empty() {
		var element cryptobyte.String
		var tag cbasn1.Tag
		if !in.ReadAnyASN1Element(&element, &tag) {
			return set
		}
		elements = append(elements, element)
	}
	slices.SortFunc(elements, bytes.Compare)
	return append(bytes.Clone(head), bytes.Join(elements, nil)...)
}

// signingTime reads that attribute, the zero time when there is none. ok is false when it is there but is no time.
func (a attributes) signingTime() (t time.Time, ok bool) {
	values, there := a[oidSigningTime]
	if !there {
		return time.Time{}, true
	}
	var element cryptobyte.String
	var tag cbasn1.Tag
	if !values.ReadAnyASN1Element(&element, &tag) || !values.Empty() || tag != cbasn1.UTCTime && tag != cbasn1.GeneralizedTime {
		return time.Time{}, false
	}
	// UTCTime may leave the seconds out in BER, and have an offset: encoding/asn1 reads both.
	rest, err := asn1.Unmarshal(element, &t)
	return t, err == nil && len(rest) == 0
}

// protects tells whether an algorithm-protection attribute (RFC 6211), if there, names the algorithms that are used.
func (a attributes) protects(digest, signature string) bool {
	if _, there := a[oidAlgorithmProtection]; !there {
		return true
	}
	contents, ok := a.single(oidAlgorithmProtection, cbasn1.SEQUENCE)
	if !ok {
		return false
	}
	in := cryptobyte.String(contents)
	named, ok := readAlgorithm(&in)
	var inner, kind cryptobyte.String
	if !ok || named.oid != digest || !in.ReadASN1(&inner, cbasn1.Tag(1).ContextSpecific().Constructed()) {
		return false
	}
	return inner.ReadASN1(&kind, cbasn1.OBJECT_IDENTIFIER) && string(kind) == signature
}

// bound tells whether the signing-certificate attributes name this certificate first, and whether there are any. There may be
// both versions, and each must fit (RFC 5035 section 3).
func (a attributes) bound(c *x509.Certificate) (named, fits bool) {
	fits = true
	for _, kind := range []string{oidSigningCertificate, oidSigningCertificateV2} {
		if _, there := a[kind]; !there {
			continue
		}
		named = true
		contents, ok := a.single(kind, cbasn1.SEQUENCE)
		fits = fits && ok && essFits(contents, c, kind == oidSigningCertificateV2)
	}
	return named, fits
}

// essFits tells whether the first ESSCertID or ESSCertIDv2 is the certificate's.
func essFits(contents []byte, c *x509.Certificate, v2 bool) bool {
	in := cryptobyte.String(contents)
	var list, id cryptobyte.String
	if !in.ReadASN1(&list, cbasn1.SEQUENCE) || !list.ReadASN1(&id, cbasn1.SEQUENCE) {
		return false
	}
	hash := crypto.SHA1
	if v2 {
		hash = crypto.SHA256 // the default
		if id.PeekASN1Tag(cbasn1.SEQUENCE) {
			a, ok := readAlgorithm(&id)
			if hash = digestOf(a.oid); !ok || hash == 0 || hash == crypto.MD5 {
				return false
			}
		}
	}
	var digest, issuerSerial cryptobyte.String
	h := hash.New()
	h.Write(c.Raw)
	if !id.ReadASN1(&digest, cbasn1.OCTET_STRING) || !bytes.Equal(digest, h.Sum(nil)) {
		return false
	}
	if id.Empty() {
		return true
	}
	var names, serial cryptobyte.String
	return id.ReadASN1(&issuerSerial, cbasn1.SEQUENCE) && id.Empty() && issuerSerial.ReadASN1(&names, cbasn1.SEQUENCE) &&
		issuerSerial.ReadASN1(&serial, cbasn1.INTEGER) && serialOf(serial).Cmp(c.SerialNumber) == 0
}

// label reads the security label, nil when there is none or it is none.
func (a attributes) label() *Label {
	contents, ok := a.single(oidSecurityLabel, cbasn1.SET)
	if !ok {
		return nil
	}
	l := &Label{Classification: -1}
	in := cryptobyte.String(contents)
	// A SET: its fields come in any order, told by their tags.
	for !in.Empty() {
		var element cryptobyte.String
		var tag cbasn1.Tag
		if !in.ReadAnyASN1Element(&element, &tag) {
			return nil
		}
		switch tag {
		case cbasn1.OBJECT_IDENTIFIER:
			var policy asn1.ObjectIdentifier
			if element.ReadASN1ObjectIdentifier(&policy) {
				l.Policy = policy.String()
			}
		case cbasn1.INTEGER:
			if !element.ReadASN1Integer(&l.Classification) || l.Classification < 0 {
				return nil
			}
		case cbasn1.PrintableString, cbasn1.UTF8String:
			var mark cryptobyte.String
			if element.ReadASN1(&mark, tag) {
				l.PrivacyMark = string(bytes.ToValidUTF8(mark[:min(len(mark), maxPrivacyMark)], nil))
			}
		case cbasn1.SET:
			var categories, one cryptobyte.String
			if !element.ReadASN1(&categories, tag) {
				return nil
			}
			for categories.ReadAnyASN1Element(&one, &tag) {
				l.Categories++
			}
		}
	}
	return l
}

// timestamped tells whether unsigned attributes hold a timestamp of the signature.
func timestamped(contents cryptobyte.String) bool {
	for !contents.Empty() {
		var one, kind cryptobyte.String
		if !contents.ReadASN1(&one, cbasn1.SEQUENCE) || !one.ReadASN1(&kind, cbasn1.OBJECT_IDENTIFIER) {
			return false
		}
		if string(kind) == oidTimestamp {
			return true
		}
	}
	return false
}
