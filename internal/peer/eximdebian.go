package peer

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// debianMacros stand where Debian's update-exim4.conf(8) puts what the administrator answered to its questions,
// here for a server on the Internet.
const debianMacros = `.ifndef MAIN_LOCAL_INTERFACES
MAIN_LOCAL_INTERFACES = 127.0.0.1 ; ::1
.endif
MAIN_PACKAGE_VERSION = 1
MAIN_LOCAL_DOMAINS = @:localhost
MAIN_RELAY_TO_DOMAINS =
ETC_MAILNAME = mail.example.vn
LOCAL_DELIVERY = mail_spool
MAIN_RELAY_NETS = : 127.0.0.1 : ::::1
DCreadhost =
DCsmarthost =
MAIN_TRUSTED_USERS = root
DC_eximconfig_configtype = internet
DCconfig_internet = 1
`

// DebianExim puts files, named as under /etc/exim4/conf.d, into Debian's split configuration, has Exim read the
// whole, and returns what Exim says when it is run with the arguments.
func DebianExim(files map[string]string, args ...string) (said string, err error) {
	outside, within, err := scratch(eximTree)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(outside)) }()
	text, err := debianConfig(files)
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(outside, "exim.conf"), text, 0o644); err != nil {
		return "", fmt.Errorf("writing exim.conf: %w", err)
	}
	out, err := commandIn(eximTree, eximProgram, append([]string{"-C", within + "/exim.conf"}, args...)...).CombinedOutput()
	if err != nil {
		err = fmt.Errorf("exim %v: %w: %s", args, err, out)
	}
	return string(out), err
}

// debianConfig puts the parts together in the order of their names, section by section.
func debianConfig(files map[string]string) ([]byte, error) {
	const conf = "etc/exim4/conf.d"
	var all bytes.Buffer
	for _, section := range []string{"main", "acl", "router", "transport", "retry", "rewrite", "auth"} {
		parts := map[string]string{}
		names, err := filepath.Glob(filepath.Join(Unpacked, eximTree, conf, section, "*"))
		if err != nil {
			return nil, fmt.Errorf("listing Debian's configuration: %w", err)
		}
		for _, name := range names {
			text, err := os.ReadFile(name)
			if err != nil {
				return nil, fmt.Errorf("reading Debian's configuration: %w", err)
			}
			parts[filepath.Base(name)] = string(text)
		}
		for name, text := range files {
			if of, base, _ := strings.Cut(name, "/"); of == section {
				parts[base] = text
			}
		}
		for _, name := range slices.Sorted(maps.Keys(parts)) {
			all.WriteString(parts[name] + "\n")
		}
	}
	// The root that Exim runs in here knows no user mail.
	text := regexp.MustCompile(`(?m)^( *(?:user|group) = )mail$`).ReplaceAll(all.Bytes(), []byte("${1}nobody"))
	text = bytes.ReplaceAll(text, []byte("group = nobody"), []byte("group = nogroup"))
	return bytes.Replace(text, []byte("UPEX4CmacrosUPEX4C = 1"), []byte(debianMacros), 1), nil
}
