package signing

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"math/big"
	"slices"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// Object identifiers of extensions of lists, DER without tag and length.
const oidIssuingDistributionPoint = "\x55\x1d\x1c" // RFC 5280 section 5.2.5

// list is a revocation list (RFC 5280 section 5.1). Its entries stay in the octets they came in: x509.ParseRevocationList
// would make ten times as much of a list of 16 MiB, to look up one number.
type list struct {
	issuer     []byte // DER
	this, next time.Time
	entries    cryptobyte.String // contents of revokedCertificates
	signed     []byte            // tbsCertList
	method     algorithm
	signature  []byte

	unusable  bool     // it has a critical extension that is not understood, or is about something else
	addresses []string // of its distribution point; empty: all
	scoped    bool     // it has a distribution point
	onlyUsers bool
	onlyCAs   bool
}

// parseList reads a list, PEM or DER.
func parseList(data []byte) (*list, bool) {
	if block, _ := pem.Decode(data); block != nil && block.Type == "X509 CRL" {
		data = block.Bytes
	}
	input := cryptobyte.String(data)
	var outer, element, in cryptobyte.String
	if !input.ReadASN1(&outer, cbasn1.SEQUENCE) || !input.Empty() || !outer.ReadASN1Element(&element, cbasn1.SEQUENCE) {
		return nil, false
	}
	l := &list{signed: element}
	var ok bool
	if l.method, ok = readAlgorithm(&outer); !ok || !outer.ReadASN1BitStringAsBytes(&l.signature) || !outer.Empty() {
		return nil, false
	}
	var issuer cryptobyte.String
	if !element.ReadASN1(&in, cbasn1.SEQUENCE) || !in.SkipOptionalASN1(cbasn1.INTEGER) {
		return nil, false
	}
	if inner, ok := readAlgorithm(&in); !ok || inner.oid != l.method.oid || !in.ReadASN1Element(&issuer, cbasn1.SEQUENCE) {
		return nil, false
	}
	l.issuer = issuer
	if l.this, ok = readTime(&in); !ok {
		return nil, false
	}
	if in.PeekASN1Tag(cbasn1.UTCTime) || in.PeekASN1Tag(cbasn1.GeneralizedTime) {
		if l.next, ok = readTime(&in); !ok {
			return nil, false
		}
	}
	if in.PeekASN1Tag(cbasn1.SEQUENCE) && !in.ReadASN1(&l.entries, cbasn1.SEQUENCE) {
		return nil, false
	}
	var extensions cryptobyte.String
	var present bool
	if !in.ReadOptionalASN1(&extensions, &present, cbasn1.Tag(0).ContextSpecific().Constructed()) || !in.Empty() {
		return nil, false
	}
	return l, !present || l.readExtensions(extensions)
}

func readTime(in *cryptobyte.String) (time.Time, bool) {
	var t time.Time
	var element cryptobyte.String
	var tag cbasn1.Tag
	if !in.ReadAnyASN1Element(&element, &tag) || tag != cbasn1.UTCTime && tag != cbasn1.GeneralizedTime {
		return t, false
	}
	rest, err := asn1.Unmarshal(element, &t)
	return t, err == nil && len(rest) == 0
}

// readExtensions reads the list's own. One that is critical and not known, such as that of a list of changes only, makes it
// unusable (RFC 5280 section 5.2).
func (l *list) readExtensions(in cryptobyte.String) bool {
	var all cryptobyte.String
	if !in.ReadASN1(&all, cbasn1.SEQUENCE) || !in.Empty() {
		return false
	}
	for !all.Empty() {
		var one, kind, value cryptobyte.String
		var critical bool
		if !all.ReadASN1(&one, cbasn1.SEQUENCE) || !one.ReadASN1(&kind, cbasn1.OBJECT_IDENTIFIER) {
			return false
		}
		if one.PeekASN1Tag(cbasn1.BOOLEAN) && !one.ReadASN1Boolean(&critical) || !one.ReadASN1(&value, cbasn1.OCTET_STRING) {
			return false
		}
		switch {
		case string(kind) == oidIssuingDistributionPoint:
			if !l.readPoint(value) {
				return false
			}
		case critical:
			l.unusable = true
		}
	}
	return true
}

