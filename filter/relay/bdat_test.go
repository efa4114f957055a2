package relay

import (
	"fmt"
	"strings"
	"testing"

	"congthu/filter/message"
)

// TestLineCheck: whatever the pieces, the check finds what the dot reader finds in the same octets.
func TestLineCheck(t *testing.T) {
	for _, s := range []string{"", "a\r\n", "\r\n\r\n", "a", "a\n", "\na", "a\r", "a\rb", "\r\r\n", "\r\n\n", "\x00a\r\n", "a\x00\r\n", "a\r\n\x00.\r\n",
		"a\r\x00\r\n", "\n\x00", "\r\n\x00", "ab\r\ncd\r\nef\r\n", "\r", "\n", "x\n\r\n", strings.Repeat("ab\r\n", 50) + "\r"} {
		for size := 1; size <= len(s)+1; size++ {
			l := newLineCheck()
			for rest := s; rest != ""; {
				n := min(size, len(rest))
				l.scan([]byte(rest[:n]))
				rest = rest[n:]
			}
			bare, nul := l.end()
			want := slowRead(s + "\r\n.\r\n")
			wantBare := want.bare || strings.HasSuffix(s, "\r")
			if bare != wantBare || nul != want.nul {
				t.Errorf("%q by %d: bare %v, NUL %v; want %v, %v", s, size, bare, nul, wantBare, want.nul)
			}
		}
	}
}

func TestParseBdat(t *testing.T) {
	for args, want := range map[string]string{"0": "0 false true", "12 LAST": "12 true true", " 7  last ": "7 true true", "": "0 false false",
		"x": "0 false false", "-1": "0 false false", "+1": "0 false false", "1 2": "0 false false", "1 LAST x": "0 false false",
		"9223372036854775807": "9223372036854775807 false true", "9223372036854775808": "9223372036854775807 false false"} {
		n, last, ok := parseBdat(args)
		if got := fmt.Sprint(n, last, ok); got != want {
			t.Errorf("%q: %s, want %s", args, got, want)
		}
	}
}

// TestChunksGiveTheirRoomBack: a message in chunks that is given up does not keep what it took.
func TestChunksGiveTheirRoomBack(t *testing.T) {
	hop := startHop(t, nil)
	g := newGate(t, func(cfg *Config) { cfg.NextHops = []string{hop.addr} })
	g.Server.budget = message.NewBudget(1000)
	g.start(t)
	for _, end := range []string{"RSET", "EHLO client.test", "QUIT", ""} {
		for range 3 {
			c := dialGate(t, g)
			c.greet()
			c.want(c.cmd("MAIL FROM:<>", "RCPT TO:<b@monre.gov.vn>"), "250 ")
			c.send("BDAT 700\r\n" + strings.Repeat("x", 700))
			c.want(c.reply(), "250 ")
			if end != "" {
				c.want(c.cmd(end), "2")
			}
			c.Close()
			eventually(t, "the connection to end", func() bool {
				g.conns.mu.Lock()
				defer g.conns.mu.Unlock()
				return len(g.conns.open) == 0
			})
		}
	}
	c := dialGate(t, g)
	c.greet()
	c.want(c.mail("Subject: x\r\n\r\n"+strings.Repeat("y", 700)+"\r\n.\r\n"), "250 ")
}
