package extract

import (
	"context"
	"mime"
	"strings"

	"github.com/gabriel-vasile/mimetype"
)

// headBytes is how much of a file's beginning its type is told from.
const headBytes = 4 << 10

// reader looks into files of one format. What is wrong with the content is an error, which counts as
// damage unless it is a stop; what is found before it stands.
type reader func(ctx context.Context, in *input, o out) error

// format is one kind of file.
type format struct {
	name      string // of the reader: what a worker is told
	mediaType string
	worker    bool // read in a worker process: the reader may exhaust memory or the stack
	read      reader
	warm      func() error // done by a worker before its first file; nil is nothing
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

func tell(formats map[string]format, head []byte, c content, label string, names []string) (f format, known bool) {
	if name, mediaType, ok := magic(head, c); ok {
		f, known := formats[name]
		f.mediaType = mediaType
		return f, known
	}
	m := mimetype.Detect(head)
	for t := m; t != nil; t = t.Parent() {
		mediaType, _, err := mime.ParseMediaType(t.String())
		if err != nil {
			continue
		}
		name, known := readerOf(mediaType)
		if mediaType == "text/plain" {
			name = textReader(head, label, names)
		}
		if f, ok := formats[name]; known && ok {
			f.mediaType = typeOf(m)
			return f, true
		}
	}
	return unknown(typeOf(m)), false
}

func typeOf(m *mimetype.MIME) string {
	t, _, _ := strings.Cut(m.String(), ";")
	return t
}
