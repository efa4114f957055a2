package main

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"congthu/internal/peer"
	"congthu/signing/mailauth"
)

// keygen makes a key with the command.
func keygen(t *testing.T, file, selector, algorithm string) mailauth.Key {
	t.Helper()
	p, out, stderr := newProgram(t, "")
	if code := p.run([]string{"dkim", "keygen", "--domain", "Monre.gov.vn", "--selector", selector, "--algorithm", algorithm, file}); code != exitFine {
		t.Fatalf("keygen: %d %s", code, stderr)
	}
	k, err := mailauth.ReadKey(file, "monre.gov.vn", selector)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), zoneText(t, k)) || !strings.Contains(out.String(), "{domain: monre.gov.vn, selector: "+selector+", file: "+file+"}") {
		t.Errorf("keygen said %s", out)
	}
	return k
}

// zoneText is a record as a zone file has it.
func zoneText(t *testing.T, k mailauth.Key) string {
	t.Helper()
	var b bytes.Buffer
	if err := printRecord(&b, k); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestDKIMKeys(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "s1.pem")
	defer syscall.Umask(syscall.Umask(0))
	k := keygen(t, file, "s1", "rsa-sha256")
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	// A zone file's strings are the record, and none is too long.
	record, err := k.Record()
	if err != nil {
		t.Fatal(err)
	}
	whole := ""
	for i, piece := range strings.Split(zoneText(t, k), `"`) {
		if i%2 == 1 {
			if whole += piece; len(piece) > 255 {
				t.Errorf("%d octets in one string", len(piece))
			}
		}
	}
	if whole != record {
		t.Errorf("%q is printed as %q", record, whole)
	}
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for name, args := range map[string][]string{
		"file there":  {"--domain", "monre.gov.vn", "--selector", "s2", file},
		"no domain":   {"--domain", "monre", "--selector", "s2", filepath.Join(dir, "a.pem")},
		"no selector": {"--domain", "monre.gov.vn", "--selector", "s 2", filepath.Join(dir, "b.pem")},
		"small":       {"--domain", "monre.gov.vn", "--selector", "s2", "--bits", "1024", filepath.Join(dir, "c.pem")},
		"algorithm":   {"--domain", "monre.gov.vn", "--selector", "s2", "--algorithm", "rsa-sha1", filepath.Join(dir, "d.pem")},
		"no folder":   {"--domain", "monre.gov.vn", "--selector", "s2", filepath.Join(dir, "none", "e.pem")},
	} {
		p, _, stderr := newProgram(t, "")
		if code := p.run(append([]string{"dkim", "keygen"}, args...)); code != exitUsage && code != exitCannotJudge || stderr.Len() == 0 {
			t.Errorf("%s: %d, %q", name, code, stderr)
		}
	}
	after, err := os.ReadFile(file)
	if files, _ := os.ReadDir(dir); err != nil || !bytes.Equal(before, after) || len(files) != 1 {
		t.Errorf("left in the folder: %v, changed %v, %v", files, !bytes.Equal(before, after), err)
	}
}

// TestDKIMConfiguration: a key that cannot be used is named with file, line, key and way out, before the gate starts.
func TestDKIMConfiguration(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, data []byte, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	keygen(t, filepath.Join(dir, "good.pem"), "s1", "ed25519-sha256")
	good, err := os.ReadFile(filepath.Join(dir, "good.pem"))
	if err != nil {
		t.Fatal(err)
	}
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	write("open.pem", good, 0o640)
	write("text.pem", []byte("no key\n"), 0o600)
	write("small.pem", pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(small)}), 0o600)
	conf := filepath.Join(dir, "congthu.yml")
	for file, want := range map[string]string{
		"good.pem": "", "open.pem": "others than its owner may use it, make it 0600", "text.pem": "no PEM in it", "small.pem": "RSA with 1024 bits; 2048 to 4096 are good",
		"none.pem": "no such file or directory; make it with congthu dkim keygen --domain monre.gov.vn --selector s1 " + filepath.Join(dir, "none.pem") + ", or correct the path", ".": "is no regular file",
	} {
		text := "organisation: {domains: [monre.gov.vn]}\nmilter: [{listen: \"tcp:127.0.0.1:8890\"}]\nsigning:\n  dkim:\n    keys:\n      - {domain: monre.gov.vn, selector: s1, file: " + file + "}\n"
		if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, command := range [][]string{{"config", "check"}, {"serve"}, {"dkim", "record"}} {
			if want == "" && command[0] == "serve" {
				continue
			}
			p, _, stderr := newProgram(t, "")
			code := p.run(append(command, "--config", conf))
			if want == "" && code != exitFine || want != "" && (code != exitConfig || !strings.HasPrefix(stderr.String(), "congthu.yml:6:") || !strings.Contains(stderr.String(), ": signing.dkim.keys[0].file: ") || !strings.Contains(stderr.String(), want)) {
				t.Errorf("%s: %v: %d, %s, want %q", file, command, code, stderr, want)
			}
		}
	}
}

