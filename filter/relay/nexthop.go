package relay

import (
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"congthu/filter"
	"congthu/filter/message"
)

// nextHop is one connection to a next hop.
type nextHop struct {
	addr  string
	conn  net.Conn
	in    *input
	times *Timeouts
	ext   extensions
	out   []byte // scratch for a command
	made  time.Time

	line     string   // what it was greeted with
	welcome  reply    // its reply to that; zero before
	mails    int      // transactions begun
	told     []string // the XFORWARD commands that said something of a client
	kept     bool     // comes from the keeper, and nothing was said since
	ended    bool     // it said 250 to the end of a message, and nothing was said since
	xclient  []string // attributes of XCLIENT that it takes; nil when it is not asked, or does not
	identity string   // the XCLIENT command it was given, "" for none
	personal bool     // knows something of its client that outlives a transaction: never kept
}

// command sends one command line, without CRLF, and reads its reply, which must be of the class
// wanted or of class 4 or 5.
func (h *nextHop) command(line string, want int, wait time.Duration) (reply, error) {
	deadline := time.Now().Add(wait)
	if err := h.send(deadline, line); err != nil {
		return reply{}, err
	}
	return h.reply(want, deadline)
}

// send sends command lines, without CRLF, at once.
func (h *nextHop) send(deadline time.Time, lines ...string) error {
	if h.in.buffered() > 0 {
		return fmt.Errorf("next hop %s: %w: it speaks unasked", h.addr, errNonsense)
	}
	h.kept, h.ended = false, false
	h.out = h.out[:0]
	for _, line := range lines {
		h.out = append(append(h.out, line...), '\r', '\n')
	}
	if err := h.conn.SetWriteDeadline(deadline); err != nil {
		return fmt.Errorf("next hop %s: %w", h.addr, err)
	}
	if _, err := h.conn.Write(h.out); err != nil {
		return fmt.Errorf("next hop %s: sending a command: %w", h.addr, err)
	}
	return nil
}

// reply reads the reply to a command that has been sent.
func (h *nextHop) reply(want int, deadline time.Time) (reply, error) {
	r, err := readReply(h.in, deadline)
	switch {
	case err != nil:
		return reply{}, fmt.Errorf("next hop %s: %w", h.addr, err)
	case r.class() != want && r.class() < 4:
		return reply{}, fmt.Errorf("next hop %s: %w: code %d here", h.addr, errNonsense, r.code)
	}
	return r, nil
}

// hello says EHLO or HELO as the client did. To a next hop that does not know EHLO it says HELO, as
// RFC 5321 section 3.2 has it, and then the next hop offers no extensions.
//
// A kept connection that was greeted in these very words need not be greeted again. In other words it
// is: EHLO may be said again (RFC 5321 section 4.1.4), so that no next hop ever takes one client's name
// for another's.
func (h *nextHop) hello(g *greeting) (reply, error) {
	if h.kept && h.line == g.line {
		return h.welcome, nil
	}
	h.ext, h.line, h.welcome = extensions{}, g.line, reply{}
	r, err := h.command(g.line, 2, h.times.Mail)
	if err != nil {
		return r, err
	}
	switch {
	case !g.extended:
	case r.code == 500, r.code == 502, r.code == 504:
		if r, err = h.command("HELO "+g.name, 2, h.times.Mail); err != nil {
			return r, err
		}
	case r.class() == 2:
		h.ext = parseExtensions(r)
	}
	h.welcome = r
	return r, nil
}

