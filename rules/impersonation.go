package rules

import (
	"context"
	"slices"
	"strings"

	"congthu/filter"
	"congthu/filter/message"
	"congthu/rules/impersonation"
)

// NameImpersonation is the name of the rule about who mail from outside pretends to be from.
const NameImpersonation = "impersonation"

// Details of its findings. Those of domains are detailLookAlike and an impersonation.Likeness.
const (
	detailOfficial        = "official's name"                    // alone, at another domain: counted
	detailOfficialFree    = "official's name, free-mail"         // of three words or more
	detailOfficialClaim   = "official's name, our organisation"  // or the official's unit
	detailOfficialOffice  = "official's name, office of state"   // and the address is no state's
	detailOfficialForged  = "official's name, disguised"         // written to look like it
	detailOfficialAnswers = "official's name, answers elsewhere" // Reply-To is free-mail, From is not
	detailOrganisation    = "organisation's name"                // alone, at another domain: counted
	detailOrganisationFM  = "organisation's name, free-mail"     //
	detailAddressInName   = "our address in the name"            // nvan@monre.gov.vn <x@example.com>
	detailAddressInLocal  = "our domain before the @"            // monre.gov.vn@example.com
	detailLookAlike       = "look-alike domain: "                //
	detailAnswers         = "answers elsewhere"                  // From is ours, Reply-To is not
	detailManySenders     = "more senders than are looked at"    //
)

// maxSenders is how many mailboxes of the sender fields are looked at.
const maxSenders = 200

// impersonationRule obeys Điều 10 khoản 5: mail that pretends to be from ours. It compares what mail from outside says of
// its senders, in From, Sender and Reply-To, with the officials and the domains of the organisation; it proves nothing
// (sender-authentication does) and so asks for a tag by default.
//
// Vietnamese full names are shared by thousands. An official's whole name at another's address is therefore acted on only
// when something beside it says more: the address is free-mail, which anybody may open in any name; the name goes with our
// organisation or the official's unit, or with an office of state while the address is no state's; it is written with
// letters that only look like it; or answers go to free-mail while From is not. Else it is counted. Names of two words are
// not enough with free-mail either.
func impersonationRule(c Config) filter.Rule {
	i := impersonations{d: c.Impersonation, free: freeMailOf(c), ours: c.Ours}
	return filter.Rule{Name: NameImpersonation, Clause: "10.5", Code: 550, Status: "7.1",
		Check: func(_ context.Context, tx *filter.Transaction) ([]filter.Finding, error) {
			if i.d == nil || tx.Direction != filter.Inbound {
				return nil, nil
			}
			return i.findings(tx), nil
		}}
}

type impersonations struct {
	d    *impersonation.Detector
	free freeMailDomains
	ours func(string) bool
}

// findings are one for each thing found, those that are only counted at the end.
func (i impersonations) findings(tx *filter.Transaction) []filter.Finding {
	var acted, only []filter.Finding
	seen := map[string]bool{}
	add := func(detail string) {
		switch {
		case detail == "" || seen[detail]:
		case detail == detailOfficial || detail == detailOrganisation:
			only = append(only, counted(detail, filter.TextImpersonation))
		default:
			acted = append(acted, filter.Finding{Detail: detail, Text: filter.TextImpersonation})
		}
		seen[detail] = true
	}
	from, _ := tx.Message.Addresses("From")
	sender, _ := tx.Message.Addresses("Sender")
	answers, _ := tx.Message.Addresses("Reply-To")
	all := slices.Concat(from, sender, answers)
	if len(all) > maxSenders {
		all = all[:maxSenders]
		add(detailManySenders)
	}
	elsewhere := i.answersToFreeMail(from, answers)
	for _, a := range all {
		if i.d.Exempt(a.Local, a.Domain) {
			continue
		}
		if l := i.d.Domain(a.Domain); l != "" {
			add(detailLookAlike + string(l))
		}
		if i.d.Mailbox(a.Local) {
			add(detailAddressInLocal)
		}
		m := i.d.Name(a.Name)
		if m.Address {
			add(detailAddressInName)
		}
		add(i.name(m, a.Domain, elsewhere))
	}
	if i.answersOfOurs(tx, from, answers) {
		add(detailAnswers)
	}
	return append(acted, only...)
}

// name says what a display name at a foreign domain is worth, "" for nothing.
func (i impersonations) name(m impersonation.Match, domain string, elsewhere bool) string {
	free := i.free.has(domain)
	switch {
	case (m.Official || m.Short) && (m.Organisation || m.Official && m.Unit && !impersonation.State(domain)):
		return detailOfficialClaim
	case m.Alone && free:
		return detailOrganisationFM
	case m.Alone:
		return detailOrganisation
	case !m.Official:
		return ""
	case m.Disguised:
		return detailOfficialForged
	case m.Office && !impersonation.State(domain):
		return detailOfficialOffice
	case m.Long && free:
		return detailOfficialFree
	case m.Long && elsewhere:
		return detailOfficialAnswers
	}
	return detailOfficial
}

// answersToFreeMail tells that answers go to free-mail, and no author is there.
func (i impersonations) answersToFreeMail(from, answers []message.Address) bool {
	free := func(a message.Address) bool { return i.free.has(a.Domain) }
	return slices.ContainsFunc(answers, free) && !slices.ContainsFunc(from, free)
}

// answersOfOurs tells that answers to mail in a name of ours go to others. What a mailing list writes there is the list,
// to which the mail was sent too.
func (i impersonations) answersOfOurs(tx *filter.Transaction, from, answers []message.Address) bool {
	if !slices.ContainsFunc(from, func(a message.Address) bool { return i.ours(a.Domain) }) {
		return false
	}
	_, list := tx.Message.Header.Get("List-Id")
	to, _ := tx.Message.Addresses("To")
	cc, _ := tx.Message.Addresses("Cc")
	shown := append(to, cc...)
	return slices.ContainsFunc(answers, func(a message.Address) bool {
		sentTo := list && slices.ContainsFunc(shown, func(b message.Address) bool { return sameMailbox(a, b) })
		return a.Domain != "" && !i.d.Exempt(a.Local, a.Domain) && !sentTo
	})
}

func sameMailbox(a, b message.Address) bool {
	return strings.EqualFold(a.Local, b.Local) && filter.NormalDomain(a.Domain) == filter.NormalDomain(b.Domain)
}
