package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"congthu/filter"
	"congthu/internal/peer"
	"congthu/signing"
)

// What the configuration says of signatures is what the rule goes by, and a file that is none is named with its place.
func TestSignaturesOf(t *testing.T) {
	_, err := exec.LookPath("openssl")
	peer.Need(t, err == nil, "openssl (Debian package openssl)")
	dir := t.TempDir()
	cmd := exec.Command("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "key.pem", "-out", "root.pem", "-subj", "/CN=root")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("openssl: %v\n%s", err, out)
	}
	ours := func(domain string) bool { return domain == "monre.gov.vn" }
	load := func(text string) (trusted int, states map[signing.State]filter.Disposition, asks bool, required func(string, string) bool, anchors string, err error) {
		conf := filepath.Join(dir, "congthu.yml")
		if err := os.WriteFile(conf, []byte("organisation: {domains: [monre.gov.vn]}\n"+text), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := loadConfig(conf)
		if err != nil {
			t.Fatal(err)
		}
		s, anchors, err := signaturesOf(c, ours, true)
		if err != nil {
			return 0, nil, false, nil, "", err
		}
		return len(s.Trust.Anchors()), s.States, s.Revocation != nil, s.Required, anchors, nil
	}
	trusted, states, asks, required, anchors, err := load("signing: {trust: [root.pem], states: {weak: refuse}, required: [vanthu, An@Example.com]}\n")
	if err != nil || trusted != 1 || !asks || len(anchors) != 16 {
		t.Errorf("%d anchors %q, asks %v, %v", trusted, anchors, asks, err)
	}
	if states[signing.Weak] != filter.Refuse || states[signing.Revoked] != filter.Hold || states[signing.Untrusted] != filter.Tag {
		t.Errorf("states %v", states)
	}
	for address, want := range map[string]bool{"vanthu@monre.gov.vn": true, "VanThu@monre.gov.vn": true, "vanthu@example.com": false, "an@example.com": true, "an@monre.gov.vn": false} {
		local, domain, _ := strings.Cut(address, "@")
		if required(local, domain) != want {
			t.Errorf("%s has to sign: %v", address, !want)
		}
	}
	if trusted, _, asks, _, anchors, err = load("signing: {revocation: off}\n"); err != nil || trusted != 0 || asks || anchors != "" {
		t.Errorf("nothing configured: %d anchors %q, asks %v, %v", trusted, anchors, asks, err)
	}
	for text, want := range map[string]string{
		"signing: {trust: [none.pem]}\n":  "there is no file",
		"signing: {trust: [key.pem]}\n":   "holds a PRIVATE KEY",
		"signing: {lists: [root.pem]}\n":  "no revocation list",
		"signing: {cache: /dev/null/x}\n": "signing.cache",
		"signing: {trust: [\"*.yml\"]}\n": "neither PEM nor a certificate",
	} {
		if _, _, _, _, _, err := load(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}
