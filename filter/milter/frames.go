package milter

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
)

const (
	// maxFrame is the longest frame in octets, without its length. Postfix sends body chunks of up to
	// 65535 octets and header fields of up to header_size_limit, 102400 by default.
	maxFrame = 128 << 10
	// bufferSize holds any body frame of Postfix whole and reads several small frames at once.
	bufferSize = 72 << 10

	lengthSize = 4 // octets of a frame's length
)

// errProtocol is a breach of the milter protocol by the MTA. The connection is closed: the MTA then
// does with the message what its own configuration says of a milter that fails (tempfail).
var errProtocol = errors.New("breach of the milter protocol")

func breach(format string, args ...any) error {
	return fmt.Errorf("%w: %s", errProtocol, fmt.Sprintf(format, args...))
}

// buffers are lent to connections while they have something to read, so that idle ones hold none.
type buffers struct{ pool sync.Pool }

func (b *buffers) get() *[bufferSize]byte {
	if p, ok := b.pool.Get().(*[bufferSize]byte); ok {
		return p
	}
	return new([bufferSize]byte)
}

// frames reads frames: a length of 4 octets, big-endian, then a code and its data.
type frames struct {
	conn    net.Conn
	raw     syscall.RawConn // nil when conn has none
	tcp     bool
	buffers *buffers
	// arm sets the deadline of the next read; started tells whether the frame's first octet is there.
	arm func(started bool) error
	// again tells whether a read that met its deadline is to be tried once more.
	again func() bool

	lent *[bufferSize]byte // nil while idle
	buf  []byte            // lent, or a longer one for one long frame
	r, w int               // what buf holds unread

	try func(fd uintptr) bool // tryRead, bound once
	n   int                   // tryRead's results
	err error
}

func newFrames(c net.Conn, b *buffers, arm func(bool) error, again func() bool) *frames {
	f := &frames{conn: c, buffers: b, arm: arm, again: again}
	_, f.tcp = c.(*net.TCPConn)
	if sc, ok := c.(syscall.Conn); ok {
		if raw, err := sc.SyscallConn(); err == nil {
			f.raw, f.try = raw, f.tryRead
		}
	}
	return f
}

// next returns the next frame. data is valid until the next call.
func (f *frames) next() (code byte, data []byte, err error) {
	if f.r == f.w {
		f.release()
	}
	started := false
	need := lengthSize
	for {
		if have := f.w - f.r; have >= lengthSize {
			n := binary.BigEndian.Uint32(f.buf[f.r:])
			if n == 0 || n > maxFrame {
				return 0, nil, breach("frame of %d octets", n)
			}
			need = lengthSize + int(n)
		}
		if f.w-f.r >= need {
			break
		}
		// The deadline is set twice for a frame at most, so that a peer who sends octet after octet does
		// not get a new one each time.
		if f.w == f.r || !started {
			started = f.w > f.r
			if err := f.arm(started); err != nil {
				return 0, nil, err
			}
		}
		if err := f.fill(need); err != nil {
			if f.w > f.r && errors.Is(err, io.EOF) {
				err = fmt.Errorf("in a frame: %w", io.ErrUnexpectedEOF)
			}
			return 0, nil, err
		}
	}
	frame := f.buf[f.r+lengthSize : f.r+need]
	f.r += need
	return frame[0], frame[1:], nil
}

// fill reads once, into a buffer that can hold need octets.
func (f *frames) fill(need int) error {
	if f.r > 0 && len(f.buf)-f.r < need {
		f.w = copy(f.buf, f.buf[f.r:f.w])
		f.r = 0
	}
	if f.buf != nil && len(f.buf) < need {
		long := make([]byte, need) // need was checked against maxFrame
		f.w = copy(long, f.buf[f.r:f.w])
		f.r = 0
		f.giveBack()
		f.buf = long
	}
	n, err := f.read()
	for errors.Is(err, os.ErrDeadlineExceeded) && f.again() {
		if err = f.arm(f.w > f.r); err == nil {
			n, err = f.read()
		}
	}
	f.w += n
	if err == nil && n == 0 {
		err = io.EOF
	}
	return err
}

func (f *frames) read() (int, error) {
	if f.raw == nil {
		f.take()
		return f.conn.Read(f.buf[f.w:])
	}
	f.n, f.err = 0, nil
	if err := f.raw.Read(f.try); err != nil {
		return 0, err
	}
	return f.n, f.err
}

// tryRead reads without waiting. It takes a buffer when there is something to read and none before: a
// connection that waits holds none. false waits until there is something.
func (f *frames) tryRead(fd uintptr) bool {
	fresh := f.buf == nil
	f.take()
	for {
		f.n, f.err = syscall.Read(int(fd), f.buf[f.w:])
		if f.err != syscall.EINTR {
			break
		}
	}
	if f.n < 0 {
		f.n = 0
	}
	if f.err == syscall.EAGAIN {
		if fresh {
			f.release()
		}
		return false
	}
	if f.tcp && f.n > 0 {
		// Postfix writes several small packets and waits: without a quick acknowledgement Nagle's algorithm
		// and the delayed one cost 40 ms a message. Linux forgets the wish, so it is told each time.
		quickAck(fd)
	}
	return true
}

func (f *frames) take() {
	if f.buf == nil {
		f.lent = f.buffers.get()
		f.buf, f.r, f.w = f.lent[:], 0, 0
	}
}

// release gives the buffer back; what it holds is lost.
func (f *frames) release() {
	f.giveBack()
	f.buf, f.r, f.w = nil, 0, 0
}

func (f *frames) giveBack() {
	if f.lent != nil {
		f.buffers.pool.Put(f.lent)
		f.lent = nil
	}
}
