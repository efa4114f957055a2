package rules

import (
	"bufio"
	"context"
	"fmt"
	"slices"
	"strings"

	"congthu/filter"
	"congthu/filter/extract"
	"congthu/filter/message"
	"congthu/signing"
)

// signatures walks over one message.
type signatures struct {
	ctx       context.Context
	config    Config
	options   signing.Options
	outer     *message.Message // that was sent
	findings  []filter.Finding
	seen      func(filter.Finding, signing.Result) // nil: nobody wants to know
	base      string                               // ID of the part whose opaque signature is open
	file      bool                                 // the message is a file, whose lines may end with LF alone
	mailOnly  bool                                 // documents are left alone
	depth     int                                  // opaque signatures around
	count     int                                  // signatures seen
	documents int                                  // signed documents seen
	signed    bool                                 // somebody signed what was sent, well or not
	encrypted bool                                 // it is encrypted
}

func newSignatures(ctx context.Context, c Config, tx *filter.Transaction) *signatures {
	return &signatures{ctx: ctx, config: c, options: c.signingOptions(tx), outer: tx.Message, file: tx.Session.Door == doorCheck}
}

// standing says how what is walked over stands in the message that was sent.
type standing struct {
	enclosed bool // in a message inside of it
	part     bool // something stands beside it that it does not cover
	twoWays  bool // some mail programs may see something else there
}

// at is how a part of a message stands, whose own standing is known.
func (s *signatures) at(at standing, m *message.Message, p *message.Part) standing {
	at.enclosed = at.enclosed || within(p)
	at.part = at.part || p != m.Root || slices.ContainsFunc(p.Readings, func(r *message.Part) bool { return r.Outside })
	at.twoWays = at.twoWays || s.twoWays(m, p)
	return at
}

// twoWays tells whether mail programs may read a part, or one that it is in, in another way, or the gate has not read all of it. What is
// in the part does not matter: however that is read, it is covered.
func (s *signatures) twoWays(m *message.Message, p *message.Part) bool {
	around := map[string]bool{"": true}
	for q := p; q != nil; q = q.Parent {
		around[q.ID] = true
		first := q == m.Root || q.Parent != nil && slices.Contains(q.Parent.Children, q)
		if !first || q.Unread || q.Header.Cut || otherReadings(q) || spacedField(q.Header) {
			return true
		}
	}
	// What is signed inside of an opaque signature has the line ends that its signer gave it; what is around came over the wire.
	bare := s.depth == 0 && !s.file
	return slices.ContainsFunc(m.Anomalies, func(a message.Anomaly) bool {
		odd := a.Kind.Altered() || a.Kind == message.DuplicateParameter || bare && a.Kind == message.BareLineBreak
		return odd && around[a.Part]
	})
}

// spacedField tells whether a field that says what the body is has a blank before its colon. RFC 5322 section 4.5 bids readers to take it;
// some pass over it, and show the source of the message as text.
func spacedField(h *message.Header) bool {
	return slices.ContainsFunc(h.Fields, func(f message.Field) bool {
		name, _, _ := strings.Cut(string(f.Raw[:min(len(f.Raw), len(f.Name)+1)]), ":")
		return len(f.Name) > len("Content-") && strings.EqualFold(f.Name[:len("Content-")], "Content-") && len(name) > len(f.Name)
	})
}

// otherReadings tells whether a part has a reading that is not text outside of its boundaries.
func otherReadings(p *message.Part) bool {
	return slices.ContainsFunc(p.Readings, func(r *message.Part) bool { return !r.Outside })
}

// message looks at every part of every reading, and at the documents in it.
func (s *signatures) message(m *message.Message, around standing) error {
	for p := range m.Parts() {
		if err := s.ctx.Err(); err != nil {
			return context.Cause(s.ctx)
		}
		var err error
		switch {
		case detachedSignature(p):
			err = s.detached(p, s.at(around, m, p))
		case p.Leaf() && mayBeCMS(p):
			err = s.leaf(p, s.at(around, m, p))
		}
		if err != nil {
			return err
		}
	}
	if s.mailOnly {
		return nil
	}
	return s.documentsOf(m)
}

