package clients

import (
	"bytes"
	"fmt"
	"mime"
	"net/mail"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"congthu/internal/peer"
)

const (
	warning = "[CẢNH BÁO] "
	forgery = "[CẢNH BÁO: có thể giả mạo người gửi] "
)

// delivered is what a mailbox has after Sieve delivered a message.
type delivered struct {
	subject  []string
	keywords []string
	flagged  bool
	raw      string
}

// deliver runs a script as Dovecot's delivery does, and reads the mailbox.
func deliver(t *testing.T, script, msg string) delivered {
	t.Helper()
	tool, err := exec.LookPath("sieve-test")
	peer.Need(t, err == nil, "sieve-test (Debian package dovecot-sieve)")
	dir, uid := t.TempDir(), os.Geteuid()
	if uid == 0 { // Dovecot does not deliver as root
		uid = 65534
	}
	files := map[string]string{
		"dovecot.conf": fmt.Sprintf("mail_uid=%d\nmail_gid=%d\nfirst_valid_uid=0\nmail_home=%s\nbase_dir=%s/run\npostmaster_address=postmaster@monre.gov.vn\n",
			uid, uid, dir, dir),
		"s.sieve": script,
		"m.eml":   strings.ReplaceAll(msg, "\n", "\r\n"),
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{dir, filepath.Dir(dir)} {
		if err := os.Chmod(path, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if os.Geteuid() == 0 {
		if err := os.Chown(dir, uid, uid); err != nil {
			t.Fatal(err)
		}
	}
	out, err := exec.Command(tool, "-c", dir+"/dovecot.conf", "-x", "+editheader", "-e", "-C", "-l", "maildir:"+dir+"/Maildir", dir+"/s.sieve", dir+"/m.eml").CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("final result: success")) {
		t.Fatalf("sieve-test: %v\n%s", err, out)
	}
	return mailbox(t, dir+"/Maildir")
}

// mailbox is the one message in the inbox of a Maildir.
func mailbox(t *testing.T, dir string) (d delivered) {
	t.Helper()
	files, _ := filepath.Glob(dir + "/*/*,S=*")
	if len(files) != 1 || !slices.Contains([]string{"cur", "new"}, filepath.Base(filepath.Dir(files[0]))) {
		t.Fatalf("in the mailbox: %v", files)
	}
	raw, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range m.Header["Subject"] {
		decoded, err := new(mime.WordDecoder).DecodeHeader(s)
		if err != nil {
			t.Fatal(err)
		}
		d.subject = append(d.subject, strings.TrimRight(decoded, " "))
	}
	_, flags, _ := strings.Cut(filepath.Base(files[0]), ":2,")
	names, _ := os.ReadFile(dir + "/dovecot-keywords")
	for line := range strings.Lines(string(names)) {
		number, name, _ := strings.Cut(strings.TrimSpace(line), " ")
		if n, err := strconv.Atoi(number); err == nil && strings.ContainsRune(flags, rune('a'+n)) {
			d.keywords = append(d.keywords, name)
		}
	}
	d.flagged, d.raw = strings.Contains(flags, "F"), string(raw)
	return d
}

func script(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestSieve(t *testing.T) {
	const body = "\nThư có nội dung.\n"
	both := []string{"CongthuWarning", "CongthuForgery"}
	long := strings.Repeat("dài ", 120)
	for _, tc := range []struct {
		name, header, subject string
		keywords              []string
	}{
		{"clean mail is left alone", "Subject: Hop giao ban\n", "Hop giao ban", nil},
		{"tagged", "Subject: Hop giao ban\nCongthu-Verdict: free-mail [9.1]\n", warning + "Hop giao ban", both[:1]},
		{"accents", "Subject: =?utf-8?B?SOG7jXAgZ2lhbyBiYW4=?=\nCongthu-Verdict: free-mail [9.1]\n", warning + "Họp giao ban", both[:1]},
		{"forged sender", "Subject: x\nCongthu-Verdict: sender-authentication [10.5]; free-mail [9.1]\n", forgery + "x", both},
		{"impersonation", "Subject: x\nCongthu-Verdict: subject [9.3]; impersonation [10.5]\n", forgery + "x", both},
		{"no subject", "Congthu-Verdict: subject [9.3]\n", strings.TrimSpace(warning), both[:1]},
		{"two subjects", "Subject: a\nCongthu-Verdict: subject [9.3]\nSubject: b\n", warning + "a", both[:1]},
		{"it has the warning already", "Subject: =?utf-8?q?[C=E1=BA=A2NH_B=C3=81O]_x?=\nCongthu-Verdict: subject [9.3]\n", warning + "x", both[:1]},
		{"the sender wrote the weaker one", "Subject: =?utf-8?q?[C=E1=BA=A2NH_B=C3=81O]_x?=\nCongthu-Verdict: impersonation [10.5]\n", forgery + warning + "x", both},
		{"a very long subject is kept", "Subject: " + long + "\nCongthu-Verdict: subject [9.3]\n", strings.TrimSpace(long), both[:1]},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got := deliver(t, script(t, "sieve/congthu.sieve"), "From: a@example.com\n"+tc.header+"MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n"+body)
			if !slices.Equal(got.subject, []string{tc.subject}) || !slices.Equal(got.keywords, tc.keywords) || got.flagged != (tc.keywords != nil) {
				t.Errorf("subject %q, keywords %v, flagged %v", got.subject, got.keywords, got.flagged)
			}
			if !strings.HasSuffix(strings.ReplaceAll(got.raw, "\r\n", "\n"), body) {
				t.Errorf("the text was changed: %q", got.raw)
			}
		})
	}
}

// Zimbra's script without the two actions that only Zimbra has, and the field changes of the others are the same.
func TestZimbraScript(t *testing.T) {
	s := script(t, "zimbra/congthu.sieve")
	for _, only := range []string{"    tag \"Cảnh báo\";\n", "    flag \"flagged\";\n", `"flag", "tag", `} {
		if strings.Count(s, only) != 1 {
			t.Fatalf("%q is not there once", only)
		}
		s = strings.Replace(s, only, "", 1)
	}
	for header, want := range map[string]string{
		"Subject: x\n": "x",
		"Subject: x\nCongthu-Verdict: free-mail [9.1]\n":      warning + "x",
		"Subject: x\nCongthu-Verdict: impersonation [10.5]\n": forgery + "x",
		"Congthu-Verdict: subject [9.3]\n":                    strings.TrimSpace(warning),
	} {
		if got := deliver(t, s, "From: a@example.com\n"+header+"\nbody\n"); !slices.Equal(got.subject, []string{want}) {
			t.Errorf("%q: subject %q", header, got.subject)
		}
	}
}

// The installer says to zmprov what it should, and leaves an administrator's own script alone.
func TestZimbraInstaller(t *testing.T) {
	ours := script(t, "zimbra/congthu.sieve")
	for _, tc := range []struct {
		name, present string
		args          []string
		code          int
		want          string
	}{
		{"new", "# name monre.gov.vn\n", []string{"monre.gov.vn"}, 0,
			"gd monre.gov.vn zimbraAdminSieveScriptBefore\nmc default zimbraSieveEditHeaderEnabled TRUE\nmd monre.gov.vn zimbraAdminSieveScriptBefore " + strings.TrimRight(ours, "\n") + "\n"},
		{"another class of service", "", []string{"monre.gov.vn", "canbo"}, 0,
			"gd monre.gov.vn zimbraAdminSieveScriptBefore\nmc canbo zimbraSieveEditHeaderEnabled TRUE\nmd monre.gov.vn zimbraAdminSieveScriptBefore " + strings.TrimRight(ours, "\n") + "\n"},
		{"again", "zimbraAdminSieveScriptBefore: " + ours, []string{"monre.gov.vn"}, 0,
			"gd monre.gov.vn zimbraAdminSieveScriptBefore\nmc default zimbraSieveEditHeaderEnabled TRUE\nmd monre.gov.vn zimbraAdminSieveScriptBefore " + strings.TrimRight(ours, "\n") + "\n"},
		{"another script", "zimbraAdminSieveScriptBefore: require \"fileinto\";", []string{"monre.gov.vn"}, 1, "gd monre.gov.vn zimbraAdminSieveScriptBefore\n"},
		{"no domain", "", nil, 64, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			stub := "#!/bin/sh\necho \"$@\" >>\"" + dir + "/said\"\n[ \"$1\" != gd ] || cat \"" + dir + "/present\"\n"
			for name, text := range map[string]string{"zmprov": stub, "present": tc.present, "said": ""} {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			cmd := exec.Command("zimbra/congthu-zimbra", tc.args...)
			cmd.Env = []string{"PATH=" + dir + ":" + os.Getenv("PATH")}
			out, _ := cmd.CombinedOutput()
			if got := script(t, dir+"/said"); cmd.ProcessState.ExitCode() != tc.code || got != tc.want {
				t.Errorf("code %d, said %q\n%s", cmd.ProcessState.ExitCode(), got, out)
			}
		})
	}
}

// Nothing here runs PowerShell: what can be held is that Windows reads the Vietnamese, that the same words are shown as
// elsewhere, and that each parameter is one that New-TransportRule documents.
func TestExchange(t *testing.T) {
	s := script(t, "exchange/Install-CongthuRules.ps1")
	if !strings.HasPrefix(s, "\ufeff") || !utf8.ValidString(s) {
		t.Error("no UTF-8 byte order mark: Windows PowerShell 5 would show other letters")
	}
	for _, must := range []string{"'" + warning + "'", "'" + forgery + "'", "'Congthu-Verdict'"} {
		if strings.Count(s, must) != 1 {
			t.Errorf("%s is not there once", must)
		}
	}
	documented := []string{"Name", "PrependSubject", "HeaderMatchesMessageHeader", "HeaderMatchesPatterns", "ExceptIfHeaderMatchesMessageHeader",
		"ExceptIfHeaderMatchesPatterns", "ExceptIfMessageTypeMatches", "ApplyHtmlDisclaimerText", "ApplyHtmlDisclaimerLocation", "ApplyHtmlDisclaimerFallbackAction"}
	joined := strings.ReplaceAll(s, "`\n", "")
	var used []string
	for _, line := range regexp.MustCompile(`New-TransportRule -.*`).FindAllString(joined, -1) {
		for _, m := range regexp.MustCompile(` -(\w+)`).FindAllStringSubmatch(line, -1) {
			used = append(used, m[1])
		}
	}
	for _, m := range regexp.MustCompile(`(?m)(\w*HeaderMatches\w+) +=`).FindAllStringSubmatch(s, -1) {
		used = append(used, m[1])
	}
	for _, p := range used {
		if !slices.Contains(documented, p) {
			t.Errorf("New-TransportRule has no -%s", p)
		}
	}
	for _, p := range documented {
		if !slices.Contains(used, p) {
			t.Errorf("-%s is not used any more: take it off this list", p)
		}
	}
	for _, m := range regexp.MustCompile(`Name    = '([^']+)'`).FindAllStringSubmatch(s, -1) {
		if len(m[1]+" (subject)") > 64 {
			t.Errorf("%q is longer than a rule's name may be", m[1])
		}
	}
	code := strings.Join(slices.DeleteFunc(strings.Split(s, "\n"), func(l string) bool { return strings.HasPrefix(strings.TrimLeft(l, " \ufeff"), "#") }), "\n")
	for _, pair := range []string{"()", "{}"} {
		if strings.Count(code, pair[:1]) != strings.Count(code, pair[1:]) {
			t.Errorf("%s do not pair", pair)
		}
	}
	if strings.Count(code, "'")%2 != 0 {
		t.Error("a string does not end")
	}
}
