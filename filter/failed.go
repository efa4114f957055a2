package filter

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"

	lru "github.com/hashicorp/golang-lru/v2"
)

// failedMessages is how many failures of a rule on a message are remembered.
const failedMessages = 4096

// wholeMessage stands for reading a message, where a rule's name stands for a rule.
const wholeMessage = ""

// failures remembers on which messages a rule failed in a way that the content may have caused, so
// that the same message, coming again, is "not inspected" instead of deferred for ever (invariant 2).
type failures struct{ seen *lru.Cache[string, struct{}] }

func newFailures() (failures, error) {
	seen, err := lru.New[string, struct{}](failedMessages)
	return failures{seen}, err
}

func (f failures) any() bool { return f.seen.Len() > 0 }

func (f failures) has(identity, rule string) bool { return f.seen.Contains(identity + " " + rule) }

// add tells whether the failure was there before.
func (f failures) add(identity, rule string) (again bool) {
	again, _ = f.seen.ContainsOrAdd(identity+" "+rule, struct{}{})
	return again
}

// identity tells a message that comes again: the hash of all after the trace fields at its top, which
// the server that sends it again writes anew, with another date and queue id.
func identity(tx *Transaction) string {
	if tx.Content == nil {
		return tx.SHA256
	}
	r, _, err := afterTrace(tx, 64<<10)
	if err != nil {
		return tx.SHA256
	}
	h := sha256.New()
	if _, err := r.WriteTo(h); err != nil {
		return tx.SHA256
	}
	return hex.EncodeToString(h.Sum(nil))
}

// afterTrace reads a message's content from the end of the trace fields at its top, through a buffer of that many octets;
// left is how many octets are not yet read.
func afterTrace(tx *Transaction, buffer int) (r *bufio.Reader, left func() int64, err error) {
	all := io.NewSectionReader(tx.Content, 0, tx.Content.Size())
	r = bufio.NewReaderSize(all, buffer)
	left = func() int64 {
		at, _ := all.Seek(0, io.SeekCurrent) // never fails
		return all.Size() - at + int64(r.Buffered())
	}
	for inTrace := false; ; {
		start, err := r.Peek(len("Return-Path:"))
		fold := len(start) > 0 && (start[0] == ' ' || start[0] == '\t')
		if !fold {
			inTrace = isTrace(start)
		}
		if !inTrace || err != nil {
			return r, left, nil
		}
		for prefix := true; prefix; {
			if _, prefix, err = r.ReadLine(); err != nil {
				return nil, nil, err
			}
		}
	}
}

func isTrace(line []byte) bool {
	return hasName(line, "Received:") || hasName(line, "Return-Path:") || hasName(line, "Delivered-To:")
}

// hasName tells whether a header field's first line begins with that name and colon.
func hasName(line []byte, name string) bool {
	return len(line) >= len(name) && bytes.EqualFold(line[:len(name)], []byte(name))
}