// envelope begins tx, unless it is nil, and adds recipients to what is begun: who the client's client
// is, as far as the next hop wants to know it, MAIL, RCPT. What was said of another client is taken back
// first, in so many words. The replies are those to MAIL and RCPT; with an error they are those that
// came before it. Where the next hop takes them so, all commands go out at once (RFC 2920).
func (h *nextHop) envelope(tx *transaction, to []recipient) ([]reply, error) {
	var lines, before []string
	first := 0 // line after those of XFORWARD
	if tx != nil {
		var err error
		if lines, before, err = h.xforward(tx); err != nil {
			return nil, err
		}
		first = len(lines)
		lines = append(lines, tx.mail)
		h.mails++
	}
	for _, r := range to {
		lines = append(lines, r.line)
	}
	var replies []reply
	for i, line := range lines {
		wait := h.times.Mail
		if i > first || tx == nil {
			wait = h.times.Rcpt
		}
		deadline := time.Now().Add(wait)
		var err error
		switch {
		case !h.ext.pipelining:
			err = h.send(deadline, line)
		case i == 0:
			err = h.send(deadline, lines...)
		}
		if err != nil {
			return replies, err
		}
		r, err := h.reply(2, deadline)
		switch {
		case err != nil:
			return replies, err
		case i >= first:
			replies = append(replies, r)
		case r.code == 421: // one that does not want to know the client otherwise still gets the mail
			return replies, errors.New("next hop " + h.addr + " closes the connection")
		case r.class() != 2 && len(before) > 0 && !slices.Equal(before, lines[:first]):
			return replies, fmt.Errorf("next hop %s: %w", h.addr, errAnotherClient)
		}
		if !h.ext.pipelining && r.class() != 2 && i == first && tx != nil {
			break // without a transaction, no recipients
		}
	}
	return replies, nil
}

// content is what goes to the next hop: the message with fields added on top and byte ranges left out.
type content struct {
	add   []filter.HeaderField
	skip  []message.Range // in ascending order
	spool *message.Spool
	// unwanted tells that the client has gone, so that nobody waits for the answer.
	unwanted func() bool
	// chunked tells that it came with BDAT, and so goes on if it can: it need not end in CRLF.
	chunked bool
	// undotted tells that no line of the spool begins with a dot, so that none has to be doubled.
	undotted bool
}

// pieces are the fields to add on top and the ranges of the spool that follow.
func (c content) pieces() (top []byte, kept []message.Range) {
	for _, f := range c.add {
		top = append(top, f.Name+": "+f.Value+"\r\n"...)
	}
	at := int64(0)
	for _, s := range append(c.skip, message.Range{Start: c.spool.Size(), End: c.spool.Size()}) {
		if s.Start > at {
			kept = append(kept, message.Range{Start: at, End: s.Start})
		}
		at = max(at, s.End)
	}
	return top, kept
}

func (c content) writeTo(w *dotWriter) error {
	top, kept := c.pieces()
	if _, err := w.Write(top); err != nil {
		return err
	}
	w.plain = w.plain || c.undotted
	for _, r := range kept {
		if _, err := c.spool.WriteRange(w, r); err != nil {
			return err
		}
	}
	return nil
}

// size is how many octets writeTo writes.
func (c content) size() int64 {
	top, kept := c.pieces()
	n := int64(len(top))
	for _, r := range kept {
		n += r.Len()
	}
	return n
}

// errAfterDot says that the next hop may have the whole message, though it did not say so.
var errAfterDot = errors.New("no reply to the end of the message")

// data hands a message over and returns the next hop's final word.
func (h *nextHop) data(c content, pool *blocks) (reply, error) {
	if c.chunked && h.ext.chunking {
		return h.bdat(c, pool)
	}
	r, err := h.command("DATA", 3, h.times.Init)
	if err == nil && r.code == 421 {
		return reply{}, fmt.Errorf("next hop %s: %w", h.addr, errGoingAway)
	}
	if err != nil || r.class() != 3 {
		return r, err
	}
	if r.code != 354 {
		return reply{}, fmt.Errorf("next hop %s: %w: code %d to DATA", h.addr, errNonsense, r.code)
	}
	w := newDotWriter(h.conn, pool, h.times.Block)
	defer w.release()
	err = c.writeTo(w)
	if err == nil {
		err = w.prepare()
	}
	if word, spoke, early := h.unasked(err); spoke {
		return word, early
	}
	if err != nil {
		return reply{}, fmt.Errorf("next hop %s: %w", h.addr, err)
	}
	// Whoever has given up on us sends the message again, so the next hop must not have it.
	if c.unwanted() {
		return reply{}, errUnwanted
	}
	if err := w.finish(); err != nil {
		return reply{}, fmt.Errorf("next hop %s: %w: %w", h.addr, errAfterDot, err)
	}
	w.release() // the answer may take its time
	r, err = h.reply(2, time.Now().Add(h.times.Final))
	if err != nil {
		return reply{}, fmt.Errorf("%w: %w", errAfterDot, err)
	}
	h.ended = r.code == 250
	return r, nil
}

