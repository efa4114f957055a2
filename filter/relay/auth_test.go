package relay

import (
	"encoding/base64"
	"net/netip"
	"strings"
	"testing"

	"congthu/filter"
)

// TestLoginName: the user's name where the mechanism shows it, and never a password.
func TestLoginName(t *testing.T) {
	b64 := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	for _, c := range []struct {
		mechanism string
		said      []string
		want      string
	}{
		{"PLAIN", []string{b64("\x00nvan\x00secret")}, "nvan"},
		{"PLAIN", []string{b64("admin\x00nvan\x00secret")}, "nvan"},
		{"PLAIN", []string{b64("secret")}, authenticated},
		{"PLAIN", []string{"%%%"}, authenticated},
		{"LOGIN", []string{b64("nvan"), b64("secret")}, "nvan"},
		{"LOGIN", []string{"bnZhbg", b64("secret")}, authenticated},
		{"LOGIN", []string{b64("nv\r\nan"), b64("secret")}, "nv??an"},
		{"LOGIN", []string{b64(strings.Repeat("x", 300)), b64("secret")}, authenticated},
		{"CRAM-MD5", []string{b64("nvan 0123")}, authenticated},
	} {
		l := newLoginName(c.mechanism)
		for _, s := range c.said {
			l.hear(s)
		}
		if got := l.result(); got != c.want {
			t.Errorf("%s %q: %q, want %q", c.mechanism, c.said, got, c.want)
		}
	}
}

// TestSignedInIsOurs: who signed in at the next hop counts as ours; a mail server's signing in says
// nothing of its clients.
func TestSignedInIsOurs(t *testing.T) {
	for _, trusted := range []bool{false, true} {
		p := newPair(t, "gate.test")
		hop := startHop(t, func(_ int, stage string) string {
			switch stage {
			case "EHLO":
				return "250-next.test\r\n250 AUTH PLAIN\r\n"
			case "AUTH":
				return "235 2.7.0 welcome\r\n"
			}
			return ""
		})
		g := startGate(t, func(cfg *Config) {
			cfg.NextHops, cfg.AuthPass, cfg.TLS = []string{hop.addr}, true, ListenTLS{Certificate: p.cert, Key: p.key}
			if trusted {
				cfg.TrustedPeers = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
			}
		})
		c := dialGate(t, g)
		c.greet()
		c.want(c.cmd("STARTTLS"), "220 ")
		if err := c.secureAsClient(t); err != nil {
			t.Fatal(err)
		}
		c.want(c.cmd("EHLO client.test", "AUTH PLAIN AG52YW4AeA=="), "235 ")
		c.want(c.cmd("MAIL FROM:<nvan@monre.gov.vn>", "RCPT TO:<b@example.org>", "DATA"), "354 ")
		c.send("Subject: x\r\n\r\n.\r\n")
		c.want(c.reply(), "250 ")
		login, direction := "nvan", filter.Outbound
		if trusted {
			login, direction = "", filter.Inbound
		}
		if tx := g.judge.transactions()[0]; tx.Session.Login != login || tx.Direction != direction {
			t.Errorf("trusted %v: login %q, %s", trusted, tx.Session.Login, tx.Direction)
		}
	}
}
