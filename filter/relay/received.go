package relay

import (
	"cmp"
	"fmt"
	"net/netip"
	"strings"

	"congthu/filter"
	"congthu/filter/message"
)

// maxReceived is how many Received fields a message may bear: more is a circle (RFC 5321 section 6.3).
const maxReceived = 50

// inCircles tells whether a message was received too often.
func inCircles(m *message.Message) bool {
	n := 0
	for _, f := range m.Header.Fields {
		if strings.EqualFold(strings.TrimRight(f.Name, " \t"), "Received") {
			n++
		}
	}
	return n > maxReceived
}

// receivedField is the trace of this hop (RFC 5321 section 4.4). It names no recipient: who else got
// the message is nobody's business.
//
// It says from whom this hop received: the peer, also when XFORWARD tells of the peer's client, for that
// is another hop, with a field of its own. With XCLIENT a peer speaks in its client's stead, and leaves none.
func (c *connection) receivedField(tx *transaction) filter.HeaderField {
	from, with, signedIn := c.traceFrom(tx)
	if hasParameter(tx.reversePath.Params, "SMTPUTF8") {
		with = "UTF8SMTP" // RFC 6531 section 4.3
	}
	secured := ""
	extended := with != "SMTP"
	if c.tls != "" { // RFC 3848
		with += "S"
		secured = " (" + c.tls + ")"
	}
	if signedIn && extended {
		with += "A"
	}
	return filter.HeaderField{Name: "Received", Value: fmt.Sprintf("from %s\r\n\tby %s (Congthu) with %s id %s%s;\r\n\t%s",
		from, traceWord(c.srv.cfg.Hostname), with, tx.id, secured, tx.received.Format("Mon, 02 Jan 2006 15:04:05 -0700"))}
}

// traceFrom is from whom this hop received: what he called himself, his name and address as far as they
// are known, his protocol, and whether he signed in.
func (c *connection) traceFrom(tx *transaction) (from, protocol string, signedIn bool) {
	x := tx.impersonated
	if x == nil {
		from = traceWord(c.greeted.name)
		if c.peer.IsValid() {
			from += " (" + addressLiteral(c.peer) + ")"
		}
		return from, c.greeted.protocol(), c.login != ""
	}
	v := x.forwarded.values
	who := "unknown"
	if v["NAME"] != "" {
		who = traceWord(v["NAME"])
	}
	if x.forwarded.client.IsValid() {
		who += " " + addressLiteral(x.forwarded.client)
	}
	return traceWord(cmp.Or(v["HELO"], c.greeted.name)) + " (" + who + ")", cmp.Or(v["PROTO"], c.greeted.protocol()), x.login != ""
}

// addressLiteral writes an address as RFC 5321 section 4.1.3 has it.
func addressLiteral(a netip.Addr) string {
	if a.Is6() {
		return "[IPv6:" + a.String() + "]"
	}
	return "[" + a.String() + "]"
}

// traceWord is what a client calls itself, in a form that cannot be taken for another part of the field.
func traceWord(s string) string {
	clean := strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' || strings.ContainsRune(`()<>\";,`, r) {
			return '?'
		}
		return r
	}, s)
	return clean[:min(len(clean), 255)]
}
