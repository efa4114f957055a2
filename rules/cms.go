package rules

import (
	"bufio"
	"errors"
	"fmt"

	"congthu/filter/extract"
	"congthu/filter/message"
)

const (
	maxSignatureDepth = 3  // opaque signatures in one another; beyond, one counts as it stands
	maxSignatures     = 16 // opaque signatures opened in one message; beyond, one counts as it stands
)

func smimeType(mediaType string) bool {
	return mediaType == "application/pkcs7-mime" || mediaType == "application/x-pkcs7-mime"
}

// cmsKindOf is the type of CMS that a part holds, "" when it holds none.
func cmsKindOf(p *message.Part) (string, error) {
	kind, err := extract.CMSKind(bufio.NewReader(p.Open()))
	if errors.Is(err, extract.ErrNoCMS) {
		return "", nil
	}
	return kind, err
}

// smime is what an S/MIME part of n octets counts.
func (s *sizer) smime(p *message.Part, n int64, at place) (tally, error) {
	whole := tally{attachments: n}
	r := bufio.NewReader(p.Open())
	kind, err := extract.CMSKind(r)
	switch {
	case errors.Is(err, extract.ErrNoCMS):
		return whole, nil
	case err != nil:
		return tally{}, err
	case kind == extract.CMSEnveloped, kind == extract.CMSAuthEnveloped:
		return tally{attachments: insideBase64(n)}, nil
	case kind != extract.CMSSigned || s.depth >= maxSignatureDepth || s.opened >= maxSignatures:
		return whole, nil
	}
	// What is signed takes as much room as the message itself, out of the same budget.
	spool := message.NewSpool(message.Limits{WireBytes: n, MemoryBytes: s.config.Limits.MemoryBytes}, s.config.Budget)
	defer spool.Close()
	if err := extract.CopySigned(spool, r); errors.Is(err, extract.ErrNoCMS) {
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
