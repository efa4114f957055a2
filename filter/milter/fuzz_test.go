package milter

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// octets is a connection that gives what it holds, piece octets at a time, and keeps what is written.
type octets struct {
	in     []byte
	piece  int
	out    bytes.Buffer
	closed chan struct{}
}

func newOctets(in []byte, piece uint16) *octets {
	return &octets{in: in, piece: int(piece) + 1, closed: make(chan struct{})}
}

func (o *octets) Read(p []byte) (int, error) {
	if len(o.in) == 0 {
		return 0, io.EOF
	}
	n := copy(p, o.in[:min(o.piece, len(o.in))])
	o.in = o.in[n:]
	return n, nil
}
func (o *octets) Write(p []byte) (int, error)      { return o.out.Write(p) }
func (o *octets) Close() error                     { close(o.closed); return nil }
func (o *octets) LocalAddr() net.Addr              { return &net.UnixAddr{Name: "fuzz"} }
func (o *octets) RemoteAddr() net.Addr             { return o.LocalAddr() }
func (o *octets) SetDeadline(time.Time) error      { return nil }
func (o *octets) SetReadDeadline(time.Time) error  { return nil }
func (o *octets) SetWriteDeadline(time.Time) error { return nil }

// handed is a listener that gives the connections it is handed.
type handed struct {
	conns chan net.Conn
	done  chan struct{}
}

func (h *handed) Accept() (net.Conn, error) {
	select {
	case c := <-h.conns:
		return c, nil
	case <-h.done:
		return nil, net.ErrClosed
	}
}
func (h *handed) Close() error {
	select {
	case <-h.done:
	default:
		close(h.done)
	}
	return nil
}
func (h *handed) Addr() net.Addr { return &net.UnixAddr{Name: "fuzz"} }

// sessions are the MTA's octets of every dialog.
func sessions(f *testing.F) [][]byte {
	files, err := filepath.Glob("testdata/*.dialog")
	if err != nil || len(files) == 0 {
		f.Fatalf("no dialogs: %v", err)
	}
	var out [][]byte
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		var s []byte
		for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
			if kind, text, _ := strings.Cut(lines.Text(), ":"); kind == "C" {
				s = append(s, encode(f, strings.TrimSpace(text))...)
			}
		}
		out = append(out, s)
	}
	return out
}

// FuzzFrames: however octets are cut into pieces, the frames are those that a reader of the whole sees.
func FuzzFrames(f *testing.F) {
	for i, s := range sessions(f) {
		f.Add(s, uint16(i*i))
	}
	f.Add([]byte("\x00\x00\x00\x00"), uint16(0))
	f.Add([]byte("\xff\xff\xff\xffO"), uint16(3))
	f.Add([]byte("\x00\x02\x00\x00B"), uint16(3))
	f.Add([]byte(frameOf('B', strings.Repeat("x", bufferSize))+frameOf('B', strings.Repeat("y", 65535))), uint16(40000))
	f.Fuzz(func(t *testing.T, data []byte, piece uint16) {
		arm := func(bool) error { return nil }
		in := newFrames(newOctets(data, piece), new(buffers), arm, func() bool { return false })
		rest := data
		for {
			code, got, err := in.next()
			wantCode, want, after, wantErr := oneFrame(rest)
			if (err == nil) != (wantErr == nil) || wantErr != nil && !errors.Is(err, wantErr) {
				t.Fatalf("%d octets left: %v, want %v", len(rest), err, wantErr)
			}
			if err != nil {
				return
			}
			if code != wantCode || !bytes.Equal(got, want) {
				t.Fatalf("%d octets left: frame %q of %d octets, want %q of %d", len(rest), code, len(got), wantCode, len(want))
			}
			rest = after
		}
	})
}

// oneFrame reads a frame the plain way.
func oneFrame(b []byte) (code byte, data, rest []byte, err error) {
	if len(b) == 0 {
		return 0, nil, nil, io.EOF
	}
	if len(b) < lengthSize {
		return 0, nil, nil, io.ErrUnexpectedEOF
	}
	n := int64(binary.BigEndian.Uint32(b))
	switch b = b[lengthSize:]; {
	case n < 1 || n > maxFrame:
		return 0, nil, nil, errProtocol
	case int64(len(b)) < n:
		return 0, nil, nil, io.ErrUnexpectedEOF
	}
	return b[0], b[1:n], b[n:], nil
}

// FuzzSession: whatever an MTA sends, the gate answers in whole frames, the first being the negotiation,
// refuses exactly what was to be refused, does not panic, and lets the connection go.
func FuzzSession(f *testing.F) {
	for i, s := range sessions(f) {
		f.Add(s, uint16(i*i))
	}
	cfg := testConfig()
	cfg.Limits.WireBytes, cfg.Recipients = 500, 3
	g := newGate(f, cfg, time.Now)
	l := &handed{make(chan net.Conn), make(chan struct{})}
	go func() { g.served <- g.Serve(l) }()
	f.Cleanup(g.stop)
	f.Fuzz(func(t *testing.T, data []byte, piece uint16) {
		c := newOctets(data, piece)
		l.conns <- c
		<-c.closed
		answers := map[byte]int{}
		for rest := c.out.Bytes(); ; {
			code, _, after, err := oneFrame(rest)
			if err == io.EOF {
				break
			}
			if err != nil || (len(answers) == 0) != (code == 'O') || !strings.Contains("Ocyimp", string(rune(code))) {
				t.Fatalf("answer %q: %v", rest, err)
			}
			answers[code]++
			rest = after
		}
		passed := 0
		for len(g.judge.outcomes) > 0 {
			if o := <-g.judge.outcomes; o.v.Passes() {
				passed++
			} else {
				answers['y']--
			}
		}
		if answers['y'] != 0 || answers['c'] < passed {
			t.Fatalf("%d messages passed, answers %v", passed, answers)
		}
		if log := g.log.String(); strings.Contains(log, "session panicked") { // the script's rule may
			t.Fatal(log)
		}
		g.log.reset()
	})
}
