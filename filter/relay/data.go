package relay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"

	"congthu/filter"
	"congthu/filter/message"
)

// data carries out DATA: the message is read whole, judged, and only then handed on. It answers
// itself, so that the log and the next hop's RSET come after the answer, and then returns the zero
// reply; another is for a DATA that began nothing.
func (c *connection) data(ctx context.Context, args string) (reply, error) {
	tx := c.tx
	switch {
	case strings.TrimSpace(args) != "":
		return c.breach(replyNoArgument), nil
	case tx == nil:
		return c.breach(replyMailFirst), nil
	case tx.chunks != nil || tx.binary:
		return c.breach(replyBdatOnly), nil
	case len(tx.recipients) == 0:
		return c.breach(replyNoRecipients), nil
	case c.hop == nil:
		// It went away between RCPT commands. Nothing is lost: the client still has the message.
		return nextHopDown(tx.id), nil
	}
	c.in.setBusy(true)
	defer c.in.setBusy(false)
	if err := c.send(own(replyGoAhead)); err != nil {
		return reply{}, err
	}
	spool := c.newSpool(tx)
	defer spool.Close()
	got, err := c.receive(spool)
	if err != nil {
		return c.broken(tx, err)
	}
	c.in.giveBack() // many may wait to be judged
	return c.decide(ctx, tx, spool, got)
}

// newSpool is the room for a message, out of its client's share. Of a mail server that does not say who its
// client is, all are nobody's.
func (c *connection) newSpool(tx *transaction) *message.Spool {
	client := c.peer
	if f := tx.forwarded; f != nil {
		client = f.client
	} else if c.trusted {
		client = netip.Addr{}
	}
	return message.NewSpoolOf(client, c.srv.cfg.Limits, c.srv.budget)
}

// received is what is to say of a message beside its octets.
type received struct {
	bare, nul bool
	undotted  bool  // none of its lines begins with a dot
	notKept   error // why the spool does not hold it
}

// receive reads the message to its end, also one that is no longer kept, so that the dialog stays
// in step. An error is one of the connection.
func (c *connection) receive(spool *message.Spool) (received, error) {
	var got received
	d := newDotReader(c.in, c.srv.cfg.Timeouts.Data, c.srv.cfg.Timeouts.Message)
	for {
		piece, err := d.next()
		if err == io.EOF {
			got.bare, got.nul, got.undotted = d.bare, d.nul, !d.dots
			return got, nil
		}
		if err != nil {
			return got, fmt.Errorf("reading the message: %w", err)
		}
		if got.notKept == nil {
			_, got.notKept = spool.Write(piece)
		}
	}
}

// broken ends a connection whose client went away, or stopped, in the middle of a message. Nothing
// of it has gone to the next hop.
func (c *connection) broken(tx *transaction, err error) (reply, error) {
	c.log.Warn("client went away in the middle of a message", "id", tx.id, "error", err)
	c.dropHop()
	if isTimeout(err) {
		return own(replyTimeout), nil
	}
	return reply{}, err
}

// decide judges the message and acts on the verdict. The transaction ends here.
func (c *connection) decide(ctx context.Context, tx *transaction, spool *message.Spool, got received) (reply, error) {
	ft := tx.judged(c)
	v := c.srv.judge.Settle(ctx, ft, c.verdict(ctx, ft, spool, got))
	c.tx, c.forwarded, c.idle = nil, nil, 0

	var answer reply
	var reset bool
	o := filter.Outcome{}
	switch {
	case !v.Passes():
		answer, reset = own(v.Reply.String()), true
	case c.clientGone():
		// It will send the message again, so the next hop must not have it (RFC 1047).
		c.dropHop()
		o.Err = errors.New("client went away while the message was judged: not handed on")
		c.srv.judge.Log(ft, v, o)
		return reply{}, o.Err
	default:
		m := c.contentOf(ft, v, tx, spool)
		m.undotted = got.undotted
		answer, reset, o = c.deliver(ctx, tx, m)
	}
	if answer.code == 421 {
		c.closing = true
	}
	o.Reply = answer.String()
	err := c.send(answer)
	if err != nil || errors.Is(o.Err, errUnwanted) { // nobody heard it
		o.Reply, o.Err = "", errors.Join(o.Err, err)
	}
	c.srv.judge.Log(ft, v, o)
	if reset {
		c.resetHop()
	}
	return reply{}, err
}

