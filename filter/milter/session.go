package milter

import (
	"bytes"
	"net/netip"
	"strings"

	gomilter "github.com/emersion/go-milter"

	"congthu/filter"
	"congthu/filter/message"
)

// Codes that the library has no name for.
const (
	codeUnknown  gomilter.Code = 'U' // SMFIC_UNKNOWN, an SMTP command that the MTA does not know
	codeProgress byte          = 'p' // SMFIR_PROGRESS
)

const (
	// maxWord is how many octets of a HELO name, a host name or a macro's value are kept.
	maxWord = 1024
	// maxEnvelope is how many octets of reverse-path, recipients and their parameters a transaction
	// keeps; what is beyond counts as too many recipients.
	maxEnvelope = 1 << 20
)

// session is what is known of one connection. It outlives transactions; it is used by the connection's
// goroutine only.
type session struct {
	srv       *Server
	agreed    offer // zero until negotiated
	connected bool
	facts     filter.Session
	macros    macros
	tx        *transaction // nil between transactions
	fault     error        // a panic outside of a transaction: every message of the connection is deferred
}

// macros are what the last macro packet said, for the stage that it announces.
type macros struct {
	stage               gomilter.Code
	queueID, login, tls string
	address             string // what MAIL or RCPT names, as the MTA reads it; "" when it does not say
}

// transaction is one mail transaction in the making. It is replaced whole, never reset.
type transaction struct {
	*filter.Transaction
	spool     *message.Spool
	lead      bool  // header values come with their leading space
	envelope  int   // octets of paths and parameters
	tooMany   bool  // more recipients than allowed
	headEnded bool  // the line that ends the header block was written
	err       error // the spool's first
	fault     error // a panic of ours
}

// frame takes in one frame. forward tells that the library is to see it and answer.
func (s *session) frame(code gomilter.Code, data []byte) (forward bool, err error) {
	if (code == gomilter.CodeOptNeg) != (s.agreed.version == 0) {
		return false, breach("frame %q out of order", code)
	}
	var m macros
	if code != gomilter.CodeMacro {
		if s.macros.stage == code {
			m = s.macros
		}
		s.macros = macros{}
	}
	switch code {
	case gomilter.CodeOptNeg:
		o, err := parseOffer(data)
		if err != nil {
			return false, err
		}
		s.agreed = o.agreed()
		s.srv.tellMissing(s.agreed.actions)
		return true, nil
	case gomilter.CodeMacro:
		return false, s.readMacros(data)
	case gomilter.CodeConn:
		return false, s.connect(data)
	case gomilter.CodeHelo:
		return false, s.helo(data, m)
	case gomilter.CodeMail:
		return false, s.mail(data, m)
	case gomilter.CodeAbort:
		s.drop()
		return false, nil
	case gomilter.CodeQuitNewConn: // the MTA reuses this connection for another client
		s.drop()
		s.connected, s.facts, s.fault = false, s.srv.facts(), nil
		return false, nil
	case gomilter.CodeQuit:
		s.drop()
		return true, nil
	case codeUnknown:
		return false, nil
	case gomilter.CodeData, gomilter.CodeRcpt, gomilter.CodeHeader, gomilter.CodeEOH, gomilter.CodeBody, gomilter.CodeEOB:
		if s.tx != nil {
			return s.tx.frame(code, data, m, s.srv.cfg.Recipients)
		}
		if s.fault != nil { // MAIL went wrong: what follows is not kept, and the end gets 451
			return code == gomilter.CodeEOB, nil
		}
	}
	return false, breach("frame %q out of order", code)
}

// frame takes in one frame that belongs to a transaction.
func (t *transaction) frame(code gomilter.Code, data []byte, m macros, recipients int) (forward bool, err error) {
	if m.queueID != "" {
		t.QueueID = m.queueID
	}
	switch code {
	case gomilter.CodeRcpt:
		return false, t.rcpt(data, m, recipients)
	case gomilter.CodeHeader:
		return false, t.header(data)
	case gomilter.CodeEOH:
		t.endHead()
	case gomilter.CodeBody:
		t.body(data)
	case gomilter.CodeEOB: // may carry a last piece of the body
		if len(data) > 0 {
			t.body(data)
		}
		return true, nil
	}
	return false, nil
}

// drop ends the transaction without a verdict.
func (s *session) drop() {
	if s.tx != nil {
		s.tx.spool.Close()
		s.tx = nil
	}
}

// readMacros keeps those macros that the door reads, for the frame that comes next. So none can outlive
// its stage, nor its message.
func (s *session) readMacros(data []byte) error {
	if len(data) == 0 {
		return breach("empty macro packet")
	}
	m := macros{stage: gomilter.Code(data[0])}
	for rest := data[1:]; len(rest) > 0; {
		var name, value []byte
		name, rest, _ = bytes.Cut(rest, nul)
		value, rest, _ = bytes.Cut(rest, nul)
		switch string(name) {
		case macroQueueID:
			m.queueID = word(value)
		case macroLogin:
			m.login = word(value)
		case macroTLS:
			m.tls = word(value)
		case macroSender, macroRecipient:
			if len(value) <= maxWord { // half an address is another one
				m.address = string(value)
			}
		}
	}
	s.macros = m
	return nil
}

