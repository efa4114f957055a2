package extract

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/binary"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"golang.org/x/text/encoding/unicode/utf32"

	"congthu/filter/message"
	"congthu/internal/files"
)

// mark is what must be found.
const mark = "TỐI MẬT"

// utf16Octets are a text's, without a mark before them.
func utf16Octets(s string, order binary.AppendByteOrder) string {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		b = order.AppendUint16(b, u)
	}
	return string(b)
}

// letterInBase64 is a mail whose text only those see who read it as mail.
func letterInBase64(fields string) string {
	return fields + "From: <a@example.com>\r\nSubject: x\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
		base64.StdEncoding.EncodeToString([]byte(mark+"\r\n")) + "\r\n"
}

// packagedObject is a stream of a packaged file ([MS-OLEDS] 2.3.6).
func packagedObject(name string, file []byte) string {
	b := []byte("\x02\x00" + name + "\x00C:\\" + name + "\x00\x00\x00\x03\x00")
	b = binary.LittleEndian.AppendUint32(b, uint32(len(name)+1))
	b = append(b, name+"\x00"...)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(file)))
	b = append(b, file...)
	return string(binary.LittleEndian.AppendUint32(nil, uint32(len(b)))) + string(b)
}

// kindCase is a file of one kind.
type kindCase struct {
	name, file string
	text       bool // the text must be found; else a reason is enough
}

