package rules

import (
	"context"
	"fmt"
	"strings"

	"congthu/filter"
	"congthu/filter/message"
)

const (
	// maxPictures is how many octets of pictures below the floor one message may hold uncounted: enough
	// for every logo and signature of a long exchange, too little to carry a file in slices.
	maxPictures = 1 << 20
	// maxSignature is the size in octets up to which the signature of a multipart/signed is none of
	// its sender's attachments.
	maxSignature = 64 << 10
)

// attachmentSize obeys Điều 4 khoản 4: a message's attachments are 15 Megabyte at most. What counts is
// what decodes, not what travels:
//
//   - a part with Content-Disposition attachment, a named part, and whatever is not text; a nested message
//     as it stands, once, without another look at what is in it
//   - not the letter itself: text parts without a name, except one that is over the limit on its own
//   - not pictures in the text up to the floor, as long as they stay under maxPictures together
//   - not the signature of a multipart/signed, nor the message that a delivery report brings back
//   - opaque S/MIME signatures: what is signed, counted like a message. What is encrypted cannot be
//     looked into; it counts as what it holds when its attachments are Base64 inside, as they nearly always are
//   - of several ways to read the same octets, the one that counts most
func attachmentSize(c Config) filter.Rule {
	return filter.Rule{Name: NameAttachmentSize, Clause: "4.4", Code: 552, Status: "3.4",
		Check: func(ctx context.Context, tx *filter.Transaction) ([]filter.Finding, error) {
			n, err := attachmentBytes(ctx, c, tx)
			if err != nil {
				return nil, fmt.Errorf("measuring attachments: %w", err)
			}
			if n <= c.AttachmentLimit {
				return nil, nil
			}
			return []filter.Finding{{Detail: fmt.Sprintf("%d > %d octets", n, c.AttachmentLimit)}}, nil
		}}
}

// attachmentBytes is what a message's attachments count together, in octets.
func attachmentBytes(ctx context.Context, c Config, tx *filter.Transaction) (int64, error) {
	s := sizer{ctx: ctx, limit: c.AttachmentLimit, floor: c.InlineFloor}
	if tx.ReversePath.Null() && strings.HasSuffix(reportOf(tx.Message), "delivery-status") {
		s.report = tx.Message.Root
	}
	return s.message(tx.Message)
}

// sizer adds up what a message's attachments decode to.
type sizer struct {
	ctx          context.Context
	limit, floor int64
	report       *message.Part // a delivery report whose returned message is not counted
	depth        int           // of opaque signatures opened
}

// tally is what was counted so far, in octets.
type tally struct {
	attachments int64
	pictures    int64 // below the floor
}

func (t tally) plus(o tally) tally {
	return tally{t.attachments + o.attachments, t.pictures + o.pictures}
}

func (t tally) total() int64 { return t.attachments + max(0, t.pictures-maxPictures) }

func (s sizer) message(m *message.Message) (int64, error) {
	t, err := s.part(m.Root)
	return t.total(), err
}

// part is what a part counts in the reading that counts most.
func (s sizer) part(p *message.Part) (tally, error) {
	best := tally{}
	coded, err := codedBody(p)
	if err != nil {
		return best, err
	}
	for i := -1; i < len(p.Readings); i++ {
		t := tally{}
		switch {
		case i < 0 && (coded != p.Body || p.Encoding != message.Identity):
			t, err = s.reading(p)
		case i >= 0 && (coded != p.Readings[i].Body || p.Readings[i].Encoding != message.Identity):
			t, err = s.part(p.Readings[i])
		}
		if err != nil {
			return best, err
		}
		if t.total() > best.total() || (t.total() == best.total() && t.pictures > best.pictures) {
			best = t
		}
	}
	return best, nil
}

// codedBody is the body of which one reading says that it is encoded while another takes it as it stands
// ("x-uuencode", "base64 (comment)"), when it truly decodes: then it counts as decoded, and the other
// reading, which is longer for being encoded, does not. Three fifths is less than Base64 and uuencode give
// (0.7) and much more than what decoding other octets leaves.
func codedBody(p *message.Part) (message.Range, error) {
	none := message.Range{Start: -1, End: -1}
	if len(p.Readings) == 0 {
		return none, nil
	}
	for _, r := range append([]*message.Part{p}, p.Readings...) {
		if !r.Leaf() || r.Encoding == message.Identity {
			continue
		}
		m, err := r.Measure()
		if err != nil {
			return none, err
		}
		if m.Bytes >= r.Body.Len()/5*3 {
			return r.Body, nil
		}
	}
	return none, nil
}

func (s sizer) reading(p *message.Part) (tally, error) {
	if err := s.ctx.Err(); err != nil {
		return tally{}, err
	}
	switch {
	case p.Leaf():
		return s.leaf(p)
	case nestedMessage(p.MediaType):
		n, err := nestedSize(p)
		return tally{attachments: n}, err
	}
	var sum tally
	for i, child := range p.Children {
		if p == s.report && i >= 2 {
			continue
		}
		t, err := s.part(child)
		if err != nil {
			return sum, err
		}
		sum = sum.plus(t)
	}
	return sum, nil
}

func nestedMessage(mediaType string) bool {
	return mediaType == "message/rfc822" || mediaType == "message/global"
}

// nestedSize is the size of a nested message as its recipient can save it.
func nestedSize(p *message.Part) (int64, error) {
	if p.Encoding == message.Identity || p.Encoding == "" {
		return p.Body.Len(), nil
	}
	m, err := p.Measure()
	return m.Bytes, err
}

func (s sizer) leaf(p *message.Part) (tally, error) {
	m, err := p.Measure()
	if err != nil {
		return tally{}, err
	}
	n := m.Bytes
	switch {
	case signatureOf(p) && n <= maxSignature:
		return tally{}, nil
	case smimeType(p.MediaType):
		n, err = s.smime(p, n)
		return tally{attachments: n}, err
	case p.Parent != nil && p.Parent.MediaType == "multipart/encrypted":
		return tally{attachments: insideBase64(n)}, nil
	case pictureInText(p):
		if n <= s.floor {
			return tally{pictures: n}, nil
		}
	case letter(p) && n <= s.limit:
		return tally{}, nil
	}
	return tally{attachments: n}, nil
}

// signatureOf tells the detached signature of a multipart/signed (RFC 1847 section 2.1).
func signatureOf(p *message.Part) bool {
	switch p.MediaType {
	case "application/pkcs7-signature", "application/x-pkcs7-signature", "application/pgp-signature":
		return p.Parent != nil && p.Parent.MediaType == "multipart/signed"
	}
	return false
}

// pictureInText tells a picture that is shown where the text asks for it.
func pictureInText(p *message.Part) bool {
	return strings.HasPrefix(p.MediaType, "image/") && p.Disposition != "attachment" && (p.ContentID != "" || p.Disposition == "inline")
}

// letter tells a part that is text to be read, not a file.
func letter(p *message.Part) bool {
	return strings.HasPrefix(p.MediaType, "text/") && p.Disposition != "attachment" && p.Name == ""
}

// insideBase64 is what n octets of a MIME entity hold when it is one attachment in Base64 with lines of
// 76 characters (RFC 2045 section 6.8): 57 octets become 78.
func insideBase64(n int64) int64 { return n / 78 * 57 }
