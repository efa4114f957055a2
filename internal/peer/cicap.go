package peer

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
)

// CICAP is a private instance of Debian's c-icap, which lets a clamd look at what it is shown.
type CICAP struct {
	Addr  string // "127.0.0.1:port"
	Clamd string // the path of clamd's socket
	Dir   string // scratch folder, made by Prepare

	d daemon
}

// NeedCICAP ends a test where no private c-icap can be started.
func NeedCICAP(t TB) {
	t.Helper()
	_, err := exec.LookPath("c-icap")
	modules, globErr := filepath.Glob("/usr/lib/*/c_icap/virus_scan.so")
	Need(t, err == nil && globErr == nil && len(modules) > 0, "a private c-icap (Debian packages c-icap and libc-icap-mod-virus-scan)")
}

// URL is the service's address.
func (c *CICAP) URL() string { return "icap://" + c.Addr + "/avscan" }

// Prepare makes the folder with the configuration.
func (c *CICAP) Prepare() error {
	var err error
	if c.Dir, err = TempDir(); err != nil {
		return err
	}
	modules, err := filepath.Glob("/usr/lib/*/c_icap")
	if err != nil || len(modules) == 0 {
		return fmt.Errorf("finding c-icap's modules: %v", err)
	}
	conf := fmt.Sprintf(`PidFile %[1]s/c-icap.pid
CommandsSocket %[1]s/c-icap.ctl
Timeout 60
KeepAliveTimeout 60
StartServers 1
MaxServers 2
MinSpareThreads 5
MaxSpareThreads 10
ThreadsPerChild 10
Port %[2]s
TmpDir %[1]s
MaxMemObject 131072
DebugLevel 1
ModulesDir %[3]s
ServicesDir %[3]s
TemplateDir /usr/share/c_icap/templates/
TemplateDefaultLanguage en
LoadMagicFile /etc/c-icap/c-icap.magic
ServerLog %[1]s/server.log
AccessLog %[1]s/access.log
Service antivirus_module virus_scan.so
ServiceAlias avscan virus_scan?allow204=on&sizelimit=off&mode=simple
virus_scan.ScanFileTypes TEXT DATA EXECUTABLE ARCHIVE GIF JPEG MSOFFICE DOCUMENT
virus_scan.StartSendPercentDataAfter 100M
virus_scan.MaxObjectSize 50M
Module common clamd_mod.so
clamd_mod.ClamdSocket %[4]s
`, c.Dir, c.Addr, modules[0], c.Clamd)
	if err := os.WriteFile(filepath.Join(c.Dir, "c-icap.conf"), []byte(conf), 0o644); err != nil {
		return fmt.Errorf("writing c-icap's configuration: %w", err)
	}
	return nil
}

// Start starts c-icap and waits until it listens.
func (c *CICAP) Start() error {
	c.d.name = "c-icap"
	if err := c.d.start(exec.Command("c-icap", "-N", "-f", filepath.Join(c.Dir, "c-icap.conf"))); err != nil {
		return err
	}
	err := Wait(startLimit, "c-icap", func() bool {
		conn, err := net.Dial("tcp", c.Addr)
		if err != nil {
			return false
		}
		return conn.Close() == nil
	})
	if err != nil {
		return fmt.Errorf("%w\n%s", err, c.d.out.String())
	}
	return nil
}

// Stop ends c-icap.
func (c *CICAP) Stop() error { return c.d.stop() }
