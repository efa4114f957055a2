package rules

import (
	"context"
	"slices"
	"strings"

	"congthu/filter"
	"congthu/filter/extract"
	"congthu/filter/message"
)

// sizer adds up what a message's attachments decode to.
type sizer struct {
	ctx      context.Context
	config   Config
	returned *message.Part           // of a delivery report: not counted; nil without
	depth    int                     // opaque signatures around what is counted now
	opened   int                     // opaque signatures opened
	inside   map[*message.Part]int64 // what inLeaves found
}

// tally is what was counted so far, in octets.
type tally struct {
	attachments int64
	pictures    int64 // in the text, below the floor
	letters     int64 // the letter in all its forms
	texts       int64 // other text without a name
}

func (t tally) plus(o tally) tally {
	return tally{t.attachments + o.attachments, t.pictures + o.pictures, t.letters + o.letters, t.texts + o.texts}
}

// most is what two ways to read the same octets count, the greater of each.
func (t tally) most(o tally) tally {
	return tally{max(t.attachments, o.attachments), max(t.pictures, o.pictures), max(t.letters, o.letters), max(t.texts, o.texts)}
}

// total is what counts as attachments.
func (t tally) total(limit int64) int64 {
	n := t.attachments + max(0, t.pictures-maxPictures)
	if text := t.letters + t.texts; text > limit {
		return n + text
	}
	return n + max(0, t.letters-maxLetter) + max(0, t.texts-maxTexts)
}

// place is where a part stands, and so what its text is.
type place int

const (
	asLetter place = iota // the letter may be here
	asFile                // the letter is elsewhere
	asWhole               // in a nested message, all of which counts
)

// part is what a part counts. Its readings are compared as one list, whichever made which.
func (s *sizer) part(p *message.Part, at place) (tally, error) {
	var best tally
	readings := readingsOf(nil, p)
	for _, r := range readings {
		t, err := s.reading(r, readings, at)
		if err != nil {
			return best, err
		}
		for _, o := range r.Readings {
			if o.Outside && at != asWhole { // there it is counted with what stands between the parts
				text, err := s.leaf(o, 0, at)
				if err != nil {
					return best, err
				}
				t = t.plus(text)
			}
		}
		best = best.most(t)
	}
	return best, nil
}

// readingsOf appends p and all its other readings. Text outside of boundaries is none: it is more octets.
func readingsOf(list []*message.Part, p *message.Part) []*message.Part {
	list = append(list, p)
	for _, r := range p.Readings {
		if !r.Outside {
			list = readingsOf(list, r)
		}
	}
	return list
}

// reading is what one of several readings counts.
func (s *sizer) reading(p *message.Part, others []*message.Part, at place) (tally, error) {
	if err := s.ctx.Err(); err != nil {
		return tally{}, err
	}
	if p.Unread && at == asLetter {
		at = asFile
	}
	if p.Leaf() {
		explained, err := s.explained(p, others)
		if err != nil {
			return tally{}, err
		}
		return s.leafWithFiles(p, explained, at)
	}
	var t tally
	var err error
	switch {
	case multipart(p):
		t, err = s.multipart(p, at)
	case len(p.Children) > 0:
		t, err = s.part(p.Children[0], asWhole)
	}
	if at == asWhole {
		t.attachments += p.Whole.Len() - p.Body.Len()
	}
	return t, err
}

func multipart(p *message.Part) bool { return strings.HasPrefix(p.MediaType, "multipart/") }

func (s *sizer) multipart(p *message.Part, at place) (tally, error) {
	var sum tally
	between := p.Body.Len() // what belongs to no part: boundary lines, text outside of them
	for _, child := range p.Children {
		between -= child.Whole.Len()
		if child == s.returned {
			continue
		}
		as := at
		if at == asLetter && sum.letters > 0 && p.MediaType != "multipart/alternative" {
			as = asFile
		}
		t, err := s.part(child, as)
		if err != nil {
			return sum, err
		}
		sum = sum.plus(t)
	}
	if at == asWhole && len(p.Children) > 0 {
		sum.attachments += max(0, between)
	}
	return sum, nil
}

// leafWithFiles is what a leaf counts together with the uuencoded and yEnc files in its text: those as they
// decode, the text without them.
func (s *sizer) leafWithFiles(p *message.Part, explained int64, at place) (tally, error) {
	var files tally
	for _, file := range p.Children {
		t, err := s.leaf(file, 0, at)
		if err != nil {
			return tally{}, err
		}
		files = files.plus(t)
		explained += file.Whole.Len()
	}
	t, err := s.leaf(p, explained, at)
	return t.plus(files), err
}

