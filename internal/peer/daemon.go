package peer

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"syscall"
	"time"
)

// startLimit is how long a server may take to listen, and stopLimit to end when asked: more than a loaded
// machine needs.
const (
	startLimit = 2 * time.Minute
	stopLimit  = time.Minute
)

// daemon is a server that runs in the foreground, with the processes that it starts in its own process
// group.
type daemon struct {
	name    string
	cmd     *exec.Cmd     // nil when it does not run
	done    chan struct{} // closed when it has ended
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
	d.cmd, d.done = cmd, make(chan struct{})
	go func(done chan struct{}) {
		cmd.Wait() // how it ended is in its output
		close(done)
	}(d.done)
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

// up waits until the server that was started is ready on addr, or has ended.
func (d *daemon) up(addr string) error {
	ctx, cancel := context.WithTimeoutCause(context.Background(), startLimit, fmt.Errorf("nothing after %s", startLimit))
	defer cancel()
	ctx, ended := context.WithCancelCause(ctx)
	defer ended(nil)
	go func(done chan struct{}) {
		select {
		case <-done:
			ended(errors.New("it has ended"))
		case <-ctx.Done():
		}
	}(d.done)
	return wait(ctx, d.name+" on "+addr, func() bool { return greets(addr) })
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
	case <-time.After(stopLimit):
		err = fmt.Errorf("stopping %s: it did not end within %s", d.name, stopLimit)
	}
	d.cmd = nil
	if kerr := syscall.Kill(-pid, syscall.SIGKILL); kerr != nil && !errors.Is(kerr, syscall.ESRCH) {
		err = errors.Join(err, fmt.Errorf("stopping the children of %s: %w", d.name, kerr))
	}
	return err
}
