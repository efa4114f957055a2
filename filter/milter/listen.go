package milter

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"
	"syscall"
	"time"
)

// probeTimeout is how long the owner of an existing unix socket has to answer.
const probeTimeout = time.Second

// Listen opens the listener that cfg.Listen names. A unix socket that nobody answers on is replaced;
// anything else at its path, and a socket that somebody answers on, is an error.
func Listen(cfg Config) (net.Listener, error) {
	network, address, _ := strings.Cut(cfg.Listen, ":")
	switch network {
	case "unix":
		l, err := listenUnix(address, cfg.SocketMode)
		if err != nil {
			return nil, fmt.Errorf("listening on %q: %w", cfg.Listen, err)
		}
		return l, nil
	case "tcp":
		if _, port, err := net.SplitHostPort(address); err != nil || port == "" {
			return nil, fmt.Errorf("listening on %q: want tcp:host:port", cfg.Listen)
		}
		l, err := net.Listen("tcp", address)
		if err != nil {
			return nil, fmt.Errorf("listening on %q: %w", cfg.Listen, err)
		}
		return l, nil
	}
	return nil, fmt.Errorf("listening on %q: want unix:/path or tcp:host:port", cfg.Listen)
}

func listenUnix(path string, mode fs.FileMode) (net.Listener, error) {
	if !strings.HasPrefix(path, "/") {
		return nil, errors.New("the path of a unix socket must begin with /")
	}
	if err := removeStale(path); err != nil {
		return nil, err
	}
	// Linux gives the socket file the mode of the descriptor at bind, less the umask: so it is at no
	// time open to more than it will be in the end.
	var modeErr error
	lc := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		err := c.Control(func(fd uintptr) { modeErr = syscall.Fchmod(int(fd), uint32(mode.Perm())) })
		return errors.Join(err, modeErr)
	}}
	l, err := lc.Listen(context.Background(), "unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, mode.Perm()); err != nil {
		return nil, errors.Join(fmt.Errorf("setting the socket's mode: %w", err), l.Close())
	}
	return l, nil
}

// removeStale removes what a gate that ended without warning left behind. Symbolic links are not
// followed.
func removeStale(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode().Type() != fs.ModeSocket {
		return errors.New("something that is no socket stands there")
	}
	c, err := net.DialTimeout("unix", path, probeTimeout)
	if err == nil {
		return errors.Join(errors.New("another process listens there"), c.Close())
	}
	// Only a refused connection proves that nobody listens; a full backlog or a missing permission does not.
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("cannot tell whether another process listens there: %w", err)
	}
	return os.Remove(path)
}
