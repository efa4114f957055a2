package relay

import (
	"net"
	"net/netip"
	"strings"
	"testing"

	"congthu/filter/message"
)

// crowding is a gate with room for three messages, of which one client may have two in hand.
func crowding(t *testing.T, change func(*Config)) *gate {
	t.Helper()
	hop := startHop(t, nil)
	g := newGate(t, func(cfg *Config) {
		cfg.NextHops, cfg.Limits.WireBytes = []string{hop.addr}, 300
		change(cfg)
	})
	g.Server.budget = message.NewBudget(1000)
	g.start(t)
	return g
}

// half begins a message of 290 octets and does not end it.
func half(c *talk) string {
	c.want(c.cmd("MAIL FROM:<a@example.org>", "RCPT TO:<b@monre.gov.vn>"), "250 ")
	c.send("BDAT 290\r\n" + strings.Repeat("x", 288) + "\r\n")
	return c.reply()
}

// TestOneClientLeavesRoom: a client that begins messages and ends none is told to come again, while there is room
// for the letters of others; and room for its own as soon as it ends one.
func TestOneClientLeavesRoom(t *testing.T) {
	g := crowding(t, func(*Config) {})
	var greedy []*talk
	for range 3 {
		c := dialGate(t, g)
		c.greet()
		greedy = append(greedy, c)
	}
	greedy[0].want(half(greedy[0]), "250 2.0.0 290 ")
	greedy[1].want(half(greedy[1]), "250 2.0.0 290 ")
	greedy[2].want(half(greedy[2]), "451 4.3.0 ")

	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}
	conn, err := d.DialContext(t.Context(), "tcp", g.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	other := &talk{t, newWire(conn)}
	other.greet()
	for range 5 {
		other.want(other.mail("Subject: x\r\n\r\n"+strings.Repeat("y", 250)+"\r\n.\r\n"), "250 ")
	}

	greedy[0].want(greedy[0].cmd("RSET"), "250 ")
	greedy[2].want(greedy[2].mail("Subject: x\r\n\r\n"+strings.Repeat("y", 250)+"\r\n.\r\n"), "250 ")
}

// TestClientsOfAPeerLeaveRoom: those that a mail server speaks for are told apart; of whom it says nothing has
// the whole room.
func TestClientsOfAPeerLeaveRoom(t *testing.T) {
	g := crowding(t, func(cfg *Config) { cfg.TrustedPeers = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} })
	for i, c := range []struct{ says, want string }{
		{"XFORWARD ADDR=192.0.2.1", "250 "}, {"XCLIENT ADDR=192.0.2.1", "250 "}, {"XFORWARD ADDR=192.0.2.1", "451 4.3.0 "},
		{"XFORWARD ADDR=192.0.2.2", "250 "}, {"XFORWARD ADDR=192.0.2.3 NAME=x", "451 4.3.0 "},
	} {
		k := dialGate(t, g)
		k.greet()
		k.want(k.cmd(c.says), "2")
		if strings.HasPrefix(c.says, "XCLIENT") {
			k.want(k.cmd("EHLO client.test"), "250-")
		}
		if got := half(k); !strings.HasPrefix(got, c.want) {
			t.Errorf("%d, %s: %q, want %q", i, c.says, got, c.want)
		}
	}

	g = crowding(t, func(cfg *Config) { cfg.TrustedPeers = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} })
	for i := range 4 {
		k := dialGate(t, g)
		k.greet()
		if got := half(k); strings.HasPrefix(got, "250 ") != (i < 3) {
			t.Errorf("message %d of nobody: %q", i, got)
		}
	}
}
