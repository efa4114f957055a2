package relay

import (
	"context"
	"errors"
	"math"
	"strconv"
	"strings"

	"congthu/filter"
)

// command carries out one command line. RFC 5321 section 4.1.4 has the order of commands.
func (c *connection) command(ctx context.Context, line []byte) (reply, error) {
	text := string(line)
	verb, args, _ := strings.Cut(text, " ")
	c.idle++
	if c.idle > maxIdleCommands {
		return own(replyTooManyIdle), nil
	}
	switch strings.ToUpper(verb) {
	case "EHLO":
		return c.hello(ctx, text, true), nil
	case "HELO":
		return c.hello(ctx, text, false), nil
	case "XFORWARD":
		return c.xforward(args), nil
	case "MAIL":
		return c.mail(ctx, text, args), nil
	case "RCPT":
		c.idle--
		return c.rcpt(text, args), nil
	case "DATA":
		return c.data(ctx, args)
	case "RSET":
		return c.rset(args), nil
	case "NOOP":
		return own(replyOK), nil
	case "QUIT":
		c.endTransaction()
		c.closing = true
		return own(replyBye), nil
	case "VRFY":
		return own(replyCannotVerify), nil
	case "EXPN", "HELP", "STARTTLS", "AUTH", "XCLIENT", "ETRN", "TURN":
		return c.breach(replyUnsupported), nil
	case "BDAT", "GET", "POST", "CONNECT":
		// What follows is data, not commands, whatever we answer.
		c.closing = true
		return own(replyNoSMTP), nil
	}
	return c.breach(replyUnknown), nil
}

// hello answers EHLO and HELO. They end a transaction (RFC 5321 section 4.1.4).
func (c *connection) hello(ctx context.Context, line string, extended bool) reply {
	g, ok := newGreeting(line, extended)
	if !ok {
		return c.breach(replySyntaxHello)
	}
	c.tx, c.forwarded, c.greeted = nil, nil, g
	var r reply
	var err error
	if c.dropStaleHop(); c.hop != nil {
		kept := c.hop.kept
		r, err = c.hop.hello(g)
		// A kept connection that does not answer as a new one would is none to use.
		again := err != nil && (kept || wentAway(err)) || err == nil && kept && r.class() != 2
		if err != nil || again {
			c.dropHop()
		}
		if again {
			r, err = c.reach(ctx, nil)
		}
	} else {
		r, err = c.reach(ctx, nil)
	}
	switch {
	case err != nil:
		c.greeted = nil
		c.log.Error("greeting the next hop", "error", err)
		return nextHopDown("")
	case r.class() != 2:
		c.greeted = nil
		return c.passed(r)
	}
	g.accepted, g.offered = true, c.hop.ext
	if !extended {
		return own("250 " + c.srv.cfg.Hostname)
	}
	return g.offered.greeting(c.srv.cfg.Hostname, c.srv.cfg.Limits.WireBytes, c.trusted)
}

// passed is a next hop's reply on its way to the client. After 421 the next hop is gone, and so
// shall we be: the client tries again.
func (c *connection) passed(r reply) reply {
	if r.code == 421 {
		c.dropHop()
	}
	return r
}

// xforward takes what a trusted peer says of its client. MAIL hands it on to a next hop that wants it.
func (c *connection) xforward(args string) reply {
	switch {
	case !c.trusted:
		return c.breach(replyNotTrusted)
	case c.greeted == nil:
		return c.breach(replyHelloFirst)
	case c.tx != nil:
		return c.breach(replyNested)
	}
	attrs, err := parseXforward([]byte(args))
	if err != nil {
		return c.breach(replySyntaxForward)
	}
	f, err := c.forwarded.with(attrs)
	if err != nil {
		return c.breach(replySyntaxForward)
	}
	c.forwarded = f
	return own(replyOK)
}

// mail opens a transaction.
func (c *connection) mail(ctx context.Context, line, args string) reply {
	switch {
	case c.greeted == nil:
		return c.breach(replyHelloFirst)
	case c.tx != nil:
		return c.breach(replyNested)
	}
	path, ok := parsePath(args, "FROM:")
	if !ok {
		return c.breach(replySyntaxMail)
	}
	tx := &transaction{id: filter.NewID(c.srv.now()), received: c.srv.now(), mail: line, reversePath: path, forwarded: c.forwarded}
	if declaredSize(path.Params) > c.srv.cfg.Limits.WireBytes {
		return c.declined(tx)
	}
	r, err := c.openTransaction(ctx, line)
	switch {
	case err != nil:
		c.log.Error("opening a transaction with the next hop", "id", tx.id, "error", err)
		return nextHopDown(tx.id)
	case r.class() == 2:
		c.tx = tx
	}
	return c.passed(r)
}

