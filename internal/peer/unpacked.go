package peer

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// Unpacked is where scripts/test-mtas unpacks the mail servers that Debian does not let be installed
// beside Postfix.
const Unpacked = "/var/cache/congthu-tests"

// The programs in it.
const (
	sendmailTree    = "sendmail"
	sendmailProgram = "usr/libexec/sendmail/sendmail"
	m4Program       = "usr/bin/m4"
	eximTree        = "exim"
	eximProgram     = "usr/sbin/exim4"
)

// unpacked tells that a program is there, or why not.
func unpacked(tree, program string) error {
	if _, err := os.Stat(filepath.Join(Unpacked, tree, program)); err != nil {
		return fmt.Errorf("%w (scripts/test-mtas unpacks it)", err)
	}
	return nil
}

// NeedSendmail and NeedExim are NeedPostfix for the unpacked servers.
func NeedSendmail(t TB) {
	t.Helper()
	err := unpacked(sendmailTree, sendmailProgram)
	Need(t, err == nil && os.Geteuid() == 0, "an unpacked Sendmail (scripts/test-mtas, as root)")
}

// NeedExim is NeedSendmail for Exim.
func NeedExim(t TB) {
	t.Helper()
	err := unpacked(eximTree, eximProgram)
	Need(t, err == nil && os.Geteuid() == 0, "an unpacked Exim (scripts/test-mtas, as root)")
}

// commandIn makes a command that runs in the root that scripts/test-mtas made for a server.
func commandIn(tree, program string, args ...string) *exec.Cmd {
	cmd := exec.Command("/"+program, args...)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: filepath.Join(Unpacked, tree)}
	return cmd
}

// scratch makes a folder for an instance in its server's root: the path from outside and from within.
func scratch(tree string) (outside, within string, err error) {
	root := filepath.Join(Unpacked, tree)
	if outside, err = os.MkdirTemp(filepath.Join(root, "run"), "cgt"); err != nil {
		return "", "", fmt.Errorf("making a scratch folder: %w", err)
	}
	if err := os.Chmod(outside, 0o755); err != nil {
		return "", "", errors.Join(fmt.Errorf("opening the scratch folder: %w", err), os.RemoveAll(outside))
	}
	return outside, strings.TrimPrefix(outside, root), nil
}

// messages counts the files of a queue whose name matches pattern. An empty one is no message: Sendmail makes
// it when it gives a message its id.
func messages(dir, pattern string) (n int) {
	all, _ := filepath.Glob(filepath.Join(dir, pattern)) // the patterns here are well-formed
	for _, f := range all {
		if info, err := os.Stat(f); err == nil && info.Size() > 0 { // it may have gone meanwhile
			n++
		}
	}
	return n
}
