package mailauth

import (
	"errors"
	"net"
	"strings"

	"blitiri.com.ar/go/spf"
)

// SPF is what came of one identity (RFC 7208 section 2).
type SPF struct {
	Result   Value
	Reason   string // a name out of a short list; "" when Result says all
	Identity string // "mailfrom" or "helo"
	Domain   string // as A-labels; "" when it is none that can be asked for
	// Null tells that the reverse-path is the null reverse-path, and Domain HELO's (RFC 7208 section 2.4).
	Null bool
}

// checkSPF asks for the reverse-path and for HELO. The null reverse-path has HELO's domain, and one question is both.
func checkSPF(l *lookup, m Message) []SPF {
	helo := identity{name: "helo", local: "postmaster", domain: m.Helo}
	if m.ReverseDomain == "" && m.ReverseLocal == "" {
		out := askSPF(l, m, helo)
		out.Identity, out.Null = "mailfrom", true
		return []SPF{out}
	}
	return []SPF{askSPF(l, m, identity{"mailfrom", m.ReverseLocal, m.ReverseDomain}), askSPF(l, m, helo)}
}

type identity struct{ name, local, domain string }

func askSPF(l *lookup, m Message, id identity) SPF {
	out := SPF{Identity: id.name, Result: None}
	domain, ok := asciiDomain(id.domain)
	// RFC 7208 section 4.3: a domain of one label or an address literal has no SPF.
	if !ok || !strings.Contains(domain, ".") {
		out.Reason = "no-domain"
		return out
	}
	out.Domain = domain
	if !m.Client.IsValid() {
		out.Reason = "unknown-client"
		return out
	}
	local := id.local
	if local == "" {
		local = "postmaster" // RFC 7208 section 4.3
	}
	// The library takes what follows the first "@" for the domain.
	sender := strings.ReplaceAll(local, "@", "=") + "@" + domain
	helo := m.Helo
	if h, ok := asciiDomain(helo); ok {
		helo = h
	}
	client := m.Client.Unmap().WithZone("")
	result, err := spf.CheckHostWithSender(net.IP(client.AsSlice()), helo, sender,
		spf.WithResolver(spfRecords{l}), spf.WithContext(l.ctx))
	out.Result, out.Reason = Value(result), reasonOf(err)
	if errors.Is(err, errLookupLimit) {
		out.Result = PermError
	}
	return out
}

// reasonOf names the library's error; what matched needs no name.
func reasonOf(err error) string {
	var dns *net.DNSError
	switch {
	case err == nil:
		return ""
	case errors.Is(err, errLookupLimit):
		return "too-many-lookups"
	case errors.As(err, &dns):
		if dns.IsNotFound {
			return ""
		}
		return "dns"
	}
	for e, name := range map[error]string{
		errSPFSyntax: "bad-record", spf.ErrUnknownField: "bad-record", spf.ErrInvalidIP: "bad-record", spf.ErrInvalidMask: "bad-record",
		spf.ErrInvalidMacro: "bad-record", spf.ErrInvalidDomain: "bad-record",
		spf.ErrLookupLimitReached: "too-many-lookups", spf.ErrVoidLookupLimitReached: "too-many-void-lookups",
		spf.ErrTooManyMXRecords: "too-many-mx", spf.ErrMultipleRecords: "several-records",
	} {
		if errors.Is(err, e) {
			return name
		}
	}
	return ""
}
