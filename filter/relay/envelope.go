package relay

import (
	"bytes"
	"context"
	"errors"
	"math"
	"strconv"
	"strings"
	"time"

	"congthu/filter"
)

// Bounds of a group of commands that is given to a next hop at once (RFC 2920). So few octets fit the
// buffers between us, so that neither waits for the other to read.
const (
	maxGroup      = 100     // commands
	maxGroupBytes = 8 << 10 // octets
)

// mail opens a transaction, with the recipients that the client sent along.
func (c *connection) mail(ctx context.Context, line, args string) reply {
	switch {
	case c.greeted == nil:
		return c.breach(replyHelloFirst)
	case c.srv.cfg.TLS.Required && c.tls == "":
		return c.breach(replyTLSFirst)
	case c.tx != nil:
		return c.breach(replyNested)
	}
	path, bad := parsePath(args, "FROM:")
	if bad != "" {
		return c.breach(bad)
	}
	tx := c.newTransaction()
	tx.mail, tx.reversePath = line, path
	if c.srv.cfg.ClientFacts != FactsOff {
		tx.facts = c.clientFacts()
	}
	if declaredSize(path.Params) > c.srv.cfg.Limits.WireBytes {
		return c.declined(ctx, tx)
	}
	if r := c.utf8Refused(line, path.Params); r != "" {
		return c.refusal(r, tx)
	}
	tx.binary = c.greeted.offered.binary() && hasParameter(path.Params, "BODY=BINARYMIME")
	c.openTransaction(ctx, tx, c.sentAlong(nil, c.srv.cfg.Recipients))
	return reply{}
}

// newTransaction is one that has all but its envelope.
func (c *connection) newTransaction() *transaction {
	now := c.srv.now()
	tx := &transaction{id: filter.NewID(now), received: now, forwarded: c.forwarded}
	if x := c.impersonated; x != nil {
		tx.impersonated = x
		if tx.forwarded == nil {
			tx.forwarded = x.forwarded
		}
	}
	return tx
}

// declined answers a message that is announced too big (RFC 1870 section 6.1). It is a fate of a
// message like any other: counted and logged.
func (c *connection) declined(ctx context.Context, tx *transaction) reply {
	ft := tx.judged(c)
	v := c.srv.judge.Settle(ctx, ft, c.srv.judge.Protocol(ft, 552, "3.4", filter.TextTooBig))
	r := own(v.Reply.String())
	c.srv.judge.Log(ft, v, filter.Outcome{Reply: r.String()})
	return r
}

// openTransaction gives MAIL, and the recipients that came with it, to the next hop. A connection that
// the next hop had given up while nothing was under way is made anew.
func (c *connection) openTransaction(ctx context.Context, tx *transaction, to []recipient) {
	if c.dropStaleHop(); c.hop != nil {
		replies, err := c.begin(ctx, tx, to)
		if len(replies) > 0 && replies[0].code != 421 {
			c.opened(tx, to, replies, err)
			return
		}
		c.dropHop()
		if err != nil && !wentAway(err) {
			c.opened(tx, to, nil, err)
			return
		}
	}
	var replies []reply
	_, err := c.reach(ctx, nil)
	if err == nil {
		replies, err = c.begin(ctx, tx, to)
	}
	c.opened(tx, to, replies, err)
}

// begin tells the next hop who the client is, as the listener wants it, and gives it the envelope.
func (c *connection) begin(ctx context.Context, tx *transaction, to []recipient) ([]reply, error) {
	if err := c.identify(ctx); err != nil {
		return nil, err
	}
	return c.hop.envelope(tx, to)
}

// opened answers MAIL, and the recipients that came with it, with what the next hop said to them.
func (c *connection) opened(tx *transaction, to []recipient, replies []reply, err error) {
	if len(replies) == 0 {
		c.log.Error("opening a transaction with the next hop", "id", tx.id, "error", err)
		c.dropHop()
		c.answer(nextHopDown(tx.id))
	} else {
		if replies[0].class() == 2 {
			c.tx = tx
		}
		c.answer(c.passed(replies[0]))
		replies = replies[1:]
	}
	if c.tx != nil {
		c.addressed(to, replies, err)
		return
	}
	for range to {
		if !c.closing {
			c.answer(c.refusal(replyMailFirst, tx))
		}
	}
}

