package peer

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"
)

// Sendmail is a private instance of the unpacked Sendmail: its own configuration and queue, one listener
// on 127.0.0.1. It must be started by root.
type Sendmail struct {
	// Name is what the instance calls itself, "mx.example.vn".
	Name string
	// MC are the administrator's m4 lines.
	MC string
	// NextHop is "127.0.0.1:port" to which all mail goes.
	NextHop string
	// Listen is where it listens, "127.0.0.1:port".
	Listen string

	Dir  string // scratch folder, made by Prepare
	Root string // the same as Sendmail sees it: it runs in a root of its own

	d daemon
}

// baseMC is what every instance needs: no DNS, no local delivery, no limits by load, quick retries,
// everything to one next hop.
const baseMC = "divert(-1)\n" +
	"include(`%[1]s/m4/cf.m4')\n" +
	"divert(0)dnl\n" +
	"OSTYPE(`linux')dnl\n" +
	"define(`confDOMAIN_NAME', `%[2]s')dnl\n" +
	"define(`QUEUE_DIR', `%[3]s/queue')dnl\n" +
	"define(`confPID_FILE', `%[3]s/sendmail.pid')dnl\n" +
	"define(`STATUS_FILE', `')dnl\n" +
	"define(`ALIAS_FILE', `')dnl\n" +
	"define(`confSERVICE_SWITCH_FILE', `%[3]s/switch')dnl\n" +
	"define(`confDEF_USER_ID', `nobody:nogroup')dnl\n" +
	"define(`confTO_IDENT', `0s')dnl\n" +
	"define(`confDONT_PROBE_INTERFACES', `True')dnl\n" +
	"define(`confMIN_QUEUE_AGE', `0')dnl\n" +
	"define(`confQUEUE_LA', `1000')dnl\n" +
	"define(`confREFUSE_LA', `1000')dnl\n" +
	"define(`SMART_HOST', `relay:[127.0.0.1]')dnl\n" +
	"define(`RELAY_MAILER_ARGS', `TCP $h %[4]s')dnl\n" +
	"FEATURE(`no_default_msa')dnl\n" +
	"FEATURE(`promiscuous_relay')dnl\n" +
	"FEATURE(`accept_unresolvable_domains')dnl\n" +
	"FEATURE(`nocanonify')dnl\n" +
	"DAEMON_OPTIONS(`Name=MTA, Family=inet, Addr=127.0.0.1, Port=%[5]s')dnl\n" +
	"%[6]s\n" +
	"MAILER(`smtp')dnl\n"

// Prepare makes the folders; Dir is set from then on.
func (s *Sendmail) Prepare() (err error) {
	if s.Dir, s.Root, err = scratch(sendmailTree); err != nil {
		return err
	}
	if err := os.Mkdir(filepath.Join(s.Dir, "queue"), 0o700); err != nil {
		return fmt.Errorf("making the queue of %s: %w", s.Name, err)
	}
	return nil
}

// Start writes the configuration, starts the instance and waits until it listens.
func (s *Sendmail) Start() error {
	if err := unpacked(sendmailTree, sendmailProgram); err != nil {
		return fmt.Errorf("starting Sendmail: %w", err)
	}
	if s.Dir == "" {
		if err := s.Prepare(); err != nil {
			return err
		}
	}
	if err := s.configure(); err != nil {
		return fmt.Errorf("configuring Sendmail: %w", err)
	}
	s.d.name = "Sendmail " + s.Name
	// In the foreground (-bD), and a queue runner each second.
	if err := s.d.start(commandIn(sendmailTree, sendmailProgram, "-C", s.Root+"/sendmail.cf", "-bD", "-q1s")); err != nil {
		return err
	}
	if err := s.d.up(s.Listen); err != nil {
		return errors.Join(fmt.Errorf("%w\n%s", err, s.Log()), s.Stop())
	}
	return nil
}

// configure writes sendmail.cf with m4, as an administrator does.
func (s *Sendmail) configure() error {
	_, hop, err := net.SplitHostPort(s.NextHop)
	if err != nil {
		return fmt.Errorf("next hop: %w", err)
	}
	_, listen, err := net.SplitHostPort(s.Listen)
	if err != nil {
		return fmt.Errorf("listener: %w", err)
	}
	const cf = "/usr/share/sendmail/cf"
	for name, text := range map[string]string{
		"sendmail.mc": fmt.Sprintf(baseMC, cf, s.Name, s.Root, hop, listen, s.MC),
		"switch":      "hosts files\naliases files\n",
	} {
		if err := os.WriteFile(filepath.Join(s.Dir, name), []byte(text), 0o644); err != nil {
			return fmt.Errorf("writing %s: %w", name, err)
		}
	}
	out, err := commandIn(sendmailTree, m4Program, "-D_NO_MAKEINFO_", "-D_CF_DIR_="+cf+"/", s.Root+"/sendmail.mc").Output()
	if err != nil {
		return fmt.Errorf("m4: %w", err)
	}
	if err := os.WriteFile(filepath.Join(s.Dir, "sendmail.cf"), out, 0o644); err != nil {
		return fmt.Errorf("writing sendmail.cf: %w", err)
	}
	return nil
}

// WaitEmpty waits until the queue is empty, and gives up when nothing left it for still; Sendmail runs its
// queue each second. Only a qf file makes a message; a killed instance leaves others.
func (s *Sendmail) WaitEmpty(still time.Duration) error {
	return settle(still, "an empty queue in "+s.Name, s.Queued, nil)
}

// Queued is the number of messages in the queue.
func (s *Sendmail) Queued() int { return messages(filepath.Join(s.Dir, "queue"), "qf*") }

// Log is what the instance wrote on its standard error: little, since Sendmail logs to syslog only.
func (s *Sendmail) Log() string { return s.d.out.String() }

// Kill ends all of the instance's processes with SIGKILL. Start starts it again, with its queue.
func (s *Sendmail) Kill() error { return s.d.kill() }

// Stop ends the instance and takes its folder away.
func (s *Sendmail) Stop() error { return errors.Join(s.d.stop(), os.RemoveAll(s.Dir)) }
