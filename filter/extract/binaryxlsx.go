package extract

import (
	"bytes"
	"io"
)

// autoOpen is how a workbook of Excel in binary records names a macro that runs when it is opened ([MS-XLSB] 2.4.711).
const autoOpen = "_xlnm.auto_open"

// binaryMacros tells the macros of Excel 4 in a workbook whose parts are no XML.
func (d *ooxml) binaryMacros(part docPart, base string) error {
	if base != "workbook.bin" {
		d.o.fact(Macro)
		return nil
	}
	r, err := d.open(part)
	if err != nil {
		return d.excuse(err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	plain := bytes.ToLower(bytes.ReplaceAll(b, []byte{0}, nil))
	if bytes.Contains(plain, []byte(autoOpen)) || bytes.Contains(plain, []byte("auto_open")) || bytes.Contains(plain, []byte("auto_close")) {
		d.o.fact(MacroAutorun)
	}
	return d.excuse(err)
}

// binaryLink tells a link to a program in a workbook of binary records: the first record, BrtBeginSupBook, says of what
// kind the link is ([MS-XLSB] 2.4.210).
func (d *ooxml) binaryLink(part docPart) error {
	r, err := d.open(part)
	if err != nil {
		return d.excuse(err)
	}
	defer r.Close()
	head := make([]byte, 8)
	n, err := io.ReadFull(r, head)
	const begin, dde = "\xe8\x02", 1
	if o := (&octets{b: head[:n]}); bytes.HasPrefix(head[:n], []byte(begin)) {
		at := 3
		if o.u8(2) >= 0x80 { // the length has two octets
			at = 4
		}
		if o.u16(at) == dde {
			d.o.fact(DDE)
		}
	}
	if err == io.ErrUnexpectedEOF {
		err = nil
	}
	return d.excuse(err)
}
