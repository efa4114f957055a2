package message

import (
	"net/netip"
	"sync"
	"sync/atomic"
)

// Budget bounds the octets of all spools that share it, and of them those of one client: at most three
// quarters of all, or one message, so that a client who begins many big messages and ends none leaves room for the others. The
// zero value has no room.
type Budget struct {
	left  atomic.Int64
	share int64 // octets of one client

	mu   sync.Mutex
	held map[netip.Prefix]int64 // octets in hand, by client
}

// NewBudget makes a budget of so many octets.
func NewBudget(octets int64) *Budget {
	b := &Budget{share: octets / 4 * 3}
	b.left.Store(octets)
	return b
}

// Left is how many octets are left.
func (b *Budget) Left() int64 { return b.left.Load() }

// take takes n octets for a client, whose one message may have message octets.
func (b *Budget) take(client netip.Prefix, n, message int64) bool {
	if b == nil {
		return true
	}
	if !b.takeShare(client, n, message) {
		return false
	}
	if b.left.Add(-n) < 0 {
		b.give(client, n)
		return false
	}
	return true
}

func (b *Budget) takeShare(client netip.Prefix, n, message int64) bool {
	if !client.IsValid() {
		return true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	sum := b.held[client] + n
	if sum > max(b.share, message) {
		return false
	}
	if b.held == nil {
		b.held = map[netip.Prefix]int64{}
	}
	b.held[client] = sum
	return true
}

func (b *Budget) give(client netip.Prefix, n int64) {
	if b == nil || n == 0 {
		return
	}
	b.left.Add(n)
	if !client.IsValid() {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.held[client] -= n; b.held[client] == 0 {
		delete(b.held, client)
	}
}

// holder is whose room an address takes: its own, or in IPv6 that of the network of the size that one client has.
func holder(a netip.Addr) netip.Prefix {
	a = a.Unmap().WithZone("")
	bits := a.BitLen()
	if a.Is6() {
		bits = 64
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return netip.Prefix{} // no address
	}
	return p
}