// detachedSignature tells a multipart/signed of S/MIME (RFC 8551 section 3.5.3.2), by its second part as well: the parameter
// may be missing or lie.
func detachedSignature(p *message.Part) bool {
	if p.MediaType != "multipart/signed" {
		return false
	}
	protocol := strings.ToLower(p.Params["protocol"])
	return strings.HasSuffix(protocol, "pkcs7-signature") || len(p.Children) == 2 && signatureType(p.Children[1])
}

func signatureType(p *message.Part) bool {
	return p.MediaType == "application/pkcs7-signature" || p.MediaType == "application/x-pkcs7-signature"
}

// mayBeCMS tells the leaves that are looked into for a signature, by their type or name.
func mayBeCMS(p *message.Part) bool {
	if smimeType(p.MediaType) || signatureType(p) {
		return true
	}
	return strings.HasPrefix(p.MediaType, "application/") && slices.ContainsFunc(p.Names, func(name string) bool {
		name = strings.ToLower(name)
		return strings.HasSuffix(name, ".p7m") || strings.HasSuffix(name, ".p7s")
	})
}

// hiddenCMS tells the parts that mail programs take for a signature or a file, whatever else is in them. Others, like a page that calls
// itself smime.p7m, some may show.
func hiddenCMS(p *message.Part) bool {
	return smimeType(p.MediaType) || signatureType(p) || mayBeCMS(p) && p.MediaType == "application/octet-stream"
}

func (s *signatures) detached(p *message.Part, at standing) error {
	if !s.room(p) {
		return nil
	}
	// Two parts, and nothing else that could be shown: mail programs show a third one as if it were signed, and a second one that is
	// not a signature by its type as what it says it is. A signature has room for texts that nobody signed.
	if len(p.Children) != 2 || !p.Children[1].Leaf() || !hiddenCMS(p.Children[1]) {
		s.found(p, signing.Result{State: signing.Invalid, Reason: signing.Damaged}, at, nil)
		return nil
	}
	content, signature := p.Children[0], p.Children[1]
	at.twoWays = at.twoWays || otherReadings(signature) || signature.Unread
	octets := content.Octets()
	if s.file && s.depth == 0 {
		octets = signing.CanonicalLines(octets)
	}
	r, err := signing.Verify(s.ctx, signature.Open(), octets, s.optionsFor(at))
	if err != nil {
		return err
	}
	s.found(p, r, at, content)
	return nil
}

// leaf opens an opaque signature and looks into what is signed.
func (s *signatures) leaf(p *message.Part, at standing) error {
	if p.Parent != nil && detachedSignature(p.Parent) && secondOfTwo(p) {
		return nil
	}
	kind, err := cmsKindOf(p)
	if err != nil {
		return err
	}
	s.encrypted = s.encrypted || !at.enclosed && (kind == extract.CMSEnveloped || kind == extract.CMSAuthEnveloped)
	if kind != extract.CMSSigned || !s.room(p) {
		return nil
	}
	spool := message.NewSpool(message.Limits{WireBytes: p.Body.Len(), MemoryBytes: s.config.Limits.MemoryBytes}, s.config.Budget)
	defer spool.Close()
	at.twoWays = at.twoWays || !hiddenCMS(p)
	r, err := signing.Open(s.ctx, bufio.NewReader(p.Open()), spool, s.optionsFor(at))
	if err != nil {
		return err
	}
	switch {
	case r.Reason == signing.NoContent: // a detached signature that lost its multipart/signed
		s.add(p, filter.Finding{Disposition: s.disposition(signing.Unsupported), Detail: detailAlone}, at.enclosed)
		return nil
	case r.State == signing.Unsigned && r.Covered == 0: // certificates
		s.count--
		return nil
	case r.Covered == 0:
		s.found(p, r, at, nil)
		return nil
	}
	inside, err := message.Read(spool, spool.Size(), s.config.Limits)
	if err != nil {
		return fmt.Errorf("reading what is signed: %w", err)
	}
	if r.State != signing.Unsigned { // else it is a wrapping like any other, in which something may be signed
		s.found(p, r, at, inside.Root)
	}
	base := s.base
	s.base = s.id(p)
	s.depth++
	err = s.message(inside, at)
	s.depth--
	s.base = base
	return err
}

