package extract

import "strings"

// wordLists are the signs that stand before paragraphs of lists, as far as they have words (ECMA-376 part 1, 17.9).
type wordLists struct {
	signs  map[string]string // by list or its definition, and level
	define map[string]string // the definition that a list is made of
	styles map[string]string // the list that a style of paragraphs puts them in
}

// listWord is how many letters make a word in the sign of a list: fewer are the numbers of most lists, "a)", "IV.".
const listWord = 3

// numbering reads them. Pictures may stand for signs; what is said of these is text.
func (d *ooxml) numbering(x *xmlReader, w *writer) error {
	l := &d.lists
	l.signs, l.define = map[string]string{}, map[string]string{}
	of, level := "", ""
	return x.each(func() error {
		switch string(x.name) {
		case "abstractNum":
			of = "=" + x.attr("abstractNumId")
		case "num":
			of = x.attr("numId")
		case "abstractNumId":
			if len(l.define) < maxStyles {
				l.define[of] = "=" + x.attr("val")
			}
		case "lvl":
			level = x.attr("ilvl")
		case "lvlText":
			if sign := listSign(x.attr("val")); sign != "" && len(l.signs) < maxStyles {
				l.signs[of+"/"+level] = sign
			}
		case "shape", "imagedata":
			w.own(x.attr("alt"))
			w.own(x.attr("title"))
		}
		return w.err
	})
}

// listSign is what a level's text shows, "" where that has no words: the number is one for all paragraphs, and words that
// stand beside it are said once more without it.
func listSign(text string) string {
	letters := 0
	var with, without strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] == '%' && i+1 < len(text) && text[i+1] >= '1' && text[i+1] <= '9' {
			with.WriteByte('1')
			i++
			continue
		}
		if c := text[i]; c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0xC0 {
			letters++
		}
		with.WriteByte(text[i])
		without.WriteByte(text[i])
	}
	if letters < listWord || len(text) > MaxPiece {
		return ""
	}
	words := strings.Trim(without.String(), " .:;,-–()[]/\t")
	if words == strings.TrimSpace(with.String()) {
		return words
	}
	return with.String() + "\t" + words
}

// sign is the sign of a list's level.
func (l *wordLists) sign(list, level string) string {
	if len(l.signs) == 0 || list == "" {
		return ""
	}
	if level == "" {
		level = "0"
	}
	if s, ok := l.signs[list+"/"+level]; ok {
		return s
	}
	return l.signs[l.define[list]+"/"+level]
}

// listed is the list that the paragraph which is read belongs to.
type listed struct{ list, level string }

// begin takes what a paragraph's properties say of lists.
func (l *listed) begin(x *xmlReader, lists *wordLists) {
	if len(lists.signs) == 0 { // as in most documents
		return
	}
	switch string(x.name) {
	case "pStyle":
		l.list = lists.styles[x.attr("val")]
	case "ilvl":
		l.level = x.attr("val")
	case "numId":
		l.list = x.attr("val")
	}
}

// end writes the sign before the paragraph's text.
func (l *listed) end(lists *wordLists, w *writer) {
	if s := lists.sign(l.list, l.level); s != "" {
		w.text(s + "\t")
	}
	*l = listed{}
}
