package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"congthu/signing"
)

// An anchor is readable for the gate whatever the administrator's umask is, whole, and the only file that is left.
func TestWriteAnchor(t *testing.T) {
	script, err := os.ReadFile("testdata/script/trust.txtar")
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(script), "-- root.pem --\n")
	text, _, _ = strings.Cut(text, "-- ")
	all, err := signing.ParseCertificates([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(t.TempDir(), "trust")
	name := filepath.Join(folder, "root.pem")
	defer syscall.Umask(syscall.Umask(0o077))
	for range 2 { // a second time over the first
		if err := writeAnchor(name, all[0]); err != nil {
			t.Fatal(err)
		}
	}
	for path, want := range map[string]os.FileMode{folder: 0o755, name: 0o644} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v, want %v", path, info.Mode(), err, want)
		}
	}
	if read, err := signing.ReadCertificates(name); err != nil || len(read) != 1 || !read[0].Equal(all[0]) {
		t.Errorf("read back: %d certificates, %v", len(read), err)
	}
	if files, err := os.ReadDir(folder); err != nil || len(files) != 1 {
		t.Errorf("left in the folder: %v, %v", files, err)
	}
	if err := writeAnchor(filepath.Join(name, "below-a-file.pem"), all[0]); err == nil {
		t.Error("written below a file")
	}
}

// Fingerprints come in many forms, and each is the same one; anything else is refused rather than guessed.
func TestFingerprints(t *testing.T) {
	const plain = "bc9be718fc4af9e7734d33d9dd5399bd51074235965a2ce6b30f6eda8dd3df0b"
	for _, form := range []string{plain, strings.ToUpper(plain), colons(plain), strings.ReplaceAll(colons(plain), ":", " "), "SHA256:" + plain, "sha256 " + colons(plain)} {
		if got, err := fingerprints([]string{form}); err != nil || len(got) != 1 || got[0] != plain {
			t.Errorf("%q: %v, %v", form, got, err)
		}
	}
	for _, form := range []string{"", plain[:40], plain + "00", strings.Replace(plain, "b", "x", 1), plain[:63] + "о"} {
		if got, err := fingerprints([]string{form}); err == nil {
			t.Errorf("%q: %v", form, got)
		}
	}
}
