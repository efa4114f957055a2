//go:build !linux

package milter

// quickAck does nothing where the system has no such option.
func quickAck(uintptr) {}
