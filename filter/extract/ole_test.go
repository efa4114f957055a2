package extract

import (
	"errors"
	"strings"
	"testing"

	"congthu/internal/files"
)

// The documents that LibreOffice wrote, in the formats before 2007.
func TestOLE(t *testing.T) {
	for _, tc := range []struct {
		name string
		want []string
	}{
		{"letter.doc", []string{"body \"BỘ TÀI NGUYÊN\\tCỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM\"", "body \"THƯỜNG\\tHà Nội, ngày 24 tháng 11\"",
			`body "Mời họp giao ban lúc 8 giờ."`, `body "Trang hai."`, "comment \"\\tChú thích cuối trang\"", `header-footer "Đầu trang của bộ"`, `header-footer "Chân trang của bộ"`,
			`comment "Ghi chú của Lan"`, `body "Trong khung chữ"`, `property=Title "Thư mời họp"`, `property=Keywords "giao ban"`, `label=MSIP_Label_1a_Name "Noi bo"`}},
		{"sheet.xls", []string{`property=Sheet "Tháng một"`, `property=Sheet "Tháng hai"`, `header-footer 1 "Đầu bảng"`, `header-footer 1 "Chân bảng"`,
			"body 1 \"THƯỜNG\\tHà Nội\"", "body 1 \"12345678901\\t2.5\\t0\"", `comment 1 "Ghi chú ô"`, `body 2 "plain ascii"`, `property=Title "Bảng số liệu"`}},
		{"slides.ppt", []string{`body 1 "THƯỜNG"`, `body 1 "Dòng thứ hai"`, `body 2 "plain slide"`, `comment "Lời người nói"`, `property=Title "Bài trình bày"`}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			file := sample(t, tc.name)
			f, err := readBytes(readOLE, file)
			if err != nil {
				t.Error(err)
			}
			wants(t, f, tc.want...)
			for n := 0; n < len(file); n += 509 {
				readBytes(readOLE, file[:n])
			}
		})
	}
}