// connect reads the client's name and address: host NUL family, for families 4 and 6 a port, for all but
// U an address NUL.
func (s *session) connect(data []byte) error {
	host, rest, ok := bytes.Cut(data, nul)
	if !ok || len(rest) == 0 || s.connected {
		return breach("connect packet")
	}
	facts := s.srv.facts()
	if name := word(host); name != "unknown" && !strings.HasPrefix(name, "[") {
		facts.ClientName = name
	}
	switch family, rest := gomilter.ProtoFamily(rest[0]), rest[1:]; family {
	case gomilter.FamilyInet, gomilter.FamilyInet6:
		const port = 2
		if len(rest) < port+1 || bytes.IndexByte(rest[port:], 0) != len(rest)-port-1 {
			return breach("connect packet of family %q", family)
		}
		facts.Client = parseAddr(string(rest[port : len(rest)-1]))
	case gomilter.FamilyUnknown, gomilter.FamilyUnix:
	default:
		return breach("connect packet of family %q", family)
	}
	s.connected, s.facts = true, facts
	return nil
}

// parseAddr is the zero Addr for what is no address. Sendmail writes IPv6 addresses as SMTP does, with
// a tag (RFC 5321 section 4.1.3).
func parseAddr(a string) netip.Addr {
	const tag = "IPv6:"
	if len(a) > len(tag) && strings.EqualFold(a[:len(tag)], tag) {
		a = a[len(tag):]
	}
	addr, err := netip.ParseAddr(a)
	if err != nil {
		return netip.Addr{}
	}
	return addr.Unmap().WithZone("")
}

// helo reads the client's name for itself. A greeting ends a transaction (RFC 5321 section 4.1.4).
func (s *session) helo(data []byte, m macros) error {
	if len(data) == 0 || bytes.IndexByte(data, 0) != len(data)-1 {
		return breach("helo packet")
	}
	s.drop()
	s.facts.Helo, s.facts.TLS = word(data[:len(data)-1]), m.tls
	return nil
}

// mail begins a transaction.
func (s *session) mail(data []byte, m macros) error {
	path, params, err := readPath(data)
	if err != nil {
		return err
	}
	s.drop()
	facts := s.facts
	facts.Login = m.login
	if m.tls != "" {
		facts.TLS = m.tls
	}
	now := s.srv.now()
	s.tx = &transaction{
		Transaction: &filter.Transaction{ID: filter.NewID(now), Received: now, Session: facts,
			ReversePath: m.path(path, params), QueueID: m.queueID},
		spool:    message.NewSpoolOf(facts.Client, s.srv.cfg.Limits, s.srv.budget),
		lead:     s.agreed.protocol&gomilter.OptHeaderLeadingSpace != 0,
		envelope: len(data),
	}
	s.fault = nil
	return nil
}

// path reads a path. Of one that servers read in two ways the MTA's own reading counts, for by that it
// delivers.
func (m macros) path(path, params string) filter.Path {
	if m.address != "" && !filter.PlainPath(path) {
		path = m.address
	}
	return filter.ParsePath(path, params)
}

func (t *transaction) rcpt(data []byte, m macros, recipients int) error {
	path, params, err := readPath(data)
	if err != nil {
		return err
	}
	if len(t.Recipients) >= recipients || t.envelope+len(data) > maxEnvelope {
		t.tooMany = true
		return nil
	}
	t.envelope += len(data)
	t.Recipients = append(t.Recipients, m.path(path, params))
	return nil
}

// header writes one field as it stood in the message: the MTA gives name and value apart, with LF in
// folds.
func (t *transaction) header(data []byte) error {
	colon := bytes.IndexByte(data, 0)
	if bytes.Count(data, nul) != 2 || data[len(data)-1] != 0 || colon == 0 || t.headEnded {
		return breach("header packet")
	}
	rest := data[:len(data)-1]
	if t.lead {
		rest[colon] = ':' // the buffer is ours: no copy
	} else {
		t.write(rest[:colon])
		t.write([]byte(": "))
		rest = rest[colon+1:]
	}
	for {
		i := bytes.IndexByte(rest, '\n')
		if i < 0 {
			break
		}
		t.write(bytes.TrimSuffix(rest[:i], cr))
		t.write(crlf)
		rest = rest[i+1:]
	}
	t.write(rest)
	t.write(crlf)
	return nil
}

func (t *transaction) endHead() {
	if !t.headEnded {
		t.headEnded = true
		t.write(crlf)
	}
}

func (t *transaction) body(data []byte) {
	t.endHead()
	t.write(data)
}

// write spools. After an error the rest is taken in and dropped, for the verdict comes at the end.
func (t *transaction) write(p []byte) {
	if t.err == nil {
		_, t.err = t.spool.Write(p)
	}
}

// readPath reads the packet of MAIL or RCPT: path NUL, then each ESMTP parameter NUL.
func readPath(data []byte) (path, params string, err error) {
	if len(data) == 0 || data[len(data)-1] != 0 {
		return "", "", breach("path packet")
	}
	p, rest, _ := bytes.Cut(data[:len(data)-1], nul)
	return string(p), strings.ReplaceAll(string(rest), "\x00", " "), nil
}

// cr, crlf, nul: as bytes, for the functions of package bytes.
var (
	cr   = []byte("\r")
	crlf = []byte("\r\n")
	nul  = []byte{0}
)

// word is a short copy of what came from outside.
func word(b []byte) string { return string(b[:min(len(b), maxWord)]) }
