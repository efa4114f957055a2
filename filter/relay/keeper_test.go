package relay

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"
)

// count is the number of idle connections.
func (k *keeper) count() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	n := 0
	for _, list := range k.idle {
		n += len(list)
	}
	return n
}

// keeping is a gate that keeps connections.
func keeping(t *testing.T, change func(*Config)) (*gate, *fakeHop) {
	t.Helper()
	return withHop(t, func(cfg *Config) {
		cfg.Keep = Keep{Connections: 5, Idle: patience, Age: time.Hour, Mails: 100}
		if change != nil {
			change(cfg)
		}
	})
}

// visit is a client that sends one message and leaves.
func visit(t *testing.T, g *gate, name string) {
	t.Helper()
	c := dialGate(t, g)
	c.want(c.reply(), "220 ")
	c.want(c.cmd("EHLO "+name), "250-")
	c.want(c.mail("Subject: x\r\n\r\n.\r\n"), "250 2.0.0 queued")
	c.want(c.cmd("QUIT"), "221 ")
	c.want(c.reply(), "") // closed
}

func (h *fakeHop) said() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.commands)
}

// TestKeptConnectionServesTheNext: one connection for many clients; each is greeted for in its own
// name, and only those of the same name share a greeting. One that has taken a message needs no RSET.
func TestKeptConnectionServesTheNext(t *testing.T) {
	g, hop := keeping(t, nil)
	for i, name := range []string{"one.test", "one.test", "two.test"} {
		visit(t, g, name)
		eventually(t, "the connection to be kept", func() bool { return g.keeper.count() == 1 })
		if n := len(hop.taken()); n != i+1 || hop.connections() != 1 {
			t.Fatalf("%d messages on %d connections", n, hop.connections())
		}
	}
	const mail = "MAIL FROM:<a@example.org>|RCPT TO:<b@monre.gov.vn>|DATA"
	want := "EHLO one.test|" + mail + "|" + mail + "|EHLO two.test|" + mail
	if got := strings.Join(hop.said(), "|"); got != want {
		t.Errorf("next hop heard\n%s\nwant\n%s", got, want)
	}
}

// TestKeptConnectionsAreBounded: in number, in mails, in age and in time; and all are left at the end.
func TestKeptConnectionsAreBounded(t *testing.T) {
	quits := func(h *fakeHop) int {
		n := 0
		for _, c := range h.said() {
			if c == "QUIT" {
				n++
			}
		}
		return n
	}
	t.Run("number", func(t *testing.T) {
		t.Parallel()
		g, hop := keeping(t, func(cfg *Config) { cfg.Keep.Connections = 2 })
		var clients []*talk
		for range 3 {
			c := dialGate(t, g)
			c.greet()
			clients = append(clients, c)
		}
		for _, c := range clients {
			c.want(c.mail("Subject: x\r\n\r\n.\r\n"), "250 ")
			c.want(c.cmd("QUIT"), "221 ")
		}
		eventually(t, "one connection too many to be left", func() bool { return g.keeper.count() == 2 && quits(hop) == 1 })
		g.stop(t)
		if n := quits(hop); n != 3 || g.keeper.count() != 0 {
			t.Errorf("%d connections were told QUIT, %d kept", n, g.keeper.count())
		}
	})
	t.Run("mails", func(t *testing.T) {
		t.Parallel()
		g, hop := keeping(t, func(cfg *Config) { cfg.Keep.Mails = 2 })
		visit(t, g, "a.test")
		eventually(t, "the connection to be kept", func() bool { return g.keeper.count() == 1 })
		visit(t, g, "a.test")
		eventually(t, "QUIT after two mails", func() bool { return quits(hop) == 1 })
		visit(t, g, "a.test")
		if n := hop.connections(); n != 2 {
			t.Errorf("%d connections", n)
		}
	})
	t.Run("age", func(t *testing.T) {
		t.Parallel()
		g, hop := keeping(t, func(cfg *Config) { cfg.Keep.Age = time.Nanosecond })
		visit(t, g, "a.test")
		eventually(t, "QUIT", func() bool { return quits(hop) == 1 })
	})
	t.Run("idle", func(t *testing.T) {
		t.Parallel()
		g, hop := keeping(t, func(cfg *Config) { cfg.Keep.Idle = time.Millisecond })
		visit(t, g, "a.test")
		eventually(t, "QUIT", func() bool { return quits(hop) == 1 })
		if n := g.keeper.count(); n != 0 {
			t.Errorf("%d kept", n)
		}
	})
}

// stop ends the gate before the test does.
func (g *gate) stop(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := g.Shutdown(ctx); err != nil {
		t.Fatal(err)
	}
}

// TestNotKept: a connection that is out of step, or does not reset, is not kept.
func TestNotKept(t *testing.T) {
	greeted := func(c *talk) { c.want(c.cmd("EHLO a.test", "QUIT"), "221 ") }
	for name, c := range map[string]struct {
		act  func(conn int, stage string) string
		talk func(c *talk)
	}{
		"RSET refused": {talk: greeted, act: func(_ int, stage string) string {
			if stage == "RSET" {
				return "500 what\r\n"
			}
			return ""
		}},
		"RSET answered 251": {talk: greeted, act: func(_ int, stage string) string {
			if stage == "RSET" {
				return "251 so so\r\n"
			}
			return ""
		}},
		"message taken with 251": {act: func(_ int, stage string) string {
			switch stage {
			case "end":
				return "251 so so\r\n"
			case "RSET":
				return "500 what\r\n"
			}
			return ""
		}, talk: func(c *talk) {
			c.want(c.cmd("EHLO a.test"), "250-")
			c.want(c.mail("Subject: x\r\n\r\n.\r\n"), "251 ")
			c.want(c.cmd("QUIT"), "221 ")
		}},
		"never greeted":             {talk: func(*talk) {}},
		"in the middle of the mail": {talk: func(c *talk) { c.want(c.cmd("EHLO a.test", "MAIL FROM:<>"), "250 ") }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g, hop := keeping(t, nil)
			hop.setAct(c.act)
			k := dialGate(t, g)
			k.want(k.reply(), "220 ")
			c.talk(k)
			k.Close()
			eventually(t, "the client's connection to end", func() bool {
				g.conns.mu.Lock()
				defer g.conns.mu.Unlock()
				return len(g.conns.open) == 0
			})
			if n := g.keeper.count(); n != 0 {
				t.Errorf("%d kept", n)
			}
		})
	}
}

// TestKeptConnectionGone: what the next hop closed meanwhile is not used, and one that it closes at the
// first command is replaced unnoticed.
func TestKeptConnectionGone(t *testing.T) {
	for _, stage := range []string{"", "EHLO", "MAIL", "EHLO 503"} {
		t.Run(stage, func(t *testing.T) {
			t.Parallel()
			g, hop := keeping(t, nil)
			visit(t, g, "a.test")
			eventually(t, "the connection to be kept", func() bool { return g.keeper.count() == 1 })
			name := "a.test"
			switch stage {
			case "":
				hop.mu.Lock()
				hop.open[0].Close()
				hop.mu.Unlock()
			case "EHLO", "EHLO 503":
				name = "b.test"
				fallthrough
			default:
				hop.setAct(func(conn int, at string) string {
					switch {
					case conn > 0 || !strings.HasPrefix(stage, at):
						return ""
					case stage == "EHLO 503":
						return "503 Duplicate EHLO\r\n"
					}
					return "<close>"
				})
			}
			visit(t, g, name)
			if n := len(hop.taken()); n != 2 || hop.connections() != 2 {
				t.Errorf("%d messages on %d connections", n, hop.connections())
			}
		})
	}
}
