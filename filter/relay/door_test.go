package relay

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"congthu/filter"
	"congthu/filter/message"
)

// withHop is a gate in front of a next hop that takes everything.
func withHop(t testing.TB, change func(*Config)) (*gate, *fakeHop) {
	t.Helper()
	hop := startHop(t, nil)
	return startGate(t, func(cfg *Config) {
		cfg.NextHops = []string{hop.addr}
		if change != nil {
			change(cfg)
		}
	}), hop
}

// TestSmuggling sends a second message inside of a first one, with every published false end of
// data, and expects one refusal, nothing at the next hop, and a dialog that is still in step.
func TestSmuggling(t *testing.T) {
	ends := map[string]string{
		"LF.LF": "\n.\n", "LF.CRLF": "\n.\r\n", "LF.CR": "\n.\r", "CR.CR": "\r.\r", "CR.LF": "\r.\n", "CR.CRLF": "\r.\r\n",
		"CRLF.LF": "\r\n.\n", "CRLF.CR": "\r\n.\r", "CRLF.CRCRLF": "\r\n.\r\r\n", "CRCRLF.CRLF": "\r\r\n.\r\r\n",
		"LFLF.CRLF": "\n\n.\r\n", "CRLF NUL.CRLF": "\r\n\x00.\r\n", "LF NUL.CRLF": "\n\x00.\r\n", "CRLF.NUL CRLF": "\r\n.\x00\r\n",
		"CRLF NUL.NUL CRLF": "\r\n\x00.\x00\r\n",
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g, hop := withHop(t, nil)
			c := dialGate(t, g)
			c.greet()
			smuggled := "MAIL FROM:<admin@monre.gov.vn>\r\nRCPT TO:<b@monre.gov.vn>\r\nDATA\r\nSubject: smuggled\r\n\r\nx"
			reply := c.mail("Subject: first\r\n\r\nx" + end + smuggled + "\r\n.\r\n")
			want := "550 5.5.2 "
			if strings.Contains(end, "\r\n\x00") || strings.Contains(end, ".\x00\r\n") && !strings.Contains(end, "\n\x00") {
				want = "550 5.6.0 "
			}
			c.want(reply, want)
			if !strings.Contains(reply, "(id ") {
				t.Errorf("no id in %q", reply)
			}
			if l := g.judge.logs(t, 1)[0]; l.v.Disposition != filter.Refuse || l.o.NextHop != "" {
				t.Errorf("logged %v, next hop %q", l.v.Disposition, l.o.NextHop)
			}
			c.want(c.mail("Subject: second\r\n\r\n.\r\n"), "250 ")
			if got := hop.taken(); len(got) != 1 || !strings.HasSuffix(got[0], "\r\nSubject: second\r\n\r\n") {
				t.Errorf("arrived: %q", got)
			}
		})
	}
}

// TestWhoTheClientIs: the peer's address, or what a trusted peer says, or nobody.
func TestWhoTheClientIs(t *testing.T) {
	cases := []struct {
		name     string
		trusted  bool
		xforward []string
		client   netip.Addr
		helo     string
		queueID  string
		want     filter.Direction
	}{
		{name: "a client itself", client: netip.MustParseAddr("127.0.0.1"), helo: "client.test", want: filter.Inbound},
		{name: "a mail server that says nothing", trusted: true, helo: "client.test", want: filter.Inbound},
		{name: "from inside", trusted: true, xforward: []string{"NAME=pc7 ADDR=10.1.2.3 PROTO=ESMTP", "HELO=pc+37 IDENT=4Zabc"},
			client: netip.MustParseAddr("10.1.2.3"), helo: "pc7", queueID: "4Zabc", want: filter.Internal},
		{name: "from outside", trusted: true, xforward: []string{"ADDR=IPV6:2001:db8::1 HELO=[UNAVAILABLE]"},
			client: netip.MustParseAddr("2001:db8::1"), want: filter.Inbound},
		{name: "unknown", trusted: true, xforward: []string{"ADDR=10.1.2.3", "ADDR=[UNAVAILABLE]"}, want: filter.Inbound},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			g, _ := withHop(t, func(cfg *Config) {
				if c.trusted {
					cfg.TrustedPeers = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
				}
			})
			k := dialGate(t, g)
			k.greet()
			for _, x := range c.xforward {
				k.want(k.cmd("XFORWARD "+x), "250 ")
			}
			// From ours to ours: with a client of ours it is internal mail, else inbound.
			k.want(k.cmd("MAIL FROM:<a@monre.gov.vn> BODY=8BITMIME", "RCPT TO:<b@monre.gov.vn> NOTIFY=NEVER", "DATA"), "354")
			k.send("Subject: one\r\n\r\n.\r\n")
			k.want(k.reply(), "250 ")
			k.want(k.mail("Subject: two\r\n\r\n.\r\n"), "250 ")
			txs := g.judge.transactions()
			tx := txs[0]
			if tx.Session.Client != c.client || tx.Session.Helo != c.helo || tx.QueueID != c.queueID || tx.Direction != c.want {
				t.Errorf("client %v, HELO %q, queue id %q, %s", tx.Session.Client, tx.Session.Helo, tx.QueueID, tx.Direction)
			}
			if tx.ReversePath != (filter.Path{Local: "a", Domain: "monre.gov.vn", Params: "BODY=8BITMIME"}) || len(tx.Recipients) != 1 ||
				tx.Recipients[0] != (filter.Path{Local: "b", Domain: "monre.gov.vn", Params: "NOTIFY=NEVER"}) {
				t.Errorf("envelope %+v %+v", tx.ReversePath, tx.Recipients)
			}
			// What was said of the first message's client is not said of the second's.
			if c.trusted && txs[1].Session.Client.IsValid() || txs[1].QueueID != "" {
				t.Errorf("the second message has the first one's client: %+v", txs[1].Session)
			}
			if txs[0].ID == txs[1].ID || txs[0].SHA256 == txs[1].SHA256 || len(txs[0].SHA256) != 64 {
				t.Errorf("ids %q %q, hashes %q %q", txs[0].ID, txs[1].ID, txs[0].SHA256, txs[1].SHA256)
			}
		})
	}
}

