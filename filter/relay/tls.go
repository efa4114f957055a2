package relay

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"
)

// ListenTLS is STARTTLS (RFC 3207) as a listener offers it. Without files it does not.
type ListenTLS struct {
	Certificate string // PEM file: the server's certificate and those between it and its root
	Key         string // PEM file
	Required    bool   // no mail in clear: 530 5.7.0
}

// TLSMode is what the relay wants of its next hops.
type TLSMode string

// The modes. The zero value is TLSOff.
const (
	TLSOff           TLSMode = "off"
	TLSOpportunistic TLSMode = "opportunistic" // where it works, with whatever certificate
	TLSRequired      TLSMode = "required"      // with whatever certificate
	TLSVerified      TLSMode = "verified"      // with a certificate in the next hop's name
)

// NextHopTLS is STARTTLS with next hops.
type NextHopTLS struct {
	Mode TLSMode
	CA   string // PEM file with the roots for TLSVerified; "" for the system's
}

// Certificates reads a pair of files and reads it again when they change. A pair that does not fit, as
// in the middle of a renewal, keeps the one before in use.
type Certificates struct {
	files ListenTLS
	log   *slog.Logger

	mu     sync.Mutex
	seen   [2]fileState
	inUse  *tls.Certificate
	failed [2]fileState // the states that were complained of
}

type fileState struct {
	modified time.Time
	size     int64
}

// NewCertificates reads the pair for the first time.
func NewCertificates(files ListenTLS, log *slog.Logger) (*Certificates, error) {
	c := &Certificates{files: files, log: log}
	states, err := c.states()
	if err != nil {
		return nil, fmt.Errorf("TLS certificate: %w", err)
	}
	pair, err := tls.LoadX509KeyPair(files.Certificate, files.Key)
	if err != nil {
		return nil, fmt.Errorf("TLS certificate %s with key %s: %w", files.Certificate, files.Key, err)
	}
	c.seen, c.inUse = states, &pair
	return c, nil
}

func (c *Certificates) states() (out [2]fileState, err error) {
	for i, name := range []string{c.files.Certificate, c.files.Key} {
		info, err := os.Stat(name)
		if err != nil {
			return out, err
		}
		out[i] = fileState{info.ModTime(), info.Size()}
	}
	return out, nil
}

// Get is the certificate for a handshake.
func (c *Certificates) Get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	states, err := c.states()
	if err == nil && states == c.seen {
		return c.inUse, nil
	}
	if err == nil {
		var pair tls.Certificate
		if pair, err = tls.LoadX509KeyPair(c.files.Certificate, c.files.Key); err == nil {
			c.seen, c.inUse, c.failed = states, &pair, [2]fileState{}
			c.log.Info("TLS certificate read again", "file", c.files.Certificate)
			return c.inUse, nil
		}
	}
	if states != c.failed || states == ([2]fileState{}) {
		c.failed = states
		c.log.Error("TLS certificate cannot be read again, the one before stays in use", "file", c.files.Certificate, "error", err)
	}
	return c.inUse, nil
}

// serverTLS is the listener's side of STARTTLS, nil when it has none.
func serverTLS(files ListenTLS, log *slog.Logger) (*tls.Config, error) {
	if files.Certificate == "" {
		return nil, nil
	}
	certs, err := NewCertificates(files, log)
	if err != nil {
		return nil, err
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: certs.Get}, nil
}

// clientTLS is the side of STARTTLS that next hops see, nil when it is off. The name to check is set
// for each next hop.
func clientTLS(c NextHopTLS) (*tls.Config, error) {
	out := &tls.Config{MinVersion: tls.VersionTLS12}
	switch c.Mode {
	case "", TLSOff:
		return nil, nil
	case TLSOpportunistic, TLSRequired:
		// Any certificate will do: whoever can show a false one could as well take STARTTLS away, or is
		// not between us. TLSVerified is for who wants to know.
		out.InsecureSkipVerify = true
		return out, nil
	}
	if c.CA == "" {
		return out, nil
	}
	pem, err := os.ReadFile(c.CA)
	if err != nil {
		return nil, fmt.Errorf("roots for next hops: %w", err)
	}
	out.RootCAs = x509.NewCertPool()
	if !out.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("roots for next hops: no certificate in %s", c.CA)
	}
	return out, nil
}

// startTLS answers STARTTLS and makes the connection private. All that was known of the client before
// is forgotten, and what it had sent along in clear is thrown away unread: it may be somebody else's
// (RFC 3207 section 4.2, CVE-2011-0411).
func (c *connection) startTLS(ctx context.Context, args string) (reply, error) {
	switch {
	case c.srv.serverTLS == nil:
		return c.breach(replyUnsupported), nil
	case c.tls != "":
		return c.breach(replyTLSAlready), nil
	case args != "":
		return c.breach(replyNoArgument), nil
	case c.greeted == nil:
		return c.breach(replyHelloFirst), nil
	case c.tx != nil:
		return c.breach(replyNested), nil
	}
	if err := c.send(own(replyStartTLS)); err != nil {
		return reply{}, err
	}
	if n := c.in.buffered(); n > 0 {
		c.log.Warn("client sent commands along with STARTTLS: thrown away", "octets", n)
	}
	deadline, _ := c.commandDeadline()
	conn, err := handshake(ctx, tls.Server(c.raw, c.srv.serverTLS), deadline)
	if err != nil {
		return reply{}, fmt.Errorf("TLS with the client: %w", err)
	}
	c.conn, c.tls = conn, tls.VersionName(conn.ConnectionState().Version)
	c.in.secure(conn)
	c.greeted, c.forwarded, c.impersonated = nil, nil, nil
	return reply{}, nil
}

func handshake(ctx context.Context, conn *tls.Conn, deadline time.Time) (*tls.Conn, error) {
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	return conn, conn.HandshakeContext(ctx)
}

// errNoTLS says that a next hop does not do what the listener wants.
var errNoTLS = errors.New("no TLS")

// secure begins TLS with a next hop that offers it. What the next hop had sent in clear is thrown away.
func (h *nextHop) secure(ctx context.Context, s *Server, deadline time.Time) error {
	r, err := h.command("EHLO "+s.cfg.Hostname, 2, time.Until(deadline))
	if err == nil && (r.class() != 2 || !parseExtensions(r).startTLS) {
		return fmt.Errorf("next hop %s: %w: not offered", h.addr, errNoTLS)
	}
	if err == nil {
		r, err = h.command("STARTTLS", 2, time.Until(deadline))
	}
	switch {
	case err != nil:
		return err
	case r.code != 220:
		return fmt.Errorf("next hop %s: %w: code %d to STARTTLS", h.addr, errNoTLS, r.code)
	}
	config := s.clientTLS.Clone()
	if config.ServerName, _, err = net.SplitHostPort(h.addr); err != nil {
		return err
	}
	conn, err := handshake(ctx, tls.Client(h.conn, config), deadline)
	if err != nil {
		return fmt.Errorf("next hop %s: %w: %w", h.addr, errNoTLS, err)
	}
	h.conn = conn
	h.in.secure(conn)
	return nil
}
