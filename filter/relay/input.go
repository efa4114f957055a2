package relay

import (
	"bytes"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// blockBytes is the size in octets of the pooled blocks that message bytes travel in.
const blockBytes = 64 << 10

// blocks hands out blocks of blockBytes, so that only a message at work holds one.
type blocks struct{ pool sync.Pool }

func newBlocks() *blocks {
	return &blocks{sync.Pool{New: func() any { return new([blockBytes]byte) }}}
}

func (b *blocks) get() *[blockBytes]byte  { return b.pool.Get().(*[blockBytes]byte) }
func (b *blocks) put(p *[blockBytes]byte) { b.pool.Put(p) }

var (
	// errLineTooLong says that a line did not fit. It has been read to its end.
	errLineTooLong = errors.New("line too long")
	// errBareLineFeed says that a line ended in LF without CR.
	errBareLineFeed = errors.New("line ends in a bare LF")
	// errInterrupted says that the server is shutting down.
	errInterrupted = errors.New("shutting down")
)

// input reads a connection, by lines and by blocks. What it holds unread is buf[r:w]. The small
// buffer serves lines; a block is borrowed for the length of a message.
type input struct {
	conn  net.Conn
	raw   net.Conn // below TLS, or conn
	pool  *blocks
	small []byte
	buf   []byte // small, or block
	most  int    // octets of the longest line, CRLF included
	r, w  int
	block *[blockBytes]byte

	mu      sync.Mutex
	busy    bool // a message is at work: it is finished before the connection stops
	stopped bool
}

func newInput(conn net.Conn, pool *blocks, longestLine int) *input {
	small := make([]byte, min(longestLine, firstBytes))
	return &input{conn: conn, raw: conn, pool: pool, small: small, buf: small, most: longestLine}
}

// firstBytes is the small buffer in octets until a line is longer, which hardly any is: a connection that
// waits, of which there may be thousands, holds no more.
const firstBytes = 512

// grow makes room for the longest line in the small buffer.
func (in *input) grow() {
	bigger := make([]byte, in.most)
	copy(bigger, in.small)
	if in.block == nil {
		in.buf = bigger
	}
	in.small = bigger
}

// secure goes on with conn, which is TLS over what was read until now. What is unread is thrown away.
func (in *input) secure(conn net.Conn) {
	in.discard()
	in.mu.Lock()
	defer in.mu.Unlock()
	in.conn = conn
}

// look tells, without waiting, whether there is something to read. Under TLS it has to read for that:
// what comes may be no more than TLS's own.
func (in *input) look() int {
	if in.buffered() > 0 {
		return peekData
	}
	found := peek(in.raw)
	if in.conn == in.raw || found == peekClosed {
		return found
	}
	wait := time.Unix(1, 0) // for what TLS has read already
	if found == peekData {
		wait = time.Now().Add(lookWait)
	}
	switch err := in.fill(wait); {
	case err == nil:
		return peekData
	case isTimeout(err), errors.Is(err, errInterrupted):
		return peekNothing
	}
	return peekClosed
}

// lookWait is how long look waits for the rest of a TLS record.
const lookWait = 50 * time.Millisecond

// buffered is the number of octets read from the connection and not yet taken.
func (in *input) buffered() int { return in.w - in.r }

// fill reads once from the connection, which must bring something before the deadline.
func (in *input) fill(deadline time.Time) error {
	if in.r > 0 {
		copy(in.buf, in.buf[in.r:in.w])
		in.r, in.w = 0, in.w-in.r
	}
	if in.w == len(in.buf) && len(in.buf) < in.most {
		in.grow()
	}
	if err := in.arm(deadline); err != nil {
		return err
	}
	n, err := in.conn.Read(in.buf[in.w:])
	in.w += n
	switch {
	case n > 0:
		return nil
	case err == nil:
		return io.ErrNoProgress
	case in.interrupted():
		return errInterrupted
	}
	return err
}

// arm sets the read deadline unless the connection is to stop: under the lock, so that an
// interruption cannot fall between the question and the deadline.
func (in *input) arm(deadline time.Time) error {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.stopped && !in.busy {
		return errInterrupted
	}
	return in.conn.SetReadDeadline(deadline)
}

// interrupt ends the reading of commands, now or as soon as the message at work is finished.
func (in *input) interrupt() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.stopped = true
	if !in.busy {
		// A deadline that cannot be set belongs to a connection that is closed already.
		_ = in.conn.SetReadDeadline(time.Unix(1, 0))
	}
}

func (in *input) interrupted() bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.stopped && !in.busy
}

func (in *input) setBusy(busy bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.busy = busy
}

// line takes the next line, without its CRLF. The slice is valid until the next call. A line of
// more than most octets is read to its end, kept nowhere, and gives errLineTooLong.
func (in *input) line(deadline time.Time) ([]byte, error) {
	in.giveBack()
	seen, long := 0, false
	for {
		held := in.buf[in.r:in.w]
		if i := bytes.IndexByte(held[seen:], '\n'); i >= 0 {
			end := seen + i
			in.r += end + 1
			switch {
			case long || end+1 > in.most:
				return nil, errLineTooLong
			case end == 0 || held[end-1] != '\r':
				return nil, errBareLineFeed
			}
			return held[:end-1], nil
		}
		seen = len(held)
		if seen >= in.most {
			long, seen = true, 0
			in.r = in.w
		}
		if err := in.fill(deadline); err != nil {
			return nil, err
		}
	}
}

// ahead looks at the next line, without its CRLF, if it is there, whole, well ended and not too long.
func (in *input) ahead() ([]byte, bool) {
	held := in.buf[in.r:in.w]
	end := bytes.IndexByte(held, '\n')
	if end < 1 || end+1 > in.most || held[end-1] != '\r' {
		return nil, false
	}
	return held[:end-1], true
}

// borrow gives the input a block to read into. What is unread moves over.
func (in *input) borrow() {
	if in.block != nil {
		return
	}
	in.block = in.pool.get()
	in.w = copy(in.block[:], in.buf[in.r:in.w])
	in.r, in.buf = 0, in.block[:]
}

// giveBack returns a borrowed block as soon as what is unread fits the small buffer.
func (in *input) giveBack() {
	if in.block == nil || in.buffered() > in.most {
		return
	}
	if in.buffered() > len(in.small) {
		in.grow()
	}
	in.w = copy(in.small, in.buf[in.r:in.w])
	in.r, in.buf = 0, in.small
	in.pool.put(in.block)
	in.block = nil
}

// discard forgets what is unread, for the end of the connection.
func (in *input) discard() {
	in.r, in.w = 0, 0
	in.giveBack()
}
