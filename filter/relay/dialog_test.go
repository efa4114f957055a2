package relay

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A dialog is a conversation as text, one step a line, carried out in order:
//
//	C: text     the client sends a line         S: text     the gate answers the client
//	N: text     the next hop sends a line       H: text     the gate sends the next hop
//	A:          the next hop takes a new connection (A: 2 takes one that the second next hop gets)
//	R:          a new client connects
//	C-TLS:      the client begins TLS          N-TLS:    the next hop does
//	K: n        n idle connections to next hops are kept
//	L: text     the next message's log line: disposition, reply, next hop's part, error
//	= setting   of the listener, before the first step
//
// A text in double quotes is a Go string and stands without the CRLF that the others get. In S, H
// and L, "*" stands for anything. "<close>" closes a connection, or expects it to be closed.
type dialog struct {
	t    *testing.T
	gate *gate
	hops []net.Listener

	client *wire
	pair   pair // certificate of gate and next hop
	hop    *wire
	logs   int
}

// wire is one end of a connection that a dialog speaks on.
type wire struct {
	net.Conn
	r *bufio.Reader
}

func newWire(c net.Conn) *wire { return &wire{c, bufio.NewReader(c)} }

func TestDialogs(t *testing.T) {
	files, err := filepath.Glob("testdata/*.dialog")
	if err != nil || len(files) == 0 {
		t.Fatalf("no dialogs: %v", err)
	}
	watchResources(t, func(t *testing.T) {
		for _, file := range files {
			t.Run(strings.TrimSuffix(filepath.Base(file), ".dialog"), func(t *testing.T) {
				t.Parallel()
				text, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				runDialog(t, file, string(text))
			})
		}
	})
}

func runDialog(t *testing.T, file, text string) {
	d := &dialog{t: t, hops: []net.Listener{listenLoopback(t)}}
	if strings.Contains(text, "tls") {
		d.pair = newPair(t, "127.0.0.1")
	}
	var settings []string
	for i, line := range strings.Split(text, "\n") {
		step, arg, _ := strings.Cut(line, ":")
		arg = strings.TrimPrefix(arg, " ")
		var err error
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
			continue
		case strings.HasPrefix(line, "= "):
			settings = append(settings, line[2:])
			continue
		case d.gate == nil:
			d.begin(settings)
		}
		if err = d.step(step, arg); err != nil {
			t.Fatalf("%s:%d: %s\n%v", file, i+1, line, err)
		}
	}
}

func (d *dialog) hangUp() {
	for _, w := range []*wire{d.client, d.hop} {
		if w != nil {
			w.Close()
		}
	}
}

// begin starts the gate and connects to it.
func (d *dialog) begin(settings []string) {
	panics := 0
	d.gate = newGate(d.t, func(cfg *Config) {
		for _, s := range settings {
			name, value, _ := strings.Cut(s, " ")
			n, _ := strconv.Atoi(value)
			switch name {
			case "trusted":
				cfg.TrustedPeers = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
			case "keep":
				cfg.Keep.Connections = n
			case "keep-mails":
				cfg.Keep.Mails = n
			case "tls", "tls-required":
				cfg.TLS = ListenTLS{Certificate: d.pair.cert, Key: d.pair.key, Required: name == "tls-required"}
			case "next-hop-tls":
				cfg.NextHopTLS = NextHopTLS{Mode: TLSMode(value), CA: d.pair.cert}
			case "after-queue":
				cfg.AfterQueue = true
			case "client-facts":
				cfg.ClientFacts = ClientFacts(value)
			case "auth":
				cfg.AuthPass = true
			case "received":
				cfg.Received = true
			case "recipients":
				cfg.Recipients = n
			case "wire-bytes":
				cfg.Limits.WireBytes = int64(n)
			case "data-ms":
				cfg.Timeouts.Data = time.Duration(n) * time.Millisecond
			case "session-ms":
				cfg.Timeouts.Session = time.Duration(n) * time.Millisecond
			case "message-ms":
				cfg.Timeouts.Message = time.Duration(n) * time.Millisecond
			case "command-ms":
				cfg.Timeouts.Command = time.Duration(n) * time.Millisecond
			case "hops":
				for range n - 1 {
					d.hops = append(d.hops, listenLoopback(d.t))
				}
			case "panics":
				panics = n
			case "down":
				d.hops[n-1].Close()
			default:
				d.t.Fatalf("no setting %q", name)
			}
		}
		for _, l := range d.hops {
			cfg.NextHops = append(cfg.NextHops, l.Addr().String())
		}
	})
	d.gate.panics = panics
	d.gate.start(d.t)
	conn, err := net.Dial("tcp", d.gate.addr)
	if err != nil {
		d.t.Fatal(err)
	}
	d.client = newWire(conn)
	d.t.Cleanup(d.hangUp) // before the gate's end
}

