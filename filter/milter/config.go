// Package milter is the door for an MTA that speaks the milter protocol (Sendmail's, version 6,
// as Postfix and Sendmail speak it). It turns frames into a filter.Transaction, asks a Judge once,
// at the end of the message, and speaks the verdict.
//
// The protocol's server is github.com/emersion/go-milter, behind a frame guard of our own: the guard
// checks every frame, keeps what is needed of those whose only answer is "continue" or silence, and
// hands on to the library those that want a real answer (negotiation, end of message, quit).
package milter

import (
	"fmt"
	"os"
	"time"

	"congthu/filter"
	"congthu/filter/message"
)

// Config says how one milter listener behaves. DefaultConfig gives values for everything but Name
// and Listen.
type Config struct {
	Name   string // of the listener, for logs
	Listen string // "unix:/path" or "tcp:host:port"
	// SocketMode is the permission of a unix socket. Connecting needs write permission.
	SocketMode os.FileMode
	Direction  filter.Direction // fixed direction of the listener; "" lets the policy decide
	Limits     message.Limits   // of one message
	Recipients int              // of one transaction; beyond: 550 5.5.3 at the end of the message
	// Connections at once; beyond, a new one waits in the kernel's backlog until another ends.
	Connections int

	// NegotiateTimeout is how long a new connection may take to negotiate.
	NegotiateTimeout time.Duration
	// IdleTimeout is how long a connection may be silent between two frames. An MTA keeps one
	// connection for an SMTP session and is silent while its client sends the message, so this must not
	// be short.
	IdleTimeout time.Duration
	// FrameTimeout is how long one frame may take from its first octet to its last.
	FrameTimeout time.Duration
	WriteTimeout time.Duration // for one answer
	// ProgressEvery is how often the MTA is told that judging goes on (SMFIR_PROGRESS). Postfix gives up
	// on a message after milter_content_timeout of silence, 300 s by default.
	ProgressEvery time.Duration
}

// DefaultConfig is the configuration of a listener that says nothing. An idle time of 2 hours is
// libmilter's own default (smfi_settimeout: 7210 s).
func DefaultConfig() Config {
	return Config{
		SocketMode:       0o660,
		Limits:           message.DefaultLimits(),
		Recipients:       1000,
		Connections:      1000,
		NegotiateTimeout: 30 * time.Second,
		IdleTimeout:      2 * time.Hour,
		FrameTimeout:     time.Minute,
		WriteTimeout:     30 * time.Second,
		ProgressEvery:    5 * time.Second,
	}
}

// check tells what of a configuration cannot work.
func (c Config) check() error {
	for _, d := range []time.Duration{c.NegotiateTimeout, c.IdleTimeout, c.FrameTimeout, c.WriteTimeout, c.ProgressEvery} {
		if d <= 0 {
			return fmt.Errorf("milter listener %q: times must be more than 0", c.Name)
		}
	}
	if c.Recipients <= 0 || c.Connections <= 0 {
		return fmt.Errorf("milter listener %q: Recipients and Connections must be more than 0", c.Name)
	}
	return nil
}
