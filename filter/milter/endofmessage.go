package milter

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	gomilter "github.com/emersion/go-milter"

	"congthu/filter"
	"congthu/filter/message"
)

// endOfMessage is the library's view of a session. Only Body is ever called: the guard keeps all other
// frames. Every response continues for the library, which would otherwise forget the session in the
// middle of it; to the MTA a "continue" at the end of the message accepts it.
type endOfMessage struct {
	gomilter.NoOpMilter
	c *conn
}

// response is an answer after which the session goes on.
type response []byte

func (r response) Response() *gomilter.Message { return &gomilter.Message{Code: r[0], Data: r[1:]} }
func (response) Continue() bool                { return true }

var errNoSignature = errors.New("the message is signed and the MTA lets nobody add fields (SMFIF_ADDHDRS)")

var errNoChange = errors.New("the message has forged fields and the MTA lets nobody remove fields (SMFIF_CHGHDRS)")

// Body judges the message and speaks the verdict.
func (e endOfMessage) Body(m *gomilter.Modifier) (resp gomilter.Response, err error) {
	c := e.c
	defer func() {
		if p := recover(); p != nil { // not even a 451 could be made of it: SMFIR_TEMPFAIL is "451 4.7.1"
			c.panicked(p)
			c.drop()
			resp, err = response{byte(gomilter.ActTempFail)}, nil
		}
	}()
	tx := c.tx
	if tx == nil { // MAIL went wrong
		tx = &transaction{Transaction: &filter.Transaction{ID: filter.NewID(time.Now()), Received: time.Now(), Session: c.facts},
			spool: message.NewSpool(c.srv.cfg.Limits, c.srv.budget), fault: c.fault}
		c.tx = tx
	}
	v := c.settled(tx)
	actErr := c.act(tx, v, m)
	c.tx = nil
	c.spoken = &spoken{tx: tx, verdict: v, reply: v.Reply.String(), err: actErr}
	switch {
	case v.Passes():
		return response{byte(gomilter.ActContinue)}, nil
	case v.Taken(): // the MTA answers 250 and forgets the message
		return response{byte(gomilter.ActDiscard)}, nil
	}
	return replyResponse(v.Reply), nil
}

// replyResponse is SMFIR_REPLYCODE. The MTA reads its text as a format, in which a per cent sign is
// doubled.
func replyResponse(r filter.Reply) response {
	return response(string(rune(gomilter.ActReplyCode)) + strings.ReplaceAll(r.String(), "%", "%%") + "\x00")
}

// verdict decides: limits first, then the judge.
func (c *conn) verdict(tx *transaction) (v filter.Verdict) {
	judge := c.srv.judge
	defer func() {
		if p := recover(); p != nil {
			v = judge.Fault(tx.Transaction, c.panicked(p))
		}
	}()
	switch {
	case tx.fault != nil:
		return judge.Fault(tx.Transaction, tx.fault)
	case tx.tooMany: // RFC 3463: 5.5.3, too many recipients
		return judge.Protocol(tx.Transaction, 550, "5.3", filter.TextTooManyRecipients)
	}
	ctx, cancel := context.WithCancelCause(c.srv.ctx)
	defer cancel(nil)
	defer c.progress(cancel)()
	return filter.Decide(ctx, judge, tx.Transaction, tx.spool, tx.err, c.srv.cfg.Limits)
}

// settled is the last word on the message, on record. Fields can only be removed when the MTA lets the
// door: a message that would keep a forged field is deferred, and so is one that would go without its signature.
func (c *conn) settled(tx *transaction) filter.Verdict {
	v := c.verdict(tx)
	if v.Passes() && forged(tx.Transaction, v) && c.agreed.actions&gomilter.OptChangeHeader == 0 {
		v = c.srv.judge.Fault(tx.Transaction, errNoChange)
	}
	if v.Passes() && len(v.Signed) > 0 && c.agreed.actions&gomilter.OptAddHeader == 0 {
		v = c.srv.judge.Fault(tx.Transaction, errNoSignature)
	}
	return c.srv.judge.Settle(c.srv.ctx, tx.Transaction, v)
}

// forged tells whether fields must go before the message may. Of a released message the field that said so need not:
// it has done its work.
func forged(tx *filter.Transaction, v filter.Verdict) bool {
	for _, i := range v.Remove {
		name := strings.TrimRight(tx.Message.Header.Fields[i].Name, " \t")
		if tx.Released == "" || !strings.EqualFold(name, filter.ReleaseField) {
			return true
		}
	}
	return false
}

// act does to the message what a verdict that passes asks for. A message that would only lack the gate's own
// fields passes, where the MTA lets the door add none (the server's log says so once).
func (c *conn) act(tx *transaction, v filter.Verdict, m *gomilter.Modifier) error {
	if !v.Passes() {
		return nil
	}
	var err error
	for _, o := range occurrences(tx.Message.Header.Fields, v.Remove) {
		err = errors.Join(err, m.ChangeHeader(o.index, o.name, ""))
	}
	if c.agreed.actions&gomilter.OptAddHeader == 0 {
		return err
	}
	space := ""
	if tx.lead { // then the MTA adds none of its own
		space = " "
	}
	for i := len(v.Add) - 1; i >= 0; i-- { // each on top of the one before
		// Milters fold with LF alone: a CR would be one more in the message.
		value := strings.ReplaceAll(v.Add[i].Value, "\r\n", "\n")
		err = errors.Join(err, m.InsertHeader(0, v.Add[i].Name, space+value))
	}
	return err
}

// occurrence names a field as a milter does: the index-th of its name, counted from 1.
type occurrence struct {
	name  string
	index int
}

// occurrences names the fields with the given indices, last first, so that a removal does not renumber
// those that are still to be removed.
func occurrences(fields []message.Field, remove []int) []occurrence {
	if len(remove) == 0 {
		return nil
	}
	wanted := make(map[int]bool, len(remove))
	for _, i := range remove {
		wanted[i] = true
	}
	seen := map[string]int{}
	var out []occurrence
	for i, f := range fields {
		name := strings.TrimRight(f.Name, " \t")
		key := strings.ToLower(name)
		seen[key]++
		if wanted[i] {
			out = append(out, occurrence{name, seen[key]})
		}
	}
	for i, j := 0, len(out)-1; i < j; i, j = i+1, j-1 {
		out[i], out[j] = out[j], out[i]
	}
	return out
}

// progress tells the MTA every now and then that judging goes on, until stop is called; afterwards none
// is written. When the MTA is gone, judging is cancelled.
func (c *conn) progress(cancel context.CancelCauseFunc) (stop func()) {
	var mu sync.Mutex
	stopped := false
	var timer *time.Timer
	mu.Lock()
	timer = time.AfterFunc(c.srv.cfg.ProgressEvery, func() {
		mu.Lock()
		defer mu.Unlock()
		if stopped {
			return
		}
		if err := c.send(answer(codeProgress)); err != nil {
			cancel(fmt.Errorf("telling the MTA of progress: %w", err))
			return
		}
		timer.Reset(c.srv.cfg.ProgressEvery)
	})
	mu.Unlock()
	return func() {
		timer.Stop()
		mu.Lock()
		defer mu.Unlock()
		stopped = true
	}
}