// declined answers a message that is announced too big (RFC 1870 section 6.1). It is a fate of a
// message like any other: counted and logged.
func (c *connection) declined(tx *transaction) reply {
	ft := tx.judged(c)
	v := c.srv.judge.Protocol(ft, 552, "3.4", filter.TextTooBig)
	r := own(v.Reply.String())
	c.srv.judge.Log(ft, v, filter.Outcome{Reply: r.String()})
	return r
}

// openTransaction gives MAIL to the next hop. A connection that the next hop had given up while
// nothing was under way is made anew.
func (c *connection) openTransaction(ctx context.Context, line string) (reply, error) {
	if c.dropStaleHop(); c.hop != nil {
		r, err := c.hop.open(c.forwarded, line)
		if err == nil && r.code != 421 {
			return r, nil
		}
		c.dropHop()
		if err != nil && !wentAway(err) {
			return reply{}, err
		}
	}
	if _, err := c.reach(ctx, nil); err != nil {
		return reply{}, err
	}
	r, err := c.hop.open(c.forwarded, line)
	if err != nil {
		c.dropHop()
	}
	return r, err
}

// rcpt adds a recipient to the transaction, if the next hop takes it.
func (c *connection) rcpt(line, args string) reply {
	tx := c.tx
	if tx == nil {
		return c.breach(replyMailFirst)
	}
	path, ok := parsePath(args, "TO:")
	if !ok || path.Null() {
		return c.breach(replySyntaxRcpt)
	}
	switch {
	case len(tx.recipients) >= c.srv.cfg.Recipients:
		return catalogued(452, "5.3", filter.TextTooManyRecipients, tx.id)
	case c.hop == nil:
		return nextHopDown(tx.id)
	}
	r, err := c.hop.command(line, 2, c.srv.cfg.Timeouts.Rcpt)
	if err != nil {
		c.log.Error("giving a recipient to the next hop", "id", tx.id, "error", err)
		c.dropHop()
		return nextHopDown(tx.id)
	}
	if r.class() == 2 {
		tx.recipients = append(tx.recipients, recipient{line: line, path: path})
	}
	return c.passed(r)
}

// rset ends the transaction.
func (c *connection) rset(args string) reply {
	if strings.TrimSpace(args) != "" {
		return c.breach(replyNoArgument)
	}
	c.endTransaction()
	return own(replyOK)
}

// endTransaction gives up what is open, with the next hop as well. What XFORWARD said went with it.
func (c *connection) endTransaction() {
	open := c.tx != nil
	c.tx, c.forwarded = nil, nil
	if open {
		c.resetHop()
	}
}

// resetHop makes the next hop forget its transaction. One that cannot is left; the next MAIL
// connects again.
func (c *connection) resetHop() {
	if c.hop == nil {
		return
	}
	r, err := c.hop.command("RSET", 2, c.srv.cfg.Timeouts.Mail)
	if err != nil || r.class() != 2 {
		c.log.Warn("the next hop does not reset", "code", r.code, "error", err)
		c.dropHop()
	}
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

// parsePath reads the argument of MAIL or RCPT: "FROM:<path> parameters" (RFC 5321 section 4.1.2).
// A path without its angle brackets, and blanks after the colon, are borne with: the next hop sees
// the line as it came and decides. What could be split in two ways is not ok.
func parsePath(args, keyword string) (filter.Path, bool) {
	args = strings.TrimLeft(args, " ")
	if len(args) < len(keyword) || !strings.EqualFold(args[:len(keyword)], keyword) {
		return filter.Path{}, false
	}
	rest := strings.TrimLeft(args[len(keyword):], " \t")
	end := pathEnd(rest)
	if end <= 0 || (end < len(rest) && rest[end] != ' ' && rest[end] != '\t') {
		return filter.Path{}, false
	}
	return filter.ParsePath(rest[:end], strings.Trim(rest[end:], " \t")), true
}

// pathEnd is where the path at the beginning of s ends, -1 when it does not.
func pathEnd(s string) int {
	if !strings.HasPrefix(s, "<") {
		if i := strings.IndexAny(s, " \t"); i >= 0 {
			s = s[:i]
		}
		if strings.ContainsAny(s, `<>"`) {
			return -1
		}
		return len(s)
	}
	quoted := false
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && quoted:
			i++
		case c == '"':
			quoted = !quoted
		case c == '<' && !quoted:
			return -1
		case c == '>' && !quoted:
			return i + 1
		}
	}
	return -1
}
