package message

import (
	"cmp"
	"iter"
	"slices"
	"strings"
)

const (
	// contentsFactor and contentsFloor bound how many octets of leaves are looked into, all readings together, as
	// they stand in the message: contentsFactor times its size, and contentsFloor more.
	contentsFactor = 4
	contentsFloor  = 8 << 20
	// minContentCost is what any leaf counts at least, in octets.
	minContentCost = 1 << 10
)

// contentKey names octets and how they are read: whatever else two leaves differ in, looking into both shows the same.
type contentKey struct {
	measureKey
	label string // type, charset, format and names
}

// contentsKey is the key of Contents in Once.
type contentsKey struct{}

// Contents walks over the leaves whose content is to be looked into: those of Leaves, but the same octets that are
// labelled alike once. A message may be read in so many ways that its leaves hold a thousand times its octets: those
// looked into are contentsFactor times its size at most and contentsFloor more, short leaves before long ones, for a
// long one is often the raw text around the others. What is left out is named in Undecoded (TooMany). Whoever asks
// gets the same leaves.
func (m *Message) Contents() iter.Seq[*Part] {
	list, _ := m.Once(contentsKey{}, func() (any, error) { return m.contents(), nil })
	return slices.Values(list.([]*Part))
}

func (m *Message) contents() []*Part {
	var list []*Part
	seen := map[contentKey]struct{}{}
	for p := range m.Leaves() {
		key := p.contentKey()
		if _, have := seen[key]; !have {
			seen[key] = struct{}{}
			list = append(list, p)
		}
	}
	byCost := slices.Clone(list)
	slices.SortStableFunc(byCost, func(a, b *Part) int { return cmp.Compare(a.contentCost(), b.contentCost()) })
	left := contentsFactor*m.Size + contentsFloor
	out := map[*Part]struct{}{}
	for _, p := range byCost {
		if left -= p.contentCost(); left < 0 {
			out[p] = struct{}{}
			p.source.measures.miss(p.ID, TooMany)
		}
	}
	return slices.DeleteFunc(list, func(p *Part) bool { _, is := out[p]; return is })
}

// contentCost is what looking into the leaf counts, in octets. Octets that are themselves decoded are decoded again
// on the way.
func (p *Part) contentCost() int64 {
	return max(p.Body.Len()*int64(1+p.source.nested), minContentCost)
}

func (p *Part) contentKey() contentKey {
	label := append([]string{p.MediaType, p.Params["charset"], p.Params["format"], p.Params["delsp"], p.Disposition}, p.Names...)
	return contentKey{measureKey{p.source, p.Body, p.Encoding}, strings.Join(label, "\x00")}
}

// twin tells a view that divides the body as an earlier one does, so that the parts are the same: which kind of
// multipart or message it says does not matter to that. Read again, such views double the parts at each level.
func (v view) twin(earlier []view) bool {
	return slices.ContainsFunc(earlier, func(e view) bool {
		if e.enc != v.enc {
			return false
		}
		if isMultipart(v.mediaType) && isMultipart(e.mediaType) {
			return (v.mediaType == digestType) == (e.mediaType == digestType) && slices.Equal(v.boundaries, e.boundaries)
		}
		return isMessage(v.mediaType) && isMessage(e.mediaType)
	})
}

// childless makes p a part whose children are those of an earlier reading.
func (p *Part) childless() {
	p.kind = messagePart
	if isMultipart(p.MediaType) {
		p.kind, p.Encoding = multipartPart, Identity
	}
}
