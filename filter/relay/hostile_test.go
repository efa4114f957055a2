package relay

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
)

// TestThousandRecipients: as many as RFC 5321 section 4.5.3.1.8 asks for ten times over, all at once; the
// one beyond the limit is deferred and the message goes to the others.
func TestThousandRecipients(t *testing.T) {
	g, hop := withHop(t, nil)
	hop.setAct(func(_ int, stage string) string {
		if stage == "EHLO" {
			return "250-next.test\r\n250 PIPELINING\r\n"
		}
		return ""
	})
	c := dialGate(t, g)
	c.greet()
	var all strings.Builder
	all.WriteString("MAIL FROM:<a@example.org>\r\n")
	for i := range 1001 {
		fmt.Fprintf(&all, "RCPT TO:<user%d@monre.gov.vn>\r\n", i)
	}
	all.WriteString("DATA\r\n")
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		c.Conn.Write([]byte(all.String())) // what fails shows in the replies
	}()
	for range 1001 {
		c.want(c.reply(), "250 ")
	}
	c.want(c.reply(), "452 4.5.3 ")
	c.want(c.reply(), "354 ")
	<-sent
	c.send("Subject: x\r\n\r\n.\r\n")
	c.want(c.reply(), "250 ")
	if n := len(g.judge.transactions()[0].Recipients); n != 1000 {
		t.Errorf("%d recipients judged", n)
	}
	if n := len(hop.said()); n != 1+1+1000+1 {
		t.Errorf("next hop heard %d commands", n)
	}
}

// TestOctetByOctet: a conversation that comes an octet at a time is the same conversation.
func TestOctetByOctet(t *testing.T) {
	g, hop := withHop(t, nil)
	c := dialGate(t, g)
	c.want(c.reply(), "220 ")
	for _, s := range []struct{ say, want string }{
		{"EHLO client.test\r\n", "250-"}, {"MAIL FROM:<a@example.org>\r\n", "250 "}, {"RCPT TO:<b@monre.gov.vn>\r\n", "250 "}, {"DATA\r\n", "354 "},
		{"Subject: x\r\n\r\n..\r\n.\r\n", "250 "}, {"MAIL FROM:<>\r\n", "250 "}, {"RCPT TO:<b@monre.gov.vn>\r\n", "250 "},
		{"BDAT 15 LAST\r\nSubject: y\r\n\r\n.", "250 "},
	} {
		for i := range s.say {
			c.send(s.say[i : i+1])
		}
		c.want(c.reply(), s.want)
	}
	got := hop.taken()
	if len(got) != 2 || !strings.HasSuffix(got[0], "Subject: x\r\n\r\n.\r\n") || !strings.HasSuffix(got[1], "Subject: y\r\n\r\n.\r\n") {
		t.Errorf("arrived: %q", got)
	}
}

// TestResourcesAreGivenBack: after clients of every kind, well and ill behaved, there are as many goroutines
// and descriptors as before, and no room for messages is taken.
func TestResourcesAreGivenBack(t *testing.T) {
	p := newPair(t, "gate.test")
	g, _ := keeping(t, func(cfg *Config) { cfg.TLS = ListenTLS{Certificate: p.cert, Key: p.key} })
	kinds := map[string]func(c *talk){
		"a message":         func(c *talk) { c.greet(); c.want(c.mail("Subject: x\r\n\r\n.\r\n"), "250 "); c.cmd("QUIT") },
		"nothing":           func(*talk) {},
		"a refused message": func(c *talk) { c.greet(); c.want(c.mail("Subject: judge:refuse\r\n\r\n.\r\n"), "550 ") },
		"half a message":    func(c *talk) { c.greet(); c.cmd("MAIL FROM:<>", "RCPT TO:<b@monre.gov.vn>", "DATA"); c.send("Subject") },
		"half a chunk": func(c *talk) {
			c.greet()
			c.cmd("MAIL FROM:<>", "RCPT TO:<b@monre.gov.vn>")
			c.send("BDAT 10 LAST\r\nx")
		},
		"a chunk":    func(c *talk) { c.greet(); c.cmd("MAIL FROM:<>", "RCPT TO:<b@monre.gov.vn>"); c.send("BDAT 1\r\nx") },
		"a smuggler": func(c *talk) { c.greet(); c.want(c.mail("x\n.\nMAIL FROM:<>\r\n.\r\n"), "550 ") },
		"half TLS":   func(c *talk) { c.greet(); c.want(c.cmd("STARTTLS"), "220 "); c.send("\x16\x03\x01") },
		"no TLS":     func(c *talk) { c.greet(); c.want(c.cmd("STARTTLS"), "220 "); c.send("QUIT\r\n"); c.reply() },
		"HTTP":       func(c *talk) { c.reply(); c.cmd("GET / HTTP/1.1") },
	}
	round := func() {
		for _, kind := range kinds {
			c := dialGate(t, g)
			kind(c)
			c.Close()
		}
		eventually(t, "the connections to end", func() bool {
			g.conns.mu.Lock()
			defer g.conns.mu.Unlock()
			return len(g.conns.open) == 0
		})
	}
	round() // what is made once, and the first kept connections
	goroutines, descriptors := runtime.NumGoroutine(), countDescriptors(t)
	for range 10 {
		round()
	}
	// Kept connections may differ by a few; each is a descriptor here and one, with a goroutine, at the next hop.
	few := 2 * g.cfg.Keep.Connections
	eventually(t, "resources to be given back", func() bool {
		return runtime.NumGoroutine() <= goroutines+few && countDescriptors(t) <= descriptors+few
	})
}

func countDescriptors(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}
