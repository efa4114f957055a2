package peer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Postfix is a private instance: its own configuration, queue and data folders, its own log, ports on
// 127.0.0.1 only. It must be started by root, as Postfix must.
type Postfix struct {
	// Name is what the instance calls itself, "mx.example.vn".
	Name string
	// Main are main.cf lines on top of a minimal base.
	Main string
	// Master are the master.cf lines of the listeners.
	Master string
	// NextHop is "127.0.0.1:port" to which all mail goes.
	NextHop string
	// Listens are the addresses of the listeners, to wait for.
	Listens []string

	Dir string // scratch folder, made by Prepare

	sbin string
	d    daemon
}

// FindPostfix tells where Postfix's programs are.
func FindPostfix() (string, error) {
	for _, dir := range []string{"/usr/sbin", "/usr/local/sbin", "/sbin"} {
		if _, err := os.Stat(filepath.Join(dir, "postfix")); err == nil {
			return dir, nil
		}
	}
	return "", errors.New("postfix is not installed (Debian package postfix)")
}

// baseMain is what every instance needs: no DNS, no local delivery, quick retries, everything to one
// next hop. in_flow_delay is off because it slows the input down when delivery lags.
const baseMain = `compatibility_level = 3.6
queue_directory = %[1]s/spool
data_directory = %[1]s/data
command_directory = %[2]s
daemon_directory = %[3]s
mail_owner = postfix
setgid_group = postdrop
myhostname = %[4]s
mydestination =
local_recipient_maps =
local_transport = error:no local delivery
alias_maps =
alias_database =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
relayhost = %[5]s
disable_dns_lookups = yes
smtp_host_lookup = native
smtpd_peername_lookup = no
smtp_tls_security_level = none
smtpd_tls_security_level = none
smtpd_recipient_restrictions =
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
in_flow_delay = 0
queue_run_delay = 1s
minimal_backoff_time = 1s
maximal_backoff_time = 2s
smtp_destination_concurrency_failed_cohort_limit = 0
smtp_connection_cache_on_demand = no
maillog_file_prefixes = %[1]s
maillog_file = %[1]s/mail.log
`

// baseMaster are the services behind the listeners.
const baseMaster = `cleanup   unix  n - %[1]s - 0 cleanup
qmgr      unix  n - n 300 1 qmgr
pickup    unix  n - n 1 1 pickup
rewrite   unix  - - n - - trivial-rewrite
bounce    unix  - - n - 0 bounce
defer     unix  - - n - 0 bounce
trace     unix  - - n - 0 bounce
verify    unix  - - n - 1 verify
flush     unix  n - n 1000? 0 flush
proxymap  unix  - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp      unix  - - n - - smtp
relay     unix  - - n - - smtp
error     unix  - - n - - error
retry     unix  - - n - - error
discard   unix  - - n - - discard
local     unix  - n n - - local
anvil     unix  - - n - 1 anvil
scache    unix  - - n - 1 scache
tlsmgr    unix  - - n 1000? 1 tlsmgr
postlog   unix-dgram n - n - 1 postlogd
`

// Prepare makes the folders and the configuration; Dir is set from then on.
func (p *Postfix) Prepare() (err error) {
	if p.sbin, err = FindPostfix(); err != nil {
		return err
	}
	if os.Geteuid() != 0 {
		return errors.New("starting a private Postfix needs root")
	}
	if p.Dir, err = TempDir(); err != nil {
		return err
	}
	for _, d := range []string{"etc", "spool", "data"} {
		if err := os.Mkdir(filepath.Join(p.Dir, d), 0o755); err != nil {
			return fmt.Errorf("making the folders of %s: %w", p.Name, err)
		}
	}
	if out, err := exec.Command("chown", "postfix", filepath.Join(p.Dir, "data")).CombinedOutput(); err != nil {
		return fmt.Errorf("giving Postfix its data folder: %w: %s", err, out)
	}
	return nil
}

