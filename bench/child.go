package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"

	"congthu/internal/peer"
)

// startLimit is how long a peer may take until it listens: rspamd compiles its patterns when it starts first.
const startLimit = 2 * time.Minute

// server is what is measured: one process with its children.
type server interface {
	Start() error
	Stop() error
	PID() int
}

// child is a floor or a peer. Set command and ready before Start.
type child struct {
	name    string
	command func() *exec.Cmd
	ready   func() bool

	cmd  *exec.Cmd // nil when it does not run
	done chan struct{}
	out  bytes.Buffer // read only when the process has ended
}

// Start runs the command in a process group of its own and waits until it is ready.
func (c *child) Start() error {
	cmd := c.command()
	c.out.Reset()
	cmd.Stdout, cmd.Stderr = &c.out, &c.out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting %s: %w", c.name, err)
	}
	done := make(chan struct{})
	c.cmd, c.done = cmd, done
	go func() {
		cmd.Wait() // how it ended says nothing that its output does not
		close(done)
	}()
	ended := false
	err := peer.Wait(startLimit, c.name, func() bool {
		select {
		case <-done:
			ended = true
			return true
		default:
			return c.ready()
		}
	})
	if err != nil || ended {
		err = errors.Join(err, c.Stop())
		return errors.Join(fmt.Errorf("starting %s: it does not listen: %s", c.name, tail(c.out.String())), err)
	}
	return nil
}

// PID is the process's.
func (c *child) PID() int { return c.cmd.Process.Pid }

// Stop asks the process to end, waits, and ends what is left of its group.
func (c *child) Stop() error {
	if c.cmd == nil {
		return nil
	}
	pid := c.cmd.Process.Pid
	c.cmd = nil
	err := syscall.Kill(pid, syscall.SIGTERM)
	select {
	case <-c.done:
	case <-time.After(10 * time.Second):
	}
	kerr := syscall.Kill(-pid, syscall.SIGKILL)
	<-c.done
	for _, e := range []error{err, kerr} {
		if e != nil && !errors.Is(e, syscall.ESRCH) {
			return fmt.Errorf("stopping %s: %w", c.name, e)
		}
	}
	return nil
}

// tail is the end of an output.
func tail(s string) string {
	if len(s) > 4000 {
		return "…" + s[len(s)-4000:]
	}
	return s
}

// own is a child that is this program in one of its roles.
func own(role, listen, next string) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("finding this program: %w", err)
	}
	return &child{
		name:    role,
		command: func() *exec.Cmd { return exec.Command(self, "-play", role, "-listen", listen, "-next", next) },
		ready:   func() bool { return connects(listen) },
	}, nil
}