func TestDKIMCheck(t *testing.T) {
	dir := t.TempDir()
	k := keygen(t, filepath.Join(dir, "s1.pem"), "s1", "rsa-sha256")
	other := keygen(t, filepath.Join(dir, "s2.pem"), "s2", "ed25519-sha256")
	good, err := k.Record()
	if err != nil {
		t.Fatal(err)
	}
	others, err := other.Record()
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		texts map[string][]string
		more  string // of the key's
		code  int
		says  string
	}{
		"published": {map[string][]string{k.Name(): {good}}, "", exitFine, "s1._domainkey.monre.gov.vn: published, rsa-sha256 with 2048 bits"},
		"nothing":   {nil, "", exitFindings, "not published: whoever verifies finds no key"},
		"other":     {map[string][]string{k.Name(): {others}}, "", exitFindings, "another key is published"},
		"several":   {map[string][]string{k.Name(): {good, good}}, "", exitFindings, "several keys"},
		"revoked":   {map[string][]string{k.Name(): {"v=DKIM1; p="}}, "", exitFindings, "revoked"},
		"testing":   {map[string][]string{k.Name(): {strings.Replace(good, "p=", "t=y; p=", 1)}}, "", exitFindings, "for testing"},
		"cut":       {map[string][]string{k.Name(): {good[:200]}}, "", exitFindings, "no good record (bad-key)"},
		"fails":     {map[string][]string{k.Name(): {"!"}}, "", exitCannotJudge, "the DNS does not answer"},
		"over":      {nil, ", until: 2020-01-31", exitFine, "signs no more since 2020-01-31"},
	} {
		t.Run(name, func(t *testing.T) {
			dns := &peer.NameServer{Texts: test.texts}
			at, err := dns.Start()
			if err != nil {
				t.Fatal(err)
			}
			defer dns.Stop()
			conf := filepath.Join(t.TempDir(), "congthu.yml")
			text := fmt.Sprintf("organisation: {domains: [monre.gov.vn]}\nauthentication: {resolvers: [%q]}\nsigning: {dkim: {keys: [{domain: monre.gov.vn, selector: s1, file: %s%s}]}}\n",
				at, filepath.Join(dir, "s1.pem"), test.more)
			if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			p, out, _ := newProgram(t, "")
			if code := p.run([]string{"dkim", "check", "--config", conf}); code != test.code || !strings.Contains(out.String(), test.says) {
				t.Errorf("%d: %s, want %d %q", code, out, test.code, test.says)
			}
		})
	}
}

// TestDKIMReload: a key that is gone is a bad configuration, and mail goes on being signed with the one before.
func TestDKIMReload(t *testing.T) {
	s := serve(t)
	file := filepath.Join(t.TempDir(), "s1.pem")
	keygen(t, file, "s1", "ed25519-sha256")
	more := "signing: {dkim: {keys: [{domain: monre.gov.vn, selector: s1, file: " + file + "}]}}\n"
	reload := func(successful int) {
		t.Helper()
		s.write(t, more)
		s.hup <- syscall.SIGHUP
		s.until(t, "/metrics", fmt.Sprintf("congthu_config_last_reload_successful %d", successful))
	}
	signed := func(n int) {
		t.Helper()
		if got := s.send(t, "Bao cao"); got != 250 {
			t.Fatalf("answered %d", got)
		}
		s.until(t, "/metrics", fmt.Sprintf("congthu_dkim_total{result=\"signed\"} %d", n))
	}
	s.write(t, more)
	s.hup <- syscall.SIGHUP
	s.until(t, "/metrics", `congthu_fail_open_total{engine="dkim"} 0`) // in force
	signed(1)
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	reload(0)
	signed(2)
	keygen(t, file, "s1", "rsa-sha256")
	reload(1)
	signed(3)
}
