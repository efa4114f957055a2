package relay

import (
	"bytes"
	"io"
	"time"
)

// dotReader takes a message off a connection: from after the 354 to CRLF "." CRLF exactly, the
// dots of RFC 5321 section 4.5.2 removed. Nothing else ends a message and nothing else ends a
// line, so no other reading of "end of data" can hide a second message in it; what could be read
// otherwise is noted and makes the door refuse the message, after its real end.
type dotReader struct {
	in    *input
	idle  time.Duration // for each read
	until time.Time     // for the whole message

	lineStart bool
	done      bool
	// bare tells that a CR or LF stood alone (RFC 5321 section 2.3.8).
	bare bool
	// nul tells that a line began with NUL: to a server that drops NUL, NUL "." is an end of data.
	nul bool
	// width is how long the last line was: the next is likely to be as long.
	width int
	// dots tells that a line of the message begins with a dot, after the one that was taken away.
	dots bool
}

// newDotReader begins a message. It borrows a block for in.
func newDotReader(in *input, idle, total time.Duration) *dotReader {
	in.borrow()
	return &dotReader{in: in, idle: idle, until: time.Now().Add(total), lineStart: true}
}

// next returns the next octets of the message, valid until the next call, and io.EOF after its end.
func (d *dotReader) next() ([]byte, error) {
	for !d.done {
		held := d.in.buf[d.in.r:d.in.w]
		kept, used := d.scan(held)
		d.in.r += used
		if kept > 0 {
			return held[:kept], nil
		}
		if d.done {
			break
		}
		deadline := time.Now().Add(d.idle)
		if deadline.After(d.until) {
			deadline = d.until
		}
		if err := d.in.fill(deadline); err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
	}
	return nil, io.EOF
}

// scan reads b as far as it can be decided, moves the octets that belong to the message to b's
// start, and tells how many these are and how many octets of b it used up. What it leaves is a
// possible beginning of CRLF or of the end: at most two octets.
func (d *dotReader) scan(b []byte) (kept, used int) {
	pos, from, crlfs := 0, 0, 0 // b[from:pos] belongs to the message and has not been moved
	even := true                // no line was taken for one of width that is none
	for pos < len(b) {
		if d.lineStart && even {
			var n, lines int
			n, lines, even = evenLines(b[pos:], d.width)
			pos, crlfs = pos+n, crlfs+lines
			if pos == len(b) {
				break
			}
		}
		if d.lineStart {
			if b[pos] == '.' {
				rest := b[pos:]
				if len(rest) < 3 && (len(rest) == 1 || rest[1] == '\r') {
					break // this may be the end
				}
				kept += move(b, kept, from, pos)
				if rest[1] == '\r' && rest[2] == '\n' {
					d.done = true
					d.count(b[:kept], crlfs)
					return kept, pos + 3
				}
				pos++
				from = pos
				d.dots = d.dots || b[pos] == '.'
			}
			d.nul = d.nul || b[pos] == 0
			d.lineStart = false
		}
		i := bytes.IndexByte(b[pos:], '\r')
		switch {
		case i < 0:
			pos = len(b)
		case pos+i+1 == len(b):
			pos += i
			kept += move(b, kept, from, pos)
			d.count(b[:kept], crlfs)
			return kept, pos
		case b[pos+i+1] == '\n':
			crlfs++
			d.width = i
			pos += i + 2
			d.lineStart = true
		default:
			d.bare = true
			pos += i + 1
		}
	}
	kept += move(b, kept, from, pos)
	d.count(b[:kept], crlfs)
	return kept, pos
}

// evenLines is how many octets b begins with that are lines of exactly width octets and CRLF, and how many
// lines these are: none begins with a dot or NUL. It looks at the ends of lines only and then counts. ok is
// false when there are more line ends than that; it costs as much as b is long, so that is to be asked once.
func evenLines(b []byte, width int) (n, lines int, ok bool) {
	for n+width+1 < len(b) && b[n+width] == '\r' && b[n+width+1] == '\n' && b[n] != '.' && b[n] != 0 {
		n += width + 2
		lines++
	}
	if lines == 0 {
		return 0, 0, true
	}
	if bytes.Count(b[:n], []byte{'\r'}) != lines || bytes.Count(b[:n], []byte{'\n'}) != lines {
		return 0, 0, false
	}
	return n, lines, true
}

// count notes a bare LF: every LF of the message stands in a CRLF that scan saw, or it is bare.
func (d *dotReader) count(kept []byte, crlfs int) {
	if bytes.Count(kept, []byte{'\n'}) != crlfs {
		d.bare = true
	}
}

// move brings b[from:to] to b[at:] and returns its length.
func move(b []byte, at, from, to int) int {
	if at != from {
		copy(b[at:], b[from:to])
	}
	return to - from
}
