package deploy

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"congthu/internal/peer"
)

// letter is a message of ours with the fields that Postfix would otherwise add. The key is its first
// field, so that all that is added on the way stands above it.
type letter struct {
	key     string
	from    string // From; chuyen.vien@monre.gov.vn when empty
	subject string // none when empty
	fields  string // further fields, each ended by CRLF
	body    string // "Kính gửi …" when empty
	noDate  bool   // without Date and Message-ID
}

func (l letter) bytes() []byte {
	if l.from == "" {
		l.from = "chuyen.vien@" + ours
	}
	if l.body == "" {
		l.body = "Kinh gui cac don vi,\r\n.dong bat dau bang dau cham\r\n..\r\n\r\nTran trong.\r\n"
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "X-Peer-Key: %s\r\nFrom: <%s>\r\nTo: <van.thu@%s>\r\n", l.key, l.from, ours)
	if !l.noDate {
		fmt.Fprintf(&b, "Date: Tue, 06 Oct 2026 08:00:00 +0700\r\nMessage-ID: <%s@%s>\r\n", l.key, ours)
	}
	if l.subject != "" {
		fmt.Fprintf(&b, "Subject: %s\r\n", l.subject)
	}
	b.WriteString(l.fields + "\r\n" + l.body)
	return b.Bytes()
}

// mail puts a letter into an envelope from and to us.
func (l letter) mail() peer.Mail {
	return peer.Mail{From: "chuyen.vien@" + ours, To: []string{"van.thu@" + ours}, Bytes: l.bytes()}
}

// attachment is a multipart with one base64 attachment of random octets, the same for the same seed.
func attachment(seed uint64, size int) (fields, body string) {
	raw := make([]byte, size)
	src := rand.New(rand.NewPCG(seed, 1))
	for i := range raw {
		raw[i] = byte(src.Uint32())
	}
	enc := base64.StdEncoding.EncodeToString(raw)
	var b strings.Builder
	b.Grow(len(enc) + len(enc)/30)
	b.WriteString("--=_ranh\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nXin gui tep kem.\r\n--=_ranh\r\n" +
		"Content-Type: application/pdf; name=\"ban-do.pdf\"\r\nContent-Disposition: attachment; filename=\"ban-do.pdf\"\r\nContent-Transfer-Encoding: base64\r\n\r\n")
	for len(enc) > 76 {
		b.WriteString(enc[:76] + "\r\n")
		enc = enc[76:]
	}
	b.WriteString(enc + "\r\n--=_ranh--\r\n")
	return "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"=_ranh\"\r\n", b.String()
}

// samePassed checks that what was delivered is want, octet for octet, below fields that Postfix and
// the gate put on top, and returns those.
func samePassed(t *testing.T, d peer.Delivery, want []byte) (top []string) {
	t.Helper()
	i := bytes.Index(d.Bytes, []byte("X-Peer-Key:"))
	if i < 0 {
		t.Fatal("the first field of the message is gone")
	}
	if got := d.Bytes[i:]; sha256.Sum256(got) != sha256.Sum256(want) {
		t.Fatalf("the message was changed on the way: %d octets became %d\nfirst difference: %s", len(want), len(got), difference(got, want))
	}
	top = peer.Fields(append(bytes.Clone(d.Bytes[:i]), "\r\n"...))
	for _, f := range top {
		name, _, _ := strings.Cut(f, ":")
		switch name {
		case "Received", "Congthu-Id", "Congthu-Verdict":
		case "":
		default:
			t.Errorf("a field was added on top: %q", f)
		}
	}
	return top
}

func difference(got, want []byte) string {
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			return fmt.Sprintf("at %d: got %q, want %q", i, clip(got[i:]), clip(want[i:]))
		}
	}
	return fmt.Sprintf("at the end: got %q, want %q", clip(got[min(len(got), len(want)):]), clip(want[min(len(got), len(want)):]))
}

func clip(b []byte) []byte { return b[:min(len(b), 60)] }

// transactionID is the id in a reply, "(id 01JD…)".
func transactionID(r peer.Reply) string {
	_, rest, _ := strings.Cut(r.String(), "(id ")
	id, _, _ := strings.Cut(rest, ")")
	return id
}

// logged is the gate's log line with that id. It is written after the reply.
func (s *stand) logged(t *testing.T, id string) (line map[string]any) {
	t.Helper()
	if id == "" {
		t.Fatal("there is no transaction id")
	}
	must(t, peer.Wait(patience, "the log line of "+id, func() bool {
		for _, m := range s.gate.Messages() {
			if m["id"] == id {
				line = m
				return true
			}
		}
		return false
	}))
	return line
}
