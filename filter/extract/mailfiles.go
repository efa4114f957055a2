package extract

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"

	"congthu/filter/message"
)

// mailFile tells text that holds mails or encoded files: a mailbox as Unix keeps it (RFC 4155), a mail as Apple Mail
// keeps it, a file as uuencode or yEnc writes it.
func mailFile(head []byte) string {
	first, rest, _ := bytes.Cut(head, []byte("\n"))
	first = bytes.TrimRight(first, " \r")
	switch {
	case bytes.HasPrefix(first, []byte("From ")) && looksLikeMail(rest):
		return "mbox"
	case len(first) > 0 && len(bytes.Trim(first, "0123456789")) == 0 && looksLikeMail(rest):
		return "emlx"
	case bytes.HasPrefix(first, []byte("=ybegin ")), isUUBegin(first):
		return "uu"
	}
	return ""
}

// isUUBegin tells "begin 644 name".
func isUUBegin(line []byte) bool {
	mode, ok := bytes.CutPrefix(line, []byte("begin "))
	mode, name, named := bytes.Cut(mode, []byte(" "))
	return ok && named && len(name) > 0 && len(mode) >= 3 && len(mode) <= 4 && len(bytes.Trim(mode, "01234567")) == 0
}

// readMbox passes on the mails of a mailbox. Each begins behind a line "From " that stands at the beginning or behind
// a line break, and that the fields of a header follow.
func readMbox(ctx context.Context, in *input, o out) error {
	size := in.content.Size()
	s := &scanner{r: io.NewSectionReader(in.content, 0, size)}
	start := lineEnd(in.content, 0)
	for start < size {
		if err := ctx.Err(); err != nil {
			return err
		}
		end, next := size, size
		for s.seek(start); s.find([]byte("\nFrom ")); s.seek(s.offset() + 1) {
			after := lineEnd(in.content, s.offset()+1)
			if looksLikeMail(octetsFrom(in.content, after)) {
				end, next = s.offset()+1, after
				break
			}
		}
		if err := o.member(nil, io.NewSectionReader(in.content, start, end-start)); err != nil {
			return err
		}
		start = next
	}
	return nil
}

// readEmlx passes on the mail behind the line that says how long it is, with the list of properties behind it.
func readEmlx(_ context.Context, in *input, o out) error {
	start := lineEnd(in.content, 0)
	return o.member(nil, io.NewSectionReader(in.content, start, in.content.Size()-start))
}

// octetsFrom is what a mail's header is told from.
func octetsFrom(c content, at int64) []byte {
	b := make([]byte, min(headBytes, max(0, c.Size()-at)))
	n, _ := c.ReadAt(b, at) // what cannot be read is no header
	return b[:n]
}

// lineEnd is where the line that begins at an octet ends, or as far as a line is looked for.
func lineEnd(c content, at int64) int64 {
	b := octetsFrom(c, at)
	if i := bytes.IndexByte(b, '\n'); i >= 0 {
		return at + int64(i) + 1
	}
	return at + int64(len(b))
}

// readUU reads encoded files in a text, and the text around them, as those in the text of a mail.
func readUU(ctx context.Context, in *input, o out) error {
	const header = "Content-Type: text/plain\r\n\r\n"
	m, err := message.Read(behind{strings.NewReader(header), in.content}, int64(len(header))+in.content.Size(), message.DefaultLimits())
	if err != nil {
		return fmt.Errorf("reading encoded files: %w", err)
	}
	for p := range m.Contents() {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := leafInside(p, o); err != nil {
			return err
		}
	}
	for _, n := range m.NotInspected {
		o.miss(n.Reason)
	}
	return nil
}

// behind is a file behind a few octets.
type behind struct {
	before *strings.Reader
	file   io.ReaderAt
}

// ReadAt implements io.ReaderAt.
func (b behind) ReadAt(p []byte, off int64) (int, error) {
	n := 0
	if off < b.before.Size() {
		n, _ = b.before.ReadAt(p, off) // at its end the file follows
		if n == len(p) {
			return n, nil
		}
	}
	m, err := b.file.ReadAt(p[n:], off+int64(n)-b.before.Size())
	return n + m, err
}
