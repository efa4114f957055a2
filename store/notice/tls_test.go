package notice

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
)

func clientTLS() *tls.Config { return &tls.Config{MinVersion: tls.VersionTLS12} }

// certificate is one for 127.0.0.1, and the pool that trusts it.
func certificate(t testing.TB) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

// STARTTLS and TLS from the start, with a certificate that is trusted and with one that is not.
func TestTLS(t *testing.T) {
	cert, pool := certificate(t)
	for _, tc := range []struct {
		name     string
		implicit bool
		trust    *x509.CertPool
		want     string
	}{
		{"STARTTLS", false, pool, resultSent},
		{"TLS from the start", true, pool, resultSent},
		{"a certificate that nobody knows", false, x509.NewCertPool(), resultRetried},
		{"and from the start", true, x509.NewCertPool(), resultRetried},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := make(chan string, 1)
			server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &session{got: got}, nil }))
			server.Domain, server.TLSConfig = "127.0.0.1", &tls.Config{Certificates: []tls.Certificate{cert}}
			server.ErrorLog = noLog{}
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			addr := l.Addr().String()
			if tc.implicit {
				l = tls.NewListener(l, server.TLSConfig)
			}
			var wg sync.WaitGroup
			wg.Go(func() { _ = server.Serve(l) })
			defer wg.Wait()
			defer server.Close()
			s := sender(t, addr, func(o *SenderOptions) {
				o.Submission.TLS, o.Submission.Implicit = clientTLS(), tc.implicit
				o.Submission.TLS.RootCAs = tc.trust
			})
			s.put(t, "nvan@monre.gov.vn")
			s.round(t.Context())
			if counted(s.o.Metrics.Notices, "held-sender", tc.want) != 1 || s.q.all()[0].sent != (tc.want == resultSent) {
				t.Errorf("%v", s.q.reasons)
			}
		})
	}
}

// A login, right and wrong, as a dialogue. A wrong password is the configuration's fault: the notice is kept.
func TestLogin(t *testing.T) {
	for _, tc := range []struct{ name, dialog, want string }{
		{"right", `S: 220 mail.monre.gov.vn ESMTP
C: EHLO gate.monre.gov.vn
S: 250-mail.monre.gov.vn
S: 250 AUTH PLAIN
C: AUTH PLAIN AGdhdGUAcGFzcw==
S: 235 2.7.0 in
C: MAIL FROM:<>
S: 250 2.1.0 ok
C: RCPT TO:<nvan@monre.gov.vn>
S: 250 2.1.5 ok
C: DATA
S: 354 go on
C: .
S: 250 2.0.0 taken
C: QUIT
S: 221 2.0.0 bye`, resultSent},
		{"wrong", `S: 220 mail.monre.gov.vn ESMTP
C: EHLO gate.monre.gov.vn
S: 250-mail.monre.gov.vn
S: 250 AUTH PLAIN
C: AUTH PLAIN AGdhdGUAcGFzcw==
S: 535 5.7.8 no
C: *
S: 500 5.5.1 no
C: QUIT
S: 221 2.0.0 bye`, resultRetried},
		{"not offered", `S: 220 mail.monre.gov.vn ESMTP
C: EHLO gate.monre.gov.vn
S: 250 mail.monre.gov.vn`, resultRetried},
	} {
		t.Run(tc.name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			var wg sync.WaitGroup
			wg.Go(func() { play(t, l, tc.dialog) })
			s := sender(t, l.Addr().String(), func(o *SenderOptions) { o.Submission.Login, o.Submission.Password = "gate", "pass" })
			s.put(t, "nvan@monre.gov.vn")
			s.round(t.Context())
			wg.Wait()
			if counted(s.o.Metrics.Notices, "held-sender", tc.want) != 1 {
				t.Errorf("%v", s.q.reasons)
			}
		})
	}
}

// play is a server that follows a dialogue with one client; the lines of a message are passed over.
func play(t *testing.T, l net.Listener, dialog string) {
	defer l.Close()
	conn, err := l.Accept()
	if err != nil {
		t.Error(err)
		return
	}
	defer conn.Close()
	r := bufio.NewReader(conn)
	message := false
	for step := range strings.SplitSeq(dialog, "\n") {
		if say, ok := strings.CutPrefix(step, "S: "); ok {
			message = strings.HasPrefix(say, "354")
			if _, err := conn.Write([]byte(say + "\r\n")); err != nil {
				t.Error(err)
				return
			}
			continue
		}
		for line := ""; "C: "+line != step; {
			b, err := r.ReadString('\n')
			if line = strings.TrimRight(b, "\r\n"); err != nil || !message && "C: "+line != step {
				t.Errorf("client said %q (%v), not %q", line, err, step)
				return
			}
		}
	}
}

type noLog struct{}

func (noLog) Printf(string, ...any) {}
func (noLog) Println(...any)        {}