func (d *dialog) step(step, arg string) error {
	switch step {
	case "C":
		return d.client.say(arg)
	case "S":
		return d.client.hear(arg)
	case "N":
		return d.hop.say(arg)
	case "H":
		return d.hop.hear(arg)
	case "A":
		n := 1
		if arg != "" {
			n, _ = strconv.Atoi(arg)
		}
		l := d.hops[n-1].(*net.TCPListener)
		if err := l.SetDeadline(time.Now().Add(patience)); err != nil {
			return err
		}
		conn, err := l.Accept()
		if err != nil {
			return err
		}
		if d.hop != nil {
			d.hop.Close()
		}
		d.hop = newWire(conn)
		return nil
	case "R":
		d.client.Close()
		conn, err := net.Dial("tcp", d.gate.addr)
		d.client = newWire(conn)
		return err
	case "C-TLS":
		return d.client.secureAsClient(d.t)
	case "N-TLS":
		return d.hop.secure(d.t, tls.Server(d.hop.Conn, &tls.Config{Certificates: []tls.Certificate{d.pair.Certificate}}))
	case "K":
		eventually(d.t, arg+" kept connections", func() bool { return fmt.Sprint(d.gate.keeper.count()) == arg })
		return nil
	case "L":
		d.logs++
		l := d.gate.judge.logs(d.t, d.logs)[d.logs-1]
		hop := "-"
		if l.o.NextHop != "" {
			hop = "next-hop"
		}
		return match(arg, fmt.Sprintf("%s %s %q %v", l.v.Disposition, hop, l.o.Reply, l.o.Err))
	}
	return fmt.Errorf("no step %q", step)
}

func (w *wire) say(arg string) error {
	if err := w.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	if arg == "<close>" {
		return w.Close()
	}
	text := arg + "\r\n"
	if strings.HasPrefix(arg, `"`) {
		var err error
		if text, err = strconv.Unquote(arg); err != nil {
			return err
		}
	}
	_, err := io.WriteString(w.Conn, text)
	return err
}

func (w *wire) hear(arg string) error {
	if err := w.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	line, err := w.r.ReadString('\n')
	if arg == "<close>" {
		if line != "" || err == nil || isTimeout(err) {
			return fmt.Errorf("not closed: %q, %v", line, err)
		}
		return nil
	}
	if err != nil {
		return fmt.Errorf("got %q, then %w", line, err)
	}
	if strings.HasPrefix(arg, `"`) {
		if arg, err = strconv.Unquote(arg); err != nil {
			return err
		}
		return match(arg, line)
	}
	return match(arg+"\r\n", line)
}

// match compares with a pattern in which "*" stands for anything.
func match(pattern, got string) error {
	parts := strings.Split(pattern, "*")
	rest, ok := strings.CutPrefix(got, parts[0])
	for i, p := range parts[1:] {
		if i == len(parts)-2 {
			ok = ok && strings.HasSuffix(rest, p)
			rest = ""
			break
		}
		var found bool
		_, rest, found = strings.Cut(rest, p)
		ok = ok && found
	}
	if !ok || rest != "" {
		return fmt.Errorf("got  %q\nwant %q", got, pattern)
	}
	return nil
}