// kinds are files of many kinds, each made of what tells its kind and of a text.
func kinds(t testing.TB) []kindCase {
	doc := docx(t, "<w:p><w:r><w:t>"+mark+"</w:t></w:r></w:p>")
	wide32, err := utf32.UTF32(utf32.LittleEndian, utf32.UseBOM).NewEncoder().String("Kính gửi: " + mark)
	if err != nil {
		t.Fatal(err)
	}
	var packed bytes.Buffer
	z := zlib.NewWriter(&packed)
	z.Write([]byte(utf16Octets(mark, binary.LittleEndian)))
	z.Close()
	long := strings.Repeat("Báo cáo công tác tháng. ", 30)
	return []kindCase{
		{"a.json", `{"do_mat":"T\u1ed0I M\u1eacT"}`, true},
		{"b.json", `[{"text":"` + long + `"},{"stamp":"T\u1ED0I\u0020M\u1EACT"}]`, true},
		{"surrogates.json", `["\ud83d\ude00 T\u1ed0I M\u1eacT"]`, true},
		{"a.js", `var s = "T\u1ed0I M\u1eacT";`, true},
		{"a.svg", "<svg><text x='1'>" + mark + "</text></svg>", true},
		{"b.svg", "<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'><g><text><tspan>TỐI</tspan><tspan> MẬT</tspan></text></g></svg>", true},
		{"c.svg", "<!-- drawn --><svg width='10'><text>" + mark + "</text></svg>", true},
		{"d.svg", "<svg><text>T&#x1ed0;I M&#7852;T</text></svg>", true},
		{"le.html", utf16Octets("<html><body><p>"+mark+"</p></body></html>", binary.LittleEndian), true},
		{"be.html", utf16Octets("<html><body><p>"+mark+"</p></body></html>", binary.BigEndian), true},
		{"lies.html", "<html><head><meta charset='windows-1252'></head><body><p>" + mark + "</p></body></html>", true},
		{"lies2.html", "<html><head><meta charset='utf-8'></head><body><p>T\xe8I M\xcbT</p></body></html>", true},
		{"lies3.html", "<html><head><meta charset='utf-16'></head><body><p>" + mark + "</p></body></html>", true},
		{"entities.html", "<html><body>T&#7888;I M&#7852;T</body></html>", true},
		{"a.csv", "STT,Ten\n1,\"" + mark + "\"\n", true},
		{"w.csv", "\xff\xfe" + utf16Octets("STT\tTen\r\n1\t"+mark+"\r\n", binary.LittleEndian), true},
		{"w.txt", utf16Octets("Kinh gui cac don vi: "+mark+" trong thu nay\r\n", binary.LittleEndian), true},
		{"w32.txt", wide32, true},
		{"eml.zip", string(zipOf(t, "thu.eml", letterInBase64(""))), true},
		{"emleml.zip", string(zipOf(t, "thu.eml", "From: <a@b.vn>\r\nSubject: y\r\nContent-Type: message/rfc822\r\n\r\n"+letterInBase64(""))), true},
		{"a.mht", letterInBase64(""), true},
		{"b.mhtml", "From: <Saved by Blink>\r\nSnapshot-Content-Location: https://a.vn/\r\nSubject: x\r\nMIME-Version: 1.0\r\nContent-Type: multipart/related; type=\"text/html\"; boundary=\"b\"\r\n\r\n--b\r\nContent-Type: text/html\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n<p>T=E1=BB=90I M=E1=BA=ACT</p>\r\n--b--\r\n", true},
		{"a.mbox", "From a@b.vn Mon Nov 23 10:00:00 2026\r\n" + letterInBase64("") + "\r\nFrom a@b.vn Mon Nov 23 10:00:00 2026\r\n" + letterInBase64(""), true},
		{"a.emlx", "412\n" + letterInBase64(""), true},
		{"package.ole", files.Compound(map[string]string{"ObjectPool/_1/\x01Ole10Native": packagedObject("a.docx", doc)}), true},
		{"damaged.doc", files.Compound(map[string]string{"ObjectPool/_1/\x01Ole10Native": packagedObject("a.docx", doc), "WordDocument": "x"}), true},
		{"package2.ole", files.Compound(map[string]string{"Package": string(doc)}), true},
		{"locked.docx", files.Compound(map[string]string{"EncryptedPackage": strings.Repeat("x", 5000), "EncryptionInfo": "abc"}), false},
		{"a.xlsb", string(zipOf(t, "[Content_Types].xml", "<Types/>", "xl/workbook.bin", xlsbRecord(156, string(make([]byte, 8))+xlsbWide("rId1")+xlsbWide("Trang 1")), "xl/sharedStrings.bin",
			xlsbRecord(159, string(make([]byte, 8)))+xlsbRecord(19, "\x00"+xlsbWide("STT"))+xlsbRecord(19, "\x00"+xlsbWide(mark)), "xl/worksheets/sheet1.bin",
			xlsbRecord(0, string(make([]byte, 17)))+xlsbRecord(7, string(make([]byte, 8))+"\x01\x00\x00\x00")+xlsbRecord(6, string(make([]byte, 8))+xlsbWide("ghi chú")), "xl/styles.bin", "\x96\x02\x00")), true},
		{"a.one", "\xe4\x52\x5c\x7b\x8c\xd8\xa7\x4d\xae\xb1\x53\x78\xd0\x29\x96\xd3" + strings.Repeat("\x00", 1000) + utf16Octets(mark, binary.LittleEndian) + strings.Repeat("\x00", 1000), false},
		{"a.vsd", files.Compound(map[string]string{"VisioDocument": utf16Octets(mark, binary.LittleEndian), "\x05SummaryInformation": ""}), false},
		{"a.vsdx", string(zipOf(t, "[Content_Types].xml", "<Types/>", "visio/document.xml", "<VisioDocument/>", "visio/pages/page1.xml", "<PageContents><Shapes><Shape><Text><cp IX='0'/>"+mark+"</Text></Shape></Shapes></PageContents>")), true},
		{"a.pub", files.Compound(map[string]string{"Quill/QuillSub/CONTENTS": "CHNKINK \x04\x00\x07\x00" + utf16Octets(mark+long, binary.LittleEndian), "Contents": "\xe8\xac" + strings.Repeat("\x01", 300)}), false},
		{"a.wps", files.Compound(map[string]string{"CONTENTS": "CHNKWKS \x04\x00\x07\x00" + utf16Octets(mark+long, binary.LittleEndian), "MatOST": "\x00"}), false},
		{"old.wps", "\x01\xfe\x32\x01" + strings.Repeat("\x00", 200) + "M\xcbT " + long, false},
		{"a.pages", string(zipOf(t, "Index/Document.iwa", "\x00\x10\x00\x00\x20\x01\x02"+mark, "preview.jpg", "\xff\xd8\xff\xe0\x00\x10JFIF", "Metadata/Properties.plist", "bplist00\xd0")), false},
		{"old.pages", string(zipOf(t, "index.xml", "<?xml version='1.0'?><sl:document xmlns:sl='http://developer.apple.com/namespaces/sl'><sl:p>"+mark+"</sl:p></sl:document>")), true},
		{"a.epub", string(zipOf(t, "mimetype", "application/epub+zip", "META-INF/container.xml", "<container/>", "OEBPS/a.xhtml", "<html xmlns='http://www.w3.org/1999/xhtml'><body><p>"+mark+"</p></body></html>")), true},
		{"a.fodt", `<?xml version="1.0"?><office:document xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"><office:body><office:text><text:p>` + mark + `</text:p></office:text></office:body></office:document>`, true},
		{"word2003.xml", `<?xml version="1.0"?><?mso-application progid="Word.Document"?><w:wordDocument xmlns:w="http://schemas.microsoft.com/office/word/2003/wordml"><w:body><w:p><w:r><w:t>TỐI</w:t></w:r><w:r><w:t xml:space="preserve"> MẬT</w:t></w:r></w:p></w:body></w:wordDocument>`, true},
		{"excel2003.xml", `<?xml version="1.0"?><?mso-application progid="Excel.Sheet"?><Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet" xmlns:ss="urn:schemas-microsoft-com:office:spreadsheet"><Worksheet ss:Name="S"><Table><Row><Cell><Data ss:Type="String">` + mark + `</Data></Cell></Row></Table></Worksheet></Workbook>`, true},
		{"a.djvu", "AT&TFORM\x00\x00\x00\x20DJVUINFO\x00\x00\x00\x0a" + strings.Repeat("\x01", 40), false},
		{"a.hwp", files.Compound(map[string]string{"FileHeader": "HWP Document File" + strings.Repeat("\x00", 200), "BodyText/Section0": packed.String(), "PrvText": utf16Octets(mark, binary.LittleEndian), "\x05HwpSummaryInformation": "x"}), false},
		{"a.hwpx", string(zipOf(t, "mimetype", "application/hwp+zip", "Contents/section0.xml", "<?xml version='1.0'?><hs:sec xmlns:hs='x' xmlns:hp='y'><hp:p><hp:run><hp:t>"+mark+"</hp:t></hp:run></hp:p></hs:sec>")), true},
		{"a.wpd", "\xffWPC\x10\x00\x00\x00\x01\x0a" + strings.Repeat("\x00", 100) + "M\xcbT", false},
		{"a.wri", "\x31\xbe\x00\x00\x00\xab\x00\x00" + strings.Repeat("\x00", 120) + "T\xe8I M\xcbT " + long, false},
		{"a.wk1", "\x00\x00\x02\x00\x06\x04\x06\x00\x08\x00" + strings.Repeat("\x00", 40), false},
		{"biff2.xls", "\x09\x00\x04\x00\x02\x00\x10\x00\x04\x00\x0b\x00\x00\x00\x00\x00\x00\x03MAT\x0a\x00\x00\x00", false},
		{"a.dbf", "\x03\x7e\x0b\x17\x01\x00\x00\x00\x41\x00\x20\x00" + strings.Repeat("\x00", 20) + "TEN\x00\x00\x00\x00\x00\x00\x00\x00C" + strings.Repeat("\x00", 20) + "\x0d M\xcbT", false},
		{"a.mdb", "\x00\x01\x00\x00Standard Jet DB\x00" + strings.Repeat("\x00", 3000), false},
		{"a.sqlite", "SQLite format 3\x00" + strings.Repeat("\x00", 1000), false},
		{"a.ps", "%!PS-Adobe-3.0\n/Times findfont 12 scalefont setfont 72 700 moveto (T) show (OI) show ( M) show (AT) show showpage\n", false},
		{"a.eps", "\xc5\xd0\xd3\xc6\x1e\x00\x00\x00" + strings.Repeat("\x00", 30) + "%!PS-Adobe-3.0 EPSF\n", false},
		{"a.xps", string(zipOf(t, "[Content_Types].xml", "<Types/>", "Documents/1/Pages/1.fpage", "<FixedPage><Glyphs UnicodeString='"+mark+"' FontUri='a'/></FixedPage>")), true},
		{"a.dwg", "AC1027\x00\x00\x00\x00\x00\x00" + strings.Repeat("\x01\x00", 300), false},
		{"a.dxf", "  0\nSECTION\n  2\nENTITIES\n  0\nTEXT\n  1\nT\\U+1ED0I M\\U+1EACT\n  0\nENDSEC\n  0\nEOF\n", false},
		{"a.mpp", files.Compound(map[string]string{"Props14": utf16Octets(mark, binary.LittleEndian), "\x01CompObj": "x"}), false},
		{"a.wmf", "\xd7\xcd\xc6\x9a\x00\x00" + strings.Repeat("\x00", 60), false},
		{"a.emf", "\x01\x00\x00\x00\x6c\x00\x00\x00" + strings.Repeat("\x00", 32) + " EMF" + strings.Repeat("\x00", 60), false},
		{"a.psd", "8BPS\x00\x01" + strings.Repeat("\x00", 60), false},
		{"a.mp4", "\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom" + strings.Repeat("\x00", 60), false},
		{"a.mp3", "ID3\x03\x00\x00\x00\x00\x00\x00" + strings.Repeat("\xff\xfb\x90\x00", 60), false},
		{"a.chm", "ITSF\x03\x00\x00\x00" + strings.Repeat("\x00", 90), false},
		{"a.mobi", strings.Repeat("x", 60) + "BOOKMOBI" + strings.Repeat("\x00", 60), false},
		{"a.plist", "bplist00\xd1\x01\x02" + mark, false},
		{"a.parquet", "PAR1\x15\x04" + strings.Repeat("\x00", 60), false},
		{"a.pst", "!BDN\x00\x00\x00\x00SM\x17\x00" + strings.Repeat("\x00", 600), false},
		{"a.webarchive", "bplist00\xd1\x01\x02_\x10\x0fWebMainResource", false},
		{"a.br", "\x0b\x05\x80" + "abc\xff\xfe\x01\x02\x03", false},
		{"a.lz4", "\x04\x22\x4d\x18\x64\x40\xa7" + strings.Repeat("\x01", 20), false},
		{"a.Z", "\x1f\x9d\x90" + strings.Repeat("\x41\x02", 30), false},
		{"a.lz", "LZIP\x01\x0c" + strings.Repeat("\x02", 30), false},
		{"a.lzma", "\x5d\x00\x00\x80\x00\xff\xff\xff\xff\xff\xff\xff\xff\x00\x2a\x1a\x08" + strings.Repeat("\x07\x91", 30), false},
		{"a.cpio", "070701" + strings.Repeat("0", 104) + "a.txt\x00" + "M\xcbT", false},
		{"a.ar", "!<arch>\na.txt/          0           0     0     644     8         `\nT\xe8I M\xcbT\n", false},
		{"a.rpm", "\xed\xab\xee\xdb\x03\x00" + strings.Repeat("\x00", 90), false},
		{"a.uue", "begin 644 a.txt\n" + uuline(mark+"\n") + "`\nend\n", true},
		{"a.tex", "\\documentclass{article}\\begin{document}" + mark + "\\end{document}", true},
		{"a.rtf.txt", "{\\rtf1\\ansi T\\u7888?I M\\u7852?T}", true},
		{"a.vcf", "BEGIN:VCARD\r\nVERSION:2.1\r\nNOTE;ENCODING=QUOTED-PRINTABLE;CHARSET=utf-8:T=E1=BB=90I M=E1=BA=ACT\r\nEND:VCARD\r\n", true},
		{"a.ics", "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nSUMMARY:" + mark + "\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n", true},
		{"a.ipynb", `{"cells":[{"source":["T\u1ed0I M\u1eacT"]}]}`, true},
		{"a.properties", "do.mat=T\\u1ED0I M\\u1EACT\n", true},
		{"a.url", "[InternetShortcut]\r\nURL=https://a.vn/\r\n;" + mark, true},
	}
}

