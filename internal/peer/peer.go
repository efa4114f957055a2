// Package peer starts the real servers that tests and measurements put around the gate: a private
// Postfix, a next hop that records what it took, the gate's own process, and an SMTP client that can
// be made to misbehave. Nothing here is part of the product, and nothing here needs package testing:
// everything returns errors and has a Stop or Close.
package peer

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// Ports hands out TCP ports on 127.0.0.1 that nobody listens on. They lie below the range from which
// the kernel takes the ports of outgoing connections, so that none of those can take one before its
// server is up. Each Ports has a block of its own, whatever other tests and processes run: while a server
// of one is down, since it was killed or is yet to start, no other is given its port and takes its mail.
type Ports struct {
	mu   sync.Mutex
	next int // port
	end  int
}

// Lowest and highest port that Ports hands out, and ports in a block; Linux takes outgoing ports from 32768 up.
const (
	lowestPort  = 12000
	highestPort = 32000
	blockPorts  = 16
)

// Next is an address that is free now and is not handed out again while this process lives.
func (p *Ports) Next() (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for range 1000 {
		if p.next == p.end {
			if err := p.reserve(); err != nil {
				return "", err
			}
		}
		addr := loopback(p.next)
		p.next++
		l, err := net.Listen("tcp", addr)
		if err != nil {
			continue
		}
		if err := l.Close(); err != nil {
			return "", fmt.Errorf("closing the trial listener on %s: %w", addr, err)
		}
		return addr, nil
	}
	return "", errors.New("finding a free port: 1000 tries and none is free")
}

// reserve takes the next block that no other has, beginning anywhere. Whoever listens on the first port of a block
// owns it; that socket is open until the process ends, so that no server of a test that is over is met either.
func (p *Ports) reserve() error {
	const blocks = (highestPort - lowestPort) / blockPorts
	first := rand.IntN(blocks)
	for i := range blocks {
		port := lowestPort + (first+i)%blocks*blockPorts
		if err := listenForGood(port); err != nil {
			continue
		}
		p.next, p.end = port+1, port+blockPorts
		return nil
	}
	return fmt.Errorf("reserving %d ports: all %d blocks are taken", blockPorts, blocks)
}

// listenForGood is not net.Listen, whose listeners are closed as soon as nobody refers to them.
func listenForGood(port int) error {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return errors.Join(err, syscall.Close(fd))
	}
	if err := syscall.Listen(fd, 1); err != nil {
		return errors.Join(err, syscall.Close(fd))
	}
	return nil
}

func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// ModuleRoot is the folder of go.mod above the working folder.
func ModuleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("finding the module: %w", err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", errors.New("finding the module: no go.mod above the working folder")
		}
		dir = up
	}
}

// TempDir makes a folder that every user may enter, with a path short enough for the name of a unix
// socket below it (108 octets on Linux).
func TempDir() (string, error) {
	dir, err := os.MkdirTemp("/tmp", "cgt")
	if err != nil {
		return "", fmt.Errorf("making a scratch folder: %w", err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		return "", errors.Join(fmt.Errorf("opening the scratch folder: %w", err), os.RemoveAll(dir))
	}
	return dir, nil
}

// wait asks ready every 10 ms until it says yes or ctx ends.
func wait(ctx context.Context, what string, ready func() bool) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		if ready() {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w", what, context.Cause(ctx))
		case <-tick.C:
		}
	}
}

// Wait asks ready until it says yes or limit is over.
func Wait(limit time.Duration, what string, ready func() bool) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	return wait(ctx, what, ready)
}

// settle waits until left is 0. It kicks the queue after each second in which nothing moved, and gives up
// only when nothing moved for still: a slow machine is no failure.
func settle(still time.Duration, what string, left func() int, kick func() error) error {
	last, moved, kicked := left(), time.Now(), time.Now()
	for last > 0 {
		time.Sleep(10 * time.Millisecond)
		n := left()
		switch now := time.Now(); {
		case n != last:
			last, moved, kicked = n, now, now
		case now.Sub(moved) > still:
			return fmt.Errorf("waiting for %s: %d messages are left, and none moved for %s", what, n, still)
		case kick != nil && now.Sub(kicked) > time.Second:
			if err := kick(); err != nil {
				return fmt.Errorf("waiting for %s: %w", what, err)
			}
			kicked = time.Now()
		}
	}
	return nil
}
