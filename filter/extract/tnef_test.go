package extract

import (
	"encoding/binary"
	"strings"
	"testing"
	"unicode/utf16"

	"congthu/filter/message"
)

// tnefOf makes a TNEF file of attributes.
func tnefOf(attributes ...string) string {
	return "\x78\x9f\x3e\x22\x01\x00" + strings.Join(attributes, "")
}

func tnefAttribute(level byte, id uint32, data string) string {
	b := []byte{level}
	b = binary.LittleEndian.AppendUint32(b, id)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(data)))
	sum := uint16(0)
	for i := range len(data) {
		sum += uint16(data[i])
	}
	return string(binary.LittleEndian.AppendUint16(append(b, data...), sum))
}

// mapiOf makes a list of properties.
func mapiOf(properties ...string) string {
	return string(binary.LittleEndian.AppendUint32(nil, uint32(len(properties)))) + strings.Join(properties, "")
}

func mapiProperty(id, kind uint16, value string) string {
	b := binary.LittleEndian.AppendUint16(binary.LittleEndian.AppendUint16(nil, kind), id)
	b = binary.LittleEndian.AppendUint32(b, 1)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(value)))
	return string(b) + value + strings.Repeat("\x00", (4-len(value)%4)%4)
}

func wide(s string) string {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return string(b) + "\x00\x00"
}

func TestTNEF(t *testing.T) {
	flag := "\x0b\x00\x1b\x0e\x01\x00\x00\x00" // a property of a fixed size
	named := "\x1f\x00\x01\x80" + strings.Repeat("g", 16) + "\x01\x00\x00\x00\x04\x00\x00\x00n\x00m\x00" + "\x01\x00\x00\x00\x04\x00\x00\x00v\x00w\x00"
	rtf := "\x2d\x00\x00\x00\x2b\x00\x00\x00LZFu\xf1\xc5\xc7\xa7\x03\x00\x0a\x00rcpg125\x42\x32\x0a\xf3 hel\x09\x00 bw\x05\xb0ld}\x0a\x80\x0f\xa0" // [MS-OXRTFCP] 3.1.1
	for _, tc := range []struct {
		name, file string
		want       []string
		damaged    bool
	}{
		{"a letter with a file", tnefOf(
			tnefAttribute(1, tnefCodePage, "\xea\x04\x00\x00\x00\x00\x00\x00"),
			tnefAttribute(1, tnefSubject, "\x47i\xb9y m\xeai\x00"),
			tnefAttribute(1, tnefMessageProps, mapiOf(flag, named, mapiProperty(mapiSubject, mapiUnicode, wide("Giấy mời")), mapiProperty(mapiBody, mapiUnicode, wide("Kính gửi\r\nHọp")))),
			tnefAttribute(2, tnefAttachRender, strings.Repeat("\x00", 14)), tnefAttribute(2, tnefAttachTitle, "bang.txt\x00"), tnefAttribute(2, tnefAttachData, "inside"),
			tnefAttribute(2, tnefAttachProps, mapiOf(mapiProperty(mapiLongName, mapiUnicode, wide("bảng.txt")))),
			tnefAttribute(2, tnefAttachRender, strings.Repeat("\x00", 14)), tnefAttribute(2, tnefAttachProps, mapiOf(mapiProperty(mapiAttachment, mapiObject, strings.Repeat("i", 16)+tnefOf())))),
			[]string{`property=Subject "Giấy mời"`, `body "Kính gửi"`, `body "Họp"`, `member ["bang.txt" "bảng.txt"] 6 octets, beginning "inside", error <nil>`,
				`member [] 6 octets, beginning "x\x9f>\"\x01\x00", error <nil>`}, false},
		{"rich text", tnefOf(tnefAttribute(1, tnefMessageProps, mapiOf(mapiProperty(mapiRTF, mapiBinary, rtf)))),
			[]string{`member ["body.rtf"] 43 octets, beginning "{\\rtf1\\ansi\\ansicpg1", error <nil>`}, false},
		{"HTML", tnefOf(tnefAttribute(1, tnefMessageProps, mapiOf(mapiProperty(mapiHTML, mapiBinary, "<p>x</p>")))),
			[]string{`member ["body.html"] 8 octets, beginning "<p>x</p>", error <nil>`}, false},
		{"a length that lies", tnefOf(tnefAttribute(1, tnefBody, "first"), "\x02\x0f\x80\x06\x00\xff\xff\xff\x7fdata"), []string{`body "first"`, `member [] 4 octets, beginning "data", error <nil>`}, true},
		{"a property that lies", tnefOf(tnefAttribute(1, tnefMessageProps, mapiOf(mapiProperty(mapiBody, mapiString8, "first"), "\x1e\x00\x00\x10\xff\xff\xff\xff\xff\xff\xff\xff"))), []string{`body "first"`}, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f, err := readBytes(readTNEF, tc.file)
			if (err != nil) != tc.damaged {
				t.Errorf("%v", err)
			}
			wants(t, f, tc.want...)
			for n := range len(tc.file) {
				readBytes(readTNEF, tc.file[:n])
			}
			if got, known := tell(formats(), []byte(tc.file[:min(len(tc.file), headBytes)]), memory(tc.file), "", nil); !known || got.name != "tnef" {
				t.Errorf("told as %q", got.name)
			}
		})
	}
	many := tnefOf(strings.Repeat(tnefAttribute(1, tnefCodePage, "\x00"), maxTNEFAttributes+1))
	if _, err := readBytes(readTNEF, many); err != error(stop{message.TooMany}) {
		t.Errorf("%v", err)
	}
	many = tnefOf(strings.Repeat(tnefAttribute(2, tnefAttachRender, "\x00"), maxTNEFAttachments+2))
	if _, err := readBytes(readTNEF, many); err != error(stop{message.TooMany}) {
		t.Errorf("%v", err)
	}
}