func TestCompound(t *testing.T) {
	utf16 := func(s string) string {
		var b strings.Builder
		for _, c := range s {
			b.WriteByte(byte(c))
			b.WriteByte(byte(c >> 8))
		}
		return b.String()
	}
	vba := func(source string) string { // one chunk of letters that stand as they are
		var b strings.Builder
		for i := 0; i < len(source); i += 8 {
			b.WriteString("\x00" + source[i:min(i+8, len(source))])
		}
		n := b.Len() - 1
		return "code\x01" + string([]byte{byte(n), 0xb0 | byte(n>>8)}) + b.String()
	}
	native := "\x02\x00label.txt\x00C:\\dir\\inner.bat\x00\x00\x00\x03\x00\x04\x00\x00\x00tmp\x00\x05\x00\x00\x00start"
	for _, tc := range []struct {
		name    string
		streams map[string]string
		want    []string
		err     error
	}{
		{"an encrypted document", map[string]string{"EncryptedPackage": "x", "EncryptionInfo": "y"}, []string{"fact encrypted"}, stop{Encrypted}},
		{"nothing that is known", map[string]string{"Catalog": "x"}, nil, stop{UnknownType}},
		{"macros", map[string]string{"Macros/VBA/_VBA_PROJECT": "x", "Macros/VBA/dir": "x", "Macros/VBA/Module1": vba("Attribute VB_Name = \"M\"\r\nSub Count()\r\n")}, []string{"fact macro"}, nil},
		{"macros that run", map[string]string{"VBA/_VBA_PROJECT": "x", "VBA/Module1": vba("Attribute VB_Name = \"M\"\r\nPrivate Sub Document_Open()\r\n")}, []string{"fact macro", "fact macro-autorun"}, nil},
		{"macros without source", map[string]string{"VBA/_VBA_PROJECT": "x", "VBA/Module1": "compiled"}, []string{"fact macro", "fact macro-autorun"}, nil},
		{"a package", map[string]string{"ObjectPool/_1/\x01Ole10Native": "\x30\x00\x00\x00" + native}, []string{"fact embedded-package",
			`member ["label.txt" "inner.bat" "tmp"] 5 octets, beginning "start", error <nil>`}, nil},
		{"a message", map[string]string{"__properties_version1.0": "", "__substg1.0_0037001F": utf16("Giấy mời"), "__substg1.0_1000001F": utf16("Kính gửi\r\nHọp"),
			"__substg1.0_007D001F":                               utf16("Subject: x\r\nmsip_labels: a=b;\r\n c=d\r\n"),
			"__substg1.0_10130102":                               "<p>html</p>",
			"__attach_version1.0_#00000000/__substg1.0_3707001F": utf16("bảng.txt"), "__attach_version1.0_#00000000/__substg1.0_37010102": "inside",
			"__attach_version1.0_#00000001/__substg1.0_3701000D/__properties_version1.0": "", "__attach_version1.0_#00000001/__substg1.0_3701000D/__substg1.0_1000001F": utf16("inner body")},
			[]string{`property=Subject "Giấy mời"`, `body "Kính gửi"`, `body "Họp"`}, nil},
		{"more of the message", map[string]string{"__properties_version1.0": "", "__substg1.0_007D001F": utf16("msip_labels: a=b;\r\n c=d\r\n"), "__substg1.0_10130102": "<p>html</p>"},
			[]string{`label=msip_labels "a=b; c=d"`, `member ["body.html"] 11 octets, beginning "<p>html</p>", error <nil>`}, nil},
		{"a message's attachments", map[string]string{"__properties_version1.0": "",
			"__attach_version1.0_#00000000/__substg1.0_3707001F": utf16("bảng.txt"), "__attach_version1.0_#00000000/__substg1.0_37010102": "inside",
			"__attach_version1.0_#00000001/__substg1.0_3701000D/__properties_version1.0": "", "__attach_version1.0_#00000001/__substg1.0_3701000D/__substg1.0_1000001F": utf16("inner body")},
			[]string{`member ["bảng.txt"] 6 octets, beginning "inside", error <nil>`, `body "inner body"`}, nil},
		{"a workbook with a password", map[string]string{"Workbook": "\x09\x08\x04\x00\x00\x06\x05\x00" + "\x2f\x00\x02\x00\x00\x00"}, []string{"fact encrypted"}, stop{Encrypted}},
		{"a workbook that starts by itself", map[string]string{"Workbook": "\x09\x08\x04\x00\x00\x06\x05\x00" + "\x85\x00\x0a\x00\x00\x00\x00\x00\x00\x01\x02\x00ab" +
			"\x18\x00\x10\x00\x20\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01"}, []string{"fact macro", `property=Sheet "ab"`}, nil},
		{"a formula's text", map[string]string{"Workbook": "\x09\x08\x04\x00\x00\x06\x10\x00" + "\x06\x00\x0e\x00\x03\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff" +
			"\x07\x02\x05\x00\x02\x00\x00ab"}, []string{`body 1 "ab"`}, nil},
		{"a link to a program", map[string]string{"Workbook": "\x09\x08\x04\x00\x00\x06\x05\x00" + "\xae\x01\x0c\x00\x00\x00\x07\x00\x00cmd\x03abc" + "\x23\x00\x02\x00\x02\x00"}, []string{"fact dde"}, nil},
		{"a locked presentation", map[string]string{"PowerPoint Document": "x", "Current User": "\x00\x00\xf6\x0f\x14\x00\x00\x00\x14\x00\x00\x00\xdf\xc4\xd1\xf3"}, []string{"fact encrypted"}, stop{Encrypted}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			file := compoundOf(tc.streams)
			f, err := readBytes(readOLE, file)
			if err != tc.err {
				t.Errorf("%v", err)
			}
			wants(t, f, tc.want...)
			for n := 0; n < len(file); n += 101 {
				readBytes(readOLE, file[:n])
			}
		})
	}
}

// Sectors that follow each other in a circle, and streams that say they are endless, end the reading.
func TestCompoundLoops(t *testing.T) {
	file := []byte(compoundOf(map[string]string{"WordDocument": strings.Repeat("x", 8000), "1Table": strings.Repeat("y", 8000)}))
	for sector := range 128 { // every place in the table of sectors, to each of the first ten
		for next := range 10 {
			at := 512 + 4*sector
			before := string(file[at : at+4])
			copy(file[at:], []byte{byte(next), 0, 0, 0})
			readBytes(readOLE, string(file))
			copy(file[at:], before)
		}
	}
	shared := map[string]string{}
	for _, name := range []string{"VBA/_VBA_PROJECT", "VBA/a", "VBA/b", "VBA/c", "VBA/d", "VBA/e", "VBA/f"} {
		shared[name] = strings.Repeat("\x00Attribut", 1000)
	}
	if _, err := readBytes(readOLE, compoundOf(shared)); errors.Is(err, stop{WorkerFailed}) {
		t.Error(err)
	}
}

func compoundOf(streams map[string]string) string { return files.Compound(streams) }
