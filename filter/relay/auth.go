package relay

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// authMechanisms are the SASL mechanisms that can be passed through: what they prove is what the client
// knows. EXTERNAL and those with channel binding prove something of a connection, which is not the one
// that the next hop sees.
func authMechanisms() []string {
	return []string{"PLAIN", "LOGIN", "CRAM-MD5", "DIGEST-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256", "XOAUTH2", "OAUTHBEARER"}
}

// maxAuthSteps is how many lines a client may send in one exchange.
const maxAuthSteps = 10

// authenticated stands for a user whose name the mechanism does not show.
const authenticated = "authenticated"

// auth passes AUTH (RFC 4954) through to the next hop, which alone can judge it. Only under TLS, and
// nothing of it is logged. The connection to the next hop is this client's from now on.
func (c *connection) auth(ctx context.Context, args string) (reply, error) {
	mechanism, initial, _ := strings.Cut(args, " ")
	mechanism = strings.ToUpper(mechanism)
	switch {
	case !c.srv.cfg.AuthPass:
		return c.breach(replyUnsupported), nil
	case c.greeted == nil || !c.greeted.extended:
		return c.breach(replyHelloFirst), nil
	case c.tls == "":
		return c.breach(replyAuthTLSFirst), nil
	case c.tx != nil:
		return c.breach(replyNested), nil
	case c.login != "":
		return c.breach(replyAuthAlready), nil
	case !slices.Contains(c.greeted.offered.auth, mechanism):
		return c.breach(replyNoMechanism), nil
	}
	if c.dropStaleHop(); c.hop == nil {
		return nextHopDown(""), nil
	}
	if c.trusted && c.impersonated == nil && c.hop.identity != "" {
		// It takes us for a client of the mail server that now signs in itself.
		c.hop.quit()
		c.dropHop()
		c.speakFor = nil
		if _, err := c.reach(ctx, nil); err != nil {
			c.log.Error("connecting anew for AUTH", "error", err)
			return nextHopDown(""), nil
		}
	}
	c.hop.personal = true
	x := &authExchange{c: c, name: newLoginName(mechanism)}
	if initial != "" {
		x.name.hear(initial)
	}
	r, err := x.run("AUTH " + args)
	switch {
	case x.broken != nil:
		c.dropHop()
		return reply{}, x.broken
	case err != nil:
		c.log.Error("passing AUTH to the next hop", "error", err)
		c.dropHop()
		return nextHopDown(""), nil
	case r.class() == 2:
		c.login = x.name.result()
	case r.class() == 5:
		if c.breaches++; c.breaches > maxBreaches {
			return own(replyTooManyErrors), nil
		}
	}
	return c.passed(r), nil
}

// authExchange is one exchange between client and next hop.
type authExchange struct {
	c      *connection
	name   *loginName
	broken error // with the client
}

// run sends line to the next hop and carries lines between the two until the next hop has decided.
func (x *authExchange) run(line string) (reply, error) {
	c := x.c
	for range maxAuthSteps {
		deadline := time.Now().Add(c.srv.cfg.Timeouts.Mail)
		if err := c.hop.send(deadline, line); err != nil {
			return reply{}, err
		}
		r, err := readReply(c.hop.in, deadline)
		switch {
		case err != nil:
			return reply{}, err
		case r.code != 334 && r.code != 235 && r.class() < 4:
			return reply{}, fmt.Errorf("next hop %s: %w: code %d to AUTH", c.hop.addr, errNonsense, r.code)
		case r.code != 334:
			return r, nil
		}
		if x.broken = c.send(r); x.broken != nil {
			return reply{}, x.broken
		}
		until, _ := c.commandDeadline()
		said, err := c.in.line(until)
		switch {
		case errors.Is(err, errLineTooLong), err == nil && hasControl(said):
			line = "*" // gives up (RFC 4954 section 4): the next hop's refusal is the answer
			continue
		case err != nil:
			x.broken = fmt.Errorf("reading an answer of AUTH: %w", err)
			return reply{}, x.broken
		}
		line = string(said)
		x.name.hear(line)
	}
	return reply{}, errors.New("next hop " + c.hop.addr + " does not come to an end with AUTH")
}

// loginName finds the user's name in what a client says, where the mechanism shows it.
type loginName struct {
	mechanism string
	heard     bool // an answer
	name      string
}

func newLoginName(mechanism string) *loginName { return &loginName{mechanism: mechanism} }

// hear takes a client's answer in base64. Only the first one is looked at: the next may be a password.
func (l *loginName) hear(answer string) {
	raw, err := base64.StdEncoding.DecodeString(answer)
	first := !l.heard
	l.heard = true
	if err != nil || !first {
		return
	}
	switch l.mechanism {
	case "PLAIN": // RFC 4616: authorization identity, user, password
		if words := strings.SplitN(string(raw), "\x00", 3); len(words) == 3 {
			l.name = words[1]
		}
	case "LOGIN":
		l.name = string(raw)
	}
}

func (l *loginName) result() string {
	if l.name == "" || len(l.name) > maxXforwardValue {
		return authenticated
	}
	return printable(l.name)
}
