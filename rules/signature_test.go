package rules

import (
	"bytes"
	"context"
	"encoding/base64"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"congthu/filter"
	"congthu/internal/peer"
	"congthu/signing"
)

// signer signs mail with openssl, with a certificate of its own making.
type signer struct {
	t    *testing.T
	dir  string
	cert string
}

func newSigner(t *testing.T) signer {
	_, err := exec.LookPath("openssl")
	peer.Need(t, err == nil, "openssl (Debian package openssl)")
	s := signer{t: t, dir: t.TempDir()}
	s.cert = filepath.Join(s.dir, "cert.pem")
	s.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "key.pem", "-out", "cert.pem", "-days", "2",
		"-subj", "/CN=An/emailAddress=nvan@monre.gov.vn", "-addext", "keyUsage=digitalSignature")
	return s
}

func (s signer) openssl(args ...string) {
	s.t.Helper()
	cmd := exec.Command("openssl", args...)
	cmd.Dir = s.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		s.t.Fatalf("openssl %v: %v\n%s", args, err, out)
	}
}

// mail is a whole message as openssl makes it, from the author to a partner, with the line ends of the wire.
func (s signer) mail(entity string, args ...string) string {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, "entity"), []byte(entity), 0o600); err != nil {
		s.t.Fatal(err)
	}
	s.openssl(append([]string{"cms", "-sign", "-binary", "-in", "entity", "-out", "mail", "-signer", "cert.pem", "-inkey", "key.pem",
		"-from", "nvan@monre.gov.vn", "-to", "partner@example.com", "-subject", "Report"}, args...)...)
	return s.read("mail")
}

const signedText = "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nKính gửi, tài nguyên nước\r\n"

// found are the findings as "part: disposition detail".
func (s signer) found(mail string, c Signatures) []string {
	s.t.Helper()
	m := parse(s.t, mail)
	conf := Config{Signatures: c}.complete()
	findings, err := signatureRule(conf).Check(context.Background(), &filter.Transaction{Message: m, Received: time.Now(), Direction: filter.Outbound})
	if err != nil {
		s.t.Fatal(err)
	}
	var out []string
	for _, f := range findings {
		word := "policy"
		if f.Disposition != filter.Unset {
			word = f.Disposition.String()
		}
		out = append(out, f.Part+": "+word+" "+f.Detail)
	}
	return out
}

