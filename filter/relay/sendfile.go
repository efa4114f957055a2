package relay

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// maxSend is how many octets of a file are offered to the kernel at once.
const maxSend = 1 << 20

// WriteFile sends octets [off, off+n) of f without bringing them into the process (sendfile(2)), when they go out
// as they are and the connection is a socket. It returns how many octets it took: with fewer than n and
// no error, the rest is to be written.
func (w *dotWriter) WriteFile(f *os.File, off, n int64) (int64, error) {
	socket, ok := w.conn.(syscall.Conn)
	if !w.plain || !ok {
		return 0, nil
	}
	out, err := socket.SyscallConn()
	if err != nil {
		return 0, fmt.Errorf("sending the message: %w", err)
	}
	in, err := f.SyscallConn()
	if err != nil {
		return 0, nil // closed
	}
	if err := w.flush(); err != nil {
		return 0, err
	}
	s := fileSend{in: in, at: off, end: off + n}
	for s.at < s.end && s.err == nil && !s.closed {
		// Each piece has its own deadline: a slow next hop is no dead one.
		err := w.conn.SetWriteDeadline(time.Now().Add(w.idle))
		if err == nil {
			err = out.Write(s.piece)
		}
		if err != nil {
			return s.at - off, fmt.Errorf("sending the message: %w", err)
		}
	}
	switch {
	case errors.Is(s.err, unix.EINVAL), errors.Is(s.err, unix.ENOSYS), errors.Is(s.err, unix.EPERM):
		return s.at - off, nil // not from this file, not to this socket, or not what the service may do
	case s.err != nil:
		return s.at - off, fmt.Errorf("sending the message: %w", s.err)
	}
	return s.at - off, nil
}

// fileSend is the sending of a range of a file.
type fileSend struct {
	in      syscall.RawConn
	at, end int64
	closed  bool // the file, in the meantime: reading it says so
	err     error
}

// piece sends what the socket takes now; false waits until it takes more.
func (s *fileSend) piece(out uintptr) (done bool) {
	done = true
	err := s.in.Control(func(in uintptr) {
		for {
			n, err := unix.Sendfile(int(out), int(in), &s.at, int(min(s.end-s.at, maxSend)))
			switch {
			case n > 0:
			case err == unix.EINTR:
				continue
			case err == unix.EAGAIN:
				done = false
			case err == nil:
				s.err = fmt.Errorf("the file ends at octet %d", s.at)
			default:
				s.err = os.NewSyscallError("sendfile", err)
			}
			return
		}
	})
	if err != nil {
		s.closed = true
		return true
	}
	return done
}
