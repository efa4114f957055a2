package store_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"congthu/store"
)

// forms are the ways in which a secret could stand in a file: as it is, in hexadecimal, and in base64 at each of
// the three places in which its octets may begin.
func forms(secret string) [][]byte {
	all := [][]byte{[]byte(secret), []byte(hex.EncodeToString([]byte(secret))), []byte(strings.ToUpper(hex.EncodeToString([]byte(secret))))}
	for shift := range 3 {
		coded := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", shift) + secret))
		all = append(all, []byte(coded[4*((shift+2)/3):len(coded)-4])) // without what depends on the neighbours
	}
	var utf16 []byte
	for _, c := range []byte(secret) {
		utf16 = append(utf16, c, 0)
	}
	return append(all, utf16)
}

// shows tells whether the secret stands in b, as it is or in whatever gzip stream begins in it.
func shows(b []byte, secret [][]byte) bool {
	for _, form := range secret {
		if bytes.Contains(b, form) {
			return true
		}
	}
	for i := 0; ; i++ {
		next := bytes.Index(b[i:], []byte{0x1f, 0x8b, 8})
		if next < 0 {
			return false
		}
		i += next
		r, err := gzip.NewReader(bytes.NewReader(b[i:]))
		if err != nil {
			continue
		}
		plain, _ := io.ReadAll(io.LimitReader(r, 8<<20)) // as far as it goes
		if len(plain) > 0 && shows(plain, secret) {
			return true
		}
	}
}

// TestShows is for the test below: what looks for the secret finds it.
func TestShows(t *testing.T) {
	secret := "BIMAT-7f3a91c2"
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	fmt.Fprint(w, "a ", secret, " b")
	w.Close()
	for name, b := range map[string]string{
		"raw": "a" + secret + "b", "gzip": "junk \x1f\x8b junk" + packed.String(), "hex": hex.EncodeToString([]byte(secret)),
		"base64": base64.StdEncoding.EncodeToString([]byte("abc" + secret + "x")), "base64 1": base64.StdEncoding.EncodeToString([]byte("abcd" + secret + "xyz")),
		"base64 2": base64.StdEncoding.EncodeToString([]byte("abcde" + secret + "xy")), "cut gzip": packed.String()[:packed.Len()-9],
	} {
		if !shows([]byte(b), forms(secret)) {
			t.Errorf("%s: not found", name)
		}
	}
	if shows([]byte("a BIMAT-7f3a91c b"), forms(secret)) {
		t.Error("found what is not there")
	}
}

// Nothing of a held message's content is in any file of the store: not at work, not after a decision, not in a
// backup; nor is a key that opens it.
func TestNoContentInFiles(t *testing.T) {
	const secret = "BIMAT-7f3a91c2-TUYETMAT"
	dir := t.TempDir()
	d := newDesk(t, filepath.Join(dir, "congthu.db"))
	key := d.officer(t, "an")
	attachment := base64.StdEncoding.EncodeToString([]byte("0123" + strings.Repeat(secret+" ", 50)))
	content := []byte("From: an@monre.gov.vn\r\nSubject: " + secret + "\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" +
		"--b\r\n\r\n" + secret + "\r\n--b\r\nContent-Type: application/pdf; name=\"" + secret + ".pdf\"\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
		attachment + "\r\n--b--\r\n")
	if !shows(content, forms(secret)) {
		t.Fatal("the message has no secret")
	}
	for i, marking := range []bool{true, false} {
		h := d.sample(fmt.Sprintf("01A%d", i), content)
		h.Subject, h.Marking, h.ReversePath = "Re: "+secret, marking, fmt.Sprintf("s%d@example.com", i)
		d.hold(t, h, content)
	}
	look := func(when string) {
		t.Helper()
		n := 0
		// Read in a copy that another process makes: closing the database here would drop SQLite's locks.
		copied := filepath.Join(t.TempDir(), "copy")
		if out, err := exec.CommandContext(t.Context(), "cp", "-r", dir, copied).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		err := filepath.WalkDir(copied, func(path string, e os.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			n += len(b)
			if shows(b, forms(secret)) {
				t.Errorf("%s: %s shows the secret", when, filepath.Base(path))
			}
			if bytes.Contains(bytes.ToUpper(b), []byte("AGE-SECRET-KEY-")) {
				t.Errorf("%s: %s shows a key", when, filepath.Base(path))
			}
			if strings.Contains(path, "partial") {
				t.Errorf("%s: %s is left", when, path)
			}
			return nil
		})
		if err != nil || n < len(content) {
			t.Fatalf("%s: %d octets, %v", when, n, err)
		}
	}
	look("held")
	if got := d.read(t, "01A0", key); !bytes.Equal(got, content) {
		t.Error("other content")
	}
	if s, err := d.Subject(t.Context(), "01A0", key); err != nil || s != "" {
		t.Errorf("the subject of a marking was kept: %q %v", s, err)
	}
	if s, err := d.Subject(t.Context(), "01A1", key); err != nil || s != "Re: "+secret {
		t.Errorf("%q %v", s, err)
	}
	if _, err := d.Backup(t.Context(), filepath.Join(dir, "backup.db")); err != nil {
		t.Fatal(err)
	}
	look("opened, backed up")
	if err := d.Delete(t.Context(), "01A0", "an@monre.gov.vn", "marking"); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Approve(t.Context(), "01A1", "an@monre.gov.vn"); err != nil {
		t.Fatal(err)
	}
	r, err := d.ReleaseStart(t.Context(), "01A1", "an@monre.gov.vn", false)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.ReleaseDone(t.Context(), r, "an@monre.gov.vn", "đúng việc", "250 ok"); err != nil {
		t.Fatal(err)
	}
	look("decided")
	// What is deleted is gone from the database itself: no chunk, no officer's copy of its key.
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(d.path)
	if err != nil || bytes.Contains(b, []byte("age-encryption.org")) {
		t.Errorf("encrypted content is left: %v", err)
	}
}

// Errors and the log show nothing of the content either.
func TestNoContentInErrors(t *testing.T) {
	const secret = "BIMAT-7f3a91c2"
	d := newDesk(t, "")
	d.officer(t, "an")
	h := d.sample("01A", []byte("other"))
	h.Subject = secret
	_, err := d.Hold(t.Context(), h, strings.NewReader(secret))
	if err == nil || shows([]byte(err.Error()), forms(secret)) {
		t.Errorf("%v", err)
	}
	if _, err := store.ParseRecipient(newKey(t).String()); err == nil || strings.Contains(err.Error(), "SECRET-KEY-1Q") {
		t.Errorf("%v", err)
	}
}
