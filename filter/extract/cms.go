package extract

import (
	"bufio"
	"errors"
	"fmt"
	"io"
)

// maxCMSSkip is how many octets one CMS element before the content may have.
const maxCMSSkip = 1 << 20

// Content types of CMS (RFC 5652 section 14, RFC 5083, RFC 3274), DER without tag and length.
const (
	CMSSigned        = "\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02"
	CMSEnveloped     = "\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03"
	CMSAuthEnveloped = "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x17"
)

// ErrNoCMS says that octets are not the CMS that was looked for. It is a result, not a failure.
var ErrNoCMS = errors.New("no CMS")

// CMSKind reads the start of a ContentInfo (RFC 5652 section 3) up to its content and gives the type.
func CMSKind(r *bufio.Reader) (string, error) {
	if _, err := cmsElement(r, 0x30); err != nil {
		return "", err
	}
	n, err := cmsElement(r, 0x06)
	if err != nil {
		return "", err
	}
	if n < 0 || n > 32 {
		return "", ErrNoCMS
	}
	oid := make([]byte, n)
	if _, err := io.ReadFull(r, oid); err != nil {
		return "", notCMS(err)
	}
	_, err = cmsElement(r, 0xa0)
	return string(oid), err
}

// ErrDetached says that a SignedData has no content: it is a signature of something else.
var ErrDetached = fmt.Errorf("a signature alone: %w", ErrNoCMS)

// CopySigned copies the content of a SignedData (RFC 5652 section 5.1) from where CMSKind stopped. Both DER
// and the BER of programs that sign in one pass are read; one without content is ErrDetached.
func CopySigned(w io.Writer, r *bufio.Reader) error {
	content, err := signedContent(r)
	if err != nil {
		return err
	}
	_, err = io.Copy(w, content)
	return err
}

// signedContent reads a SignedData up to its content and gives a reader of that.
func signedContent(r *bufio.Reader) (io.Reader, error) {
	if _, err := cmsElement(r, 0x30); err != nil {
		return nil, err
	}
	for _, tag := range []byte{0x02, 0x31} { // version, digest algorithms
		if err := skipCMS(r, tag); err != nil {
			return nil, err
		}
	}
	around, err := cmsElement(r, 0x30)
	if err != nil {
		return nil, err
	}
	inside := octetCounter{r: r}
	kind, err := cmsElement(&inside, 0x06)
	if err != nil {
		return nil, err
	}
	if kind < 0 || kind > maxCMSSkip {
		return nil, ErrNoCMS
	}
	if _, err := io.CopyN(io.Discard, &inside, kind); err != nil {
		return nil, notCMS(err)
	}
	if around == inside.n {
		return nil, ErrDetached
	}
	switch tag, _, err := cmsHeader(r); {
	case err != nil:
		return nil, err
	case tag == 0 && around < 0:
		return nil, ErrDetached
	case tag != 0xa0:
		return nil, ErrNoCMS
	}
	tag, n, err := cmsHeader(r)
	switch {
	case err != nil:
		return nil, err
	case tag == 0x04 && n >= 0:
		return &octetString{r: octetCounter{r: r}, left: n}, nil
	case tag != 0x24:
		return nil, ErrNoCMS
	}
	return &octetString{r: octetCounter{r: r}, pieces: true, size: n}, nil
}

// octetString reads an OCTET STRING, whole or in pieces.
type octetString struct {
	r      octetCounter
	left   int64 // of the piece
	pieces bool
	size   int64 // of all pieces with their tags and lengths; negative: they end with end-of-contents octets
}

// Read implements io.Reader.
func (s *octetString) Read(p []byte) (int, error) {
	for s.left == 0 {
		if !s.pieces || s.size >= 0 && s.r.n >= s.size {
			return 0, io.EOF
		}
		tag, size, err := cmsHeader(&s.r)
		switch {
		case err != nil:
			return 0, err
		case s.size < 0 && tag == 0 && size == 0:
			s.pieces = false
			return 0, io.EOF
		case tag != 0x04 || size < 0:
			return 0, ErrNoCMS
		}
		s.left = size
	}
	n, err := s.r.Read(p[:min(int64(len(p)), s.left)])
	s.left -= int64(n)
	return n, notCMS(err)
}

// skipCMS reads over an element of definite length.
func skipCMS(r *bufio.Reader, tag byte) error {
	n, err := cmsElement(r, tag)
	if err != nil {
		return err
	}
	if n < 0 || n > maxCMSSkip {
		return ErrNoCMS
	}
	_, err = io.CopyN(io.Discard, r, n)
	return notCMS(err)
}

// cmsElement reads the tag and length of an element that must have this tag.
func cmsElement(r io.Reader, tag byte) (int64, error) {
	t, n, err := cmsHeader(r)
	if err == nil && t != tag {
		err = ErrNoCMS
	}
	return n, err
}

// cmsHeader reads a tag of one octet and a length (X.690 sections 8.1.2 and 8.1.3), -1 for the indefinite form.
func cmsHeader(r io.Reader) (tag byte, length int64, err error) {
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
		return 0, 0, ErrNoCMS
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
		return ErrNoCMS
	}
	return err
}

// octetCounter counts what was read.
type octetCounter struct {
	r io.Reader
	n int64
}

func (c *octetCounter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}
