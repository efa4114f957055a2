package extract

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

const (
	maxHTMLTag  = 1 << 20 // octets of one tag, or of a script that is looked at together; what is longer is read in pieces
	htmlOpen    = 256     // elements with a font of their own that are open at once; those deeper have the font around them
	htmlEndings = 32      // open elements that an end tag is looked for among
)

// readHTML reads HTML as what a reader sees of it, and what he does not: hidden elements, alternative texts and titles
// are text too. Blocks and rows are lines, table cells are parted by tabs, blanks are one blank.
func readHTML(_ context.Context, in *input, o out) error {
	readings, err := textReadings(in)
	if err != nil {
		return err
	}
	return htmlTexts(readings, o)
}

// htmlTexts passes on the text of HTML in all its readings.
func htmlTexts(readings []io.Reader, o out) error {
	for i, r := range readings {
		w := newWriter(o, Body)
		w.as.Reading, w.single = i, len(readings) > 1
		h := &htmlText{w: w, o: o, hides: smuggled{o: o, quiet: i > 0}}
		err := h.read(r)
		h.hides.end()
		if err != nil {
			return errors.Join(w.flush(), err)
		}
		if err := w.flush(); err != nil {
			return err
		}
	}
	return nil
}

// htmlText turns the tags of one reading into text.
type htmlText struct {
	w     *writer
	o     out
	z     *html.Tokenizer
	src   io.Reader
	pre   int         // depth of elements that keep their blanks
	skip  atom.Atom   // the script or style that is open, 0 for none
	gap   bool        // a blank waits
	open  []htmlStyle // elements that set a font
	font  font
	hides smuggled
}

type htmlStyle struct {
	tag  atom.Atom
	font font // outside of it
}

func (h *htmlText) restart(r io.Reader) {
	h.src = r
	h.z = html.NewTokenizer(r)
	h.z.SetMaxBuf(maxHTMLTag)
}

func (h *htmlText) read(r io.Reader) error {
	h.restart(r)
	for h.w.err == nil {
		switch h.z.Next() {
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
			h.end(atom.Lookup(name))
		}
	}
	return h.w.err
}

// tooLong takes a tag without an end, or a long script, as text, and reads on behind it.
func (h *htmlText) tooLong() error {
	raw := bytes.Clone(h.z.Raw())
	rest := io.MultiReader(bytes.NewReader(bytes.Clone(h.z.Buffered())), h.src)
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
	h.part(tag, tag == atom.Br || tag == atom.Hr)
	looks, address, download := h.font, "", false
	for more {
		var key, value []byte
		key, value, more = h.z.TagAttr()
		switch string(key) {
		case "alt", "title", "aria-label", "summary", "placeholder":
			h.w.own(string(value))
			h.gap = false
		case "value":
			if tag == atom.Input || tag == atom.Option || tag == atom.Button {
				h.text(" " + string(value) + " ")
			}
		case "face":
			looks.charset = fontOf(string(value)).charset
			looks.capitals = looks.capitals || fontOf(string(value)).capitals
		case "style":
			looks = cssFont(string(value), looks)
		case "href", "src", "data":
			address = string(value)
		case "content":
			if tag == atom.Meta {
				address = refresh(string(value))
			}
		case "download":
			download = true
		}
	}
	if address != "" {
		h.failed(h.hides.address(address, leadsOn(tag), download))
	}
	if looks != h.font && len(h.open) < htmlOpen {
		h.open = append(h.open, htmlStyle{tag, h.font})
		h.dress(looks)
	}
}

func (h *htmlText) dress(f font) {
	h.font = f
	h.w.style(f)
}

// cssFont is the font that a style attribute sets.
func cssFont(style string, f font) font {
	for d := range strings.SplitSeq(style, ";") {
		name, value, _ := strings.Cut(d, ":")
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "font-family", "font":
			first, _, _ := strings.Cut(value, ",")
			named := fontOf(first)
			f.charset, f.capitals = named.charset, f.capitals || named.capitals
		case "text-transform":
			f.capitals = strings.EqualFold(strings.TrimSpace(value), "uppercase")
		case "font-variant":
			f.capitals = f.capitals || strings.Contains(strings.ToLower(value), "small-caps")
		}
	}
	return f
}

// end ends an element, and those in it that were left open.
func (h *htmlText) end(tag atom.Atom) {
	if h.skip != 0 {
		if tag == h.skip {
			h.skip = 0
			h.hides.end()
		}
		return
	}
	for i := len(h.open) - 1; i >= max(0, len(h.open)-htmlEndings); i-- {
		if h.open[i].tag == tag {
			h.dress(h.open[i].font)
			h.open = h.open[:i]
			break
		}
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
		return
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
