package extract

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"congthu/filter/message"
)

// readCMS reads an S/MIME file (RFC 8551): what is signed is a file inside, a signature alone holds nothing to look
// into, and what is encrypted stays so.
func readCMS(_ context.Context, in *input, o out) error {
	r := bufio.NewReader(io.NewSectionReader(in.content, 0, in.content.Size()))
	kind, err := CMSKind(r)
	switch {
	case err != nil:
		return fmt.Errorf("reading CMS: %w", err)
	case kind == CMSEnveloped, kind == CMSAuthEnveloped:
		return stop{message.EncryptedMail}
	case kind != CMSSigned:
		return stop{UnknownType}
	}
	content, err := signedContent(r)
	switch {
	case errors.Is(err, ErrDetached):
		return nil
	case err != nil:
		return fmt.Errorf("reading what is signed: %w", err)
	}
	return o.member(nil, content)
}

// readOpenPGP reads an OpenPGP message: it is encrypted.
func readOpenPGP(context.Context, *input, out) error { return stop{message.EncryptedMail} }

// securedMail tells S/MIME and OpenPGP by the first octets.
func securedMail(head []byte) (name, mediaType string, ok bool) {
	if len(head) > 0 && head[0] == 0x30 { // a ContentInfo is a SEQUENCE
		if kind, err := CMSKind(bufio.NewReader(bytes.NewReader(head))); err == nil && kind != "" {
			return "cms", "application/pkcs7-mime", true
		}
	}
	if pgp, err := OpenPGP(bytes.NewReader(head)); err == nil && pgp {
		return "pgp", "application/pgp-encrypted", true
	}
	return "", "", false
}
