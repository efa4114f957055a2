package message

import (
	"errors"
	"net/netip"
	"testing"
)

// TestSpoolShares: one client's messages take three quarters of the budget at most, or one message; the others' and those
// of nobody known have the rest.
func TestSpoolShares(t *testing.T) {
	one, other, nobody := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2"), netip.Addr{}
	l := Limits{WireBytes: 400, MemoryBytes: 100}
	b := NewBudget(1000)
	NewSpoolOf(one, l, b).Close() // of which nothing came
	var spools []*Spool
	write := func(client netip.Addr, octets int, want error) {
		t.Helper()
		s := NewSpoolOf(client, l, b)
		spools = append(spools, s)
		if _, err := s.Write(make([]byte, octets)); !errors.Is(err, want) {
			t.Fatalf("%d octets of %v: %v, want %v; %d are left", octets, client, err, want, b.Left())
		}
	}
	write(one, 400, nil)
	write(one, 351, ErrNoRoom)
	write(netip.MustParseAddr("::ffff:192.0.2.1"), 350, nil)
	write(one, 1, ErrNoRoom)
	write(other, 150, nil)
	write(nobody, 50, nil)
	write(other, 51, ErrNoRoom) // of its share there is enough, of the whole there is not
	write(other, 50, nil)
	for _, s := range spools {
		s.Close()
		s.Close()
	}
	if b.Left() != 1000 || len(b.held) != 0 {
		t.Errorf("%d octets are left of 1000, %d clients remembered", b.Left(), len(b.held))
	}
	b = NewBudget(400) // as big as one message, which anybody may send
	write(one, 400, nil)
}

// TestHolder: an IPv6 client has a network to come from.
func TestHolder(t *testing.T) {
	for in, want := range map[string]string{
		"192.0.2.1": "192.0.2.1/32", "::ffff:192.0.2.1": "192.0.2.1/32", "2001:db8::1": "2001:db8::/64", "2001:db8::ffff:1": "2001:db8::/64", "fe80::1%eth0": "fe80::/64",
	} {
		if got := holder(netip.MustParseAddr(in)).String(); got != want {
			t.Errorf("%s takes the room of %s, want %s", in, got, want)
		}
	}
	if holder(netip.Addr{}).IsValid() {
		t.Error("no address takes somebody's room")
	}
}
