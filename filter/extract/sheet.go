package extract

import (
	"strconv"
	"strings"
)

// Limits of sheets beyond those of all files.
const (
	sharedBytes = 8 << 20 // octets of shared strings that are kept; the cells of the others are empty, their text comes alone
	maxFormats  = 64 << 10
)

// sharedStrings are the texts that cells of all sheets refer to by number (ECMA-376 part 1, 18.4).
type sharedStrings struct {
	list []sharedString
	size int
}

// sharedString is one of them.
type sharedString struct {
	text  string
	plain bool // without a font of its own: that of the cell counts
	used  bool
}

// sharedStrings reads them. Those that no cell uses are told at the end: a document hides text so.
func (d *ooxml) sharedStrings(x *xmlReader) error {
	var si *richText
	for {
		kind, err := x.next()
		if err != nil {
			return err
		}
		name := string(x.name)
		switch {
		case kind == xmlStart && name == "si":
			si = &richText{plain: true}
		case si == nil:
		case kind == xmlEnd && name == "si":
			if err := d.share(si); err != nil {
				return err
			}
			si = nil
		default:
			if err := si.token(kind, x, d.o); err != nil {
				return err
			}
		}
	}
}

func (d *ooxml) share(si *richText) error {
	s := sharedString{text: si.String(), plain: si.plain}
	if d.strings.size += len(s.text) + 32; d.strings.size > sharedBytes {
		s.text = ""
		w := newWriter(d.o, Body)
		w.own(si.String())
		return w.flush()
	}
	d.strings.list = append(d.strings.list, s)
	return nil
}

// leftStrings passes on what no cell used.
func (d *ooxml) leftStrings() error {
	w := newWriter(d.o, Body)
	for i, s := range d.strings.list {
		if !s.used {
			w.own(s.text)
		}
		d.strings.list[i].used = true
	}
	return w.flush()
}

// richText is a text of runs in fonts of their own (ECMA-376 part 1, 18.4.8). Text that is longer than what may be kept
// is passed on in between.
type richText struct {
	strings.Builder
	font   font
	plain  bool
	inText bool
	sound  bool // in how the text is spoken, which stands above it or nowhere (18.4.6)
}

func (r *richText) token(kind xmlKind, x *xmlReader, o out) error {
	name := string(x.name)
	switch {
	case name == "rPh" && kind != xmlText:
		r.sound = kind == xmlStart
	case kind == xmlText && r.inText && r.sound:
		return o.text(Text{Kind: Body, Value: ownLines(string(x.text))})
	case kind == xmlText && r.inText:
		s := string(x.text)
		if r.font != (font{}) {
			s = r.font.show(s)
		}
		r.WriteString(s)
		if r.Len() > MaxPiece {
			err := o.text(Text{Kind: Body, Value: r.String()})
			r.Reset()
			return err
		}
	case kind == xmlStart && name == "t":
		r.inText = true
	case kind == xmlEnd && name == "t":
		r.inText = false
	case kind == xmlEnd && name == "r":
		r.font = font{}
	case kind == xmlStart && name == "rFont":
		r.font = fontOf(x.attr("val"))
		r.plain = false
	}
	return nil
}

// cellStyles reads the fonts of the formats of cells (ECMA-376 part 1, 18.8).
func (d *ooxml) cellStyles(x *xmlReader) error {
	var fonts []font
	words := map[string]*string{} // by the number format's id
	in := ""
	for {
		kind, err := x.next()
		if err != nil {
			return err
		}
		name := string(x.name)
		switch {
		case kind == xmlEnd && (name == "fonts" || name == "cellXfs"):
			in = ""
		case kind != xmlStart:
		case name == "fonts" || name == "cellXfs":
			in = name
		case in == "fonts" && name == "font" && len(fonts) < maxFormats:
			fonts = append(fonts, font{})
		case in == "fonts" && name == "name" && len(fonts) > 0:
			fonts[len(fonts)-1] = fontOf(x.attr("val"))
		case name == "numFmt" && len(words) < maxFormatTexts:
			if s := formatWords(x.attr("formatCode")); s != "" {
				words[x.attr("numFmtId")] = &s
			}
		case in == "cellXfs" && name == "xf" && len(d.cells) < maxFormats:
			f := cellFormat{words: words[x.attr("numFmtId")]}
			if n, err := strconv.Atoi(x.attr("fontId")); err == nil && n >= 0 && n < len(fonts) {
				f.font = fonts[n]
			}
			d.cells = append(d.cells, f)
		}
	}
}

// workbook reads the names of sheets, and those of areas and texts.
func (d *ooxml) workbook(x *xmlReader, w *writer) error {
	var named []byte // what a name stands for
	in := false
	for w.err == nil {
		kind, err := x.next()
		if err != nil {
			return err
		}
		name := string(x.name)
		switch {
		case kind == xmlText:
			if in && len(named)+len(x.text) <= MaxPiece {
				named = append(named, x.text...)
			}
		case kind == xmlStart && name == "sheet":
			w.own(x.attr("name"))
		case kind == xmlStart && name == "definedName":
			in, named = true, named[:0]
			if name := strings.ToLower(x.attr("name")); strings.HasPrefix(name, "auto_open") || strings.HasPrefix(name, "_xlnm.auto_open") {
				d.o.fact(MacroAutorun)
			}
		case kind == xmlEnd && name == "definedName":
			in = false
			w.own(constantTexts(string(named)))
		}
	}
	return w.err
}

