package extract

import (
	"bytes"
	"errors"
	"strings"
)

// maxStyles is how many styles of a document are remembered; text in others is read as its letters say.
const maxStyles = 5000

// textStyles reads which styles have an old font or show capitals (ECMA-376 part 1, 17.7). A style inherits from the
// one that it is based on; those stand before it in what programs write.
func (d *ooxml) textStyles(x *xmlReader) error {
	id, usual := "", false
	d.lists.styles = map[string]string{}
	return x.each(func() error {
		switch string(x.name) {
		case "style":
			if id = x.attr("styleId"); len(d.styles) >= maxStyles {
				id = "\x00more" // no style has this name
			}
			d.styles[id] = d.styles[""]
			usual = x.attr("type") == "paragraph" && (x.attr("default") == "1" || x.attr("default") == "true")
		case "basedOn":
			if base, ok := d.styles[x.attr("val")]; ok {
				d.styles[id] = base
			}
		case "rFonts", "caps", "smallCaps":
			d.styles[id] = x.wordFont(d.styles[id])
		case "numId":
			if len(d.lists.styles) < maxStyles {
				d.lists.styles[id] = x.attr("val")
			}
		}
		if usual {
			d.styles[defaultStyle] = d.styles[id]
		}
		return nil
	})
}

// defaultStyle is the key of the style of paragraphs that name none.
const defaultStyle = "\x00default"

// wordFont is the font that a property of a run makes of f.
func (x *xmlReader) wordFont(f font) font {
	switch string(x.name) {
	case "rFonts":
		for _, attr := range [...]string{"ascii", "hAnsi", "cs"} {
			if name := x.attr(attr); name != "" {
				named := fontOf(name)
				return font{named.charset, named.capitals || f.capitals && f.charset == ""}
			}
		}
	case "latin":
		if name := x.attr("typeface"); name != "" && !strings.HasPrefix(name, "+") {
			return fontOf(name)
		}
	case "caps", "smallCaps":
		f.capitals = !x.off()
	}
	return f
}

// wordReader is the reading of text in the markup of Word or of drawings (ECMA-376 part 1, 17 and 21.1), whose names
// do not contradict each other.
type wordReader struct {
	*ooxml
	x         *xmlReader
	w         *writer
	paragraph font // of the paragraph's style
	inText    bool // in an element that holds text
	inRun     bool
	inTabs    bool
	anyText   bool   // text may stand in elements of any name
	numbers   bool   // in what places a comment of a sheet
	glyphs    string // how far down a page of XPS the line is
	field     fieldCode
	binary    flatBinary
	aside     aside
	listed    listed
	dropDown  dropDown
}

// wordText reads the text of a part; anyText is for markup of other kinds.
func (d *ooxml) wordText(x *xmlReader, w *writer, anyText bool) error {
	r := &wordReader{ooxml: d, x: x, w: w, paragraph: d.paragraphStyle(""), anyText: anyText}
	w.style(r.paragraph)
	for {
		kind, err := x.next()
		if err != nil {
			return errors.Join(r.field.end(d.o), err)
		}
		switch kind {
		case xmlStart:
			r.start()
		case xmlEnd:
			r.end()
		case xmlText:
			r.text()
		}
		if w.err != nil {
			return w.err
		}
	}
}

func (d *ooxml) paragraphStyle(id string) font {
	if f, ok := d.styles[id]; ok && id != "" {
		return f
	}
	if f, ok := d.styles[defaultStyle]; ok {
		return f
	}
	return d.styles[""]
}

// text takes text. Numbers that place a drawing are text to XML and none to readers.
func (r *wordReader) text() {
	switch {
	case r.binary.open:
		r.binary.add(r.x.text)
	case r.field.code:
		r.field.add(string(r.x.text))
	case r.inText && r.aside.takes(r.w.next):
		r.aside.add(r.x.text, r.w)
	case r.inText || r.anyText && !r.numbers && len(bytes.TrimSpace(r.x.text)) > 0:
		r.w.octets(r.x.text)
	}
}

func (r *wordReader) start() {
	x, w := r.x, r.w
	r.numbers = string(x.prefix) == "x"
	switch string(x.name) {
	case "t", "text", "v":
		r.inText = true
	case "delText":
		r.inText, r.aside.deleted = true, true
	case "moveFrom":
		r.aside.moved++
	case "vanish", "specVanish":
		r.aside.hidden = r.aside.hidden || r.inRun && !x.off()
	case "instrText", "delInstrText":
		r.field.code = true
	case "fldSimple":
		r.field.add(x.attr("instr"))
		r.endField()
	case "fldChar":
		r.fieldChar(x.attr("fldCharType"))
	case "hlinkClick", "hlinkHover", "hlinkMouseOver":
		if strings.HasPrefix(strings.ToLower(strings.TrimSpace(x.attr("action"))), "ppaction://program") {
			r.o.fact(DDE)
		}
	case "Relationship", "attachedTemplate", "binData", "binaryData":
		r.flat()
	case "tabs":
		r.inTabs = true
	case "tab", "ptab":
		if !r.inTabs {
			w.tab()
		}
	case "br", "cr":
		w.line()
		if x.attr("type") == "page" {
			r.page()
		}
	case "lastRenderedPageBreak":
		r.page()
	case "p":
		r.paragraph = r.paragraphStyle("")
		w.begin() // text boxes stand inside of paragraphs
	case "pStyle":
		r.paragraph = r.paragraphStyle(x.attr("val"))
		r.listed.begin(x, &r.lists)
	case "r":
		r.inRun = true
		w.style(r.paragraph)
	case "rStyle":
		if f, ok := r.styles[x.attr("val")]; ok && r.inRun && f != (font{}) {
			w.style(f)
		}
	case "rPr":
		if c := x.attr("cap"); c == "all" || c == "small" {
			w.style(font{w.next.charset, true})
		}
	case "rFonts", "caps", "smallCaps", "latin":
		if r.inRun {
			w.style(x.wordFont(w.next))
		}
	case "txbxContent", "txBody":
		w.begin()
	case "tr":
		w.row()
	default:
		r.object()
	}
}

