package relay

import (
	"cmp"
	"time"

	"congthu/filter"
)

// transaction is one mail transaction (RFC 5321 section 3.3), from MAIL to its end. It is never
// reset: the next message has another.
type transaction struct {
	id           string
	received     time.Time
	mail         string // the MAIL command as it came
	reversePath  filter.Path
	recipients   []recipient   // those that the next hop accepted
	forwarded    *forwarded    // what XFORWARD said of this transaction's client, or XCLIENT of all
	impersonated *impersonated // nil without XCLIENT
	facts        *forwarded    // what the next hop is told of the client, nil for nothing
	binary       bool          // BODY=BINARYMIME (RFC 3030), which goes on with BDAT only
	chunks       *chunks       // nil before the first BDAT
}

// recipient is one RCPT command that the next hop accepted.
type recipient struct {
	line string // as it came
	path filter.Path
}

// judged is the transaction as the judge sees it, without the message.
func (tx *transaction) judged(c *connection) *filter.Transaction {
	s := filter.Session{Door: doorName, Listener: c.srv.cfg.Name, Direction: c.srv.cfg.Direction, AfterQueue: c.srv.cfg.AfterQueue,
		Helo: c.greeted.name, Protocol: c.greeted.protocol()}
	// A peer that is itself a mail server is not the client: then only XFORWARD says who is, and
	// without it nobody is known, so that the mail is judged as inbound.
	if !c.trusted {
		s.Client, s.TLS = c.peer, c.tls
	}
	ft := &filter.Transaction{ID: tx.id, Received: tx.received, ReversePath: tx.reversePath}
	if f := tx.forwarded; f != nil {
		s.Client, s.ClientName, s.Helo, s.Protocol = f.client, f.values["NAME"], f.values["HELO"], f.values["PROTO"]
		ft.QueueID = f.values["IDENT"]
	}
	if !c.trusted { // a mail server that signs in does not do so for its clients
		s.Login = c.login
	}
	if x := tx.impersonated; x != nil && tx.forwarded == x.forwarded {
		s.Login = cmp.Or(s.Login, x.login)
		if s.Helo == "" {
			s.Helo = c.greeted.name
		}
		if s.Protocol == "" {
			s.Protocol = c.greeted.protocol()
		}
	}
	ft.Session = s
	ft.Recipients = make([]filter.Path, len(tx.recipients))
	for i, r := range tx.recipients {
		ft.Recipients[i] = r.path
	}
	return ft
}
