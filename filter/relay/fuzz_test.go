package relay

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
)

// memoryConn is a connection without a far end: it brings its input in pieces and keeps what is
// written, or gives it to hear, which may bring more input.
type memoryConn struct {
	pieces
	out  bytes.Buffer
	hear func([]byte)
}

func (c *memoryConn) SetWriteDeadline(time.Time) error { return nil }
func (c *memoryConn) Close() error                     { return nil }
func (c *memoryConn) RemoteAddr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:2"))
}

func (c *memoryConn) Write(b []byte) (int, error) {
	c.out.Write(b)
	if c.hear != nil {
		c.hear(b)
	}
	return len(b), nil
}

// strictHop is a next hop that takes everything and finds fault with every octet out of place.
type strictHop struct {
	memoryConn
	fault    error
	data     bool
	offers   string // one more extension
	chunk    int    // octets of a chunk that are still to come
	last     bool   // of that chunk
	chunks   []byte // of the message that is coming in them
	held     []byte
	commands []string
	messages []string
}

func newStrictHop() *strictHop {
	h := &strictHop{}
	h.hear = h.heard
	h.say("220 next.test")
	return h
}

func (h *strictHop) say(line string) { h.left = append(h.left, []byte(line+"\r\n")) }

func (h *strictHop) heard(b []byte) {
	h.held = append(h.held, b...)
	for {
		if h.chunk > 0 {
			n := min(h.chunk, len(h.held))
			h.chunks = append(h.chunks, h.held[:n]...)
			h.held, h.chunk = h.held[n:], h.chunk-n
			if h.chunk > 0 {
				return
			}
			h.chunked()
			continue
		}
		i := bytes.Index(h.held, []byte("\r\n"))
		if h.data {
			if i = bytes.Index(h.held, []byte("\r\n.\r\n")); i < 0 {
				return
			}
			message := string(h.held[:i+2])
			if m := slowRead(message + ".\r\n"); m.bare || m.nul || !m.complete || m.rest != "" {
				h.fault = fmt.Errorf("message %q", message)
			}
			h.messages = append(h.messages, message)
			h.held, h.data = h.held[i+5:], false
			h.say("250 2.0.0 queued " + strconv.Itoa(len(h.messages)))
			continue
		}
		if i < 0 {
			return
		}
		h.command(string(h.held[:i]))
		h.held = h.held[i+2:]
	}
}

// chunked answers a chunk that has come whole.
func (h *strictHop) chunked() {
	if !h.last {
		h.say("250 more")
		return
	}
	h.messages = append(h.messages, string(h.chunks))
	h.chunks = nil
	h.say("250 2.0.0 queued " + strconv.Itoa(len(h.messages)))
}

func (h *strictHop) command(line string) {
	h.commands = append(h.commands, line)
	if hasControl([]byte(line)) {
		h.fault = fmt.Errorf("command %q", line)
	}
	switch verb, _, _ := strings.Cut(strings.ToUpper(line), " "); verb {
	case "EHLO":
		h.say("250-next.test\r\n250-SIZE\r\n250-SMTPUTF8\r\n250-PIPELINING\r\n" + h.offers + "250 XFORWARD NAME ADDR HELO")
	case "BDAT":
		n, last, ok := parseBdat(line[5:])
		if !ok || h.offers == "" {
			h.fault = fmt.Errorf("command %q", line)
		}
		h.chunk, h.last = int(n), last
		if n == 0 {
			h.chunked()
		}
	case "DATA":
		h.data = true
		h.say("354 go")
	case "HELO", "MAIL", "RCPT", "RSET", "QUIT", "XFORWARD":
		h.chunks = nil
		h.say("250 ok")
	default:
		h.fault = fmt.Errorf("unexpected command %q", line)
	}
}

