package rules

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/unicode"

	"congthu/filter/message"
	"congthu/rules/marking"
)

// maxSniffed is how many octets of a part are looked at to tell text from other content.
const maxSniffed = 1 << 10

// markingTexts yields every text of a message with the part that it is of: subjects and labels of it and of the
// messages in it, file names, bodies, attached text, and what the extractor finds. The error is one of ours.
func markingTexts(ctx context.Context, c Config, m *message.Message, yield func(part string, t marking.Text)) error {
	for _, h := range m.Headers() {
		headerTexts(h, "", yield)
	}
	for p := range m.Parts() {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		if p.Parent != nil {
			headerTexts(p.Header, p.ID, yield)
		}
		for _, name := range p.Names {
			yield(p.ID, marking.Text{Kind: marking.FileName, Readings: textsOf(message.Readings([]byte(name), ""))})
		}
		for _, d := range p.Header.Readings("Content-Description") {
			yield(p.ID, marking.Text{Kind: marking.Subject, Readings: textsOf(d)})
		}
		if !p.Leaf() {
			continue
		}
		if err := leafTexts(ctx, c, p, func(t marking.Text) { yield(p.ID, t) }); err != nil {
			return fmt.Errorf("part %q: %w", p.ID, err)
		}
	}
	return nil
}

func textsOf(list []message.Reading) []string {
	out := make([]string, len(list))
	for i, r := range list {
		out[i] = r.Text
	}
	return out
}

// labelField tells the header fields that carry a label: RFC 7444 (SIO-Label), Microsoft's sensitivity labels, the
// protective marking of Australia's PSPF, RFC 4021's Sensitivity, RFC 6477 (MMHS), and the names in use beside them.
func labelField(name string) (kind marking.Kind, ok bool) {
	switch strings.ToLower(name) {
	case "sio-label", "sio-label-history", "msip_labels", "x-protective-marking", "sensitivity", "x-sensitivity", "classification",
		"x-classification", "security-classification", "x-security-label", "x-security-classification", "x-label", "x-sensitivity-label",
		"mmhs-security-label", "x-do-mat", "x-domat":
		return marking.Label, true
	case "keywords", "comments", "x-keywords", "x-categories", "categories":
		return marking.Property, true
	}
	return 0, false
}

// headerTexts yields what a header says to readers and what labels it carries.
func headerTexts(h *message.Header, part string, yield func(string, marking.Text)) {
	for _, name := range []string{"Subject", "Thread-Topic"} {
		for _, readings := range h.Readings(name) {
			yield(part, marking.Text{Kind: marking.Subject, Readings: textsOf(readings)})
		}
	}
	for _, f := range h.Fields {
		if kind, ok := labelField(f.Name); ok {
			yield(part, marking.Text{Kind: kind, Name: f.Name, Readings: textsOf(message.Readings([]byte(message.DecodeText(f.Value())), ""))})
		}
	}
}

// leafTexts yields the text of a leaf in every reading, in windows.
func leafTexts(ctx context.Context, c Config, p *message.Part, yield func(marking.Text)) error {
	start := make([]byte, maxSniffed)
	n, err := io.ReadFull(p.Open(), start)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return fmt.Errorf("reading: %w", err)
	}
	start = start[:n]
	kind := marking.Attachment
	if letter(p) {
		kind = marking.Body
	}
	html := p.MediaType == "text/html" || p.MediaType == "application/xhtml+xml" || looksLikeHTML(start)
	read := func(r io.Reader) error {
		if html {
			r = newHTMLText(r)
		}
		return windows(ctx, r, kind, yield)
	}
	switch {
	case utf16Mark(start):
		return read(unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewDecoder().Reader(p.Open()))
	case !strings.HasPrefix(p.MediaType, "text/") && !html && !looksLikeText(start):
		if c.Extract != nil {
			return c.Extract(ctx, p, yield)
		}
		return nil
	}
	texts, err := p.Texts()
	if err != nil {
		return fmt.Errorf("reading: %w", err)
	}
	for _, t := range texts {
		if err := read(t.Open()); err != nil {
			return err
		}
	}
	return nil
}

// utf16Mark tells a text that begins with the byte order mark of UTF-16, as Windows programs write it.
func utf16Mark(b []byte) bool {
	return bytes.HasPrefix(b, []byte{0xFF, 0xFE}) || bytes.HasPrefix(b, []byte{0xFE, 0xFF})
}

// looksLikeText tells content without the controls that text never has. PDF has few at its beginning and is no text.
func looksLikeText(b []byte) bool {
	if len(b) == 0 || bytes.HasPrefix(b, []byte("%PDF")) {
		return false
	}
	for _, c := range b {
		if c < ' ' && c != '\t' && c != '\n' && c != '\r' && c != '\f' && c != 0x1b || c == 0x7f {
			return false
		}
	}
	return true
}

func looksLikeHTML(b []byte) bool {
	b = bytes.ToLower(bytes.TrimLeft(bytes.TrimPrefix(b, []byte("\xef\xbb\xbf")), " \t\r\n"))
	for _, tag := range []string{"<!doctype html", "<html", "<head", "<body"} {
		if bytes.HasPrefix(b, []byte(tag)) {
			return true
		}
	}
	return false
}

// windows hands a text over in windows that overlap, so that memory stays bounded and nothing is left out.
func windows(ctx context.Context, r io.Reader, kind marking.Kind, yield func(marking.Text)) error {
	buffered := bufio.NewReader(r)
	buf := make([]byte, 0, 8<<10)
	offset, continued := int64(0), false
	for {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		var err error
		if buf, err = fill(buffered, buf); err != nil && err != io.EOF {
			return fmt.Errorf("reading: %w", err)
		}
		if err == io.EOF {
			if len(buf) > 0 {
				yield(marking.Text{Kind: kind, Readings: []string{string(buf)}, Offset: offset, Continued: continued})
			}
			return nil
		}
		end := len(buf)
		for end > 0 && len(buf)-end < utf8.UTFMax && !utf8.RuneStart(buf[end-1]) {
			end--
		}
		yield(marking.Text{Kind: kind, Readings: []string{string(buf[:end])}, Offset: offset, Continued: continued})
		keep := overlapFrom(buf)
		offset += int64(keep)
		buf = append(buf[:0], buf[keep:]...)
		continued = true
	}
}

// fill reads until the window is full; io.EOF tells that the text has ended.
func fill(r io.Reader, buf []byte) ([]byte, error) {
	for len(buf) < marking.MaxText {
		if len(buf) == cap(buf) {
			buf = append(buf, make([]byte, min(len(buf)+1, marking.MaxText-len(buf)))...)[:len(buf)]
		}
		n, err := r.Read(buf[len(buf):min(cap(buf), marking.MaxText)])
		buf = buf[:len(buf)+n]
		if err != nil {
			return buf, err
		}
	}
	return buf, nil
}

// overlapFrom is where the next window begins: at the beginning of a line, or else of a letter.
func overlapFrom(buf []byte) int {
	from := len(buf) - marking.Overlap
	if i := bytes.IndexByte(buf[from:len(buf)-marking.Overlap/4], '\n'); i >= 0 {
		return from + i + 1
	}
	for from < len(buf) && !utf8.RuneStart(buf[from]) {
		from++
	}
	return from
}
