package relay

import (
	"bufio"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// fakeHop is a next hop that takes mail, and misbehaves where it is told to.
type fakeHop struct {
	addr string
	// act returns what to do instead of the usual reply at a stage ("greeting", "EHLO", "MAIL", "RCPT",
	// "DATA", "end", "RSET", "QUIT") of the nth connection, from 0. "" is the usual, "<close>" and
	// "<hang>" are what they say, anything else is sent as it stands.
	act func(conn int, stage string) string

	mu       sync.Mutex
	conns    int
	open     []net.Conn
	messages []string // those that it said 250 to, as they came, without the dots
	commands []string
	wg       sync.WaitGroup
}

func startHop(t testing.TB, act func(conn int, stage string) string) *fakeHop {
	t.Helper()
	h := &fakeHop{act: act}
	l := listenLoopback(t)
	h.addr = l.Addr().String()
	h.wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			h.mu.Lock()
			n := h.conns
			h.conns++
			h.open = append(h.open, c)
			h.mu.Unlock()
			h.wg.Go(func() { h.serve(c, n) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		h.mu.Lock()
		for _, c := range h.open {
			c.Close()
		}
		h.mu.Unlock()
		h.wg.Wait()
	})
	return h
}

// at is what to do at a stage.
func (h *fakeHop) at(conn int, stage string) string {
	h.mu.Lock()
	act := h.act
	h.mu.Unlock()
	if act == nil {
		return ""
	}
	return act(conn, stage)
}

// setAct changes what the next hop does from now on.
func (h *fakeHop) setAct(act func(conn int, stage string) string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.act = act
}

func (h *fakeHop) serve(c net.Conn, n int) {
	defer c.Close()
	r := bufio.NewReader(c)
	// say plays a stage and tells whether the connection goes on.
	say := func(stage, usual string) bool {
		what := h.at(n, stage)
		switch what {
		case "":
			what = usual
		case "<close>":
			return false
		case "<hang>":
			io.Copy(io.Discard, c) // until the gate has had enough
			return false
		}
		_, err := io.WriteString(c, what)
		return err == nil
	}
	if !say("greeting", "220 next.test\r\n") {
		return
	}
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		h.mu.Lock()
		h.commands = append(h.commands, strings.TrimSuffix(line, "\r\n"))
		h.mu.Unlock()
		verb := strings.ToUpper(strings.TrimSpace(line[:min(4, len(line))]))
		switch verb {
		case "EHLO":
			if !say(verb, "250-next.test\r\n250-SIZE 100000000\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 DSN\r\n") {
				return
			}
		case "DATA":
			if !say(verb, "354 go\r\n") {
				return
			}
			if !strings.HasPrefix(h.at(n, verb), "5") && !h.message(r, n, say) {
				return
			}
		case "QUIT":
			say(verb, "221 bye\r\n")
			return
		default:
			if !say(verb, "250 2.0.0 ok\r\n") {
				return
			}
		}
	}
}

// message reads a message to CRLF "." CRLF and answers it.
func (h *fakeHop) message(r *bufio.Reader, n int, say func(stage, usual string) bool) bool {
	var b strings.Builder
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return false
		}
		if line == ".\r\n" {
			break
		}
		b.WriteString(strings.TrimPrefix(line, "."))
	}
	if h.at(n, "end") == "" {
		h.mu.Lock()
		h.messages = append(h.messages, b.String())
		h.mu.Unlock()
	}
	return say("end", "250 2.0.0 queued\r\n")
}

func (h *fakeHop) taken() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]string(nil), h.messages...)
}

func (h *fakeHop) connections() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.conns
}

// talk is a plain client: it sends a command and returns the whole reply.
type talk struct {
	t testing.TB
	*wire
}

func dialGate(t testing.TB, g *gate) *talk {
	t.Helper()
	conn, err := net.Dial("tcp", g.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &talk{t, newWire(conn)}
}

// reply reads one reply; "" when the connection ended.
func (c *talk) reply() string {
	c.t.Helper()
	var all strings.Builder
	for {
		if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
			c.t.Fatal(err)
		}
		line, err := c.r.ReadString('\n')
		if err != nil {
			if isTimeout(err) {
				c.t.Fatalf("no reply in %v; so far %q", patience, all.String())
			}
			return all.String()
		}
		all.WriteString(line)
		if len(line) < 4 || line[3] != '-' {
			return all.String()
		}
	}
}

func (c *talk) send(text string) {
	c.t.Helper()
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		c.t.Fatal(err)
	}
	if _, err := io.WriteString(c.Conn, text); err != nil {
		c.t.Fatal(err)
	}
}

// cmd sends lines and returns the reply to the last.
func (c *talk) cmd(lines ...string) (last string) {
	c.t.Helper()
	for _, l := range lines {
		c.send(l + "\r\n")
		last = c.reply()
	}
	return last
}

func (c *talk) want(reply, prefix string) {
	c.t.Helper()
	if !strings.HasPrefix(reply, prefix) {
		c.t.Fatalf("got %q, want %q", reply, prefix)
	}
}

// greet reads the greeting and says EHLO.
func (c *talk) greet() {
	c.t.Helper()
	c.want(c.reply(), "220 ")
	c.want(c.cmd("EHLO client.test"), "250-")
}

// mail sends one message (dots doubled, with its end) and returns the reply to it.
func (c *talk) mail(message string) string {
	c.t.Helper()
	c.want(c.cmd("MAIL FROM:<a@example.org>", "RCPT TO:<b@monre.gov.vn>", "DATA"), "354 ")
	c.send(message)
	return c.reply()
}
