package peer

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// rspamdTree and its program are as scripts/bench-peers unpacks them.
const (
	rspamdTree    = "rspamd"
	rspamdProgram = "usr/bin/rspamd"
)

// GTUBE is the test line that every spam filter takes for spam, as EICAR is a virus. It is put together here so that
// no filter takes this file for spam.
func GTUBE() string {
	return "XJS*C4JDBQADN1.NSBN3*2IDNEN*" + "GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL" + "*C.34X"
}

// Rspamd is a private instance of Debian's rspamd that asks no network: it knows GTUBE and one word of its own.
type Rspamd struct {
	Addr string // "127.0.0.1:port"
	Dir  string // scratch folder, made by Prepare

	d daemon
}

// RspamdWord is what Rspamd's own rule finds in a text; it adds a header then.
const RspamdWord = "thutrungthuong"

// RspamdSymbol is that rule's name.
const RspamdSymbol = "CONGTHU_WORD"

// NeedRspamd ends a test where no private rspamd can be started.
func NeedRspamd(t TB) {
	t.Helper()
	err := unpacked(rspamdTree, rspamdProgram)
	Need(t, err == nil && os.Geteuid() == 0, "an unpacked rspamd (scripts/bench-peers, as root)")
}

// rspamdConf: no DNS server is there to be asked.
const rspamdConf = `logging { type = "console"; level = "warning"; }
options {
  filters = "regexp";
  url_tld = "$LOCAL_CONFDIR/tld.dat";
  cache_file = "$DBDIR/symbols.cache";
  dns { nameserver = ["127.0.0.1:9"]; timeout = 0.1s; retransmits = 1; }
  pidfile = "$RUNDIR/rspamd.pid";
  control_socket = "$DBDIR/rspamd.sock mode=0600";
  hs_cache_dir = "$DBDIR";
  tempdir = "$DBDIR";
  words_decay = 1;
}
actions { reject = 15; add_header = 6; greylist = 4; }
regexp { %s = { re = "/%s/iP", score = 7.5 } }
worker "normal" { bind_socket = "%s"; count = 1; }
`

// Prepare makes the folder with the configuration.
func (r *Rspamd) Prepare() error {
	var err error
	if r.Dir, err = TempDir(); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(r.Dir, "rspamd.conf"), fmt.Appendf(nil, rspamdConf, RspamdSymbol, RspamdWord, r.Addr), 0o644); err != nil {
		return fmt.Errorf("writing rspamd's configuration: %w", err)
	}
	// The full list of domains takes a minute to compile.
	if err := os.WriteFile(filepath.Join(r.Dir, "tld.dat"), []byte("com\nvn\ngov.vn\n"), 0o644); err != nil {
		return fmt.Errorf("writing rspamd's list of domains: %w", err)
	}
	db := filepath.Join(r.Dir, "db") // its workers run as nobody
	if err := os.Mkdir(db, 0o755); err != nil {
		return fmt.Errorf("making rspamd's folder: %w", err)
	}
	return errors.Join(os.Chown(db, nobody, nobody), os.Chmod(r.Dir, 0o755))
}

// Start starts rspamd and waits until it answers.
func (r *Rspamd) Start() error {
	tree := filepath.Join(Unpacked, rspamdTree)
	libraries, err := filepath.Glob(filepath.Join(tree, "usr/lib/*-linux-gnu"))
	if err != nil {
		return fmt.Errorf("looking for rspamd's libraries: %w", err)
	}
	libraries = append(libraries, filepath.Join(tree, "usr/lib/rspamd"))
	share := filepath.Join(tree, "usr/share/rspamd")
	args := []string{"-f", "-u", "nobody", "-g", "nogroup", "-c", filepath.Join(r.Dir, "rspamd.conf")}
	for k, v := range map[string]string{"CONFDIR": filepath.Join(tree, "etc/rspamd"), "LOCAL_CONFDIR": r.Dir, "DBDIR": filepath.Join(r.Dir, "db"), "RUNDIR": r.Dir,
		"LOGDIR": r.Dir, "SHAREDIR": share, "RULESDIR": share + "/rules", "LUALIBDIR": share + "/lualib", "PLUGINSDIR": share + "/plugins", "WWWDIR": share + "/www"} {
		args = append(args, "--var="+k+"="+v)
	}
	cmd := exec.Command(filepath.Join(tree, rspamdProgram), args...)
	cmd.Env = append(os.Environ(), "LD_LIBRARY_PATH="+strings.Join(libraries, ":"))
	r.d.name = "rspamd"
	if err := r.d.start(cmd); err != nil {
		return err
	}
	err = Wait(startLimit, "rspamd", func() bool {
		a, err := http.Get("http://" + r.Addr + "/ping")
		if err != nil {
			return false
		}
		return a.Body.Close() == nil && a.StatusCode == http.StatusOK
	})
	if err != nil {
		return fmt.Errorf("%w\n%s", err, r.d.out.String())
	}
	return nil
}

// Stop ends rspamd.
func (r *Rspamd) Stop() error { return r.d.stop() }
