package relay

import (
	"congthu/filter"
)

// The relay's own replies to commands: what RFC 5321 section 4.2 and RFC 3463 have for them. What
// is said of a message comes from the judge; what is said to people, from filter's catalogue.
const (
	replyOK                = "250 2.0.0 OK"
	replyBye               = "221 2.0.0 Bye"
	replyGoAhead           = "354 End data with <CR><LF>.<CR><LF>"
	replyCannotVerify      = "252 2.0.0 Cannot verify: try to send"
	replySyntaxMail        = "501 5.5.4 Syntax: MAIL FROM:<address> [parameters]"
	replySyntaxRcpt        = "501 5.5.4 Syntax: RCPT TO:<address> [parameters]"
	replyOddSender         = "501 5.1.7 Bad sender address syntax: <local-part@domain> without comments or blanks"
	replyOddRecipient      = "501 5.1.3 Bad recipient address syntax: <local-part@domain> without comments or blanks"
	replyLongSender        = "501 5.1.7 Sender address too long"
	replyLongRecipient     = "501 5.1.3 Recipient address too long"
	replyRoutedSender      = "501 5.1.7 Source routes are not taken: <local-part@domain> alone"
	replyRoutedRecipient   = "501 5.1.3 Source routes are not taken: <local-part@domain> alone"
	replySyntaxHello       = "501 5.5.4 Syntax: EHLO or HELO and your host name"
	replySyntaxBdat        = "501 5.5.4 Syntax: BDAT octets [LAST]: closing the connection"
	replyChunkTooBig       = "552 5.3.4 Chunk too big: closing the connection"
	replyBdatOnly          = "503 5.5.1 Only BDAT here"
	replySyntaxForward     = "501 5.5.4 Syntax: XFORWARD attribute=value ..."
	replyNoArgument        = "501 5.5.4 This command takes no argument"
	replyLineTooLong       = "500 5.5.2 Line too long"
	replyControl           = "500 5.5.2 Control character in a command"
	replyBareLineFeed      = "521 5.5.2 Bare LF in a command: closing the connection"
	replyUnknown           = "500 5.5.2 Command not recognized"
	replyUnsupported       = "502 5.5.1 Command not implemented"
	replyNoSMTP            = "521 5.7.0 Not SMTP as offered here: closing the connection"
	replyHelloFirst        = "503 5.5.1 Send EHLO or HELO first"
	replyMailFirst         = "503 5.5.1 Send MAIL first"
	replyNested            = "503 5.5.1 A mail transaction is open"
	replyNoRecipients      = "554 5.5.1 No valid recipients"
	replyNotTrusted        = "550 5.7.0 XFORWARD is not allowed from your address"
	replyXclientNotTrusted = "550 5.7.0 XCLIENT is not allowed from your address"
	replySyntaxXclient     = "501 5.5.4 Syntax: XCLIENT attribute=value ..."
	replyAuthTLSFirst      = "538 5.7.11 AUTH needs STARTTLS first"
	replyAuthAlready       = "503 5.5.1 You have signed in"
	replyNoMechanism       = "504 5.5.4 Mechanism not offered"
	replyTooManyErrors     = "421 4.7.0 Too many errors: closing the connection"
	replyTooManyIdle       = "421 4.7.0 Too many commands without a message: closing the connection"
	replyStartTLS          = "220 2.0.0 Ready to start TLS"
	replyTLSAlready        = "503 5.5.1 TLS is in use"
	replyTLSFirst          = "530 5.7.0 Send STARTTLS first"
	replyNoUTF8            = "550 5.6.7 SMTPUTF8 is not offered: the mail server behind the gate does not take it"
	replyNoUTF8Path        = "553 5.6.7 Addresses are ASCII here: SMTPUTF8 is not offered"
	replyTimeout           = "421 4.4.2 Timeout: closing the connection"
	replyTooLong           = "421 4.4.2 Too much time taken: closing the connection"
	replyTrouble           = "421 4.3.0 Internal trouble: closing the connection"
)

func greeting220(hostname string) string { return "220 " + hostname + " ESMTP Congthu" }

func tooManyConnections(hostname string) string {
	return "421 4.3.2 " + hostname + " Too many connections: try again later"
}

func tooManyOfClient(hostname string) string {
	return "421 4.7.0 " + hostname + " Too many connections from your address: try again later"
}

func shuttingDown(hostname string) string {
	return "421 4.3.2 " + hostname + " Service shutting down: try again later"
}

// greetingDown is the greeting when no next hop answers. 421 makes every sending server try again,
// later or elsewhere; a 451 is no greeting (RFC 5321 section 4.3.2), and 554 would bounce the mail.
func greetingDown(hostname string) string {
	return "421 4.4.1 " + hostname + " The mail server behind the gate is not answering: try again later"
}

// nextHopDown answers a command that the next hop had to answer.
func nextHopDown(id string) reply {
	return catalogued(451, "4.1", filter.TextNextHop, id)
}

// catalogued makes a reply out of a text of the catalogue.
func catalogued(code int, status string, key filter.TextKey, id string) reply {
	text, _ := filter.TextOf(key)
	return own(filter.NewReply(code, status, text, id).String())
}
