package rules

import (
	"context"
	"fmt"
	"slices"

	"congthu/filter"
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
	detailTwoWays    = "read in two ways"      // another mail program may show what is not signed
	detailFields     = "signed fields differ"  // of the header around from those that were signed with the message
	detailDocument   = ", document"            // the signature of a PDF
	detailEncrypted  = "unsupported: encrypted"
	detailDocuments  = "unsupported: too many documents"
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
			s := newSignatures(ctx, c, tx)
			if err := s.message(tx.Message, standing{}); err != nil {
				return nil, fmt.Errorf("verifying signatures: %w", err)
			}
			if !s.signed && tx.Direction.FromOurs() && c.Signatures.requires(tx.Message) {
				s.findings = append(s.findings, s.missing())
			}
			return s.findings, nil
		}}
}

// missing is the finding for mail that has to be signed and bears no signature of its own. What is encrypted may be signed inside.
func (s *signatures) missing() filter.Finding {
	f := filter.Finding{Detail: detailUnsigned, Text: filter.TextSignatureMissing}
	if s.encrypted {
		f.Detail, f.Disposition = detailEncrypted, s.disposition(signing.Unsupported)
	}
	return f
}

// SeenSignature is one signature of a message: Finding's part and detail, and what is known of it.
type SeenSignature struct {
	Part, Detail string
	Result       signing.Result
}

// SeeSignatures verifies the signatures of a message as the rule does, for who wants to know more of them than findings say. The
// results have paths.
func SeeSignatures(ctx context.Context, c Config, tx *filter.Transaction) ([]SeenSignature, error) {
	var out []SeenSignature
	s := newSignatures(ctx, c.complete(), tx)
	s.options.Paths = true
	s.seen = func(f filter.Finding, r signing.Result) { out = append(out, SeenSignature{f.Part, f.Detail, r}) }
	if err := s.message(tx.Message, standing{}); err != nil {
		return nil, fmt.Errorf("verifying signatures: %w", err)
	}
	return out, nil
}

// options are those of the message that was sent.
//
// Sender may stand for the authors (RFC 8550 section 3), but mail programs show From: a stranger in Sender would lend his certificate to
// any name there. So it counts only in From's own domain, or among domains of ours.
func (c Config) signingOptions(tx *filter.Transaction) signing.Options {
	s := c.Signatures
	o := signing.Options{Trust: s.Trust, Revocation: s.Revocation, Now: tx.Received, Domain: filter.NormalDomain}
	from, _ := tx.Message.Addresses("From")
	for _, a := range from {
		o.From = append(o.From, a.Local+"@"+a.Domain)
	}
	// An author that cannot be read is nobody's address, and not the same as no author.
	for _, h := range tx.Message.Headers() {
		if len(o.From) == 0 || len(h.Values("From")) != 1 {
			o.From = append(o.From, "")
		}
	}
	// Who stands for several is nobody in particular.
	if sender, _ := tx.Message.Addresses("Sender"); len(sender) == 1 && len(from) > 0 {
		same := func(a message.Address) bool {
			return filter.NormalDomain(a.Domain) == filter.NormalDomain(sender[0].Domain) || c.Ours(a.Domain) && c.Ours(sender[0].Domain)
		}
		if !slices.ContainsFunc(from, func(a message.Address) bool { return !same(a) }) && !slices.Contains(o.From, "") {
			o.Sender = sender[0].Local + "@" + sender[0].Domain
		}
	}
	return o
}

// requires tells whether the message is one of a mailbox that has to sign.
func (s Signatures) requires(m *message.Message) bool {
	from, _ := m.Addresses("From")
	return s.Required != nil && slices.ContainsFunc(from, func(a message.Address) bool { return s.Required(a.Local, a.Domain) })
}