// readPoint reads an issuing distribution point: which certificates the list is about.
func (l *list) readPoint(value cryptobyte.String) bool {
	var in cryptobyte.String
	if !value.ReadASN1(&in, cbasn1.SEQUENCE) || !value.Empty() {
		return false
	}
	for !in.Empty() {
		var field cryptobyte.String
		var tag cbasn1.Tag
		if !in.ReadAnyASN1(&field, &tag) {
			return false
		}
		yes := len(field) == 1 && field[0] != 0
		switch tag {
		case cbasn1.Tag(0).ContextSpecific().Constructed(): // distributionPoint, fullName: GeneralNames
			l.scoped = true
			var names, name cryptobyte.String
			if field.ReadASN1(&names, cbasn1.Tag(0).ContextSpecific().Constructed()) {
				for names.ReadAnyASN1(&name, &tag) {
					if tag == cbasn1.Tag(6).ContextSpecific() {
						l.addresses = append(l.addresses, string(name))
					}
				}
			}
		case cbasn1.Tag(1).ContextSpecific():
			l.onlyUsers = yes
		case cbasn1.Tag(2).ContextSpecific():
			l.onlyCAs = yes
		case cbasn1.Tag(3).ContextSpecific(): // some reasons only
			l.unusable = true
		default: // of other issuers too, attribute certificates
			l.unusable = l.unusable || yes
		}
	}
	return true
}

// by tells whether the list says to be an issuer's.
func (l *list) by(issuer *x509.Certificate) bool { return bytes.Equal(l.issuer, issuer.RawSubject) }

// covers tells whether the list would have this certificate, were it revoked.
func (l *list) covers(c *x509.Certificate) bool {
	switch {
	case l.unusable, l.onlyUsers && c.IsCA, l.onlyCAs && !c.IsCA:
		return false
	case !l.scoped:
		return true
	}
	return slices.ContainsFunc(l.addresses, func(a string) bool { return slices.Contains(c.CRLDistributionPoints, a) })
}

// verify checks that the issuer signed the list and may (RFC 5280 section 6.3.3 f, g).
func (l *list) verify(issuer *x509.Certificate) bool {
	if !issuer.IsCA || issuer.KeyUsage != 0 && issuer.KeyUsage&x509.KeyUsageCRLSign == 0 {
		return false
	}
	key, ok := keyOf(issuer)
	method, reason := schemeOf(l.method)
	if !ok || reason != "" || !key.fits(method) || weakHash(method.hash) || key.rsaBits() > maxRSABits {
		return false
	}
	if method.kind == kindEd25519 {
		return key.verify(method, 0, nil, l.signed, l.signature)
	}
	if method.hash == 0 {
		return false
	}
	h := method.hash.New()
	h.Write(l.signed)
	return key.verify(method, method.hash, h.Sum(nil), nil, l.signature)
}

// find looks up a serial number. ok is false when the entries cannot be read to the end: then none of them counts.
func (l *list) find(serial *big.Int) (at time.Time, listed, ok bool) {
	entries, wanted := l.entries, serial.Bytes()
	for !entries.Empty() {
		var one, number cryptobyte.String
		if !entries.ReadASN1(&one, cbasn1.SEQUENCE) || !one.ReadASN1(&number, cbasn1.INTEGER) {
			return at, false, false
		}
		if listed || !bytes.Equal(bytes.TrimLeft(number, "\x00"), wanted) {
			continue
		}
		if at, ok = readTime(&one); !ok {
			return at, false, false
		}
		listed = true
	}
	return at, listed, true
}
