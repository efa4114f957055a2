package extract

import (
	"context"
	"errors"
	"net/url"
	"path"
	"strings"
)

// readOOXML reads a document of Office Open XML (ECMA-376): text, sheets and slides, with macros or without.
func readOOXML(ctx context.Context, p *parts) error {
	p.order(ooxmlRank)
	d := &ooxml{parts: p, styles: map[string]font{}, macros: map[string]bool{}}
	for _, part := range p.list {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := d.part(part); err != nil {
			return errors.Join(d.leftStrings(), err)
		}
	}
	return d.leftStrings()
}

// ooxml is a document that is being read.
type ooxml struct {
	*parts
	styles  map[string]font // of text documents, by the style's id; "" is the default
	lists   wordLists
	cells   []cellFormat // of sheets, by the number of the format
	strings sharedStrings
	macros  map[string]bool // parts that hold macros, by the list of content types
}

// ooxmlRank is the order in which parts are read: what others need, the text from its beginning, the rest.
func ooxmlRank(name string) int {
	base := path.Base(name)
	switch {
	case name == "[content_types].xml", base == "styles.xml", base == "numbering.xml", base == "sharedstrings.xml", base == "sharedstrings.bin":
		return 0
	case strings.HasSuffix(name, ".rels"):
		return 1
	case strings.HasPrefix(name, "docprops/"), strings.HasPrefix(name, "docmetadata/"):
		return 2
	case base == "document.xml", base == "workbook.xml", base == "workbook.bin":
		return 3
	case strings.Contains(name, "/header"), strings.Contains(name, "/worksheets/"), strings.HasPrefix(name, "ppt/slides/"):
		return 4
	case strings.Contains(name, "/footer"), strings.Contains(name, "notes"), strings.Contains(name, "comments"):
		return 5
	case strings.HasSuffix(name, ".xml"), strings.HasSuffix(name, ".vml"):
		return 6
	}
	return 7
}

// part reads one part.
func (d *ooxml) part(part docPart) error {
	name, base := part.name, path.Base(part.name)
	w := newWriter(d.o, Body)
	var read func(*xmlReader) error
	switch {
	case strings.Contains(base, "thumbnail") && strings.HasPrefix(name, "docprops/"):
		return nil // a picture of what the first page says
	case !strings.HasSuffix(name, ".xml") && !strings.HasSuffix(name, ".vml") && !strings.HasSuffix(name, ".rels") && !d.looksLikeXML(part):
		return d.other(part)
	case name == "[content_types].xml":
		read = d.contentTypes
	case strings.HasSuffix(name, ".rels"):
		read = d.relations
	case strings.HasPrefix(name, "docprops/"), strings.HasPrefix(name, "docmetadata/"):
		read = d.properties
	case base == "styles.xml" && strings.HasPrefix(name, "xl/"):
		read = d.cellStyles
	case base == "styles.xml":
		read = d.textStyles
	case base == "numbering.xml" && strings.HasPrefix(name, "word/"):
		read = func(x *xmlReader) error { return d.numbering(x, w) }
	case base == "sharedstrings.xml":
		read = d.sharedStrings
	case base == "workbook.xml":
		read = func(x *xmlReader) error { return d.workbook(x, w) }
	case strings.HasPrefix(name, "xl/") && (strings.Contains(name, "/worksheets/") || strings.Contains(name, "/chartsheets/") ||
		strings.Contains(name, "/macrosheets/") || strings.Contains(name, "/dialogsheets/")):
		if strings.Contains(name, "/macrosheets/") {
			d.o.fact(Macro) // formulas of Excel 4.0
		}
		w.as.Page = max(1, number(name))
		read = func(x *xmlReader) error { return d.sheet(x, w) }
	case strings.HasPrefix(name, "xl/externallinks/"):
		read = d.externalLink
	case strings.HasPrefix(name, "xl/pivotcache/"):
		w.as.Kind = Comment
		read = func(x *xmlReader) error { return d.pivotCache(x, w) }
	case strings.HasPrefix(name, "customxml/"):
		d.place(name, w)
		read = func(x *xmlReader) error { return d.customXML(x, w) }
	default:
		if err := d.acts(part); err != nil {
			return err
		}
		d.place(name, w)
		anyText := !strings.HasPrefix(name, "word/") && !strings.HasPrefix(name, "ppt/") && !strings.HasPrefix(name, "xl/") || strings.HasSuffix(name, ".vml")
		read = func(x *xmlReader) error { return d.wordText(x, w, anyText) }
	}
	err := d.xml(part, read)
	return errors.Join(err, w.flush())
}

