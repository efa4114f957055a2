package main

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// The parts that this program plays itself, each in a process of its own, so that its time can be told.
const (
	roleSink       = "sink"        // takes mail in blocks and counts it
	roleNullMilter = "null-milter" // looks at nothing
	roleHashMilter = "hash-milter" // decodes and hashes all of the body
	roleCopyRelay  = "copy-relay"  // copies octets both ways and knows no SMTP
	roleHashRelay  = "hash-relay"  // copies, and decodes and hashes what the client sends
)

// play serves one role on an address, "127.0.0.1:port" or "unix:path", until the process is ended.
func play(role, listen, next string) error {
	network, addr := "tcp", listen
	if path, ok := strings.CutPrefix(listen, "unix:"); ok {
		network, addr = "unix", path
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("playing the %s: %w", role, err)
		}
	}
	l, err := net.Listen(network, addr)
	if err != nil {
		return fmt.Errorf("playing the %s: %w", role, err)
	}
	if network == "unix" {
		if err := os.Chmod(addr, 0o666); err != nil {
			return fmt.Errorf("opening the socket of the %s: %w", role, err)
		}
	}
	serve, err := floor(role, next)
	if err != nil {
		return err
	}
	for {
		c, err := l.Accept()
		if err != nil {
			return fmt.Errorf("playing the %s: %w", role, err)
		}
		go func() {
			defer c.Close()
			if err := serve(c); err != nil && !errors.Is(err, syscall.ECONNRESET) {
				fmt.Fprintf(os.Stderr, "%s: %v\n", role, err)
			}
		}()
	}
}

// floor is what a role does with one connection.
func floor(role, next string) (func(net.Conn) error, error) {
	switch role {
	case roleSink:
		return new(blockSink).serve, nil
	case roleNullMilter:
		return func(c net.Conn) error { return serveMilter(c, nil) }, nil
	case roleHashMilter:
		return func(c net.Conn) error { return serveMilter(c, newDecoder()) }, nil
	case roleCopyRelay:
		return func(c net.Conn) error { return serveRelay(c, next, nil) }, nil
	case roleHashRelay:
		return func(c net.Conn) error { return serveRelay(c, next, newDecoder()) }, nil
	}
	return nil, fmt.Errorf("no role %q", role)
}

// What the milter floors need of the milter protocol, version 6.
const (
	milterVersion   = 6
	milterMaxPacket = 1 << 20 // octets
	// No reply is wanted to header, connect, helo, mail, rcpt, data, unknown, end of header, body.
	milterNoReplies = 1<<7 | 1<<12 | 1<<13 | 1<<14 | 1<<15 | 1<<16 | 1<<17 | 1<<18 | 1<<19
)

// serveMilter accepts every message; d, when there is one, gets the bodies.
func serveMilter(c net.Conn, d *decoder) error {
	r := bufio.NewReaderSize(quick(c), 128<<10)
	var head [5]byte
	var body []byte
	for {
		if _, err := io.ReadFull(r, head[:]); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return fmt.Errorf("reading a packet: %w", err)
		}
		n := int(binary.BigEndian.Uint32(head[:4])) - 1
		if n < 0 || n > milterMaxPacket {
			return fmt.Errorf("a packet announces %d octets", n+1)
		}
		var err error
		switch code := head[4]; {
		case code == 'Q':
			return nil
		case code == 'O':
			err = negotiate(c, r, n)
		case d != nil && (code == 'B' || code == 'E'):
			if cap(body) < n {
				body = make([]byte, n)
			}
			if _, err = io.ReadFull(r, body[:n]); err == nil {
				_, err = d.Write(body[:n])
			}
		default:
			_, err = r.Discard(n)
		}
		if err == nil && head[4] == 'E' {
			if d != nil {
				d.end()
			}
			_, err = c.Write([]byte{0, 0, 0, 1, 'c'})
		}
		if err != nil {
			return fmt.Errorf("answering a %q packet: %w", head[4], err)
		}
	}
}

// negotiate asks for no replies but the last, as far as the mail server offers it.
func negotiate(c net.Conn, r *bufio.Reader, n int) error {
	if n < 12 {
		return fmt.Errorf("a negotiation of %d octets", n)
	}
	offer := make([]byte, n)
	if _, err := io.ReadFull(r, offer); err != nil {
		return err
	}
	out := binary.BigEndian.AppendUint32(nil, 13)
	out = append(out, 'O')
	out = binary.BigEndian.AppendUint32(out, milterVersion)
	out = binary.BigEndian.AppendUint32(out, 0) // changes nothing
	out = binary.BigEndian.AppendUint32(out, milterNoReplies&binary.BigEndian.Uint32(offer[8:]))
	_, err := c.Write(out)
	return err
}

// quickConn acknowledges at once what it reads. Without it a milter over TCP that sends no replies waits
// 40 ms for its own delayed acknowledgement.
type quickConn struct {
	net.Conn
	raw syscall.RawConn
}

func quick(c net.Conn) net.Conn {
	t, ok := c.(*net.TCPConn)
	if !ok {
		return c
	}
	raw, err := t.SyscallConn()
	if err != nil {
		return c
	}
	return quickConn{c, raw}
}

func (q quickConn) Read(p []byte) (int, error) {
	n, err := q.Conn.Read(p)
	if err != nil {
		return n, err
	}
	// The option does not last, so it is set after each read; should it fail, the mail is only slower.
	if cerr := q.raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_QUICKACK, 1) }); cerr != nil {
		return n, cerr
	}
	return n, err
}

// serveRelay joins a client to the next hop; d, when there is one, gets what the client sends.
func serveRelay(c net.Conn, next string, d *decoder) error {
	u, err := net.Dial("tcp", next)
	if err != nil {
		return fmt.Errorf("connecting to the next hop: %w", err)
	}
	defer u.Close()
	back := make(chan error, 1)
	go func() {
		_, err := io.Copy(c, u)
		c.Close() // the client's half ends too
		back <- err
	}()
	if d == nil {
		_, err = io.Copy(u, c)
	} else {
		// Without its WriteTo, which would copy in blocks of 32 KiB.
		_, err = io.CopyBuffer(io.MultiWriter(u, d), struct{ io.Reader }{c}, make([]byte, 128<<10))
		d.end()
	}
	if t, ok := u.(*net.TCPConn); ok {
		t.CloseWrite()
	}
	if berr := <-back; err == nil {
		err = berr
	}
	if errors.Is(err, net.ErrClosed) { // the next hop ended first, after QUIT
		return nil
	}
	return err
}
