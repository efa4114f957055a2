package deploy

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"congthu/internal/peer"
)

// TestXclientToPostfix: behind a gate that gives XCLIENT, a real Postfix sees, logs and judges the client
// itself. The gate's own address is in its mynetworks and must not open it for strangers.
func TestXclientToPostfix(t *testing.T) {
	t.Parallel()
	const mailServer, stranger = "127.0.0.9", "127.0.0.5"
	mx, sink, door := xclientStand(t, mailServer)
	dial := func(from string) *peer.Client {
		c, err := peer.DialFrom(from, door)
		must(t, err)
		t.Cleanup(func() { c.Close() })
		return c
	}
	own := dial(stranger)
	must(t, own.Ehlo("la.example"))
	for _, key := range []string{"xclient-own-1", "xclient-own-2"} { // one connection, the client is told of once
		if got := sendOn(t, own, letter{key: key, subject: "x"}.mail()).Last(); !got.OK() {
			t.Fatalf("%s: %s", key, got)
		}
	}
	relayed := letter{key: "xclient-relayed", subject: "x"}.mail()
	relayed.To = []string{"ai@noi-khac.example"}
	if got := sendOn(t, own, relayed).Last(); got.Code != 554 {
		t.Errorf("a stranger's mail to elsewhere was answered %s", got)
	}
	must(t, own.Quit())

	// A mail server hands on the mail of two clients, on one connection.
	server := dial(mailServer)
	must(t, server.Ehlo("mx.monre.gov.vn"))
	for _, says := range []struct{ key, command string }{
		{"xclient-one", "XFORWARD NAME=mot.example ADDR=203.0.113.1 PORT=1111 PROTO=ESMTP HELO=helo-mot"},
		{"xclient-two", "XFORWARD NAME=[UNAVAILABLE] ADDR=IPV6:2001:db8::2 PROTO=SMTP HELO=helo-hai"},
		{"xclient-none", "NOOP"},
	} {
		if r, err := server.Cmd(says.command); err != nil || !r.OK() {
			t.Fatalf("%s: %v %v", says.command, r, err)
		}
		if got := sendOn(t, server, letter{key: says.key, subject: "x"}.mail()).Last(); !got.OK() {
			t.Fatalf("%s: %s", says.key, got)
		}
	}
	must(t, server.Quit())
	for key, want := range map[string]string{
		"xclient-own-1": "from la.example (unknown [127.0.0.5])",
		"xclient-own-2": "from la.example (unknown [127.0.0.5])",
		"xclient-one":   "from helo-mot (mot.example [203.0.113.1])",
		"xclient-two":   "from helo-hai (unknown [unknown])", // this Postfix does IPv4 only
		"xclient-none":  "from mx.monre.gov.vn (unknown [unknown])",
	} {
		must(t, peer.Wait(40*time.Second, "the delivery of "+key, func() bool { return len(sink.ByKey(key)) == 1 }))
		if got := peer.Field(sink.ByKey(key)[0].Bytes, "Received"); !strings.HasPrefix(got, want) {
			t.Errorf("%s: Received: %.90s\nwant %s", key, got, want)
		}
	}
	for _, want := range []string{"client=unknown[127.0.0.5]", "client=mot.example[203.0.113.1]"} {
		if !strings.Contains(mx.Log(), want) {
			t.Errorf("Postfix does not log %s", want)
		}
	}
}

// xclientStand is a gate in front of a Postfix that takes XCLIENT from it, and a sink behind.
func xclientStand(t *testing.T, mailServer string) (mx *peer.Postfix, sink *peer.Sink, door string) {
	t.Helper()
	peer.NeedPostfix(t)
	sink = &peer.Sink{}
	must(t, sink.Start("127.0.0.1:0"))
	t.Cleanup(func() { sink.Close() })
	var ports peer.Ports
	var addrs [3]string
	for i := range addrs {
		var err error
		addrs[i], err = ports.Next()
		must(t, err)
	}
	door, admin, back := addrs[0], addrs[1], addrs[2]
	mx = &peer.Postfix{Name: "mx.monre.gov.vn", NextHop: sink.Addr, Listens: []string{back}, Master: back + " inet n - y - - smtpd\n",
		Main: "relay_domains = monre.gov.vn\nmynetworks = 127.0.0.1/32\nsmtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination\n" +
			"smtpd_authorized_xclient_hosts = 127.0.0.1/32\nsmtpd_authorized_xforward_hosts = 127.0.0.1/32\n"}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("Postfix:\n%s", tail(mx.Log()))
		}
		if err := mx.Stop(); err != nil {
			t.Error(err)
		}
	})
	must(t, mx.Start())
	dir, err := peer.TempDir()
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	g := &peer.Gate{Binary: gateBinary.path(t), Admin: admin, Dir: dir, Config: fmt.Sprintf(
		"organisation: {domains: [%s]}\nadmin: {listen: %q}\nrelay: [{name: mx, listen: %q, next_hops: [%q], trusted_peers: [%s], client_facts: xclient}]\n",
		ours, admin, door, back, mailServer)}
	must(t, g.Start())
	t.Cleanup(func() {
		if err := g.Stop(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("gate:\n%s", tail(g.Output()))
		}
	})
	return mx, sink, door
}
