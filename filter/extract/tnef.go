package extract

import (
	"bytes"
	"context"
	"errors"
	"strings"

	"congthu/filter/message"
)

// Limits of a TNEF file, which Outlook calls winmail.dat.
const (
	maxTNEFAttributes  = 20_000
	maxMAPIProperties  = 10_000 // of one message or attachment
	maxMAPIValues      = 10_000 // of one property
	maxTNEFAttachments = 2000
)

// Attributes of TNEF ([MS-OXTNEF] 2.1.3.2).
const (
	tnefSubject        = 0x00018004
	tnefBody           = 0x0002800c
	tnefAttachTitle    = 0x00018010
	tnefAttachData     = 0x0006800f
	tnefAttachRender   = 0x00069002 // begins an attachment
	tnefMessageProps   = 0x00069003
	tnefAttachProps    = 0x00069005
	tnefCodePage       = 0x00069007
	tnefFirstAttribute = 6 // octets of mark and key
)

// readTNEF reads a message in Microsoft's own format ([MS-OXTNEF]).
func readTNEF(_ context.Context, in *input, o out) error {
	b, err := wholeFile(in.content)
	if err != nil {
		return err
	}
	t := &tnef{mapi: mapiMessage{out: o, charset: "windows-1252"}}
	err = t.attributes(&octets{b: b})
	if s := (stop{}); errors.As(err, &s) {
		return err
	}
	return errors.Join(t.attachment(), t.bad, err)
}

// tnef is a message as it is read.
type tnef struct {
	mapi   mapiMessage
	names  []string // of the attachment that is read
	data   []byte
	inside bool // an attachment has begun
	count  int
	bad    error
}

// attributes reads the attributes ([MS-OXTNEF] 2.1.3.1): level, identifier, length, content, sum.
func (t *tnef) attributes(o *octets) error {
	for at, n := tnefFirstAttribute, 0; at < len(o.b); n++ {
		if n == maxTNEFAttributes {
			return stop{message.TooMany}
		}
		level, id, size := o.u8(at), o.u32(at+1), o.u32(at+5)
		if o.short || level != 1 && level != 2 {
			return errShort
		}
		at += 9
		whole := size <= len(o.b)-at
		data := o.at(at, min(size, max(0, len(o.b)-at)))
		at += size + 2
		if err := t.attribute(id, data); err != nil {
			if s := (stop{}); errors.As(err, &s) {
				return err
			}
			t.bad = errors.Join(t.bad, err)
		}
		if !whole {
			return errShort
		}
	}
	return nil
}

func (t *tnef) attribute(id int, data []byte) error {
	switch id {
	case tnefCodePage:
		t.mapi.charset = charsetOfPage((&octets{b: data}).u32(0))
	case tnefSubject:
		return t.mapi.text(Text{Kind: Property, Name: "Subject"}, mapiString8, data)
	case tnefBody:
		return t.mapi.text(Text{Kind: Body}, mapiString8, data)
	case tnefMessageProps:
		return mapiProperties(data, t.mapi.property)
	case tnefAttachRender:
		err := t.attachment()
		t.inside = true
		return err
	case tnefAttachTitle:
		t.inside = true
		t.name(mapiText(mapiString8, data, t.mapi.charset))
	case tnefAttachData:
		t.inside = true
		t.data = data
	case tnefAttachProps:
		t.inside = true
		return mapiProperties(data, t.attached)
	}
	return nil
}

func (t *tnef) name(s string) {
	if s != "" && (len(t.names) == 0 || t.names[len(t.names)-1] != s) {
		t.names = append(t.names, s)
	}
}

// attached takes a property of an attachment.
func (t *tnef) attached(id, kind int, b []byte) error {
	switch id {
	case mapiLongName, mapiShortName:
		t.name(mapiText(kind, b, t.mapi.charset))
	case mapiAttachment:
		if kind == mapiObject && len(b) > 16 { // before the object stands what interface it has
			b = b[16:]
		}
		t.data = b
	}
	return nil
}

// attachment passes on the attachment that was read.
func (t *tnef) attachment() error {
	if !t.inside {
		return nil
	}
	names, data := t.names, t.data
	t.names, t.data, t.inside = nil, nil, false
	if t.count++; t.count > maxTNEFAttachments {
		return stop{message.TooMany}
	}
	return t.mapi.out.member(names, bytes.NewReader(data))
}

// mapiProperties reads a list of properties ([MS-OXTNEF] 2.1.3.4).
func mapiProperties(b []byte, take func(id, kind int, value []byte) error) error {
	o := &octets{b: b}
	at, bad := 4, error(nil)
	for range min(o.u32(0), maxMAPIProperties) {
		kind, id := o.u16(at), o.u16(at+2)
		at += 4
		if id >= 0x8000 {
			at = o.skipName(at)
		}
		values := 1
		several := kind&0x1000 != 0
		base := kind &^ 0x1000
		long := base == mapiString8 || base == mapiUnicode || base == mapiBinary || base == mapiObject
		if several || long {
			values = o.u32(at)
			at += 4
		}
		for range min(values, maxMAPIValues) {
			n := fixedSize(base)
			if long {
				n = o.u32(at)
				at += 4
			}
			value := o.at(at, n)
			at += (n + 3) &^ 3
			if o.short {
				return errors.Join(bad, errShort)
			}
			if err := take(id, base, value); err != nil {
				if s := (stop{}); errors.As(err, &s) {
					return err
				}
				bad = err
			}
		}
		if values > maxMAPIValues {
			return errors.Join(bad, errShort)
		}
	}
	return bad
}

// skipName passes over the name of a property that has one.
func (o *octets) skipName(at int) int {
	const names = 1 // instead of a number
	at += 16
	kind := o.u32(at)
	at += 4
	if kind != names {
		return at + 4
	}
	return at + 4 + (o.u32(at)+3)&^3
}

// fixedSize is how many octets a value of a type has ([MS-OXCDATA] 2.11.1).
func fixedSize(kind int) int {
	switch kind {
	case 0x0005, 0x0006, 0x0007, 0x0014, 0x0040:
		return 8
	case 0x0048:
		return 16
	}
	return 4
}

// isTNEF tells a TNEF file by its mark.
func isTNEF(head []byte) bool {
	return len(head) > tnefFirstAttribute && strings.HasPrefix(string(head[:4]), "\x78\x9f\x3e\x22")
}