// Start writes the configuration, starts the instance and waits until it listens.
func (p *Postfix) Start() error {
	if p.Dir == "" {
		if err := p.Prepare(); err != nil {
			return err
		}
	}
	daemons, err := exec.Command(filepath.Join(p.sbin, "postconf"), "-d", "-h", "daemon_directory").Output()
	if err != nil {
		return fmt.Errorf("asking Postfix where its daemons are: %w", err)
	}
	hop := ""
	if host, port, ok := strings.Cut(p.NextHop, ":"); ok {
		hop = "[" + host + "]:" + port
	}
	base := fmt.Sprintf(baseMain, p.Dir, p.sbin, strings.TrimSpace(string(daemons)), p.Name, hop)
	main := without(base, p.Main) + p.Main + "\n"
	services := p.Master + "\n" + fmt.Sprintf(baseMaster, "y")
	for name, text := range map[string]string{"main.cf": main, "master.cf": services} {
		if err := os.WriteFile(filepath.Join(p.Dir, "etc", name), []byte(text), 0o644); err != nil {
			return fmt.Errorf("writing %s: %w", name, err)
		}
	}
	// After a kill there is a log that only root may write, and no logging service: what tidies the queue up,
	// as the user postfix, would end on that.
	if log := filepath.Join(p.Dir, "mail.log"); exists(log) {
		if err := os.Chmod(log, 0o666); err != nil {
			return fmt.Errorf("opening the log of %s: %w", p.Name, err)
		}
	}
	// Makes the queue's folders, and takes half-written files out of it, as "postfix start" does.
	if out, err := p.Check(); err != nil {
		return fmt.Errorf("checking the configuration of %s: %w: %s", p.Name, err, out)
	}
	// The master itself and in the foreground (-d), so that its end can be waited for: "postfix stop"
	// sleeps by the second.
	p.d.name = "Postfix " + p.Name
	master := exec.Command(filepath.Join(strings.TrimSpace(string(daemons)), "master"), "-d", "-c", filepath.Join(p.Dir, "etc"))
	master.Env = append(os.Environ(), "MAIL_CONFIG="+filepath.Join(p.Dir, "etc"))
	if err := p.d.start(master); err != nil {
		return err
	}
	for _, addr := range p.Listens {
		if err := p.d.up(addr); err != nil {
			return errors.Join(fmt.Errorf("%w\n%s%s", err, p.d.out.String(), p.Log()), p.Stop())
		}
	}
	return nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// without is base without the settings that over makes too, for which Postfix would log warnings.
func without(base, over string) string {
	set := map[string]bool{}
	for line := range strings.Lines(over) {
		key, _, _ := strings.Cut(line, "=")
		set[strings.TrimSpace(key)] = true
	}
	var out strings.Builder
	for line := range strings.Lines(base) {
		if key, _, _ := strings.Cut(line, "="); !set[strings.TrimSpace(key)] {
			out.WriteString(line)
		}
	}
	return out.String()
}

// greets tells that an SMTP server says 220 or 4xx there: 4xx is what Postfix says while a milter is away.
func greets(addr string) bool {
	c, err := Dial(addr)
	if err != nil {
		return false
	}
	c.Close()
	return c.Welcome.Code != 0
}

// run starts one of Postfix's commands for this instance.
func (p *Postfix) run(program string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(p.sbin, program), append([]string{"-c", filepath.Join(p.Dir, "etc")}, args...)...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// Conf changes or reads main.cf and master.cf with postconf, for instance Conf("-P", "smtp/inet/x=y").
func (p *Postfix) Conf(args ...string) (string, error) {
	out, err := p.run("postconf", args...)
	if err != nil {
		return out, fmt.Errorf("postconf %v: %w: %s", args, err, out)
	}
	return strings.TrimSpace(out), nil
}

// Check runs "postfix check" and returns what it complains about.
func (p *Postfix) Check() (string, error) { return p.run("postfix", "check") }

// Sendmail hands in a message as a local program does.
func (p *Postfix) Sendmail(from string, to []string, msg []byte) error {
	args := append([]string{"-C", filepath.Join(p.Dir, "etc"), "-i", "-f", from, "--"}, to...)
	cmd := exec.Command(filepath.Join(p.sbin, "sendmail"), args...)
	cmd.Stdin = bytes.NewReader(bytes.ReplaceAll(msg, []byte("\r\n"), []byte("\n")))
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("sendmail: %w: %s", err, out)
	}
	return nil
}

// Flush makes Postfix try all queued mail now.
func (p *Postfix) Flush() error {
	if out, err := p.run("postqueue", "-f"); err != nil {
		return fmt.Errorf("flushing the queue of %s: %w: %s", p.Name, err, out)
	}
	return nil
}

// Queued is the number of messages in the queue. Postfix makes a file executable when the message is
// complete; a killed instance leaves others.
func (p *Postfix) Queued() int {
	n := 0
	for _, q := range []string{"maildrop", "incoming", "active", "deferred"} {
		filepath.WalkDir(filepath.Join(p.Dir, "spool", q), func(_ string, e os.DirEntry, err error) error {
			if err != nil || !e.Type().IsRegular() {
				return nil
			}
			if info, err := e.Info(); err == nil && info.Mode()&0o100 != 0 {
				n++
			}
			return nil // a queue file may be gone before it is looked at
		})
	}
	return n
}

// WaitEmpty waits until the queue is empty, and gives up when nothing left it for still although Postfix was
// told to try.
func (p *Postfix) WaitEmpty(still time.Duration) error {
	return settle(still, "an empty queue in "+p.Name, p.Queued, p.Flush)
}

// Log is what the instance logged.
func (p *Postfix) Log() string {
	b, err := os.ReadFile(filepath.Join(p.Dir, "mail.log"))
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// Kill ends all of the instance's processes with SIGKILL, as a power cut would. Start starts it again, with
// its queue.
func (p *Postfix) Kill() error { return p.d.kill() }

// Stop ends the instance and takes its folder away.
func (p *Postfix) Stop() error {
	return errors.Join(p.d.stop(), os.RemoveAll(p.Dir))
}
