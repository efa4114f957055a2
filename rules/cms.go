package rules

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"congthu/filter/message"
)

const (
	maxSignatureDepth = 3       // opaque signatures in one another; beyond, one counts as it stands
	maxSignatures     = 16      // opaque signatures opened in one message; beyond, one counts as it stands
	maxCMSSkip        = 1 << 20 // octets of one CMS element before the content
)

// Content types of CMS (RFC 5652 section 14, RFC 5083, RFC 3274), DER without tag and length.
const (
	cmsSigned        = "\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02"
	cmsEnveloped     = "\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03"
	cmsAuthEnveloped = "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x17"
)

// errNoCMS says that octets are not the CMS that was looked for. It is a result, not a failure.
var errNoCMS = errors.New("no CMS")

func smimeType(mediaType string) bool {
	return mediaType == "application/pkcs7-mime" || mediaType == "application/x-pkcs7-mime"
}

// cmsKindOf is the type of CMS that a part holds, "" when it holds none.
func cmsKindOf(p *message.Part) (string, error) {
	kind, err := cmsKind(bufio.NewReader(p.Open()))
	if errors.Is(err, errNoCMS) {
		return "", nil
	}
	return kind, err
}

// smime is what an S/MIME part of n octets counts.
func (s *sizer) smime(p *message.Part, n int64, at place) (tally, error) {
	whole := tally{attachments: n}
	r := bufio.NewReader(p.Open())
	kind, err := cmsKind(r)
	switch {
	case errors.Is(err, errNoCMS):
		return whole, nil
	case err != nil:
		return tally{}, err
	case kind == cmsEnveloped, kind == cmsAuthEnveloped:
		return tally{attachments: insideBase64(n)}, nil
	case kind != cmsSigned || s.depth >= maxSignatureDepth || s.opened >= maxSignatures:
		return whole, nil
	}
	// What is signed takes as much room as the message itself, out of the same budget.
	spool := message.NewSpool(message.Limits{WireBytes: n, MemoryBytes: s.config.Limits.MemoryBytes}, s.config.Budget)
	defer spool.Close()
	if err := copySigned(spool, r); errors.Is(err, errNoCMS) {
		return whole, nil
	} else if err != nil {
		return tally{}, fmt.Errorf("keeping what is signed: %w", err)
	}
	m, err := message.Read(spool, spool.Size(), s.config.Limits)
	if err != nil {
		return tally{}, fmt.Errorf("reading what is signed: %w", err)
	}
	s.opened++
	s.depth++
	defer func() { s.depth-- }()
	inside, err := s.part(m.Root, at)
	// Certificates and signatures are small, and so is what cutting the content into pieces costs. What is
	// more than that is a file beside the content.
	if beside := n - spool.Size(); beside > maxSignature+n/100 {
		inside.attachments += beside
	}
	return inside, err
}

// cmsKind reads the start of a ContentInfo (RFC 5652 section 3) up to its content and gives the type.
func cmsKind(r *bufio.Reader) (string, error) {
	if _, err := element(r, 0x30); err != nil {
		return "", err
	}
	n, err := element(r, 0x06)
	if err != nil {
		return "", err
	}
	if n < 0 || n > 32 {
		return "", errNoCMS
	}
	oid := make([]byte, n)
	if _, err := io.ReadFull(r, oid); err != nil {
		return "", notCMS(err)
	}
	_, err = element(r, 0xa0)
	return string(oid), err
}

// copySigned copies the content of a SignedData (RFC 5652 section 5.1) from where cmsKind stopped. Both DER
// and the BER of programs that sign in one pass are read; a detached signature has no content and is errNoCMS.
func copySigned(w io.Writer, r *bufio.Reader) error {
	if _, err := element(r, 0x30); err != nil {
		return err
	}
	for _, tag := range []byte{0x02, 0x31} { // version, digest algorithms
		if err := skip(r, tag); err != nil {
			return err
		}
	}
	if _, err := element(r, 0x30); err != nil {
		return err
	}
	if err := skip(r, 0x06); err != nil {
		return err
	}
	if _, err := element(r, 0xa0); err != nil {
		return err
	}
	tag, n, err := header(r)
	switch {
	case err != nil:
		return err
	case tag == 0x04 && n >= 0:
		return copyOctets(w, r, n)
	case tag != 0x24:
		return errNoCMS
	}
	return copyPieces(w, r, n)
}

// copyPieces copies a constructed OCTET STRING of n octets, or with n < 0 one that ends with its
// end-of-contents octets.
func copyPieces(w io.Writer, r *bufio.Reader, n int64) error {
	from := counter{r: r}
	for n < 0 || from.n < n {
		tag, size, err := header(&from)
		if err != nil {
			return err
		}
		if n < 0 && tag == 0 && size == 0 {
			return nil
		}
		if tag != 0x04 || size < 0 {
			return errNoCMS
		}
		if err := copyOctets(w, &from, size); err != nil {
			return err
		}
	}
	return nil
}

func copyOctets(w io.Writer, r io.Reader, n int64) error {
	_, err := io.CopyN(w, r, n)
	return notCMS(err)
}

// skip reads over an element of definite length.
func skip(r *bufio.Reader, tag byte) error {
	n, err := element(r, tag)
	if err != nil {
		return err
	}
	if n < 0 || n > maxCMSSkip {
		return errNoCMS
	}
	_, err = io.CopyN(io.Discard, r, n)
	return notCMS(err)
}

// element reads the tag and length of an element that must have this tag.
func element(r io.Reader, tag byte) (int64, error) {
	t, n, err := header(r)
	if err == nil && t != tag {
		err = errNoCMS
	}
	return n, err
}

// header reads a tag of one octet and a length (X.690 sections 8.1.2 and 8.1.3), -1 for the indefinite form.
func header(r io.Reader) (tag byte, length int64, err error) {
	var b [8]byte
	if _, err := io.ReadFull(r, b[:2]); err != nil {
		return 0, 0, notCMS(err)
	}
	tag = b[0]
	switch l := b[1]; {
	case l < 0x80:
		return tag, int64(l), nil
	case l == 0x80:
		return tag, -1, nil
	case l > 0x84:
		return 0, 0, errNoCMS
	default:
		octets := b[:l&0x7f]
		if _, err := io.ReadFull(r, octets); err != nil {
			return 0, 0, notCMS(err)
		}
		for _, o := range octets {
			length = length<<8 | int64(o)
		}
		return tag, length, nil
	}
}

// notCMS turns the end of the octets into the result that they are no CMS; other errors are failures.
func notCMS(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errNoCMS
	}
	return err
}

// counter counts what was read.
type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}
