package rules

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// maxHTMLTag is how many octets one tag may have; a longer one is read as text.
const maxHTMLTag = 1 << 20

// htmlText reads HTML as the text that a reader sees, and what he does not: hidden elements, alternative texts and
// titles are text too. Blocks begin new lines, table cells are divided by tabs, blanks are one blank.
type htmlText struct {
	src  io.Reader
	z    *html.Tokenizer
	out  bytes.Buffer
	err  error
	pre  int  // depth of elements that keep their blanks
	skip int  // inside of what is no text: 1 in script, 2 in style
	gap  bool // a blank waits
	bol  bool // at the beginning of a line
}

func newHTMLText(r io.Reader) io.Reader {
	h := &htmlText{src: r, bol: true}
	h.restart(r)
	return h
}

func (h *htmlText) restart(r io.Reader) {
	h.z = html.NewTokenizer(r)
	h.z.SetMaxBuf(maxHTMLTag)
}

// Read implements io.Reader.
func (h *htmlText) Read(p []byte) (int, error) {
	for h.out.Len() < len(p) && h.err == nil {
		h.token()
	}
	if h.out.Len() == 0 {
		return 0, h.err
	}
	return h.out.Read(p)
}

// token takes one token.
func (h *htmlText) token() {
	switch h.z.Next() {
	case html.ErrorToken:
		if err := h.z.Err(); !errors.Is(err, html.ErrBufferExceeded) {
			h.err = err
			return
		}
		// A tag without an end: its octets are text, and what follows is read anew.
		raw := bytes.Clone(h.z.Raw())
		rest := io.MultiReader(bytes.NewReader(bytes.Clone(h.z.Buffered())), h.src)
		if len(raw) == 0 {
			first := make([]byte, maxHTMLTag)
			n, err := io.ReadFull(rest, first)
			if raw = first[:n]; n == 0 {
				h.err = err
				return
			}
		}
		h.text(string(raw))
		h.restart(rest)
	case html.TextToken:
		if h.skip == 0 {
			h.text(string(h.z.Text()))
		}
	case html.StartTagToken, html.SelfClosingTagToken:
		h.start()
	case html.EndTagToken:
		name, _ := h.z.TagName()
		h.end(atom.Lookup(name))
	}
}

// start begins an element.
func (h *htmlText) start() {
	name, more := h.z.TagName()
	tag := atom.Lookup(name)
	switch tag {
	case atom.Script, atom.Style:
		h.skip = 1
	case atom.Noscript, atom.Noframes, atom.Noembed, atom.Iframe, atom.Title, atom.Xmp, atom.Textarea:
		h.z.NextIsNotRawText()
	case atom.Pre, atom.Listing, atom.Plaintext:
		h.pre++
	}
	h.breakFor(tag)
	for more {
		var key, value []byte
		key, value, more = h.z.TagAttr()
		switch string(key) {
		case "alt", "title", "aria-label", "summary", "placeholder":
			if len(value) > 0 {
				h.line()
				h.text(string(value))
				h.line()
			}
		case "value":
			if tag == atom.Input || tag == atom.Option || tag == atom.Button {
				h.text(" " + string(value) + " ")
			}
		}
	}
}

func (h *htmlText) end(tag atom.Atom) {
	switch tag {
	case atom.Script, atom.Style:
		h.skip = 0
	case atom.Pre, atom.Listing:
		h.pre = max(0, h.pre-1)
	}
	if tag != atom.Td && tag != atom.Th {
		h.breakFor(tag)
	}
}

// breakFor writes what a tag looks like: a line break, a tab, or nothing.
func (h *htmlText) breakFor(tag atom.Atom) {
	switch tag {
	case atom.Td, atom.Th:
		if !h.bol {
			h.out.WriteByte('\t')
		}
		h.gap = false
	case atom.Address, atom.Article, atom.Aside, atom.Blockquote, atom.Body, atom.Br, atom.Caption, atom.Center, atom.Dd, atom.Details,
		atom.Dir, atom.Div, atom.Dl, atom.Dt, atom.Fieldset, atom.Figcaption, atom.Figure, atom.Footer, atom.Form, atom.Frame, atom.H1, atom.H2,
		atom.H3, atom.H4, atom.H5, atom.H6, atom.Header, atom.Hr, atom.Html, atom.Legend, atom.Li, atom.Main, atom.Menu, atom.Nav, atom.Ol,
		atom.Option, atom.P, atom.Pre, atom.Section, atom.Select, atom.Summary, atom.Table, atom.Tbody, atom.Tfoot, atom.Thead, atom.Title,
		atom.Tr, atom.Ul, atom.Xmp, atom.Listing, atom.Noscript, atom.Iframe, atom.Textarea:
		h.line()
	}
}

func (h *htmlText) line() {
	h.gap = false
	if !h.bol {
		h.out.WriteByte('\n')
		h.bol = true
	}
}

// text writes text, blanks as HTML shows them.
func (h *htmlText) text(s string) {
	if h.pre > 0 {
		h.out.WriteString(s)
		h.bol = strings.HasSuffix(s, "\n")
		return
	}
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		if r < utf8.RuneSelf && unicode.IsSpace(r) {
			h.gap = !h.bol
		} else {
			if h.gap {
				h.out.WriteByte(' ')
				h.gap = false
			}
			h.out.WriteString(s[i : i+n])
			h.bol = false
		}
		i += n
	}
}
