package extract

import (
	"encoding/binary"
	"errors"
	"math"
	"strconv"
	"strings"

	"congthu/filter/message"
)

// Records of a workbook ([MS-XLS] 2.3).
const (
	xlsFormula     = 0x0006
	xlsHeader      = 0x0014
	xlsFooter      = 0x0015
	xlsExternName  = 0x0023
	xlsContinue    = 0x003c
	xlsFilePass    = 0x002f
	xlsBoundSheet  = 0x0085
	xlsMulRK       = 0x00bd
	xlsRString     = 0x00d6
	xlsSST         = 0x00fc
	xlsLabelSST    = 0x00fd
	xlsLabel       = 0x0204
	xlsNumber      = 0x0203
	xlsString      = 0x0207
	xlsRK          = 0x027e
	xlsName        = 0x0018
	xlsSupBook     = 0x01ae
	xlsTxO         = 0x01b6
	xlsBOF         = 0x0809
	xlsFirstOldBOF = 0x0009 // of Excel 2; 3 and 4 are 0x0209 and 0x0409
)

// maxSharedStrings is how many different texts of cells a workbook may have.
const maxSharedStrings = 2 << 20

// workbook is a workbook as it is read.
type workbook struct {
	d      *oleReader
	w      *writer
	b      []byte // the records that are left
	old    bool   // Excel 5 and 95: octets instead of Unicode
	shared []string
	sheet  int // 0 before the first
	row    int // of the last cell
	empty  bool
	ddeBy  bool // the last supporting link names a program and a topic
	short  bool
}

// excel reads a workbook of Excel 5 to 2003.
func (d *oleReader) excel(s storage, name string) error {
	b, err := s.stream(name)
	x := &workbook{d: d, w: newWriter(d.out, Body), b: b, row: -1}
	if err := x.records(); err != nil {
		return err
	}
	if x.short {
		err = errors.Join(err, errShort)
	}
	return errors.Join(x.w.flush(), err)
}

// next takes a record.
func (x *workbook) next() (kind int, body []byte, ok bool) {
	if len(x.b) < 4 {
		x.short = x.short || len(x.b) > 0 && strings.Trim(string(x.b), "\x00") != ""
		return 0, nil, false
	}
	kind, n := int(binary.LittleEndian.Uint16(x.b)), int(binary.LittleEndian.Uint16(x.b[2:]))
	if kind == 0 && n == 0 { // what fills the last sector
		return 0, nil, false
	}
	if n > len(x.b)-4 {
		n, x.short = len(x.b)-4, true
	}
	body, x.b = x.b[4:4+n], x.b[4+n:]
	return kind, body, true
}

// continued takes the records that continue one.
func (x *workbook) continued(body []byte) [][]byte {
	parts := [][]byte{body}
	for len(x.b) >= 4 && binary.LittleEndian.Uint16(x.b) == xlsContinue {
		_, more, _ := x.next()
		parts = append(parts, more)
	}
	return parts
}

func (x *workbook) records() error {
	for {
		kind, body, ok := x.next()
		if !ok {
			return nil
		}
		o := &octets{b: body}
		switch kind {
		case xlsFilePass:
			return x.d.encrypted(storage{}, 0)
		case xlsBOF:
			x.begin(o)
		case xlsSST:
			if err := x.sharedStrings(x.continued(body)); err != nil {
				return err
			}
		case xlsBoundSheet:
			x.boundSheet(o)
		case xlsName:
			x.name(o)
		case xlsHeader, xlsFooter:
			x.aside(HeaderFooter, pageText(x.text(body, 0)))
		case xlsTxO:
			x.textBox(o, x.continued(body))
		case xlsSupBook:
			x.ddeBy = namesProgram(x.text(o.at(2, max(0, len(body)-2)), 0))
		case xlsExternName:
			if x.ddeBy && o.u16(0)&0x10 == 0 {
				x.d.out.fact(DDE)
				x.ddeBy = false
			}
		default:
			x.cells(kind, o)
		}
		if x.w.err != nil {
			return x.w.err
		}
	}
}

// begin begins a part of the workbook: the globals, then a sheet each.
func (x *workbook) begin(o *octets) {
	x.old = o.u16(0) == 0x0500
	switch o.u16(2) {
	case 0x0005:
		return
	case 0x0040:
		x.d.out.fact(Macro) // a sheet of macros of Excel 4
	}
	x.sheet++
	x.row = -1
	x.w.to(Text{Kind: Body, Page: x.sheet})
}

// boundSheet passes on a sheet's name, and tells sheets of macros ([MS-XLS] 2.4.28).
func (x *workbook) boundSheet(o *octets) {
	if o.u8(5) == 1 {
		x.d.out.fact(Macro)
	}
	x.aside(Property, x.short8(o, 6))
}

// namesProgram tells a link to a program and a topic. In a link to a workbook, which begins with its own mark, the same
// character parts folders ([MS-XLS] 2.5.277).
func namesProgram(link string) bool {
	return strings.Contains(link, "\x03") && !strings.HasPrefix(link, "\x01")
}

