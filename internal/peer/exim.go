package peer

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Exim is a private instance of the unpacked Exim: its own configuration, queue and log, one listener on
// 127.0.0.1. It must be started by root.
type Exim struct {
	Name    string // what the instance calls itself, "mail.example.vn"
	NextHop string // "127.0.0.1:port" to which all mail goes
	Listen  string // "127.0.0.1:port"

	Dir  string // scratch folder, made by Prepare
	Root string // the same as Exim sees it: it runs in a root of its own

	d daemon
}

// eximConfig: everything that comes is taken and goes to one next hop.
const eximConfig = `primary_hostname = %[1]s
exim_path = /%[2]s
keep_environment =
spool_directory = %[3]s/spool
log_file_path = %[3]s/log/%%slog
pid_file_path = %[3]s/exim.pid
local_interfaces = 127.0.0.1
daemon_smtp_ports = %[4]s
deliver_drop_privilege = true
tls_advertise_hosts =
host_lookup =
smtp_accept_max = 0
smtp_accept_queue_per_connection = 0
message_size_limit = 100M
acl_smtp_rcpt = take
acl_smtp_data = take
begin acl
take:
  accept
begin routers
all:
  driver = manualroute
  transport = hop
  route_list = * 127.0.0.1 byname
  self = send
begin transports
hop:
  driver = smtp
  port = %[5]s
begin retry
* * F,1h,1s
`

// Prepare makes the folders; Dir is set from then on.
func (e *Exim) Prepare() (err error) {
	if e.Dir, e.Root, err = scratch(eximTree); err != nil {
		return err
	}
	for _, d := range []string{"spool", "log"} {
		path := filepath.Join(e.Dir, d)
		if err := os.Mkdir(path, 0o750); err != nil {
			return fmt.Errorf("making the folders of %s: %w", e.Name, err)
		}
		if err := os.Chown(path, nobody, nobody); err != nil {
			return fmt.Errorf("giving Exim its folders: %w", err)
		}
	}
	return nil
}

// nobody is the user and group that an instance runs as (Debian's nobody and nogroup).
const nobody = 65534

// Start writes the configuration, starts the instance and waits until it listens.
func (e *Exim) Start() error {
	if err := unpacked(eximTree, eximProgram); err != nil {
		return fmt.Errorf("starting Exim: %w", err)
	}
	if e.Dir == "" {
		if err := e.Prepare(); err != nil {
			return err
		}
	}
	_, listen, err := net.SplitHostPort(e.Listen)
	if err != nil {
		return fmt.Errorf("starting Exim: listener: %w", err)
	}
	_, hop, err := net.SplitHostPort(e.NextHop)
	if err != nil {
		return fmt.Errorf("starting Exim: next hop: %w", err)
	}
	text := fmt.Sprintf(eximConfig, e.Name, eximProgram, e.Root, listen, hop)
	if err := os.WriteFile(filepath.Join(e.Dir, "exim.conf"), []byte(text), 0o644); err != nil {
		return fmt.Errorf("writing exim.conf: %w", err)
	}
	e.d.name = "Exim " + e.Name
	// In the foreground (-bdf), and a queue runner each second.
	cmd := commandIn(eximTree, eximProgram, "-C", e.Root+"/exim.conf", "-bdf", "-q1s")
	if err := e.d.start(cmd); err != nil {
		return err
	}
	if err := Wait(20*time.Second, "Exim on "+e.Listen, func() bool { return greets(e.Listen) }); err != nil {
		return errors.Join(fmt.Errorf("%w\n%s", err, e.Log()), e.Stop())
	}
	return nil
}

// WaitEmpty waits until the queue is empty. Only a header file makes a message; a killed instance leaves others.
func (e *Exim) WaitEmpty(limit time.Duration) error {
	return Wait(limit, "an empty queue in "+e.Name, func() bool { return messages(filepath.Join(e.Dir, "spool/input"), "*-H") == 0 })
}

// Log is what the instance logged.
func (e *Exim) Log() string {
	var b strings.Builder
	b.WriteString(e.d.out.String())
	for _, name := range []string{"mainlog", "paniclog", "rejectlog"} {
		text, _ := os.ReadFile(filepath.Join(e.Dir, "log", name)) // a log without lines does not exist
		b.Write(text)
	}
	return b.String()
}

// Kill ends all of the instance's processes with SIGKILL. Start starts it again, with its queue.
func (e *Exim) Kill() error { return e.d.kill() }

// Stop ends the instance and takes its folder away.
func (e *Exim) Stop() error { return errors.Join(e.d.stop(), os.RemoveAll(e.Dir)) }
