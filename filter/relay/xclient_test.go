package relay

import (
	"net/netip"
	"testing"

	"congthu/filter"
)

// TestXclientIsTheClient: for every message until another XCLIENT, which says all anew.
func TestXclientIsTheClient(t *testing.T) {
	g, _ := withHop(t, func(cfg *Config) { cfg.TrustedPeers = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")} })
	c := dialGate(t, g)
	c.greet()
	c.want(c.cmd("XCLIENT ADDR=192.0.2.7 NAME=away.test LOGIN=nv+61n PROTO=SMTP HELO=laptop", "EHLO x.test"), "25")
	c.want(c.mail("Subject: one\r\n\r\n.\r\n"), "250 ")
	c.want(c.mail("Subject: two\r\n\r\n.\r\n"), "250 ")
	c.want(c.cmd("XFORWARD ADDR=192.0.2.9"), "250 ") // says it for one message, and nothing of who signed in
	c.want(c.mail("Subject: three\r\n\r\n.\r\n"), "250 ")
	c.want(c.cmd("XCLIENT ADDR=IPV6:2001:db8::1 LOGIN=[UNAVAILABLE]", "EHLO y.test"), "25")
	c.want(c.mail("Subject: four\r\n\r\n.\r\n"), "250 ")
	want := []filter.Session{
		{Client: netip.MustParseAddr("192.0.2.7"), ClientName: "away.test", Helo: "laptop", Login: "nvan", Protocol: "SMTP"},
		{Client: netip.MustParseAddr("192.0.2.7"), ClientName: "away.test", Helo: "laptop", Login: "nvan", Protocol: "SMTP"},
		{Client: netip.MustParseAddr("192.0.2.9")},
		{Client: netip.MustParseAddr("2001:db8::1"), Helo: "y.test", Protocol: "ESMTP"},
	}
	for i, tx := range g.judge.transactions() {
		want[i].Door, want[i].Listener = doorName, "test"
		if tx.Session != want[i] {
			t.Errorf("message %d:\n got %+v\nwant %+v", i+1, tx.Session, want[i])
		}
	}
}
