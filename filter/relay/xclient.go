package relay

import (
	"fmt"
	"slices"
)

// xclientNames are the attributes of Postfix's XCLIENT that the relay takes, as it announces them.
func xclientNames() []string {
	return []string{"NAME", "ADDR", "PORT", "PROTO", "HELO", "LOGIN", "DESTADDR", "DESTPORT"}
}

// impersonated is the client that a trusted peer speaks for, said with XCLIENT. It holds until the
// connection ends or another XCLIENT.
type impersonated struct {
	forwarded *forwarded // in the words that XFORWARD has for it too
	login     string     // who signed in, "" for nobody
}

// newImpersonated reads the attributes of an XCLIENT command.
func newImpersonated(attrs []attribute) (*impersonated, error) {
	x := &impersonated{}
	var shared []attribute
	for _, a := range attrs {
		if a.name == "PROTO" && a.value != "" && a.value != "SMTP" && a.value != "ESMTP" {
			return nil, fmt.Errorf("%w: bad PROTO", errXforward)
		}
		if a.name == "LOGIN" {
			x.login = a.value
		}
		if slices.Contains(xforwardNames(), a.name) {
			shared = append(shared, a)
		}
	}
	var none *forwarded
	var err error
	x.forwarded, err = none.with(shared)
	return x, err
}

// xclient makes the peer another client: it begins anew, with our greeting. Only trusted peers may.
func (c *connection) xclient(args string) reply {
	switch {
	case !c.trusted:
		return c.breach(replyXclientNotTrusted)
	case c.tx != nil:
		return c.breach(replyNested)
	}
	attrs, err := parseAttributes([]byte(args), xclientNames())
	if err != nil {
		return c.breach(replySyntaxXclient)
	}
	x, err := newImpersonated(attrs)
	if err != nil {
		return c.breach(replySyntaxXclient)
	}
	if c.login != "" {
		c.login = ""
		c.dropHop() // it knows somebody else
	}
	c.impersonated, c.greeted, c.forwarded = x, nil, nil
	return own(greeting220(c.srv.cfg.Hostname))
}
