package extract

import (
	"context"
	"errors"
	"io"
	"path"
	"strconv"
	"strings"
)

// readODF reads an OpenDocument text, sheet or presentation (OASIS OpenDocument 1.3).
func readODF(ctx context.Context, p *parts) error {
	p.order(func(name string) int {
		switch {
		case name == "meta-inf/manifest.xml":
			return 0
		case path.Base(name) == "styles.xml":
			return 1 // its styles are those that the text names
		case name == "meta.xml":
			return 2
		case path.Base(name) == "content.xml":
			return 3
		}
		return 4
	})
	d := &odf{o: p.o, styles: map[string]font{}, faces: map[string]font{}}
	for _, part := range p.list {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := d.part(p, part); err != nil {
			return err
		}
	}
	return nil
}

// readFlatODF reads an OpenDocument that is one XML file.
func readFlatODF(_ context.Context, in *input, o out) error {
	d := &odf{o: o, styles: map[string]font{}, faces: map[string]font{}}
	w := newWriter(o, Body)
	err := d.read(newXMLReader(beginning(in), in.limits.XMLDepth), w)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return errors.Join(w.flush(), err)
}

func (d *odf) part(p *parts, part docPart) error {
	name := part.name
	switch {
	case name == "mimetype", strings.HasPrefix(name, "thumbnails/"), strings.HasPrefix(name, "objectreplacements/"):
		return nil // pictures of what is read anyway
	case name == "meta-inf/manifest.xml":
		return p.xml(part, d.manifest)
	case d.encrypted && name != "meta-inf/documentsignatures.xml":
		return nil
	case strings.HasPrefix(name, "basic/"), strings.HasPrefix(name, "scripts/"):
		d.o.fact(Macro)
	case !strings.HasSuffix(name, ".xml") && !p.looksLikeXML(part):
		return p.member(part)
	}
	w := newWriter(d.o, Body)
	err := p.xml(part, func(x *xmlReader) error { return d.read(x, w) })
	return errors.Join(err, w.flush())
}

// manifest tells whether the document is encrypted (part 2, 4.8).
func (d *odf) manifest(x *xmlReader) error {
	return x.each(func() error {
		switch string(x.name) {
		case "encryption-data", "encrypted-key":
			if !d.encrypted {
				d.o.fact(EncryptedFile)
				d.o.miss(Encrypted)
			}
			d.encrypted = true
		}
		return nil
	})
}

// odf is a document that is being read.
type odf struct {
	o         out
	encrypted bool
	styles    map[string]font
	faces     map[string]font // by the name that the document gives a font
	style     string          // that is being defined
	cell      font            // of the cell that is open
	open      []font          // of the paragraphs and spans that are open, outermost first
	where     []odfPlace      // kinds of text that are open
	text      int             // elements with text that are open
	sheets    bool            // it is a spreadsheet
	pages     int             // sheets or slides so far
	property  string          // element of the property that is being read
	aside     aside
}

// odfPlace is a kind of text and the element that it is in.
type odfPlace struct {
	element string
	as      Text // outside of it
}

// odfOpen is how many paragraphs and spans may be open in each other with fonts of their own.
const odfOpen = 100

func (d *odf) read(x *xmlReader, w *writer) error {
	for {
		kind, err := x.next()
		if err != nil {
			return err
		}
		switch {
		case kind == xmlStart:
			d.start(x, w)
		case kind == xmlEnd:
			d.end(string(x.name), w)
		case d.aside.takes(w.next):
			d.aside.add(x.text, w)
		case d.text > 0 || d.property != "":
			w.text(odfBlanks(string(x.text)))
		}
		if w.err != nil {
			return w.err
		}
	}
}

// odfBlanks makes one blank of several, as readers do (part 3, 6.1.2).
func odfBlanks(s string) string {
	if !strings.ContainsAny(s, "\n\t\r") && !strings.Contains(s, "  ") {
		return s
	}
	var b strings.Builder
	blank := false
	for _, r := range s {
		if r == ' ' || r == '\n' || r == '\t' || r == '\r' {
			blank = true
			continue
		}
		if blank {
			b.WriteByte(' ')
			blank = false
		}
		b.WriteRune(r)
	}
	if blank {
		b.WriteByte(' ')
	}
	return b.String()
}

func (d *odf) start(x *xmlReader, w *writer) {
	switch name := string(x.name); name {
	case "p", "h", "span", "a", "title", "desc", "script-text":
		d.begin(name, x, w)
	case "tab":
		w.tab()
	case "line-break":
		w.line()
	case "s":
		n, err := strconv.Atoi(x.attr("c"))
		if err != nil {
			n = 1
		}
		w.text(strings.Repeat(" ", min(max(n, 1), 100)))
	case "table-row":
		w.row()
	case "spreadsheet":
		d.sheets = true
	case "table", "page":
		d.page(name, x, w)
	case "text":
		if string(x.prefix) == "office" {
			w.to(Text{Kind: Body, Page: 1})
		} else {
			d.field(name, x, w)
		}
	case "soft-page-break":
		if w.as.Kind == Body && w.as.Page > 0 {
			w.to(Text{Kind: Body, Page: w.as.Page + 1})
		}
	case "annotation", "note", "notes", "header", "footer", "header-left", "footer-left", "header-first", "footer-first",
		"region-left", "region-center", "region-right", "master-page":
		d.place(name, w)
	case "creator", "subject", "keyword", "description", "user-defined", "initial-creator", "printed-by":
		d.meta(name, x, w)
	case "font-face", "style", "default-style", "text-properties":
		d.look(name, x)
	case "event-listener":
		if event := x.attr("event-name"); strings.HasSuffix(event, ":load") || strings.HasSuffix(event, ":new") || strings.Contains(event, "view-created") {
			d.o.fact(MacroAutorun)
		}
		if x.attr("action") == "execute" { // a program, when a shape is clicked
			d.o.fact(DDE)
		}
	case "object", "object-ole", "floating-frame", "section-source":
		if href := x.attr("href"); remote(href) && !strings.HasPrefix(href, "vnd.sun.star.") {
			d.o.fact(RemoteTemplate)
		}
	case "module":
		d.o.fact(Macro)
	case "dde-source", "dde-connection-decl", "dde-link":
		d.o.fact(DDE)
	case "table-cell":
		d.cell = d.styles[x.attr("style-name")]
		if formulaDDE(x.attr("formula")) {
			d.o.fact(DDE)
		}
		if value := x.attr("string-value"); value != "" {
			w.text(value) // the paragraphs in the cell say it again, or do not
			w.line()
		}
	case "content-validation", "help-message", "error-message":
		w.own(x.attr("title"))
	case "mtext", "mi", "mn", "mo", "header-decl", "footer-decl", "date-time-decl":
		d.begin(name, x, w)
	case "ruby-text": // how a text is spoken stands above it
		d.aside.moved = 1
	default:
		d.field(name, x, w)
	}
}

