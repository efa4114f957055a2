// Package filter decides what happens to a message. Doors make a Transaction, Judge runs the
// rules over it and returns a Verdict, and the door speaks the verdict: nothing in here writes
// to a socket, and nothing in a door decides.
package filter

import (
	"net/netip"
	"strings"
	"time"

	"congthu/filter/message"
)

// Session is what is known of the connection that a transaction came on. It outlives
// transactions; each transaction holds a copy.
type Session struct {
	Door     string // "milter", "relay" or "check": a metric label
	Listener string // the listener's name in the configuration
	// Direction is the listener's fixed direction; "" lets Organisation.Direction decide.
	Direction Direction
	// Client is the SMTP client that the mail came from. It is the zero Addr when that is not
	// known: behind a proxy that sent no XFORWARD, or when the MTA says unknown.
	Client     netip.Addr
	ClientName string // as the door or the MTA resolved it; "" when unknown
	Helo       string
	Login      string // authenticated sender, "" without authentication
	Protocol   string // "SMTP" or "ESMTP", "" when unknown
	TLS        string // TLS version of the client's connection, "" in clear or unknown
}

// Path is a reverse-path or forward-path (RFC 5321 section 4.1.2). The zero Path is the null
// reverse-path.
type Path struct {
	Local  string // local part as given, unquoted
	Domain string // domain as given, without a trailing dot; "" when there was none
	Params string // ESMTP parameters as they came, "" without
}

// ParsePath reads what stands between < and > of MAIL or RCPT (angle brackets allowed).
// It is lenient, because what it cannot split must still be judged: all before the last @ is the
// local part. A source route (RFC 5321 appendix C) is dropped.
func ParsePath(s, params string) Path {
	s = strings.TrimSpace(s)
	s = strings.TrimSuffix(strings.TrimPrefix(s, "<"), ">")
	if strings.HasPrefix(s, "@") {
		if i := strings.IndexByte(s, ':'); i >= 0 {
			s = s[i+1:]
		}
	}
	p := Path{Local: s, Params: params}
	if i := strings.LastIndexByte(s, '@'); i >= 0 {
		p.Local, p.Domain = s[:i], strings.TrimSuffix(s[i+1:], ".")
	}
	if n := len(p.Local); n >= 2 && p.Local[0] == '"' && p.Local[n-1] == '"' {
		p.Local = unquote(p.Local[1 : n-1])
	}
	return p
}

func unquote(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// Null tells the null reverse-path.
func (p Path) Null() bool { return p.Local == "" && p.Domain == "" }

// String is the mailbox, without angle brackets and parameters.
func (p Path) String() string {
	if p.Domain == "" {
		return p.Local
	}
	return p.Local + "@" + p.Domain
}

// Transaction is one mail transaction (RFC 5321 section 3.3). A door makes a new one for each
// message and never changes it after Judge was called; Judge fills Direction and Unit.
type Transaction struct {
	ID          string // ours (NewID): in the reply, the log and the header field Congthu-Id
	Received    time.Time
	Session     Session
	ReversePath Path
	Recipients  []Path // as the door accepted them
	QueueID     string // the MTA's, "" when unknown
	Message     *message.Message
	Content     Content // the message as received; nil when it was not kept
	SHA256      string  // of the whole message as received, hex; "" when the door did not hash it

	Direction Direction
	Unit      string // organisational unit; empty until units exist
}
