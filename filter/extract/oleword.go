package extract

import (
	"errors"
	"strings"

	"congthu/filter/message"
)

// Limits of a document of Word.
const (
	maxWordPieces   = 1 << 20
	maxOLEFieldCode = 8 << 10 // octets of a field's code that are looked at
)

// Offsets into the file information block ([MS-DOC] 2.5).
const (
	fibFlags    = 0x0a
	fibTextFrom = 0x18 // of Word 6 and 95
	fibTextTo   = 0x1c
	fibLengths  = 0x4c  // of the stories, in characters: eight, the fourth unused
	fibClx      = 0x1a2 // offset and length of the piece table in the table stream
)

// wordStories are the kinds of the stories, in the file's order: text, footnotes, headers, macros, comments, endnotes,
// text boxes, text boxes of headers.
func wordStories() []Kind {
	return []Kind{Body, Comment, HeaderFooter, Body, Comment, Comment, Body, HeaderFooter}
}

// word reads a document of Word 97 and later, and what text one of Word 6 and 95 has.
func (d *oleReader) word(s storage) error {
	b, err := s.stream("WordDocument")
	o := &octets{b: b}
	flags := o.u16(fibFlags)
	if flags&0x0100 != 0 {
		return d.encrypted(s, 0)
	}
	w := newWordText(d.out)
	if o.u16(2) < 0xc1 {
		from, to := o.u32(fibTextFrom), min(o.u32(fibTextTo), len(b))
		w.kinds(Body)
		w.octets(o.at(from, to-from))
		return errors.Join(w.end(), err, tooShort(o))
	}
	table := "0Table"
	if flags&0x0200 != 0 {
		table = "1Table"
	}
	t, err2 := s.stream(table)
	if len(t) == 0 {
		return errors.Join(err, err2, errShort)
	}
	clx := &octets{b: t}
	clx.b = clx.at(o.u32(fibClx), o.u32(fibClx+4))
	if err := w.pieces(o, clx); err != nil {
		return err
	}
	return errors.Join(w.end(), err, err2, tooShort(o), tooShort(clx))
}

func tooShort(o *octets) error {
	if o.short {
		return errShort
	}
	return nil
}

// pieces writes the text in the order of the piece table ([MS-DOC] 2.9.38 and 2.8.35).
func (w *wordText) pieces(doc, clx *octets) error {
	at := 0
	for clx.u8(at) == 1 { // formatting
		at += 3 + clx.u16(at+1)
	}
	if clx.u8(at) != 2 {
		return errShort
	}
	plc := &octets{b: clx.at(at+5, clx.u32(at+1))}
	n := (len(plc.b) - 4) / 12
	if n > maxWordPieces {
		return stop{message.TooMany}
	}
	ends, total := storyEnds(doc)
	story := 0
	for i := range n {
		from, to := plc.u32(4*i), plc.u32(4*i+4)
		place := plc.u32(4*(n+1) + 8*i + 2)
		for from < to && from < total && story < len(ends) {
			if from >= ends[story] {
				story++
				continue
			}
			w.kinds(wordStories()[story])
			upTo := min(to, ends[story])
			w.piece(doc, place, from-plc.u32(4*i), upTo-from)
			from = upTo
		}
		if w.err != nil {
			return w.err
		}
	}
	return tooShort(plc)
}

func storyEnds(doc *octets) (ends []int, total int) {
	for i := range wordStories() {
		total += doc.u32(fibLengths + 4*i)
		ends = append(ends, total)
	}
	return ends, total + 2
}

// piece writes n characters, skip characters into a piece. place says where it stands and whether each character is
// one octet of windows-1252 or two of UTF-16 ([MS-DOC] 2.9.73).
func (w *wordText) piece(doc *octets, place, skip, n int) {
	if place&0x40000000 != 0 {
		from := (place&0x3fffffff)/2 + skip
		w.octets(doc.at(from, min(n, max(len(doc.b)-from, 0))))
		return
	}
	from := place&0x3fffffff + 2*skip
	w.characters(utf16Text(doc.at(from, min(2*n, max(len(doc.b)-from, 0))&^1)))
}

// wordText writes Word's characters as lines and cells.
type wordText struct {
	*writer
	o     out
	codes []*strings.Builder // of fields that began: nil when their result is shown
	after rune               // the character before
	dde   bool
}

func newWordText(o out) *wordText { return &wordText{writer: newWriter(o, Body), o: o} }

func (w *wordText) kinds(k Kind) { w.to(Text{Kind: k}) }

func (w *wordText) octets(b []byte) { w.characters(message.Decode("windows-1252", b)) }

// end writes what waits.
func (w *wordText) end() error {
	for _, code := range w.codes {
		w.fieldEnds(code)
	}
	return w.flush()
}

// maxFields is how many fields may stand in each other; Word nests 20.
const maxFields = 50

// characters writes text with Word's control characters ([MS-DOC] 2.4.1 and 2.8.25).
func (w *wordText) characters(s string) {
	start := 0
	for i, c := range s {
		if c >= ' ' && c != 0xad {
			w.after = c
			continue
		}
		w.plain(s[start:i])
		start = i + len(string(c))
		w.control(c)
		w.after = c
	}
	w.plain(s[start:])
}

func (w *wordText) plain(s string) {
	if n := len(w.codes); n > 0 && w.codes[n-1] != nil {
		code := w.codes[n-1]
		code.WriteString(s[:min(len(s), max(0, maxOLEFieldCode-code.Len()))])
		return
	}
	w.text(s)
}

func (w *wordText) control(c rune) {
	switch c {
	case 0x07: // a cell's end, or a row's after the last cell's
		if w.after == 0x07 {
			w.line()
		} else {
			w.cell()
		}
	case '\r', '\n', 0x0b, 0x0c, 0x0e:
		w.line()
	case '\t':
		w.plain("\t")
	case 0x1e:
		w.plain("-")
	case 0x13:
		if len(w.codes) < maxFields {
			w.codes = append(w.codes, &strings.Builder{})
		}
	case 0x14:
		if n := len(w.codes); n > 0 && w.codes[n-1] != nil {
			w.fieldCode(w.codes[n-1].String())
			w.codes[n-1] = nil
		}
	case 0x15:
		if n := len(w.codes); n > 0 {
			code := w.codes[n-1]
			w.codes = w.codes[:n-1]
			w.fieldEnds(code)
		}
	}
}

// fieldEnds is called at the end of a field; the code is nil when a result was shown.
func (w *wordText) fieldEnds(code *strings.Builder) {
	if code == nil {
		return
	}
	s := code.String()
	w.fieldCode(s)
	if n := len(w.codes); n > 0 && w.codes[n-1] != nil {
		w.plain(" " + s) // a part of another field's code
		return
	}
	words := strings.Fields(s)
	if len(words) > 2 && strings.EqualFold(words[0], "MACROBUTTON") { // its text is the rest of the code
		w.text(strings.Join(words[2:], " "))
	}
}

func (w *wordText) fieldCode(code string) {
	if !w.dde && isDDE(code) {
		w.dde = true
		w.o.fact(DDE)
	}
	if fieldLoads(code) {
		w.o.fact(RemoteTemplate)
	}
}
