package relay

import (
	"bytes"
	"fmt"
	"net"
	"time"
)

// dotWriter puts a message on a connection: dots doubled as RFC 5321 section 4.5.2 says, and
// nothing else changed. It is an io.Writer for the message's octets. finish ends the message; its
// last block goes out together with the final dot.
type dotWriter struct {
	conn  net.Conn
	pool  *blocks
	idle  time.Duration // for each write to the connection
	block *[blockBytes]byte
	n     int  // octets waiting in block
	plain bool // no dots are doubled: the message goes in a chunk, or none of its lines begins with a dot
	// last holds the message's last two octets: CRLF at its beginning, where a line starts too.
	last [2]byte
}

func newDotWriter(conn net.Conn, pool *blocks, idle time.Duration) *dotWriter {
	return &dotWriter{conn: conn, pool: pool, idle: idle, block: pool.get(), last: [2]byte{'\r', '\n'}}
}

// release gives the writer's block back, if it was not given back yet.
func (w *dotWriter) release() {
	if w.block != nil {
		w.pool.put(w.block)
	}
	w.block = nil
}

// Write takes the message's next octets.
func (w *dotWriter) Write(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if w.plain {
		w.keepLast(p)
		return len(p), w.put(p)
	}
	rest := p
	if rest[0] == '.' && w.last == [2]byte{'\r', '\n'} {
		if err := w.put([]byte{'.'}); err != nil {
			return 0, err
		}
	}
	// A line end that the last write began.
	if len(rest) > 1 && w.last[1] == '\r' && rest[0] == '\n' && rest[1] == '.' {
		if err := w.put([]byte("\n.")); err != nil {
			return 0, err
		}
		rest = rest[1:]
	}
	for {
		i := bytes.Index(rest, []byte("\r\n."))
		if i < 0 {
			break
		}
		if err := w.put(rest[:i+2]); err != nil {
			return 0, err
		}
		if err := w.put([]byte{'.'}); err != nil {
			return 0, err
		}
		rest = rest[i+2:]
	}
	if err := w.put(rest); err != nil {
		return 0, err
	}
	w.keepLast(p)
	return len(p), nil
}

func (w *dotWriter) keepLast(p []byte) {
	if len(p) == 1 {
		w.last = [2]byte{w.last[1], p[0]}
	} else {
		w.last = [2]byte{p[len(p)-2], p[len(p)-1]}
	}
}

// put sends octets, gathering what is smaller than a block.
func (w *dotWriter) put(p []byte) error {
	if w.n+len(p) > blockBytes {
		if err := w.flush(); err != nil {
			return err
		}
	}
	if len(p) >= blockBytes {
		return w.send(p)
	}
	w.n += copy(w.block[w.n:], p)
	return nil
}

func (w *dotWriter) flush() error {
	n := w.n
	w.n = 0
	if n == 0 {
		return nil
	}
	return w.send(w.block[:n])
}

// send writes p in pieces, each with its own deadline: a slow next hop is no dead one.
func (w *dotWriter) send(p []byte) error {
	for len(p) > 0 {
		piece := p[:min(len(p), blockBytes)]
		if err := w.conn.SetWriteDeadline(time.Now().Add(w.idle)); err != nil {
			return fmt.Errorf("sending the message: %w", err)
		}
		if _, err := w.conn.Write(piece); err != nil {
			return fmt.Errorf("sending the message: %w", err)
		}
		p = p[len(piece):]
	}
	return nil
}

// prepare sends everything but what may go out together with the final dot, so that until finish
// is called the next hop cannot take the message for complete.
func (w *dotWriter) prepare() error {
	if w.n+len("\r\n.\r\n") > blockBytes {
		return w.flush()
	}
	return nil
}

// finish ends the message. After it, or its failure, the next hop may have the whole message.
func (w *dotWriter) finish() error {
	end := "\r\n.\r\n"
	if w.last == [2]byte{'\r', '\n'} {
		end = ".\r\n"
	}
	w.n += copy(w.block[w.n:], end)
	return w.flush()
}
