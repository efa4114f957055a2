package extract

import (
	"slices"
	"strings"
)

// field reads what fields and controls of OpenDocument say in attributes: a program that opens the document shows them
// from there, whatever text it kept for them (part 3, 7.3, 7.4, 7.7, 13).
func (d *odf) field(name string, x *xmlReader, w *writer) {
	if string(x.prefix) == "form" {
		d.control(name, x, w)
		return
	}
	switch name {
	case "user-field-decl":
		d.told(Text{Kind: Comment, Value: x.attr("string-value")}, w)
	case "conditional-text":
		which := "string-value-if-false"
		if x.attr("current-value") == "true" {
			which = "string-value-if-true"
		}
		d.told(Text{Kind: Comment, Value: x.attr(which)}, w)
		if constant(x.attr("condition")) { // asked anew when it is opened
			d.told(Text{Kind: Comment, Value: x.attr("string-value-if-true")}, w)
		}
	case "hidden-text":
		d.told(Text{Kind: Comment, Value: x.attr("string-value")}, w)
	case "list-level-style-number", "list-level-style-bullet", "outline-level-style":
		for _, attr := range [...]string{"num-prefix", "num-suffix", "bullet-char"} {
			d.sign(x.attr(attr), w)
		}
	}
}

// told passes on a text that stands in no line.
func (d *odf) told(t Text, w *writer) {
	if strings.TrimSpace(t.Value) == "" || w.err != nil {
		return
	}
	t.Value = ownLines(t.Value)
	w.err = d.o.text(t)
}

// sign passes on words that a list has for signs.
func (d *odf) sign(s string, w *writer) {
	letters := 0
	for i := range len(s) {
		if isLetterOctet(s[i]) {
			letters++
		}
	}
	if letters >= listWord {
		d.told(Text{Kind: Comment, Value: strings.Trim(s, " .:)-")}, w)
	}
}

// constant tells a condition that asks for nothing in the document.
func constant(condition string) bool {
	_, condition, named := strings.Cut(condition, ":")
	if !named {
		return false
	}
	condition = strings.ToLower(condition)
	for _, word := range [...]string{"true", "and", "or", "not", "eq", "neq"} {
		condition = strings.ReplaceAll(condition, word, "")
	}
	return !slices.ContainsFunc([]byte(condition), isAlphabetic)
}

func isAlphabetic(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' || c >= 0x80 || c == '_' }

// control reads a control of a form: its label, what is filled in, the entry that is chosen.
func (d *odf) control(name string, x *xmlReader, w *writer) {
	label, value := x.attr("label"), x.attr("current-value")
	if value == "" {
		value = x.attr("value")
	}
	switch name {
	case "checkbox", "radio":
		box := "☐ "
		if x.attr("current-state") == "checked" || x.attr("current-selected") == "true" || x.attr("state") == "checked" && x.attr("current-state") == "" {
			box = "☒ "
		}
		d.told(Text{Kind: Comment, Value: box + label}, w)
	case "option":
		if x.attr("current-selected") == "true" || x.attr("selected") == "true" {
			d.told(Text{Kind: Comment, Value: label}, w)
		}
	case "fixed-text", "button", "frame", "text", "textarea", "combobox", "formatted-text", "password", "generic-control":
		d.told(Text{Kind: Comment, Value: label}, w)
		d.told(Text{Kind: Comment, Value: value}, w)
	}
}
