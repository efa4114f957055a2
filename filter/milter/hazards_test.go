package milter

import (
	"errors"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
)

// The tests of this file are named after what milter libraries were seen to do wrong.

// alive requires that the gate still judges, on a new connection.
func (g *gate) alive() {
	g.t.Helper()
	m := g.dial().negotiate().connect()
	m.message("alive@example.org", "accept", "x\r\n")
	if v := m.verdict(); v != "c" {
		g.t.Fatalf("the gate answers %q to a harmless message", v)
	}
	m.Close()
	g.outcome()
}

func TestStateLossAtCustomReply(t *testing.T) {
	g := newGate(t, testConfig(), time.Now).start("unix")
	m := g.dial().negotiate().connect()
	g.dial().negotiate() // a later connection, which a session begun anew would be taken for
	for _, subject := range []string{"refuse", "accept", "defer", "tag"} {
		m.message("a@example.org", subject, "x\r\n")
		m.verdict()
		o := g.outcome()
		if s := o.tx.Session; s.Helo != "client.example.org" || s.Client.String() != "192.0.2.7" {
			t.Errorf("after %q the session is %+v", subject, s)
		}
	}
}

func TestStateLossAtOneRecipient(t *testing.T) {
	cfg := testConfig()
	cfg.Recipients = 1
	g := newGate(t, cfg, time.Now).start("unix")
	m := g.dial()
	m.send('O', offerOf(6, allActions, 0)) // each recipient is answered
	m.want('O')
	m.send('M', "<a@example.org>\x00")
	m.want('c')
	for range 3 {
		m.send('R', "<b@example.vn>\x00")
		m.want('c')
	}
	m.send('E', "")
	if v := m.verdict(); !strings.HasPrefix(v, "550 5.5.3 ") {
		t.Errorf("verdict %q", v)
	}
	if o := g.outcome(); o.tx.ReversePath.String() != "a@example.org" || len(o.tx.Recipients) != 1 {
		t.Errorf("envelope %v %v", o.tx.ReversePath, o.tx.Recipients)
	}
}

func TestFailOpenDesyncOfSilentStages(t *testing.T) {
	g := newGate(t, testConfig(), time.Now).start("unix")
	m := g.dial().negotiate().connect()
	m.send('U', "WIZ\x00")
	m.message("a@example.org", "refuse", "x\r\n")
	// The very first frame after the negotiation is the refusal.
	if data := m.want('y'); !strings.HasPrefix(data, "550 5.7.1 ") {
		t.Errorf("verdict %q", data)
	}
}

func TestHeadersOfMessageTwo(t *testing.T) {
	g := newGate(t, testConfig(), time.Now).start("unix")
	m := g.dial().negotiate().connect()
	for _, subject := range []string{"accept one", "accept two"} { // no abort between them
		m.message("a@example.org", subject, "x\r\n")
		m.verdict()
		fields := g.outcome().tx.Message.Header.Fields
		if len(fields) != 2 || string(fields[1].Raw) != "Subject: "+subject+"\r\n" {
			t.Errorf("%d fields, the last %q", len(fields), fields[len(fields)-1].Raw)
		}
	}
}

