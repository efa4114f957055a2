package mailauth

import (
	"context"
	"net"
	"net/netip"
	"sync/atomic"
	"time"
)

// dialTimeout is for a connection to a DNS server; UDP needs none.
const dialTimeout = 2 * time.Second

// NewResolver asks the DNS servers given, the next one at each try; without one those of /etc/resolv.conf. The servers
// do the walking: they must be recursive ones.
func NewResolver(servers []netip.AddrPort) *net.Resolver {
	if len(servers) == 0 {
		return &net.Resolver{PreferGo: true}
	}
	var next atomic.Uint64
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		server := servers[(next.Add(1)-1)%uint64(len(servers))]
		d := net.Dialer{Timeout: dialTimeout}
		return d.DialContext(ctx, network, server.String())
	}}
}
