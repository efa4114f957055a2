package message

import (
	"bytes"
	"slices"
)

// maxNotice is how long a notice to old mail readers may be, in octets.
const maxNotice = 1024

// notices are what programs write before the first part for readers without MIME, in lower case,
// blanks folded, without a full stop at the end.
var notices = [...]string{
	"this is a multi-part message in mime format",
	"this is a multipart message in mime format",
	"this is a multi part message in mime format",
	"this is a multi-part message in mime format. your mail reader does not understand mime message format",
	"this is a mime-encapsulated message",
	"this is a mime encoded message",
	"this is a mime-encoded message",
	"this is a mime formatted message",
	"this is a mime-formatted message. if you see this text it means that your e-mail software does not support mime-formatted messages",
	"this is a mime formatted message. if you see this text it means that your e-mail software does not support mime formatted messages",
	"this message is in mime format",
	"this message is in mime format. since your mail reader does not understand this format, some or all of this message may not be legible",
	"this message is in mime format. the first part should be readable text, while the remaining parts are likely unreadable without mime-aware tools",
	"this is a cryptographically signed message in mime format",
	"this is an s/mime signed message",
	"this is an s/mime encrypted message",
	"this is an openpgp/mime signed message (rfc 4880 and 3156)",
	"this is an openpgp/mime encrypted message (rfc 4880 and 3156)",
	"this is an openpgp/mime encrypted message (rfc 2440 and 3156)",
	"this is a digitally signed message in mime format",
	"multipart message in mime format",
	"mime message",
}

// outside adds a leaf for text outside of the boundaries of p, when it is more than blank or a
// notice.
func (s *scanner) outside(p *Part, name string, r Range) {
	if r.Len() <= 0 || s.silent(r) {
		return
	}
	s.read.note(p.ID, TextOutside)
	leaf := &Part{ID: joinID(p.ID, name), Parent: p, Outside: true, Header: &Header{}, Whole: r, Body: r,
		MediaType: "text/plain", Encoding: Identity, source: p.source}
	s.addReading(p, leaf)
}

// silent tells whether r says nothing: blanks, or one of the notices.
func (s *scanner) silent(r Range) bool {
	var said [maxNotice]byte // in lower case, blanks folded
	n, blank := 0, false
	for off := r.Start; off < r.End; {
		c := s.window.from(off, 1)
		c = c[:min(int64(len(c)), r.End-off)]
		if len(c) == 0 {
			return false
		}
		off += int64(len(c))
		for _, o := range c {
			if o == ' ' || o == '\t' || o == '\r' || o == '\n' {
				blank = n > 0
				continue
			}
			if n+2 > maxNotice {
				return false
			}
			if blank {
				said[n], blank = ' ', false
				n++
			}
			if o >= 'A' && o <= 'Z' {
				o += 'a' - 'A'
			}
			said[n] = o
			n++
		}
	}
	text := bytes.TrimRight(said[:n], ".:")
	return len(text) == 0 || slices.ContainsFunc(notices[:], func(notice string) bool { return notice == string(text) })
}

// maxGuesses is how many different lines are remembered when a boundary is guessed.
const maxGuesses = 16

// guess finds what a reader would take for the boundary of a multipart that does not say it: the
// first line of the form "--text" that comes again, or comes with "--" at its end. "" for none.
func (s *scanner) guess(r Range) string {
	var candidates [maxGuesses]string
	n := 0
	again := maxGuesses
	bol := true
	for off := r.Start; off < r.End && again > 0; {
		c := s.window.from(off, maxDelimiter)
		c = c[:min(int64(len(c)), r.End-off)]
		if len(c) == 0 {
			break
		}
		i := nextDashes(c, bol)
		if i != 0 || len(c) < 2 {
			if i < 0 || len(c) < 2 {
				off += int64(len(c))
				bol = isBreak(c[len(c)-1])
			} else {
				off, bol = off+int64(i), true
			}
			continue
		}
		d := delimiterLine(c)
		off, bol = off+2, false
		text := bytes.TrimSuffix(d.text, []byte("--"))
		if len(text) == 0 || len(text) > maxBoundary {
			continue
		}
		k := 0
		for k < n && candidates[k] != string(text) {
			k++
		}
		if k < n {
			again = min(again, k)
		} else if n < maxGuesses && len(text) == len(d.text) {
			candidates[n] = string(text)
			n++
		}
	}
	if again == maxGuesses {
		return ""
	}
	return candidates[again]
}