// rcpt adds recipients to the transaction, if the next hop takes them: this one and those that the
// client sent along.
func (c *connection) rcpt(line, args string) reply {
	tx := c.tx
	if tx == nil {
		return c.breach(replyMailFirst)
	}
	if tx.chunks != nil {
		return c.breach(replyBdatOnly)
	}
	r, bad := newRecipient(line, args)
	if bad != "" {
		return c.breach(bad)
	}
	if r := c.utf8Refused(line, ""); r != "" {
		return c.refusal(r, tx)
	}
	room := c.srv.cfg.Recipients - len(tx.recipients)
	switch {
	case room <= 0:
		return catalogued(452, "5.3", filter.TextTooManyRecipients, tx.id)
	case c.hop == nil:
		return nextHopDown(tx.id)
	}
	to := c.sentAlong([]recipient{r}, room)
	replies, err := c.hop.envelope(nil, to)
	c.addressed(to, replies, err)
	return reply{}
}

// addressed answers RCPT commands with what the next hop said to them. Those that it said nothing to
// because of err are told to come again.
func (c *connection) addressed(to []recipient, replies []reply, err error) {
	if err != nil {
		c.log.Error("giving recipients to the next hop", "id", c.tx.id, "error", err)
		c.dropHop()
	}
	for i := 0; i < len(to) && !c.closing; i++ {
		if i >= len(replies) {
			c.answer(nextHopDown(c.tx.id))
			continue
		}
		if replies[i].class() == 2 {
			c.tx.recipients = append(c.tx.recipients, to[i])
		}
		c.answer(c.passed(replies[i]))
	}
}

// sentAlong appends to already the recipients that the client has sent without waiting (RFC 2920), up
// to room of them. What is no good RCPT command, and all after it, is left for later.
func (c *connection) sentAlong(already []recipient, room int) []recipient {
	octets := 0
	for len(already) < min(room, maxGroup) && !c.in.interrupted() {
		line, ok := c.in.ahead()
		if !ok || len(line) < 5 || !bytes.EqualFold(line[:5], []byte("RCPT ")) || hasControl(line) || tooLongToHandOn("RCPT", line) {
			break
		}
		text := string(line)
		r, bad := newRecipient(text, text[5:])
		if octets += len(text) + 2; bad != "" || c.utf8Refused(text, "") != "" || octets > maxGroupBytes {
			break
		}
		if _, err := c.in.line(time.Time{}); err != nil {
			break // cannot be: the line is there
		}
		already = append(already, r)
	}
	return already
}

// newRecipient reads a RCPT command; bad is the reply when it is none.
func newRecipient(line, args string) (r recipient, bad string) {
	path, bad := parsePath(args, "TO:")
	if bad == "" && path.Null() {
		bad = replySyntaxRcpt
	}
	return recipient{line: line, path: path}, bad
}

// declaredSize is the SIZE parameter of MAIL (RFC 1870 section 4) in octets, 0 without one. A number
// too long for any type is over any limit.
func declaredSize(params string) int64 {
	for _, p := range strings.Fields(params) {
		if len(p) <= 5 || !strings.EqualFold(p[:5], "SIZE=") {
			continue
		}
		n, err := strconv.ParseUint(p[5:], 10, 64)
		if err == nil || errors.Is(err, strconv.ErrRange) {
			return int64(min(n, math.MaxInt64))
		}
	}
	return 0
}

// utf8Refused says why a MAIL or RCPT command cannot be handed on to a next hop without SMTPUTF8 (RFC 6531
// section 3.5), "" if it can.
func (c *connection) utf8Refused(line, params string) string {
	switch {
	case c.greeted.offered.utf8:
		return ""
	case hasParameter(params, "SMTPUTF8"):
		return replyNoUTF8
	case strings.ContainsFunc(line, func(r rune) bool { return r > '~' }):
		return replyNoUTF8Path
	}
	return ""
}

func hasParameter(params, want string) bool {
	for _, p := range strings.Fields(params) {
		if strings.EqualFold(p, want) {
			return true
		}
	}
	return false
}
