package rules

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"congthu/filter"
	"congthu/rules/rate"
)

// NameRate is the rule of senders that send too much.
const NameRate = "rate"

// What a sender may send in an hour by default.
const (
	DefaultRateMessages   = 300
	DefaultRateRecipients = 1000
)

// doorCheck is the door of files: judging one sends nothing.
const doorCheck = "check"

// Rate is what the rate rule needs to know.
type Rate struct {
	Counter *rate.Counter // of the process, whichever policy is in force; nil counts and finds nothing
	Limits  rate.Limits   // the zero value means the default limits
	Exempt  []string      // mailboxes and logins, lower case; one without a domain is that of every domain of ours
	Defers  bool          // what goes over is deferred, so that it comes again: it is not counted
	Refuses bool          // what goes over is refused: its server does not try again
}

// rateRule obeys Điều 8 khoản 3 and Điều 10 khoản 2: a mailbox that somebody took over sends spam until it is stopped.
// Counted is mail from ours when it is judged, for the login, or else the reverse-path. What it says of a message that goes
// over is the policy's; in monitor mode too it is counted on, so that the numbers are true.
func rateRule(r Rate, ours func(domain string) bool) filter.Rule {
	if r.Limits == (rate.Limits{}) {
		r.Limits = rate.Limits{Messages: DefaultRateMessages, Recipients: DefaultRateRecipients}
	}
	return filter.Rule{Name: NameRate, Clause: "10.2", Code: 550, Status: "7.1",
		Check: func(_ context.Context, tx *filter.Transaction) ([]filter.Finding, error) {
			sender := rateSender(tx)
			if r.Counter == nil || tx.Session.Door == doorCheck || !tx.Direction.FromOurs() || sender == "" || r.exempts(sender, ours) {
				return nil, nil
			}
			m := rate.Message{Sender: sender, ID: tx.ID, Identity: rateIdentity(tx), Recipients: len(tx.Recipients), Time: tx.Received}
			before, over := r.Counter.Add(m, r.Limits, r.Defers)
			if !over {
				return nil, nil
			}
			detail := fmt.Sprintf("%d recipients in an hour", before.Recipients+len(tx.Recipients))
			if l := r.Limits.Messages; l > 0 && before.Messages >= l {
				detail = fmt.Sprintf("%d messages in an hour", before.Messages+1)
			}
			text := filter.TextRate
			if r.Refuses {
				text = filter.TextRateRefused
			}
			return []filter.Finding{{Detail: detail, Text: text}}, nil
		}}
}

// rateSender is whom a message is counted for: who signed in, else the reverse-path; "" for nobody. Failure reports and
// automatic answers have the null reverse-path and are nobody's, unless somebody signed in to send them. What follows a plus
// sign in an address is a tag (RFC 5233): whoever invents tags is one sender still.
func rateSender(tx *filter.Transaction) string {
	if tx.Session.Login != "" {
		return strings.ToLower(tx.Session.Login)
	}
	if tx.ReversePath.Null() {
		return ""
	}
	local, _, tagged := strings.Cut(strings.ToLower(tx.ReversePath.Local), "+")
	if tagged && local == "" {
		local = strings.ToLower(tx.ReversePath.Local)
	}
	p := filter.Path{Local: local, Domain: filter.NormalDomain(tx.ReversePath.Domain)}
	return p.String()
}

// rateIdentity is of header, size and recipients: a message that a server divides for its recipients is several.
func rateIdentity(tx *filter.Transaction) string {
	all := []string{filter.HeaderIdentity(tx)}
	for _, r := range tx.Recipients {
		all = append(all, r.String())
	}
	slices.Sort(all[1:])
	if all[0] == "" {
		all[0] = tx.ID
	}
	return strings.Join(all, "\x00")
}

// rateExempt tells a sender that no limit binds.
func (r Rate) exempts(sender string, ours func(domain string) bool) bool {
	if slices.Contains(r.Exempt, sender) {
		return true
	}
	at := strings.LastIndexByte(sender, '@')
	return at >= 0 && ours(sender[at+1:]) && slices.Contains(r.Exempt, sender[:at])
}
