package relay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ClientFacts is how a next hop is told who the client is.
type ClientFacts string

// The ways. The zero value is FactsXforward.
const (
	FactsOff      ClientFacts = "off"
	FactsXforward ClientFacts = "xforward" // with XFORWARD, where it is announced: for logs, without consequences
	FactsXclient  ClientFacts = "xclient"  // with XCLIENT only: a next hop that does not announce it is passed over
	FactsAuto     ClientFacts = "auto"     // with XCLIENT where it is announced, else as FactsXforward
)

// wantsXclient tells whether XCLIENT is to be used where it is announced.
func (f ClientFacts) wantsXclient() bool { return f == FactsXclient || f == FactsAuto }

// Bounds of the XCLIENT command that is given to a next hop.
const (
	maxXclientOut  = 510 // octets without CRLF: 512 as Postfix's XCLIENT_README has it
	maxClientWord  = 255 // octets of a host name or HELO argument that is handed on
	maxClientLogin = 350 // octets of a login in xtext; a longer one is not handed on
)

// clientFacts is what the next hop may be told of the client of the transaction that is open or comes
// next: what a trusted peer said, or what is seen of a client that speaks for itself. nil of a mail
// server that says nothing.
func (c *connection) clientFacts() *forwarded {
	switch {
	case c.forwarded != nil:
		return c.forwarded
	case c.impersonated != nil:
		return c.impersonated.forwarded
	case c.trusted || !c.peer.IsValid() || c.greeted == nil:
		return nil
	}
	attrs := []attribute{{name: "ADDR", value: c.peer.String()}, {name: "PROTO", value: c.greeted.protocol()}, {name: "SOURCE", value: "REMOTE"}}
	if c.port != 0 {
		attrs = append(attrs, attribute{name: "PORT", value: strconv.Itoa(int(c.port))})
	}
	if plainWord(c.greeted.name) {
		attrs = append(attrs, attribute{name: "HELO", value: c.greeted.name})
	}
	for i := range attrs {
		attrs[i].raw = attrs[i].name + "=" + encodeXtext(attrs[i].value)
	}
	attrs[0].raw = "ADDR=" + forwardedAddr(c.peer)
	var none *forwarded
	f, err := none.with(attrs)
	if err != nil {
		return nil // cannot be: an address reads as one
	}
	return f
}

// spokenFor is whom a next hop shall take us for.
type spokenFor struct {
	facts *forwarded // nil when nothing is known
	login string     // who signed in to a trusted peer, "" for nobody
}

// settle decides, before a greeting, whom the next hop shall take us for. Of a mail server that has not yet
// said who its client is, nothing is decided until MAIL. A client that signed in did so at the next hop,
// which would forget it.
func (c *connection) settle(mail bool) {
	c.speakFor = nil
	facts := c.clientFacts()
	if !c.srv.cfg.ClientFacts.wantsXclient() || c.login != "" || facts == nil && !mail {
		return
	}
	c.speakFor = &spokenFor{facts: facts}
	if x := c.impersonated; x != nil && facts == x.forwarded {
		c.speakFor.login = x.login
	}
}

// identity is the XCLIENT command that makes a next hop, which takes the named attributes, take us for
// the client. Each that is not known is [UNAVAILABLE], so that the gate's own address never counts for
// the client's.
func (s *spokenFor) identity(takes []string) string {
	said := map[string]string{}
	if f := s.facts; f != nil {
		for _, a := range slices.Concat(f.lines...) {
			said[a.name] = a.raw
		}
		v := f.values
		good := map[string]bool{"NAME": hostName(v["NAME"]) || v["NAME"] == "" && strings.HasSuffix(said["NAME"], "]"), "PORT": portNumber(v["PORT"]),
			"PROTO": v["PROTO"] == "SMTP" || v["PROTO"] == "ESMTP", "HELO": plainWord(v["HELO"])}
		for name, ok := range good {
			if !ok {
				said[name] = ""
			}
		}
		said["ADDR"] = ""
		if f.client.IsValid() {
			said["ADDR"] = "ADDR=" + forwardedAddr(f.client)
		}
	}
	if login := encodeXtext(s.login); login != "" && len(login) <= maxClientLogin {
		said["LOGIN"] = "LOGIN=" + login
	}
	line := xclientLine(takes, said)
	for _, spare := range []string{"HELO", "NAME"} { // EHLO says the first again
		if len(line) > maxXclientOut {
			said[spare] = ""
			line = xclientLine(takes, said)
		}
	}
	return line
}

// withoutIPv6 is s without its address, if that is one of IPv6.
func (s *spokenFor) withoutIPv6() *spokenFor {
	if s.facts == nil || !s.facts.client.Is6() {
		return s
	}
	facts := *s.facts
	facts.client = netip.Addr{}
	return &spokenFor{facts: &facts, login: s.login}
}