// TestBrokenPackets: each of these ends the connection without an answer, so that the MTA does what its
// own configuration says of a broken milter; the gate goes on.
func TestBrokenPackets(t *testing.T) {
	negotiated := frameOf('O', offerOf(6, allActions, allProtocol))
	mail := negotiated + frameOf('M', "<a@example.org>\x00")
	for _, tt := range []struct{ name, octets string }{
		{"length 0 before negotiation", "\x00\x00\x00\x00"},
		{"length 0 after negotiation", negotiated + "\x00\x00\x00\x00"},
		{"length of 4 GiB", "\xff\xff\xff\xffO"},
		{"length of 4 GiB after negotiation", negotiated + "\xff\xff\xff\xffB"},
		{"length over the limit by one", negotiated + "\x00\x02\x00\x01B"},
		{"empty negotiation", frameOf('O', "")},
		{"short negotiation", frameOf('O', offerOf(6, 0, 0)[:11])},
		{"protocol version 1", frameOf('O', offerOf(1, 0, 0))},
		{"second negotiation", negotiated + negotiated},
		{"first frame is no negotiation", frameOf('H', "x\x00")},
		{"connect without NUL", negotiated + frameOf('C', "host")},
		{"connect with host only", negotiated + frameOf('C', "host\x00")},
		{"empty connect", negotiated + frameOf('C', "")},
		{"connect of family 4 without port", negotiated + frameOf('C', "host\x004\x01")},
		{"connect of family 4 without address", negotiated + frameOf('C', "host\x004\x01\x02")},
		{"connect of family 6, address without NUL", negotiated + frameOf('C', "host\x006\x01\x02::1")},
		{"connect of family 4, octets behind the address", negotiated + frameOf('C', "host\x004\x01\x02192.0.2.1\x00\x00")},
		{"connect of an odd family", negotiated + frameOf('C', "host\x00Z\x01\x02192.0.2.1\x00")},
		{"second connect", negotiated + frameOf('C', "host\x00U") + frameOf('C', "host\x00U")},
		{"empty helo", negotiated + frameOf('H', "")},
		{"helo without NUL", negotiated + frameOf('H', "host")},
		{"helo with a NUL inside", negotiated + frameOf('H', "ho\x00st\x00")},
		{"empty macros", negotiated + frameOf('D', "")},
		{"empty MAIL", negotiated + frameOf('M', "")},
		{"MAIL without NUL", negotiated + frameOf('M', "<a@example.org>")},
		{"RCPT without NUL", mail + frameOf('R', "<b@example.vn>")},
		{"RCPT before MAIL", negotiated + frameOf('R', "<b@example.vn>\x00")},
		{"DATA before MAIL", negotiated + frameOf('T', "")},
		{"header before MAIL", negotiated + frameOf('L', "A\x00b\x00")},
		{"end before MAIL", negotiated + frameOf('E', "")},
		{"body after an abort", mail + frameOf('A', "") + frameOf('B', "x")},
		{"header with a NUL inside", mail + frameOf('L', "Subject\x00 a\x00b\x00")},
		{"header without a value", mail + frameOf('L', "Subject\x00")},
		{"header without NUL at its end", mail + frameOf('L', "Subject\x00a\x00b")},
		{"header without a name", mail + frameOf('L', "\x00b\x00")},
		{"empty header", mail + frameOf('L', "")},
		{"header in the body", mail + frameOf('N', "") + frameOf('L', "Subject\x00 late\x00")},
		{"unknown code", negotiated + frameOf('z', "")},
		{"code 0", negotiated + frameOf(0, "")},
	} {
		t.Run(tt.name, func(t *testing.T) { sendBroken(t, tt.octets, strings.HasPrefix(tt.octets, negotiated)) })
	}
}

func sendBroken(t *testing.T, octets string, negotiates bool) {
	g := newGate(t, testConfig(), time.Now).start("unix")
	m := g.dial()
	m.raw(octets)
	if negotiates {
		m.want('O')
	}
	m.wantClosed()
	g.alive()
	if !strings.Contains(g.log.String(), errProtocol.Error()) {
		t.Error("the log does not say why")
	}
	if n := len(g.judge.outcomes); n > 0 {
		t.Errorf("%d messages were judged", n)
	}
	if n := testutil.ToFloat64(g.metrics.Panics); n > 0 {
		t.Errorf("%v panics", n)
	}
}

// TestMacroWithoutValue: macros that end too early are taken as they are.
func TestMacroWithoutValue(t *testing.T) {
	for _, data := range []string{"M", "M\x00", "Mi", "Mi\x00", "M\x00\x00\x00", "M{auth_authen}\x00", "\x00i\x00x\x00"} {
		g := newGate(t, testConfig(), time.Now).start("unix")
		m := g.dial().negotiate()
		m.send('D', data)
		m.message("a@example.org", "accept", "x\r\n")
		m.verdict()
		if tx := g.outcome().tx; tx.QueueID != "" || tx.Session.Login != "" {
			t.Errorf("%q: queue id %q, login %q", data, tx.QueueID, tx.Session.Login)
		}
	}
}

func TestLongestFrame(t *testing.T) {
	g := newGate(t, testConfig(), time.Now).start("unix")
	m := g.dial().negotiate()
	m.send('M', "<a@example.org>\x00")
	m.send('R', "<b@example.vn>\x00")
	m.send('L', "X-Long\x00"+strings.Repeat("x", maxFrame-1-len("X-Long\x00\x00"))+"\x00")
	m.send('N', "")
	for range 5 {
		m.send('B', strings.Repeat("y", maxFrame-1))
	}
	m.send('E', "")
	m.verdict()
	if size := g.outcome().tx.Message.Size; size != int64(maxFrame-2+len("\r\n\r\n")+5*(maxFrame-1)) {
		t.Errorf("message of %d octets", size)
	}
}

// TestLengthsAllocateNothing: a length that is only claimed costs nothing.
func TestLengthsAllocateNothing(t *testing.T) {
	g := newGate(t, testConfig(), time.Now).start("unix")
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 200 {
		m := g.dial()
		m.raw("\xff\xff\xff\xffO")
		m.wantClosed()
		m.Close()
	}
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > 64<<20 {
		t.Errorf("%d octets allocated", got)
	}
}

func TestRandomConnections(t *testing.T) { watchResources(t, randomConnections) }

