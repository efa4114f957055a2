package extract

import (
	"fmt"
	"io"
	"strconv"
)

// word obeys a control word. Words that change no text are left out; a group that begins with \* and a word that is
// not known is none (RTF 1.9.1, "Destination control words").
func (r *rtfReader) word(word string, n int, has bool) error {
	optional := r.now.optional
	r.now.optional = false
	starts := r.now.starts
	r.now.starts = false
	if word != "u" && word != "bin" && r.skip > 0 { // a control word counts as one character
		r.skip--
		return nil
	}
	switch word {
	case "u":
		r.skip = 0
		r.char(n)
		return nil
	case "uc":
		r.now.uc = min(max(n, 0), 10)
		return nil
	case "bin":
		return r.binary(n)
	case "ansicpg":
		r.charset = codePage(n)
	case "mac":
		r.charset = "macintosh"
	case "pc", "pca":
		r.charset = "ibm437"
	case "deff":
		r.usual, r.now.font = n, n
	case "f":
		r.flush()
		r.now.font = n
	case "fcharset":
		r.setCharset(fontCharset(n))
	case "cpg":
		r.setCharset(codePage(n))
	case "plain":
		r.flush()
		r.now.font, r.now.capitals = r.usual, false
	case "caps", "scaps":
		r.flush()
		r.now.capitals = !has || n != 0
	default:
		if r.blank(word) || r.destination(word) {
			return nil
		}
		if optional && starts {
			r.now.dest = rtfNothing
		}
	}
	return nil
}

// blank obeys words that part text.
func (r *rtfReader) blank(word string) bool {
	text := ""
	switch word {
	case "par", "line", "sect", "row", "nestrow", "cell", "nestcell", "page", "tab", "trowd":
	case "emspace", "enspace", "qmspace":
		text = " "
	case "emdash":
		text = "—"
	case "endash":
		text = "–"
	case "lquote", "rquote":
		text = "'"
	case "ldblquote", "rdblquote":
		text = `"`
	case "bullet":
		text = "•"
	default:
		return false
	}
	if r.now.dest != rtfText {
		return true
	}
	r.flush()
	switch word {
	case "par", "line", "sect":
		r.w.line()
	case "row", "nestrow", "trowd":
		r.w.row()
	case "cell", "nestcell":
		r.w.cell()
	case "tab":
		r.w.tab()
	case "page":
		as := r.w.as
		if as.Kind == Body {
			as.Page++
		}
		r.w.to(as)
	default:
		r.w.text(text)
	}
	return true
}

// destination obeys words that say what a group is.
func (r *rtfReader) destination(word string) bool {
	into := func(d rtfDest) bool {
		r.flush()
		r.now.dest = d
		return true
	}
	if r.now.dest == rtfNothing && word != "pict" && word != "objdata" && word != "result" && word != "shptxt" {
		return false
	}
	switch word {
	case "fonttbl":
		return into(rtfFontName)
	case "colortbl", "stylesheet", "listtable", "listoverridetable", "rsidtbl", "generator", "themedata", "colorschememapping", "latentstyles",
		"datastore", "xmlnstbl", "mmathPr", "pgdsctbl", "revtbl", "filetbl", "panose", "blipuid", "nonesttables",
		"pntext", "pntxtb", "pntxta", "bkmkstart", "bkmkend", "falt", "fontemb", "objclass", "objname", "picprop", "listtext":
		return into(rtfNothing)
	case "sn":
		return into(rtfShapeName)
	case "header", "headerl", "headerr", "headerf", "footer", "footerl", "footerr", "footerf":
		return r.kind(Text{Kind: HeaderFooter})
	case "footnote", "annotation", "atnid", "atnauthor":
		return r.kind(Text{Kind: Comment})
	case "title", "subject", "author", "manager", "company", "operator", "category", "keywords", "comment", "doccomm", "propname", "staticval":
		return r.kind(Text{Kind: Property, Name: word})
	case "template":
		return into(rtfTemplate)
	case "info", "userprops", "shp", "shpinst", "sp", "field", "fldrslt", "result", "object", "rtf", "upr", "ud", "shppict", "pgptbl", "do":
		if r.now.dest == rtfNothing || r.now.dest == rtfCode {
			r.flush()
			r.now.dest = rtfText
		}
		return true
	case "shptxt":
		return r.kind(Text{Kind: r.w.as.Kind, Page: r.w.as.Page})
	case "sv":
		if r.shape != "gtextUNICODE" && r.shape != "wzDescription" { // the text of WordArt, as watermarks are made
			return into(rtfNothing)
		}
		return r.kind(Text{Kind: Body, Page: r.w.as.Page})
	case "fldinst":
		return into(rtfCode)
	case "objdata", "pict":
		r.object = rtfData{picture: word == "pict"}
		return into(rtfHex)
	case "ddeauto", "objautlink":
		r.o.fact(DDE)
		return true
	}
	return false
}

// kind begins text of another kind, until the group ends.
func (r *rtfReader) kind(as Text) bool {
	r.flush()
	if r.now.as == (Text{}) {
		r.now.as = r.w.as
	}
	r.now.dest = rtfText
	r.w.line()
	r.w.to(as)
	return true
}

// defineFont ends the definition of a font.
func (r *rtfReader) defineFont() {
	f := r.fonts[r.now.font]
	f.font = fontOf(r.table)
	if len(r.fonts) < rtfFonts {
		r.fonts[r.now.font] = f
	}
	r.table = ""
}

func (r *rtfReader) setCharset(name string) {
	if r.now.dest == rtfFontName && len(r.fonts) < rtfFonts {
		f := r.fonts[r.now.font]
		f.charset = name
		r.fonts[r.now.font] = f
	}
}

// codePage is the charset of a code page of Windows.
func codePage(n int) string {
	switch n {
	case 0, 1252:
		return "windows-1252"
	case 437, 850, 852, 855, 858, 860, 862, 863, 865, 866:
		return "ibm" + strconv.Itoa(n)
	case 932:
		return "shift_jis"
	case 936:
		return "gbk"
	case 949:
		return "euc-kr"
	case 950:
		return "big5"
	case 10000:
		return "macintosh"
	case 65001:
		return "utf-8"
	}
	return fmt.Sprintf("windows-%d", n)
}

// fontCharset is the charset of a font, "" for the document's (RTF 1.9.1, "Font table").
func fontCharset(n int) string {
	switch n {
	case 77:
		return "macintosh"
	case 128:
		return "shift_jis"
	case 129:
		return "euc-kr"
	case 134:
		return "gbk"
	case 136:
		return "big5"
	case 161:
		return "windows-1253"
	case 162:
		return "windows-1254"
	case 163:
		return "windows-1258"
	case 177:
		return "windows-1255"
	case 178:
		return "windows-1256"
	case 186:
		return "windows-1257"
	case 204:
		return "windows-1251"
	case 222:
		return "windows-874"
	case 238:
		return "windows-1250"
	case 254:
		return "ibm437"
	}
	return ""
}

// binary reads octets that stand as they are. They are an object's, or nothing.
func (r *rtfReader) binary(n int) error {
	if n < 0 {
		n = 0
	}
	from := io.LimitReader(r.in, int64(n))
	buf := make([]byte, 4<<10)
	for {
		got, err := from.Read(buf)
		if r.now.dest == rtfHex {
			r.object.octets(buf[:got])
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
