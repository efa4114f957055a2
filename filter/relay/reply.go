package relay

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Bounds of a next hop's reply. RFC 5321 section 4.5.3.1.5 allows 512 octets a line; servers that
// say more are borne with.
const (
	maxReplyLine  = 2048     // octets with CRLF
	maxReplyBytes = 32 << 10 // octets of all lines of one reply
)

// errNonsense says that a next hop said what SMTP does not allow. Its connection is of no further use.
var errNonsense = errors.New("not an SMTP reply")

// reply is what a client is told: one or several lines, each with its CRLF, byte for byte.
type reply struct {
	code int
	raw  []byte
}

// own makes a reply of one line, "250 2.0.0 OK".
func own(line string) reply {
	code := int(line[0]-'0')*100 + int(line[1]-'0')*10 + int(line[2]-'0')
	return reply{code: code, raw: append([]byte(line), '\r', '\n')}
}

// class is the reply code's first digit.
func (r reply) class() int { return r.code / 100 }

// String is the reply on one line, for the log: code and texts.
func (r reply) String() string {
	lines := strings.Split(strings.TrimSuffix(string(r.raw), "\r\n"), "\r\n")
	for i, l := range lines {
		if i > 0 {
			lines[i] = strings.TrimSpace(l[min(len(l), 4):])
		}
	}
	return strings.Join(lines, " ")
}

// lines calls f with the text of each line, without code and CRLF.
func (r reply) lines(f func(i int, text string)) {
	i := 0
	for l := range strings.SplitSeq(strings.TrimSuffix(string(r.raw), "\r\n"), "\r\n") {
		f(i, l[min(len(l), 4):])
		i++
	}
}

// readReply reads one reply (RFC 5321 section 4.2.1). Anything but lines of the same three-digit
// code, each ended by CRLF and without other control characters, is errNonsense: a bare CR or LF in
// it would be a second reply to whoever reads lines differently.
func readReply(in *input, deadline time.Time) (reply, error) {
	var r reply
	for {
		line, err := in.line(deadline)
		switch {
		case errors.Is(err, errLineTooLong), errors.Is(err, errBareLineFeed):
			return reply{}, fmt.Errorf("%w: %w", errNonsense, err)
		case err != nil:
			return reply{}, fmt.Errorf("reading a reply: %w", err)
		}
		code, last, ok := replyLine(line)
		switch {
		case !ok:
			return reply{}, fmt.Errorf("%w: malformed line", errNonsense)
		case r.code != 0 && code != r.code:
			return reply{}, fmt.Errorf("%w: lines with different codes", errNonsense)
		case len(r.raw)+len(line)+2 > maxReplyBytes:
			return reply{}, fmt.Errorf("%w: more than %d octets", errNonsense, maxReplyBytes)
		}
		r.code = code
		r.raw = append(append(r.raw, line...), '\r', '\n')
		if last {
			return r, nil
		}
	}
}

// replyLine reads "ddd text", "ddd-text" or "ddd". The second digit may be any: there are servers
// that answer 571.
func replyLine(line []byte) (code int, last, ok bool) {
	if len(line) < 3 || line[0] < '2' || line[0] > '5' || !digit(line[1]) || !digit(line[2]) {
		return 0, false, false
	}
	if len(line) > 3 && line[3] != ' ' && line[3] != '-' {
		return 0, false, false
	}
	if hasControl(line) {
		return 0, false, false
	}
	code = int(line[0]-'0')*100 + int(line[1]-'0')*10 + int(line[2]-'0')
	return code, len(line) == 3 || line[3] == ' ', true
}

func digit(c byte) bool { return '0' <= c && c <= '9' }

// hasControl tells whether b holds a control character other than TAB.
func hasControl(b []byte) bool {
	for _, c := range b {
		if c < ' ' && c != '\t' || c == 0x7f {
			return true
		}
	}
	return false
}
