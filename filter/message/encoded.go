package message

// decodedBody is what a body decodes to, and what decoding it showed.
type decodedBody struct {
	src  *source
	kind AnomalyKind
}

// encodedMultipart reads a multipart under an encoding, which RFC 2045 section 6.4 forbids, the
// other ways: as one encoded text, and as the parts that the decoded octets hold.
func (s *scanner) encodedMultipart(p *Part, texts []string, enc Encoding, pl place) {
	s.read.note(p.ID, EncodingOnComposite)
	s.addReading(p, p.again("text/plain", enc, leafPart))
	sub := s.decoded(p, enc)
	if sub == nil {
		return
	}
	inner := p.again(p.MediaType, Identity, multipartPart)
	inner.source, inner.Whole, inner.Body = sub.src, Range{0, sub.src.size}, Range{0, sub.src.size}
	pl.depth++
	found := false
	for _, text := range texts {
		pl.scan = sub.scanRange(inner.Body, text)
		found = sub.divideBoth(inner, text, pl, found) || found
	}
	if found {
		s.addReading(p, inner)
	}
	s.closeDecoded(sub)
}

// decoded makes a scanner for what the body of p decodes to, nil when that cannot be.
func (s *scanner) decoded(p *Part, enc Encoding) *scanner {
	if s.src.nested >= maxDecodedNesting {
		s.read.miss(p.ID, TooDeep)
		return nil
	}
	key := measureKey{s.src, p.Body, enc}
	d, known := s.read.decoded[key]
	if !known {
		var err error
		if d.src, d.kind, err = decodedSource(s.src, p.Body, enc, s.read.work); err != nil {
			s.read.miss(p.ID, TooBig)
			if s.window.err == nil {
				s.window.err = err
			}
			return nil
		}
		if s.read.decoded == nil {
			s.read.decoded = map[measureKey]decodedBody{}
		}
		s.read.decoded[key] = d
	}
	if d.kind != "" {
		s.read.note(p.ID, d.kind)
	}
	return s.read.scanner(d.src)
}

func (s *scanner) closeDecoded(sub *scanner) {
	if err := sub.close(); err != nil && s.window.err == nil {
		s.window.err = err
	}
}
