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

// Exim is a private instance of the unpacked Exim: its own configuration, queue and log, listeners on
// 127.0.0.1. It must be started by root.
type Exim struct {
	Name    string   // what the instance calls itself, "mail.example.vn"
	NextHop string   // "127.0.0.1:port" to which all mail goes
	Listens []string // "127.0.0.1:port", to wait for

	// Lines of the administrator's for the sections of these names. Main may set the macros of Debian's
	// configuration that eximConfig knows; ACL, Routers and Transports come before the instance's own.
	Main, ACL, Routers, Transports string
	// Domains are a domain list of those that are ours.
	Domains string
	// Relay is a host list of those that may send anywhere.
	Relay string
	// Retry is when deferred mail is tried again; each second for an hour when empty.
	Retry string
	// Certificate is shown to clients, which must use TLS, when it has a file.
	Certificate Certificate

	Dir  string // scratch folder, made by Prepare
	Root string // the same as Exim sees it: it runs in a root of its own

	d daemon
}

// eximConfig has the names and the macros of Debian's configuration. All mail goes to one next hop.
const eximConfig = `%[1]s
primary_hostname = %[2]s
exim_path = /%[3]s
keep_environment =
spool_directory = %[4]s/spool
log_file_path = %[4]s/log/%%slog
pid_file_path = %[4]s/exim.pid
daemon_smtp_ports = 25
local_interfaces = MAIN_LOCAL_INTERFACES
.ifndef MAIN_ACL_CHECK_RCPT
MAIN_ACL_CHECK_RCPT = acl_check_rcpt
.endif
acl_smtp_rcpt = MAIN_ACL_CHECK_RCPT
.ifdef MESSAGE_SIZE_LIMIT
message_size_limit = MESSAGE_SIZE_LIMIT
.endif
.ifdef MAIN_SMTP_ACCEPT_MAX_NOMAIL_HOSTS
smtp_accept_max_nonmail_hosts = MAIN_SMTP_ACCEPT_MAX_NOMAIL_HOSTS
.endif
domainlist local_domains =
domainlist relay_to_domains = %[5]s
hostlist relay_from_hosts = %[6]s
deliver_drop_privilege = true
host_lookup =
acl_smtp_mail = acl_check_mail
%[7]s
begin acl
%[8]s
acl_check_mail:
  %[9]s
acl_check_rcpt:
  accept hosts = +relay_from_hosts
  accept domains = +local_domains : +relay_to_domains
begin routers
%[10]s
all:
  driver = manualroute
  transport = hop
  route_list = * 127.0.0.1 byname
  self = send
begin transports
%[11]s
hop:
  driver = smtp
  port = %[12]s
begin retry
* * %[13]s
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
	text, err := e.config()
	if err != nil {
		return fmt.Errorf("configuring Exim: %w", err)
	}
	if err := os.WriteFile(filepath.Join(e.Dir, "exim.conf"), []byte(text), 0o644); err != nil {
		return fmt.Errorf("writing exim.conf: %w", err)
	}
	e.d.name = "Exim " + e.Name
	// In the foreground (-bdf), and a queue runner each second.
	cmd := commandIn(eximTree, eximProgram, "-C", e.Root+"/exim.conf", "-bdf", "-q1s")
	if err := e.d.start(cmd); err != nil {
		return err
	}
	for _, addr := range e.Listens {
		if err := e.d.up(addr); err != nil {
			return errors.Join(fmt.Errorf("%w\n%s", err, e.Log()), e.Stop())
		}
	}
	return nil
}

// config is the whole configuration.
func (e *Exim) config() (string, error) {
	_, hop, err := net.SplitHostPort(e.NextHop)
	if err != nil {
		return "", fmt.Errorf("next hop: %w", err)
	}
	main, secured, mayMail, retry := e.Main, "tls_advertise_hosts =", "accept", e.Retry
	if !strings.Contains(main, "MAIN_LOCAL_INTERFACES") {
		main += "MAIN_LOCAL_INTERFACES = <"
		for _, addr := range e.Listens {
			host, port, err := net.SplitHostPort(addr)
			if err != nil {
				return "", fmt.Errorf("listener: %w", err)
			}
			main += "; [" + host + "]:" + port
		}
		main += "\n"
	}
	if retry == "" {
		retry = "F,1h,1s"
	}
	if e.Certificate.File != "" {
		secured, mayMail = "tls_advertise_hosts = *", "accept encrypted = *"
		for name, from := range map[string]string{"tls_certificate": e.Certificate.File, "tls_privatekey": e.Certificate.Key} {
			pem, err := os.ReadFile(from)
			if err != nil {
				return "", fmt.Errorf("certificate: %w", err)
			}
			if err := os.WriteFile(filepath.Join(e.Dir, name), pem, 0o644); err != nil {
				return "", fmt.Errorf("certificate: %w", err)
			}
			secured += fmt.Sprintf("\n%s = %s/%s", name, e.Root, name)
		}
	}
	return fmt.Sprintf(eximConfig, main, e.Name, eximProgram, e.Root, e.Domains, e.Relay, secured,
		e.ACL, mayMail, e.Routers, e.Transports, hop, retry), nil
}

// WaitEmpty waits until the queue is empty, and gives up when nothing left it for still; Exim runs its queue
// each second.
func (e *Exim) WaitEmpty(still time.Duration) error {
	return settle(still, "an empty queue in "+e.Name, e.Queued, nil)
}

// Queued is the number of messages in the queue. A killed instance leaves header files without data and data
// without a header file: messages that it had done with, or had not taken.
func (e *Exim) Queued() (n int) {
	all, _ := filepath.Glob(filepath.Join(e.Dir, "spool/input/*-H")) // the pattern is well-formed
	for _, header := range all {
		if exists(strings.TrimSuffix(header, "H") + "D") {
			n++
		}
	}
	return n
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
