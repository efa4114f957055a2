package message

import (
	"strconv"
	"strings"
)

const digestType = "multipart/digest"

// place is where a part stands.
type place struct {
	at     Range
	parent *Part
	base   string // ID of the part around it
	number int    // among the children of a multipart; 0 for the root of a message
	scan   *scan  // covers at
	depth  int    // 1 for the root
	root   bool
	digest bool // child of a multipart/digest
	twin   bool // an earlier reading makes the same children
}

func joinID(base, name string) string {
	if base == "" {
		return name
	}
	return base + "." + name
}

// id is the part's number (RFC 3501 section 6.4.5).
func (pl place) id(multipart bool) string {
	switch {
	case pl.number > 0:
		return joinID(pl.base, strconv.Itoa(pl.number))
	case multipart:
		return pl.base
	}
	return joinID(pl.base, "1")
}

func isMultipart(mediaType string) bool { return strings.HasPrefix(mediaType, "multipart/") }

func isMessage(mediaType string) bool {
	return mediaType == "message/rfc822" || mediaType == "message/global" || mediaType == "message/news"
}

// room counts one more part and tells whether it may be made.
func (rd *reading) room() bool {
	if rd.parts >= rd.limits.Parts {
		return false
	}
	rd.parts++
	return true
}

// part reads the part at pl: its first reading, the others in Readings.
func (s *scanner) part(pl place) *Part {
	if !s.read.room() {
		return s.unread(pl, TooMany)
	}
	b := s.blocks[pl.at.Start]
	if !b.fits(pl.at) {
		b = s.readBlock(pl.at.Start, pl.at.End, nil)
	}
	if b == nil {
		return s.unread(pl, TooMany)
	}
	var first *Part
	for _, e := range b.entities() {
		for i, v := range e.views {
			pl.twin = v.twin(e.views[:i])
			if first == nil {
				first = s.view(pl, e, v)
				continue
			}
			if !s.read.room() {
				s.read.miss(first.ID, TooMany)
				break
			}
			first.Readings = append(first.Readings, s.view(pl, e, v))
		}
		s.read.note(first.ID, e.kinds...)
		if e.more {
			s.read.miss(first.ID, TooMany)
		}
		if e.tooBig {
			s.read.miss(first.ID, TooBig)
		}
	}
	if b.tooBig {
		first.Header.Cut = true
		s.read.miss(first.ID, TooBig)
	}
	if b.tooBig || s.window.err != nil {
		first.setUnread()
	}
	if !b.complete && !pl.root && len(b.header.Fields) > 0 && first.Header == b.header {
		s.read.note(first.ID, MissingBlankLine)
	}
	if s.window.err != nil {
		s.read.miss(first.ID, TooBig)
	}
	return first
}

// setUnread marks the part and its other readings.
func (p *Part) setUnread() {
	p.Unread = true
	for _, r := range p.Readings {
		r.Unread = true
	}
}

// unread is the leaf that stands for what was not looked into.
func (s *scanner) unread(pl place, why Reason) *Part {
	p := &Part{ID: pl.id(false), Parent: pl.parent, Header: &Header{}, Whole: pl.at, Body: pl.at,
		MediaType: "text/plain", Encoding: Identity, Unread: true, source: s.src}
	s.read.miss(p.ID, why)
	return p
}

// view makes the part that one reading of its header describes.
func (s *scanner) view(pl place, e *entity, v view) *Part {
	p := &Part{Parent: pl.parent, Header: e.header, Whole: pl.at, Body: Range{min(e.body, pl.at.End), pl.at.End},
		MediaType: v.mediaType, Params: v.params, Disposition: e.disposition, Encoding: v.enc,
		Names: e.names, ContentID: e.contentID, source: s.src}
	if len(e.names) > 0 {
		p.Name = e.names[0]
	}
	if p.MediaType == "" {
		p.MediaType = "text/plain" // RFC 2045 section 5.2
		if pl.digest {
			p.MediaType = "message/rfc822" // RFC 2046 section 5.1.5
		}
	}
	p.ID = pl.id(isMultipart(p.MediaType))
	switch {
	case holdsFiles(p):
		s.inside(p)
	case p.MediaType == "message/partial": // RFC 2046 section 5.2.2: a piece, the rest is in other mail
		s.read.miss(p.ID, PartialMessage)
	case p.MediaType == "message/external-body": // RFC 2046 section 5.2.3: the content is elsewhere
		s.read.miss(p.ID, ExternalBody)
	case !isMultipart(p.MediaType) && !isMessage(p.MediaType):
	case pl.depth > s.read.limits.Depth:
		s.read.miss(p.ID, TooDeep)
	case pl.twin:
		p.childless()
	case isMultipart(p.MediaType):
		s.multipart(p, v.boundaries, pl)
	default:
		s.nested(p, pl)
	}
	return p
}

// again is a part for another reading of the same octets.
func (p *Part) again(mediaType string, enc Encoding, kind partKind) *Part {
	return &Part{ID: p.ID, Parent: p.Parent, Header: p.Header, Whole: p.Whole, Body: p.Body, MediaType: mediaType,
		Params: p.Params, Disposition: p.Disposition, Encoding: enc, Name: p.Name, Names: p.Names, ContentID: p.ContentID,
		source: p.source, kind: kind}
}

// multipart reads the body of p with each boundary that its header gives.
func (s *scanner) multipart(p *Part, texts []string, pl place) {
	enc := p.Encoding
	p.kind, p.Encoding = multipartPart, Identity
	found := false
	for _, text := range texts {
		found = s.divideBoth(p, text, pl, found) || found
	}
	if !found {
		s.undivided(p, texts, pl)
	}
	if enc != Identity {
		s.encodedMultipart(p, texts, enc, pl)
	}
}

