package rules

import (
	"context"
	"strings"

	"congthu/filter"
	"congthu/rules/impersonation"
	"congthu/rules/pack"
)

// Details of the free-mail rule's findings. Official mail to free-mail boxes (citizens, firms) is counted
// with what whichRecipients says, and so are the fields of answerFields with their names.
const (
	detailFrom          = "from"
	detailSender        = "sender"
	detailReplyTo       = "reply-to"
	detailMailReplyTo   = "mail-reply-to"
	detailReversePath   = "reverse-path"
	detailCorrespondent = "correspondent" // mail from a free-mail box outside; counted
	detailForwarded     = "forwarded"     // automatic forwarding to a free-mail box
	detailOfficialBox   = "official"      // mail from a free-mail box outside in the name of an official
)

// freeMail obeys Điều 9 khoản 1: no free-mail address in official business. What is forbidden is that an
// official works from one, so only mail of ours that was sent from one, or asks for answers to one, is
// acted on, and mail that a mailbox of ours forwards there by itself. Citizens and firms write from
// free-mail and are written to: that is counted, never acted on.
func freeMail(c Config) filter.Rule {
	f := freeMailOf(c)
	return filter.Rule{Name: NameFreeMail, Clause: "9.1", Code: 550, Status: "7.1",
		Check: func(_ context.Context, tx *filter.Transaction) ([]filter.Finding, error) {
			if tx.Direction.FromOurs() {
				return f.outbound(tx), nil
			}
			return f.inbound(tx), nil
		}}
}

type freeMailDomains struct {
	pack        *pack.FreeMail
	add, except map[string]bool // normalised
	ours        func(string) bool
	clientOurs  func(filter.Session) bool
	forward     filter.Disposition // asked of automatic forwarding
	officials   *impersonation.Detector
}

func freeMailOf(c Config) freeMailDomains {
	return freeMailDomains{pack: c.FreeMail, add: set(c.FreeMailAdd), except: set(c.FreeMailExcept), ours: c.Ours,
		clientOurs: c.ClientOurs, forward: c.Forwarded, officials: c.Impersonation}
}

func set(domains []string) map[string]bool {
	m := map[string]bool{}
	for _, d := range domains {
		if n := filter.NormalDomain(d); n != "" {
			m[n] = true
		}
	}
	return m
}

// has tells whether mail of the domain is free-mail. Our own domains never are, nor what the pack
// protects, whatever the lists say; between the administrator's two lists the longer name decides.
func (f freeMailDomains) has(domain string) bool {
	d := filter.NormalDomain(domain)
	if d == "" || f.ours(d) || f.pack.Never(d) {
		return false
	}
	for p := range pack.Parents(d) {
		if f.except[p] {
			return false
		}
		if f.add[p] {
			return true
		}
	}
	return f.pack.Has(d)
}

// outbound finds free-mail senders and reply addresses, every address of every such field, and counts
// free-mail recipients. On mail of a stranger's that is only sent on, they are the stranger's own: counted.
func (f freeMailDomains) outbound(tx *filter.Transaction) []filter.Finding {
	out := f.senders(tx)
	if len(out) > 0 && f.strangers(tx) {
		for i := range out {
			out[i] = counted(out[i].Detail, out[i].Text)
		}
	}
	out = append(out, f.answers(tx)...)
	boxes := f.boxes(tx)
	out = append(out, f.forwarding(tx, boxes)...)
	if len(boxes) > 0 {
		out = append(out, counted(whichRecipients(boxes, len(tx.Recipients)), filter.TextFreeMailRecipient))
	}
	return out
}

// boxes are the places, from 1, of the recipients that are free-mail.
func (f freeMailDomains) boxes(tx *filter.Transaction) []int {
	var places []int
	for i, r := range tx.Recipients {
		if f.has(r.Domain) {
			places = append(places, i+1)
		}
	}
	return places
}

func (f freeMailDomains) senders(tx *filter.Transaction) []filter.Finding {
	var out []filter.Finding
	for _, field := range []struct {
		name, detail string
		text         filter.TextKey
	}{
		{"From", detailFrom, filter.TextFreeMailFrom},
		{"Sender", detailSender, filter.TextFreeMailSender},
		{"Reply-To", detailReplyTo, filter.TextFreeMailReplyTo},
		{"Mail-Reply-To", detailMailReplyTo, filter.TextFreeMailReplyTo}, // programs take it for the author's Reply-To
	} {
		if f.inField(tx, field.name) {
			out = append(out, filter.Finding{Detail: field.detail, Text: field.text})
		}
	}
	if f.has(tx.ReversePath.Domain) {
		out = append(out, filter.Finding{Detail: detailReversePath, Text: filter.TextFreeMailReversePath})
	}
	return out
}

// answerFields are further fields that some programs answer to. They do not say from where the author works:
// Mail-Followup-To names everybody who takes part, citizens too, and Resent fields (RFC 5322 section 3.6.6) are of
// whoever sent a mail on. So free-mail in them is counted, never acted on. A constant table.
var answerFields = [...]string{"Mail-Followup-To", "Resent-From", "Resent-Sender", "Resent-Reply-To"}

// answers counts free-mail in answerFields.
func (f freeMailDomains) answers(tx *filter.Transaction) []filter.Finding {
	var out []filter.Finding
	for _, name := range answerFields {
		if f.inField(tx, name) {
			out = append(out, counted(strings.ToLower(name), filter.TextFreeMailReplyTo))
		}
	}
	return out
}

// inbound counts mail that comes from free-mail, and finds what is forwarded there.
func (f freeMailDomains) inbound(tx *filter.Transaction) []filter.Finding {
	out := f.forwarding(tx, f.boxes(tx))
	if f.has(tx.ReversePath.Domain) || f.inField(tx, "From") {
		out = append(out, counted(detailCorrespondent, filter.TextFreeMailOutside))
	}
	if f.fromOfficial(tx) {
		out = append(out, counted(detailOfficialBox, filter.TextFreeMailOfficial))
	}
	return out
}

// fromOfficial tells an official's whole name, of three words or more or with our organisation, over a free-mail address.
// It is the official, who may not work from there, or somebody else, whom rule impersonation acts on; nobody can tell, so
// it is counted here. An official's known address of the list counts too.
func (f freeMailDomains) fromOfficial(tx *filter.Transaction) bool {
	if f.officials == nil {
		return false
	}
	from, _ := tx.Message.Addresses("From")
	for _, a := range from[:min(len(from), maxSenders)] {
		if !f.has(a.Domain) {
			continue
		}
		if m := f.officials.Name(a.Name); f.officials.Official(a.Local, a.Domain) || m.Official && (m.Long || m.Organisation || m.Unit || m.Office || m.Disguised) && !f.officials.Exempt(a.Local, a.Domain) {
			return true
		}
	}
	return false
}

// inField tells whether a field names free-mail in any reading of the header.
func (f freeMailDomains) inField(tx *filter.Transaction, name string) bool {
	addresses, _ := tx.Message.Addresses(name)
	for _, a := range addresses {
		if f.has(a.Domain) {
			return true
		}
	}
	return false
}

// counted is a finding that is only for the statistics.
func counted(detail string, text filter.TextKey) filter.Finding {
	return filter.Finding{Mode: filter.Monitor, Disposition: filter.Accept, Detail: detail, Text: text}
}
