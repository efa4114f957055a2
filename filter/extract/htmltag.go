package extract

import (
	"strings"

	"golang.org/x/net/html/atom"
)

// htmlAttributes are those of one tag that matter.
type htmlAttributes struct {
	texts                              []string // that are shown, or told to who asks
	class, id, style, face, dir, value string
	srcdoc, address, content, name     string
	download, hidden                   bool
}

func (h *htmlText) attributes(tag atom.Atom, more bool) (a htmlAttributes) {
	for more {
		var key, value []byte
		key, value, more = h.z.TagAttr()
		switch s := string(value); string(key) {
		case "alt", "title", "aria-label", "summary", "placeholder", "label":
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
		case "dir":
			a.dir = s
		case "hidden":
			a.hidden = true
		case "srcdoc":
			a.srcdoc = s
		case "href", "src", "data":
			a.address = s
		case "content":
			a.content = s
		case "name":
			a.name = strings.ToLower(s)
		case "download":
			a.download = true
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

// empty tells elements that have no end, and nothing in them.
func empty(tag atom.Atom) bool {
	switch tag {
	case atom.Area, atom.Base, atom.Br, atom.Col, atom.Embed, atom.Hr, atom.Img, atom.Input, atom.Link, atom.Meta, atom.Param, atom.Source, atom.Track, atom.Wbr:
		return true
	}
	return false
}
