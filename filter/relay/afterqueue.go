package relay

import "congthu/filter"

// refusal is a reply of the relay's own, not of the judge's nor of the next hop's, as it is spoken where the
// listener stands. Behind an MTA's queue a 5xx makes the MTA mail the content to whoever mail from outside
// claims to be from: there it is 451, or 421 where the connection is closed, and the MTA keeps the mail. tx is
// the transaction that it answers, or nil.
func (c *connection) refusal(line string, tx *transaction) reply {
	if !c.srv.cfg.AfterQueue || line[0] != '5' || c.fromOurs(tx) {
		return own(line)
	}
	code := "451 4"
	if line[:3] == "521" { // RFC 7504
		code = "421 4"
	}
	return own(code + line[len("550 5"):])
}

// fromOurs tells whether a transaction is known, as far as its envelope goes, to be of ours.
func (c *connection) fromOurs(tx *transaction) bool {
	if c.greeted == nil {
		return false
	}
	if tx == nil {
		tx = c.newTransaction()
	}
	return c.srv.judge.Protocol(tx.judged(c), 550, "5.1", filter.TextMalformed).Direction.FromOurs()
}
