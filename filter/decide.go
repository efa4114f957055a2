package filter

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"slices"

	"congthu/filter/message"
)

// Content is a message as a door received it. *message.Spool is one.
type Content interface {
	io.ReaderAt
	Size() int64
	SHA256() string
}

// Decider is what Decide needs of a judge.
type Decider interface {
	Judge(ctx context.Context, tx *Transaction) Verdict
	Protocol(tx *Transaction, code int, status string, text TextKey) Verdict
	Fault(tx *Transaction, err error) Verdict
}

// errNoDecision says that a judge returned the zero verdict or one without a reply.
var errNoDecision = errors.New("the judge made no decision")

// Decide is the way from a received message to its verdict, the same for every door: limits first, then
// the tree, then the judge. notKept is why c does not hold the whole message, nil if it does. It fills
// tx.Message, tx.SHA256 and tx.Content.
func Decide(ctx context.Context, j Decider, tx *Transaction, c Content, notKept error, l message.Limits) Verdict {
	switch {
	case errors.Is(notKept, message.ErrTooBig):
		return j.Protocol(tx, 552, "3.4", TextTooBig)
	case notKept != nil:
		return j.Fault(tx, fmt.Errorf("keeping the message: %w", notKept))
	}
	tx.Content, tx.SHA256 = c, c.SHA256()
	m, err := readMessage(c, l)
	if err != nil {
		return j.Fault(tx, err)
	}
	tx.Message = m
	// Rules that read a header that is cut off would take what stands beyond for missing, and forged
	// fields there would pass.
	if m.Header.Cut {
		return j.Protocol(tx, 552, "3.4", TextHeaderTooBig)
	}
	// No policy is asked: what is judged here is not what would be delivered.
	if slices.ContainsFunc(m.Anomalies, func(a message.Anomaly) bool { return a.Kind.Altered() }) {
		return j.Protocol(tx, 550, "6.0", TextMalformed)
	}
	if tx.Session.Door != doorCheck {
		switch bad, err := badStart(c); {
		case err != nil:
			return j.Fault(tx, err)
		case bad:
			return j.Protocol(tx, 550, "6.0", TextMalformed)
		}
	}
	v := j.Judge(ctx, tx)
	if !v.Passes() && v.Reply.Code() < 400 {
		return j.Fault(tx, errNoDecision)
	}
	return v
}

// doorCheck is the door of files, in which an mbox line is ordinary.
const doorCheck = "check"

// badStart tells a message on top of which no field can be put: one that begins with a blank, which would
// make its first line part of that field, or with an mbox line, which would stand in the middle of the
// header then (RFC 5322 section 2.2).
func badStart(c Content) (bool, error) {
	start := make([]byte, min(int64(len(">From ")), c.Size()))
	if n, err := c.ReadAt(start, 0); n < len(start) {
		return false, fmt.Errorf("reading the message's first line: %w", err)
	}
	return bytes.HasPrefix(start, []byte(" ")) || bytes.HasPrefix(start, []byte("\t")) ||
		bytes.HasPrefix(start, []byte("From ")) || bytes.HasPrefix(start, []byte(">From ")), nil
}

// readMessage is message.Read with its panics contained. The error of a panic is one that the content
// may have caused.
func readMessage(c Content, l message.Limits) (*message.Message, error) {
	return contained(func() (*message.Message, error) { return message.Read(c, c.Size(), l) })
}

func contained(read func() (*message.Message, error)) (m *message.Message, err error) {
	defer func() {
		if p := recover(); p != nil {
			// The panic's value may hold content (invariant 5): only its type and the stack are kept.
			m, err = nil, contentError{fmt.Sprintf("panic of type %T while reading the message", p), debug.Stack()}
		}
	}()
	if m, err = read(); err != nil {
		return nil, fmt.Errorf("reading the message: %w", err)
	}
	return m, nil
}