// sheet reads a sheet: rows are lines, cells are parted by tabs.
func (d *ooxml) sheet(x *xmlReader, w *writer) error {
	c := &cellReader{ooxml: d, x: x, w: w}
	for {
		kind, err := x.next()
		if err != nil {
			return err
		}
		switch kind {
		case xmlStart:
			c.start()
		case xmlEnd:
			c.end()
		case xmlText:
			if c.in != "" {
				c.text = append(c.text, x.text...)
			}
			if len(c.text) > MaxPiece {
				c.flush()
			}
		}
		if w.err != nil {
			return w.err
		}
	}
}

// cellReader is the reading of a sheet's cells.
type cellReader struct {
	*ooxml
	x      *xmlReader
	w      *writer
	in     string // element whose text is read
	text   []byte
	shared bool
	sound  bool // in how a text is spoken
	font   font
	words  []*string // beside the values of cells, by their formats
}

func (c *cellReader) start() {
	x := c.x
	switch name := string(x.name); name {
	case "row":
		c.w.row()
	case "c":
		c.shared, c.font = x.attr("t") == "s", font{}
		if n, err := strconv.Atoi(x.attr("s")); err == nil && n >= 0 && n < len(c.cells) {
			c.font = c.cells[n].font
			c.shows(c.cells[n].words)
		}
	case "v", "f", "t", "oddHeader", "oddFooter", "evenHeader", "evenFooter", "firstHeader", "firstFooter":
		c.in, c.text = name, c.text[:0]
	case "rFont":
		c.font = fontOf(x.attr("val"))
	case "rPh":
		c.sound = true
	case "dataValidation", "hyperlink":
		for _, attr := range [...]string{"promptTitle", "prompt", "errorTitle", "error", "tooltip"} {
			c.w.own(x.attr(attr))
		}
	}
}

func (c *cellReader) end() {
	switch name := string(c.x.name); name {
	case "v", "t", "f":
		c.flush()
		c.in = ""
	case "rPh":
		c.sound = false
	case "oddHeader", "oddFooter", "evenHeader", "evenFooter", "firstHeader", "firstFooter":
		as := c.w.as
		c.w.to(Text{Kind: HeaderFooter, Page: as.Page})
		c.w.own(headerText(string(c.text)))
		c.w.to(as)
		c.in, c.text = "", c.text[:0]
	case "c":
		c.w.style(font{})
		c.w.cell()
	case "row":
		c.w.row()
	case "sheetData":
		c.formats()
	}
}

// flush writes the value of a cell.
func (c *cellReader) flush() {
	s := string(c.text)
	c.text = c.text[:0]
	switch {
	case c.sound:
		if err := c.o.text(Text{Kind: Body, Page: c.w.as.Page, Value: ownLines(s)}); err != nil && c.w.err == nil {
			c.w.err = err
		}
		return
	case c.in == "f":
		if formulaDDE(s) {
			c.o.fact(DDE)
		}
		return
	case c.in == "v" && c.shared:
		n, err := strconv.Atoi(strings.TrimSpace(s))
		if err != nil || n < 0 || n >= len(c.strings.list) {
			return
		}
		shared := &c.strings.list[n]
		shared.used = true
		if s = shared.text; shared.plain && c.font != (font{}) {
			c.w.style(c.font)
		}
	case c.font != (font{}):
		c.w.style(c.font)
	}
	// Lines in a cell stay lines: a stamp may be one of them.
	c.w.text(strings.TrimRight(s, "\r\n"))
}

// headerText is the text of a page's header without its codes (ECMA-376 part 1, 18.3.1.46): parts become cells.
func headerText(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '&' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		i++
		switch c := s[i]; {
		case c == '&':
			b.WriteByte('&')
		case c == 'L' || c == 'C' || c == 'R':
			if b.Len() > 0 {
				b.WriteByte('\t')
			}
		case c == '"':
			if end := strings.IndexByte(s[i+1:], '"'); end >= 0 {
				i += end + 1
			}
		case c == 'K':
			i = min(len(s)-1, i+6)
		case c >= '0' && c <= '9':
			for i+1 < len(s) && s[i+1] >= '0' && s[i+1] <= '9' {
				i++
			}
		}
	}
	return b.String()
}

// externalLink tells links to programs (ECMA-376 part 1, 18.14), and the remembered values of links to sheets.
func (d *ooxml) externalLink(x *xmlReader) error {
	w := newWriter(d.o, Body)
	err := x.each(func() error {
		switch string(x.name) {
		case "ddeLink":
			d.o.fact(DDE)
		case "oleLink":
			w.own(x.attr("progId"))
		case "sheetName":
			w.own(x.attr("val"))
		}
		return w.err
	})
	if w.err == nil {
		w.flush()
	}
	return err
}
