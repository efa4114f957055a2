package rules

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"

	"congthu/filter"
	"congthu/filter/extract"
	"congthu/filter/message"
	"congthu/rules/virus"
)

// message shows everything in a message.
func (s *virusScan) message(tx *filter.Transaction) error {
	seen := map[string]bool{}
	if err := s.leaves(tx.Message, "", seen, 0); err != nil {
		return err
	}
	if err := s.inside(tx.Message, seen); err != nil {
		return err
	}
	if tx.Content == nil {
		return nil
	}
	raw := tx.Content.Size() <= maxRaw
	if !raw {
		all, err := tx.Message.Measured()
		if err != nil {
			return fmt.Errorf("looking whether the message can be read in two ways: %w", err)
		}
		raw = slices.ContainsFunc(all, func(a message.Anomaly) bool { return a.Kind.Ambiguous() })
	}
	if !raw {
		return nil
	}
	return s.show(shown{again: true, Object: virus.Object{SHA256: tx.Content.SHA256(), Size: tx.Content.Size(),
		Open: func() io.Reader { return io.NewSectionReader(tx.Content, 0, tx.Content.Size()) }}})
}

// leaves shows the leaves of a message, equal ones once. prefix names the leaf that the message is in, "" for the message
// itself; seen are the hashes of what was shown.
func (s *virusScan) leaves(m *message.Message, prefix string, seen map[string]bool, depth int) error {
	for p := range m.Contents() {
		switch {
		case p.Body.Len() == 0:
			continue
		case s.ctx.Err() != nil:
			s.timeIsOver()
			return nil
		case len(s.failed) == len(s.engines): // there is nobody to look
			return nil
		}
		var zips zipEnds
		o, err := leafObject(p, &zips)
		if err != nil {
			return err
		}
		if seen[o.SHA256] {
			continue
		}
		seen[o.SHA256] = true
		o.part, o.again = prefix+p.ID, depth > 0
		if err := s.show(o); err != nil {
			return err
		}
		if err := s.signed(p, o.part, seen, depth); err != nil {
			return err
		}
		if err := s.zips(p, o.part, zips.behindEachOther(), seen); err != nil {
			return err
		}
	}
	for _, n := range m.Undecoded() { // reading it in all its ways costs too much: no engine saw it
		for _, e := range s.engines {
			s.miss(filter.Finding{Part: prefix + n.Part}, n.Reason, e)
		}
	}
	return nil
}

// timeIsOver makes all engines failed that did not answer in time.
func (s *virusScan) timeIsOver() {
	for _, e := range s.engines {
		if s.failed[e.Name()] == nil {
			s.failed[e.Name()] = errNoTime
		}
	}
}

// leafObject is a leaf as it decodes, which is written to w too. Its hash and size are of what the engines will read.
func leafObject(p *message.Part, w io.Writer) (shown, error) {
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(h, w), p.Open())
	if err != nil {
		return shown{}, fmt.Errorf("reading part %q: %w", p.ID, err)
	}
	return shown{Object: virus.Object{SHA256: hex.EncodeToString(h.Sum(nil)), Size: n, Open: p.Open}}, nil
}

// signed shows what is in an opaque S/MIME signature: a mail of its own, which engines do not take for one.
func (s *virusScan) signed(p *message.Part, part string, seen map[string]bool, depth int) error {
	r := bufio.NewReader(p.Open())
	switch kind, err := extract.CMSKind(r); {
	case errors.Is(err, extract.ErrNoCMS):
		return nil
	case err != nil:
		return fmt.Errorf("looking for a signature: %w", err)
	case kind != extract.CMSSigned:
		return nil
	}
	if depth >= maxSignatureDepth || s.opened >= maxSignatures {
		for _, e := range s.engines {
			s.miss(filter.Finding{Part: part}, message.TooDeep, e)
		}
		return nil
	}
	s.opened++
	spool := message.NewSpool(message.Limits{WireBytes: p.Body.Len(), MemoryBytes: s.config.Limits.MemoryBytes}, s.config.Budget)
	defer spool.Close()
	if err := extract.CopySigned(spool, r); errors.Is(err, extract.ErrNoCMS) {
		return nil
	} else if err != nil {
		return fmt.Errorf("keeping what is signed: %w", err)
	}
	m, err := message.Read(spool, spool.Size(), s.config.Limits)
	if err != nil {
		return fmt.Errorf("reading what is signed: %w", err)
	}
	return s.leaves(m, part+"/", seen, depth+1)
}
