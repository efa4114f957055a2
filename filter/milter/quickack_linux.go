package milter

import "syscall"

// quickAck asks for the next acknowledgement at once. It is a wish: a failure costs time, not mail.
func quickAck(fd uintptr) {
	_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_QUICKACK, 1)
}