// leaf is what a leaf counts of which another reading counts explained octets.
func (s *sizer) leaf(p *message.Part, explained int64, at place) (tally, error) {
	switch {
	case p.Unread:
		return tally{attachments: p.Whole.Len()}, nil
	case explained > 0 && explained >= p.Body.Len():
		return tally{}, nil
	}
	m, err := p.Measure()
	if err != nil {
		return tally{}, err
	}
	n := m.Bytes
	switch {
	case at == asWhole:
		return s.leafInWhole(p, n, explained)
	case m.NotInspected != "":
	case signatureOf(p) && n <= maxSignature:
		return tally{}, nil
	case smimeType(p.MediaType):
		return s.smime(p, n, at)
	case pictureInText(p) && n <= s.config.InlineFloor:
		return tally{pictures: n}, nil
	case p.Outside || letter(p) && at == asFile:
		return tally{texts: max(0, n-explained)}, nil
	case letter(p):
		return tally{letters: max(0, n-explained)}, nil
	case secondOfTwo(p) && p.Parent.MediaType == "multipart/encrypted":
		if really, err := extract.OpenPGP(p.Open()); err != nil || really {
			return tally{attachments: insideBase64(n)}, err
		}
	}
	return tally{attachments: n}, nil
}

// leafInWhole is what a leaf adds to the nested message that it stands in: its header, and its content as it
// decodes or, when it hardly does, as it stands.
func (s *sizer) leafInWhole(p *message.Part, n, explained int64) (tally, error) {
	header := p.Whole.Len() - p.Body.Len()
	switch {
	case smimeType(p.MediaType):
		t, err := s.smime(p, n, asWhole)
		t.attachments += header
		return t, err
	case !decodes(p, n):
		n = p.Body.Len()
	}
	return tally{attachments: header + max(0, n-explained)}, nil
}

// decodes tells whether n decoded octets are what a body really holds, and not what is left of it when octets
// are decoded that are not encoded. Three fifths is less than Base64 and uuencode give (0.7) and much more than
// the rest of other octets; quoted-printable leaves nothing out.
func decodes(p *message.Part, n int64) bool {
	return p.Encoding == message.Identity || p.Encoding == message.QuotedPrintable || n >= p.Body.Len()/5*3
}

// explained is how many octets of a leaf another reading counts better, so that the leaf does not count
// them again for being longer, encoded as they stand:
//
//   - for text that another reading divides into parts: the parts, as far as they decode
//   - for octets taken as they stand while another reading of the same type says, and means, an encoding
//     ("x-uuencode", "base64 (comment)"): all, if they decode and no field says otherwise
func (s *sizer) explained(p *message.Part, others []*message.Part) (int64, error) {
	if p.Outside || p.Unread {
		return 0, nil
	}
	var most int64
	for _, o := range others {
		switch {
		case o == p || o.Unread:
		case !o.Leaf() && letter(p):
			n, err := s.inLeaves(o)
			if err != nil {
				return 0, err
			}
			most = max(most, n)
		case o.Leaf() && p.Encoding == message.Identity && o.Encoding != message.Identity && o.MediaType == p.MediaType &&
			o.Body == p.Body && encodingMeant(p.Header):
			m, err := o.Measure()
			if err != nil {
				return 0, err
			}
			if decodes(o, m.Bytes) {
				most = max(most, p.Body.Len())
			}
		}
	}
	return most, nil
}

// inLeaves is how many octets, as they stand, the leaves in p hold that decode.
func (s *sizer) inLeaves(p *message.Part) (int64, error) {
	if p.Leaf() {
		m, err := p.Measure()
		if err != nil || p.Unread || !decodes(p, m.Bytes) {
			return 0, err
		}
		return p.Body.Len(), nil
	}
	if n, have := s.inside[p]; have {
		return n, nil
	}
	var sum int64
	for _, child := range p.Children {
		var most int64
		for _, r := range readingsOf(nil, child) {
			n, err := s.inLeaves(r)
			if err != nil {
				return 0, err
			}
			most = max(most, n)
		}
		sum += most
	}
	if !multipart(p) && p.Encoding != message.Identity { // counted in what it decodes to
		sum = min(p.Body.Len(), sum/3*4)
	}
	s.inside[p] = sum
	return sum, nil
}

// encodingMeant tells whether every Content-Transfer-Encoding field names an encoding, so that no reader goes
// by a field that names none.
func encodingMeant(h *message.Header) bool {
	return !slices.ContainsFunc(h.Values("Content-Transfer-Encoding"), func(v string) bool {
		k := filter.Keyword(v)
		return k != "base64" && k != "quoted-printable" && !strings.Contains(k, "uue")
	})
}
