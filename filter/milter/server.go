package milter

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"syscall"
	"time"

	gomilter "github.com/emersion/go-milter"
	"github.com/prometheus/client_golang/prometheus"

	"congthu/filter"
	"congthu/filter/message"
)

// Judge decides; *filter.Judge is one.
type Judge interface {
	Judge(context.Context, *filter.Transaction) filter.Verdict
	// Protocol and Fault are the verdicts for what cannot be judged: a limit, a trouble of ours.
	Protocol(tx *filter.Transaction, code int, status string, text filter.TextKey) filter.Verdict
	Fault(*filter.Transaction, error) filter.Verdict
	// Settle makes the verdict durable, and is what the door speaks.
	Settle(context.Context, *filter.Transaction, filter.Verdict) filter.Verdict
	// Log is told of every verdict after its reply was written.
	Log(*filter.Transaction, filter.Verdict, filter.Outcome)
}

const (
	door = filter.DoorMilter // metric label

	firstBackoff = 5 * time.Millisecond // after an accept that failed for want of something
	maxBackoff   = time.Second
	fullEvery    = time.Minute // how often the log says that the connection limit is reached
	closeGrace   = 5 * time.Second
)

// Server serves one listener.
type Server struct {
	cfg     Config
	judge   Judge
	budget  *message.Budget
	metrics *filter.Metrics
	gauge   prometheus.Gauge
	log     *slog.Logger
	now     func() time.Time
	buffers buffers

	ctx    context.Context // of everything that is judged; cancelled when Shutdown loses patience
	cancel context.CancelFunc
	quit   chan struct{} // closed when Shutdown begins
	slots  chan struct{} // one for each connection

	mu        sync.Mutex
	draining  bool
	listeners map[net.Listener]struct{}
	live      map[*conn]struct{}
	idle      chan struct{} // closed when draining and the last connection is gone
	warned    bool          // of an MTA that does not offer what the door needs
}

// New makes a server. b bounds the octets of all messages in hand; now is the clock of what is recorded.
func New(cfg Config, j Judge, b *message.Budget, m *filter.Metrics, log *slog.Logger, now func() time.Time) *Server {
	s := &Server{cfg: cfg, judge: j, budget: b, metrics: m, gauge: m.Sessions.WithLabelValues(door), log: log, now: now,
		quit: make(chan struct{}), slots: make(chan struct{}, max(cfg.Connections, 1)),
		listeners: map[net.Listener]struct{}{}, live: map[*conn]struct{}{}, idle: make(chan struct{})}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

// Serve takes connections from l until Shutdown, then returns nil. It closes l.
func (s *Server) Serve(l net.Listener) error {
	defer l.Close()
	if err := s.cfg.check(); err != nil {
		return err
	}
	s.mu.Lock()
	if s.draining {
		s.mu.Unlock()
		return nil
	}
	s.listeners[l] = struct{}{}
	s.mu.Unlock()

	g := &guard{Listener: l, srv: s}
	// The library calls Accept and then NewMilter in one goroutine, and NewMilter at no other time, since
	// every response continues.
	lib := gomilter.Server{NewMilter: func() gomilter.Milter { return endOfMessage{c: g.last} },
		Actions: wantedActions, Protocol: wantedProtocol, SymList: wantedMacros()}
	err := lib.Serve(g)
	select {
	case <-s.quit:
		return nil
	default:
		return fmt.Errorf("milter listener %q: %w", s.cfg.Name, err)
	}
}

// Shutdown takes no more connections, closes those that have no message in hand and lets the others come
// to the end of theirs. When ctx ends first, it closes them too and returns ctx's error. It must be
// called to end a server.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	if !s.draining {
		s.draining = true
		close(s.quit)
		if len(s.live) == 0 {
			close(s.idle)
		}
	}
	for l := range s.listeners {
		l.Close() // Serve sees it end
	}
	for c := range s.live {
		c.drain()
	}
	s.mu.Unlock()
	defer s.cancel()

	select {
	case <-s.idle:
		return nil
	case <-ctx.Done():
	}
	s.cancel()
	s.mu.Lock()
	for c := range s.live {
		c.Conn.Close()
	}
	s.mu.Unlock()
	select { // judging ends with its context
	case <-s.idle:
	case <-time.After(closeGrace):
	}
	return fmt.Errorf("milter listener %q: waiting for messages in hand: %w", s.cfg.Name, ctx.Err())
}

// facts are what every session of the listener begins with.
func (s *Server) facts() filter.Session {
	return filter.Session{Door: door, Listener: s.cfg.Name, Direction: s.cfg.Direction}
}

// tellMissing says once that the MTA does not let the gate do all that it has to.
func (s *Server) tellMissing(agreed gomilter.OptAction) {
	const needed = gomilter.OptAddHeader | gomilter.OptChangeHeader
	if agreed&needed == needed {
		return
	}
	s.mu.Lock()
	first := !s.warned
	s.warned = true
	s.mu.Unlock()
	if first {
		s.log.Error("the MTA does not let the gate change header fields: what it lets pass lacks Congthu-Id and tags where fields"+
			" cannot be added, and messages with forged fields are deferred where fields cannot be removed",
			"listener", s.cfg.Name, "add", agreed&gomilter.OptAddHeader != 0, "change", agreed&gomilter.OptChangeHeader != 0)
	}
}

// come takes a new connection in; false when the server is shutting down.
func (s *Server) come(c *conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.draining {
		return false
	}
	s.live[c] = struct{}{}
	s.gauge.Inc()
	return true
}

// gone forgets a connection that ended.
func (s *Server) gone(c *conn) {
	s.mu.Lock()
	delete(s.live, c)
	s.gauge.Dec()
	if s.draining && len(s.live) == 0 {
		close(s.idle)
	}
	s.mu.Unlock()
	<-s.slots
}

// guard is the listener as the library sees it.
type guard struct {
	net.Listener
	srv  *Server
	last *conn
	full time.Time // when the log last said that the limit is reached
}

// Accept waits for a free slot, then for a connection.
func (g *guard) Accept() (net.Conn, error) {
	s := g.srv
	select {
	case s.slots <- struct{}{}:
	default:
		if time.Since(g.full) > fullEvery {
			g.full = time.Now()
			s.log.Warn("milter connections at their limit, new ones wait", "listener", s.cfg.Name, "limit", s.cfg.Connections)
		}
		select {
		case s.slots <- struct{}{}:
		case <-s.quit:
			return nil, net.ErrClosed
		}
	}
	nc, err := g.accept()
	if err == nil {
		c := newConn(s, nc)
		if s.come(c) {
			g.last = c
			return c, nil
		}
		nc.Close()
		err = net.ErrClosed
	}
	<-s.slots
	return nil, err
}

// accept waits when the process or the system is short of descriptors or memory, instead of giving up.
func (g *guard) accept() (net.Conn, error) {
	for wait := firstBackoff; ; wait = min(2*wait, maxBackoff) {
		nc, err := g.Listener.Accept()
		if err == nil || !short(err) {
			return nc, err
		}
		g.srv.log.Error("taking a milter connection", "listener", g.srv.cfg.Name, "error", err.Error())
		select {
		case <-time.After(wait):
		case <-g.srv.quit:
			return nil, net.ErrClosed
		}
	}
}

// short tells errors of accept that pass.
func short(err error) bool {
	for _, e := range []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.ECONNABORTED, syscall.EINTR} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
