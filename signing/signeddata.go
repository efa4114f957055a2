package signing

import (
	"crypto"
	"io"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// signedData is a SignedData (RFC 5652 section 5.1) without its content.
type signedData struct {
	contentType  string        // object identifier
	announced    []crypto.Hash // digest algorithms that are known, each once
	detached     bool          // there is no content in it
	certificates [][]byte      // DER, as they stand
	signers      []signerInfo
}

// readSignedData reads a ContentInfo that holds a SignedData, in one pass. The content goes to the writer that content gives
// when it comes to it. A defect is what is wrong with the octets; any other error is the reader's or the writer's.
func readSignedData(r io.Reader, limits Limits, content func(announced []crypto.Hash) io.Writer) (*signedData, error) {
	b := newBERReader(r, limits)
	top := b.outermost()
	info, err := b.constructed(top, classUniversal, tagSequence)
	if err != nil {
		return nil, err
	}
	kind, err := b.oid(info)
	if err != nil {
		return nil, err
	}
	if kind != oidSignedData {
		return nil, defect{NotSigned}
	}
	explicit, err := b.constructed(info, classContext, 0)
	if err != nil {
		return nil, err
	}
	in, err := b.constructed(explicit, classUniversal, tagSequence)
	if err != nil {
		return nil, err
	}
	sd, err := b.signedData(in, content)
	if err != nil {
		return nil, err
	}
	for _, s := range []scope{in, explicit, info} {
		if err := b.leave(s); err != nil {
			return nil, err
		}
	}
	return sd, b.nothingBehind()
}

// signedData reads the fields of a SignedData in their order.
func (b *berReader) signedData(in scope, content func([]crypto.Hash) io.Writer) (*signedData, error) {
	sd := &signedData{}
	version, err := b.header(in)
	if err != nil {
		return nil, err
	}
	if !version.is(classUniversal, 2) || version.constructed {
		return nil, defect{Damaged}
	}
	if err := b.skip(version, in); err != nil {
		return nil, err
	}
	if sd.announced, err = b.digestAlgorithms(in); err != nil {
		return nil, err
	}
	if err := b.encapsulated(sd, in, content); err != nil {
		return nil, err
	}
	h, err := b.header(in)
	if err != nil {
		return nil, err
	}
	if h.is(classContext, 0) {
		if sd.certificates, err = b.certificates(h, in); err != nil {
			return nil, err
		}
		if h, err = b.header(in); err != nil {
			return nil, err
		}
	}
	if h.is(classContext, 1) { // revocation lists; what the store and the authority say counts
		if err := b.skip(h, in); err != nil {
			return nil, err
		}
		if h, err = b.header(in); err != nil {
			return nil, err
		}
	}
	if !h.is(classUniversal, tagSet) || !h.constructed {
		return nil, defect{Damaged}
	}
	sd.signers, err = b.signerInfos(h, in)
	return sd, err
}

// each calls f with the header of each element in a constructed one.
func (b *berReader) each(h header, in scope, f func(header, scope) error) error {
	if !h.constructed {
		return defect{Damaged}
	}
	inside, err := b.enter(h, in)
	if err != nil {
		return err
	}
	for {
		more, err := b.more(inside)
		if err != nil || !more {
			return err
		}
		child, err := b.header(inside)
		if err != nil {
			return err
		}
		if err := f(child, inside); err != nil {
			return err
		}
	}
}

// oid reads an object identifier.
func (b *berReader) oid(in scope) (string, error) {
	h, err := b.header(in)
	if err != nil {
		return "", err
	}
	if !h.is(classUniversal, tagOID) || h.constructed || h.length > 64 {
		return "", defect{Damaged}
	}
	contents, err := b.read(nil, h.length)
	return string(contents), err
}

// digestAlgorithms reads the set of them, and keeps those that are known.
func (b *berReader) digestAlgorithms(in scope) ([]crypto.Hash, error) {
	h, err := b.header(in)
	if err != nil {
		return nil, err
	}
	if !h.is(classUniversal, tagSet) {
		return nil, defect{Damaged}
	}
	seen := map[crypto.Hash]bool{}
	var out []crypto.Hash
	err = b.each(h, in, func(h header, in scope) error {
		der, err := b.element(nil, h, in)
		if err != nil {
			return err
		}
		s := cryptobyte.String(der)
		a, ok := readAlgorithm(&s)
		if !ok {
			return defect{Damaged}
		}
		if hash := digestOf(a.oid); hash != 0 && !seen[hash] {
			seen[hash] = true
			out = append(out, hash)
		}
		return nil
	})
	return out, err
}

// encapsulated reads an EncapsulatedContentInfo (RFC 5652 section 5.2). PKCS #7 allowed any type as content; only an OCTET
// STRING is read.
func (b *berReader) encapsulated(sd *signedData, in scope, content func([]crypto.Hash) io.Writer) error {
	around, err := b.constructed(in, classUniversal, tagSequence)
	if err != nil {
		return err
	}
	if sd.contentType, err = b.oid(around); err != nil {
		return err
	}
	more, err := b.more(around)
	if err != nil {
		return err
	}
	if sd.detached = !more; sd.detached {
		return nil
	}
	explicit, err := b.constructed(around, classContext, 0)
	if err != nil {
		return err
	}
	h, err := b.header(explicit)
	if err != nil {
		return err
	}
	if !h.is(classUniversal, tagOctetString) {
		return defect{ContentKind}
	}
	if err := b.octets(content(sd.announced), h, explicit); err != nil {
		return err
	}
	if err := b.leave(explicit); err != nil {
		return err
	}
	return b.leave(around)
}

// certificates reads a CertificateSet. Attribute certificates and other forms are left out.
func (b *berReader) certificates(h header, in scope) ([][]byte, error) {
	var out [][]byte
	n := 0
	err := b.each(h, in, func(h header, in scope) error {
		if n++; n > b.limits.Certificates {
			return defect{TooManyCertificates}
		}
		if !h.is(classUniversal, tagSequence) {
			return b.skip(h, in)
		}
		der, err := b.element(nil, h, in)
		out = append(out, der)
		return err
	})
	return out, err
}

func (b *berReader) signerInfos(h header, in scope) ([]signerInfo, error) {
	var out []signerInfo
	err := b.each(h, in, func(h header, in scope) error {
		if len(out) == b.limits.Signers {
			return defect{TooManySigners}
		}
		der, err := b.element(nil, h, in)
		if err != nil {
			return err
		}
		s, ok := parseSignerInfo(der)
		if !ok {
			return defect{Damaged}
		}
		out = append(out, s)
		return nil
	})
	return out, err
}

// nothingBehind reads to the end of the input. Zeros and line ends may follow, as what reserves room for a signature or
// transports it leaves them: two programs cannot read them in two ways.
func (b *berReader) nothingBehind() error {
	const most = 1 << 20
	for range most {
		switch c, err := b.r.ReadByte(); {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		case c != 0 && c != '\r' && c != '\n':
			return defect{TrailingData}
		}
	}
	return defect{TrailingData}
}

// algorithm is an AlgorithmIdentifier (RFC 5280 section 4.1.1.2).
type algorithm struct {
	oid        string            // DER without tag and length
	parameters cryptobyte.String // one element, DER; empty when absent
}

func readAlgorithm(s *cryptobyte.String) (algorithm, bool) {
	var a algorithm
	var in, kind cryptobyte.String
	if !s.ReadASN1(&in, cbasn1.SEQUENCE) || !in.ReadASN1(&kind, cbasn1.OBJECT_IDENTIFIER) {
		return a, false
	}
	a.oid = string(kind)
	if in.Empty() {
		return a, true
	}
	var tag cbasn1.Tag
	ok := in.ReadAnyASN1Element(&a.parameters, &tag) && in.Empty()
	return a, ok
}

// signerInfo is a SignerInfo (RFC 5652 section 5.3).
type signerInfo struct {
	issuer, serial []byte // issuer as DER, serial as the contents of an INTEGER; nil with a key identifier
	keyID          []byte
	digest         algorithm
	signature      algorithm
	value          []byte
	attributes     []byte // signedAttrs as a SET in DER but for the order; nil: there are none
	unsigned       []byte // the contents of unsignedAttrs
}

func parseSignerInfo(der []byte) (signerInfo, bool) {
	var s signerInfo
	input := cryptobyte.String(der)
	var in, value cryptobyte.String
	if !input.ReadASN1(&in, cbasn1.SEQUENCE) || !input.Empty() || !in.SkipASN1(cbasn1.INTEGER) || !s.readID(&in) {
		return s, false
	}
	var ok bool
	if s.digest, ok = readAlgorithm(&in); !ok {
		return s, false
	}
	if tag := cbasn1.Tag(0).ContextSpecific().Constructed(); in.PeekASN1Tag(tag) {
		var element cryptobyte.String
		if !in.ReadASN1Element(&element, tag) {
			return s, false
		}
		// RFC 5652 section 5.4: what is signed has the tag of a SET in place of the implicit one.
		s.attributes = append([]byte{byte(cbasn1.SET)}, element[1:]...)
	}
	if s.signature, ok = readAlgorithm(&in); !ok || !in.ReadASN1(&value, cbasn1.OCTET_STRING) {
		return s, false
	}
	s.value = value
	var unsigned cryptobyte.String
	var present bool
	if !in.ReadOptionalASN1(&unsigned, &present, cbasn1.Tag(1).ContextSpecific().Constructed()) || !in.Empty() {
		return s, false
	}
	s.unsigned = unsigned
	return s, true
}

// readID reads a SignerIdentifier. A key identifier in segments is an implicitly tagged string, which Normalise cannot tell
// from a sequence.
func (s *signerInfo) readID(in *cryptobyte.String) bool {
	var id cryptobyte.String
	switch tag := cbasn1.Tag(0).ContextSpecific(); {
	case in.PeekASN1Tag(tag):
		if !in.ReadASN1(&id, tag) {
			return false
		}
		s.keyID = id
		return len(id) > 0
	case in.PeekASN1Tag(tag.Constructed()):
		if !in.ReadASN1(&id, tag.Constructed()) {
			return false
		}
		for !id.Empty() {
			var segment cryptobyte.String
			if !id.ReadASN1(&segment, cbasn1.OCTET_STRING) {
				return false
			}
			s.keyID = append(s.keyID, segment...)
		}
		return len(s.keyID) > 0
	}
	var issuer, serial cryptobyte.String
	if !in.ReadASN1(&id, cbasn1.SEQUENCE) || !id.ReadASN1Element(&issuer, cbasn1.SEQUENCE) ||
		!id.ReadASN1(&serial, cbasn1.INTEGER) || !id.Empty() || len(serial) == 0 {
		return false
	}
	s.issuer, s.serial = issuer, serial
	return true
}