func randomConnections(t *testing.T) {
	g := newGate(t, testConfig(), time.Now).start("unix")
	const connections, atOnce = 5000, 20
	work := make(chan uint64)
	var wg sync.WaitGroup
	for range atOnce {
		wg.Go(func() {
			for seed := range work {
				r := rand.New(rand.NewPCG(seed, 2))
				m := g.dial()
				m.raw(randomOctets(r))
				m.Close()
			}
		})
	}
	for seed := range uint64(connections) {
		work <- seed
	}
	close(work)
	wg.Wait()
	for {
		select {
		case <-g.judge.outcomes:
			continue
		default:
		}
		break
	}
	g.judge.outcomes = make(chan outcome, 1<<14)
	g.alive()
	g.stop()
	if n := testutil.ToFloat64(g.metrics.Panics); n > 0 {
		t.Errorf("%v panics", n)
	}
	if n := g.sessions(); n != 0 {
		t.Errorf("%v sessions are left", n)
	}
}

// randomOctets is noise, or a session of valid and broken frames in any order.
func randomOctets(r *rand.Rand) string {
	noise := func(n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		return string(b)
	}
	if r.IntN(3) == 0 {
		return noise(r.IntN(200))
	}
	s := frameOf('O', offerOf(6, allActions, r.Uint32()))
	for range r.IntN(20) {
		code := "DCHMRTULNBEAKQ"[r.IntN(14)]
		switch r.IntN(4) {
		case 0:
			s += frameOf(code, noise(r.IntN(50)))
		case 1:
			s += frameOf(code, "")
		case 2:
			s += frameOf(code, "a\x00b\x00")
		default:
			s += frameOf(code, "<a@example.org>\x00")
		}
	}
	return s[:len(s)-r.IntN(3)]
}

func TestSilentConnectionsTimeOut(t *testing.T) {
	negotiated := frameOf('O', offerOf(6, allActions, allProtocol))
	for _, tt := range []struct {
		name, octets string
		set          func(*Config)
	}{
		{"before negotiation", "", func(c *Config) { c.NegotiateTimeout = 20 * time.Millisecond }},
		{"between frames", negotiated, func(c *Config) { c.IdleTimeout = 20 * time.Millisecond }},
		{"in a message", negotiated + frameOf('M', "<a@example.org>\x00"), func(c *Config) { c.IdleTimeout = 20 * time.Millisecond }},
		{"in a length", negotiated + "\x00", func(c *Config) { c.FrameTimeout = 20 * time.Millisecond }},
		{"in a frame", negotiated + "\x00\x00\x01\x00B", func(c *Config) { c.FrameTimeout = 20 * time.Millisecond }},
	} {
		for _, network := range []string{"unix", "tcp"} {
			t.Run(tt.name+"/"+network, func(t *testing.T) {
				cfg := testConfig()
				tt.set(&cfg)
				g := newGate(t, cfg, time.Now).start(network)
				var peers []*mta
				for range 20 {
					m := g.dial()
					m.raw(tt.octets)
					peers = append(peers, m)
				}
				for _, m := range peers {
					if tt.octets != "" {
						m.want('O')
					}
					m.wantClosed()
				}
			})
		}
	}
}

// TestDrippingFrameTimesOut: a frame's time does not begin anew with each octet.
func TestDrippingFrameTimesOut(t *testing.T) {
	cfg := testConfig()
	cfg.FrameTimeout = 50 * time.Millisecond
	g := newGate(t, cfg, time.Now).start("unix")
	m := g.dial().negotiate()
	m.raw("\x00\x01\x00\x00B")
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if _, err := m.Write([]byte("x")); err != nil {
			return
		}
	}
	t.Fatal("the gate still waits for the frame's end")
}

// TestSilentReaderTimesOut: an MTA that does not read its answers does not hold a session for ever.
func TestSilentReaderTimesOut(t *testing.T) {
	cfg := testConfig()
	cfg.WriteTimeout = 20 * time.Millisecond
	g := newGate(t, cfg, time.Now).start("unix")
	m := g.dial()
	m.send('O', offerOf(6, allActions, 0)) // every frame is answered
	m.want('O')
	frame := strings.Repeat(frameOf('U', "x\x00"), 1000)
	for end := time.Now().Add(patience); time.Now().Before(end); {
		m.SetWriteDeadline(time.Now().Add(patience))
		if _, err := m.Write([]byte(frame)); err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) {
				t.Fatal("the gate still waits for its answers to be read")
			}
			return
		}
	}
	t.Fatal("the gate answers without end")
}

// TestIdleConnectionsAreSmall: a connection that waits holds no read buffer.
func TestIdleConnectionsAreSmall(t *testing.T) {
	g := newGate(t, testConfig(), time.Now).start("unix")
	const connections = 200
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for range connections {
		m := g.dial().negotiate().connect()
		m.message("a@example.org", "accept", "x\r\n")
		m.verdict()
	}
	for range connections {
		g.outcome()
	}
	runtime.GC()
	runtime.GC() // what a pool holds lasts one collection
	runtime.ReadMemStats(&after)
	if got := (int64(after.HeapAlloc) - int64(before.HeapAlloc)) / connections; got > 24<<10 {
		t.Errorf("%d octets for each idle connection", got)
	}
}
