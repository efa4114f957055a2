package deploy

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"congthu/internal/peer"
)

// signatory signs mail with openssl, by a certificate of a root that the gate trusts.
type signatory struct{ dir string }

func newSignatory(t *testing.T) signatory {
	t.Helper()
	_, err := exec.LookPath("openssl")
	peer.Need(t, err == nil, "openssl (Debian package openssl)")
	dir, err := peer.TempDir() // which the gate, as another user, can read
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	g := signatory{dir}
	g.openssl(t, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "root-key.pem", "-out", "root.pem", "-days", "2", "-subj", "/CN=Co quan chung thuc")
	g.openssl(t, "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "key.pem", "-out", "request.pem", "-subj", "/CN=An",
		"-addext", "subjectAltName=email:chuyen.vien@"+ours)
	g.openssl(t, "x509", "-req", "-in", "request.pem", "-CA", "root.pem", "-CAkey", "root-key.pem", "-out", "cert.pem", "-days", "2", "-copy_extensions", "copy")
	must(t, os.Chmod(g.file("root.pem"), 0o644))
	return g
}

func (g signatory) file(name string) string { return filepath.Join(g.dir, name) }

func (g signatory) openssl(t *testing.T, args ...string) {
	t.Helper()
	cmd := exec.Command("openssl", args...)
	cmd.Dir = g.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("openssl %v: %v\n%s", args, err, out)
	}
}

// letter is a signed one, with the key as its first field.
func (g signatory) letter(t *testing.T, key, entity string, args ...string) []byte {
	t.Helper()
	must(t, os.WriteFile(g.file("entity"), []byte(entity), 0o600))
	g.openssl(t, append([]string{"cms", "-sign", "-binary", "-in", "entity", "-out", "signed", "-signer", "cert.pem", "-inkey", "key.pem"}, args...)...)
	signed, err := os.ReadFile(g.file("signed"))
	must(t, err)
	signed = bytes.ReplaceAll(bytes.ReplaceAll(signed, []byte("\r\n"), []byte("\n")), []byte("\n"), []byte("\r\n"))
	head := fmt.Sprintf("X-Peer-Key: %s\r\nFrom: <chuyen.vien@%s>\r\nTo: <van.thu@%s>\r\nDate: Tue, 06 Oct 2026 08:00:00 +0700\r\nMessage-ID: <%s@%s>\r\nSubject: Bao cao\r\n",
		key, ours, ours, key, ours)
	return append([]byte(head), signed...)
}

// signedMails are messages by what the gate says of their signature.
func (g signatory) signedMails(t *testing.T) map[string][]byte {
	t.Helper()
	eight := "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nKính gửi các đơn vị,  \r\n.dòng bắt đầu bằng dấu chấm\r\n..\r\n\tTrân trọng. \r\n"
	seven := "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nK=C3=ADnh g=E1=BB=ADi c=C3=A1c =C4=91=C6=A1n v=E1=BB=8B,=20=20\r\nFrom day\r\n.\r\n=20\r\n"
	changed := func(b []byte) []byte { return bytes.Replace(b, []byte("Tr\xc3\xa2n"), []byte("Tran"), 1) }
	plain, _, _ := strings.Cut(string(g.letter(t, "x", eight)), "Subject:")
	return map[string][]byte{
		"eight":  g.letter(t, "eight", eight),
		"seven":  g.letter(t, "seven", seven),
		"opaque": g.letter(t, "opaque", eight, "-nodetach"),
		"stream": g.letter(t, "stream", eight, "-nodetach", "-stream"),
		"sha1":   g.letter(t, "sha1", seven, "-md", "sha1"),
		"forged": changed(g.letter(t, "forged", eight)),
		"plain":  []byte(strings.Replace(plain, "X-Peer-Key: x", "X-Peer-Key: plain", 1) + "Subject: Bao cao\r\n\r\nKinh gui\r\n"),
	}
}

func wantedSignatures() map[string]string {
	return map[string]string{"eight": "valid", "seven": "valid", "opaque": "valid", "stream": "valid", "sha1": "weak: digest", "forged": "invalid: content changed", "plain": ""}
}

// TestSignatures sends signed mail through Postfix: both doors and check say the same of it, and what the next hop gets openssl verifies.
func TestSignatures(t *testing.T) {
	g := newSignatory(t)
	mails := g.signedMails(t)
	conf := fmt.Sprintf("signing: {trust: [%q]}\nrules: {signature: {mode: enforce, outbound: refuse}}\n", g.file("root.pem"))
	for name, want := range wantedSignatures() {
		if got := g.checked(t, conf, mails[name]); got != want {
			t.Errorf("check of %s: %q, want %q", name, got, want)
		}
	}
	for _, kind := range []string{milterUnix, proxyFilter} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := newStand(t, kind, conf)
			for name, want := range wantedSignatures() {
				m := letter{key: name}.mail()
				m.Bytes = mails[name]
				if slices.ContainsFunc(m.Bytes, func(b byte) bool { return b >= 0x80 }) {
					m.Params = "BODY=8BITMIME"
				}
				answer := s.send(t, inside, m).Last()
				if strings.HasPrefix(want, "invalid") {
					if !strings.HasPrefix(answer.String(), "550 5.7.7 [9.2] Chu ky so") {
						t.Errorf("%s: answered %s", name, answer)
					}
					s.notDelivered(t, name)
					if got := signatureDetail(t, s.logged(t, transactionID(answer))); got != want {
						t.Errorf("%s: logged %q, want %q", name, got, want)
					}
					continue
				}
				if !answer.OK() {
					t.Errorf("%s: answered %s", name, answer)
					continue
				}
				d := s.delivered(t, name)
				samePassed(t, d, mails[name])
				if got := signatureDetail(t, s.logged(t, peer.Field(d.Bytes, "Congthu-Id"))); got != want {
					t.Errorf("%s: logged %q, want %q", name, got, want)
				}
				if want != "" {
					g.verifies(t, filepath.Join(t.TempDir(), name), d.Bytes)
				}
			}
		})
	}
}

// checked is what congthu check finds of a message's signature.
func (g signatory) checked(t *testing.T, conf string, mail []byte) string {
	t.Helper()
	return signatureDetail(t, checkedLine(t, g.dir, "organisation: {domains: ["+ours+"]}\n"+conf, mail))
}

// signatureDetail is what the findings of a verdict say of the signature.
func signatureDetail(t *testing.T, line map[string]any) string {
	t.Helper()
	return detailOf(t, line, "signature")
}

// verifies lets openssl verify a message as the next hop has it.
func (g signatory) verifies(t *testing.T, file string, mail []byte) {
	t.Helper()
	must(t, os.WriteFile(file, mail, 0o600))
	g.openssl(t, "cms", "-verify", "-in", file, "-inform", "SMIME", "-CAfile", "root.pem", "-purpose", "any", "-out", file+".content")
}
