package relay

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// xforwardNames are the attributes of Postfix's XFORWARD that the relay takes, as it announces them.
func xforwardNames() []string {
	return []string{"NAME", "ADDR", "PORT", "PROTO", "HELO", "IDENT", "SOURCE"}
}

// Bounds of one XFORWARD command and of what is kept of them for one transaction.
const (
	maxXforwardValue = 255 // octets of a decoded value
	maxXforwardLines = 16  // commands before one MAIL
	maxXforwardOut   = 510 // octets of a command of ours without CRLF, unless one attribute alone is longer
)

// attribute is one NAME=value of an XFORWARD command.
type attribute struct {
	name  string // upper case
	raw   string // as it came, "NAME=value"
	value string // decoded, without control characters; "" for [UNAVAILABLE] and [TEMPUNAVAIL]
}

// forwarded is what a mail server that hands mail on said of its client, with XFORWARD, before a
// transaction. It describes that one transaction: as in Postfix it ends with it.
type forwarded struct {
	values map[string]string
	client netip.Addr // zero when it was not said
	lines  [][]attribute
}

// with returns f with the attributes of one more command. f itself, which may be nil, stays as it is.
func (f *forwarded) with(attrs []attribute) (*forwarded, error) {
	next := &forwarded{values: map[string]string{}}
	if f != nil {
		next.client, next.lines = f.client, slices.Clip(f.lines)
		for k, v := range f.values {
			next.values[k] = v
		}
	}
	if len(next.lines) >= maxXforwardLines {
		return nil, fmt.Errorf("more than %d XFORWARD commands for one message", maxXforwardLines)
	}
	for _, a := range attrs {
		next.values[a.name] = a.value
		if a.name != "ADDR" {
			continue
		}
		next.client = netip.Addr{}
		if a.value == "" {
			continue
		}
		addr, err := parseForwardedAddr(a.value)
		if err != nil {
			return nil, err
		}
		next.client = addr
	}
	next.lines = append(next.lines, attrs)
	return next, nil
}

// commands are the XFORWARD commands to give to a next hop that takes the named attributes. Each that
// was not said, all of them if f is nil, is [UNAVAILABLE], so that nothing said of another client stands.
func (f *forwarded) commands(takes []string) []string {
	said := map[string]string{}
	if f != nil {
		for _, a := range slices.Concat(f.lines...) {
			said[a.name] = a.raw
		}
	}
	var out []string
	line := ""
	for _, name := range xforwardNames() {
		if !slices.Contains(takes, name) {
			continue
		}
		raw, ok := said[name]
		if !ok {
			raw = name + "=[UNAVAILABLE]"
		}
		if line != "" && len(line)+1+len(raw) > maxXforwardOut {
			out = append(out, line)
			line = ""
		}
		if line == "" {
			line = "XFORWARD"
		}
		line += " " + raw
	}
	if line != "" {
		out = append(out, line)
	}
	return out
}

// errAnotherClient says that a next hop would take the mail for another client's: what was said of that one with
// XFORWARD cannot be taken back.
var errAnotherClient = errors.New("does not forget the client before")

// xforward are the XFORWARD commands for a transaction, and those that were given before.
func (h *nextHop) xforward(tx *transaction) (lines, before []string, err error) {
	before = h.told
	if h.identity != "" || tx.facts == nil && len(before) == 0 {
		return nil, nil, nil
	}
	lines = tx.facts.commands(h.ext.xforward)
	now := attributeNames(lines)
	for _, name := range attributeNames(before) {
		if !slices.Contains(now, name) { // it was greeted otherwise since, with HELO for instance
			return nil, nil, fmt.Errorf("next hop %s: %w", h.addr, errAnotherClient)
		}
	}
	h.told = nil
	if tx.facts != nil {
		h.told = lines
	}
	return lines, before, nil
}

// attributeNames are the names of the attributes in commands.
func attributeNames(commands []string) (names []string) {
	for _, line := range commands {
		for _, word := range strings.Fields(line) {
			if name, _, ok := strings.Cut(word, "="); ok {
				names = append(names, strings.ToUpper(name))
			}
		}
	}
	return names
}

var errXforward = errors.New("malformed XFORWARD")

// parseXforward reads the attributes after the XFORWARD verb.
func parseXforward(args []byte) ([]attribute, error) { return parseAttributes(args, xforwardNames()) }

// parseAttributes reads attributes of the given names: NAME=xtext, separated by blanks.
func parseAttributes(args []byte, names []string) ([]attribute, error) {
	var out []attribute
	for _, word := range bytes.Fields(args) {
		name, enc, ok := bytes.Cut(word, []byte{'='})
		if !ok {
			return nil, fmt.Errorf("%w: attribute without a value", errXforward)
		}
		a := attribute{name: strings.ToUpper(string(name)), raw: string(word)}
		if !slices.Contains(names, a.name) {
			return nil, fmt.Errorf("%w: unknown attribute", errXforward)
		}
		value, ok := decodeXtext(enc)
		if !ok || len(value) > maxXforwardValue {
			return nil, fmt.Errorf("%w: bad value", errXforward)
		}
		switch upper := strings.ToUpper(value); upper {
		case "[UNAVAILABLE]", "[TEMPUNAVAIL]":
		default:
			a.value = printable(value)
		}
		out = append(out, a)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%w: no attributes", errXforward)
	}
	return out, nil
}

// parseForwardedAddr reads 192.0.2.1 or IPV6:2001:db8::1. A zone is no part of a client's address.
func parseForwardedAddr(s string) (netip.Addr, error) {
	if len(s) > 5 && strings.EqualFold(s[:5], "IPV6:") {
		s = s[5:]
	}
	addr, err := netip.ParseAddr(s)
	if err != nil || addr.Zone() != "" {
		return netip.Addr{}, fmt.Errorf("%w: bad ADDR", errXforward)
	}
	return addr.Unmap(), nil
}

// decodeXtext decodes RFC 3461 section 4 xtext: +HH is an octet. Raw octets beyond it are borne with.
func decodeXtext(b []byte) (string, bool) {
	var out strings.Builder
	for i := 0; i < len(b); i++ {
		if b[i] != '+' {
			out.WriteByte(b[i])
			continue
		}
		if i+2 >= len(b) {
			return "", false
		}
		hi, ok1 := hexDigit(b[i+1])
		lo, ok2 := hexDigit(b[i+2])
		if !ok1 || !ok2 {
			return "", false
		}
		out.WriteByte(hi<<4 | lo)
		i += 2
	}
	return out.String(), true
}

func hexDigit(c byte) (byte, bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10, true
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10, true
	}
	return 0, false
}

// printable replaces control characters, which a decoded value may hold, by "?".
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '?'
		}
		return r
	}, s)
}
