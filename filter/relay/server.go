package relay

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"
)

// ErrServerClosed is what Serve returns after Shutdown.
var ErrServerClosed = errors.New("relay: server closed")

// shutdownGrace is how long Shutdown waits for connections that it has cut off.
const shutdownGrace = 5 * time.Second

// tracker knows the open connections.
type tracker struct {
	mu        sync.Mutex
	listeners map[net.Listener]struct{}
	open      map[*connection]struct{}
	clients   map[netip.Prefix]int // connections by client's address
	closing   bool
	empty     chan struct{} // closed when closing and the last connection has gone
	ctx       context.Context
	cancel    context.CancelFunc
}

func (t *tracker) init() {
	t.listeners, t.open = map[net.Listener]struct{}{}, map[*connection]struct{}{}
	t.clients = map[netip.Prefix]int{}
	t.empty = make(chan struct{})
	t.ctx, t.cancel = context.WithCancel(context.Background())
}

func (t *tracker) listen(l net.Listener) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.closing {
		t.listeners[l] = struct{}{}
	}
	return !t.closing
}

func (t *tracker) isClosing() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.closing
}

// add takes a connection in, or says why not: there are limit already, or perClient of its client
// (0 for no such limit), or the server is closing.
func (t *tracker) add(c *connection, limit, perClient int, hostname string) (refusal string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	client := c.client()
	switch {
	case t.closing:
		return shuttingDown(hostname)
	case len(t.open) >= limit:
		return tooManyConnections(hostname)
	case perClient > 0 && !c.trusted && t.clients[client] >= perClient:
		return tooManyOfClient(hostname)
	}
	t.open[c] = struct{}{}
	t.clients[client]++
	return ""
}

// client is whose connection it is, for counting: an IPv4 address, or a network of the size that one
// IPv6 client has.
func (c *connection) client() netip.Prefix {
	bits := c.peer.BitLen()
	if c.peer.Is6() {
		bits = 64
	}
	p, err := c.peer.Prefix(bits)
	if err != nil {
		return netip.Prefix{} // no address: not over TCP
	}
	return p
}

func (t *tracker) remove(c *connection) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.open, c)
	client := c.client()
	if t.clients[client]--; t.clients[client] == 0 {
		delete(t.clients, client)
	}
	if t.closing && len(t.open) == 0 {
		close(t.empty)
	}
}

// Serve takes connections from l until Shutdown, and then returns ErrServerClosed. It closes l.
func (s *Server) Serve(l net.Listener) error {
	defer l.Close()
	if !s.conns.listen(l) {
		return ErrServerClosed
	}
	var pause time.Duration
	for {
		conn, err := l.Accept()
		switch {
		case err == nil:
			pause = 0
			s.take(conn)
		case s.conns.isClosing():
			return ErrServerClosed
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("relay %q: accepting connections: %w", s.cfg.Name, err)
		default:
			// Out of descriptors, or a client that went away: the next may do better.
			pause = min(max(2*pause, 5*time.Millisecond), time.Second)
			s.log.Warn("accepting a connection failed", "error", err, "pause", pause)
			select {
			case <-time.After(pause):
			case <-s.conns.ctx.Done():
			}
		}
	}
}

// take starts a connection, or tells it that there are too many.
func (s *Server) take(conn net.Conn) {
	c := newConnection(s, conn)
	if refusal := s.conns.add(c, s.cfg.Connections, s.cfg.ClientConnections, s.cfg.Hostname); refusal != "" {
		// A new connection's send buffer is empty: this does not wait.
		_ = conn.SetWriteDeadline(time.Now().Add(time.Second))
		_, _ = conn.Write(own(refusal).raw)
		_ = conn.Close()
		return
	}
	gauge := s.metrics.Sessions.WithLabelValues(doorName)
	gauge.Inc()
	go func() {
		defer s.conns.remove(c)
		defer gauge.Dec()
		c.run(s.conns.ctx)
	}()
}

// Shutdown ends the server: it takes no more connections, tells the idle ones 421 and lets the
// others finish the message at hand, its answer included. When ctx ends first, what is left is
// cut off, unanswered, and the error says so.
func (s *Server) Shutdown(ctx context.Context) error {
	t := &s.conns
	t.mu.Lock()
	first := !t.closing
	t.closing = true
	for l := range t.listeners {
		_ = l.Close()
	}
	for c := range t.open {
		c.in.interrupt()
	}
	if first && len(t.open) == 0 {
		close(t.empty)
	}
	t.mu.Unlock()
	defer t.cancel()
	defer s.keeper.close()

	select {
	case <-t.empty:
		return nil
	case <-ctx.Done():
	}
	t.cancel()
	t.mu.Lock()
	left := len(t.open)
	for c := range t.open {
		c.cut()
	}
	t.mu.Unlock()
	select {
	case <-t.empty:
	case <-time.After(shutdownGrace):
	}
	return fmt.Errorf("relay %q: %d connections cut off: %w", s.cfg.Name, left, context.Cause(ctx))
}
