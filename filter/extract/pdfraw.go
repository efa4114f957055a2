package extract

import (
	"bytes"
	"compress/zlib"
	"errors"
	"io"
	"slices"
	"strings"
)

// Limits of what is looked at in a PDF file's own octets, beside what its library reads.
const (
	maxObjectStreams      = 20_000   // unpacked for names of actions
	maxObjectStreamOctets = 32 << 20 // of all of them together
	maxLabels             = 100
	maxXMP                = 1 << 20 // octets of one packet of properties
)

// pdfNamesOf looks at the names in a file and in its compressed objects. They tell actions (PDF 1.7 section 12.6.4): the library
// names those of the document, not those of pages, links and fields.
func pdfNamesOf(file []byte) *pdfNames {
	n := &pdfNames{facts: map[Fact]bool{}}
	n.note(file)
	budget := int64(maxObjectStreamOctets)
	rest := file
	for range maxObjectStreams {
		i := bytes.Index(rest, []byte("/ObjStm"))
		if i < 0 || budget <= 0 {
			break
		}
		rest = rest[i+len("/ObjStm"):]
		start := bytes.Index(rest[:min(len(rest), 1024)], []byte("stream"))
		if start < 0 {
			continue
		}
		body := bytes.TrimLeft(rest[start+len("stream"):], "\r\n")
		objects := inflated(body, min(budget, 4<<20))
		budget -= int64(len(objects))
		n.note(objects)
	}
	if n.form && formScript(file) {
		n.facts[Script] = true
	}
	return n
}

// inflated is what a zlib stream begins with, to the first damage or limit.
func inflated(b []byte, most int64) []byte {
	z, err := zlib.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil
	}
	defer z.Close()
	var out bytes.Buffer
	_, _ = io.Copy(&out, io.LimitReader(z, most)) // what came before the damage counts
	return out.Bytes()
}

// pdfNameIs tells a name, written plainly or with "#" and hexadecimal digits (PDF 1.7 section 7.3.5).
func pdfNameIs(b []byte, name string) (end int, ok bool) {
	at := 0
	for i := range len(name) {
		switch {
		case at < len(b) && b[at] == name[i]:
			at++
		case at+2 < len(b) && b[at] == '#' && unhex(b[at+1])<<4|unhex(b[at+2]) == int(name[i]):
			at += 3
		default:
			return 0, false
		}
	}
	return at, true
}

func unhex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}

func isPDFDelimiter(c byte) bool { return strings.IndexByte("\x00\t\n\f\r ()<>[]{}/%", c) >= 0 }

// labelNames are the names of sensitivity labels that stand in a file, such as MSIP_Label_…_Name.
func labelNames(file []byte) []string {
	var names []string
	for rest := file; len(names) < maxLabels; {
		i := bytes.Index(rest, []byte("MSIP_Label_"))
		if i < 0 {
			break
		}
		rest = rest[i:]
		n := 0
		for n < len(rest) && n < 200 && (isAlphanumeric(rest[n]) || rest[n] == '_' || rest[n] == '-') {
			n++
		}
		if name := string(rest[:n]); !slices.Contains(names, name) {
			names = append(names, name)
		}
		rest = rest[n:]
	}
	return names
}

func isAlphanumeric(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z'
}

// pdfRawProperties passes on the metadata packet (XMP, ISO 16684-1) of a file, which is not compressed. Damage of it is
// none of the file's.
func pdfRawProperties(file []byte, o out, l Limits) error {
	i := bytes.Index(file, []byte("<x:xmpmeta"))
	if i < 0 {
		return nil
	}
	end := bytes.Index(file[i:min(len(file), i+maxXMP)], []byte("</x:xmpmeta>"))
	if end < 0 {
		return nil
	}
	x := newXMLReader(bytes.NewReader(file[i:i+end+len("</x:xmpmeta>")]), l.XMLDepth)
	name := ""
	for {
		kind, err := x.next()
		if err != nil {
			if limit := (stop{}); errors.As(err, &limit) {
				return limit
			}
			return nil
		}
		switch kind {
		case xmlStart:
			if string(x.prefix) != "rdf" {
				name = string(x.name)
			}
		case xmlText:
			value := strings.TrimSpace(string(x.text))
			if value == "" || !xmpWanted(name) {
				continue
			}
			if err := o.text(Text{Kind: xmpKind(name), Name: name, Value: value}); err != nil {
				return err
			}
		}
	}
}

// xmpWanted leaves out dates, numbers and names of programs.
func xmpWanted(name string) bool {
	switch name {
	case "title", "description", "subject", "Keywords", "rights", "Label", "creator":
		return true
	}
	return strings.HasPrefix(name, "MSIP_Label_")
}

func xmpKind(name string) Kind {
	if strings.HasPrefix(name, "MSIP_Label_") {
		return Label
	}
	return Property
}
