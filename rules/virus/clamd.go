package virus

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"syscall"
	"time"
)

// chunkBytes is how many octets of an object go in one piece.
const chunkBytes = 64 << 10

// lastWords is how long an answer is waited for of an engine that takes no more octets.
const lastWords = 2 * time.Second

// clamd speaks clamd's own protocol (clamd(8)): INSTREAM in sessions (IDSESSION), one question at a time on each connection.
type clamd struct {
	conns conns
	bufs  sync.Pool // of *[4+chunkBytes]byte
}

func newClamd(address string, now func() time.Time) (*clamd, error) {
	network, to, ok := strings.Cut(address, ":")
	switch {
	case ok && network == "unix" && strings.HasPrefix(to, "/"):
	case ok && network == "tcp":
		if _, _, err := net.SplitHostPort(to); err != nil {
			return nil, fmt.Errorf("address %q of clamd: %w", address, err)
		}
	default:
		return nil, fmt.Errorf("address %q of clamd: write unix:/run/clamav/clamd.ctl or tcp:127.0.0.1:3310", address)
	}
	return &clamd{conns: conns{network: network, address: to, now: now},
		bufs: sync.Pool{New: func() any { return new([4 + chunkBytes]byte) }}}, nil
}

func (c *clamd) close() { c.conns.close() }

// database asks for the version, on a connection of its own: clamd answers this without a free scanner.
func (c *clamd) database(ctx context.Context) (Database, error) {
	cn, err := c.conns.open(ctx)
	if err != nil {
		return Database{}, err
	}
	defer cn.Close()
	defer cn.until(ctx)()
	if _, err := cn.Write([]byte("zVERSION\x00")); err != nil {
		return Database{}, fmt.Errorf("asking for the version: %w", err)
	}
	line, err := readReply(cn.r)
	if err != nil {
		return Database{}, fmt.Errorf("asking for the version: %w", err)
	}
	return parseVersion(line)
}

// scan asks about one object. A connection that waited may have been closed by clamd meanwhile: then another is tried.
func (c *clamd) scan(ctx context.Context, o Object) (Answer, error) {
	for {
		cn, reused, err := c.conns.get(ctx)
		if err != nil {
			return Answer{}, unreached{err}
		}
		a, keep, err := c.ask(ctx, cn, o)
		if keep {
			c.conns.put(cn)
		} else {
			cn.Close()
		}
		if reused && ctx.Err() == nil && closedByPeer(err) {
			continue
		}
		return a, err
	}
}

// unreached is an error before the engine got anything of the object.
type unreached struct{ error }

func (u unreached) Unwrap() error { return u.error }

func closedByPeer(err error) bool {
	return errors.Is(err, errNoReply) || errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET)
}

// ask asks about one object on one connection; keep tells that the connection is ready for another question.
func (c *clamd) ask(ctx context.Context, cn *conn, o Object) (a Answer, keep bool, err error) {
	release := cn.until(ctx)
	defer release()
	cn.asked++
	// clamd may answer in the middle, that its limit is reached, and then close: the answer must be read before the
	// rest is written, or it may be lost.
	got := make(chan reply, 1)
	go func() {
		line, err := readReply(cn.r)
		got <- reply{line, err}
	}()
	sent := c.send(cn, o, got)
	if sent != nil && !errors.Is(sent, errEarly) {
		cn.SetDeadline(time.Now().Add(lastWords))
		if errors.Is(sent, ErrContent) {
			cn.Close() // or clamd would wait for the rest
		}
	}
	r := <-got
	switch {
	case errors.Is(sent, ErrContent):
		return Answer{}, false, sent
	case ctx.Err() != nil:
		return Answer{}, false, context.Cause(ctx)
	case sent != nil && r.err != nil:
		return Answer{}, false, fmt.Errorf("sending to clamd: %w", sent)
	case r.err != nil:
		return Answer{}, false, fmt.Errorf("reading clamd's answer: %w", r.err)
	}
	a, err = parseReply(r.line, cn.asked)
	if err == nil && a.Kind == Clean && sent != nil {
		return Answer{}, false, errEarly
	}
	return a, err == nil && sent == nil && a.Name != "StreamMaxLength", err
}

// reply is what was read.
type reply struct {
	line []byte
	err  error
}

// send sends one object in chunks. It stops with errEarly when the answer is there before the end.
func (c *clamd) send(cn *conn, o Object, got chan reply) error {
	var hello bytes.Buffer
	if cn.asked == 1 {
		hello.WriteString("zIDSESSION\x00")
	}
	hello.WriteString("zINSTREAM\x00")
	if _, err := cn.Write(hello.Bytes()); err != nil {
		return err
	}
	buf := c.bufs.Get().(*[4 + chunkBytes]byte)
	defer c.bufs.Put(buf)
	r, left := o.Open(), o.Size
	for {
		n, err := io.ReadFull(r, buf[4:])
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return fmt.Errorf("%w: %w", ErrContent, err)
		}
		if len(got) > 0 {
			return errEarly
		}
		if n > 0 {
			left -= int64(n)
			binary.BigEndian.PutUint32(buf[:4], uint32(n))
			if _, err := cn.Write(buf[:4+n]); err != nil {
				return err
			}
		}
		if err != nil {
			break
		}
	}
	if left != 0 {
		return fmt.Errorf("%w: %d octets more or less than it has", ErrContent, left)
	}
	if len(got) > 0 {
		return errEarly
	}
	_, err := cn.Write([]byte{0, 0, 0, 0})
	return err
}
