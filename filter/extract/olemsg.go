package extract

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"

	"congthu/filter/message"
)

// Properties of messages ([MS-OXPROPS]), by their identifiers.
const (
	mapiSubject    = 0x0037
	mapiHeaders    = 0x007d
	mapiBody       = 0x1000
	mapiRTF        = 0x1009
	mapiHTML       = 0x1013
	mapiAttachment = 0x3701
	mapiShortName  = 0x3704
	mapiLongName   = 0x3707
	mapiCodePage   = 0x3ffd
	mapiInternet   = 0x3fde
)

// Types of properties ([MS-OXCDATA] 2.11.1).
const (
	mapiString8 = 0x001e
	mapiUnicode = 0x001f
	mapiBinary  = 0x0102
	mapiObject  = 0x000d
)

// outlook reads a message of Outlook ([MS-OXMSG] 2.2): its properties are streams, its attachments storages.
func (d *oleReader) outlook(s storage, depth int) error {
	page := s.codePage()
	m := mapiMessage{out: d.out, charset: charsetOfPage(page)}
	for _, name := range s.names() {
		id, kind, ok := propertyStream(name)
		if !ok || !m.wants(id) {
			continue
		}
		b, err := s.stream(name)
		if err := d.damage("a property", errors.Join(m.property(id, kind, b), err)); err != nil {
			return err
		}
	}
	for _, inner := range s.storages() {
		if !strings.HasPrefix(inner.name(), "__attach_version1.0_") {
			continue
		}
		if err := d.outlookAttachment(inner, depth, m.charset); err != nil {
			return err
		}
	}
	return nil
}

// propertyStream takes the name of a property's stream apart ([MS-OXMSG] 2.1.3).
func propertyStream(name string) (id, kind int, ok bool) {
	digits, ok := strings.CutPrefix(name, "__substg1.0_")
	if !ok || len(digits) != 8 {
		return 0, 0, false
	}
	b, err := hex.DecodeString(digits)
	if err != nil {
		return 0, 0, false
	}
	return int(b[0])<<8 | int(b[1]), int(b[2])<<8 | int(b[3]), true
}

// codePage is the code page of strings that are not Unicode, out of the fixed properties ([MS-OXMSG] 2.4).
func (s storage) codePage() int {
	b, _ := s.stream("__properties_version1.0") // without it the usual one is taken
	page := 0
	for _, header := range []int{32, 24, 8} {
		for at := header; at+16 <= len(b); at += 16 {
			o := &octets{b: b[at : at+16]}
			if id := o.u16(2); id == mapiCodePage || page == 0 && id == mapiInternet {
				page = o.u32(8)
			}
		}
		if page != 0 {
			break
		}
	}
	return page
}

// outlookAttachment passes on an attachment, or reads the message that it is.
func (d *oleReader) outlookAttachment(s storage, depth int, charset string) error {
	var names []string
	for _, name := range s.names() {
		if id, kind, ok := propertyStream(name); ok && (id == mapiLongName || id == mapiShortName) {
			b, err := s.stream(name)
			if err := d.damage("an attachment's name", err); err != nil {
				return err
			}
			if n := mapiText(kind, b, charset); n != "" {
				names = append(names, n)
			}
		}
	}
	if name := "__substg1.0_37010102"; s.has(name) {
		b, err := s.stream(name)
		if err != nil {
			return d.out.member(names, failed{err})
		}
		return d.out.member(names, bytes.NewReader(b))
	}
	for _, n := range names {
		if err := d.out.text(Text{Kind: FileName, Value: n}); err != nil {
			return err
		}
	}
	for _, inner := range s.storages() {
		if inner.name() == "__substg1.0_3701000D" {
			if err := d.read(inner, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// mapiText is a string property's text.
func mapiText(kind int, b []byte, charset string) string {
	if kind == mapiUnicode {
		return strings.TrimRight(utf16Text(b), "\x00")
	}
	return message.Readings([]byte(strings.TrimRight(string(b), "\x00")), charset)[0].Text
}

// mapiMessage passes on the properties of a message, of Outlook's files and of TNEF.
type mapiMessage struct {
	out     out
	charset string
}

func (m mapiMessage) wants(id int) bool {
	switch id {
	case mapiSubject, mapiHeaders, mapiBody, mapiRTF, mapiHTML:
		return true
	}
	return false
}

func (m mapiMessage) property(id, kind int, b []byte) error {
	switch id {
	case mapiSubject:
		return m.text(Text{Kind: Property, Name: "Subject"}, kind, b)
	case mapiBody:
		return m.text(Text{Kind: Body}, kind, b)
	case mapiHeaders:
		return m.labels(mapiText(kind, b, m.charset))
	case mapiHTML:
		if kind == mapiUnicode {
			b = []byte(utf16Text(b))
		}
		return m.out.member([]string{"body.html"}, bytes.NewReader(b))
	case mapiRTF:
		rtf, err := unpackRTF(b)
		if len(rtf) == 0 {
			return err
		}
		return errors.Join(m.out.member([]string{"body.rtf"}, bytes.NewReader(rtf)), err)
	}
	return nil
}

func (m mapiMessage) text(t Text, kind int, b []byte) error {
	if kind != mapiUnicode {
		return passLegacy(m.out, t, b, m.charset)
	}
	if t.Value = ownLines(strings.TrimRight(utf16Text(b), "\x00")); t.Kind == Property {
		t.Value = strings.TrimRight(t.Value, "\n")
	}
	if strings.TrimSpace(t.Value) == "" {
		return nil
	}
	return m.out.text(t)
}

// labels passes on the fields of a message's header that say how secret it is.
func (m mapiMessage) labels(header string) error {
	header = strings.NewReplacer("\r\n ", " ", "\r\n\t", " ", "\n ", " ", "\n\t", " ").Replace(header)
	for line := range strings.Lines(header) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), ":")
		if !ok {
			continue
		}
		switch strings.ToLower(name) {
		case "msip_labels", "sio-label", "sio-label-history", "x-protective-marking", "sensitivity", "keywords":
			if err := m.out.text(Text{Kind: Label, Name: name, Value: strings.TrimSpace(value)}); err != nil {
				return err
			}
		}
	}
	return nil
}
