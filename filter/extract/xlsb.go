package extract

import (
	"bytes"
	"errors"
	"io"
	"path"
	"strings"
)

// Records of workbooks in binary form ([MS-XLSB] 2.3).
const (
	xlsbRow         = 0   // BrtRowHdr
	xlsbInline      = 6   // BrtCellSt
	xlsbShared      = 7   // BrtCellIsst
	xlsbFormula     = 8   // BrtFmlaString
	xlsbItem        = 19  // BrtSSTItem
	xlsbInlineRich  = 62  // BrtCellRString
	xlsbSheetName   = 156 // BrtBundleSh
	xlsbHeaders     = 479 // BrtBeginHeaderFooter
	xlsbComment     = 637 // BrtCommentText
	maxXLSBRecord   = 1 << 20
	xlsbCellHeader  = 8 // octets: column, style
	xlsbNameHeader  = 8 // octets of BrtBundleSh before the relation's name
	xlsbHeadersHead = 2 // octets of BrtBeginHeaderFooter before the texts
)

// binaryPart tells the parts of a workbook in binary form that hold text.
func binaryPart(name, base string) bool {
	return strings.HasPrefix(name, "xl/") && strings.HasSuffix(name, ".bin") && (base == "sharedstrings.bin" || base == "workbook.bin" || strings.HasPrefix(base, "comments") ||
		strings.Contains(name, "/worksheets/") || strings.Contains(name, "/chartsheets/") || strings.Contains(name, "/dialogsheets/"))
}

// noBinaryText tells those that hold none of their own: formats, the order of calculation, where rows begin, and the
// names of columns, which are in the cells.
func noBinaryText(name, base string) bool {
	return strings.HasPrefix(name, "xl/") && strings.HasSuffix(name, ".bin") &&
		(base == "styles.bin" || base == "calcchain.bin" || strings.HasPrefix(base, "binaryindex") || strings.HasPrefix(name, "xl/tables/"))
}

// binarySheet reads a part of a workbook in binary form ([MS-XLSB] 2.1.4): records, each with a number and a length in
// pieces of seven bits.
func (d *ooxml) binarySheet(part docPart) error {
	r, err := d.open(part)
	if err != nil {
		return d.excuse(err)
	}
	defer r.Close()
	w := newWriter(d.o, Body)
	switch {
	case strings.Contains(part.name, "sheets/"):
		w.as.Page = max(1, number(part.name))
	case strings.HasPrefix(path.Base(part.name), "comments"):
		w.as.Kind = Comment
	}
	err = d.records(r, w)
	return errors.Join(d.excuse(err), w.flush())
}

func (d *ooxml) records(r io.Reader, w *writer) error {
	in := &recordReader{r: r}
	for w.err == nil {
		kind, b, err := in.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := d.record(kind, b, w); err != nil {
			return err
		}
	}
	return w.err
}

// record takes the text of a record.
func (d *ooxml) record(kind int, b []byte, w *writer) error {
	o := &octets{b: b}
	switch kind {
	case xlsbRow:
		w.row()
	case xlsbInline, xlsbFormula:
		w.text(o.wideString(xlsbCellHeader))
		w.cell()
	case xlsbInlineRich:
		w.text(o.wideString(xlsbCellHeader + 1))
		w.cell()
	case xlsbShared:
		if n := o.u32(xlsbCellHeader); !o.short && n < len(d.strings.list) {
			d.strings.list[n].used = true
			w.text(d.strings.list[n].text)
		}
		w.cell()
	case xlsbItem:
		si := &richText{plain: true}
		si.WriteString(o.wideString(1))
		return d.share(si)
	case xlsbSheetName:
		id := o.u32(xlsbNameHeader)
		if id == 0xffffffff { // no relation
			id = 0
		}
		w.own(o.wideString(xlsbNameHeader + 4 + 2*min(id, len(b))))
	case xlsbComment:
		w.own(o.wideString(1))
	case xlsbHeaders:
		return d.headerTexts(o)
	}
	return nil
}

// headerTexts passes on the headers and footers of a sheet, each a string or none.
func (d *ooxml) headerTexts(o *octets) error {
	w := newWriter(d.o, HeaderFooter)
	for at := xlsbHeadersHead; at+4 <= len(o.b); {
		n := o.u32(at)
		if n == 0xffffffff {
			at += 4
			continue
		}
		w.own(o.wideString(at))
		at += 4 + 2*min(n, len(o.b))
	}
	return w.flush()
}

// wideString is the string at a place ([MS-XLSB] 2.5.169): the number of its letters, and they in UTF-16.
func (o *octets) wideString(at int) string {
	n := o.u32(at)
	if o.short || n == 0xffffffff {
		return ""
	}
	return utf16Text(o.at(at+4, min(2*min(n, len(o.b)), max(0, len(o.b)-at-4))))
}

// recordReader reads records. What it gives is valid until the next call.
type recordReader struct {
	r   io.Reader
	buf bytes.Buffer
}

func (r *recordReader) next() (kind int, b []byte, err error) {
	kind, err = r.number(2)
	if err != nil {
		return 0, nil, err
	}
	size, err := r.number(4)
	if err != nil {
		return 0, nil, unexpected(err)
	}
	r.buf.Reset()
	n, err := io.CopyN(&r.buf, r.r, int64(min(size, maxXLSBRecord)))
	if err != nil {
		return 0, nil, unexpected(err)
	}
	if rest := int64(size) - n; rest > 0 {
		if _, err := io.CopyN(io.Discard, r.r, rest); err != nil {
			return 0, nil, unexpected(err)
		}
	}
	return kind, r.buf.Bytes(), nil
}

// unexpected is the end of a part in the middle of a record.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// number is one of so many octets at most, seven bits in each, the lowest first.
func (r *recordReader) number(most int) (int, error) {
	var one [1]byte
	v := 0
	for i := range most {
		if _, err := io.ReadFull(r.r, one[:]); err != nil {
			if i > 0 {
				err = unexpected(err)
			}
			return 0, err
		}
		v |= int(one[0]&0x7f) << (7 * i)
		if one[0] < 0x80 {
			break
		}
	}
	return v, nil
}