// TestBudgetSpent: with no room for messages in hand, mail is deferred, and passes when there is room.
func TestBudgetSpent(t *testing.T) {
	hop := startHop(t, nil)
	g := newGate(t, func(cfg *Config) { cfg.NextHops = []string{hop.addr} })
	g.Server.budget = message.NewBudget(100)
	g.start(t)
	c := dialGate(t, g)
	c.greet()
	c.want(c.mail("Subject: x\r\n\r\n"+strings.Repeat("y", 100)+"\r\n.\r\n"), "451 4.3.0 ")
	for range 5 { // what a message took is given back after it
		c.want(c.mail("Subject: x\r\n\r\n"+strings.Repeat("y", 50)+"\r\n.\r\n"), "250 ")
	}
}

// TestClientGoneBeforeHandover: it will send the message again, so nothing is handed on.
func TestClientGoneBeforeHandover(t *testing.T) {
	g, hop := withHop(t, nil)
	c := dialGate(t, g)
	g.judge.during = func(*filter.Transaction) {
		c.Close()
		eventually(t, "the end of the connection to be seen", func() bool { return g.peeksClosed() })
	}
	c.greet()
	c.want(c.cmd("MAIL FROM:<>", "RCPT TO:<b@monre.gov.vn>", "DATA"), "354 ")
	c.send("Subject: x\r\n\r\n.\r\n")
	if l := g.judge.logs(t, 1)[0]; l.o.Err == nil || l.o.Reply != "" {
		t.Errorf("logged %+v", l.o)
	}
	if got := hop.taken(); len(got) != 0 {
		t.Errorf("arrived: %q", got)
	}
}

// peeksClosed tells whether the one client connection is closed at its far end.
func (g *gate) peeksClosed() bool {
	g.conns.mu.Lock()
	defer g.conns.mu.Unlock()
	for c := range g.conns.open {
		return peek(c.conn) == peekClosed
	}
	return true
}

// TestPanicStaysInItsConnection: the client is told to try again, others go on, nothing is handed on.
func TestPanicStaysInItsConnection(t *testing.T) {
	g, hop := withHop(t, nil)
	g.panics = 1
	other := dialGate(t, g)
	other.greet()
	g.judge.during = func(tx *filter.Transaction) {
		if tx.ReversePath.Local == "a" {
			panic("judge")
		}
	}
	c := dialGate(t, g)
	c.greet()
	c.want(c.mail("Subject: x\r\n\r\n.\r\n"), "421 4.3.0 ")
	if r := c.reply(); r != "" {
		t.Errorf("then %q", r)
	}
	other.want(other.cmd("MAIL FROM:<>", "RCPT TO:<b@monre.gov.vn>", "DATA"), "354 ")
	other.send("Subject: x\r\n\r\n.\r\n")
	other.want(other.reply(), "250 ")
	if n := len(hop.taken()); n != 1 {
		t.Errorf("%d messages arrived", n)
	}
}

