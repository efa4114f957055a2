// Package relay is the gate's inline door: Postfix's before-queue smtpd_proxy_filter, and a
// transparent SMTP relay in front of a next hop.
//
// Every connection has a connection to the next hop beside it. Commands and replies are passed on
// as they came; the message stops at the gate, which answers DATA itself, judges the message and
// only then hands it on. A connection to a next hop may serve one client after the other, but nothing
// that one said is ever taken for another's. The relay keeps no queue: it says 250 to a message only with the next
// hop's own 250, or when the judge took the message itself (filter.Verdict.Taken).
//
// It obeys RFC 5321, and of its extensions carries RFC 2920 (PIPELINING), RFC 3030 (CHUNKING, BINARYMIME), RFC 3207 (STARTTLS), RFC 1870 (SIZE), RFC 6152 (8BITMIME), RFC 6531
// (SMTPUTF8), RFC 3461 (DSN), RFC 2034 (ENHANCEDSTATUSCODES) and Postfix's XFORWARD and XCLIENT.
package relay

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"time"

	"congthu/filter"
	"congthu/filter/message"
)

// Judge decides messages. *filter.Judge is one.
type Judge interface {
	// Judge decides one message.
	Judge(ctx context.Context, tx *filter.Transaction) filter.Verdict
	// Protocol is the verdict for a message that is turned away before it can be judged.
	Protocol(tx *filter.Transaction, code int, status string, text filter.TextKey) filter.Verdict
	// Fault is the verdict for a message that cannot be judged for a reason of ours.
	Fault(tx *filter.Transaction, err error) filter.Verdict
	// Settle makes the verdict durable, and is what the door speaks.
	Settle(ctx context.Context, tx *filter.Transaction, v filter.Verdict) filter.Verdict
	// Log keeps the one line about a message, after the verdict was acted on.
	Log(tx *filter.Transaction, v filter.Verdict, o filter.Outcome)
}

// Config is one listener of the relay.
type Config struct {
	Name     string   // the listener's name, in logs
	Listen   string   // host:port
	NextHops []string // host:port each, tried in this order when connecting
	// Direction is the listener's fixed direction; "" lets the organisation's rules decide.
	Direction filter.Direction
	// TrustedPeers are mail servers. They may say with XFORWARD who their client is; what they hand
	// on without it is from an unknown client, never from one of ours.
	TrustedPeers []netip.Prefix
	Hostname     string // how the relay names itself
	Limits       message.Limits
	Recipients   int // accepted for one message; beyond: 452 4.5.3
	Connections  int // open at once; beyond: 421 4.3.2
	// ClientConnections are those open at once of one client's address, of its /64 in IPv6; beyond:
	// 421 4.7.0. Trusted peers have no such limit, and nobody has with 0.
	ClientConnections int
	ClientFacts       ClientFacts // how next hops are told who the client is
	// AfterQueue tells that the peer is an MTA that has taken the mail already: what comes from outside
	// is not refused.
	AfterQueue bool
	// AuthPass passes AUTH through to the next hop, for clients under TLS.
	AuthPass bool
	// Received adds the trace of a hop (RFC 5321 section 4.4), for a listener in front of a server of its
	// own. It also refuses what goes round in circles.
	Received   bool
	TLS        ListenTLS
	NextHopTLS NextHopTLS
	Keep       Keep
	Timeouts   Timeouts
}

// Timeouts are how long the relay waits for one thing each.
type Timeouts struct {
	Command time.Duration // the client's next command
	Write   time.Duration // a reply to be taken by the client
	Data    time.Duration // each piece of a message, from the client
	Message time.Duration // a whole message, from the client, all its chunks together
	Session time.Duration // a client's connection: then it is closed, but for a message that is coming
	Connect time.Duration // connecting to a next hop and its greeting, all next hops together
	Mail    time.Duration // the next hop's reply to EHLO, HELO, XFORWARD, MAIL and RSET
	Rcpt    time.Duration // its reply to RCPT
	Init    time.Duration // its reply to DATA
	Block   time.Duration // each piece of a message to be taken by the next hop
	Final   time.Duration // its reply to the end of the message
	Quit    time.Duration // its reply to QUIT, which nobody waits for
}

// Bounds that are not worth a setting.
const (
	// maxCommandLine is the longest command line in octets with CRLF: the 512 of RFC 5321 section
	// 4.5.3.1.4 and what the extensions add, amply.
	maxCommandLine = 4096
	// maxEnvelopeLine is the longest line in octets with CRLF of those that the next hop gets as they came: EHLO,
	// HELO, MAIL and RCPT. It is the 512 of RFC 5321 section 4.5.3.1.4 and what extensions add at most: AUTH 500
	// (RFC 4954), SIZE 26, BODY 17, SMTPUTF8 10, and for reports 120 at MAIL and 528 at RCPT (RFC 3461). A server
	// may read less than the gate: Postfix reads 2048 octets, drops the rest and says 250, and would take another
	// address than was judged.
	maxEnvelopeLine = 1280
	// maxBreaches is how many commands of a connection may be wrong before it is closed.
	maxBreaches = 20
	// maxIdleCommands is how many commands may go by without a message before the connection is closed.
	maxIdleCommands = 200
)

