package policy

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
)

// readFile reads a configuration file, never more than maxFile octets of it, whatever it is.
func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, &Error{File: path, Problem: "cannot be read: " + cause(err)}
	}
	defer f.Close()
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		return nil, &Error{File: path, Problem: "is no file (a folder, a device or a pipe)"}
	}
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	switch {
	case err != nil:
		return nil, &Error{File: path, Problem: "cannot be read: " + cause(err)}
	case len(data) > maxFile:
		return nil, &Error{File: path, Problem: "is no configuration file: over 1 MiB"}
	}
	return data, nil
}

// checkSense finds what reads well and still cannot be meant.
func (c *Config) checkSense(bad func(path, format string, args ...any)) {
	all := func(path string, list []Network) {
		for i, n := range list {
			if netip.Prefix(n).Bits() == 0 {
				bad(fmt.Sprintf("%s[%d]", path, i), "is the whole Internet: everybody would be believed; name your own networks")
			}
		}
	}
	all("organisation.trusted_networks", c.Organisation.TrustedNetworks)
	if id := c.Organisation.AuthservID; strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r > '~' || r == ';' || r == '"' }) {
		bad("organisation.authserv_id", "%q is no name: write a domain name, for example mail.monre.gov.vn", id)
	}
	taken := map[string][]listening{}
	listen := func(path, address string) {
		host, port, err := net.SplitHostPort(address)
		if err != nil || port == "0" { // none, what is complained of elsewhere, or whichever port is free
			return
		}
		l := listening{path, host}
		for _, other := range taken[port] {
			if l.meets(other) {
				bad(path, "is the address of %s too; each listener needs its own", other.path)
				break
			}
		}
		taken[port] = append(taken[port], l)
	}
	for i, m := range c.Milter {
		path := fmt.Sprintf("milter[%d]", i)
		listen(path+".listen", strings.TrimPrefix(m.Listen, "tcp:"))
	}
	for i, r := range c.Relay {
		path := fmt.Sprintf("relay[%d]", i)
		listen(path+".listen", r.Listen)
		all(path+".trusted_peers", r.TrustedPeers)
		if strings.ContainsFunc(r.Hostname, func(c rune) bool { return c <= ' ' || c > '~' }) {
			bad(path+".hostname", "%q is no host name: write for example gate.monre.gov.vn", r.Hostname)
		}
	}
	listen("admin.listen", c.Admin.Listen)
	if c.Console.Listen != None {
		listen("console.listen", c.Console.Listen)
	}
	if r := c.Rules["attachment-size"]; r.InlineFloor > 1<<20 {
		bad("rules.attachment-size.inline_floor", "%s is out of bounds: write 0 to 1MiB", shown(r.InlineFloor))
	}
}

// listening is a listener's key and the host of its address: "unix" of a unix socket, whose path is the port then.
type listening struct{ path, host string }

// meets tells that no two listeners can have these hosts with the same port: an address that stands for all of the
// machine's (0.0.0.0, ::, none) takes the port of each, of IPv4 and IPv6.
func (l listening) meets(other listening) bool {
	all := func(host string) bool {
		a, err := netip.ParseAddr(host)
		return host == "" || err == nil && a.IsUnspecified()
	}
	loopback := func(host string) string {
		if host == "localhost" {
			return "127.0.0.1"
		}
		return host
	}
	return loopback(l.host) == loopback(other.host) || all(l.host) || all(other.host)
}