// TestVerdictThatNobodyMade accepts nothing.
func TestVerdictThatNobodyMade(t *testing.T) {
	hop := startHop(t, nil)
	g := newGate(t, func(cfg *Config) { cfg.NextHops = []string{hop.addr} })
	g.Server.judge = unsetJudge{g.judge}
	g.start(t)
	c := dialGate(t, g)
	c.greet()
	c.want(c.mail("Subject: x\r\n\r\n.\r\n"), "451 4.3.0 ")
	if got := hop.taken(); len(got) != 0 {
		t.Errorf("arrived: %q", got)
	}
}

type unsetJudge struct{ *recorder }

func (unsetJudge) Judge(context.Context, *filter.Transaction) filter.Verdict { return filter.Verdict{} }

func TestConnectionLimit(t *testing.T) {
	g, _ := withHop(t, func(cfg *Config) { cfg.Connections = 2 })
	one, two := dialGate(t, g), dialGate(t, g)
	one.greet()
	two.greet()
	three := dialGate(t, g)
	three.want(three.reply(), "421 4.3.2 ")
	if r := three.reply(); r != "" {
		t.Errorf("then %q", r)
	}
	if n := testutil.ToFloat64(g.metrics.Sessions.WithLabelValues(doorName)); n != 2 {
		t.Errorf("%v sessions", n)
	}
	one.want(one.cmd("QUIT"), "221 ")
	eventually(t, "room for another connection", func() bool {
		c := dialGate(t, g)
		return strings.HasPrefix(c.reply(), "220 ")
	})
}

// TestClientConnectionLimit: of one address there are so many, of a trusted peer more.
func TestClientConnectionLimit(t *testing.T) {
	for _, trusted := range []bool{false, true} {
		g, _ := withHop(t, func(cfg *Config) {
			cfg.ClientConnections = 2
			if trusted {
				cfg.TrustedPeers = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
			}
		})
		one, two := dialGate(t, g), dialGate(t, g)
		one.greet()
		two.greet()
		three := dialGate(t, g)
		if trusted {
			three.greet()
			continue
		}
		three.want(three.reply(), "421 4.7.0 ")
		three.want(three.reply(), "") // closed
		one.want(one.cmd("QUIT"), "221 ")
		eventually(t, "room for another connection", func() bool {
			c := dialGate(t, g)
			return strings.HasPrefix(c.reply(), "220 ")
		})
	}
}

// TestClientsAreCountedByNetwork: an IPv6 client has a /64 to come from; nothing stays of who has left.
func TestClientsAreCountedByNetwork(t *testing.T) {
	var tr tracker
	tr.init()
	var open []*connection
	for _, c := range []struct{ addr, want string }{{"2001:db8::1", ""}, {"2001:db8::2", "421 4.7.0"}, {"2001:db8:0:1::2", ""}, {"192.0.2.1", ""},
		{"192.0.2.1", "421 4.7.0"}, {"192.0.2.2", ""}, {"", ""}} {
		k := &connection{}
		k.peer, _ = netip.ParseAddr(c.addr)
		got := tr.add(k, 100, 1, "gate.test")
		if got == "" {
			open = append(open, k)
		}
		if !strings.HasPrefix(got, c.want) || c.want == "" && got != "" {
			t.Errorf("%q: %q, want %q", c.addr, got, c.want)
		}
	}
	for _, k := range open {
		tr.remove(k)
	}
	if len(tr.clients) != 0 || len(tr.open) != 0 {
		t.Errorf("left: %v", tr.clients)
	}
}

