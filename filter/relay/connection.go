package relay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"runtime/debug"
	"sync"
	"time"
)

// connection is one client's connection with the next hop's beside it. What belongs to one message
// is in transaction.
type connection struct {
	srv     *Server
	raw     net.Conn // the client's connection
	conn    net.Conn // raw, or TLS over it
	login   string   // who signed in with AUTH, "" for nobody
	tls     string   // TLS version, "" in clear
	in      *input
	peer    netip.Addr
	port    uint16 // of peer
	trusted bool
	log     *slog.Logger

	greeted      *greeting     // nil before EHLO or HELO
	forwarded    *forwarded    // of the transaction to come; nil without XFORWARD
	impersonated *impersonated // nil without XCLIENT
	tx           *transaction
	hop          *nextHop   // nil while there is none
	speakFor     *spokenFor // whom hop shall take us for; nil when it is not told with XCLIENT

	until    time.Time // when it is closed
	replies  []byte    // not yet sent
	breaches int       // wrong commands
	idle     int       // commands since the last message
	closing  bool      // after the next reply

	mu      sync.Mutex
	hopConn net.Conn // hop's, for cut
	isCut   bool
}

func newConnection(s *Server, conn net.Conn) *connection {
	c := &connection{srv: s, raw: conn, conn: conn, in: newInput(conn, s.blocks, maxCommandLine), until: time.Now().Add(s.cfg.Timeouts.Session)}
	if a, ok := conn.RemoteAddr().(*net.TCPAddr); ok {
		c.peer, c.port = a.AddrPort().Addr().Unmap().WithZone(""), a.AddrPort().Port()
	}
	c.trusted = s.trusts(c.peer)
	c.log = s.log.With("peer", c.peer)
	return c
}

// run serves the connection to its end. Whatever goes wrong in it stays in it.
func (c *connection) run(ctx context.Context) {
	defer c.close()
	defer func() {
		if p := recover(); p != nil {
			c.srv.metrics.Panics.Inc()
			// The panic's value may hold content: only its type and the stack are logged.
			c.log.Error("connection panicked", "type", fmt.Sprintf("%T", p), "stack", string(debug.Stack()))
			c.dropHop() // it may be in the middle of a message
			_ = c.send(own(replyTrouble))
		}
	}()
	if _, err := c.reach(ctx, c.srv.keeper.take); err != nil {
		c.log.Error("no next hop answers", "error", err)
		_ = c.send(own(greetingDown(c.srv.cfg.Hostname)))
		return
	}
	if err := c.send(own(greeting220(c.srv.cfg.Hostname))); err != nil {
		return
	}
	for !c.closing {
		r, err := c.step(ctx)
		if err != nil {
			c.log.Debug("connection ended", "error", err)
			return
		}
		if r.code != 0 {
			c.answer(r)
		}
		// Replies to commands that came together go out together (RFC 2920 section 3.2).
		if _, more := c.in.ahead(); c.closing || !more || len(c.replies) > maxReplyBytes {
			err = c.flush()
		}
		if err != nil {
			c.log.Debug("connection ended", "error", err)
			return
		}
	}
}

// answer replies to a command, soon. 421 ends the connection.
func (c *connection) answer(r reply) {
	c.replies = append(c.replies, r.raw...)
	if r.code == 421 {
		c.closing = true
	}
}

// step reads one command and carries it out. The zero reply says that it was answered already; an
// error ends the connection without a word.
func (c *connection) step(ctx context.Context) (reply, error) {
	if c.in.interrupted() {
		return own(shuttingDown(c.srv.cfg.Hostname)), nil
	}
	deadline, last := c.commandDeadline()
	if last && !time.Now().Before(deadline) {
		return own(replyTooLong), nil // also to a client that never stops talking
	}
	line, err := c.in.line(deadline)
	switch {
	case errors.Is(err, errLineTooLong):
		return c.breach(replyLineTooLong), nil
	case errors.Is(err, errBareLineFeed):
		// Whoever sent it may take one line for two, or two for one: nothing after it can be trusted.
		c.closing = true
		return c.refusal(replyBareLineFeed, c.tx), nil
	case errors.Is(err, errInterrupted):
		return own(shuttingDown(c.srv.cfg.Hostname)), nil
	case err != nil && isTimeout(err) && last:
		return own(replyTooLong), nil
	case err != nil && isTimeout(err):
		return own(replyTimeout), nil
	case err == io.EOF:
		return reply{}, errors.New("client closed the connection")
	case err != nil:
		return reply{}, fmt.Errorf("reading a command: %w", err)
	case hasControl(line):
		return c.breach(replyControl), nil
	}
	return c.command(ctx, line)
}

// commandDeadline is how long the client's next line is waited for, and whether that is the end of the time
// that it has for all. Between the chunks of a message it is the message's time that counts.
func (c *connection) commandDeadline() (deadline time.Time, last bool) {
	until := c.until
	if c.tx != nil && c.tx.chunks != nil {
		until = c.tx.chunks.until
	}
	deadline = time.Now().Add(c.srv.cfg.Timeouts.Command)
	if !deadline.Before(until) {
		return until, true
	}
	return deadline, false
}

