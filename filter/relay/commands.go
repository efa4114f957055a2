package relay

import (
	"context"
	"strings"
)

// command carries out one command line. RFC 5321 section 4.1.4 has the order of commands.
func (c *connection) command(ctx context.Context, line []byte) (reply, error) {
	text := string(line)
	verb, args, _ := strings.Cut(text, " ")
	c.idle++
	if c.idle > maxIdleCommands {
		return own(replyTooManyIdle), nil
	}
	verb = strings.ToUpper(verb)
	switch verb {
	case "EHLO", "HELO", "MAIL", "RCPT", "RSET":
		// The next hop may take its time: replies that are there do not wait for it.
		if err := c.flush(); err != nil {
			return reply{}, err
		}
	}
	if tooLongToHandOn(verb, line) {
		return c.breach(replyLineTooLong), nil
	}
	switch verb {
	case "EHLO":
		return c.hello(ctx, text, true), nil
	case "HELO":
		return c.hello(ctx, text, false), nil
	case "XFORWARD":
		return c.xforward(args), nil
	case "XCLIENT":
		return c.xclient(args), nil
	case "AUTH":
		return c.auth(ctx, args)
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
		c.forget() // the next hop hears of it after the client
		c.closing = true
		return own(replyBye), nil
	case "VRFY":
		return own(replyCannotVerify), nil
	case "STARTTLS":
		return c.startTLS(ctx, args)
	case "EXPN", "HELP", "ETRN", "TURN":
		return c.breach(replyUnsupported), nil
	case "BDAT":
		return c.bdat(ctx, args)
	case "GET", "POST", "CONNECT":
		// What follows is data, not commands, whatever we answer.
		c.closing = true
		return c.refusal(replyNoSMTP, c.tx), nil
	}
	return c.breach(replyUnknown), nil
}

// tooLongToHandOn tells a command line, without its CRLF, that goes to the next hop as it came and is longer
// than maxEnvelopeLine.
func tooLongToHandOn(verb string, line []byte) bool {
	switch verb {
	case "EHLO", "HELO", "MAIL", "RCPT":
		return len(line)+len("\r\n") > maxEnvelopeLine
	}
	return false
}

// hello answers EHLO and HELO. They end a transaction (RFC 5321 section 4.1.4).
func (c *connection) hello(ctx context.Context, line string, extended bool) reply {
	g, ok := newGreeting(line, extended)
	if !ok {
		return c.breach(replySyntaxHello)
	}
	c.forget()
	c.forwarded, c.greeted = nil, g
	c.settle(false)
	var r reply
	var err error
	c.dropStaleHop()
	if c.dropStranger(); c.hop != nil {
		kept := c.hop.kept
		r, err = c.greet(c.hop, g)
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
	if !c.srv.cfg.AuthPass || c.tls == "" {
		g.offered.auth = nil
	}
	if !extended {
		return own("250 " + c.srv.cfg.Hostname)
	}
	return g.offered.greeting(c.srv.cfg.Hostname, c.srv.cfg.Limits.WireBytes,
		ownExtensions{startTLS: c.srv.serverTLS != nil && c.tls == "", trusted: c.trusted})
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
	c.forget()
	c.forwarded = nil
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
