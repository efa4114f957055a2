package console_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"congthu/internal/peer"
	"congthu/store"
)

// TestQRCode has a reader of QR codes look at the page, in both themes.
func TestQRCode(t *testing.T) {
	_, err := exec.LookPath("zbarimg")
	peer.Need(t, err == nil, "a reader of QR codes (Debian package zbar-tools)")
	b := newBench(t)
	who := b.as(store.Auditor)
	who.withPassword("none.of.these-1")
	w := newWindow(t, b.server.URL)
	for _, theme := range []string{"light", "dark"} {
		w.as(who, "vi", theme)
		w.run(chromedp.Navigate(b.server.URL + "/account"))
		file := filepath.Join(t.TempDir(), "page.png")
		if err := os.WriteFile(file, value(w, chromedp.FullScreenshot(100)), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command("zbarimg", "--quiet", "--raw", file).Output()
		if err != nil {
			t.Fatalf("%s: nothing was read: %v", theme, err)
		}
		want := value(w, chromedp.Text(chromedp.CSS("small > code")))
		if got := strings.TrimSpace(string(out)); got != want || !strings.HasPrefix(got, "otpauth://totp/") {
			t.Errorf("%s: read %q, want %q", theme, got, want)
		}
		w.quiet("/account")
	}
}

// withPassword gives somebody a hash of a password, which makes the account one of this gate.
func (w *browser) withPassword(hash string) {
	w.t.Helper()
	all, err := w.store.Users(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	name := all[len(all)-1].Name
	secret := strings.TrimPrefix(w.csrf, "token of ")
	if err := w.store.SetPassword(w.t.Context(), name, hash, false, "secret-"+secret); err != nil {
		w.t.Fatal(err)
	}
}
