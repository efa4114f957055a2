package relay

import (
	"net"
	"syscall"
)

// What peek can find.
const (
	peekNothing = iota // open, and nothing to read
	peekData
	peekClosed
)

// peek looks, without waiting and without taking anything, at what a connection has to read. For
// a connection that is no socket it finds nothing.
func peek(conn net.Conn) int {
	sc, ok := conn.(syscall.Conn)
	if !ok {
		return peekNothing
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return peekClosed
	}
	found := peekNothing
	err = raw.Control(func(fd uintptr) {
		var b [1]byte
		for {
			n, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
			switch {
			case err == syscall.EINTR:
				continue
			case err == syscall.EAGAIN:
			case err != nil || n == 0:
				found = peekClosed
			default:
				found = peekData
			}
			return
		}
	})
	if err != nil {
		return peekClosed
	}
	return found
}
