package extract

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

const (
	maxHTMLTag      = 1 << 20 // octets of one tag, or of a script that is looked at together; what is longer is read in pieces
	htmlOpen        = 256     // elements with a font of their own that are open at once; those deeper have the font around them
	maxConditionals = 1000    // conditional comments that are read
	htmlEndings     = 32      // open elements that an end tag is looked for among
)

// readHTML reads HTML as what a reader sees of it, and what he does not: hidden elements, alternative texts and titles
// are text too. Blocks and rows are lines, table cells are parted by tabs, blanks are one blank.
func readHTML(_ context.Context, in *input, o out) error {
	readings, err := textReadings(in)
	if err != nil {
		return err
	}
	return htmlTexts(readings, func() ([]io.Reader, error) { return textReadings(in) }, o)
}

// htmlTexts passes on the text of HTML in all its readings; where elements are hidden, once more without them, for what
// is hidden inside of a word makes another word of it. again gives the readings from their beginning.
func htmlTexts(readings []io.Reader, again func() ([]io.Reader, error), o out) error {
	first := htmlPass{o: o}
	if err := first.read(readings); err != nil || !first.more {
		return err
	}
	second := htmlPass{o: o, number: len(readings), attributes: first.attributes}
	readings, err := again()
	if err != nil {
		return err
	}
	return second.read(readings)
}

// htmlPass passes on readings, which are numbered from number; only what is shown when that is not 0.
type htmlPass struct {
	o          out
	number     int
	attributes []string // that style sheets show the values of, each page's with those of the pass before
	more       bool     // there is more than what is shown, or another pass would show more
}

func (p *htmlPass) read(readings []io.Reader) error {
	seeds := p.attributes
	for i, r := range readings {
		w := newWriter(p.o, Body)
		w.as.Reading, w.single = p.number+i, len(readings) > 1 || p.number > 0
		h := &htmlText{w: w, o: p.o, hides: smuggled{o: p.o, quiet: p.number+i > 0}, shown: p.number > 0, sheet: styleSheet{attributes: slices.Clone(seeds)}}
		err := h.read(r)
		h.hides.end()
		if err != nil {
			return errors.Join(w.flush(), err)
		}
		if err := w.flush(); err != nil {
			return err
		}
		p.more = p.more || h.hidden || h.sheet.late
		p.attributes = h.sheet.attributes
	}
	return nil
}

// htmlText turns the tags of one reading into text.
type htmlText struct {
	w     *writer
	o     out
	z     *html.Tokenizer
	src   io.Reader
	fresh bool        // no token was read since z began
	pre   int         // depth of elements that keep their blanks
	skip  atom.Atom   // the script or style that is open, 0 for none
	gap   bool        // a blank waits
	open  []htmlStyle // elements that look otherwise than what they are in
	look  htmlLook
	sheet styleSheet
	hides smuggled

	shown        bool // only what is shown is text
	hidden       bool // there was text that is not shown
	begun        bool // there was an element that a style sheet may write its attributes of
	conditionals int  // conditional comments so far
}

type htmlStyle struct {
	tag  atom.Atom
	look htmlLook // outside of it
}

func (h *htmlText) restart(r io.Reader) {
	h.src = r
	h.z = html.NewTokenizer(r)
	h.z.SetMaxBuf(maxHTMLTag)
	h.fresh = true
}

func (h *htmlText) read(r io.Reader) error {
	h.restart(r)
	for h.w.err == nil {
		kind := h.z.Next()
		if kind != html.ErrorToken {
			h.fresh = false
		}
		switch kind {
		case html.ErrorToken:
			if err := h.z.Err(); errors.Is(err, io.EOF) {
				return nil
			} else if !errors.Is(err, html.ErrBufferExceeded) {
				return err
			}
			if err := h.tooLong(); err != nil {
				return err
			}
		case html.TextToken:
			h.text(string(h.z.Text()))
		case html.StartTagToken, html.SelfClosingTagToken:
			h.start()
		case html.EndTagToken:
			name, _ := h.z.TagName()
			h.end(atom.Lookup(name), shownOnLines(name))
		case html.CommentToken:
			h.comment(string(h.z.Text()))
		}
	}
	return h.w.err
}

