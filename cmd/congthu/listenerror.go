package main

import (
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"syscall"

	"congthu/filter/policy"
)

// listenError says which listener cannot open, where it stands in the configuration, why, and the way out. key is that of its
// address, such as relay[0].listen; address is host:port, tcp:host:port or unix:/path.
func listenError(conf *policy.Config, key, address string, err error) error {
	return conf.Problem(key, fmt.Sprintf("cannot listen on %s: %s", address, listenCause(address, err)))
}

// listenCause is why an address cannot be opened, without the address, and what helps.
func listenCause(address string, err error) string {
	socket, unix := strings.CutPrefix(address, "unix:")
	switch {
	case errors.Is(err, syscall.EADDRINUSE) && !unix:
		_, port, _ := net.SplitHostPort(strings.TrimPrefix(address, "tcp:"))
		return fmt.Sprintf("the port is taken; ss -ltnp 'sport = :%s' shows by whom: stop that, or write another port", port)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return "this machine does not have the address; ip address shows those that it has"
	case errors.Is(err, syscall.ENOENT) && unix:
		return fmt.Sprintf("there is no folder %s: make it, for the gate's user to write", filepath.Dir(socket))
	case errors.Is(err, syscall.EACCES) && unix:
		return fmt.Sprintf("the gate's user may not write into the folder %s: give it to that user", filepath.Dir(socket))
	case errors.Is(err, syscall.EACCES):
		return "ports below 1024 need the right CAP_NET_BIND_SERVICE (AmbientCapabilities= in the unit): give it, or write a higher port"
	}
	var op *net.OpError
	if errors.As(err, &op) { // its text has the address once more
		return op.Err.Error()
	}
	return err.Error()
}
