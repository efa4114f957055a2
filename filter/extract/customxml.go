package extract

import "strings"

// maxCustomValues is how many values of one part of a document's own data are told one by one; further ones are told together.
const maxCustomValues = 2000

// customXML reads data that a document carries for its fields and for other programs (ECMA-376 part 1, 22.5): each text and each
// attribute is a value. What describes data, such as the levels that a library has to choose from, is none.
func (d *ooxml) customXML(x *xmlReader, w *writer) error {
	var text strings.Builder
	values, schema := 0, 0 // elements of a schema that are open
	value := func(s string) {
		if s = strings.TrimSpace(s); s == "" || w.err != nil {
			return
		}
		if values++; values > maxCustomValues || len(s) > MaxPiece {
			w.own(s)
			return
		}
		w.err = d.o.text(Text{Kind: Property, Name: "customXml", Value: s})
	}
	for w.err == nil {
		kind, err := x.next()
		if kind != xmlText || err != nil || text.Len() > MaxPiece {
			value(text.String())
			text.Reset()
		}
		if err != nil {
			return err
		}
		describes := string(x.name) == "schema" || string(x.name) == "contentTypeSchema"
		switch {
		case kind == xmlText:
			text.Write(x.text)
		case describes && kind == xmlStart:
			schema++
		case describes:
			schema = max(0, schema-1)
		case kind == xmlStart && schema == 0:
			for _, a := range x.attributes() {
				value(string(unescape(a.value)))
			}
		}
	}
	return w.err
}