// Defaults are the settings of a listener of which nothing but the addresses is said. Its timeouts
// are those of RFC 5321 section 4.5.3.2, but for Connect: a client waits 5 minutes for our greeting,
// so the next hop has to greet us sooner.
func Defaults() Config {
	return Config{
		Hostname:    "localhost",
		Limits:      message.DefaultLimits(),
		Recipients:  1000,
		Connections: 1000,
		// Postfix under stress drops a client after 10 s of silence.
		Keep: Keep{Connections: 20, Idle: 5 * time.Second, Age: 5 * time.Minute, Mails: 50},
		Timeouts: Timeouts{
			Command: 5 * time.Minute,
			Write:   5 * time.Minute,
			Data:    3 * time.Minute,
			Message: 30 * time.Minute,
			Session: time.Hour,
			Connect: 4 * time.Minute,
			Mail:    5 * time.Minute,
			Rcpt:    5 * time.Minute,
			Init:    2 * time.Minute,
			Block:   3 * time.Minute,
			Final:   10 * time.Minute,
			Quit:    5 * time.Second,
		},
	}
}

// Validate says what is wrong with a configuration.
func (c Config) Validate() error {
	var errs []error
	if len(c.NextHops) == 0 {
		errs = append(errs, errors.New("no next hop"))
	}
	for _, hop := range c.NextHops {
		if _, port, err := net.SplitHostPort(hop); err != nil || port == "" {
			errs = append(errs, fmt.Errorf("next hop %q is not host:port", hop))
		}
	}
	if c.Hostname == "" || hasControl([]byte(c.Hostname)) || slices.Contains([]byte(c.Hostname), ' ') {
		errs = append(errs, fmt.Errorf("%q is no host name", c.Hostname))
	}
	if c.Recipients < 1 {
		errs = append(errs, fmt.Errorf("recipients: %d is less than 1", c.Recipients))
	}
	if c.Connections < 1 {
		errs = append(errs, fmt.Errorf("connections: %d is less than 1", c.Connections))
	}
	if (c.TLS.Certificate == "") != (c.TLS.Key == "") || c.TLS.Required && c.TLS.Certificate == "" {
		errs = append(errs, errors.New("TLS needs a certificate and a key"))
	}
	if c.AuthPass && c.TLS.Certificate == "" {
		errs = append(errs, errors.New("AUTH needs TLS: a certificate and a key"))
	}
	if !slices.Contains([]TLSMode{"", TLSOff, TLSOpportunistic, TLSRequired, TLSVerified}, c.NextHopTLS.Mode) {
		errs = append(errs, fmt.Errorf("next hops: no TLS mode %q", c.NextHopTLS.Mode))
	}
	if !slices.Contains([]ClientFacts{"", FactsOff, FactsXforward, FactsXclient, FactsAuto}, c.ClientFacts) {
		errs = append(errs, fmt.Errorf("client facts: no way %q", c.ClientFacts))
	}
	if k := c.Keep; k.Connections < 0 || k.Idle < 0 || k.Age < 0 || k.Mails < 0 {
		errs = append(errs, fmt.Errorf("kept connections: %+v has negative bounds", k))
	}
	if c.ClientConnections < 0 {
		errs = append(errs, fmt.Errorf("connections of a client: %d is less than 0", c.ClientConnections))
	}
	if c.Limits.WireBytes < 1 {
		errs = append(errs, fmt.Errorf("limits: %d octets of message are less than 1", c.Limits.WireBytes))
	}
	for name, d := range c.Timeouts.all() {
		if d <= 0 {
			errs = append(errs, fmt.Errorf("timeout %s: %v is not positive", name, d))
		}
	}
	return errors.Join(errs...)
}

func (t Timeouts) all() map[string]time.Duration {
	return map[string]time.Duration{"command": t.Command, "write": t.Write, "data": t.Data, "message": t.Message, "session": t.Session,
		"connect": t.Connect, "mail": t.Mail, "rcpt": t.Rcpt, "init": t.Init, "block": t.Block, "final": t.Final, "quit": t.Quit}
}

// Server is one listener of the relay.
type Server struct {
	cfg     Config
	judge   Judge
	budget  *message.Budget
	metrics *filter.Metrics
	log     *slog.Logger
	now     func() time.Time
	dial    dialer
	blocks  *blocks
	conns   tracker
	keeper  *keeper

	serverTLS *tls.Config // nil without
	clientTLS *tls.Config // nil without
}

// dialer connects to a next hop.
type dialer func(ctx context.Context, addr string, deadline time.Time) (net.Conn, error)

func dialTCP(ctx context.Context, addr string, deadline time.Time) (net.Conn, error) {
	// Keep-alive probes are for connections that nobody waits on; here every wait has its deadline.
	d := net.Dialer{Deadline: deadline, KeepAlive: -1}
	return d.DialContext(ctx, "tcp", addr)
}

// New makes a listener's server. budget is shared by all doors; now stamps transactions.
func New(cfg Config, judge Judge, budget *message.Budget, metrics *filter.Metrics, log *slog.Logger, now func() time.Time) (*Server, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("relay %q: %w", cfg.Name, err)
	}
	s := &Server{cfg: cfg, judge: judge, budget: budget, metrics: metrics, now: now, dial: dialTCP, blocks: newBlocks(), keeper: newKeeper(cfg.Keep),
		log: log.With("door", doorName, "listener", cfg.Name)}
	var err, hopErr error
	s.serverTLS, err = serverTLS(cfg.TLS, s.log)
	s.clientTLS, hopErr = clientTLS(cfg.NextHopTLS)
	if err := errors.Join(err, hopErr); err != nil {
		return nil, fmt.Errorf("relay %q: %w", cfg.Name, err)
	}
	s.conns.init()
	return s, nil
}

// doorName is this door's name in logs and metrics.
const doorName = filter.DoorRelay

// trusts tells whether a peer is a mail server that may say who its client is.
func (s *Server) trusts(peer netip.Addr) bool {
	return peer.IsValid() && slices.ContainsFunc(s.cfg.TrustedPeers, func(p netip.Prefix) bool { return p.Contains(peer) })
}
