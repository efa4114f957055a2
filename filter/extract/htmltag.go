package extract

import (
	"bytes"
	"slices"
	"strings"

	"golang.org/x/net/html/atom"
)

// htmlAttributes are those of one tag that matter.
type htmlAttributes struct {
	texts                              []string // that are shown, or told to who asks
	class, id, style, face, dir, value string
	srcdoc, address, content, name     string
	download, hidden                   bool
	placed                             bool     // at a place of its own, in a picture
	handlers                           []string // scripts of events
	scripts                            []string // addresses that may be scripts
}

func (h *htmlText) attributes(tag atom.Atom, more bool) (a htmlAttributes) {
	for more {
		var key, value []byte
		key, value, more = h.z.TagAttr()
		h.begun = h.begun || tag != atom.Html && tag != atom.Meta && tag != atom.Link && tag != atom.Style
		if len(h.sheet.attributes) > 0 && slices.Contains(h.sheet.attributes, string(key)) {
			a.texts = append(a.texts, string(value))
		}
		switch s := string(value); string(key) {
		case "alt", "title", "aria-label", "aria-description", "aria-valuetext", "summary", "placeholder", "label", "alttext", "standby":
			a.texts = append(a.texts, s)
		case "value":
			a.value = s
		case "face":
			a.face = s
		case "class":
			a.class = s
		case "id":
			a.id = s
		case "style":
			a.style = s
			if strings.Contains(s, "list-style") || strings.Contains(s, "--") {
				texts, _ := cssTexts(s)
				a.texts = append(a.texts, texts...)
			}
		case "x":
			a.placed = true
		case "dir":
			a.dir = s
		case "hidden":
			a.hidden = true
		case "srcdoc":
			a.srcdoc = s
		case "href", "src", "data":
			a.address = s
			a.scripts = append(a.scripts, s)
		case "xlink:href", "action", "formaction":
			a.scripts = append(a.scripts, s)
		case "content":
			a.content = s
		case "name":
			a.name = strings.ToLower(s)
		case "download":
			a.download = true
		default:
			if len(key) > len("on") && strings.HasPrefix(string(key), "on") {
				a.handlers = append(a.handlers, s)
			}
		}
		if i := endsRawText(value); i >= 0 && a.srcdoc == "" {
			a.srcdoc = string(value[i:])
		}
	}
	if tag == atom.Meta && a.content != "" {
		a.address = refresh(a.content)
		switch a.name {
		case "title", "subject", "keywords", "description", "abstract":
			a.texts = append(a.texts, a.content)
		}
	}
	return a
}

// shownOnLines tells the elements of pictures (SVG 2) and formulas (MathML Core) in a page whose text is shown on a line or in
// a cell of its own.
func shownOnLines(name []byte) bool {
	switch string(name) {
	case "text", "desc", "foreignobject", "mtr", "mtd", "annotation", "annotation-xml":
		return true
	}
	return false
}

// empty tells elements that have no end, and nothing in them.
func empty(tag atom.Atom) bool {
	switch tag {
	case atom.Area, atom.Base, atom.Br, atom.Col, atom.Embed, atom.Hr, atom.Img, atom.Input, atom.Link, atom.Meta, atom.Param, atom.Source, atom.Track, atom.Wbr:
		return true
	}
	return false
}

// runs judges the scripts in the attributes of a tag: handlers of events, addresses that are scripts, and what holds the
// script of the page itself.
func (h *htmlText) runs(tag atom.Atom, a htmlAttributes) {
	if len(a.handlers)+len(a.scripts) == 0 {
		return
	}
	for _, code := range a.handlers {
		h.failed(h.hides.handler(code))
	}
	for _, address := range a.scripts {
		if tag == atom.Script || strings.HasPrefix(strings.ToLower(squeeze(address[:min(len(address), dataURLLetter)])), "javascript:") {
			h.failed(h.hides.script(address))
		}
	}
	h.hides.begin() // the script that the tag begins, if it is one
}

// endsRawText is where an attribute ends an element whose content is no markup to a browser: what follows is. -1 for none.
func endsRawText(value []byte) int {
	if !bytes.Contains(value, []byte("</")) {
		return -1
	}
	lower := bytes.ToLower(value)
	for _, name := range [...]string{"noscript", "noembed", "noframes", "iframe", "title", "textarea", "xmp"} {
		if i := bytes.Index(lower, []byte("</"+name)); i >= 0 {
			return i
		}
	}
	return -1
}