// place says what kind of text a part holds.
func (d *ooxml) place(name string, w *writer) {
	switch base := path.Base(name); {
	case strings.HasPrefix(name, "ppt/slides/"):
		w.as.Page = max(1, number(name))
	case strings.HasPrefix(base, "header"), strings.HasPrefix(base, "footer"),
		strings.Contains(name, "/slidemasters/"), strings.Contains(name, "/slidelayouts/"), strings.Contains(name, "master"):
		w.as.Kind = HeaderFooter
	case strings.Contains(base, "comments"), strings.Contains(base, "notes"), strings.Contains(name, "/comments/"), strings.Contains(name, "/threadedcomments/"):
		w.as.Kind = Comment
	case strings.HasPrefix(name, "customxml/"):
		w.as.Kind, w.as.Name = Property, "customXml"
	case base == "document.xml":
		w.as.Page = 1
	case strings.HasSuffix(base, ".fpage"):
		w.as.Page = max(1, number(name))
	}
}

// other hands on what is no XML: pictures, embedded files, macros.
func (d *ooxml) other(part docPart) error {
	base := path.Base(part.name)
	switch {
	case strings.Contains(base, "vbaproject") && strings.HasSuffix(base, ".bin"), d.macros[part.name]:
		d.o.fact(Macro) // whether they run by themselves the reader of the project tells
	case strings.HasPrefix(part.name, "xl/externallinks/") && strings.HasSuffix(base, ".bin"):
		if err := d.binaryLink(part); err != nil {
			return err
		}
	case strings.Contains(part.name, "/macrosheets/"), part.name == "xl/workbook.bin":
		if err := d.binaryMacros(part, base); err != nil {
			return err
		}
	case strings.HasSuffix(base, ".odttf"), strings.HasSuffix(base, ".fntdata"), strings.HasPrefix(base, "printersettings"):
		return nil // fonts made unreadable by design, settings of printers: no text
	case noBinaryText(part.name, base):
		return nil
	case strings.HasPrefix(base, "vbadata"), base == "_rels":
		return nil
	}
	if binaryPart(part.name, base) {
		return d.binarySheet(part)
	}
	return d.member(part)
}

// contentTypes finds the parts that hold macros (ECMA-376 part 2, 7.2.3).
func (d *ooxml) contentTypes(x *xmlReader) error {
	return x.each(func() error {
		name := x.attr("PartName")
		if strings.Contains(strings.ToLower(x.attr("ContentType")), "vbaproject") && name != "" && len(d.macros) < maxStyles {
			d.macros[strings.ToLower(strings.TrimLeft(name, "/"))] = true
		}
		return nil
	})
}

// each calls f for every element.
func (x *xmlReader) each(f func() error) error {
	for {
		kind, err := x.next()
		if err != nil {
			return err
		}
		if kind == xmlStart {
			if err := f(); err != nil {
				return err
			}
		}
	}
}

// relations finds what the document loads from elsewhere when it is opened (ECMA-376 part 2, 6.5.3).
func (d *ooxml) relations(x *xmlReader) error {
	return x.each(func() error {
		d.relation(x)
		return nil
	})
}

func (d *ooxml) relation(x *xmlReader) {
	if !strings.EqualFold(x.attr("TargetMode"), "External") {
		return
	}
	switch strings.ToLower(path.Base(x.attr("Type"))) {
	case "attachedtemplate", "frame", "subdocument", "oleobject", "package", "attachedtoolbars", "afchunk", "control", "vbaproject":
		if remote(x.attr("Target")) {
			d.o.fact(RemoteTemplate)
		}
	case "hyperlink":
		if startsProgram(x.attr("Target")) {
			d.o.fact(DDE)
		}
	case "image", "media", "video", "audio":
		if foreignShare(x.attr("Target")) {
			d.o.fact(RemoteTemplate)
		}
	}
}