// room tells whether one more signature is verified, and says so when not.
func (s *signatures) room(p *message.Part) bool {
	s.count++
	switch {
	case s.count == maxSignatures+1:
		s.add(p, filter.Finding{Disposition: s.disposition(signing.Unsupported), Detail: detailTooMany}, false)
		return false
	case s.count > maxSignatures:
		return false
	case s.depth >= maxSignatureDepth:
		s.add(p, filter.Finding{Disposition: s.disposition(signing.Unsupported), Detail: detailTooDeep}, false)
		return false
	}
	return true
}

// optionsFor compares no address for a message inside of the message: its author is another's matter.
func (s *signatures) optionsFor(at standing) signing.Options {
	o := s.options
	if at.enclosed {
		o.From, o.Sender = nil, ""
	}
	return o
}

// within tells a part of a message that is inside of the message.
func within(p *message.Part) bool {
	for p = p.Parent; p != nil; p = p.Parent {
		if strings.HasPrefix(p.MediaType, "message/") {
			return true
		}
	}
	return false
}

// disposition is what a state asks for; Unset for what the rule is set to.
func (s *signatures) disposition(state signing.State) filter.Disposition {
	if state == signing.Valid {
		return filter.Accept
	}
	return s.config.Signatures.States[state]
}

// found makes the finding of one signature. content is the root of what is signed, nil when that is not known.
func (s *signatures) found(p *message.Part, r signing.Result, at standing, content *message.Part) {
	s.signed = s.signed || !at.enclosed && len(r.Signers) > 0
	state, reason := r.State, string(r.Reason)
	var fields []string
	if content != nil && !at.enclosed && !at.part && state != signing.Invalid {
		fields = s.changedFields(content)
	}
	differ := detailFields + " " + strings.Join(fields, " ")
	switch {
	case state != signing.Valid:
	case at.twoWays:
		state, reason = signing.Unsupported, detailTwoWays
	case len(fields) > 0:
		state, reason, fields = signing.AddressMismatch, differ, nil
	}
	f := filter.Finding{Disposition: s.disposition(state), Detail: string(state)}
	if reason != "" {
		f.Detail += ": " + reason
	}
	if state == signing.Valid {
		f.Detail += toldNotes(r)
	}
	switch {
	case at.enclosed:
		f.Detail += detailInEnclosed
	case at.part:
		f.Detail += detailInPart
	}
	if f = s.add(p, f, at.enclosed); s.seen != nil {
		s.seen(f, r)
	}
	if len(fields) > 0 {
		s.add(p, filter.Finding{Disposition: s.disposition(signing.AddressMismatch), Detail: string(signing.AddressMismatch) + ": " + differ}, false)
	}
}

// toldNotes are the notes of a valid signature that who reads "valid" has to know, for it says less or something else than it seems to. That
// nobody was asked whether the certificate was withdrawn is for the policy to insist on, and then a state of its own.
func toldNotes(r signing.Result) string {
	told := ""
	for _, n := range r.Notes {
		switch n {
		case signing.NoAddress, signing.SenderAddress, signing.SevenHoursOff, signing.SigningAhead:
			told += ", " + string(n)
		}
	}
	return told
}

func (s *signatures) add(p *message.Part, f filter.Finding, enclosed bool) filter.Finding {
	if enclosed {
		f.Disposition = filter.Accept
	}
	f.Part, f.Text = s.id(p), filter.TextSignature
	s.findings = append(s.findings, f)
	return f
}

// id is the part's, with that of the opaque signature that it is in: "1/2" is the second part of what the first holds.
func (s *signatures) id(p *message.Part) string {
	if s.base == "" {
		return p.ID
	}
	return s.base + "/" + p.ID
}
