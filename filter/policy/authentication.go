package policy

import (
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// Authentication is how SPF, DKIM, ARC and DMARC are asked, for rule sender-authentication.
type Authentication struct {
	Resolvers []NameServer `yaml:"resolvers"` // recursive DNS servers, asked in turn; none: nothing is asked
	Timeout   Duration     `yaml:"timeout"`   // for all questions about one message; what has no answer then is unknown
	// TrustedSealers are domains that seal what they hand on (ARC) and are believed what they say of it: mailing lists.
	TrustedSealers []Domain `yaml:"trusted_sealers"`
}

func defaultAuthentication() Authentication {
	return Authentication{Timeout: Duration(20 * time.Second)}
}

// SystemNameServers stands for the servers of /etc/resolv.conf.
const SystemNameServers NameServer = "system"

// NameServer is a DNS server: "127.0.0.1:53", or SystemNameServers.
type NameServer string

// UnmarshalText reads an address with or without port, or SystemNameServers.
func (n *NameServer) UnmarshalText(b []byte) error {
	text := strings.TrimSpace(string(b))
	if NameServer(text) == SystemNameServers {
		*n = SystemNameServers
		return nil
	}
	if a, err := netip.ParseAddr(strings.Trim(text, "[]")); err == nil {
		*n = NameServer(netip.AddrPortFrom(a, 53).String())
		return nil
	}
	at, err := netip.ParseAddrPort(text)
	if err != nil || at.Port() == 0 {
		return fmt.Errorf("%q is no DNS server: write its IP address as in 127.0.0.1 or [::1]:5353, or system for those of /etc/resolv.conf", text)
	}
	*n = NameServer(at.String())
	return nil
}

// NameServers are the addresses of the resolvers; none when there are none, or the system's.
func (a Authentication) NameServers() []netip.AddrPort {
	var out []netip.AddrPort
	for _, n := range a.Resolvers {
		if at, err := netip.ParseAddrPort(string(n)); err == nil {
			out = append(out, at)
		}
	}
	return out
}

// checkAuthentication finds resolvers and times that make no sense.
func (c *Config) checkAuthentication(bad func(path, format string, args ...any)) {
	for i, n := range c.Authentication.Resolvers {
		if n == SystemNameServers && len(c.Authentication.Resolvers) > 1 {
			bad(fmt.Sprintf("authentication.resolvers[%d]", i), "system stands alone: it is all servers of /etc/resolv.conf")
		}
	}
	const least = Duration(time.Second)
	if t := c.Authentication.Timeout; t < least || t > c.Limits.Deadline {
		bad("authentication.timeout", "is from 1s to limits.deadline, which is %v", time.Duration(c.Limits.Deadline))
	}
}
