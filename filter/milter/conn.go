package milter

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"runtime/debug"
	"sync"
	"time"

	gomilter "github.com/emersion/go-milter"

	"congthu/filter"
)

// conn is the frame guard: the connection as the library sees it. Read gives the library only frames
// that it has to answer, checked and without their data, which it has no use for; all others end here.
// Write lets the library's answers through and makes its negotiation true.
type conn struct {
	net.Conn
	session
	in        *frames
	forwarded []byte // what the library has not read yet
	frameHead [lengthSize + 1]byte
	spoken    *spoken // a verdict whose reply the library is writing
	opened    bool    // the negotiation was answered

	wmu  sync.Mutex
	werr error // the first failure of a write

	dmu      sync.Mutex // guards deadlines against drain
	draining bool
	woken    bool // drain's interruption was seen

	closed sync.Once
}

// spoken is what is left to do once a reply was written.
type spoken struct {
	tx      *transaction
	verdict filter.Verdict
	reply   string
	err     error // what went wrong while acting on the verdict
}

func newConn(s *Server, c net.Conn) *conn {
	g := &conn{Conn: c, session: session{srv: s, facts: s.facts()}}
	g.in = newFrames(c, &s.buffers, g.arm, g.again)
	return g
}

// Read gives the library its next frame. The end is io.EOF whatever its cause, which is logged here: the
// library would write it to the standard logger.
func (c *conn) Read(p []byte) (int, error) {
	for len(c.forwarded) == 0 {
		if err := c.advance(); err != nil {
			c.logEnd(err)
			return 0, io.EOF
		}
	}
	n := copy(p, c.forwarded)
	c.forwarded = c.forwarded[n:]
	return n, nil
}

// advance takes in the next frame.
func (c *conn) advance() error {
	c.finish()
	if c.werr != nil {
		return fmt.Errorf("writing to the MTA: %w", c.werr)
	}
	code, data, err := c.in.next()
	if err != nil {
		return err
	}
	forward, err := c.contain(gomilter.Code(code), data)
	switch {
	case err != nil:
		return err
	case forward:
		c.frameHead = [lengthSize + 1]byte{3: 1, 4: code}
		c.forwarded = c.frameHead[:]
	case !c.agreed.silent(gomilter.Code(code)):
		c.send(answer(byte(gomilter.ActContinue)))
	}
	return nil
}

// contain keeps a panic from ending the process. The dialogue stays in step, and the message that was
// being taken in is deferred.
func (c *conn) contain(code gomilter.Code, data []byte) (forward bool, err error) {
	defer func() {
		if p := recover(); p != nil {
			fault := c.panicked(p)
			if c.tx != nil {
				c.tx.fault = fault
			} else {
				c.fault = fault
			}
			forward, err = code == gomilter.CodeEOB, nil
		}
	}()
	return c.frame(code, data)
}

// panicked counts and logs a panic. Its value may hold content, so only its type and the stack are kept.
func (c *conn) panicked(p any) error {
	c.srv.metrics.Panics.Inc()
	c.srv.log.Error("milter session panicked", "listener", c.srv.cfg.Name, "type", fmt.Sprintf("%T", p), "stack", string(debug.Stack()))
	return fmt.Errorf("panic: %T", p)
}

// Write lets an answer of the library through. It reports no failure: the library could only write it to
// the standard logger. The next Read ends the session.
func (c *conn) Write(p []byte) (int, error) {
	if !c.opened {
		c.opened = true
		c.send(c.agreed.patch(p))
		return len(p), nil
	}
	c.send(p)
	return len(p), nil
}

// send writes one whole frame or more. Progress and the library's answers come from two goroutines.
func (c *conn) send(p []byte) error {
	c.wmu.Lock()
	defer c.wmu.Unlock()
	if c.werr != nil {
		return c.werr
	}
	c.werr = c.Conn.SetWriteDeadline(time.Now().Add(c.srv.cfg.WriteTimeout))
	if c.werr == nil {
		_, c.werr = c.Conn.Write(p)
	}
	return c.werr
}

// answer is a frame without data.
func answer(code byte) []byte { return []byte{3: 1, 4: code} }

// finish logs the verdict whose reply was written, and ends its transaction.
func (c *conn) finish() {
	s := c.spoken
	if s == nil {
		return
	}
	c.spoken = nil
	out := filter.Outcome{Reply: s.reply, Err: s.err}
	if c.werr != nil {
		out.Reply, out.Err = "", errors.Join(out.Err, fmt.Errorf("answering the MTA: %w", c.werr))
	}
	c.srv.judge.Log(s.tx.Transaction, s.verdict, out)
	s.tx.spool.Close()
}

// Close ends the session. The library calls it once, when its loop ends.
func (c *conn) Close() error {
	var err error
	c.closed.Do(func() {
		c.finish()
		c.drop()
		c.in.release()
		err = c.Conn.Close()
		c.srv.gone(c)
	})
	return err
}

// logEnd says why a session ended, where that is worth a line.
func (c *conn) logEnd(err error) {
	level := slog.LevelWarn
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, net.ErrClosed):
		level = slog.LevelDebug
	case c.agreed.version == 0 && !errors.Is(err, errProtocol):
		level = slog.LevelInfo // a port scan, a health check
	}
	if !c.srv.log.Enabled(c.srv.ctx, level) {
		return
	}
	c.srv.log.Log(c.srv.ctx, level, "milter session ended", "listener", c.srv.cfg.Name, "peer", c.RemoteAddr().String(), "error", err.Error())
}

// arm sets the deadline for the next read, or ends an idle session of a server that is shutting down.
func (c *conn) arm(started bool) error {
	d := c.srv.cfg.IdleTimeout
	switch {
	case started:
		d = c.srv.cfg.FrameTimeout
	case c.agreed.version == 0:
		d = c.srv.cfg.NegotiateTimeout
	}
	c.dmu.Lock()
	defer c.dmu.Unlock()
	if c.draining && c.tx == nil {
		return io.EOF
	}
	return c.Conn.SetReadDeadline(time.Now().Add(d))
}

// again tells whether a deadline that passed was only drain's interruption.
func (c *conn) again() bool {
	c.dmu.Lock()
	defer c.dmu.Unlock()
	first := c.draining && !c.woken
	c.woken = c.draining
	return first
}

// drain lets the session end as soon as it has no message in hand.
func (c *conn) drain() {
	c.dmu.Lock()
	defer c.dmu.Unlock()
	c.draining = true
	c.Conn.SetReadDeadline(time.Unix(1, 0)) // a closed connection ends by itself
}
