package deploy

import (
	"fmt"
	"os"
	"testing"
	"time"

	"congthu/internal/peer"
)

// patience is how long a test waits for what must come, and how long a queue may stand still: much more than a
// loaded machine needs, so that only what never comes fails.
const patience = 2 * time.Minute

// mta is what the mail servers of these tests have in common.
type mta interface {
	Start() error
	Kill() error
	Stop() error
	WaitEmpty(still time.Duration) error
	Queued() int
	Log() string
}

// road is one way of a message: client, gate and mail server hooked up to each other, and a sink behind.
type road struct {
	hookup
	gate *peer.Gate
	mta  mta
	sink *peer.Sink
	cert peer.Certificate
	// door is where the client with that address connects, and hello what it says first.
	door  func(address string) (local, addr string)
	hello func(c *peer.Client, address string) error
}

// hookup is a way to hook the gate up.
type hookup struct {
	name  string
	start func(t *testing.T, r *road)

	tls   bool // from the client to its server, and where that is the relay from there to the next hop
	bdat  bool // the client sends BDAT
	plain bool // the next hop has no CHUNKING
	after bool // behind the queue: the client has a 250 before the gate sees the message
	// split: the gate has a listener for each direction, since the server before it cannot name the client.
	split bool
	// doubts: the server before the gate logs when it does not know whether a message went out.
	doubts bool
	// still leaves deferred mail in the queue.
	still bool
}

// roads are all of them: what is said of one hook-up is said of each.
func roads() []hookup {
	return []hookup{
		{name: "postfix-milter-unix", start: postfixRoad(milterUnix)},
		{name: "postfix-milter-tcp", start: postfixRoad(milterTCP)},
		{name: "postfix-proxy-filter", start: postfixRoad(proxyFilter)},
		{name: "postfix-content-filter", start: contentFilterRoad, after: true},
		{name: "sendmail-milter-unix", start: sendmailRoad(milterUnix)},
		{name: "sendmail-milter-tcp", start: sendmailRoad(milterTCP)},
		{name: "relay-before-postfix", start: relayBeforePostfix},
		{name: "relay-before-exim", start: relayBeforeExim},
		{name: "exim-behind-queue", start: eximBehindQueue, after: true, split: true},
	}
}

// variants are roads again with TLS, BDAT or both, and with another next hop.
func variants() []hookup {
	return []hookup{
		{name: "relay-before-sendmail", start: relayBeforeSendmail},
		{name: "relay-before-postfix, TLS", start: relayBeforePostfix, tls: true},
		{name: "relay-before-postfix, BDAT", start: relayBeforePostfix, bdat: true},
		{name: "relay-before-postfix, BDAT to DATA", start: relayBeforePostfix, bdat: true, plain: true},
		{name: "relay-before-exim, TLS, BDAT", start: relayBeforeExim, tls: true, bdat: true},
	}
}

// begin starts the hook-up; the test's end stops it.
func (h hookup) begin(t *testing.T) *road {
	t.Helper()
	r := &road{hookup: h, sink: &peer.Sink{}}
	must(t, r.sink.Start("127.0.0.1:0"))
	t.Cleanup(func() { r.sink.Close() })
	dir, err := peer.TempDir()
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	if h.tls {
		r.cert, err = peer.NewCertificate(dir)
		must(t, err)
	}
	h.start(t, r)
	return r
}

// dial connects as the client with that address and says EHLO, under TLS where the road has it.
func (r *road) dial(address string) (*peer.Client, error) {
	local, addr := r.door(address)
	c, err := peer.DialFrom(local, addr)
	if err != nil {
		return nil, err
	}
	if err := r.greet(c, address); err != nil {
		c.Close()
		return nil, fmt.Errorf("greeting: %w", err)
	}
	if r.bdat {
		c.Chunk = 100
	}
	return c, nil
}

const clientName = "may.khach.example"

func (r *road) greet(c *peer.Client, address string) error {
	if !c.Welcome.OK() {
		return fmt.Errorf("answered %s", c.Welcome)
	}
	if r.tls {
		if err := c.Ehlo(clientName); err != nil {
			return err
		}
		if err := c.StartTLS(r.cert.Client); err != nil {
			return err
		}
	}
	if r.hello != nil {
		if err := r.hello(c, address); err != nil {
			return err
		}
	}
	return c.Ehlo(clientName)
}

// xclient tells a Postfix who the client is.
func xclient(c *peer.Client, address string) error {
	r, err := c.Cmd("XCLIENT NAME=" + clientName + " ADDR=" + address)
	if err == nil && !r.OK() {
		err = fmt.Errorf("XCLIENT was answered %s", r)
	}
	return err
}

// Where a server knows no XCLIENT the client's address is real: one of loopback's, of which those of
// loopbackInside are in trusted_networks.
const (
	loopbackInside  = "127.0.1.7"
	loopbackOutside = "127.200.0.9"
	loopbackTrusted = "127.0.1.0/24"
)

// from has clients connect to the server from the loopback address that stands for theirs.
func from(forInside, forOutside string) func(address string) (local, addr string) {
	return func(address string) (string, string) {
		if address == outside {
			return loopbackOutside, forOutside
		}
		return loopbackInside, forInside
	}
}

// dialFrom connects to a server without XCLIENT and says EHLO.
func dialFrom(addr, address string) (*peer.Client, error) {
	return (&road{door: from(addr, addr)}).dial(address)
}

// base is a road with a sink and a gate that is not started yet, and a source of addresses.
func base(t *testing.T) (r *road, next func() string) {
	t.Helper()
	r = &road{sink: &peer.Sink{}}
	must(t, r.sink.Start("127.0.0.1:0"))
	t.Cleanup(func() { r.sink.Close() })
	return r, r.prepare(t)
}

// prepare makes the gate of a road, not started yet, and a source of addresses.
func (r *road) prepare(t *testing.T) (next func() string) {
	t.Helper()
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
	return next
}

// run starts the gate with these doors, and the server.
func (r *road) run(t *testing.T, doors string, networks ...string) {
	t.Helper()
	trusted := loopbackTrusted
	if len(networks) > 0 {
		trusted = networks[0]
	}
	r.gate.Config = fmt.Sprintf("organisation: {domains: [%s, mae.gov.vn], trusted_networks: [%s]}\nadmin: {listen: %q}\n%s", ours, trusted, r.gate.Admin, doors)
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
