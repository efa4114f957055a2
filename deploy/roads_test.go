package deploy

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"congthu/internal/peer"
)

// mta is what the mail servers of these tests have in common.
type mta interface {
	Start() error
	Kill() error
	Stop() error
	WaitEmpty(limit time.Duration) error
	Log() string
}

// road is one way of a message: client, gate and mail server hooked up to each other, and a sink behind.
type road struct {
	name string
	gate *peer.Gate
	mta  mta
	sink *peer.Sink
	dial func(address string) (*peer.Client, error) // as the client with that address, EHLO said
}

// hookup is a way to hook the gate up.
type hookup struct {
	name  string
	start func(t *testing.T, name string) *road
}

// roads are all of them: what is said of one hook-up is said of each.
func roads() []hookup {
	return []hookup{
		{"postfix-milter-unix", func(t *testing.T, _ string) *road { return postfixRoad(t, milterUnix) }},
		{"postfix-milter-tcp", func(t *testing.T, _ string) *road { return postfixRoad(t, milterTCP) }},
		{"postfix-proxy-filter", func(t *testing.T, _ string) *road { return postfixRoad(t, proxyFilter) }},
		{"sendmail-milter-unix", func(t *testing.T, _ string) *road { return sendmailRoad(t, milterUnix) }},
		{"sendmail-milter-tcp", func(t *testing.T, _ string) *road { return sendmailRoad(t, milterTCP) }},
		{"relay-before-postfix", relayRoad},
		{"relay-before-exim", relayRoad},
	}
}

// begin starts the hook-up; the test's end stops it.
func (h hookup) begin(t *testing.T) *road {
	t.Helper()
	r := h.start(t, h.name)
	r.name = h.name
	return r
}

func postfixRoad(t *testing.T, kind string) *road {
	t.Helper()
	s := newStand(t, kind, "")
	return &road{gate: s.gate, mta: s.mx, sink: s.sink, dial: func(address string) (*peer.Client, error) {
		return dialAs(s.addr, address)
	}}
}

// dialAs tells a Postfix with XCLIENT who the client is.
func dialAs(addr, address string) (*peer.Client, error) {
	c, err := peer.Dial(addr)
	if err != nil {
		return nil, err
	}
	r := c.Welcome
	if r.OK() {
		r, err = c.Cmd("XCLIENT NAME=may.khach.example ADDR=" + address)
	}
	if err == nil && !r.OK() {
		err = fmt.Errorf("answered %s", r)
	}
	if err == nil {
		err = c.Ehlo("may.khach.example")
	}
	if err != nil {
		c.Close()
		return nil, fmt.Errorf("greeting: %w", err)
	}
	return c, nil
}

// Where a server knows no XCLIENT the client's address is real: one of loopback's, of which those of
// loopbackInside are in trusted_networks.
const (
	loopbackInside  = "127.0.1.7"
	loopbackOutside = "127.200.0.9"
	loopbackTrusted = "127.0.1.0/24"
)

// dialFrom connects from the loopback address that stands for the address.
func dialFrom(addr, address string) (*peer.Client, error) {
	local := loopbackInside
	if address == outside {
		local = loopbackOutside
	}
	c, err := peer.DialFrom(local, addr)
	if err != nil {
		return nil, err
	}
	if c.Welcome.OK() {
		err = c.Ehlo("may.khach.example")
	} else {
		err = fmt.Errorf("greeting: answered %s", c.Welcome)
	}
	if err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// base is a sink and a gate that is not started yet, and a source of addresses.
func base(t *testing.T) (r *road, next func() string) {
	t.Helper()
	r = &road{sink: &peer.Sink{}}
	must(t, r.sink.Start("127.0.0.1:0"))
	t.Cleanup(func() { r.sink.Close() })
	var ports peer.Ports
	next = func() string {
		addr, err := ports.Next()
		must(t, err)
		return addr
	}
	dir, err := peer.TempDir()
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	r.gate = &peer.Gate{Binary: gateBinary.path(t), Admin: next(), Dir: dir, UID: unprivileged, GID: unprivileged}
	return r, next
}

// run starts the gate with these doors, and the server.
func (r *road) run(t *testing.T, doors string) {
	t.Helper()
	r.gate.Config = fmt.Sprintf("organisation: {domains: [%s, mae.gov.vn], trusted_networks: [%s]}\nadmin: {listen: %q}\n%s", ours, loopbackTrusted, r.gate.Admin, doors)
	must(t, r.gate.Start())
	t.Cleanup(func() {
		if err := r.gate.Stop(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("gate:\n%s", tail(r.gate.Output()))
		}
	})
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("server:\n%s", tail(r.mta.Log()))
		}
		if err := r.mta.Stop(); err != nil {
			t.Error(err)
		}
	})
	must(t, r.mta.Start())
}

// sendmailRoad is Sendmail with the lines of sendmail/congthu.mc.
func sendmailRoad(t *testing.T, kind string) *road {
	t.Helper()
	peer.NeedSendmail(t)
	r, next := base(t)
	s := &peer.Sendmail{Name: "mx.monre.gov.vn", Listen: next(), NextHop: r.sink.Addr}
	must(t, s.Prepare())
	t.Cleanup(func() { os.RemoveAll(s.Dir) })
	var doors string
	if kind == milterUnix {
		folder := s.Dir + "/congthu"
		must(t, os.Mkdir(folder, 0o750))
		must(t, os.Chown(folder, unprivileged, unprivileged))
		s.MC = file(t, "sendmail/congthu.mc", "`congthu', `S=inet:8890@127.0.0.1,", "`congthu', `S=unix:"+s.Root+"/congthu/milter.sock,")
		doors = fmt.Sprintf("milter: [{name: sendmail, listen: \"unix:%s/milter.sock\"}]\n", folder)
	} else {
		door := next()
		_, port, _ := strings.Cut(door, ":")
		s.MC = file(t, "sendmail/congthu.mc", "`congthu', `S=inet:8890@", "`congthu', `S=inet:"+port+"@")
		doors = fmt.Sprintf("milter: [{name: sendmail, listen: \"tcp:%s\"}]\n", door)
	}
	r.mta = s
	r.dial = func(address string) (*peer.Client, error) { return dialFrom(s.Listen, address) }
	r.run(t, doors)
	return r
}

// relayRoad is the relay as the mail exchanger in front of another server.
func relayRoad(t *testing.T, name string) *road {
	t.Helper()
	peer.NeedPostfix(t)
	r, next := base(t)
	door, behind := next(), next()
	if name == "relay-before-exim" {
		peer.NeedExim(t)
		r.mta = &peer.Exim{Name: "mail.monre.gov.vn", Listen: behind, NextHop: r.sink.Addr}
	} else {
		r.mta = &peer.Postfix{Name: "mail.monre.gov.vn", NextHop: r.sink.Addr, Listens: []string{behind},
			Main: "message_size_limit = 41943040\n", Master: behind + " inet n - y - - smtpd"}
	}
	r.dial = func(address string) (*peer.Client, error) { return dialFrom(door, address) }
	r.run(t, fmt.Sprintf("relay: [{name: mx, listen: %q, next_hops: [%q]}]\n", door, behind))
	return r
}
