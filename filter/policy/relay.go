package policy

import (
	"fmt"
	"strconv"
	"time"
)

// RelayTLS is STARTTLS as a relay listener offers it; without files it does not.
type RelayTLS struct {
	Certificate string `yaml:"certificate"` // PEM file, read again when it changes
	Key         string `yaml:"key"`         // PEM file
	Required    Switch `yaml:"required"`    // refuse mail in clear: 530 5.7.0
}

// NextHopTLS is STARTTLS with the next hops of a listener.
type NextHopTLS struct {
	Mode TLSMode `yaml:"mode"`
	CA   string  `yaml:"ca"` // PEM file with the roots for mode verified; "" for the system's
}

// TLSMode is what is wanted of a next hop.
type TLSMode string

// The modes of TLS with a next hop.
const (
	TLSOff           TLSMode = "off"
	TLSOpportunistic TLSMode = "opportunistic" // where it works
	TLSRequired      TLSMode = "required"      // with whatever certificate
	TLSVerified      TLSMode = "verified"      // with a certificate in the name of the next hop
)

// UnmarshalText reads a mode.
func (m *TLSMode) UnmarshalText(b []byte) error {
	return choose(m, b, "mode", string(TLSOff), string(TLSOpportunistic), string(TLSRequired), string(TLSVerified))
}

// Switch is true or false.
type Switch bool

// UnmarshalText reads true or false.
func (s *Switch) UnmarshalText(b []byte) error {
	switch string(b) {
	case "true", "false":
		*s = string(b) == "true"
		return nil
	}
	return fmt.Errorf("%q is neither true nor false", b)
}

// MarshalText writes true or false.
func (s Switch) MarshalText() ([]byte, error) { return strconv.AppendBool(nil, bool(s)), nil }

// Auth is what a listener does with AUTH.
type Auth string

// The choices.
const (
	AuthOff  Auth = "off"
	AuthPass Auth = "pass" // through to the next hop
)

// UnmarshalText reads a choice.
func (a *Auth) UnmarshalText(b []byte) error {
	return choose(a, b, "auth", string(AuthOff), string(AuthPass))
}

// ClientFacts is how next hops are told who the client is.
type ClientFacts string

// The ways.
const (
	FactsOff      ClientFacts = "off"
	FactsXforward ClientFacts = "xforward" // where it is announced
	FactsXclient  ClientFacts = "xclient"  // a next hop that does not announce it gets no mail
	FactsAuto     ClientFacts = "auto"     // XCLIENT where it is announced, else XFORWARD
)

// UnmarshalText reads a way.
func (f *ClientFacts) UnmarshalText(b []byte) error {
	return choose(f, b, "way to tell of a client", string(FactsOff), string(FactsXforward), string(FactsXclient), string(FactsAuto))
}

// Timeouts are how long a relay listener waits for its clients; beyond: 421 4.4.2. How long it waits for next
// hops is RFC 5321's.
type Timeouts struct {
	Command Duration `yaml:"command"` // for the next command
	Data    Duration `yaml:"data"`    // for each piece of a message
	Message Duration `yaml:"message"` // for a whole message
	Session Duration `yaml:"session"` // for all of a connection, but for a message that is coming
}

func defaultTimeouts() Timeouts { // RFC 5321 section 4.5.3.2, where it has one
	return Timeouts{Command: Duration(5 * time.Minute), Data: Duration(3 * time.Minute), Message: Duration(30 * time.Minute), Session: Duration(time.Hour)}
}

// Keep is how connections to a next hop are kept between clients.
type Keep struct {
	Connections Count    `yaml:"connections"` // idle at once; 0 keeps none
	Idle        Duration `yaml:"idle"`        // below what the next hop allows: Postfix under stress drops after 10 s
	Age         Duration `yaml:"age"`
	Mails       Count    `yaml:"mails"` // on one connection
}

func defaultKeep() Keep {
	return Keep{Connections: 20, Idle: Duration(5 * time.Second), Age: Duration(5 * time.Minute), Mails: 50}
}

// checkTimeouts finds what cannot be meant in the times of the listener at path.
func (r Relay) checkTimeouts(path string, bad func(path, format string, args ...any)) {
	switch t := r.Timeouts; {
	case t.Data > t.Message:
		bad(path+".timeouts.data", "%s for a piece of a message is longer than %s for the whole (message)", shown(t.Data), shown(t.Message))
	case t.Command > t.Session:
		bad(path+".timeouts.command", "%s for one command is longer than %s for all (session)", shown(t.Command), shown(t.Session))
	}
}

// Count is a whole number from 0.
type Count int

// UnmarshalText reads a number.
func (c *Count) UnmarshalText(b []byte) error {
	n, err := strconv.ParseUint(string(b), 10, 31)
	if err != nil {
		return fmt.Errorf("%q is no whole number from 0", b)
	}
	*c = Count(n)
	return nil
}

// MarshalText writes the number.
func (c Count) MarshalText() ([]byte, error) { return strconv.AppendInt(nil, int64(c), 10), nil }

// checkTLS finds what is wrong with the TLS of the listener at path.
func (r Relay) checkTLS(path string, bad func(path, format string, args ...any)) {
	switch {
	case (r.TLS.Certificate == "") != (r.TLS.Key == ""):
		bad(path+".tls", "needs both certificate and key")
	case bool(r.TLS.Required) && r.TLS.Certificate == "":
		bad(path+".tls.required", "without certificate and key nobody could send")
	}
	if r.Auth == AuthPass && r.TLS.Certificate == "" {
		bad(path+".auth", "pass needs tls: passwords are not taken in clear")
	}
	if r.NextHopTLS.CA != "" && r.NextHopTLS.Mode != TLSVerified {
		bad(path+".next_hop_tls.ca", "is used in mode verified only")
	}
}
