package relay

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"congthu/filter"
)

// pair is a certificate that signs itself, with its key, as files.
type pair struct {
	tls.Certificate
	cert, key string
}

func newPair(t testing.TB, names ...string) pair {
	t.Helper()
	dir := t.TempDir()
	p := pair{cert: filepath.Join(dir, "cert.pem"), key: filepath.Join(dir, "key.pem")}
	p.renew(t, names...)
	return p
}

// renew writes another certificate into the files.
func (p *pair) renew(t testing.TB, names ...string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: "test"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	for _, n := range names {
		if ip := net.ParseIP(n); ip != nil {
			c.IPAddresses = append(c.IPAddresses, ip)
		} else {
			c.DNSNames = append(c.DNSNames, n)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{p.cert: {Type: "CERTIFICATE", Bytes: der}, p.key: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p.Certificate = tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// secure makes a wire private, as client or as server. Whatever was read before is the test's fault.
func (w *wire) secure(t testing.TB, c *tls.Conn) error {
	t.Helper()
	if n := w.r.Buffered(); n > 0 {
		t.Fatalf("%d octets in clear", n)
	}
	if err := w.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	if err := c.Handshake(); err != nil {
		return err
	}
	*w = *newWire(c)
	return nil
}

func (w *wire) secureAsClient(t testing.TB) error {
	return w.secure(t, tls.Client(w.Conn, &tls.Config{InsecureSkipVerify: true}))
}

// TestCertificateReadAgain: a changed pair is used from the next handshake on; a bad one changes nothing.
func TestCertificateReadAgain(t *testing.T) {
	p := newPair(t, "gate.test")
	g, _ := withHop(t, func(cfg *Config) { cfg.TLS = ListenTLS{Certificate: p.cert, Key: p.key} })
	serial := func() string {
		c := dialGate(t, g)
		c.greet()
		c.want(c.cmd("STARTTLS"), "220 ")
		if err := c.secureAsClient(t); err != nil {
			t.Fatal(err)
		}
		s := c.Conn.(*tls.Conn).ConnectionState().PeerCertificates[0].SerialNumber.String()
		c.want(c.cmd("EHLO client.test"), "250-")
		c.want(c.cmd("QUIT"), "221 ")
		c.Close()
		return s
	}
	first := serial()
	p.renew(t, "gate.test")
	second := serial()
	if first == second {
		t.Error("the old certificate is still in use")
	}
	if err := os.WriteFile(p.key, []byte("half a key, and longer than any whole one could ever be"), 0o600); err != nil {
		t.Fatal(err)
	}
	if s := serial(); s != second {
		t.Error("another certificate than the last good one")
	}
	if err := os.Remove(p.key); err != nil {
		t.Fatal(err)
	}
	if s := serial(); s != second {
		t.Error("another certificate than the last good one")
	}
	p.renew(t, "gate.test")
	if s := serial(); s == second {
		t.Error("the certificate before the mend is still in use")
	}
}

// TestCertificateComplaints: a pair that does not fit is said once, not at each handshake.
func TestCertificateComplaints(t *testing.T) {
	p := newPair(t, "gate.test")
	var log bytes.Buffer
	c, err := NewCertificates(ListenTLS{Certificate: p.cert, Key: p.key}, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(p.cert, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if got, err := c.Get(nil); err != nil || got != c.inUse || got == nil {
			t.Fatal(got, err)
		}
	}
	if n := strings.Count(log.String(), "cannot be read again"); n != 1 {
		t.Errorf("said %d times:\n%s", n, &log)
	}
}

// TestSessionKnowsTLS: the version is in the session of what comes over it, and a message gets through.
func TestSessionKnowsTLS(t *testing.T) {
	p := newPair(t, "gate.test")
	g, hop := withHop(t, func(cfg *Config) { cfg.TLS = ListenTLS{Certificate: p.cert, Key: p.key} })
	c := dialGate(t, g)
	c.greet()
	c.want(c.mail("Subject: clear\r\n\r\n.\r\n"), "250 ")
	c.want(c.cmd("STARTTLS"), "220 ")
	if err := c.secureAsClient(t); err != nil {
		t.Fatal(err)
	}
	c.want(c.cmd("MAIL FROM:<>"), "503 ") // nothing is known of the client any more
	c.want(c.cmd("EHLO client.test"), "250-")
	big := "Subject: private\r\n\r\n" + strings.Repeat(strings.Repeat("x", 76)+"\r\n", 3000)
	c.want(c.mail(big+".\r\n"), "250 ")
	txs := g.judge.transactions()
	if txs[0].Session.TLS != "" || txs[1].Session.TLS != "TLS 1.3" {
		t.Errorf("TLS %q and %q", txs[0].Session.TLS, txs[1].Session.TLS)
	}
	if got := hop.taken(); len(got) != 2 || !strings.HasSuffix(got[1], big) {
		t.Errorf("%d arrived", len(got))
	}
}

// TestClientGoneUnderTLS: the end of a TLS connection is seen before the message is handed on.
func TestClientGoneUnderTLS(t *testing.T) {
	p := newPair(t, "gate.test")
	g, hop := withHop(t, func(cfg *Config) { cfg.TLS = ListenTLS{Certificate: p.cert, Key: p.key} })
	c := dialGate(t, g)
	c.greet()
	c.want(c.cmd("STARTTLS"), "220 ")
	if err := c.secureAsClient(t); err != nil {
		t.Fatal(err)
	}
	g.judge.during = func(*filter.Transaction) {
		c.Close() // close_notify and FIN, or FIN alone
		eventually(t, "the end to arrive", func() bool { return g.peeksAnything() })
	}
	c.want(c.cmd("EHLO client.test", "MAIL FROM:<>", "RCPT TO:<b@monre.gov.vn>", "DATA"), "354 ")
	c.send("Subject: x\r\n\r\n.\r\n")
	if l := g.judge.logs(t, 1)[0]; l.o.Err == nil || l.o.Reply != "" {
		t.Errorf("logged %+v", l.o)
	}
	if got := hop.taken(); len(got) != 0 {
		t.Errorf("arrived: %q", got)
	}
}

// peeksAnything tells whether the one client connection has something to read, if only its end.
func (g *gate) peeksAnything() bool {
	g.conns.mu.Lock()
	defer g.conns.mu.Unlock()
	for c := range g.conns.open {
		return peek(c.raw) != peekNothing
	}
	return true
}

// TestOldTLSRefused: TLS 1.1 does not shake hands.
func TestOldTLSRefused(t *testing.T) {
	p := newPair(t, "gate.test")
	g, _ := withHop(t, func(cfg *Config) { cfg.TLS = ListenTLS{Certificate: p.cert, Key: p.key} })
	c := dialGate(t, g)
	c.greet()
	c.want(c.cmd("STARTTLS"), "220 ")
	old := &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
	if err := c.secure(t, tls.Client(c.Conn, old)); err == nil {
		t.Error("TLS 1.1 was taken")
	}
}

// TestNextHopNameIsChecked: verified takes a certificate of a root in the next hop's name only.
func TestNextHopNameIsChecked(t *testing.T) {
	for name, c := range map[string]struct {
		mode  TLSMode
		names []string
		known bool
		want  string
	}{
		"verified":              {TLSVerified, []string{"127.0.0.1"}, true, "220 "},
		"another name":          {TLSVerified, []string{"other.test"}, true, "421 4.4.1"},
		"unknown root":          {TLSVerified, []string{"127.0.0.1"}, false, "421 4.4.1"},
		"required, any name":    {TLSRequired, []string{"other.test"}, false, "220 "},
		"opportunistic, no fit": {TLSOpportunistic, []string{"other.test"}, false, "220 "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPair(t, c.names...)
			ca := p.cert
			if !c.known {
				ca = newPair(t, "127.0.0.1").cert
			}
			l := listenLoopback(t)
			served := make(chan struct{})
			go func() {
				defer close(served)
				conn, err := l.Accept()
				if err != nil {
					return
				}
				defer conn.Close()
				w := newWire(conn)
				steps := []error{w.say("220 next.test"), w.hear("EHLO gate.test"), w.say(`"250-next.test\r\n250 STARTTLS\r\n"`), w.hear("STARTTLS"), w.say("220 go")}
				for _, err := range steps {
					if err != nil {
						t.Error(err)
					}
				}
				if w.secure(t, tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{p.Certificate}})) == nil {
					_ = w.hear("QUIT")
				}
			}()
			g := startGate(t, func(cfg *Config) {
				cfg.NextHops = []string{l.Addr().String()}
				cfg.NextHopTLS = NextHopTLS{Mode: c.mode, CA: ca}
			})
			k := dialGate(t, g)
			k.want(k.reply(), c.want)
			k.Close()
			<-served
		})
	}
}

// TestTLSConfigurationIsChecked: what cannot work is said at the start.
func TestTLSConfigurationIsChecked(t *testing.T) {
	p := newPair(t, "gate.test")
	for want, change := range map[string]func(*Config){
		"a certificate and a key": func(c *Config) { c.TLS.Certificate = p.cert },
		"AUTH needs TLS":          func(c *Config) { c.AuthPass = true },
		"needs a certificate":     func(c *Config) { c.TLS.Required = true },
		"no such file":            func(c *Config) { c.TLS = ListenTLS{Certificate: p.cert, Key: p.key + "x"} },
		"private key":             func(c *Config) { c.TLS = ListenTLS{Certificate: p.cert, Key: p.cert} },
		`no TLS mode "yes"`:       func(c *Config) { c.NextHopTLS.Mode = "yes" },
		"roots for next hops":     func(c *Config) { c.NextHopTLS = NextHopTLS{Mode: TLSVerified, CA: p.cert + "x"} },
		"no certificate in":       func(c *Config) { c.NextHopTLS = NextHopTLS{Mode: TLSVerified, CA: p.key} },
	} {
		c := Defaults()
		c.NextHops = []string{"127.0.0.1:25"}
		change(&c)
		if _, err := New(c, nil, nil, nil, slog.New(slog.DiscardHandler), nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}