func TestSignature(t *testing.T) {
	s := newSigner(t)
	trust, err := signing.LoadTrust([]string{s.cert}, nil)
	if err != nil {
		t.Fatal(err)
	}
	trusted := Signatures{Trust: trust}
	required := Signatures{Trust: trust, Required: func(local, domain string) bool { return local == "nvan" && domain == "monre.gov.vn" }}
	detached, opaque := s.mail(signedText), s.mail(signedText, "-nodetach")
	head, body, _ := strings.Cut(detached, "\r\n\r\n")
	change := func(mail string) string { return strings.Replace(mail, "nguyên", "nguyeen", 1) }
	around := func(inside string) string {
		return "From: nvan@monre.gov.vn\r\nTo: partner@example.com\r\nSubject: Report\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=outer\r\n\r\n" +
			"--outer\r\n" + inside + "\r\n--outer\r\nContent-Type: text/plain\r\n\r\nfooter of a list\r\n--outer--\r\n"
	}
	contentType := head[strings.Index(head, "Content-Type:"):]
	for _, c := range []struct {
		name, mail string
		conf       Signatures
		want       string
	}{
		{"detached", detached, trusted, ": accept valid"},
		{"opaque", opaque, trusted, "1: accept valid"},
		{"nothing trusted", detached, Signatures{}, ": tag untrusted: no anchor"},
		{"text changed", change(detached), trusted, ": policy invalid: content changed"},
		{"another author", strings.Replace(detached, "From: nvan@", "From: nvbinh@", 1), trusted, ": tag address-mismatch: foreign address"},
		{"two From fields", strings.Replace(detached, "From: nvan@", "From: nvbinh@monre.gov.vn\r\nFrom: nvan@", 1), trusted, ": tag address-mismatch: foreign address"},
		{"with a footer of a list", around(contentType + "\r\n\r\n" + body), trusted, "1: accept valid, part of the message"},
		{"forwarded, and changed on the way", around("Content-Type: message/rfc822\r\n\r\n" + change(detached)), trusted, "1: accept invalid: content changed, enclosed message"},
		{"signed in signed", s.mail(opaque[strings.Index(opaque, "MIME-Version"):], "-nodetach"), trusted, "1: accept valid|1/1: accept valid"},
		{"protocol left out", strings.Replace(detached, `protocol="application/pkcs7-signature"; `, "", 1), trusted, ": accept valid"},
		{"a signature alone", around(s.signaturePart(detached)), trusted, "1: tag unsupported: signed elsewhere"},
		{"unsigned", "From: nvan@monre.gov.vn\r\nSubject: x\r\n\r\ntext\r\n", trusted, ""},
		{"unsigned, but has to be", "From: nvan@monre.gov.vn\r\nSubject: x\r\n\r\ntext\r\n", required, ": policy unsigned"},
		{"unsigned of another mailbox", "From: ttbinh@monre.gov.vn\r\nSubject: x\r\n\r\ntext\r\n", required, ""},
		{"signed, as it has to be", detached, required, ": accept valid"},
	} {
		if got := strings.Join(s.found(c.mail, c.conf), "|"); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// A message in a file may have the line ends of the system: what was signed had those of the wire.
func TestSignatureInFile(t *testing.T) {
	s := newSigner(t)
	mail := strings.ReplaceAll(s.mail(signedText), "\r\n", "\n")
	for door, want := range map[string]string{doorCheck: "untrusted: no anchor", "relay": "invalid: content changed"} {
		tx := &filter.Transaction{Message: parse(t, mail), Received: time.Now(), Direction: filter.Inbound, Session: filter.Session{Door: door}}
		f, err := signatureRule(Config{}.complete()).Check(context.Background(), tx)
		if err != nil || len(f) != 1 || f[0].Detail != want {
			t.Errorf("%s: %+v, %v", door, f, err)
		}
	}
}

// signaturePart is the second part of a multipart/signed.
func (s signer) signaturePart(mail string) string {
	i := strings.LastIndex(mail, "Content-Type: application/pkcs7-signature")
	if i < 0 {
		i = strings.LastIndex(mail, "Content-Type: application/x-pkcs7-signature")
	}
	part := mail[i:]
	return part[:strings.Index(part, "\r\n\r\n------")]
}

// More signatures than the limit are not verified, which is said once; and mail inside of encoded parts is read as it is.
func TestManySignatures(t *testing.T) {
	s := newSigner(t)
	opaque := s.mail(signedText, "-nodetach")
	part := opaque[strings.Index(opaque, "Content-Disposition:"):]
	var mail bytes.Buffer
	mail.WriteString("From: nvan@monre.gov.vn\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=outer\r\n\r\n")
	for range maxSignatures + 5 {
		mail.WriteString("--outer\r\n" + part + "\r\n")
	}
	mail.WriteString("--outer--\r\n")
	got := s.found(mail.String(), Signatures{})
	if len(got) != maxSignatures+1 || !strings.HasSuffix(got[maxSignatures], "unsupported: too many signatures") {
		t.Errorf("%d findings, the last %q", len(got), got[len(got)-1])
	}
}

// read is a file that openssl wrote, with the line ends of the wire.
func (s signer) read(name string) string {
	s.t.Helper()
	data, err := os.ReadFile(filepath.Join(s.dir, name))
	if err != nil {
		s.t.Fatal(err)
	}
	return strings.ReplaceAll(strings.ReplaceAll(string(data), "\r\n", "\n"), "\n", "\r\n")
}

// cms is a signature of octets as DER, without a message around it.
func (s signer) cms(octets string, args ...string) []byte {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, "octets"), []byte(octets), 0o600); err != nil {
		s.t.Fatal(err)
	}
	s.openssl(append([]string{"cms", "-sign", "-binary", "-in", "octets", "-outform", "DER", "-out", "cms", "-signer", "cert.pem", "-inkey", "key.pem"}, args...)...)
	data, err := os.ReadFile(filepath.Join(s.dir, "cms"))
	if err != nil {
		s.t.Fatal(err)
	}
	return data
}

// lines is Base64 as mail has it.
func lines(data []byte) string {
	var b strings.Builder
	for text := base64.StdEncoding.EncodeToString(data); text != ""; {
		n := min(len(text), 76)
		b.WriteString(text[:n] + "\r\n")
		text = text[n:]
	}
	return b.String()
}
