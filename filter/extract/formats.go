package extract

import (
	"bytes"
	"context"
	"io"
	"mime"
	"strings"

	"github.com/gabriel-vasile/mimetype"
)

// headBytes is how much of a file's beginning its type is told from.
const headBytes = 4 << 10

// unknownType is the media type of what nobody knows.
const unknownType = "application/octet-stream"

// reader looks into files of one format. What is wrong with the content is an error, which counts as
// damage unless it is a stop; what is found before it stands.
type reader func(ctx context.Context, in *input, o out) error

// format is one kind of file.
type format struct {
	name      string // of the reader: what a worker is told
	mediaType string
	worker    bool // read in a worker process: the reader may exhaust memory or the stack
	wraps     bool // virus scanners may not open what it holds, or not all that programs open
	read      reader
	warm      func() error // done by a worker before its first file; nil is nothing
	also      []format     // what else programs take the file for
}

// unknown is a file that nothing is known of.
func unknown(mediaType string) format { return format{mediaType: mediaType} }

// teller tells a file's format by its content. label and names only decide between formats that look the same.
type teller func(head []byte, c content, label string, names []string) (f format, known bool)

// newTeller is the teller of formats.
func newTeller(formats map[string]format) teller {
	return func(head []byte, c content, label string, names []string) (format, bool) {
		return tell(formats, head, c, label, names)
	}
}

// tell tells what a file is, and what else some program takes it for: it is read every way.
func tell(formats map[string]format, head []byte, c content, label string, names []string) (f format, known bool) {
	f, known = first(formats, head, c, label, names)
	if f.name == "html" && (label == "text/plain" || hasEnding(names, ".txt", ".log", ".md")) { // shown as it is written
		f.also = append(f.also, formats["text"])
	}
	for _, name := range hidden(head, c) {
		also := formats[name]
		switch also.mediaType = hiddenType(name); {
		case !known:
			if f.mediaType != unknownType { // a program that unpacks itself stays a program
				also.mediaType = f.mediaType
			}
			f, known = also, true
		case f.name != name:
			f.also = append(f.also, also)
		}
	}
	return f, known
}

// zipTrailer is how many octets at a file's end are searched for a zip's directory; a comment may follow it.
const zipTrailer = 1 << 10

// hidden names the readers of what programs find in a file of another type: a PDF file or a zip behind something else.
func hidden(head []byte, c content) []string {
	var out []string
	if hiddenPDF(head, c) {
		out = append(out, "pdf")
	}
	tail := make([]byte, min(c.Size(), zipTrailer))
	if _, err := c.ReadAt(tail, c.Size()-int64(len(tail))); err != nil && err != io.EOF {
		return out
	}
	if bytes.Contains(tail, []byte("PK\x05\x06")) {
		out = append(out, "zip")
	}
	return out
}

func hiddenType(reader string) string {
	if reader == "pdf" {
		return "application/pdf"
	}
	return "application/zip"
}

// first tells a file by its beginning.
func first(formats map[string]format, head []byte, c content, label string, names []string) (f format, known bool) {
	name, mediaType, ok := magic(head, c)
	if !ok {
		name, mediaType, ok = securedMail(head)
	}
	if ok {
		f, known := formats[name]
		f.mediaType = mediaType
		return f, known
	}
	if mediaType, ok := unreadable(head, c); ok {
		return unknown(mediaType), false
	}
	m := mimetype.Detect(head)
	if m.Is("application/pdf") && !bytes.HasPrefix(head, []byte(pdfMark)) { // a letter that speaks of PDF
		m = mimetype.Detect(bytes.ReplaceAll(head, []byte(pdfMark), nil))
	}
	if m.Is("application/vnd.microsoft.portable-executable") { // a letter that begins so
		m = mimetype.Detect(head[2:])
	}
	for t := m; t != nil; t = t.Parent() {
		mediaType, _, err := mime.ParseMediaType(t.String())
		if err != nil {
			continue
		}
		name, known := readerOf(mediaType)
		if mediaType == "text/plain" || mediaType == "message/rfc822" {
			name = textReader(head, label, names)
		}
		if f, ok := formats[name]; known && ok {
			f.mediaType = readType(name, typeOf(m))
			return f, true
		}
	}
	if name, ok := fallback(head, label, names); ok {
		if name == "text" && !likeText(head, typeOf(m)) {
			name = "doubtful"
		}
		f := formats[name]
		f.mediaType = readType(name, typeOf(m))
		return f, true
	}
	return unknown(typeOf(m)), false
}

// fallback is the reader of what does not look like anything: text in octets that text seldom has, and mail with
// octets that mail seldom has.
func fallback(head []byte, label string, names []string) (name string, ok bool) {
	if _, wide := wideText(head); wide || strings.HasPrefix(label, "text/") {
		return textReader(head, label, names), true
	}
	return "message", looksLikeMail(head) // with parts that are not encoded
}

// likeText tells octets that may be text in an old charset, some of which have letters among the control characters,
// from what only the message calls text.
func likeText(head []byte, mediaType string) bool {
	if _, wide := wideText(head); wide {
		return true
	}
	if mediaType != "application/octet-stream" && !strings.HasPrefix(mediaType, "text/") && !strings.HasPrefix(mediaType, "message/") {
		return false
	}
	control := 0
	for _, c := range head {
		switch {
		case c == 0:
			return false
		case c < ' ' && c != '\t' && c != '\r' && c != '\n' && c != '\f' && c != 0x1a && c != 0x1b:
			control++
		}
	}
	return control <= len(head)/20
}

// readType is the media type of what a reader was chosen for that knows more than the first octets say.
func readType(reader, mediaType string) string {
	switch {
	case reader == "text" && mediaType == "message/rfc822":
		return "text/plain"
	case reader == "message":
		return "message/rfc822"
	case reader == "html" && mediaType == "text/plain":
		return "text/html"
	case reader == "rtf" && mediaType == "text/plain":
		return "text/rtf"
	}
	return mediaType
}

func typeOf(m *mimetype.MIME) string {
	t, _, _ := strings.Cut(m.String(), ";")
	return t
}
