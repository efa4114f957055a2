package deploy

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"congthu/internal/peer"
)

// TestUnit has systemd read the unit and judge how much of the machine the gate could still reach.
func TestUnit(t *testing.T) {
	tool, err := exec.LookPath("systemd-analyze")
	peer.Need(t, err == nil, "systemd-analyze (Debian package systemd)")
	// The binary is not installed here; any program does for the check.
	unit := filepath.Join(t.TempDir(), "congthu.service")
	must(t, os.WriteFile(unit, []byte(file(t, "congthu.service", "/usr/bin/congthu", "/bin/true")), 0o644))
	if out, err := exec.Command(tool, "verify", unit).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
	out, err := exec.Command(tool, "security", "--offline=yes", "--no-pager", unit).CombinedOutput()
	if err != nil {
		t.Errorf("systemd-analyze security: %v\n%s", err, out)
	}
	level := regexp.MustCompile(`exposure level for \S+: ([0-9]+)\.`).FindSubmatch(out)
	if level == nil || string(level[1]) > "1" || len(level[1]) > 1 {
		t.Errorf("the unit is exposed at 2.0 or more:\n%s", out)
	}
}

// TestAgreement holds the deployed files to each other: the same addresses, the same limit, the
// folder of the socket.
func TestAgreement(t *testing.T) {
	page := file(t, "README.md")
	for name, wants := range map[string][]string{
		"postfix/milter.cf":                {"inet:127.0.0.1:8890", "unix:congthu/milter.sock", "milter_default_action = tempfail", "message_size_limit = 41943040"},
		"postfix/proxy-filter.cf":          {"message_size_limit = 41943040", "smtpd_proxy_timeout = 300s"},
		"postfix/proxy-filter.master.cf":   {"smtpd_proxy_filter=127.0.0.1:10025", "127.0.0.1:10026 inet"},
		"postfix/content-filter.cf":        {"[127.0.0.1]:10028", "bounce_size_limit = 1\n", "message_size_limit = 41943040", "congthu-after_destination_recipient_limit = 1000"},
		"postfix/content-filter.master.cf": {"127.0.0.1:10029 inet", "smtp_send_xforward_command=yes"},
		"exim/in-front.main":               {"[127.0.0.1]:10026 ; [127.0.0.1]:10027", "MESSAGE_SIZE_LIMIT = 40M"},
		"exim/in-front.acl":                {"{10027}", "relay not permitted"},
		"exim/behind-queue.main":           {"[127.0.0.1]:10029", "MESSAGE_SIZE_LIMIT = 40M", "bounce_return_body = false"},
		"exim/behind-queue.acl":            {"{10029}"},
		"exim/behind-queue.router":         {"{10029}", "transport = congthu_ours", "transport = congthu_foreign"},
		"exim/behind-queue.transport":      {"port = 10027", "port = 10028", "max_rcpt = 1000"},
		"sendmail/congthu.mc":              {"inet:8890@127.0.0.1", "unix:/run/congthu/milter.sock", "F=T", "confMAX_MESSAGE_SIZE', `41943040'"},
		"congthu.tmpfiles":                 {"d /var/spool/postfix/congthu 2750 congthu postfix"},
		"congthu.sysusers":                 {"u congthu "},
		"congthu.service":                  {"ReadWritePaths=-/var/spool/postfix/congthu", "LimitCORE=0", "User=congthu", "MemoryMax=4G", "OOMPolicy=continue"},
	} {
		text := file(t, name)
		for _, want := range wants {
			if !strings.Contains(text, want) {
				t.Errorf("%s does not say %q", name, want)
			}
		}
		if !strings.Contains(page, filepath.Base(name)) {
			t.Errorf("README.md does not tell of %s", name)
		}
	}
	for _, want := range []string{"tcp:127.0.0.1:8890", "/var/spool/postfix/congthu/milter.sock", "127.0.0.1:10025", "127.0.0.1:10026"} {
		if !strings.Contains(page, want) {
			t.Errorf("README.md does not say %q", want)
		}
	}
}