// callbacks finds macros of another document in the buttons that a document brings ([MS-CUSTOMUI] 2.2): the program loads
// that document when it opens this one.
func (d *ooxml) callbacks(x *xmlReader) error {
	return x.each(func() error {
		for _, name := range [...]string{"onLoad", "loadImage", "onAction", "getImage", "getLabel", "getVisible", "getEnabled", "getContent"} {
			if remote(x.attr(name)) {
				d.o.fact(RemoteTemplate)
			}
		}
		return nil
	})
}

// connections finds pages and files of strangers that a workbook reads anew when it is opened (ECMA-376 part 1, 18.13.1).
func (d *ooxml) connections(x *xmlReader) error {
	refreshed := false
	return x.each(func() error {
		switch string(x.name) {
		case "connection":
			on := x.attr("refreshOnLoad")
			refreshed = on == "1" || on == "true"
			if refreshed && (foreignShare(x.attr("odcFile")) || foreignShare(x.attr("sourceFile"))) {
				d.o.fact(RemoteTemplate)
			}
		case "webPr":
			if refreshed && remote(x.attr("url")) {
				d.o.fact(RemoteTemplate)
			}
		case "textPr":
			if refreshed && foreignShare(x.attr("sourceFile")) {
				d.o.fact(RemoteTemplate)
			}
		}
		return nil
	})
}

// acts reads what a part does beside what it says.
func (d *ooxml) acts(part docPart) error {
	switch {
	case part.name == "xl/connections.xml":
		return d.xml(part, d.connections)
	case strings.Contains(part.name, "customui") && strings.HasSuffix(part.name, ".xml"):
		return d.xml(part, d.callbacks)
	}
	return nil
}

// remote tells a place on another machine: a URL, or a share of Windows. A path on the reader's own machine is where
// his templates are.
func remote(target string) bool {
	target = strings.ToLower(strings.ReplaceAll(strings.TrimSpace(target), `\`, "/"))
	if rest, ok := strings.CutPrefix(target, "file:"); ok {
		host := strings.TrimLeft(rest, "/")
		slashes := len(rest) - len(host)
		drive := len(host) > 1 && host[1] == ':'
		return !drive && (slashes == 2 || slashes > 3)
	}
	if strings.HasPrefix(target, "//") {
		return true
	}
	u, err := url.Parse(target)
	if err != nil {
		return strings.Contains(target, "://")
	}
	return len(u.Scheme) > 1
}

// properties reads those of the document, and its sensitivity labels.
func (d *ooxml) properties(x *xmlReader) error {
	var name string // of a custom property
	w := newWriter(d.o, Property)
	for {
		kind, err := x.next()
		if err != nil {
			return errors.Join(w.flush(), err)
		}
		switch {
		case kind == xmlText:
			if s := string(x.text); strings.TrimSpace(s) != "" {
				w.text(s)
			}
		case kind == xmlEnd:
			w.line()
		case string(x.name) == "property":
			name = x.attr("name")
			if err := d.propertyName(name, w); err != nil {
				return err
			}
		case string(x.name) == "label":
			if err := d.label(x); err != nil {
				return err
			}
		case name == "":
			w.to(Text{Kind: Property, Name: string(x.name)})
		}
	}
}

// propertyName begins a custom property. Those that labels are kept in say so by their names.
func (d *ooxml) propertyName(name string, w *writer) error {
	kind := Property
	if strings.HasPrefix(strings.ToLower(name), "msip_label_") {
		kind = Label
	} else if err := d.o.text(Text{Kind: Property, Name: "name", Value: name}); err != nil {
		return err
	}
	w.to(Text{Kind: kind, Name: name})
	return w.err
}

// label reads a sensitivity label of docMetadata/LabelInfo.xml ([MS-OFFCRYPTO] 2.6.1), as the properties that older
// programs write.
func (d *ooxml) label(x *xmlReader) error {
	id := strings.Trim(x.attr("id"), "{}")
	if id == "" || x.attr("removed") == "1" {
		return nil
	}
	for _, attr := range [...]string{"enabled", "method", "siteId", "contentBits", "name"} {
		value := x.attr(attr)
		if value == "" {
			continue
		}
		if attr == "enabled" && value == "1" {
			value = "true"
		}
		name := "MSIP_Label_" + id + "_" + strings.ToUpper(attr[:1]) + attr[1:]
		if err := d.o.text(Text{Kind: Label, Name: name, Value: value}); err != nil {
			return err
		}
	}
	return nil
}
