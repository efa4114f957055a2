package relay

import (
	"io"
	"strings"
	"testing"
	"time"
)

// TestNobodyTakesForEver: a client that goes on and on, a little at a time, so that it is never silent, is
// closed when its time is over, wherever it is.
func TestNobodyTakesForEver(t *testing.T) {
	const short = 1500 * time.Millisecond
	session := func(c *Config) { c.Timeouts.Session = short }
	message := func(c *Config) { c.Timeouts.Message = short }
	envelope := []string{"MAIL FROM:<a@example.org>", "RCPT TO:<b@monre.gov.vn>"}
	for name, tc := range map[string]struct {
		limit  func(*Config)
		before []string // commands
		drip   string   // what comes again and again
		want   string   // the last reply
	}{
		"an endless command":       {session, nil, "N", replyTooLong},
		"refused recipients":       {session, []string{"EHLO c.test", envelope[0]}, "RCPT TO:<nobody@monre.gov.vn>\r\n", replyTooLong},
		"refused chunks":           {session, []string{"EHLO c.test"}, "BDAT 1\r\nx", ""},
		"a refused chunk":          {session, []string{"EHLO c.test", "BDAT 100000"}, "x", replyTimeout},
		"a message":                {message, append([]string{"EHLO c.test"}, append(envelope, "DATA")...), "x", replyTimeout},
		"lines of a message":       {message, append([]string{"EHLO c.test"}, append(envelope, "DATA")...), "x\r\n", replyTimeout},
		"a chunk":                  {message, append([]string{"EHLO c.test"}, append(envelope, "BDAT 100000")...), "x", replyTimeout},
		"chunks":                   {message, append([]string{"EHLO c.test"}, envelope...), "BDAT 1\r\nx", ""},
		"a command between chunks": {message, append([]string{"EHLO c.test"}, append(envelope, "BDAT 1\r\nx")...), "N", replyTooLong},
		"an answer of AUTH":        {session, []string{"AUTH LOGIN"}, "x", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPair(t, "gate.test")
			auth := name == "an answer of AUTH"
			g, hop := withHop(t, func(cfg *Config) {
				tc.limit(cfg)
				cfg.TLS, cfg.AuthPass = ListenTLS{Certificate: p.cert, Key: p.key}, auth
			})
			hop.setAct(func(_ int, stage string) string {
				return map[string]string{"AUTH": "334 VXNlcm5hbWU6\r\n", "EHLO": "250-next.test\r\n250 AUTH LOGIN\r\n"}[stage]
			})
			c := dialGate(t, g)
			c.want(c.reply(), "220 ")
			if auth {
				c.want(c.cmd("EHLO c.test", "STARTTLS"), "220 ")
				if err := c.secureAsClient(t); err != nil {
					t.Fatal(err)
				}
				c.want(c.cmd("EHLO c.test"), "250-")
			}
			for _, line := range tc.before {
				if strings.HasPrefix(line, "BDAT") && !strings.Contains(line, "\n") {
					c.send(line + "\r\n")
					continue
				}
				c.send(line)
				if !strings.Contains(line, "\n") {
					c.send("\r\n")
				}
				c.reply()
			}
			done := make(chan string, 1)
			go func() {
				all, _ := io.ReadAll(c.Conn) // a reset may eat the last reply; that it ends is what counts
				done <- string(all)
			}()
			for end := time.Now().Add(patience); ; time.Sleep(2 * time.Millisecond) {
				select {
				case all := <-done:
					if all != "" && !strings.Contains(all, "\r\n") {
						t.Errorf("heard %q", all)
					}
					if strings.Contains(all, "421 ") && !strings.Contains(all, tc.want) {
						t.Errorf("heard %q, want %q", all, tc.want)
					}
					return
				default:
				}
				if time.Now().After(end) {
					t.Fatal("not closed")
				}
				_, _ = io.WriteString(c.Conn, tc.drip) // fails when it is closed
			}
		})
	}
}