// breach answers a command that breaks the protocol, and counts it.
func (c *connection) breach(line string) reply {
	c.breaches++
	if c.breaches > maxBreaches {
		return own(replyTooManyErrors)
	}
	return c.refusal(line, c.tx)
}

// send replies now.
func (c *connection) send(r reply) error {
	c.answer(r)
	return c.flush()
}

// flush sends the replies that wait.
func (c *connection) flush() error {
	if len(c.replies) == 0 {
		return nil
	}
	if err := c.conn.SetWriteDeadline(time.Now().Add(c.srv.cfg.Timeouts.Write)); err != nil {
		return fmt.Errorf("sending a reply: %w", err)
	}
	_, err := c.conn.Write(c.replies)
	if c.replies = c.replies[:0]; cap(c.replies) > maxReplyBytes {
		c.replies = nil
	}
	if err != nil {
		return fmt.Errorf("sending a reply: %w", err)
	}
	return nil
}

// reach connects to a next hop, the first in order that answers, and brings it to where the client
// is: greeted in the client's words. The reply is the next hop's to EHLO or HELO; it is 2xx if one was
// 2xx before. kept, which may be nil, gives out a connection that is there already.
func (c *connection) reach(ctx context.Context, kept func(addr string) *nextHop) (reply, error) {
	if c.login != "" {
		return reply{}, errSignedIn
	}
	until := time.Now().Add(c.srv.cfg.Timeouts.Connect)
	var errs []error
	for i, addr := range c.srv.cfg.NextHops {
		// What is left of the time is shared, so that one that hangs leaves some for the others.
		share := time.Until(until) / time.Duration(len(c.srv.cfg.NextHops)-i)
		if kept != nil {
			if h := kept(addr); h != nil {
				c.setHop(h)
				return reply{}, nil
			}
		}
		h, err := c.srv.dialNextHop(ctx, addr, time.Now().Add(share))
		if err == nil {
			c.setHop(h)
			var r reply
			if r, err = c.introduce(h); err == nil {
				return r, nil
			}
			c.dropHop()
		}
		errs = append(errs, err)
		if ctx.Err() != nil {
			break
		}
	}
	return reply{}, errors.Join(errs...)
}

// errSignedIn says that a lost connection cannot be made anew: the next hop would not know the client.
var errSignedIn = errors.New("the client has signed in to a connection that is gone")

// introduce brings a new next hop to where the client is.
func (c *connection) introduce(h *nextHop) (reply, error) {
	g := c.greeted
	if g == nil {
		return reply{}, nil
	}
	r, err := c.greet(h, g)
	switch {
	case err != nil:
		return reply{}, err
	case r.class() != 2 && g.accepted:
		return reply{}, fmt.Errorf("next hop %s now answers %d to EHLO or HELO", h.addr, r.code)
	case r.class() != 2:
		return r, nil
	case !h.ext.covers(g.offered):
		return reply{}, fmt.Errorf("next hop %s offers less than the client was promised", h.addr)
	}
	return r, nil
}

func (c *connection) setHop(h *nextHop) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hop, c.hopConn = h, h.in.raw
	if c.isCut {
		_ = h.conn.Close()
	}
}

// dropHop closes the connection to the next hop without leave. What the next hop has of a
// transaction goes with it (RFC 5321 section 4.1.1.10).
func (c *connection) dropHop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.hop != nil {
		_ = c.hop.conn.Close()
	}
	c.hop, c.hopConn = nil, nil
}

// dropStaleHop leaves a next hop that closed its connection, or spoke unasked, while nothing was
// under way: its 421 for idleness must not be taken for the answer to the next command.
func (c *connection) dropStaleHop() {
	if c.hop != nil && c.hop.in.look() != peekNothing {
		c.log.Debug("next hop closed an idle connection", "next_hop", c.hop.addr)
		c.dropHop()
	}
}

// cut closes both connections under the hands of whoever uses them.
func (c *connection) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.isCut = true
	_ = c.raw.Close()
	if c.hopConn != nil {
		_ = c.hopConn.Close()
	}
}

func (c *connection) close() {
	_ = c.conn.Close()
	c.in.discard()
	if c.hop != nil && c.tx == nil {
		c.release()
	}
	c.forget()
	c.dropHop()
}

// release parts with a next hop that has nothing under way: it is kept for another client if that can
// be, else it is told QUIT.
func (c *connection) release() {
	h := c.hop
	if c.srv.keeper.wants(h) && !c.srv.conns.isClosing() {
		if h.clear() {
			c.mu.Lock()
			c.hop, c.hopConn = nil, nil // beyond the reach of cut
			cut := c.isCut
			c.mu.Unlock()
			if !cut && c.srv.keeper.put(h) {
				return
			}
		}
	}
	h.quit()
}