// object takes the element for what stands in a text and is no run of letters: signs, drawings, links.
func (r *wordReader) object() {
	x, w := r.x, r.w
	switch string(x.name) {
	case "noBreakHyphen":
		w.text("-")
	case "softHyphen":
		w.text("\u00ad") // a letter in the old fonts
	case "sym":
		w.text(symbol(x.attr("font"), x.attr("char")))
	case "checked":
		if !x.off() && x.attr("checked") == "" {
			w.text("☒ ")
		}
	case "docPr", "cNvPr":
		w.own(x.attr("descr"))
		w.own(x.attr("title"))
	case "textpath":
		w.own(x.attr("string")) // WordArt, as watermarks are made
	case "shape", "imagedata", "rect", "roundrect":
		w.own(x.attr("alt"))
		w.own(x.attr("title"))
	case "Glyphs": // of XPS (ECMA-388, 12.1): what follows on the same line stands beside it
		if y := x.attr("OriginY"); y != r.glyphs {
			r.glyphs = y
			w.line()
		}
		w.text(strings.TrimPrefix(x.attr("UnicodeString"), "{}"))
	case "ddeLink":
		r.o.fact(DDE)
	case "ilvl", "numId":
		r.listed.begin(x, &r.lists)
	case "rt": // how a text is spoken stands above it
		r.aside.moved++
	case "ddList", "result", "default", "listEntry":
		w.text(r.dropDown.element(x))
	case "docVar", "tag":
		if x.attr("name") != "" {
			r.variable(x.attr("val"))
		}
	}
}

func (r *wordReader) endField() {
	if err := r.field.end(r.o); err != nil && r.w.err == nil {
		r.w.err = err
	}
}

func (r *wordReader) page() {
	if r.w.as.Page > 0 {
		as := r.w.as
		as.Page++
		r.w.to(as)
	}
}

func (r *wordReader) end() {
	switch string(r.x.name) {
	case "t", "delText":
		r.inText, r.aside.deleted = false, false
	case "moveFrom", "rt":
		r.aside.moved = max(0, r.aside.moved-1)
	case "pPr":
		r.listed.end(&r.lists, r.w)
	case "ddList":
		r.dropDown.open = false
	case "text", "v":
		r.inText = false
		r.w.line()
	case "instrText", "delInstrText":
		r.field.code = false
	case "binData", "binaryData":
		r.endFlat()
	case "tabs":
		r.inTabs = false
	case "r":
		r.inRun, r.aside.hidden = false, false
		r.w.style(r.paragraph)
	case "p", "txbxContent", "txBody":
		r.w.line()
		r.aside.end(r.w)
	case "tr":
		r.w.row()
	case "tc":
		r.w.cell()
	default:
		if r.anyText {
			r.w.line()
		}
	}
}

// fieldChar begins and ends fields (ECMA-376 part 1, 17.16.18).
func (r *wordReader) fieldChar(kind string) {
	switch kind {
	case "begin":
		r.field.depth++
	case "end":
		if r.field.depth--; r.field.depth <= 0 {
			r.endField()
		}
	}
}

// symbol is a character of a font of signs: boxes and ticks of Wingdings, by which forms are filled in.
func symbol(fontName, char string) string {
	fontName, char = strings.ToLower(fontName), strings.ToLower(char)
	if !strings.HasPrefix(fontName, "wingdings") {
		return symbolLetter(fontName, char)
	}
	if len(char) == 4 && char[0] == 'f' {
		char = "00" + char[2:]
	}
	second := fontName == "wingdings 2"
	switch char {
	case "00fd", "0078":
		return "☒"
	case "00fe":
		return "☑"
	case "00fc":
		return "✓"
	case "00fb":
		return "✗"
	case "00a8", "006f", "0071":
		return "☐"
	case "0051", "0053", "0054":
		if second {
			return "☒"
		}
	case "0052":
		if second {
			return "☑"
		}
	case "00a3":
		if second {
			return "☐"
		}
	}
	return ""
}

// fieldCode is the code of the field that is open, its runs and the fields inside of it put together.
type fieldCode struct {
	code  bool // its code is being read
	depth int
	text  strings.Builder
}

// maxFieldCode is how many octets of a field's code are looked at.
const maxFieldCode = 64 << 10

func (f *fieldCode) add(s string) {
	if f.text.Len()+len(s) <= maxFieldCode {
		f.text.WriteString(s)
	}
}

// end looks at the code of a field that is complete. Readers of the document do not see it.
func (f *fieldCode) end(o out) error {
	code := f.text.String()
	*f = fieldCode{}
	if isDDE(code) {
		o.fact(DDE)
	}
	if fieldLoads(code) {
		o.fact(RemoteTemplate)
	}
	if strings.TrimSpace(code) == "" {
		return nil
	}
	for _, s := range fieldTexts(code) {
		if strings.TrimSpace(s) == "" {
			continue
		}
		if err := o.text(Text{Kind: Comment, Value: ownLines(s)}); err != nil {
			return err
		}
	}
	return o.text(Text{Kind: Property, Name: "field", Value: code})
}
