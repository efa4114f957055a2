package rules

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"slices"

	"congthu/filter"
	"congthu/signing/mailauth"
)

// NameSenderAuthentication is the name of the rule about who sent mail from outside.
const NameSenderAuthentication = "sender-authentication"

// Details of its findings.
const (
	detailProven         = "proven"              // every author's domain passed DMARC
	detailUnproven       = "unproven"            // no policy applies, or the owner asks for nothing
	detailOwnProven      = "own domain, proven"  // mail of ours that came in from outside
	detailVouched        = "vouched for"         // trusted sealers say that it passed DMARC
	detailOwnForged      = "own domain, forged"  // nothing proves it
	detailOwnUnknown     = "own domain, unknown" // nothing proves it, and not everything could be asked
	detailPolicy         = "against its policy"  // DMARC fails, and the owner asks for quarantine or reject
	detailSPF            = "not its server"      // the reverse-path's domain says that the client is none of its servers
	detailSeveralSenders = "several From fields"
	detailUnknown        = "unknown" // the DNS did not answer
)

// Authenticator asks SPF, DKIM, ARC and DMARC. *mailauth.Checker is one.
type Authenticator interface {
	// Check says what it found. The error is of reading the message, never of what it holds or of the DNS.
	Check(ctx context.Context, m mailauth.Message) (mailauth.Results, error)
}

// senderAuthentication obeys Điều 10 khoản 5: mail of doubtful origin. Mail from outside that names a domain of ours as
// its author has to prove it: by DMARC, by a DKIM signature of a domain of ours, or by SPF of one in the reverse-path.
// What nothing proves is refused. Where something could not be asked it is only tagged, for an answer that is missing
// is no forgery. Of other domains the owner's policy counts: mail against it is tagged, for mailing lists and
// forwarders break signatures.
//
// Every message from outside gets a finding, and when it passes the results in Authentication-Results (RFC 8601).
func senderAuthentication(c Config) filter.Rule {
	return filter.Rule{Name: NameSenderAuthentication, Clause: "10.5", Code: 550, Status: "7.1", Expensive: true,
		Check: func(ctx context.Context, tx *filter.Transaction) ([]filter.Finding, error) {
			if c.Authentication == nil || tx.Direction != filter.Inbound {
				return nil, nil
			}
			m := c.unproven(tx)
			r, err := c.Authentication.Check(ctx, m)
			if err != nil {
				return nil, fmt.Errorf("authenticating the sender: %w", err)
			}
			f := c.origin(r, m)
			if c.AuthservID != "" {
				f.Results = r.Field(c.AuthservID)
			}
			return []filter.Finding{f}, nil
		}}
}

// unproven is a message as it is asked about. A client of ours hands on what others brought it: of them SPF can say
// nothing.
func (c Config) unproven(tx *filter.Transaction) mailauth.Message {
	m := mailauth.Message{Client: tx.Session.Client, Helo: tx.Session.Helo,
		ReverseLocal: tx.ReversePath.Local, ReverseDomain: tx.ReversePath.Domain}
	if c.ClientOurs(tx.Session) || m.Client.IsLoopback() {
		m.Client = netip.Addr{}
	}
	from, _ := tx.Message.Addresses("From")
	for _, a := range from {
		m.Authors = append(m.Authors, a.Domain)
	}
	var header bytes.Buffer
	for _, f := range tx.Message.Header.Fields {
		header.Write(f.Raw)
	}
	m.Header, m.Body = &header, tx.Message.Root.Raw()
	return m
}

// origin says what the results are worth.
func (c Config) origin(r mailauth.Results, m mailauth.Message) filter.Finding {
	accept := func(detail string) filter.Finding { return filter.Finding{Disposition: filter.Accept, Detail: detail} }
	tag := func(detail string) filter.Finding { return filter.Finding{Disposition: filter.Tag, Detail: detail} }
	fails := func(d mailauth.DMARC) bool { return d.Result == mailauth.Fail && d.Policy != mailauth.RequestNone }
	switch {
	case r.FromFields <= 1 && !r.Passed() && c.vouched(r, m.Authors):
		return accept(detailVouched)
	case slices.ContainsFunc(m.Authors, c.Ours):
		switch {
		case r.FromFields <= 1 && (r.Passed() || c.ownProof(r)):
			return accept(detailOwnProven)
		case unanswered(r):
			return tag(detailOwnUnknown)
		}
		return filter.Finding{Detail: detailOwnForged}
	case r.FromFields > 1:
		return tag(detailSeveralSenders)
	case r.Passed():
		return accept(detailProven)
	case slices.ContainsFunc(r.DMARC, fails):
		return tag(detailPolicy)
	case unasked(r):
		return accept(detailUnknown)
	case !anySignature(r) && slices.ContainsFunc(r.SPF, func(s mailauth.SPF) bool {
		return s.Identity == "mailfrom" && s.Result == mailauth.Fail
	}):
		return tag(detailSPF)
	}
	return accept(detailUnproven)
}

// ownProof tells a passing signature of a domain of ours, or a reverse-path of ours from a server of ours. What DMARC
// says of alignment needs records that a domain may not have; that they are all ours is known.
func (c Config) ownProof(r mailauth.Results) bool {
	return slices.ContainsFunc(r.DKIM, func(d mailauth.DKIM) bool { return d.Result == mailauth.Pass && c.Ours(d.Domain) }) ||
		slices.ContainsFunc(r.SPF, func(s mailauth.SPF) bool {
			return s.Identity == "mailfrom" && s.Result == mailauth.Pass && c.Ours(s.Domain)
		})
}

// vouched tells that trusted sealers say of every author that DMARC passed.
func (c Config) vouched(r mailauth.Results, authors []string) bool {
	trusted := func(domain string) bool { return slices.Contains(c.TrustedSealers, domain) }
	for _, a := range authors {
		if !r.ARC.Vouched(trusted, a) {
			return false
		}
	}
	return len(authors) > 0
}

// anySignature tells that some signature passed.
func anySignature(r mailauth.Results) bool {
	return slices.ContainsFunc(r.DKIM, func(d mailauth.DKIM) bool { return d.Result == mailauth.Pass })
}

// unasked tells that an answer of the DNS is missing.
func unasked(r mailauth.Results) bool {
	return slices.ContainsFunc(r.SPF, func(s mailauth.SPF) bool { return s.Result == mailauth.TempError }) ||
		slices.ContainsFunc(r.DKIM, func(d mailauth.DKIM) bool { return d.Result == mailauth.TempError }) ||
		slices.ContainsFunc(r.DMARC, func(d mailauth.DMARC) bool { return d.Result == mailauth.TempError })
}

// unanswered tells that a proof may be there that could not be seen: an answer of the DNS, or the client's address.
func unanswered(r mailauth.Results) bool {
	return unasked(r) || slices.ContainsFunc(r.SPF, func(s mailauth.SPF) bool { return s.Reason == "unknown-client" })
}
