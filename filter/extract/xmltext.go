package extract

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"sync"
)

// readXML reads XML of no known kind, and SVG: the text of each element is a line, and so are the values of attributes
// that programs show. Flat OpenDocument is told by its root.
func readXML(ctx context.Context, in *input, o out) error {
	switch head := in.head; {
	case bytes.Contains(head, []byte("office:document")):
		return readFlatODF(ctx, in, o)
	case bytes.Contains(head, []byte("schemas.microsoft.com/office/word/2003/wordml")), bytes.Contains(head, []byte("schemas.microsoft.com/office/2006/xmlPackage")):
		return readFlatWord(ctx, in, o)
	}
	x := newXMLReader(beginning(in), in.limits.XMLDepth)
	w := newWriter(o, Body)
	root, link := "", false
	shown := sync.OnceValue(func() bool { return browsersShow(in.content) })
	for w.err == nil {
		kind, err := x.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return errors.Join(w.flush(), err)
		}
		if kind == xmlStart && root == "" {
			if root = strings.ToLower(string(x.name)); (root == "svg" || root == "html") && markupInEntity(in.content) {
				o.fact(Script)
			}
		}
		if kind == xmlStart && (runsInPicture(x, root) || string(x.name) == "script" && shown()) {
			o.fact(Script)
		}
		if root == "workbook" && sheetDDE(x, kind, &link) {
			o.fact(DDE)
		}
		switch name := string(x.name); {
		case kind == xmlText && len(bytes.TrimSpace(x.text)) > 0:
			w.text(string(x.text))
		case kind == xmlStart && name == "script":
		case kind == xmlStart && name == "tspan": // a line of its own where it has a place of its own (SVG 2, 11.2)
			if x.attr("x") != "" {
				w.line()
			}
		case kind == xmlStart:
			w.line()
			for _, a := range x.attributes() {
				if showsText(a.name) {
					w.own(string(unescape(a.value)))
				}
			}
		case kind == xmlEnd && name != "tspan":
			w.line()
		}
	}
	return w.flush()
}

// sheetDDE tells what asks a program in a workbook that is one XML file ([MS-OE376], SpreadsheetML of 2003): the path of
// a link, service|topic, and formulas. link is set in a path.
func sheetDDE(x *xmlReader, kind xmlKind, link *bool) bool {
	switch {
	case kind == xmlStart:
		*link = string(x.name) == "Path"
		return formulaDDE(x.attr("Formula"))
	case kind == xmlEnd:
		*link = false
		return false
	}
	return *link && strings.Contains(string(x.text), "|")
}

// runsInPicture tells what a browser runs when it opens SVG: scripts, handlers of events, addresses that are scripts,
// pages and frames in it (SVG 2, 15). In other XML a script is one for a style sheet only.
func runsInPicture(x *xmlReader, root string) bool {
	name := strings.ToLower(string(x.name))
	switch {
	case name == "script":
		return root == "svg" || root == "html" || string(x.prefix) == "msxsl"
	case root != "svg":
		return false
	case name == "iframe", name == "embed", name == "object", name == "handler":
		return true
	}
	for _, a := range x.attributes() {
		key := strings.ToLower(string(a.name))
		if strings.HasPrefix(key, "on") && len(key) > len("once") && len(bytes.TrimSpace(a.value)) > 0 {
			return true
		}
		if key != "href" && key != "to" && key != "values" && key != "from" {
			continue
		}
		value := strings.ToLower(squeeze(string(unescape(a.value[:min(len(a.value), 4*dataURLLetter)]))))
		if strings.HasPrefix(value, "javascript:") || name == "a" && strings.HasPrefix(value, "data:") && !harmlessData(value[len("data:"):]) {
			return true
		}
	}
	return false
}

// browsersShow tells XML of any kind that browsers show as a page, a picture, or with a style sheet: they run its scripts.
func browsersShow(c content) bool {
	return contains(c, "http://www.w3.org/1999/xhtml") || contains(c, "http://www.w3.org/2000/svg") ||
		contains(c, "<?xml-stylesheet") && contains(c, "http://www.w3.org/1999/XSL/Transform")
}

// entityBytes is how much of a file's beginning is searched for its entities.
const entityBytes = 64 << 10

// markupInEntity tells a document type with an entity that is markup (XML 1.0 section 4.2): what is named by it is read
// by browsers, and not here.
func markupInEntity(c content) bool {
	head := octetsAt(c, 0, int(min(c.Size(), entityBytes)))
	for {
		_, after, ok := bytes.Cut(head, []byte("<!ENTITY"))
		if !ok {
			return false
		}
		head = after
		quote := bytes.IndexAny(head, "\"'")
		if quote < 0 {
			return false
		}
		value, _, _ := bytes.Cut(head[quote+1:], head[quote:quote+1])
		if bytes.IndexByte(value, '<') >= 0 || bytes.Contains(value, []byte("&#")) || bytes.Contains(value, []byte("&lt;")) {
			return true
		}
	}
}

// showsText tells attributes that hold text for readers.
func showsText(name []byte) bool {
	switch string(name) {
	case "title", "alt", "label", "aria-label", "name", "value", "description", "summary":
		return true
	}
	return false
}

// readFlatWord reads a Word document that is one XML file: WordprocessingML of 2003, or a package in one file, whose
// parts are read as one.
func readFlatWord(_ context.Context, in *input, o out) error {
	w := newWriter(o, Body)
	w.as.Page = 1
	d := &ooxml{parts: &parts{in: in, o: o}, styles: map[string]font{}}
	for _, sign := range [...]string{"vbaProject", "w:macrosPresent=\"yes\"", "docSuppData"} {
		if contains(in.content, sign) {
			o.fact(Macro)
			break
		}
	}
	err := d.wordText(newXMLReader(beginning(in), in.limits.XMLDepth), w, false)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return errors.Join(w.flush(), err)
}

// beginning reads a file from its beginning.
func beginning(in *input) io.Reader { return io.NewSectionReader(in.content, 0, in.content.Size()) }

// contains looks for a sign in all of a file.
func contains(c content, sign string) bool {
	s := &scanner{r: io.NewSectionReader(c, 0, c.Size())}
	return s.find([]byte(sign))
}