// odfBlock tells the elements with text that are lines of their own.
func odfBlock(name string) bool {
	switch name {
	case "span", "a", "mtext", "mi", "mn", "mo":
		return false
	}
	return true
}

// begin begins an element with text.
func (d *odf) begin(name string, x *xmlReader, w *writer) {
	if name == "title" && d.text == 0 && string(x.prefix) == "dc" {
		d.meta(name, x, w)
		return
	}
	if odfBlock(name) {
		w.begin()
	}
	d.text++
	f := d.cell
	if n := len(d.open); n > 0 {
		f = d.open[n-1]
	}
	if own, ok := d.styles[x.attr("style-name")]; ok {
		f = own
	}
	if len(d.open) < odfOpen {
		d.open = append(d.open, f)
	}
	w.style(f)
}

func (d *odf) end(name string, w *writer) {
	switch name {
	case "p", "h", "span", "a", "title", "desc", "script-text", "mtext", "mi", "mn", "mo", "header-decl", "footer-decl", "date-time-decl":
		if d.property != "" && name == d.property {
			d.endMeta(w)
			return
		}
		d.text = max(0, d.text-1)
		if len(d.open) > d.text {
			d.open = d.open[:d.text]
		}
		f := font{}
		if n := len(d.open); n > 0 {
			f = d.open[n-1]
		}
		if odfBlock(name) {
			w.line()
			d.aside.end(w)
		}
		w.style(f)
	case "ruby-text":
		d.aside.moved = 0
	case "table-cell", "covered-table-cell":
		d.cell = font{}
		w.cell()
	case "table-row", "table":
		w.row()
	case "style", "default-style":
		d.style = ""
	default:
		if name == d.property {
			d.endMeta(w)
		}
		if n := len(d.where); n > 0 && d.where[n-1].element == name {
			w.to(d.where[n-1].as)
			d.where = d.where[:n-1]
		}
	}
}

// place begins text of another kind.
func (d *odf) place(name string, w *writer) {
	as := w.as
	switch name {
	case "annotation", "note", "notes":
		as.Kind = Comment
	default:
		as.Kind = HeaderFooter
	}
	if len(d.where) < odfOpen {
		d.where = append(d.where, odfPlace{name, w.as})
		w.to(as)
	}
}

// page begins a sheet or a slide.
func (d *odf) page(name string, x *xmlReader, w *writer) {
	sheet := name == "table" && d.sheets && d.text == 0
	slide := name == "page" && string(x.prefix) == "draw"
	if w.as.Kind != Body || !sheet && !slide {
		return
	}
	d.pages++
	w.to(Text{Kind: Body, Page: d.pages})
	w.own(x.attr("name"))
}

// meta begins a property of the document (part 3, 4.3).
func (d *odf) meta(name string, x *xmlReader, w *writer) {
	if d.property != "" || d.text > 0 {
		return
	}
	d.property = name
	kind, title := Property, name
	if name == "user-defined" {
		if title = x.attr("name"); strings.HasPrefix(strings.ToLower(title), "msip_label_") {
			kind = Label
		}
	}
	w.to(Text{Kind: kind, Name: title})
}

func (d *odf) endMeta(w *writer) {
	d.property = ""
	w.to(Text{Kind: Body})
}

// look reads the definition of fonts and styles.
func (d *odf) look(element string, x *xmlReader) {
	switch element {
	case "font-face":
		if f := fontOf(x.attr("font-family")); f != (font{}) && len(d.faces) < maxStyles {
			d.faces[x.attr("name")] = f
		}
	case "style":
		d.style = x.attr("name")
		if parent, ok := d.styles[x.attr("parent-style-name")]; ok && len(d.styles) < maxStyles {
			d.styles[d.style] = parent
		}
	case "text-properties":
		f, set := d.styles[d.style], false
		if d.style == "" {
			return
		}
		for _, attr := range [...]string{"font-name", "font-family"} {
			if name := x.attr(attr); name != "" {
				named, known := d.faces[name]
				if !known {
					named = fontOf(name)
				}
				f, set = named, true
			}
		}
		if v := x.attr("text-transform"); v != "" {
			f.capitals, set = v == "uppercase", true
		}
		if x.attr("font-variant") == "small-caps" {
			f.capitals, set = true, true
		}
		if set && len(d.styles) < maxStyles {
			d.styles[d.style] = f
		}
	}
}
