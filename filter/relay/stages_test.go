package relay

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"congthu/filter"
)

// TestNextHopMisbehavesAtEachStage: whatever a next hop does, the client gets a reply that keeps the
// mail with it, nothing arrives twice, and the next message on the same connection passes.
func TestNextHopMisbehavesAtEachStage(t *testing.T) {
	acts := map[string]string{
		"hangs":           "<hang>",
		"closes":          "<close>",
		"no reply":        "hello there\r\n",
		"two digits":      "25 ok\r\n",
		"code 199":        "199 ok\r\n",
		"code 650":        "650 ok\r\n",
		"bare LF":         "250 ok\n",
		"bare LF inside":  "250 ok\n250 ok\r\n",
		"bare CR inside":  "250 ok\r250 ok\r\n",
		"NUL":             "250 o\x00k\r\n",
		"too long a line": "250 " + strings.Repeat("x", maxReplyLine) + "\r\n",
		"never ends":      strings.Repeat("250-"+strings.Repeat("x", 1000)+"\r\n", 40),
		"codes differ":    "250-ok\r\n550 no\r\n",
		"no separator":    "250ok\r\n",
		"half a reply":    "250-ok\r\n25",
		"wrong class":     "354 go\r\n", // 250 at DATA
		"unasked":         "250 ok\r\n250 ok\r\n",
	}
	for _, stage := range []string{"greeting", "EHLO", "MAIL", "RCPT", "DATA", "end", "RSET"} {
		for name, act := range acts {
			if stage == "DATA" && name == "wrong class" {
				act = "250 ok\r\n"
			}
			if stage == "DATA" && name == "unasked" {
				act = "354 go\r\n250 ok\r\n"
			}
			t.Run(stage+"/"+name, func(t *testing.T) {
				t.Parallel()
				misbehave(t, stage, name, act)
			})
		}
	}
}

func misbehave(t *testing.T, stage, name, act string) {
	hop := startHop(t, func(conn int, at string) string {
		if conn == 0 && at == stage {
			return act
		}
		return ""
	})
	g := startGate(t, func(cfg *Config) {
		cfg.NextHops = []string{hop.addr}
		if strings.HasPrefix(act, "<hang>") || name == "half a reply" {
			shorten(cfg, stage)
		}
	})
	c := dialGate(t, g)
	reply := c.until(stage)
	if want := wanted(stage, name); !strings.HasPrefix(reply, want) {
		t.Fatalf("got %q, want %q", reply, want)
	}
	if strings.HasPrefix(reply, "421") || stage == "greeting" && !strings.HasPrefix(reply, "2") {
		return // the client is told to come again
	}
	before := len(hop.taken())
	c.want(c.cmd("RSET"), "250 ")
	c.want(c.cmd("EHLO again.test"), "250")
	c.want(c.mail("Subject: again\r\n\r\n.\r\n"), "250 2.0.0 queued")
	if n := len(hop.taken()) - before; n != 1 {
		t.Errorf("the second message arrived %d times", n)
	}
	if n := hop.connections(); n > 3 {
		t.Errorf("%d connections to the next hop", n)
	}
}

// shorten makes the wait at one stage short, and leaves the others long.
func shorten(cfg *Config, stage string) {
	const short = 400 * time.Millisecond
	w := &cfg.Timeouts
	for at, d := range map[string]*time.Duration{"greeting": &w.Connect, "EHLO": &w.Mail, "MAIL": &w.Mail, "RSET": &w.Mail,
		"RCPT": &w.Rcpt, "DATA": &w.Init, "end": &w.Final} {
		if at == stage {
			*d = short
		}
	}
}

// until carries a dialog to the stage and returns the reply that the stage decides.
func (c *talk) until(stage string) string {
	if r := c.reply(); stage == "greeting" || !strings.HasPrefix(r, "220 ") {
		return r
	}
	steps := []struct{ stage, line string }{{"EHLO", "EHLO client.test"}, {"MAIL", "MAIL FROM:<a@example.org>"}, {"RCPT", "RCPT TO:<b@monre.gov.vn>"}}
	for _, s := range steps {
		r := c.cmd(s.line)
		if s.stage == stage {
			return r
		}
		c.want(r, "250")
	}
	c.want(c.cmd("DATA"), "354 ")
	if stage == "RSET" {
		c.send("Subject: judge:refuse\r\n\r\n.\r\n")
	} else {
		c.send("Subject: first\r\n\r\n.\r\n")
	}
	return c.reply()
}

// wanted is the client's reply. A next hop that goes away is replaced where nothing can be doubled.
func wanted(stage, name string) string {
	switch {
	case stage == "RSET":
		return "550 5.7.1"
	case name == "unasked" && stage == "DATA":
		return "451 4.4.1"
	case name == "unasked" && stage == "greeting":
		return "220"
	case name == "unasked": // the first of the two is the answer
		return "250"
	case stage == "greeting" && name == "hangs", stage == "greeting" && name == "half a reply":
		return "421 4.4.1"
	case stage == "greeting":
		return "421 4.4.1"
	case name == "closes" && stage == "EHLO":
		return "250"
	case name == "closes" && stage == "MAIL":
		return "250"
	case name == "closes" && stage == "DATA":
		return "250 2.0.0 queued"
	}
	return "451 4.4.1"
}

// TestNextHopAlwaysGone: a next hop that goes away every time is tried twice, not for ever.
func TestNextHopAlwaysGone(t *testing.T) {
	for _, stage := range []string{"DATA", "MAIL"} {
		t.Run(stage, func(t *testing.T) {
			t.Parallel()
			hop := startHop(t, func(_ int, at string) string {
				if at == stage {
					return "<close>"
				}
				return ""
			})
			g := startGate(t, func(cfg *Config) { cfg.NextHops = []string{hop.addr} })
			c := dialGate(t, g)
			c.want(c.until(stage), "451 4.4.1")
			if n := hop.connections(); n != 2 {
				t.Errorf("%d connections, want 2", n)
			}
			if got := hop.taken(); len(got) != 0 {
				t.Errorf("arrived: %q", got)
			}
		})
	}
}

// TestNextHopGoesAwayWhileJudging: the connection is found broken before the dot, and the message
// goes over a new one, once.
func TestNextHopGoesAwayWhileJudging(t *testing.T) {
	for _, size := range []int{10, 3 * blockBytes} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			t.Parallel()
			hop := startHop(t, nil)
			g := startGate(t, func(cfg *Config) { cfg.NextHops = []string{hop.addr} })
			first := make(chan struct{}, 1)
			first <- struct{}{}
			g.judge.during = func(*filter.Transaction) {
				select {
				case <-first:
					hop.mu.Lock()
					hop.open[0].Close()
					hop.mu.Unlock()
				default:
				}
			}
			c := dialGate(t, g)
			c.greet()
			c.want(c.mail("Subject: x\r\n\r\n"+strings.Repeat("y", size)+"\r\n.\r\n"), "250 2.0.0 queued")
			if got := hop.taken(); len(got) != 1 || hop.connections() != 2 {
				t.Errorf("%d messages on %d connections", len(got), hop.connections())
			}
		})
	}
}