func xclientLine(takes []string, said map[string]string) string {
	line := "XCLIENT"
	for _, name := range []string{"NAME", "ADDR", "PORT", "PROTO", "HELO", "LOGIN"} {
		switch {
		case !slices.Contains(takes, name), name == "PROTO" && said[name] == "": // that one is never unavailable
		default:
			line += " " + cmp.Or(said[name], name+"=[UNAVAILABLE]")
		}
	}
	return line
}

// introduction is how the client is greeted for at a next hop that was told of it with XCLIENT: EHLO is the
// last word on its name there, so a peer's own name must not stand in it.
func (s *spokenFor) introduction(g *greeting) *greeting {
	if s.facts == nil || !plainWord(s.facts.values["HELO"]) || s.facts.values["HELO"] == g.name {
		return g
	}
	as := *g
	as.name = s.facts.values["HELO"]
	as.line = "HELO " + as.name
	if g.extended { // whatever the client said: the peer was promised extensions
		as.line = "EHLO " + as.name
	}
	return &as
}

// greet greets a next hop in the words of g, after telling it who the client is, if that is decided.
func (c *connection) greet(h *nextHop, g *greeting) (reply, error) {
	if c.speakFor == nil || h.xclient == nil {
		return h.hello(g)
	}
	if want := c.speakFor.identity(h.xclient); h.identity != want {
		less := c.speakFor.withoutIPv6()
		if err := h.become(want, less.identity(h.xclient)); err != nil {
			return reply{}, err
		}
	}
	return h.hello(c.speakFor.introduction(g))
}

// identify makes sure, before MAIL, that the next hop takes us for the client of this transaction.
func (c *connection) identify(ctx context.Context) error {
	c.settle(true)
	h := c.hop
	var err error
	switch {
	case c.dropStranger():
		_, err = c.reach(ctx, nil)
	case c.speakFor != nil && h.xclient != nil && h.identity == "":
		_, err = c.introduce(h)
	}
	return err
}

// dropStranger leaves a next hop that takes us for another client than the one that is spoken for now: a
// connection is never made another client's.
func (c *connection) dropStranger() bool {
	h, s := c.hop, c.speakFor
	if h == nil || s == nil || h.xclient == nil || h.identity == "" && len(h.told) == 0 || h.identity == s.identity(h.xclient) {
		return false
	}
	h.quit()
	c.dropHop()
	return true
}

// errNoXclient says that a next hop does not do what the listener wants.
var errNoXclient = errors.New("XCLIENT is not announced")

// askXclient finds out, before the client says a word, whether a next hop takes XCLIENT.
func (h *nextHop) askXclient(s *Server, deadline time.Time) error {
	r, err := h.command("EHLO "+s.cfg.Hostname, 2, time.Until(deadline))
	if err != nil {
		return err
	}
	if r.class() == 2 {
		h.xclient = parseExtensions(r).xclient
	}
	if h.xclient == nil && s.cfg.ClientFacts == FactsXclient {
		return fmt.Errorf("next hop %s: %w to %s", h.addr, errNoXclient, s.cfg.Hostname)
	}
	return nil
}

// become gives XCLIENT. The next hop forgets what it knew and greets anew. From now on the connection is
// that client's alone. One that refuses would take the client for the gate, with the gate's rights: its
// refusal is trouble of the configuration, never the client's.
//
// A Postfix that does IPv4 only (inet_protocols) answers 501 to an address of IPv6. It is then given less,
// without the address: a stranger.
func (h *nextHop) become(identity, less string) error {
	h.personal, h.identity = true, identity
	r, err := h.command(identity, 2, h.times.Mail)
	if err == nil && r.code == 501 && less != identity {
		r, err = h.command(less, 2, h.times.Mail)
	}
	switch {
	case err != nil:
		return err
	case r.code != 220:
		return fmt.Errorf("next hop %s: %w: code %d", h.addr, errXclientRefused, r.code)
	}
	return nil
}

var errXclientRefused = errors.New("XCLIENT refused")

// forwardedAddr writes an address as XFORWARD and XCLIENT have it.
func forwardedAddr(a netip.Addr) string {
	if a.Is6() {
		return "IPV6:" + a.String()
	}
	return a.String()
}

// encodeXtext writes a value as RFC 3461 section 4 has it.
func encodeXtext(s string) string {
	var out strings.Builder
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c > '~' || c == '+' || c == '=' {
			fmt.Fprintf(&out, "+%02X", c)
		} else {
			out.WriteByte(c)
		}
	}
	return out.String()
}

// plainWord tells a HELO argument that can be said again in a command.
func plainWord(s string) bool {
	return s != "" && len(s) <= maxClientWord && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' })
}

// hostName tells what Postfix takes for one; it refuses XCLIENT with another.
func hostName(s string) bool {
	return s != "" && len(s) <= maxClientWord && !strings.HasPrefix(s, ".") && !strings.Contains(s, "..") &&
		!strings.ContainsFunc(s, func(r rune) bool {
			return r != '-' && r != '.' && r != '_' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
		})
}

func portNumber(s string) bool {
	_, err := strconv.ParseUint(s, 10, 16)
	return err == nil
}