// divideBoth divides p at the lines of one boundary, as strict and as lenient readers do, and tells
// whether there were parts. What the first reading finds are p's children, any other is a reading.
func (s *scanner) divideBoth(p *Part, text string, pl place, found bool) bool {
	sc := pl.scan
	if b := sc.known.get(text); b == nil || b.since > p.Body.Start {
		sc = s.scanRange(p.Body, text)
	}
	if sc.upTo < p.Body.End {
		s.read.miss(p.ID, TooMany)
	}
	events := sc.known.get(text).within(p.Body)
	strict := strictEvents(events)
	readings := [][]event{strict}
	if len(strict) < len(events) && hasParts(events[len(strict):]) || hasLoose(events) {
		s.read.note(p.ID, AmbiguousBoundary)
		readings = append(readings, events)
	}
	pl.scan = sc
	any := false
	for _, list := range readings {
		if !hasParts(list) {
			continue
		}
		target := p
		if found || any {
			if !s.read.room() {
				s.read.miss(p.ID, TooMany)
				return true
			}
			target = p.again(p.MediaType, Identity, multipartPart)
			p.Readings = append(p.Readings, target)
		}
		any = true
		s.divide(target, list, pl)
		if sc.upTo < p.Body.End { // the last part reaches over those that were not found
			target.Children[len(target.Children)-1].setUnread()
		}
	}
	return any
}

// strictEvents are the boundary lines that every reader sees, up to the closing one.
func strictEvents(events []event) []event {
	if !hasLoose(events) {
		for i, e := range events {
			if e.close {
				return events[:i+1]
			}
		}
		return events
	}
	var out []event
	for _, e := range events {
		if e.loose {
			continue
		}
		out = append(out, e)
		if e.close {
			break
		}
	}
	return out
}

func hasLoose(events []event) bool {
	for _, e := range events {
		if e.loose {
			return true
		}
	}
	return false
}

func hasParts(events []event) bool {
	for _, e := range events {
		if !e.close {
			return true
		}
	}
	return false
}

// divide makes the children of p and the leaves of text outside of them.
func (s *scanner) divide(p *Part, events []event, pl place) {
	s.outside(p, "preamble", Range{p.Body.Start, max(p.Body.Start, events[0].before)})
	number := 0
	for i, e := range events {
		r := Range{min(e.end, p.Body.End), p.Body.End}
		if i+1 < len(events) {
			r.End = max(r.Start, min(events[i+1].before, r.End))
		}
		if e.close {
			s.outside(p, "epilogue", r)
			continue
		}
		number++
		child := place{at: r, parent: p, base: p.ID, number: number, scan: pl.scan, depth: pl.depth + 1,
			digest: p.MediaType == digestType}
		if s.read.parts >= s.read.limits.Parts {
			child.at.End = p.Body.End
			p.Children = append(p.Children, s.unread(child, TooMany))
			return
		}
		p.Children = append(p.Children, s.part(child))
	}
	if !events[len(events)-1].close {
		s.read.note(p.ID, UnclosedMultipart)
	}
}

// undivided reads a multipart without parts as text, and with a boundary guessed from its lines.
func (s *scanner) undivided(p *Part, texts []string, pl place) {
	if len(texts) == 0 {
		s.read.note(p.ID, MissingBoundary)
	} else {
		s.read.note(p.ID, BoundaryNeverSeen)
	}
	s.addReading(p, p.again("text/plain", Identity, leafPart))
	text := s.guess(p.Body)
	if text == "" || !s.read.room() {
		return
	}
	guessed := p.again(p.MediaType, Identity, multipartPart)
	pl.scan = s.scanRange(p.Body, text)
	if events := pl.scan.known.get(text).within(p.Body); hasParts(events) {
		p.Readings = append(p.Readings, guessed)
		s.divide(guessed, events, pl)
	}
}

func (s *scanner) addReading(p, reading *Part) {
	if !s.read.room() {
		s.read.miss(p.ID, TooMany)
		return
	}
	p.Readings = append(p.Readings, reading)
}

// nested reads the message that p holds. Under an encoding, which RFC 2046 section 5.2.1 forbids and
// clients open all the same, the decoded octets are the message.
func (s *scanner) nested(p *Part, pl place) {
	pl = place{at: p.Body, parent: p, base: p.ID, scan: pl.scan, depth: pl.depth + 1}
	if p.Encoding == Identity {
		p.kind = messagePart
		p.Children = []*Part{s.message(pl)}
		return
	}
	if p.MediaType != "message/global" { // RFC 6532 section 3.7 allows it there
		s.read.note(p.ID, EncodingOnComposite)
	}
	plain := s.looksLikeMessage(p.Body)
	if sub := s.decoded(p, p.Encoding); sub != nil {
		p.kind = messagePart
		inner := pl
		inner.at, inner.scan = Range{0, sub.src.size}, nil
		p.Children = []*Part{sub.message(inner)}
		s.closeDecoded(sub)
	}
	if plain && s.read.room() {
		other := p.again(p.MediaType, Identity, messagePart)
		pl.parent = other
		other.Children = []*Part{s.message(pl)}
		p.Readings = append(p.Readings, other)
	}
}

// looksLikeMessage tells whether r begins with a header field.
func (s *scanner) looksLikeMessage(r Range) bool {
	c := s.window.from(r.Start, maxDelimiter)
	c = c[:min(int64(len(c)), r.Len())]
	line, _, _ := strings.Cut(string(c), "\n")
	return fieldName(line) != ""
}