// verdict judges the message, or says why it is turned away unjudged.
func (c *connection) verdict(ctx context.Context, ft *filter.Transaction, spool *message.Spool, got received) filter.Verdict {
	judge := c.srv.judge
	switch {
	case got.bare:
		return judge.Protocol(ft, 550, "5.2", filter.TextBareLineBreak)
	case got.nul:
		return judge.Protocol(ft, 550, "6.0", filter.TextMalformed)
	}
	v := filter.Decide(ctx, judge, ft, spool, got.notKept, c.srv.cfg.Limits)
	if c.srv.cfg.Received && v.Passes() && inCircles(ft.Message) {
		return judge.Protocol(ft, 554, "4.6", filter.TextCircle)
	}
	return v
}

// clientGone tells whether the client has closed the connection with nothing left to say.
func (c *connection) clientGone() bool {
	return c.in.look() == peekClosed
}

// contentOf is what goes on of a message that passes (invariant 4).
func (c *connection) contentOf(ft *filter.Transaction, v filter.Verdict, tx *transaction, spool *message.Spool) content {
	out := content{add: v.Add, spool: spool, unwanted: c.clientGone, chunked: tx.chunks != nil}
	if c.srv.cfg.Received {
		out.add = append([]filter.HeaderField{c.receivedField(tx)}, v.Add...)
	}
	for _, i := range v.Remove {
		out.skip = append(out.skip, ft.Message.Header.Fields[i].Range)
	}
	slices.SortFunc(out.skip, func(a, b message.Range) int { return int(a.Start - b.Start) })
	return out
}

// deliver hands the message on. A next hop that went away before it had the whole message is tried
// once more; after that nothing is tried, for the message could arrive twice.
func (c *connection) deliver(ctx context.Context, tx *transaction, m content) (answer reply, reset bool, o filter.Outcome) {
	for try := 1; ; try++ {
		r, err := c.hop.data(m, c.srv.blocks)
		o.NextHop = c.hop.addr
		switch {
		case err == nil && r.code == 421, errors.Is(err, errEarly):
			c.dropHop()
			return r, false, o
		case err == nil:
			// Refused at DATA, the transaction is still open there; refused at its end, RSET does no harm.
			return r, r.class() != 2, o
		}
		c.dropHop()
		o.Err = errors.Join(o.Err, err)
		if errors.Is(err, errUnwanted) {
			c.closing = true
			return nextHopDown(tx.id), false, o // to nobody
		}
		if try == 2 || errors.Is(err, errAfterDot) || !wentAway(err) {
			return nextHopDown(tx.id), false, o
		}
		if err := c.replay(ctx, tx); err != nil {
			c.dropHop()
			o.Err = errors.Join(o.Err, fmt.Errorf("replaying the envelope: %w", err))
			return nextHopDown(tx.id), false, o
		}
	}
}

// replayGroup is how many recipients are given at once: of the longest commands, a group that fits the
// buffers between us.
const replayGroup = 8

// replay gives the envelope to a next hop anew. All that was accepted before has to be again.
func (c *connection) replay(ctx context.Context, tx *transaction) error {
	if _, err := c.reach(ctx, nil); err != nil {
		return err
	}
	opening := tx
	for from := 0; opening != nil || from < len(tx.recipients); {
		to := tx.recipients[from:min(from+replayGroup, len(tx.recipients))]
		replies, err := c.hop.envelope(opening, to)
		for _, r := range replies {
			if r.class() != 2 {
				return fmt.Errorf("next hop %s now answers %d", c.hop.addr, r.code)
			}
		}
		if err != nil {
			return err
		}
		opening, from = nil, from+len(to)
	}
	return nil
}
