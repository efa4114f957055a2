package extract

// maxAside is how much text of a paragraph is put aside, in octets; more is read where it stands.
const maxAside = MaxPiece / 2

// aside is the text of a paragraph that its reader does not see in it: deleted while changes are tracked, moved away
// (ECMA-376 part 1, 17.13.5), or hidden (17.3.2.41). It is read behind the paragraph: where it stands it would part
// what a reader sees together.
type aside struct {
	deleted, hidden bool
	moved           int // elements of moved text that are open
	text            []byte
}

// takes tells whether text in a font is put aside. What is in an old font has to be read as what stands beside it is.
func (a *aside) takes(f font) bool {
	return (a.deleted || a.hidden || a.moved > 0) && f.charset == "" && len(a.text) < maxAside
}

func (a *aside) add(text []byte, w *writer) {
	if len(text) > maxAside-len(a.text) {
		w.octets(text)
		return
	}
	a.text = append(a.text, text...)
}

// end reads what was put aside as a line of its own.
func (a *aside) end(w *writer) {
	if len(a.text) > 0 {
		w.own(string(a.text))
		a.text = a.text[:0]
	}
}