// tooLong takes a tag without an end, or a long script, as text, and reads on behind it.
func (h *htmlText) tooLong() error {
	raw := bytes.Clone(h.z.Raw())
	rest := io.MultiReader(bytes.NewReader(bytes.Clone(h.z.Buffered())), h.src)
	if len(raw) == 0 && !h.fresh { // what was too long was given as text
		h.restart(rest)
		return nil
	}
	if len(raw) == 0 {
		first := make([]byte, maxHTMLTag)
		n, err := io.ReadFull(rest, first)
		if raw = first[:n]; n == 0 {
			if err == io.EOF {
				return nil
			}
			return err
		}
	}
	if h.skip != 0 { // its end is no text of it
		if i := bytes.Index(bytes.ToLower(raw), []byte("</"+h.skip.String())); i > 0 {
			raw, rest = raw[:i], io.MultiReader(bytes.NewReader(raw[i:]), rest)
		}
	}
	h.text(string(raw))
	h.restart(rest)
	return nil
}

// start begins an element.
func (h *htmlText) start() {
	name, more := h.z.TagName()
	tag := atom.Lookup(name)
	if h.skip != 0 {
		return
	}
	switch tag {
	case atom.Script, atom.Style:
		h.skip = tag
		h.hides.begin()
	case atom.Noscript, atom.Noframes, atom.Noembed, atom.Iframe, atom.Title, atom.Xmp, atom.Textarea:
		h.z.NextIsNotRawText()
	case atom.Pre, atom.Listing, atom.Plaintext:
		h.pre++
	}
	line := shownOnLines(name)
	a := h.attributes(tag, more)
	looks := h.sheet.look(string(name), a.class, a.id, h.look)
	if a.face != "" {
		named := fontOf(a.face)
		looks.charset, looks.capitals = named.charset, looks.capitals || named.capitals
	}
	looks = lookOf(a.style, looks)
	looks.hidden = looks.hidden || a.hidden || tag == atom.Rt || tag == atom.Rp // beside the text, as its pronunciation
	looks.backward = looks.backward || tag == atom.Bdo && strings.EqualFold(a.dir, "rtl")
	if !h.shown || !looks.hidden {
		if line || a.placed && string(name) == "tspan" {
			h.w.begin()
			h.gap = false
		}
		h.part(tag, tag == atom.Br || tag == atom.Hr)
		for _, s := range a.texts {
			h.own(s)
		}
	}
	if a.value != "" && (tag == atom.Input || tag == atom.Option || tag == atom.Button) {
		h.text(" " + a.value + " ")
	}
	if a.address != "" {
		if loadsFrom(tag, a.address) {
			h.hides.fact(RemoteTemplate)
		}
		h.failed(h.hides.address(a.address, leadsOn(tag), a.download))
	}
	h.runs(tag, a)
	if looks != h.look && !empty(tag) && len(h.open) < htmlOpen {
		h.open = append(h.open, htmlStyle{tag, h.look})
		h.dress(looks)
	}
	if a.srcdoc != "" {
		h.inside(a.srcdoc)
	}
}

// comment reads what a comment shows in some programs: "<!--[if mso]>…<![endif]-->" is read by Outlook.
func (h *htmlText) comment(s string) {
	if h.skip != 0 || !strings.HasPrefix(s, "[if") || h.conditionals >= maxConditionals {
		return
	}
	if _, s, _ = strings.Cut(s, "]>"); s != "" {
		h.conditionals++
		h.inside(strings.TrimSuffix(s, "<![endif]"))
	}
}

// inside reads HTML that stands in a tag or a comment, and then what follows.
func (h *htmlText) inside(s string) {
	h.restart(io.MultiReader(strings.NewReader(s), bytes.NewReader(bytes.Clone(h.z.Buffered())), h.src))
}

// own writes a text that is a line of its own.
func (h *htmlText) own(s string) {
	h.w.own(s)
	h.gap = false
}

