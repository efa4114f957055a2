package relay

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-smtp"
)

// peerServer is an independent SMTP server as the next hop.
type peerServer struct {
	mu   sync.Mutex
	mail []peerMail
}

type peerMail struct {
	from string
	to   []string
	utf8 bool
	body string
	data []byte
}

type peerSession struct {
	*peerServer
	m peerMail
}

func (s *peerServer) NewSession(*smtp.Conn) (smtp.Session, error) {
	return &peerSession{peerServer: s}, nil
}
func (s *peerSession) Reset()        { s.m = peerMail{} }
func (s *peerSession) Logout() error { return nil }

func (s *peerSession) Mail(from string, o *smtp.MailOptions) error {
	s.m = peerMail{from: from, utf8: o.UTF8, body: string(o.Body)}
	return nil
}

func (s *peerSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	if strings.HasPrefix(to, "nobody@") {
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such user"}
	}
	s.m.to = append(s.m.to, to)
	return nil
}

func (s *peerSession) Data(r io.Reader) error {
	b, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	s.m.data = b
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mail = append(s.mail, s.m)
	return nil
}

// startPeers puts the gate between go-smtp's server and its client.
func startPeers(t *testing.T) (*peerServer, *smtp.Client) {
	t.Helper()
	backend := &peerServer{}
	srv := smtp.NewServer(backend)
	srv.Domain, srv.EnableSMTPUTF8, srv.EnableDSN, srv.MaxMessageBytes, srv.MaxLineLength = "peer.test", true, true, 64<<20, 1<<20
	l := listenLoopback(t)
	served := make(chan struct{})
	go func() { defer close(served); _ = srv.Serve(l) }()
	t.Cleanup(func() { srv.Close(); <-served })
	g := startGate(t, func(cfg *Config) { cfg.NextHops = []string{l.Addr().String()} })
	client, err := smtp.Dial(g.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return backend, client
}

// samples are messages whose octets must survive, by name.
func samples() map[string]string {
	rnd := rand.New(rand.NewPCG(1, 2))
	binary := make([]byte, 100_000)
	for i := range binary {
		for binary[i] = byte(rnd.Uint32()); binary[i] == '\r' || binary[i] == '\n' || binary[i] == 0; {
			binary[i] = byte(rnd.Uint32())
		}
	}
	var base64 bytes.Buffer
	for base64.Len() < 20<<20 {
		fmt.Fprintf(&base64, "%076x\r\n", rnd.Uint64())
	}
	return map[string]string{
		"empty body":       "Subject: x\r\n\r\n",
		"no header":        "\r\nbody\r\n",
		"dots":             "Subject: x\r\n\r\n.\r\n..\r\n...a\r\n.b\r\n\r\n.\r\n",
		"dots at a block":  "Subject: x\r\n\r\n" + strings.Repeat("0123456789abcdef\r\n.", 3*blockBytes/19) + "\r\n",
		"8-bit":            "Subject: Thông báo\r\n\r\n" + string(binary) + "\r\n",
		"trailing blanks":  "Subject: x \r\n folded \t\r\n\r\nbody \t \r\n\r\n\r\n",
		"header only":      "Subject: x\r\n",
		"a line of 100000": "Subject: x\r\n\r\n" + strings.Repeat("y", 100_000) + "\r\n",
		"20 MB":            "Subject: x\r\n\r\n" + base64.String(),
	}
}

// TestBytesSurvive: through two independent peers, every octet but the added fields is the sender's.
func TestBytesSurvive(t *testing.T) {
	backend, client := startPeers(t)
	n := 0
	for name, m := range samples() {
		if err := client.Mail("a@example.org", &smtp.MailOptions{Body: smtp.Body8BitMIME}); err != nil {
			t.Fatal(name, err)
		}
		if err := client.Rcpt("b@monre.gov.vn", nil); err != nil {
			t.Fatal(name, err)
		}
		w, err := client.Data()
		if err != nil {
			t.Fatal(name, err)
		}
		if _, err := io.WriteString(w, m); err != nil {
			t.Fatal(name, err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(name, err)
		}
		n++
		if len(backend.mail) != n {
			t.Fatalf("%s: %d messages arrived, want %d", name, len(backend.mail), n)
		}
		added, got, _ := bytes.Cut(backend.mail[n-1].data, []byte("\r\n"))
		if !bytes.HasPrefix(added, []byte("Congthu-Id: ")) || sum(got) != sum([]byte(m)) {
			t.Errorf("%s: %d octets arrived of %d, after %q", name, len(got), len(m), added)
		}
	}
	if err := client.Quit(); err != nil {
		t.Error(err)
	}
}

func sum(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}

// TestPeersEnvelope: extensions, UTF-8 addresses, the null reverse-path and a refused recipient.
func TestPeersEnvelope(t *testing.T) {
	backend, client := startPeers(t)
	for ext, want := range map[string]bool{"8BITMIME": true, "SMTPUTF8": true, "DSN": true, "ENHANCEDSTATUSCODES": true, "SIZE": true,
		"PIPELINING": true, "CHUNKING": true, "XFORWARD": false, "STARTTLS": false, "AUTH": false} {
		if has, _ := client.Extension(ext); has != want {
			t.Errorf("%s offered: %v", ext, has)
		}
	}
	if err := client.Mail("nguyễn@bộ.example", &smtp.MailOptions{UTF8: true}); err != nil {
		t.Fatal(err)
	}
	if err := client.Rcpt("trần@monre.gov.vn", nil); err != nil {
		t.Fatal(err)
	}
	err := client.Rcpt("nobody@monre.gov.vn", nil)
	if e, ok := err.(*smtp.SMTPError); !ok || e.Code != 550 || e.EnhancedCode != (smtp.EnhancedCode{5, 1, 1}) || e.Message != "no such user" {
		t.Errorf("refused recipient: %v", err)
	}
	finish := func(subject string) error {
		w, err := client.Data()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, "Subject: "+subject+"\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		return w.Close()
	}
	if err := finish("x"); err != nil {
		t.Fatal(err)
	}
	if err := client.Mail("", nil); err != nil {
		t.Fatal(err)
	}
	if err := client.Rcpt("b@monre.gov.vn", nil); err != nil {
		t.Fatal(err)
	}
	if e, ok := finish("judge:refuse").(*smtp.SMTPError); !ok || e.Code != 550 || e.EnhancedCode != (smtp.EnhancedCode{5, 7, 1}) {
		t.Errorf("refused message: %v", e)
	}
	if len(backend.mail) != 1 {
		t.Fatalf("%d messages arrived", len(backend.mail))
	}
	m := backend.mail[0]
	if m.from != "nguyễn@bộ.example" || !m.utf8 || len(m.to) != 1 || m.to[0] != "trần@monre.gov.vn" {
		t.Errorf("arrived: %+v", m)
	}
}
