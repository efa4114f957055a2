package extract

import (
	"bytes"
	"io"
	"strings"
	"unicode/utf8"

	"congthu/filter/message"
)

// guessBytes is how much of a text without a label its charset is told from.
const guessBytes = 32 << 10

// textReadings are the ways to read a text: what the message says of the charset of a leaf, what HTML says of its own,
// what the letters say.
func textReadings(in *input) ([]io.Reader, error) {
	head := make([]byte, min(in.content.Size(), guessBytes))
	if _, err := io.ReadFull(io.NewSectionReader(in.content, 0, in.content.Size()), head); err != nil {
		return nil, err
	}
	whole := func() io.Reader { return io.NewSectionReader(in.content, 0, in.content.Size()) }
	if decode, ok := wideText(head); ok {
		return []io.Reader{decode(whole())}, nil
	}
	if in.leaf && in.part != nil && strings.HasPrefix(in.part.MediaType, "text/") {
		texts, err := in.part.Texts()
		if err != nil {
			return nil, err
		}
		var out []io.Reader
		for _, t := range texts {
			out = append(out, t.Open())
		}
		return out, nil
	}
	named := htmlCharset(head)
	if utf8.Valid(trimRune(head)) && (named == "" || strings.EqualFold(named, "utf-8")) {
		return []io.Reader{message.DecodeReader("utf-8", whole())}, nil
	}
	var out []io.Reader
	for _, r := range message.ReadingsOfHTML(trimRune(head), named) {
		out = append(out, message.DecodeReader(r.Charset, whole()))
	}
	if utf8.Valid(trimRune(head)) { // programs that trust the octets more than what the text says of itself
		out = append(out, message.DecodeReader("utf-8", whole()))
	}
	return out, nil
}

// htmlCharset is the charset that HTML names in a meta element near its beginning.
func htmlCharset(head []byte) string {
	low := bytes.ToLower(head[:min(len(head), 4<<10)])
	_, rest, ok := bytes.Cut(low, []byte("<meta"))
	if !ok {
		return ""
	}
	_, rest, ok = bytes.Cut(rest, []byte("charset="))
	rest = bytes.TrimLeft(rest, `"' `)
	if end := bytes.IndexAny(rest, "\"'>;/ \t\r\n"); ok && end >= 0 && end <= 40 {
		return message.MetaCharset(string(rest[:end]))
	}
	return ""
}