// Letters that are shown from right to left stand between these.
const (
	backwardBegin = "\u202e"
	backwardEnd   = "\u202c"
)

func (h *htmlText) dress(l htmlLook) {
	h.look = l
	h.w.style(l.font)
}

// end ends an element, and those in it that were left open.
func (h *htmlText) end(tag atom.Atom, line bool) {
	if h.skip != 0 {
		if tag == h.skip {
			h.skip = 0
			h.hides.end()
			if tag == atom.Style {
				for _, s := range h.sheet.end(h.begun) {
					h.own(s)
				}
			}
		}
		return
	}
	hid := h.shown && h.look.hidden
	for i := len(h.open) - 1; i >= max(0, len(h.open)-htmlEndings); i-- {
		if h.open[i].tag == tag {
			h.dress(h.open[i].look)
			h.open = h.open[:i]
			break
		}
	}
	if hid {
		return
	}
	if line {
		h.w.line()
		h.gap = false
	}
	switch tag {
	case atom.Pre, atom.Listing:
		h.pre = max(0, h.pre-1)
	case atom.Td, atom.Th:
		h.w.cell()
		h.gap = false
		return
	}
	h.part(tag, true)
}

// part writes what a tag looks like: a line break, the end of a cell, or nothing.
func (h *htmlText) part(tag atom.Atom, ends bool) {
	switch tag {
	case atom.Td, atom.Th:
		h.gap = false
		if !h.w.bol && h.w.gap != '\t' { // the cell before has no end tag
			h.w.cell()
		}
	case atom.Address, atom.Article, atom.Aside, atom.Blockquote, atom.Body, atom.Br, atom.Caption, atom.Center, atom.Dd, atom.Details,
		atom.Dir, atom.Div, atom.Dl, atom.Dt, atom.Fieldset, atom.Figcaption, atom.Figure, atom.Footer, atom.Form, atom.Frame, atom.H1, atom.H2,
		atom.H3, atom.H4, atom.H5, atom.H6, atom.Header, atom.Hr, atom.Html, atom.Legend, atom.Li, atom.Main, atom.Menu, atom.Nav, atom.Ol,
		atom.Option, atom.P, atom.Pre, atom.Section, atom.Select, atom.Summary, atom.Table, atom.Tbody, atom.Tfoot, atom.Thead, atom.Title,
		atom.Ul, atom.Xmp, atom.Listing, atom.Noscript, atom.Iframe, atom.Textarea:
		h.gap = false
		if ends {
			h.w.line()
		} else {
			h.w.begin()
		}
	case atom.Tr:
		h.gap = false
		h.w.row()
	}
}

// text writes text, blanks as HTML shows them.
func (h *htmlText) text(s string) {
	switch {
	case h.skip == atom.Script:
		h.failed(h.hides.add(s))
		return
	case h.skip != 0:
		h.sheet.add(s)
		return
	case h.look.hidden:
		h.hidden = h.hidden || strings.TrimSpace(s) != ""
		if h.shown {
			return
		}
	}
	if h.look.backward && strings.TrimSpace(s) != "" {
		s = backwardBegin + s + backwardEnd
	}
	switch {
	case h.pre > 0:
		h.w.text(s)
		return
	}
	for len(s) > 0 {
		blanks := len(s) - len(strings.TrimLeft(s, " \t\r\n\f"))
		h.gap = h.gap || blanks > 0
		s = s[blanks:]
		n := strings.IndexAny(s, " \t\r\n\f")
		if n < 0 {
			n = len(s)
		}
		if n > 0 {
			if h.gap && !h.w.bol && h.w.gap == 0 {
				h.w.text(" ")
			}
			h.gap = false
			h.w.text(s[:n])
		}
		s = s[n:]
	}
}

// leadsOn tells the elements that show or open what they name.
func leadsOn(tag atom.Atom) bool {
	switch tag {
	case atom.Iframe, atom.Frame, atom.Embed, atom.Object, atom.Meta:
		return true
	}
	return false
}

// failed ends the reading with an error.
func (h *htmlText) failed(err error) {
	if h.w.err == nil {
		h.w.err = err
	}
}
