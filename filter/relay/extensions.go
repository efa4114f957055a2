package relay

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// extensions are the SMTP service extensions that the relay carries, as a server offers them.
type extensions struct {
	size                 bool
	sizeLimit            int64    // octets, 0 for none said (RFC 1870)
	eightBit             bool     // 8BITMIME, RFC 6152
	utf8                 bool     // SMTPUTF8, RFC 6531
	dsn                  bool     // DSN, RFC 3461
	codes                bool     // ENHANCEDSTATUSCODES, RFC 2034
	auth                 []string // SASL mechanisms that can be passed through, RFC 4954
	xforward, xclient    []string // attributes, upper case; xclient is nil without ADDR
	pipelining           bool     // RFC 2920
	startTLS             bool     // RFC 3207
	chunking, binaryMIME bool     // RFC 3030
}

// parseExtensions reads the lines of an EHLO reply after its first (RFC 5321 section 4.1.1.1).
// What is not listed above is left out: the relay does not carry it, so it must not offer it.
func parseExtensions(r reply) extensions {
	var x extensions
	r.lines(func(i int, text string) {
		words := strings.Fields(strings.ToUpper(text))
		if i == 0 || len(words) == 0 {
			return
		}
		switch words[0] {
		case "SIZE":
			x.size = true
			if len(words) > 1 {
				if n, err := strconv.ParseInt(words[1], 10, 64); err == nil && n > 0 {
					x.sizeLimit = n
				}
			}
		case "8BITMIME":
			x.eightBit = true
		case "SMTPUTF8":
			x.utf8 = true
		case "PIPELINING":
			x.pipelining = true
		case "CHUNKING":
			x.chunking = true
		case "BINARYMIME":
			x.binaryMIME = true
		case "STARTTLS":
			x.startTLS = true
		case "DSN":
			x.dsn = true
		case "ENHANCEDSTATUSCODES":
			x.codes = true
		case "AUTH":
			for _, m := range words[1:] {
				if slices.Contains(authMechanisms(), m) {
					x.auth = append(x.auth, m)
				}
			}
		case "XFORWARD":
			x.xforward = words[1:]
		case "XCLIENT":
			if slices.Contains(words[1:], "ADDR") {
				x.xclient = words[1:]
			}
		}
	})
	return x
}

// covers tells whether a server that offers x can take over from one that offered y: nothing that
// a client was promised may be missing.
func (x extensions) covers(y extensions) bool {
	has := func(mine, theirs bool) bool { return mine || !theirs }
	return has(x.size, y.size) && has(x.eightBit, y.eightBit) && has(x.utf8, y.utf8) && has(x.dsn, y.dsn) && has(x.binary(), y.binary())
}

// binary tells whether messages that are not lines can be carried on.
func (x extensions) binary() bool { return x.chunking && x.binaryMIME }

// ownExtensions are abilities of ours, whatever the next hop offers, that not every client is offered.
type ownExtensions struct {
	startTLS bool
	trusted  bool // XCLIENT and XFORWARD
}

// greeting is our EHLO reply: what the next hop offers, filtered to what the relay carries, PIPELINING
// and CHUNKING, which ask nothing of it, and own.
func (x extensions) greeting(hostname string, wireBytes int64, own ownExtensions) reply {
	lines := []string{hostname, "PIPELINING", "CHUNKING"}
	if x.size {
		limit := wireBytes
		if x.sizeLimit > 0 {
			limit = min(limit, x.sizeLimit)
		}
		lines = append(lines, fmt.Sprintf("SIZE %d", limit))
	}
	for _, e := range []struct {
		name string
		has  bool
	}{{"8BITMIME", x.eightBit}, {"SMTPUTF8", x.utf8}, {"DSN", x.dsn}, {"ENHANCEDSTATUSCODES", x.codes}, {"BINARYMIME", x.binary()}} {
		if e.has {
			lines = append(lines, e.name)
		}
	}
	if len(x.auth) > 0 {
		lines = append(lines, "AUTH "+strings.Join(x.auth, " "))
	}
	if own.startTLS {
		lines = append(lines, "STARTTLS")
	}
	if own.trusted {
		lines = append(lines, "XCLIENT "+strings.Join(xclientNames(), " "), "XFORWARD "+strings.Join(xforwardNames(), " "))
	}
	r := reply{code: 250}
	for i, l := range lines {
		sep := "-"
		if i == len(lines)-1 {
			sep = " "
		}
		r.raw = append(r.raw, "250"+sep+l+"\r\n"...)
	}
	return r
}
