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
	// maxTexts is how many octets of text beside the letter one message may hold uncounted: the footer of a
	// mailing list, what a mail program writes between attachments. A table sent as text is more.
	maxTexts = 256 << 10
	// maxLetter is how many octets of the letter itself, in all its forms, one message may hold uncounted: the
	// longest exchange of letters is less. More is a file without a name, or a piece of one, as uuencode leaves it
	// when it is cut in two.
	maxLetter = 2 << 20
	// maxSignature is the size in octets up to which the signature of a multipart/signed is none of
	// its sender's attachments.
	maxSignature = 64 << 10
)

// attachmentSize obeys Điều 4 khoản 4: a message's attachments are 15 Megabyte at most. What counts is
// what decodes, not what travels:
//
//   - a part with Content-Disposition attachment, a named part, and whatever is not text; also every part that
//     was not read to its end
//   - a nested message whole, headers and text too, but with the parts in it as they decode
//   - not the letter itself up to maxLetter: the first text without a name, with the other forms of a
//     multipart/alternative; and text beside it up to maxTexts together. But all such text counts when it is
//     over the limit together
//   - not pictures in the text up to the floor, as long as they stay under maxPictures together
//   - not the signature of a multipart/signed, nor the message that a delivery report brings back. A report
//     that comes in from the null reverse-path is not measured at all, in whatever form: refused, it would
//     be lost, and its reader would never learn that a letter did not arrive
//   - opaque S/MIME signatures: what is signed, counted like a message. What is encrypted cannot be
//     looked into; it counts as what it holds when its attachments are Base64 inside, as they nearly always
//     are. Octets behind a true beginning of CMS or OpenPGP are taken for encrypted: nobody but the
//     recipient can tell
//   - of several ways to read the same octets, the one that counts most
func attachmentSize(c Config) filter.Rule {
	return filter.Rule{Name: NameAttachmentSize, Clause: "4.4", Code: 552, Status: "3.4",
		Check: func(ctx context.Context, tx *filter.Transaction) ([]filter.Finding, error) {
			if tx.Direction == filter.Inbound && tx.ReversePath.Null() {
				return nil, nil
			}
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
	s := sizer{ctx: ctx, config: c, inside: map[*message.Part]int64{}}
	if tx.ReversePath.Null() {
		s.returned = returnedMessage(tx.Message)
	}
	t, err := s.part(tx.Message.Root, asLetter)
	return t.total(c.AttachmentLimit), err
}

// returnedMessage is the message or its header that a delivery report brings back: the third part (RFC 6522
// section 3), of some programs the second. It is nil without one, and when it can be read otherwise.
func returnedMessage(m *message.Message) *message.Part {
	if m.Root.MediaType != "multipart/report" || len(m.Root.Children) < 3 {
		return nil
	}
	var status, returned *message.Part
	for _, p := range m.Root.Children[1:3] {
		switch p.MediaType {
		case "message/delivery-status", "message/global-delivery-status":
			status = p
		case "message/rfc822", "message/global", "text/rfc822-headers", "message/global-headers":
			returned = p
		}
	}
	if status == nil || returned == nil || len(returned.Readings) > 0 {
		return nil
	}
	return returned
}

// signatureOf tells the detached signature of a multipart/signed: the second of its two parts (RFC 1847
// section 2.1).
func signatureOf(p *message.Part) bool {
	switch p.MediaType {
	case "application/pkcs7-signature", "application/x-pkcs7-signature", "application/pgp-signature":
		return p.Parent != nil && p.Parent.MediaType == "multipart/signed" && secondOfTwo(p)
	}
	return false
}

func secondOfTwo(p *message.Part) bool {
	return p.Parent != nil && len(p.Parent.Children) == 2 && p.Parent.Children[1] == p
}

// pictureInText tells a picture that is shown where the text asks for it.
func pictureInText(p *message.Part) bool {
	return strings.HasPrefix(p.MediaType, "image/") && p.Disposition != "attachment" && (p.ContentID != "" || p.Disposition == "inline")
}

// letter tells a part that is text to be read, not a file.
func letter(p *message.Part) bool {
	return strings.HasPrefix(p.MediaType, "text/") && p.Disposition != "attachment" && p.Name == "" && !p.Unread
}

// insideBase64 is what n octets of a MIME entity hold when it is one attachment in Base64 with lines of
// 76 characters (RFC 2045 section 6.8): 57 octets become 78.
func insideBase64(n int64) int64 { return n / 78 * 57 }
