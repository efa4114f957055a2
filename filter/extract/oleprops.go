package extract

import (
	"encoding/binary"
	"errors"
	"strconv"
	"strings"
	"unicode/utf16"

	"congthu/filter/message"
)

// maxOLEProperties is how many properties of one set are looked at.
const maxOLEProperties = 2000

var errShort = errors.New("it ends too early")

// octets reads little-endian numbers at offsets that the content gives. What is not there is zero, and is noted.
type octets struct {
	b     []byte
	short bool
}

func (o *octets) at(off, n int) []byte {
	if off < 0 || n < 0 || off > len(o.b)-n {
		o.short = true
		return nil
	}
	return o.b[off : off+n]
}

func (o *octets) u8(off int) int {
	if b := o.at(off, 1); b != nil {
		return int(b[0])
	}
	return 0
}

func (o *octets) u16(off int) int {
	if b := o.at(off, 2); b != nil {
		return int(binary.LittleEndian.Uint16(b))
	}
	return 0
}

// u32 is a number of 32 bits; on every machine that the product runs on an int holds it.
func (o *octets) u32(off int) int {
	if b := o.at(off, 4); b != nil {
		return int(binary.LittleEndian.Uint32(b))
	}
	return 0
}

func utf16Text(b []byte) string {
	units := make([]uint16, len(b)/2)
	for i := range units {
		units[i] = binary.LittleEndian.Uint16(b[2*i:])
	}
	return string(utf16.Decode(units))
}

// summary passes on a set of properties ([MS-OLEPS] 2.21), the user's own among them (section 2.20).
func (d *oleReader) summary(s storage, name string) error {
	b, err := s.stream(name)
	if len(b) < 48 {
		return errors.Join(err, errShort)
	}
	o := &octets{b: b}
	document := strings.Contains(name, "Document")
	for i := range min(o.u32(24), 2) {
		set := propertySet{o: o, base: o.u32(28 + 20*i + 16), names: summaryNames(document && i == 0, !document)}
		if document && i == 1 {
			set.own = true
		}
		if err := set.pass(d.out); err != nil {
			return err
		}
	}
	if o.short {
		return errShort
	}
	return nil
}

// summaryNames are the properties of documents that people write.
func summaryNames(document, plain bool) map[int]string {
	switch {
	case document:
		return map[int]string{2: "Category", 14: "Manager", 15: "Company", 26: "ContentType", 27: "ContentStatus"}
	case plain:
		return map[int]string{2: "Title", 3: "Subject", 4: "Author", 5: "Keywords", 6: "Comments"}
	}
	return nil
}

// propertySet is one set of properties.
type propertySet struct {
	o     *octets
	base  int
	names map[int]string
	own   bool // names stand in a dictionary
	page  int  // code page of strings
}

func (p *propertySet) pass(out out) error {
	count := min(p.o.u32(p.base+4), maxOLEProperties)
	values := map[int]int{}
	var ids []int
	for i := range count {
		id, at := p.o.u32(p.base+8+8*i), p.base+p.o.u32(p.base+12+8*i)
		if _, twice := values[id]; !twice {
			values[id] = at
			ids = append(ids, id)
		}
		if p.o.short {
			break
		}
	}
	if at, ok := values[1]; ok {
		p.page = p.o.u16(at + 4)
	}
	if at, ok := values[0]; ok && p.own {
		p.names = p.dictionary(at)
	}
	for _, id := range ids {
		name, ok := p.names[id]
		if !ok || id < 2 {
			continue
		}
		kind := Property
		if strings.HasPrefix(name, "MSIP_Label_") {
			kind = Label
		}
		if err := p.value(values[id], Text{Kind: kind, Name: name}, out); err != nil {
			return err
		}
	}
	return nil
}

// dictionary reads the names of the user's own properties ([MS-OLEPS] 2.17).
func (p *propertySet) dictionary(at int) map[int]string {
	names := map[int]string{}
	count := min(p.o.u32(at), maxOLEProperties)
	at += 4
	for range count {
		id, n := p.o.u32(at), p.o.u32(at+4)
		at += 8
		if p.page == 1200 {
			names[id] = strings.TrimRight(utf16Text(p.o.at(at, 2*n)), "\x00")
			at += (2*n + 3) &^ 3
		} else {
			names[id] = strings.TrimRight(message.Decode(charsetOfPage(p.page), p.o.at(at, n)), "\x00")
			at += n
		}
		if p.o.short {
			break
		}
	}
	return names
}

// value passes on a string ([MS-OLEPS] 2.15).
func (p *propertySet) value(at int, t Text, out out) error {
	n := p.o.u32(at + 4)
	switch p.o.u16(at) {
	case 0x1f: // VT_LPWSTR
		t.Value = strings.Trim(utf16Text(p.o.at(at+8, 2*n)), "\x00 ")
	case 0x1e: // VT_LPSTR
		raw := p.o.at(at+8, n)
		if p.page == 1200 {
			t.Value = strings.Trim(utf16Text(raw), "\x00 ")
			break
		}
		return passLegacy(out, t, raw, charsetOfPage(p.page))
	}
	if t.Value == "" {
		return nil
	}
	return out.text(t)
}

// passLegacy passes on octets in a charset, and the other ways to read them.
func passLegacy(out out, t Text, raw []byte, charset string) error {
	raw = []byte(strings.TrimRight(string(raw), "\x00"))
	if len(strings.TrimSpace(string(raw))) == 0 {
		return nil
	}
	for i, r := range message.Readings(raw, charset) {
		t.Reading, t.Value = i, r.Text
		if err := out.text(t); err != nil {
			return err
		}
	}
	return nil
}

// charsetOfPage is the charset of a Windows code page.
func charsetOfPage(page int) string {
	switch page {
	case 65001:
		return "utf-8"
	case 1250, 1251, 1253, 1254, 1255, 1256, 1257, 1258:
		return "windows-" + strconv.Itoa(page)
	case 20127:
		return "us-ascii"
	case 936:
		return "gbk"
	case 932:
		return "shift_jis"
	case 949:
		return "euc-kr"
	case 950:
		return "big5"
	}
	return "windows-1252"
}
