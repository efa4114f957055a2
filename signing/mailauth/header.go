package mailauth

import (
	"bytes"
	"fmt"
	"io"
	"strings"
)

// field is a header field: its name in lower case and its octets with folds and the line end.
type field struct {
	name string
	raw  []byte
}

// value is what follows the colon.
func (f field) value() string {
	_, v, _ := bytes.Cut(f.raw, []byte(":"))
	return string(v)
}

// header is a message's, in order. broken names why nothing in it is judged, "" for a header that is read.
type header struct {
	fields []field
	broken string
}

// readHeader reads fields until the empty line or the end. A line that is no field is one without a name: it is in
// nobody's list of signed fields, and does not hide those after it.
func readHeader(r io.Reader, l Limits) (header, error) {
	var h header
	if r == nil {
		return h, nil
	}
	data, err := io.ReadAll(io.LimitReader(r, l.Header+1))
	if err != nil {
		return h, fmt.Errorf("read header: %w", err)
	}
	if int64(len(data)) > l.Header {
		return header{broken: "header-too-long"}, nil
	}
	for len(data) > 0 {
		line := data
		if i := bytes.IndexByte(data, '\n'); i >= 0 {
			line = data[:i+1]
		}
		data = data[len(line):]
		text := bytes.TrimRight(line, "\r\n")
		n := len(h.fields)
		switch {
		case len(text) == 0:
			return h, nil
		case (text[0] == ' ' || text[0] == '\t') && n > 0:
			// The octets lie side by side: the field grows over its next line.
			h.fields[n-1].raw = h.fields[n-1].raw[:len(h.fields[n-1].raw)+len(line)]
			continue
		case n == l.Fields:
			return header{broken: "too-many-fields"}, nil
		}
		name, _, found := bytes.Cut(text, []byte(":"))
		if !found {
			name = nil
		}
		h.fields = append(h.fields, field{strings.ToLower(strings.TrimRight(string(name), " \t")), line})
	}
	return h, nil
}

func (h header) count(name string) int {
	n := 0
	for _, f := range h.fields {
		if f.name == name {
			n++
		}
	}
	return n
}

// pick are the fields that a list of names signs: for each name the lowest that was not taken yet
// (RFC 6376 section 5.4.2), nothing where there is none. The field at index except is the signature itself.
func (h header) pick(names []string, except int) []field {
	byName := map[string][]int{}
	for i, f := range h.fields {
		if i != except {
			byName[f.name] = append(byName[f.name], i)
		}
	}
	var out []field
	for _, name := range names {
		if list := byName[name]; len(list) > 0 {
			out = append(out, h.fields[list[len(list)-1]])
			byName[name] = list[:len(list)-1]
		}
	}
	return out
}
