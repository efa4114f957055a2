package filter

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
)

// HeaderIdentity tells a message that comes again from others, for counting: the same for all that have the same header
// fields after the trace fields at their top, which the server that sends it again writes anew, and bodies of the same
// size. A message without a Message-ID (RFC 5322 section 3.6.4), whose header fields may be those of others, is told by all
// of its content. It is "" when the content is not known. What lets a message pass must not hang on it: a body can be
// changed without it.
func HeaderIdentity(tx *Transaction) string {
	if tx.Content == nil {
		return identity(tx)
	}
	r, left, err := afterTrace(tx, 4<<10)
	if err != nil {
		return identity(tx)
	}
	h, named := sha256.New(), false
	for starts := true; left() > 0; {
		line, err := r.ReadSlice('\n')
		if starts && len(bytes.TrimRight(line, "\r\n")) == 0 {
			break
		}
		named = named || starts && hasName(line, "Message-ID:")
		h.Write(line)
		starts = err == nil // else the line is longer than the buffer, or the last
		if err != nil && err != bufio.ErrBufferFull {
			break
		}
	}
	if !named {
		return identity(tx)
	}
	return hex.EncodeToString(h.Sum(strconv.AppendInt(nil, left(), 10)))
}
