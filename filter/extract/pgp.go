package extract

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// BeginPGP is the first line of an OpenPGP message in ASCII armour (RFC 9580 section 6.2).
const BeginPGP = "-----BEGIN PGP MESSAGE-----"

// OpenPGP tells an OpenPGP message (RFC 9580), in ASCII armour or binary, by its start.
func OpenPGP(r io.Reader) (bool, error) {
	start := make([]byte, 64)
	n, err := io.ReadFull(r, start)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return false, fmt.Errorf("reading the encrypted part: %w", err)
	}
	start = start[:n]
	if strings.HasPrefix(strings.TrimLeft(string(start), " \t\r\n"), BeginPGP) {
		return true, nil
	}
	tag, version := pgpPacket(start)
	switch tag {
	case 1: // a session key for a public key (section 5.1)
		return version == 3 || version == 6, nil
	case 3: // a session key for a passphrase (section 5.3)
		return version >= 4 && version <= 6, nil
	case 18, 20: // encrypted data (section 5.13), and that of GnuPG's own kind
		return version == 1 || version == 2, nil
	}
	return false, nil
}

// pgpPacket reads the header of an OpenPGP packet (RFC 9580 section 4.2) and gives its type and the first octet of
// its content, which is its version. Type 0 is none.
func pgpPacket(b []byte) (tag, version byte) {
	if len(b) < 6 || b[0]&0x80 == 0 {
		return 0, 0
	}
	if b[0]&0x40 == 0 { // the older format: a length of 1, 2, 4 or no octets
		tag = b[0] >> 2 & 0x0f
		return tag, b[1+[...]int{1, 2, 4, 0}[b[0]&3]]
	}
	tag = b[0] & 0x3f
	switch {
	case b[1] >= 192 && b[1] < 224:
		return tag, b[3]
	case b[1] == 255 && len(b) > 6:
		return tag, b[6]
	}
	return tag, b[2]
}
