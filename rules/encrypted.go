package rules

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"congthu/filter/extract"
	"congthu/filter/message"
)

// maxClear is how many octets of an encrypted message may be in clear: the version of PGP/MIME, the footer of a
// mailing list.
const maxClear = 2 << 10

// encrypted tells whether the whole message is really encrypted, by the octets in it and not by what it
// says of itself: S/MIME (RFC 8551 section 3.3), PGP/MIME (RFC 3156 section 4) or armour in the text (RFC 9580
// section 6.2), signed outside or not, also when a server on the way wrapped it or took its type away.
func encrypted(m *message.Message) (bool, error) {
	var e envelope
	err := e.add(m.Root)
	return e.encrypted && e.clear <= maxClear, err
}

// envelope is what a message shows without a key.
type envelope struct {
	encrypted bool
	clear     int64 // octets that are not encrypted
}

func (e *envelope) add(p *message.Part) error {
	switch {
	case e.clear > maxClear:
		return nil
	case p.Leaf():
		return e.leaf(p)
	case !multipart(p): // a message of its own
		e.clear += p.Body.Len()
	}
	for _, child := range p.Children {
		if err := e.add(child); err != nil {
			return err
		}
	}
	for _, r := range p.Readings {
		if r.Outside {
			e.clear += r.Body.Len()
		}
	}
	return nil
}

func (e *envelope) leaf(p *message.Part) error {
	switch {
	case signatureOf(p):
		return nil
	case strings.HasPrefix(p.MediaType, "text/"):
		armoured, clear, err := outsideArmour(p.Open())
		e.encrypted = e.encrypted || armoured
		e.clear += clear
		return err
	case strings.HasPrefix(p.MediaType, "application/"):
		if kind, err := cmsKindOf(p); err != nil || kind == extract.CMSEnveloped || kind == extract.CMSAuthEnveloped {
			e.encrypted = true
			return err
		}
		if pgp, err := extract.OpenPGP(p.Open()); err != nil || pgp {
			e.encrypted = true
			return err
		}
	}
	m, err := p.Measure()
	e.clear += m.Bytes
	return err
}

const endArmour = "-----END PGP MESSAGE-----"

// outsideArmour reads a text, up to maxClear octets that are not in an OpenPGP message, and tells whether there
// was one and how many they are. Blank lines are none.
func outsideArmour(r io.Reader) (armoured bool, clear int64, err error) {
	lines := bufio.NewReader(r)
	inside := false
	for clear <= maxClear {
		line, err := lines.ReadSlice('\n')
		switch s := bytes.TrimSpace(line); {
		case !inside && string(s) == extract.BeginPGP:
			inside, armoured = true, true
		case inside && string(s) == endArmour:
			inside = false
		case !inside:
			clear += int64(len(s))
		}
		switch {
		case errors.Is(err, io.EOF):
			return armoured, clear, nil
		case err != nil && !errors.Is(err, bufio.ErrBufferFull):
			return armoured, clear, fmt.Errorf("reading text: %w", err)
		}
	}
	return armoured, clear, nil
}
