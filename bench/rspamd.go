package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"congthu/internal/peer"
)

// rspamdFull is Debian's configuration less its statistics, whose store is a database server, and with the
// milter scanning by itself. The folder override.d switches off what asks the network.
const rspamdFull = `lua = "$RULESDIR/rspamd.lua"
.include "$CONFDIR/metrics.conf"
.include "$CONFDIR/actions.conf"
.include "$CONFDIR/groups.conf"
.include "$CONFDIR/composites.conf"
.include "$CONFDIR/modules.conf"
.include "$CONFDIR/settings.conf"
modules { path = "${PLUGINSDIR}"; }
lang_detection { languages = "${SHAREDIR}/languages"; }
options {
  .include "$CONFDIR/options.inc"
  .include(priority=10) "$LOCAL_CONFDIR/override.d/options.inc"
}
`

// rspamdBare scans with three patterns and nothing else.
const rspamdBare = `options {
  .include "$LOCAL_CONFDIR/override.d/options.inc"
  filters = "regexp";
  url_tld = "${SHAREDIR}/effective_tld_names.dat";
  cache_file = "$DBDIR/symbols.cache";
  words_decay = 1;
}
actions { reject = 15; add_header = 6; }
regexp {
  BENCH_WORD = { re = "/\\bviagra\\b/iP", score = 1.0 }
  BENCH_SUBJECT = { re = "Subject=/chuyển khoản gấp/iu", score = 1.0 }
  BENCH_NAME = { re = "Content-Disposition=/\\.(exe|scr|js)\"?$/iB", score = 1.0 }
}
`

// rspamdCommon is what both have: the place of the milter, quiet logging.
const rspamdCommon = `logging { type = "console"; level = "error"; }
worker "rspamd_proxy" {
  bind_socket = "%s mode=0666"; milter = yes; timeout = 120s; count = 2;
  upstream "local" { default = yes; self_scan = yes; }
}
`

// rspamdOptions: no DNS server is there to be asked.
const rspamdOptions = `filters = "chartable,regexp";
dns { nameserver = ["127.0.0.1:9"]; timeout = 0.1s; retransmits = 1; }
pidfile = "$RUNDIR/rspamd.pid";
control_socket = "$DBDIR/rspamd.sock mode=0600";
hs_cache_dir = "%s";
tempdir = "$DBDIR";
`

// rspamdNetwork are the modules that ask DNS, HTTP, a database or other daemons.
const rspamdNetwork = `antivirus arc asn aws_s3 bimi clickhouse dcc dkim dkim_signing dmarc elastic emails external_relay
external_services fuzzy_check greylist history_redis http_headers metadata_exporter metric_exporter mx_check neural p0f
phishing ratelimit rbl replies reputation rspamd_update spf surbl url_redirector whitelist`

// rspamd makes an rspamd, as scripts/bench-peers unpacked it, that listens on a unix socket.
func rspamd(name, config, socket, dir string) (*child, error) {
	tree := filepath.Join(peer.Unpacked, "rspamd")
	program := filepath.Join(tree, "usr/bin/rspamd")
	if _, err := os.Stat(program); err != nil {
		return nil, errors.New("not unpacked (scripts/bench-peers)")
	}
	libraries, err := filepath.Glob(filepath.Join(tree, "usr/lib/*-linux-gnu"))
	if err != nil {
		return nil, fmt.Errorf("looking for rspamd's libraries: %w", err)
	}
	libraries = append(libraries, filepath.Join(tree, "usr/lib/rspamd"))
	patterns := filepath.Join(tree, "patterns-"+name) // compiled once, kept beside the program
	dir = filepath.Join(dir, name)
	for _, d := range []string{patterns, filepath.Join(dir, "db"), filepath.Join(dir, "local/override.d")} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return nil, fmt.Errorf("making rspamd's folders: %w", err)
		}
	}
	files := map[string]string{
		"rspamd.conf": config + fmt.Sprintf(rspamdCommon, socket), "local/override.d/options.inc": fmt.Sprintf(rspamdOptions, patterns),
	}
	for m := range strings.FieldsSeq(rspamdNetwork) {
		files["local/override.d/"+m+".conf"] = "enabled = false;\n"
	}
	if err := write(dir, files); err != nil {
		return nil, err
	}
	for _, d := range []string{patterns, filepath.Join(dir, "db")} { // its workers run as nobody
		if out, err := exec.Command("chown", "nobody", d).CombinedOutput(); err != nil {
			return nil, fmt.Errorf("giving rspamd its folders: %w: %s", err, out)
		}
	}
	share := filepath.Join(tree, "usr/share/rspamd")
	args := []string{"-f", "-u", "nobody", "-g", "nogroup", "-c", filepath.Join(dir, "rspamd.conf")}
	for k, v := range map[string]string{"CONFDIR": filepath.Join(tree, "etc/rspamd"), "LOCAL_CONFDIR": filepath.Join(dir, "local"), "DBDIR": filepath.Join(dir, "db"),
		"RUNDIR": dir, "LOGDIR": dir, "SHAREDIR": share, "RULESDIR": share + "/rules", "LUALIBDIR": share + "/lualib", "PLUGINSDIR": share + "/plugins", "WWWDIR": share + "/www"} {
		args = append(args, "--var="+k+"="+v)
	}
	return &child{name: name, ready: func() bool { return connects("unix:" + socket) }, command: func() *exec.Cmd {
		os.Remove(socket) // of its life before
		cmd := exec.Command(program, args...)
		cmd.Env = append(os.Environ(), "LD_LIBRARY_PATH="+strings.Join(libraries, ":"))
		return cmd
	}}, nil
}

// write makes files below a folder.
func write(dir string, files map[string]string) error {
	for name, text := range files {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return fmt.Errorf("making the folder of %s: %w", name, err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			return fmt.Errorf("writing %s: %w", name, err)
		}
	}
	return nil
}
