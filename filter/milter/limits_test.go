package milter

import (
	"strings"
	"testing"
	"time"

	"congthu/filter/message"
)

func TestBudgetComesBack(t *testing.T) {
	g := newGate(t, testConfig(), time.Now)
	g.Server.budget = message.NewBudget(1000)
	g.start("unix")
	m := g.dial().negotiate().connect()
	for _, end := range []string{"accept", "refuse", "abort", "mail", "helo", "next client", "vanish", "too much", "accept"} {
		size := 800
		if end == "too much" {
			size = 1000
		}
		m.send('M', "<a@example.org>\x00")
		m.send('R', "<b@example.vn>\x00")
		m.send('L', "Subject\x00 "+end+"\x00")
		m.send('B', strings.Repeat("x", size))
		switch end {
		case "accept", "refuse", "too much":
			m.send('E', "")
			want := map[string]string{"accept": "c", "refuse": "550 ", "too much": "451 4.3.0 "}[end]
			if v := m.verdict(); !strings.HasPrefix(v, want) {
				t.Errorf("%s: verdict %q", end, v)
			}
			g.outcome()
		case "abort":
			m.send('A', "")
		case "mail": // the next one follows at once
		case "helo":
			m.send('H', "again\x00")
		case "next client":
			m.send('K', "")
		case "vanish":
			m.Close()
			waitFor(t, func() bool { return g.sessions() == 0 })
			m = g.dial().negotiate().connect()
		}
	}
}

func TestEnvelopeIsBounded(t *testing.T) {
	g := newGate(t, testConfig(), time.Now).start("unix")
	m := g.dial().negotiate().connect()
	m.send('M', "<a@example.org>\x00")
	const octets = 100_000
	for range 100 {
		m.send('R', "<b@example.vn>\x00X="+strings.Repeat("x", octets)+"\x00")
	}
	m.send('E', "")
	if v := m.verdict(); !strings.HasPrefix(v, "550 5.5.3 ") {
		t.Errorf("verdict %q", v)
	}
	if n := len(g.outcome().tx.Recipients); n > maxEnvelope/octets {
		t.Errorf("%d recipients kept", n)
	}
}

func TestWordsAreCut(t *testing.T) {
	g := newGate(t, testConfig(), time.Now).start("unix")
	m := g.dial().negotiate()
	long := strings.Repeat("x", 10*maxWord)
	m.send('C', long+"\x00U")
	m.send('H', long+"\x00")
	// An address is not cut, for half of one is another: it is left out, and the path is read.
	m.send('D', "M{auth_authen}\x00"+long+"\x00i\x00"+long+"\x00{mail_addr}\x00"+long+"@example.com\x00")
	m.message("a@(c)example.org", "accept", "x\r\n")
	m.verdict()
	tx := g.outcome().tx
	if got := tx.ReversePath.String(); got != "a@example.org" {
		t.Errorf("reverse-path %.40q", got)
	}
	for what, s := range map[string]string{"name": tx.Session.ClientName, "helo": tx.Session.Helo, "login": tx.Session.Login, "queue id": tx.QueueID} {
		if len(s) != maxWord {
			t.Errorf("%s of %d octets", what, len(s))
		}
	}
}

func TestConnectionsAreBounded(t *testing.T) {
	cfg := testConfig()
	cfg.Connections = 2
	g := newGate(t, cfg, time.Now).start("unix")
	first, second := g.dial().negotiate(), g.dial().negotiate()
	third := g.dial()
	third.send('O', offerOf(6, allActions, allProtocol))
	third.SetReadDeadline(time.Now().Add(30 * time.Millisecond))
	if n, err := third.Read(make([]byte, 1)); n > 0 || err == nil {
		t.Error("a third connection is served")
	}
	if n := g.sessions(); n != 2 {
		t.Errorf("%v sessions", n)
	}
	first.Close()
	third.want('O')
	if !strings.Contains(g.log.String(), "at their limit") {
		t.Error("the log does not say that connections are at their limit")
	}
	second.Close()
	third.Close()
}

func TestServeRefusesBadConfig(t *testing.T) {
	for name, spoil := range map[string]func(*Config){
		"no time": func(c *Config) { c.IdleTimeout = 0 }, "no connections": func(c *Config) { c.Connections = 0 },
		"no recipients": func(c *Config) { c.Recipients = -1 },
	} {
		cfg := testConfig()
		spoil(&cfg)
		cfg.Listen = "tcp:127.0.0.1:0"
		l, err := Listen(cfg)
		if err != nil {
			t.Fatal(err)
		}
		g := newGate(t, cfg, time.Now)
		if err := g.Serve(l); err == nil || !strings.Contains(err.Error(), cfg.Name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
