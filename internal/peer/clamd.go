package peer

import (
	"archive/tar"
	"bytes"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// EICAR is the test file that every virus scanner finds. It is put together here, for some scanners would take this
// source away.
func EICAR() string {
	return `X5O!P%@AP[4\PZX54(P^)7CC)7}$` + `EICAR-STANDARD-ANTIVIRUS-` + `TEST-FILE!$H+H*`
}

// The names of the viruses that Clamd knows.
const (
	EICARName = "Local.Eicar-Body.UNOFFICIAL"
	DailyName = "Local.Daily.UNOFFICIAL" // in the signatures of UseDaily
)

// DailyMarker is what UseDaily makes clamd find.
const DailyMarker = "LOCAL-DAILY-MARKER-0001"

// Clamd is a private instance of Debian's clamd with signatures of its own: no download is needed.
type Clamd struct {
	Conf string // lines of the administrator's: the limits
	TCP  string // "127.0.0.1:port" to listen on too; "" for none
	Dir  string // scratch folder, made by Prepare

	d daemon
}

// NeedClamd ends a test where no private clamd can be started.
func NeedClamd(t TB) {
	t.Helper()
	_, err := exec.LookPath("clamd")
	if err != nil {
		_, err = os.Stat("/usr/sbin/clamd")
	}
	Need(t, err == nil, "a private clamd (Debian package clamav-daemon)")
}

// Socket is where clamd listens.
func (c *Clamd) Socket() string { return filepath.Join(c.Dir, "clamd.sock") }

// Prepare makes the folder with signatures and configuration.
func (c *Clamd) Prepare() error {
	var err error
	if c.Dir, err = TempDir(); err != nil {
		return err
	}
	if err := os.Mkdir(filepath.Join(c.Dir, "db"), 0o755); err != nil {
		return fmt.Errorf("making clamd's folder: %w", err)
	}
	eicar := "Local.Eicar-Body:0:*:" + hex.EncodeToString([]byte(EICAR())) + "\n"
	if err := os.WriteFile(filepath.Join(c.Dir, "db/local.ndb"), []byte(eicar), 0o644); err != nil {
		return fmt.Errorf("writing clamd's signatures: %w", err)
	}
	conf := fmt.Sprintf("LocalSocket %s\nLocalSocketMode 666\nDatabaseDirectory %s/db\nTemporaryDirectory %s\nLogFile %s/clamd.log\nPidFile %s/clamd.pid\nForeground yes\n%s\n",
		c.Socket(), c.Dir, c.Dir, c.Dir, c.Dir, c.Conf)
	if c.TCP != "" {
		host, port, err := net.SplitHostPort(c.TCP)
		if err != nil {
			return fmt.Errorf("clamd's address: %w", err)
		}
		conf += "TCPAddr " + host + "\nTCPSocket " + port + "\n"
	}
	if os.Geteuid() == 0 {
		conf += "User root\n"
	}
	if err := os.WriteFile(filepath.Join(c.Dir, "clamd.conf"), []byte(conf), 0o644); err != nil {
		return fmt.Errorf("writing clamd's configuration: %w", err)
	}
	return nil
}

// Start starts clamd and waits until it answers.
func (c *Clamd) Start() error {
	c.d.name = "clamd"
	program := "clamd"
	if _, err := exec.LookPath(program); err != nil {
		program = "/usr/sbin/clamd"
	}
	if err := c.d.start(exec.Command(program, "-c", filepath.Join(c.Dir, "clamd.conf"))); err != nil {
		return err
	}
	if err := Wait(startLimit, "clamd", func() bool { v, err := c.Version(); return err == nil && strings.HasPrefix(v, "ClamAV ") }); err != nil {
		return fmt.Errorf("%w\n%s", err, c.d.out.String())
	}
	return nil
}

// Command asks one thing and gives the answer.
func (c *Clamd) Command(name string) (string, error) {
	conn, err := net.Dial("unix", c.Socket())
	if err != nil {
		return "", fmt.Errorf("asking clamd: %w", err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(stopLimit))
	if _, err := conn.Write([]byte("z" + name + "\x00")); err != nil {
		return "", fmt.Errorf("asking clamd: %w", err)
	}
	answer, err := io.ReadAll(io.LimitReader(conn, 64<<10))
	return strings.TrimRight(string(answer), "\x00"), err
}

// Version is what clamd says of itself and its signatures.
func (c *Clamd) Version() (string, error) { return c.Command("VERSION") }

// UseDaily gives clamd daily signatures of that version and waits until it uses them.
func (c *Clamd) UseDaily(version int) error {
	signature := []byte("Local.Daily:0:*:" + hex.EncodeToString([]byte(DailyMarker)) + "\n")
	now := time.Now().UTC()
	when := now.Format("02 Jan 2006 15-04 -0700")
	info := fmt.Sprintf("ClamAV-VDB:%s:%d:1:90:X:X:test:%d\ndaily.ndb:%d:%x\n", when, version, now.Unix(), len(signature), sha256.Sum256(signature))
	var body bytes.Buffer
	w := tar.NewWriter(&body)
	for _, f := range []struct {
		name string
		data []byte
	}{{"daily.info", []byte(info)}, {"daily.ndb", signature}} {
		if err := w.WriteHeader(&tar.Header{Name: f.name, Size: int64(len(f.data)), Mode: 0o644, Format: tar.FormatUSTAR}); err != nil {
			return fmt.Errorf("making signatures: %w", err)
		}
		if _, err := w.Write(f.data); err != nil {
			return fmt.Errorf("making signatures: %w", err)
		}
	}
	if err := w.Close(); err != nil {
		return fmt.Errorf("making signatures: %w", err)
	}
	head := fmt.Sprintf("ClamAV-VDB:%s:%d:1:90:%x:X:test:%d", when, version, md5.Sum(body.Bytes()), now.Unix())
	file := filepath.Join(c.Dir, "db/daily.cud")
	if err := os.WriteFile(file, append(fmt.Appendf(nil, "%-512s", head), body.Bytes()...), 0o644); err != nil {
		return fmt.Errorf("writing signatures: %w", err)
	}
	if _, err := c.Command("RELOAD"); err != nil {
		return err
	}
	return Wait(startLimit, "clamd's new signatures", func() bool {
		v, err := c.Version()
		return err == nil && strings.Contains(v, fmt.Sprintf("/%d/", version))
	})
}

// Pause stops the process in the middle of what it does, and Resume lets it go on.
func (c *Clamd) Pause() error  { return c.d.cmd.Process.Signal(syscall.SIGSTOP) }
func (c *Clamd) Resume() error { return c.d.cmd.Process.Signal(syscall.SIGCONT) }

// Running tells whether the process was started and not ended.
func (c *Clamd) Running() bool { return c.d.cmd != nil }

// Kill ends the process at once, and Stop as an administrator does.
func (c *Clamd) Kill() error { return c.d.kill() }
func (c *Clamd) Stop() error { return c.d.stop() }

// Log is what clamd says.
func (c *Clamd) Log() string {
	b, err := os.ReadFile(filepath.Join(c.Dir, "clamd.log"))
	if err != nil {
		return c.d.out.String()
	}
	return string(b)
}
