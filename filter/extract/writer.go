package extract

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"congthu/filter/message"
)

// writer gathers a document's text into pieces for an out. It does nothing more after the first error, which flush
// gives.
type writer struct {
	o    out
	as   Text   // kind, name and page of what is written
	buf  []byte // waits to be passed on
	run  []byte // text in one font, not decoded yet
	font font   // of run
	next font   // of what comes
	gap  byte   // what parts the text before from what comes: 0, ' ', '\t' or '\n'
	bol  bool   // at the beginning of a line
	hard bool   // the gap ends a row, which no cell may undo
	// single leaves out the readings of text in an old charset: the caller has them.
	single bool
	err    error
}

// font is what matters of the font and the look of a text.
type font struct {
	charset  string // of the old fonts whose octets are letters of their own, else ""
	capitals bool   // small letters are shown as capitals
}

// pieceBytes is how much text a writer gathers before it passes it on: less than MaxPiece, for some charsets grow.
const pieceBytes = MaxPiece / 2

func newWriter(o out, kind Kind) *writer { return &writer{o: o, as: Text{Kind: kind}, bol: true} }

// fontOf tells the old fonts by their names: those of the ABC family (.VnTime) have the charset TCVN3, and their
// sisters with an H at the end show capitals only; VNI-Times and its like have VNI's.
func fontOf(name string) font {
	name = strings.ToLower(strings.Trim(name, " '\""))
	switch {
	case strings.HasPrefix(name, ".vn"):
		return font{charset: "x-viet-tcvn3", capitals: strings.HasSuffix(name, "h")}
	case strings.HasPrefix(name, "vni"):
		return font{charset: "x-viet-vni"}
	}
	return font{}
}

// to begins another kind of text.
func (w *writer) to(as Text) {
	if as != w.as {
		w.line()
		w.flush()
		w.as = as
	}
}

// style sets the font of what follows.
func (w *writer) style(f font) {
	w.next = f
}

// text writes text as it is.
func (w *writer) text(s string) {
	if w.ready(len(s)) {
		w.run = append(w.run, s...)
	}
}

// octets is text for what is UTF-8 in a buffer.
func (w *writer) octets(b []byte) {
	if w.ready(len(b)) {
		w.run = append(w.run, b...)
	}
}

// ready makes the writer ready for n octets of text.
func (w *writer) ready(n int) bool {
	if n == 0 {
		return false
	}
	if w.gap != 0 {
		w.part()
	}
	if w.next != w.font {
		w.decode()
		w.font = w.next
	}
	if len(w.run) >= pieceBytes {
		w.decode()
	}
	w.bol, w.hard = false, false
	return true
}

// part writes what parts lines and cells.
func (w *writer) part() {
	w.decode()
	w.buf = append(w.buf, w.gap)
	if w.gap == '\n' && len(w.buf) >= pieceBytes {
		w.pass()
	}
	w.gap, w.hard = 0, false
}

// row begins or ends a row of cells.
func (w *writer) row() {
	w.line()
	w.hard = true
}

// begin begins a paragraph: on a line of its own, but the first in a cell stays beside the cell before.
func (w *writer) begin() {
	if w.gap == 0 {
		w.line()
	}
}

// line ends a line, if one began.
func (w *writer) line() {
	if !w.bol {
		w.gap, w.bol = '\n', true
	} else if w.gap != 0 {
		w.gap = '\n'
	}
}

// cell ends a cell, or the line that a paragraph in it ended.
func (w *writer) cell() {
	if w.gap == '\n' && !w.hard || !w.bol {
		w.gap, w.bol = '\t', false
	}
}

// tab writes a tab.
func (w *writer) tab() {
	if !w.bol {
		w.text("\t")
	}
}

// own writes a text that is a line of its own.
func (w *writer) own(s string) {
	if strings.TrimSpace(s) == "" {
		return
	}
	w.line()
	w.text(s)
	w.line()
}

// decode takes the run over into the buffer as its font shows it.
func (w *writer) decode() {
	if len(w.run) == 0 {
		return
	}
	if w.font == (font{}) {
		w.buf = append(w.buf, w.run...)
	} else {
		w.buf = append(w.buf, w.font.show(string(w.run))...)
	}
	w.run = w.run[:0]
	if len(w.buf) >= 2*pieceBytes { // a line longer than a piece
		w.pass()
	}
}

// pass hands the buffer on, and the other ways to read it.
func (w *writer) pass() {
	if len(w.buf) == 0 || w.err != nil {
		w.buf = w.buf[:0]
		return
	}
	t := w.as
	t.Value = string(w.buf)
	w.buf = w.buf[:0]
	if w.err = w.o.text(t); w.err != nil || w.single || !mayBeLegacy(t.Value) {
		return
	}
	for i, r := range message.Readings([]byte(t.Value), "")[1:] {
		t.Reading, t.Value = i+1, r.Text
		if w.err = w.o.text(t); w.err != nil {
			return
		}
	}
}

// mayBeLegacy tells a text that may be in an old charset although no font says so. One with letters that only
// Unicode has is not.
func mayBeLegacy(s string) bool {
	if strings.Contains(s, "\xe1\xba") || strings.Contains(s, "\xe1\xbb") {
		return false
	}
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf || s[i] == '^' {
			return true
		}
	}
	return false
}

// flush passes on what waits, its last line ended.
func (w *writer) flush() error {
	w.decode()
	if len(w.buf) > 0 && !bytes.HasSuffix(w.buf, []byte("\n")) {
		w.buf = append(w.buf, '\n')
	}
	w.gap, w.bol, w.hard = 0, true, false
	w.pass()
	return w.err
}

// show is a text as its font shows it.
func (f font) show(s string) string {
	if f.charset != "" {
		s, _ = message.Reread(f.charset, s)
	}
	if f.capitals {
		s = strings.ToUpper(s)
	}
	return s
}