// seedClients adds the client's side of every dialog as a seed.
func seedClients(f *testing.F, add func(in []byte, n uint16)) {
	files, err := filepath.Glob("testdata/*.dialog")
	if err != nil || len(files) == 0 {
		f.Fatalf("no dialogs: %v", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		if bytes.Contains(text, []byte("judge:panic")) {
			continue // panics are what the target looks for
		}
		var in []byte
		for line := range strings.SplitSeq(string(text), "\n") {
			said, ok := strings.CutPrefix(line, "C: ")
			switch {
			case !ok || said == "<close>":
			case strings.HasPrefix(said, `"`):
				s, _ := strconv.Unquote(said)
				in = append(in, s...)
			default:
				in = append(in, said+"\r\n"...)
			}
		}
		if len(in) < 4000 {
			add(in, uint16(len(in)/3))
		}
	}
}

// FuzzSession plays any client against a strict next hop. The client hears of as many accepted
// messages as the next hop took, and the next hop hears nothing but whole, clean commands and messages.
func FuzzSession(f *testing.F) {
	seedClients(f, func(in []byte, n uint16) { f.Add(in, n) })
	g := newGate(f, func(cfg *Config) {
		cfg.NextHops = []string{"hop:25"}
		cfg.TrustedPeers = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
		cfg.Limits.WireBytes, cfg.Recipients = 4000, 3
	})
	f.Fuzz(func(t *testing.T, b []byte, n uint16) {
		var hops []*strictHop
		g.dial = func(context.Context, string, time.Time) (net.Conn, error) {
			h := newStrictHop()
			hops = append(hops, h)
			return h, nil
		}
		client := &memoryConn{pieces: *inPieces(string(b), int(n)+1)}
		newConnection(g.Server, client).run(t.Context())
		if p := testutil.ToFloat64(g.metrics.Panics); p != 0 {
			t.Fatalf("%v panics", p)
		}
		if len(hops) != 1 {
			t.Fatalf("%d next hops", len(hops))
		}
		h := hops[0]
		if h.fault != nil {
			t.Fatal(h.fault)
		}
		replies := checkReplies(t, client.out.Bytes())
		queued := 0
		for _, r := range replies {
			if strings.HasPrefix(r, "250 2.0.0 queued ") {
				queued++
			}
		}
		if queued != len(h.messages) {
			t.Errorf("client heard of %d messages, next hop has %d", queued, len(h.messages))
		}
		for _, m := range h.messages {
			if !strings.HasPrefix(m, "Congthu-Id: ") {
				t.Errorf("message without our field: %q", m)
			}
		}
		for _, line := range h.commands {
			if verb := strings.ToUpper(line[:4]); (verb == "MAIL" || verb == "RCPT") && !bytes.Contains(b, []byte(line)) {
				t.Errorf("the client never said %q", line)
			}
		}
	})
}

// checkReplies splits what the client heard into reply lines, each of which must be sound.
func checkReplies(t *testing.T, out []byte) []string {
	t.Helper()
	if !bytes.HasSuffix(out, []byte("\r\n")) {
		t.Fatalf("replies end in the middle: %q", out)
	}
	lines := strings.Split(strings.TrimSuffix(string(out), "\r\n"), "\r\n")
	for _, l := range lines {
		if _, _, ok := replyLine([]byte(l)); !ok {
			t.Errorf("unsound reply line %q", l)
		}
	}
	return lines
}

// FuzzNextHop plays any next hop against a plain client. The client hears sound replies only, and
// of an accepted message only after the next hop had all of it.
func FuzzNextHop(f *testing.F) {
	for _, s := range []string{
		"220 a\r\n250-a\r\n250 SIZE 1000\r\n250 ok\r\n250 ok\r\n354 go\r\n250 queued\r\n221 bye\r\n",
		"220 a\r\n502 what\r\n250 a\r\n250 ok\r\n550-no\r\n550 no\r\n",
		"220 a\r\n250 DSN\r\n421 x\r\n", "220 a\r\n250 a\r\n250 ok\r\n250 ok\r\n354 go\r\n250 early\r\n250 late\r\n",
		"554 no\r\n", "220 a\r\n250 a\r\n250 ok\r\n250 ok\n354 go\r\n", "220-a\r\n221 a\r\n", "\r\n", "220 a\r\n199 x\r\n",
	} {
		f.Add([]byte(s), uint16(5))
	}
	g := newGate(f, func(cfg *Config) { cfg.NextHops = []string{"hop:25"} })
	const script = "EHLO c\r\nMAIL FROM:<a@example.org>\r\nRCPT TO:<b@monre.gov.vn>\r\nDATA\r\nSubject: x\r\n\r\n..\r\n.\r\nNOOP\r\nQUIT\r\n"
	f.Fuzz(func(t *testing.T, b []byte, n uint16) {
		var hop *memoryConn
		g.dial = func(context.Context, string, time.Time) (net.Conn, error) {
			if hop != nil {
				return nil, errors.New("down")
			}
			hop = &memoryConn{pieces: *inPieces(string(b), int(n)+1)}
			return hop, nil
		}
		client := &memoryConn{pieces: *inPieces(script, len(script))}
		// What the next hop had when the client heard of the message.
		client.hear = func(reply []byte) {
			if bytes.HasPrefix(reply, []byte("354 ")) {
				client.hear = func(reply []byte) {
					client.hear = nil
					if reply[0] == '2' && !bytes.HasSuffix(hop.out.Bytes(), []byte("\r\nSubject: x\r\n\r\n..\r\n.\r\n")) {
						t.Errorf("client heard %q when the next hop had %q", reply, hop.out.Bytes())
					}
				}
			}
		}
		newConnection(g.Server, client).run(t.Context())
		if p := testutil.ToFloat64(g.metrics.Panics); p != 0 {
			t.Fatalf("%v panics", p)
		}
		checkReplies(t, client.out.Bytes())
	})
}

// FuzzReply reads any octets as replies: what is taken is exactly what came, and sound.
func FuzzReply(f *testing.F) {
	for _, s := range []string{"250 ok\r\n", "250-a\r\n250-b\r\n250 c\r\n", "250\r\n", "250-a\r\n251 b\r\n", "25", "250 a\rb\r\n", "250 a\n",
		"250-SIZE 10\r\n250-XFORWARD NAME\r\n250 8BITMIME\r\n", "571 no\r\n", "999 x\r\n", "250-\r\n250 \r\n"} {
		f.Add([]byte(s), uint16(1))
	}
	f.Fuzz(func(t *testing.T, b []byte, n uint16) {
		conn := inPieces(string(b), int(n)+1)
		in := newInput(conn, newBlocks(), maxReplyLine)
		var taken []byte
		for {
			r, err := readReply(in, time.Time{})
			if err != nil {
				if !errors.Is(err, errNonsense) && !errors.Is(err, io.EOF) {
					t.Fatal(err)
				}
				return
			}
			taken = append(taken, r.raw...)
			if !bytes.HasPrefix(b, taken) {
				t.Fatalf("took %q of %q", taken, b)
			}
			if len(r.raw) > maxReplyBytes || r.class() < 2 || r.class() > 5 {
				t.Fatalf("reply %d of %d octets", r.code, len(r.raw))
			}
			for l := range bytes.SplitSeq(bytes.TrimSuffix(r.raw, []byte("\r\n")), []byte("\r\n")) {
				if hasControl(l) || string(l[:3]) != strconv.Itoa(r.code) {
					t.Fatalf("line %q", l)
				}
			}
			if greeting := parseExtensions(r).greeting("h", 100, ownExtensions{}); bytes.Contains(greeting.raw, []byte("XFORWARD")) || !bytes.HasSuffix(greeting.raw, []byte("\r\n")) {
				t.Fatalf("greeting %q", greeting.raw)
			}
		}
	})
}

// FuzzXforward: what is taken is bounded and harmless, and what is handed on says the same again.
func FuzzXforward(f *testing.F) {
	for _, s := range []string{"NAME=a ADDR=192.0.2.1", "addr=IPV6:2001:db8::1", "HELO=a+20b PROTO=ESMTP", "NAME=[UNAVAILABLE]", "ADDR=::ffff:10.0.0.1",
		"IDENT=+00", "NAME", "=", "NAME=+", "NAME=+F", "ADDR=fe80::1%eth0", "PORT=25 SOURCE=LOCAL PORT=26"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		attrs, err := parseXforward(b)
		if err != nil {
			return
		}
		for _, a := range attrs {
			if len(a.value) > 3*maxXforwardValue || hasControl([]byte(a.value)) || !slices.Contains(xforwardNames(), a.name) {
				t.Fatalf("attribute %+v", a)
			}
		}
		var none *forwarded
		fw, err := none.with(attrs)
		if err != nil {
			return
		}
		if fw.client.Is4In6() || fw.client.Zone() != "" {
			t.Fatalf("client %v", fw.client)
		}
		// Read again, what is handed on says the same, and [UNAVAILABLE] of the rest.
		var again *forwarded
		for _, line := range fw.commands(xforwardNames()) {
			attrs, err := parseXforward([]byte(strings.TrimPrefix(line, "XFORWARD")))
			if err != nil || len(line) > maxXforwardOut && len(attrs) > 1 {
				t.Fatalf("%q: %v", line, err)
			}
			if again, err = again.with(attrs); err != nil {
				t.Fatalf("%q: %v", line, err)
			}
		}
		if len(again.values) != len(xforwardNames()) || again.client != fw.client {
			t.Fatalf("%+v reads as %+v", fw, again)
		}
		for name, v := range again.values {
			if v != fw.values[name] {
				t.Fatalf("%s is %q, reads as %q", name, fw.values[name], v)
			}
		}
	})
}

// FuzzPath: a path that is taken was in the line, and is one path.
func FuzzPath(f *testing.F) {
	for _, s := range []string{"FROM:<a@b> SIZE=1", "FROM:<>", "from: a@b", `FROM:<"a>b\" c"@d> X`, "FROM:<a@b>c", "FROM:<a<b>", "FROM:", "FROM:<\"a", "FROM:<@x,@y:a@b>"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, bad := parsePath(s, "FROM:")
		if bad != "" {
			return
		}
		if !strings.Contains(s, p.Domain) || !strings.Contains(s, p.Params) || declaredSize(p.Params) < 0 {
			t.Fatalf("%+v out of %q, size %d", p, s, declaredSize(p.Params))
		}
	})
}
