package milter

import (
	"encoding/binary"

	gomilter "github.com/emersion/go-milter"
)

const (
	// minVersion is the oldest protocol that has what the door cannot do without; version the one that
	// it speaks when the MTA does.
	minVersion = 2
	version    = 6

	masksSize = 12 // octets of version, actions and protocol in a negotiation packet
)

// wantedActions is what the door does to messages: fields on top, forged fields out. It also says which
// macros it wants.
const wantedActions = gomilter.OptAddHeader | gomilter.OptChangeHeader | gomilter.OptSetSymList

// wantedProtocol: silence at every stage before the end of the message, since all is decided there, and
// header values with their leading space, so that the message can be rebuilt octet for octet.
const wantedProtocol = gomilter.OptNoConnReply | gomilter.OptNoHeloReply | gomilter.OptNoMailReply | gomilter.OptNoRcptReply |
	gomilter.OptNoDataReply | gomilter.OptNoUnknownReply | gomilter.OptNoHeaderReply | gomilter.OptNoEOHReply | gomilter.OptNoBodyReply |
	gomilter.OptHeaderLeadingSpace

// Macros that the door reads. It asks for no others: each costs the MTA and the door time.
const (
	macroQueueID   = "i"
	macroLogin     = "{auth_authen}"
	macroTLS       = "{tls_version}"
	macroSender    = "{mail_addr}" // as the MTA reads it
	macroRecipient = "{rcpt_addr}"
)

// wantedMacros by stage. Postfix knows the queue id from the first accepted recipient on.
func wantedMacros() map[gomilter.Stage][]string {
	return map[gomilter.Stage][]string{
		gomilter.StageHelo:     {macroTLS},
		gomilter.StageMailFrom: {macroLogin, macroTLS, macroSender},
		gomilter.StageRcptTo:   {macroRecipient},
		gomilter.StageData:     {macroQueueID},
		gomilter.StageEOM:      {macroQueueID},
	}
}

// offer is what the MTA can do, and after the answer what both agreed on.
type offer struct {
	version  uint32
	actions  gomilter.OptAction
	protocol gomilter.OptProtocol
}

// parseOffer reads a negotiation packet of the MTA.
func parseOffer(data []byte) (offer, error) {
	if len(data) < masksSize {
		return offer{}, breach("negotiation of %d octets", len(data))
	}
	o := offer{
		version:  binary.BigEndian.Uint32(data),
		actions:  gomilter.OptAction(binary.BigEndian.Uint32(data[4:])),
		protocol: gomilter.OptProtocol(binary.BigEndian.Uint32(data[8:])),
	}
	if o.version < minVersion {
		return offer{}, breach("protocol version %d", o.version)
	}
	return o, nil
}

// agreed is what remains of the door's wishes.
func (o offer) agreed() offer {
	return offer{min(o.version, version), o.actions & wantedActions, o.protocol & wantedProtocol}
}

// patch turns the library's negotiation reply, which is always of version 2 and asks for all that the
// door wants, into what was agreed on. The list of macros stays only where the MTA takes one.
func (o offer) patch(frame []byte) []byte {
	const masks = lengthSize + 1
	if len(frame) < masks+masksSize {
		return frame
	}
	frame = append([]byte(nil), frame...)
	if o.actions&gomilter.OptSetSymList == 0 {
		frame = frame[:masks+masksSize]
		binary.BigEndian.PutUint32(frame, 1+masksSize)
	}
	binary.BigEndian.PutUint32(frame[masks:], o.version)
	binary.BigEndian.PutUint32(frame[masks+4:], uint32(o.actions))
	binary.BigEndian.PutUint32(frame[masks+8:], uint32(o.protocol))
	return frame
}

// silent tells whether a stage's frame is answered with nothing. Answering one all the same would leave
// a "continue" in the MTA's buffer, which it would take for the answer to the end of the message.
func (o offer) silent(code gomilter.Code) bool {
	var bit gomilter.OptProtocol
	switch code {
	case gomilter.CodeMacro, gomilter.CodeAbort, gomilter.CodeQuitNewConn:
		return true // never answered
	case gomilter.CodeConn:
		bit = gomilter.OptNoConnReply
	case gomilter.CodeHelo:
		bit = gomilter.OptNoHeloReply
	case gomilter.CodeMail:
		bit = gomilter.OptNoMailReply
	case gomilter.CodeRcpt:
		bit = gomilter.OptNoRcptReply
	case gomilter.CodeData:
		bit = gomilter.OptNoDataReply
	case codeUnknown:
		bit = gomilter.OptNoUnknownReply
	case gomilter.CodeHeader:
		bit = gomilter.OptNoHeaderReply
	case gomilter.CodeEOH:
		bit = gomilter.OptNoEOHReply
	case gomilter.CodeBody:
		bit = gomilter.OptNoBodyReply
	}
	return o.protocol&bit != 0
}
