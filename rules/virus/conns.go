package virus

import (
	"bufio"
	"context"
	"net"
	"sync"
	"time"
)

// keepIdle is how long a connection waits for the next question. clamd closes one after 30 s (IdleTimeout).
const keepIdle = 10 * time.Second

// conns keeps the connections to one engine that wait for the next question. How many are open is bounded by how
// many questions are under way.
type conns struct {
	network, address string
	now              func() time.Time

	mu     sync.Mutex
	free   []*conn // the last used at the end
	closed bool
}

// conn is a connection to an engine.
type conn struct {
	net.Conn
	r     *bufio.Reader
	asked int       // questions so far
	since time.Time // when it was given back
}

// get takes a connection that waits, or opens one.
func (c *conns) get(ctx context.Context) (cn *conn, reused bool, err error) {
	if cn := c.take(); cn != nil {
		return cn, true, nil
	}
	cn, err = c.open(ctx)
	return cn, false, err
}

func (c *conns) take() *conn {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dropOld()
	if len(c.free) == 0 {
		return nil
	}
	cn := c.free[len(c.free)-1]
	c.free = c.free[:len(c.free)-1]
	return cn
}

// open makes a connection of its own.
func (c *conns) open(ctx context.Context) (*conn, error) {
	var d net.Dialer
	nc, err := d.DialContext(ctx, c.network, c.address)
	if err != nil {
		return nil, err
	}
	return &conn{Conn: nc, r: bufio.NewReaderSize(nc, 4<<10)}, nil
}

// put gives a connection back that is ready for another question.
func (c *conns) put(cn *conn) {
	cn.SetDeadline(time.Time{})
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || cn.r.Buffered() > 0 { // it said more than was asked: what would the next answer be?
		cn.Close()
		return
	}
	cn.since = c.now()
	c.free = append(c.free, cn)
	c.dropOld()
}

// dropOld closes what waited too long. It is called with mu held.
func (c *conns) dropOld() {
	n := 0
	for n < len(c.free) && c.now().Sub(c.free[n].since) > keepIdle {
		c.free[n].Close()
		n++
	}
	c.free = append(c.free[:0], c.free[n:]...)
}

// close closes what waits; what is under way is closed when it is given back.
func (c *conns) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	for _, cn := range c.free {
		cn.Close()
	}
	c.free = nil
}

// until ends reading and writing when ctx ends. The function that it returns must be called before the connection is
// given back.
func (cn *conn) until(ctx context.Context) (release func()) {
	if at, ok := ctx.Deadline(); ok {
		cn.SetDeadline(at)
	}
	stop := context.AfterFunc(ctx, func() { cn.SetDeadline(time.Unix(1, 0)) })
	return func() { stop() }
}
