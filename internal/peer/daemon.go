package peer

import (
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"syscall"
	"time"
)

// daemon is a server that runs in the foreground, with the processes that it starts in its own process
// group.
type daemon struct {
	name    string
	cmd     *exec.Cmd // nil when it does not run
	done    chan error
	watcher *exec.Cmd
	out     output // over all its lives
}

// start runs cmd. Should this process die without stopping it, a shell does: the shell's standard
// input then ends. (PR_SET_PDEATHSIG does not last: the kernel forgets it when a server changes its user.)
func (d *daemon) start(cmd *exec.Cmd) error {
	cmd.Stdout, cmd.Stderr = &d.out, &d.out
	cmd.WaitDelay = time.Second
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting %s: %w", d.name, err)
	}
	d.cmd, d.done = cmd, make(chan error, 1)
	go func(done chan error) { done <- cmd.Wait() }(d.done)
	watcher := exec.Command("sh", "-c", `read -r _; kill -TERM "$0"`, strconv.Itoa(cmd.Process.Pid))
	watcher.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if _, err := watcher.StdinPipe(); err != nil {
		return errors.Join(fmt.Errorf("watching over %s: %w", d.name, err), d.stop())
	}
	if err := watcher.Start(); err != nil {
		return errors.Join(fmt.Errorf("watching over %s: %w", d.name, err), d.stop())
	}
	d.watcher = watcher
	return nil
}

// stop asks the server to end, waits, and then ends what is left of its process group.
func (d *daemon) stop() error { return d.end(syscall.SIGTERM) }

// kill ends the server and all its processes at once, as a power cut would.
func (d *daemon) kill() error { return d.end(syscall.SIGKILL) }

func (d *daemon) end(sig syscall.Signal) error {
	if d.cmd == nil {
		return nil
	}
	pid := d.cmd.Process.Pid
	if d.watcher != nil {
		d.watcher.Process.Kill()
		d.watcher.Wait() // "signal: killed" says nothing new
		d.watcher = nil
	}
	target := pid
	if sig == syscall.SIGKILL {
		target = -pid
	}
	if err := syscall.Kill(target, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("stopping %s: %w", d.name, err)
	}
	var err error
	select {
	case <-d.done:
	case <-time.After(20 * time.Second):
		err = fmt.Errorf("stopping %s: it did not end within 20 s", d.name)
	}
	d.cmd = nil
	if kerr := syscall.Kill(-pid, syscall.SIGKILL); kerr != nil && !errors.Is(kerr, syscall.ESRCH) {
		err = errors.Join(err, fmt.Errorf("stopping the children of %s: %w", d.name, kerr))
	}
	return err
}
