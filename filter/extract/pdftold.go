package extract

import (
	"bytes"
	"errors"
	"io"

	"github.com/klippa-app/go-pdfium/references"
	"github.com/klippa-app/go-pdfium/requests"

	"congthu/filter/message"
)

// Limits of what a PDF file tells beside its pages.
const (
	maxPDFBookmarks = 10_000   // looked at
	maxPDFBookDepth = 32       // of bookmarks in each other
	maxPDFElements  = 50_000   // of the file's structure
	maxPDFElemDepth = 64       // of elements in each other
	maxXFAPackets   = 100      // of a form
	maxXFA          = 32 << 20 // octets of all of them
)

// outline passes on the titles of bookmarks, one a line (PDF 1.7 section 12.3.3).
func (d *pdfDocument) outline() error {
	w := newWriter(d.out, Comment)
	left := maxPDFBookmarks
	d.bookmarks(nil, maxPDFBookDepth, &left, w)
	if left < 0 {
		d.out.miss(message.TooMany)
	}
	return w.flush()
}

// bookmarks writes those in one, nil for the uppermost, and those in them. What leads back to itself ends with the limit.
func (d *pdfDocument) bookmarks(in *references.FPDF_BOOKMARK, depth int, left *int, w *writer) {
	first, err := d.lib.FPDFBookmark_GetFirstChild(&requests.FPDFBookmark_GetFirstChild{Document: d.ref, Bookmark: in})
	if err != nil {
		return // a file without any, too
	}
	for at := first.Bookmark; at != nil && w.err == nil; {
		if *left--; *left < 0 || depth == 0 {
			*left = -1
			return
		}
		if title, err := d.lib.FPDFBookmark_GetTitle(&requests.FPDFBookmark_GetTitle{Bookmark: *at}); err == nil {
			w.own(title.Title)
		}
		d.bookmarks(at, depth-1, left, w)
		next, err := d.lib.FPDFBookmark_GetNextSibling(&requests.FPDFBookmark_GetNextSibling{Document: d.ref, Bookmark: *at})
		if err != nil || *left < 0 {
			return
		}
		at = next.Bookmark
	}
}

// form passes on the texts and values of a form that is written in XML (XFA 3.3), of which the pages show nothing, or what another
// program put there.
func (d *pdfDocument) form() error {
	n, err := d.lib.FPDF_GetXFAPacketCount(&requests.FPDF_GetXFAPacketCount{Document: d.ref})
	if err != nil || n.Count <= 0 {
		return nil // most files have none
	}
	var form bytes.Buffer
	for i := range min(n.Count, maxXFAPackets) {
		p, err := d.lib.FPDF_GetXFAPacketContent(&requests.FPDF_GetXFAPacketContent{Document: d.ref, Index: i})
		if err != nil {
			d.damaged("reading a form in XML", err)
			continue
		}
		if form.Len()+len(p.Content) > maxXFA {
			d.out.miss(message.TooBig)
			break
		}
		form.Write(p.Content)
	}
	if n.Count > maxXFAPackets {
		d.out.miss(message.TooMany)
	}
	w := newWriter(d.out, Comment)
	if err := xfaTexts(newXMLReader(&form, d.xmlDepth), w); err != nil && !errors.Is(err, io.EOF) {
		if limit := (stop{}); errors.As(err, &limit) {
			d.out.miss(limit.why)
		} else {
			d.damaged("reading a form in XML", err)
		}
	}
	return w.flush()
}

// xfaTexts writes the texts of a form's template and data, each element's on a line. What there is to choose from is none of them,
// nor are scripts and settings.
func xfaTexts(x *xmlReader, w *writer) error {
	skipped := 0 // elements that are open in one that holds no text, with itself
	for w.err == nil {
		kind, err := x.next()
		if err != nil {
			return err
		}
		switch {
		case kind == xmlText && skipped == 0:
			w.octets(x.text)
		case kind == xmlStart && (skipped > 0 || xfaSettings(string(x.name))):
			skipped++
		case kind == xmlEnd && skipped > 0:
			skipped--
		case kind != xmlText && !xfaRun(string(x.name)):
			w.line()
		}
	}
	return w.err
}

// xfaSettings tells the elements of a form that hold no text of it.
func xfaSettings(element string) bool {
	switch element {
	case "items", "script", "config", "localeSet", "connectionSet", "sourceSet", "stylesheet", "xmpmeta", "signature", "bind", "picture":
		return true
	}
	return false
}

// xfaRun tells the elements of rich text that stand in a line.
func xfaRun(element string) bool {
	switch element {
	case "span", "b", "i", "u", "sub", "sup", "font", "a":
		return true
	}
	return false
}

// alternatives passes on what the structure of one page says instead of what is drawn (PDF 1.7 sections 14.9.3 to 14.9.5).
func (d *pdfDocument) alternatives(page requests.Page, number int) error {
	if !d.tells || d.elements < 0 {
		return nil
	}
	tree, err := d.lib.FPDF_StructTree_GetForPage(&requests.FPDF_StructTree_GetForPage{Page: page})
	if err != nil {
		return nil // a page without any
	}
	defer d.lib.FPDF_StructTree_Close(&requests.FPDF_StructTree_Close{StructTree: tree.StructTree})
	n, err := d.lib.FPDF_StructTree_CountChildren(&requests.FPDF_StructTree_CountChildren{StructTree: tree.StructTree})
	if err != nil {
		return nil
	}
	w := newWriter(d.out, Comment)
	w.as.Page = number
	for i := range n.Count {
		child, err := d.lib.FPDF_StructTree_GetChildAtIndex(&requests.FPDF_StructTree_GetChildAtIndex{StructTree: tree.StructTree, Index: i})
		if err == nil && !d.element(child.StructElement, maxPDFElemDepth, w) {
			d.out.miss(message.TooMany)
			break
		}
	}
	return w.flush()
}

// element writes what stands for an element and for those in it. It returns false when there are too many.
func (d *pdfDocument) element(e references.FPDF_STRUCTELEMENT, depth int, w *writer) bool {
	if d.elements--; d.elements < 0 {
		return false
	}
	if depth == 0 || w.err != nil {
		return true
	}
	if t, err := d.lib.FPDF_StructElement_GetAltText(&requests.FPDF_StructElement_GetAltText{StructElement: e}); err == nil {
		w.own(t.AltText)
	}
	if t, err := d.lib.FPDF_StructElement_GetActualText(&requests.FPDF_StructElement_GetActualText{StructElement: e}); err == nil {
		w.own(t.Actualtext)
	}
	n, err := d.lib.FPDF_StructElement_CountChildren(&requests.FPDF_StructElement_CountChildren{StructElement: e})
	if err != nil {
		return true
	}
	for i := range n.Count {
		child, err := d.lib.FPDF_StructElement_GetChildAtIndex(&requests.FPDF_StructElement_GetChildAtIndex{StructElement: e, Index: i})
		if err == nil && !d.element(child.StructElement, depth-1, w) {
			return false
		}
	}
	return true
}
