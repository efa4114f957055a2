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

// NameSignature is the name of the rule about S/MIME signatures.
const NameSignature = "signature"

// Words of its findings' details, behind the state that signing gives and its reason.
const (
	detailUnsigned   = "unsigned"                      // of a mailbox that has to sign
	detailAlone      = "unsupported: signed elsewhere" // a signature without what it signs
	detailTooMany    = "unsupported: too many signatures"
	detailTooDeep    = "unsupported: too deep"
	detailInPart     = ", part of the message" // something stands outside of what is signed
	detailInEnclosed = ", enclosed message"    // a message in the message: it says nothing of who sent this one
)

// Signatures is what rule signature goes by.
type Signatures struct {
	Trust      *signing.Trust      // nil: nothing is trusted
	Revocation *signing.Revocation // nil: nobody is asked
	// States are asked for a state; one that is not in it asks for what the policy says of the rule. Valid asks for nothing.
	States map[signing.State]filter.Disposition
	// Required tells mailboxes of ours whose mail has to be signed. nil: none.
	Required func(local, domain string) bool
}

// DefaultStates is asked for each state when the policy says nothing else; Invalid is what the rule itself is set to.
func DefaultStates() map[signing.State]filter.Disposition {
	return map[signing.State]filter.Disposition{
		signing.Revoked: filter.Hold, signing.Untrusted: filter.Tag, signing.Expired: filter.Tag, signing.Weak: filter.Tag,
		signing.Unsupported: filter.Tag, signing.AddressMismatch: filter.Tag, signing.RevocationUnknown: filter.Tag,
	}
}

// signatureRule obeys Điều 9 khoản 2: signatures are checked. Each one has a finding, the good ones too. What it says of the sender it
// says of the octets that it covers: of a signature in a message that was forwarded the state is on record and nothing is asked.
func signatureRule(c Config) filter.Rule {
	return filter.Rule{Name: NameSignature, Clause: "9.2", Code: 550, Status: "7.7", Expensive: true,
		Check: func(ctx context.Context, tx *filter.Transaction) ([]filter.Finding, error) {
			s := signatures{ctx: ctx, config: c, options: c.Signatures.options(tx), file: tx.Session.Door == doorCheck}
			if err := s.message(tx.Message, false); err != nil {
				return nil, fmt.Errorf("verifying signatures: %w", err)
			}
			if s.count == 0 && tx.Direction.FromOurs() && c.Signatures.requires(tx.Message) {
				s.findings = append(s.findings, filter.Finding{Detail: detailUnsigned, Text: filter.TextSignatureMissing})
			}
			return s.findings, nil
		}}
}

func (s Signatures) options(tx *filter.Transaction) signing.Options {
	o := signing.Options{Trust: s.Trust, Revocation: s.Revocation, Now: tx.Received, Domain: filter.NormalDomain}
	from, _ := tx.Message.Addresses("From")
	for _, a := range from {
		o.From = append(o.From, a.Local+"@"+a.Domain)
	}
	// Who stands for several is nobody in particular.
	if sender, _ := tx.Message.Addresses("Sender"); len(sender) == 1 {
		o.Sender = sender[0].Local + "@" + sender[0].Domain
	}
	return o
}

// requires tells whether the message is one of a mailbox that has to sign.
func (s Signatures) requires(m *message.Message) bool {
	from, _ := m.Addresses("From")
	return s.Required != nil && slices.ContainsFunc(from, func(a message.Address) bool { return s.Required(a.Local, a.Domain) })
}

// signatures walks over one message.
type signatures struct {
	ctx      context.Context
	config   Config
	options  signing.Options
	findings []filter.Finding
	base     string // ID of the part whose opaque signature is open
	file     bool   // the message is a file, whose lines may end with LF alone
	depth    int    // opaque signatures around
	count    int    // signatures seen
}

// message looks at every part of every reading. enclosed: the message is one inside of the message that was sent.
func (s *signatures) message(m *message.Message, enclosed bool) error {
	for p := range m.Parts() {
		var err error
		switch {
		case detachedSignature(p):
			err = s.detached(m, p, enclosed)
		case p.Leaf() && mayBeCMS(p):
			err = s.leaf(m, p, enclosed)
		}
		if err != nil {
			return err
		}
	}
	return nil
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

func (s *signatures) detached(m *message.Message, p *message.Part, enclosed bool) error {
	if !s.room(p) {
		return nil
	}
	// Two parts, and nothing else that could be shown: mail programs show a third one as if it were signed.
	if len(p.Children) != 2 {
		s.found(m, p, signing.Result{State: signing.Invalid, Reason: signing.Damaged}, enclosed)
		return nil
	}
	content := p.Children[0].Octets()
	if s.file && s.depth == 0 {
		content = signing.CanonicalLines(content)
	}
	r, err := signing.Verify(s.ctx, p.Children[1].Open(), content, s.optionsFor(p, enclosed))
	if err != nil {
		return err
	}
	s.found(m, p, r, enclosed)
	return nil
}

// leaf opens an opaque signature and looks into what is signed.
func (s *signatures) leaf(m *message.Message, p *message.Part, enclosed bool) error {
	if p.Parent != nil && detachedSignature(p.Parent) && secondOfTwo(p) {
		return nil
	}
	kind, err := cmsKindOf(p)
	if err != nil || kind != extract.CMSSigned {
		return err
	}
	if !s.room(p) {
		return nil
	}
	spool := message.NewSpool(message.Limits{WireBytes: p.Body.Len(), MemoryBytes: s.config.Limits.MemoryBytes}, s.config.Budget)
	defer spool.Close()
	r, err := signing.Open(s.ctx, bufio.NewReader(p.Open()), spool, s.optionsFor(p, enclosed))
	if err != nil {
		return err
	}
	switch {
	case r.Reason == signing.NoContent: // a detached signature that lost its multipart/signed
		s.add(p, filter.Finding{Disposition: s.disposition(signing.Unsupported), Detail: detailAlone}, enclosed || within(p))
		return nil
	case r.State == signing.Unsigned:
		s.count--
		return nil
	}
	s.found(m, p, r, enclosed)
	if r.Covered == 0 {
		return nil
	}
	inside, err := message.Read(spool, spool.Size(), s.config.Limits)
	if err != nil {
		return fmt.Errorf("reading what is signed: %w", err)
	}
	base := s.base
	s.base = s.id(p)
	s.depth++
	err = s.message(inside, enclosed || within(p))
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
func (s *signatures) optionsFor(p *message.Part, enclosed bool) signing.Options {
	o := s.options
	if enclosed || within(p) {
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

// found makes the finding of one signature.
func (s *signatures) found(m *message.Message, p *message.Part, r signing.Result, enclosed bool) {
	f := filter.Finding{Disposition: s.disposition(r.State), Detail: string(r.State)}
	if r.Reason != "" {
		f.Detail += ": " + string(r.Reason)
	}
	enclosed = enclosed || within(p)
	switch {
	case enclosed:
		f.Detail += detailInEnclosed
	case p != m.Root:
		f.Detail += detailInPart
	}
	s.add(p, f, enclosed)
}

func (s *signatures) add(p *message.Part, f filter.Finding, enclosed bool) {
	if enclosed {
		f.Disposition = filter.Accept
	}
	f.Part, f.Text = s.id(p), filter.TextSignature
	s.findings = append(s.findings, f)
}

// id is the part's, with that of the opaque signature that it is in: "1/2" is the second part of what the first holds.
func (s *signatures) id(p *message.Part) string {
	if s.base == "" {
		return p.ID
	}
	return s.base + "/" + p.ID
}