// uuline is a line as uuencode writes it.
func uuline(s string) string {
	b := []byte(s)
	out := []byte{byte(' ' + len(b))}
	for len(b)%3 != 0 {
		b = append(b, 0)
	}
	for i := 0; i < len(b); i += 3 {
		for _, v := range []byte{b[i] >> 2, b[i]<<4&0x3f | b[i+1]>>4, b[i+1]<<2&0x3f | b[i+2]>>6, b[i+2] & 0x3f} {
			c := ' ' + v
			if v == 0 {
				c = '`'
			}
			out = append(out, c)
		}
	}
	return string(out) + "\n"
}

// xlsbRecord is a record of a workbook in binary form ([MS-XLSB] 2.1.4).
func xlsbRecord(kind int, content string) string {
	number := func(v int) string {
		var b []byte
		for {
			b = append(b, byte(v&0x7f))
			if v >>= 7; v == 0 {
				return string(b)
			}
			b[len(b)-1] |= 0x80
		}
	}
	return number(kind) + number(len(content)) + content
}

// xlsbWide is a string in one ([MS-XLSB] 2.5.169).
func xlsbWide(s string) string {
	text := utf16Octets(s, binary.LittleEndian)
	return string(binary.LittleEndian.AppendUint32(nil, uint32(len(text)/2))) + text
}

// Every kind of file ends in its text or in a reason why there is none, whatever the message calls it: nothing is clean
// that was not read.
func TestEveryKind(t *testing.T) {
	p, _ := workersOf(t, compiled(t), 1, 30*time.Second)
	for _, tc := range kinds(t) {
		for _, label := range []string{"application/octet-stream", "text/plain"} {
			s := inspectWith(t, p, tc.name, label, []byte(tc.file), DefaultLimits())
			found := false
			for _, line := range slices.Concat(s.lines, s.readings) {
				found = found || strings.Contains(message.NFC(line), mark)
			}
			if !found && (tc.text || len(s.missed) == 0) {
				t.Errorf("%s as %s: text %v, not inspected: %s\n%s", tc.name, label, found, s.reasons(), strings.Join(s.lines, "\n"))
			}
		}
	}
}
