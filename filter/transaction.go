// Package filter decides what happens to a message. Doors make a Transaction, Judge runs the
// rules over it and returns a Verdict, and the door speaks the verdict: nothing in here writes
// to a socket, and nothing in a door decides.
package filter

import (
	"net/netip"
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
	AfterQueue bool   // the listener stands behind an MTA's queue: a refusal would be mailed to a stranger
	TLS        string // TLS version of the client's connection, "" in clear or unknown
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
	Released  string // the hold that an officer released this message from, "" for any other
}