// bdat hands a message over in one chunk and a last, empty one (RFC 3030): until that is sent, the next
// hop cannot take the message for complete.
func (h *nextHop) bdat(c content, pool *blocks) (reply, error) {
	if err := h.send(time.Now().Add(h.times.Init), fmt.Sprintf("BDAT %d", c.size())); err != nil {
		return reply{}, err
	}
	w := newDotWriter(h.conn, pool, h.times.Block)
	defer w.release()
	w.plain = true
	err := c.writeTo(w)
	if err == nil {
		err = w.flush()
	}
	if err != nil {
		return reply{}, fmt.Errorf("next hop %s: %w", h.addr, err)
	}
	r, err := h.reply(2, time.Now().Add(h.times.Final))
	switch {
	case err != nil:
		return reply{}, err
	case r.code == 421:
		return reply{}, fmt.Errorf("next hop %s: %w", h.addr, errGoingAway)
	case r.class() != 2:
		return r, nil
	case c.unwanted():
		return reply{}, errUnwanted
	}
	if r, err = h.command("BDAT 0 LAST", 2, h.times.Final); err != nil {
		return reply{}, fmt.Errorf("%w: %w", errAfterDot, err)
	}
	h.ended = r.code == 250
	return r, nil
}

// unasked looks, before the final dot, for what the next hop said or did in the middle of the
// message. A refusal is its word; an acceptance cannot be one, for it does not have the message yet.
// A connection that it closed is found here while the message can still go elsewhere.
func (h *nextHop) unasked(sending error) (r reply, spoke bool, err error) {
	if sending == nil {
		switch h.in.look() {
		case peekNothing:
			return reply{}, false, nil
		case peekClosed:
			return reply{}, true, fmt.Errorf("next hop %s closed the connection in the middle of the message", h.addr)
		}
	}
	if sending != nil && isTimeout(sending) {
		return reply{}, false, nil
	}
	r, err = readReply(h.in, time.Now().Add(h.times.Quit))
	switch {
	case err != nil && sending != nil:
		return reply{}, false, nil // the failure to send says it all
	case err != nil:
		return reply{}, true, fmt.Errorf("next hop %s: %w", h.addr, err)
	case r.code == 421:
		return reply{}, true, fmt.Errorf("next hop %s: %w", h.addr, errGoingAway)
	case r.class() < 4:
		return reply{}, true, fmt.Errorf("next hop %s: %w: code %d in the middle of the message", h.addr, errNonsense, r.code)
	}
	return r, true, errEarly
}

// errGoingAway says that the next hop closes (421 before it has the message): it gives up waiting for
// the message, or stops. It says nothing of the message, which can go elsewhere.
var errGoingAway = errors.New("closes its connection (421)")

// errUnwanted says that the client went away before the message was handed over.
var errUnwanted = errors.New("client went away before the message was handed over")

// errEarly comes with a refusal that the next hop spoke in the middle of the message: it stands, but
// the connection is out of step and of no further use.
var errEarly = errors.New("refused in the middle of the message")

// quit takes leave (RFC 5321 section 4.1.1.10) and closes the connection.
func (h *nextHop) quit() {
	// Whatever it answers, nothing depends on it.
	_, _ = h.command("QUIT", 2, h.times.Quit)
	_ = h.conn.Close()
}

// wentAway tells whether err means that the connection broke, as against a next hop that is there
// and hangs or talks nonsense.
func wentAway(err error) bool {
	return !isTimeout(err) && !errors.Is(err, errNonsense)
}

func isTimeout(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }

// greeting is what the client introduced itself with.
type greeting struct {
	line     string // the command as it came
	name     string // its argument
	extended bool   // EHLO
	accepted bool   // the next hop answered 2xx
	offered  extensions
}

func (g *greeting) protocol() string {
	if g.extended {
		return "ESMTP"
	}
	return "SMTP"
}

// newGreeting reads EHLO or HELO. ok is false without a name.
func newGreeting(line string, extended bool) (*greeting, bool) {
	_, name, _ := strings.Cut(line, " ")
	name = strings.TrimSpace(name)
	return &greeting{line: line, name: name, extended: extended}, name != ""
}