// name tells names that make macros run ([MS-XLS] 2.4.150).
func (x *workbook) name(o *octets) {
	const builtIn, autoOpen, autoClose = 0x20, 1, 2
	n, at := o.u8(3), 15
	if x.old { // without the octet that says whether it is Unicode
		at = 14
	}
	switch {
	case o.u16(0)&builtIn != 0:
		if c := o.u8(at); c == autoOpen || c == autoClose {
			x.d.out.fact(MacroAutorun)
		}
	default:
		name := strings.ToLower(string(o.at(at, min(n, max(0, len(o.b)-at)))))
		if strings.HasPrefix(name, "auto_open") || strings.HasPrefix(name, "auto_close") {
			x.d.out.fact(MacroAutorun)
		}
	}
}

// aside writes something that is no cell.
func (x *workbook) aside(kind Kind, s string) {
	if strings.TrimSpace(s) == "" {
		return
	}
	as := x.w.as
	t := Text{Kind: kind, Page: x.sheet}
	if kind == Property {
		t = Text{Kind: kind, Name: "Sheet"}
	}
	x.w.to(t)
	x.w.own(s)
	x.w.to(as)
	x.row = -1
}

// text is a string with a length of two octets, or of one in old files.
func (x *workbook) text(b []byte, at int) string {
	o := &octets{b: b}
	n := o.u16(at)
	if x.old {
		n = o.u8(at)
		return message.Decode("windows-1252", o.at(at+1, min(n, max(0, len(b)-at-1))))
	}
	if o.u8(at+2)&1 == 0 {
		return message.Decode("iso-8859-1", o.at(at+3, min(n, max(0, len(b)-at-3))))
	}
	return utf16Text(o.at(at+3, min(2*n, max(0, len(b)-at-3)&^1)))
}

// short8 is a string with a length of one octet.
func (x *workbook) short8(o *octets, at int) string {
	n := o.u8(at)
	switch {
	case x.old:
		return message.Decode("windows-1252", o.at(at+1, n))
	case o.u8(at+1)&1 == 0:
		return message.Decode("iso-8859-1", o.at(at+2, n))
	}
	return utf16Text(o.at(at+2, 2*n))
}

// cells writes the record of one cell, or of several beside each other.
func (x *workbook) cells(kind int, o *octets) {
	switch kind {
	case xlsLabelSST:
		if i := o.u32(6); i < len(x.shared) {
			x.cell(o.u16(0), x.shared[i])
		}
	case xlsLabel, xlsRString:
		x.cell(o.u16(0), x.label(o))
	case xlsString:
		if len(o.b) > 2 {
			s := x.text(o.b, 0)
			if x.old {
				s = message.Decode("windows-1252", o.at(2, min(o.u16(0), len(o.b)-2)))
			}
			x.cell(max(x.row, 0), s)
		}
	case xlsFormula:
		if o.u16(12) != 0xffff {
			x.cell(o.u16(0), cellNumber(o.at(6, 8)))
		} else {
			x.inRow(o.u16(0))
		}
	case xlsNumber:
		x.cell(o.u16(0), cellNumber(o.at(6, 8)))
	case xlsRK:
		x.cell(o.u16(0), rk(o.u32(6)))
	case xlsMulRK:
		for at := 4; at+6 <= len(o.b)-2; at += 6 {
			x.cell(o.u16(0), rk(o.u32(at+2)))
		}
	}
}

func (x *workbook) label(o *octets) string {
	if x.old {
		return message.Decode("windows-1252", o.at(8, min(o.u16(6), max(0, len(o.b)-8))))
	}
	return x.text(o.b, 6)
}

// inRow begins a line where a row begins.
func (x *workbook) inRow(row int) {
	if row != x.row {
		x.w.line()
		x.row = row
		x.empty = true
	}
}

func (x *workbook) cell(row int, s string) {
	x.inRow(row)
	if s == "" {
		return
	}
	if !x.empty {
		x.w.cell()
	}
	x.empty = false
	x.w.text(s)
}

// cellNumber is a cell's number as people write it.
func cellNumber(b []byte) string {
	if b == nil {
		return ""
	}
	return strconv.FormatFloat(math.Float64frombits(binary.LittleEndian.Uint64(b)), 'f', -1, 64)
}

// rk is a number in four octets ([MS-XLS] 2.5.221).
func rk(v int) string {
	f := float64(int32(v) >> 2)
	if v&2 == 0 {
		f = math.Float64frombits(uint64(v&^3) << 32)
	}
	if v&1 != 0 {
		f /= 100
	}
	return strconv.FormatFloat(f, 'f', -1, 64)
}

// pageText is the text of a header or footer without the codes for fonts and fields ([MS-XLS] 2.4.136): its left, middle
// and right parts are cells.
func pageText(s string) string {
	var out strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '&' || i+1 == len(s) {
			out.WriteByte(s[i])
			continue
		}
		i++
		switch c := s[i]; {
		case c == '&':
			out.WriteByte('&')
		case c == 'L' || c == 'C' || c == 'R':
			if out.Len() > 0 {
				out.WriteByte('\t')
			}
		case c == '"':
			if n := strings.IndexByte(s[i+1:], '"'); n >= 0 {
				i += n + 1
			}
		case c == 'K':
			i = min(i+6, len(s)-1)
		case '0' <= c && c <= '9':
			for i+1 < len(s) && '0' <= s[i+1] && s[i+1] <= '9' {
				i++
			}
		}
	}
	return out.String()
}
