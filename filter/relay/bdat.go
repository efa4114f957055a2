package relay

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"congthu/filter/message"
)

// chunks is a message that comes with BDAT (RFC 3030), between its first chunk and its last.
type chunks struct {
	spool *message.Spool
	until time.Time // for the whole message
	lines lineCheck
	err   error // why spool does not hold the message
}

// bdat carries out BDAT: it takes the chunk, and with the last one the message goes the way of one that
// came with DATA. A chunk is taken off the connection whatever the answer (RFC 3030 section 2), so that
// nothing in it can pass for a command.
func (c *connection) bdat(ctx context.Context, args string) (reply, error) {
	octets, last, ok := parseBdat(args)
	if !ok || octets > 2*c.srv.cfg.Limits.WireBytes {
		// Where the data ends is not known, or not worth waiting for.
		c.closing = true
		if !ok {
			return c.refusal(replySyntaxBdat, c.tx), nil
		}
		return c.refusal(replyChunkTooBig, c.tx), nil
	}
	if octets > 0 {
		c.idle--
	}
	c.in.setBusy(true)
	defer c.in.setBusy(false)
	tx := c.tx
	if refusal := c.noChunk(tx); refusal.code != 0 {
		until := time.Now().Add(c.srv.cfg.Timeouts.Message) // though the connection ends sooner
		if until.After(c.until) {
			until = c.until
		}
		if err := c.take(octets, until, func([]byte) {}); err != nil {
			return c.chunkBroken(err)
		}
		return refusal, nil
	}
	m := tx.chunks
	if m == nil {
		m = &chunks{spool: c.newSpool(tx), until: time.Now().Add(c.srv.cfg.Timeouts.Message), lines: newLineCheck()}
		tx.chunks = m
	}
	err := c.take(octets, m.until, func(b []byte) {
		m.lines.scan(b)
		if m.err == nil {
			_, m.err = m.spool.Write(b)
		}
	})
	switch {
	case err != nil:
		return c.chunkBroken(err)
	case !last && m.err == nil:
		return own(fmt.Sprintf("250 2.0.0 %d octets received", octets)), nil
	}
	defer m.spool.Close()
	if err := c.flush(); err != nil { // judging may take its time
		return reply{}, err
	}
	// The last chunk, or one that goes beyond a limit: what follows that one is without a transaction.
	bare, nul := m.lines.end()
	c.in.giveBack() // many may wait to be judged
	return c.decide(ctx, tx, m.spool, received{bare: bare && !tx.binary, nul: nul && !tx.binary, notKept: m.err})
}

// noChunk says why a chunk is not wanted, the zero reply if it is.
func (c *connection) noChunk(tx *transaction) reply {
	switch {
	case tx == nil:
		return c.refusal(replyMailFirst, nil)
	case len(tx.recipients) == 0:
		return c.refusal(replyNoRecipients, tx)
	case c.hop == nil && tx.chunks == nil:
		return nextHopDown(tx.id)
	}
	return reply{}
}

func (c *connection) chunkBroken(err error) (reply, error) {
	if c.tx != nil {
		return c.broken(c.tx, err)
	}
	if isTimeout(err) {
		return own(replyTimeout), nil
	}
	return reply{}, err
}

// take reads n octets.
func (c *connection) take(n int64, until time.Time, use func([]byte)) error {
	c.in.borrow()
	for n > 0 {
		held := c.in.buf[c.in.r:c.in.w]
		if int64(len(held)) > n {
			held = held[:n]
		}
		if len(held) > 0 {
			use(held)
			c.in.r += len(held)
			n -= int64(len(held))
			continue
		}
		if err := c.flush(); err != nil {
			return err
		}
		deadline := time.Now().Add(c.srv.cfg.Timeouts.Data)
		if deadline.After(until) {
			deadline = until
		}
		err := c.in.fill(deadline)
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return fmt.Errorf("reading a chunk: %w", err)
		}
	}
	return nil
}

// forget ends the transaction on our side.
func (c *connection) forget() {
	if c.tx != nil && c.tx.chunks != nil {
		c.tx.chunks.spool.Close()
	}
	c.tx = nil
}

// parseBdat reads the arguments of BDAT: "12345" or "12345 LAST".
func parseBdat(args string) (octets int64, last, ok bool) {
	words := strings.Fields(args)
	switch {
	case len(words) == 2 && strings.EqualFold(words[1], "LAST"):
		last = true
	case len(words) != 1:
		return 0, false, false
	}
	n, err := strconv.ParseUint(words[0], 10, 63)
	return int64(n), last, err == nil
}

// lineCheck looks for what a message that goes on with DATA, now or at a later server, must not hold: a
// CR or LF that stands alone (RFC 5321 section 2.3.8), a line that begins with NUL.
type lineCheck struct {
	bare, nul bool
	start     bool // of a line
	cr        bool // the last octet was a CR
}

func newLineCheck() lineCheck { return lineCheck{start: true} }

func (l *lineCheck) scan(b []byte) {
	for len(b) > 0 {
		switch {
		case l.cr && b[0] == '\n':
			l.cr, l.start = false, true
			b = b[1:]
			continue
		case l.cr:
			l.bare, l.cr, l.start = true, false, false
		case b[0] == '\n':
			l.bare = true
		}
		l.nul = l.nul || l.start && b[0] == 0
		l.start = false
		i := bytes.IndexByte(b, '\r')
		rest := b
		if i >= 0 {
			rest = b[:i]
		}
		l.bare = l.bare || bytes.IndexByte(rest, '\n') >= 0
		if i < 0 {
			return
		}
		l.cr = true
		b = b[i+1:]
	}
}

// end tells what was found in the whole message.
func (l *lineCheck) end() (bare, nul bool) { return l.bare || l.cr, l.nul }