// TestShutdownFinishesTheMessage: a message that is being judged gets through and is answered; idle
// connections, also in the middle of an envelope, are told 421.
func TestShutdownFinishesTheMessage(t *testing.T) {
	g, hop := withHop(t, nil)
	judging, goOn := make(chan struct{}), make(chan struct{})
	var once sync.Once
	g.judge.during = func(*filter.Transaction) { once.Do(func() { close(judging); <-goOn }) }
	idle, envelope, busy, reading := dialGate(t, g), dialGate(t, g), dialGate(t, g), dialGate(t, g)
	for _, c := range []*talk{idle, envelope, busy, reading} {
		c.greet()
	}
	envelope.want(envelope.cmd("MAIL FROM:<a@example.org>"), "250 ")
	reading.want(reading.cmd("MAIL FROM:<a@example.org>", "RCPT TO:<b@monre.gov.vn>", "DATA"), "354 ")
	reading.send("Subject: judge:refuse\r\n")
	busy.want(busy.cmd("MAIL FROM:<>", "RCPT TO:<b@monre.gov.vn>", "DATA"), "354 ")
	busy.send("Subject: x\r\n\r\n.\r\n")
	<-judging

	done := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		done <- g.Shutdown(ctx)
	}()
	for _, c := range []*talk{idle, envelope} {
		c.want(c.reply(), "421 4.3.2 ")
		if r := c.reply(); r != "" {
			t.Errorf("then %q", r)
		}
	}
	if conn, err := net.Dial("tcp", g.addr); err == nil {
		conn.Close()
		t.Error("a connection was taken during shutdown")
	}
	close(goOn)
	busy.want(busy.reply(), "250 2.0.0 queued")
	busy.want(busy.reply(), "421 4.3.2 ")
	reading.send("\r\n.\r\n")
	reading.want(reading.reply(), "550 5.7.1 ")
	reading.want(reading.reply(), "421 4.3.2 ")
	if err := <-done; err != nil {
		t.Errorf("shutdown: %v", err)
	}
	if n := len(hop.taken()); n != 1 {
		t.Errorf("%d messages arrived", n)
	}
}

// TestShutdownCutsOff: when its context ends first, Shutdown says so and leaves nothing behind.
func TestShutdownCutsOff(t *testing.T) {
	hop := startHop(t, func(_ int, stage string) string {
		if stage == "MAIL" {
			return "<hang>"
		}
		return ""
	})
	g := newGate(t, func(cfg *Config) { cfg.NextHops = []string{hop.addr} })
	l := listenLoopback(t)
	g.addr = l.Addr().String()
	served := make(chan error, 1)
	go func() { served <- g.Serve(l) }()
	hangs, sends := dialGate(t, g), dialGate(t, g)
	hangs.greet()
	hangs.send("MAIL FROM:<a@example.org>\r\n")
	sends.greet()
	eventually(t, "MAIL at the next hop", func() bool {
		hop.mu.Lock()
		defer hop.mu.Unlock()
		return len(hop.commands) == 3
	})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := g.Shutdown(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("shutdown: %v", err)
	}
	if err := <-served; !errors.Is(err, ErrServerClosed) {
		t.Errorf("Serve returned %v", err)
	}
	if n := testutil.ToFloat64(g.metrics.Sessions.WithLabelValues(doorName)); n != 0 {
		t.Errorf("%v sessions left", n)
	}
	if err := g.Shutdown(context.Background()); err != nil {
		t.Errorf("second shutdown: %v", err)
	}
	if err := g.Serve(listenLoopback(t)); !errors.Is(err, ErrServerClosed) {
		t.Errorf("Serve after Shutdown returned %v", err)
	}
}

// TestSlowMessage: a message has a time for all of it, not only for each piece.
func TestSlowMessage(t *testing.T) {
	g, hop := withHop(t, func(cfg *Config) { cfg.Timeouts.Message = 300 * time.Millisecond })
	c := dialGate(t, g)
	c.greet()
	c.want(c.cmd("MAIL FROM:<>", "RCPT TO:<b@monre.gov.vn>", "DATA"), "354 ")
	stop := make(chan struct{})
	var drips = make(chan struct{})
	go func() {
		defer close(drips)
		for {
			select {
			case <-stop:
				return
			case <-time.After(10 * time.Millisecond):
				c.Conn.Write([]byte("x")) // fails once the gate has had enough
			}
		}
	}()
	c.want(c.reply(), "421 4.4.2 ")
	close(stop)
	<-drips
	if got := hop.taken(); len(got) != 0 {
		t.Errorf("arrived: %q", got)
	}
}

func TestConfigurationIsChecked(t *testing.T) {
	good := Defaults()
	good.NextHops = []string{"127.0.0.1:25"}
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*Config){
		"no next hop":           func(c *Config) { c.NextHops = nil },
		`"127.0.0.1" is not`:    func(c *Config) { c.NextHops = []string{"127.0.0.1"} },
		`"a:" is not`:           func(c *Config) { c.NextHops = []string{"a:"} },
		`"a b" is no host name`: func(c *Config) { c.Hostname = "a b" },
		`"" is no host name`:    func(c *Config) { c.Hostname = "" },
		"recipients: 0":         func(c *Config) { c.Recipients = 0 },
		"connections: -1":       func(c *Config) { c.Connections = -1 },
		"limits: 0":             func(c *Config) { c.Limits.WireBytes = 0 },
		"timeout final: 0s":     func(c *Config) { c.Timeouts.Final = 0 },
	} {
		c := good
		change(&c)
		if _, err := New(c, nil, nil, nil, nil, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}
