package extract

import (
	"bytes"
	"compress/zlib"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"congthu/filter/message"
)

// pdfOf makes a PDF file of objects, the first of which is the catalogue. Readers find them without a table.
func pdfOf(objects ...string) string {
	var b strings.Builder
	b.WriteString("%PDF-1.7\n")
	for i, o := range objects {
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	fmt.Fprintf(&b, "trailer\n<</Root 1 0 R /Size %d /Info %d 0 R>>\n%%%%EOF\n", len(objects)+1, len(objects))
	return b.String()
}

func pdfStream(dict, data string) string {
	return fmt.Sprintf("<<%s /Length %d>>\nstream\n%s\nendstream", dict, len(data), data)
}

func deflated(s string) string {
	var b bytes.Buffer
	z := zlib.NewWriter(&b)
	z.Write([]byte(s))
	z.Close()
	return b.String()
}

// onePage is a PDF file of one page; more goes into the page's dictionary, catalogue into the catalogue's.
func onePage(shown, page, catalogue string, more ...string) string {
	return pdfOf(append([]string{
		"<</Type /Catalog /Pages 2 0 R " + catalogue + ">>",
		"<</Type /Pages /Kids [3 0 R] /Count 1>>",
		"<</Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents 4 0 R /Resources <</Font <</F 5 0 R>>>> " + page + ">>",
		pdfStream("", shown),
		"<</Type /Font /Subtype /Type1 /BaseFont /Helvetica>>",
	}, append(more, "<</Title (T)>>")...)...)
}

func TestPDF(t *testing.T) {
	pdf := newPDFReader(compiled(t))
	for _, tc := range []struct {
		name, file string
		want       []string
		err        error
	}{
		{"a letter", sample(t, "letter.pdf"), []string{`property=Title "Thư mời họp"`, `property=Subject "Họp giao ban"`, `property=Keywords "giao ban"`,
			`body 1 "Đầu trang của bộ"`, "body 1 \"BỘ TÀI NGUYÊN\\tCỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT\"", "body 1 \"THƯỜNG\\tHà Nội, ngày 24 tháng 11\"",
			`body 1 "Trong khung chữ"`, `body 2 "Trang hai."`}, nil},
		{"objects in streams, a file attached", sample(t, "packed.pdf"), []string{"body 1 \"THƯỜNG\\tHà Nội, ngày 24 tháng 11\"",
			`member ["bảng.xls"] 6656 octets, beginning "\xd0\xcf\x11ࡱ\x1a\xe1\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", error <nil>`}, nil},
		{"letters in another font, bookmarks, alternative texts", sample(t, "told.pdf"), []string{`body 1 "DẤU TRANG"`, `body 1 "NHÃN LIỆT KÊ 1.Kính gửi"`, `body 1 "ĐÃ CHỌN"`,
			`comment 1 "x - MÔ TẢ HÌNH"`, `comment "DẤU TRANG"`}, nil},
		{"a letter behind the others", onePage("BT /F 12 Tf 1 0 0 1 50 700 Tm (LI) Tj 1 0 0 1 69 700 Tm (T) Tj 1 0 0 1 60.5 700 Tm (E) Tj ET", "", ""), []string{`body 1 "LIET"`}, nil},
		{"locked", sample(t, "locked.pdf"), []string{"fact encrypted"}, stop{Encrypted}},
		{"lines and cells by place", onePage("BT /F 12 Tf 1 0 0 1 300 700 Tm (right) Tj 1 0 0 1 50 600 Tm (below) Tj 1 0 0 1 50 700 Tm (left) Tj ET", "", ""),
			[]string{"body 1 \"left\\tright\"", `body 1 "below"`}, nil},
		{"words without spaces between", onePage("BT /F 12 Tf 1 0 0 1 50 700 Tm (two) Tj 1 0 0 1 75 700 Tm (words) Tj ET", "", ""), []string{`body 1 "two words"`}, nil},
		{"a mark across the page", onePage("BT /F 12 Tf 1 0 0 1 50 400 Tm (a line) Tj 1 0 0 1 300 400 Tm (goes on) Tj /F 90 Tf 1 0 0 1 100 370 Tm (MARK) Tj ET", "", ""),
			[]string{"body 1 \"a line\\tgoes on\"", `body 1 "MARK"`}, nil},
		{"a picture alone", onePage("q 100 0 0 100 0 0 cm BI /W 1 /H 1 /CS /G /BPC 8 ID x EI Q", "", ""), []string{"miss no text"}, nil},
		{"a note, a stamp, a link", onePage("BT /F 12 Tf 1 0 0 1 50 700 Tm (x) Tj ET", "/Annots [6 0 R 7 0 R 8 0 R]", "",
			"<</Type /Annot /Subtype /Text /Rect [0 0 9 9] /Contents (a note)>>", "<</Type /Annot /Subtype /Stamp /Rect [0 0 9 9] /Name /TopSecret>>",
			"<</Type /Annot /Subtype /Link /Rect [0 0 9 9] /A <</S /Launch /F (calc.exe)>>>>"), []string{"fact launch", `comment 1 "a note"`, `body 1 "TopSecret"`}, nil},
		{"a field", onePage("BT /F 12 Tf 1 0 0 1 50 700 Tm (x) Tj ET", "/Annots [6 0 R]", "/AcroForm <</Fields [6 0 R] /DA (/F 0 Tf)>>",
			"<</Type /Annot /Subtype /Widget /FT /Tx /T (f) /V (filled in) /Rect [0 0 90 9]>>"), []string{`body 1 "filled in"`}, nil},
		{"a script", onePage("", "", "/OpenAction <</S /J#61vaScript /J#53 (app.alert\\(1\\))>>"), []string{"fact script"}, nil},
		{"a script in packed objects", onePage("", "", "", pdfStream("/Type /ObjStm /N 1 /First 5 /Filter /FlateDecode", deflated("20 0 <</S /Launch>>"))), []string{"fact launch"}, nil},
		{"a label", strings.Replace(onePage("", "", ""), "<</Title (T)>>", "<</MSIP_Label_4f-1_Name (Mat)>>", 1), []string{`label=MSIP_Label_4f-1_Name "Mat"`}, nil},
		{"a packet of properties", onePage("", "", "") + "<x:xmpmeta><rdf:RDF><dc:title><rdf:Alt><rdf:li>in XMP</rdf:li></rdf:Alt></dc:title></rdf:RDF></x:xmpmeta>",
			[]string{`property=title "in XMP"`}, nil},
		{"an empty page", onePage("", "", ""), []string{`property=Title "T"`}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f, err := readBytes(pdf.read, tc.file)
			if err != tc.err {
				t.Errorf("%v", err)
			}
			wants(t, f, tc.want...)
			if tc.name == "an empty page" && f.has("miss no text") {
				t.Error("an empty page is not inspected")
			}
		})
	}
}

// A PDF file behind something else is one all the same; a letter that speaks of PDF is none.
func TestHiddenPDF(t *testing.T) {
	for _, tc := range []struct {
		file string
		pdf  bool
	}{
		{"junk\n" + onePage("", "", ""), true},
		{strings.Repeat("x", 2000) + onePage("", "", ""), false},
		{"Files begin with\n%PDF-1.4\n", false},
	} {
		f, _ := tell(formats(), []byte(tc.file[:min(len(tc.file), headBytes)]), memory(tc.file), "", nil)
		pdf := f.name == "pdf" || slices.ContainsFunc(f.also, func(f format) bool { return f.name == "pdf" })
		if pdf != tc.pdf {
			t.Errorf("%.20q is PDF: %t, want %t", tc.file, pdf, tc.pdf)
		}
	}
}

func TestPDFLimits(t *testing.T) {
	pdf := newPDFReader(compiled(t))
	pdf.pages = 20
	kids := strings.Repeat("3 0 R ", 21)
	file := strings.Replace(onePage("BT /F 12 Tf 1 0 0 1 50 700 Tm (x) Tj ET", "", ""), "/Kids [3 0 R] /Count 1", fmt.Sprintf("/Kids [%s] /Count %d", kids, 21), 1)
	f, err := readBytes(pdf.read, file)
	if !f.has("miss " + string(message.TooMany)) {
		t.Errorf("%d lines, %v", len(f.lines), err)
	}
	annots := strings.Repeat("6 0 R ", maxPDFAnnotations+1)
	f, err = readBytes(pdf.read, onePage("", "/Annots ["+annots+"]", "", "<</Type /Annot /Subtype /Text /Rect [0 0 9 9] /Contents (n)>>"))
	if !f.has("miss " + string(message.TooMany)) {
		t.Errorf("%d lines, %v", len(f.lines), err)
	}
	// Objects that unpack to more than is looked at are looked at so far.
	bomb := pdfStream("/Type /ObjStm /Filter /FlateDecode", deflated(strings.Repeat("0", 64<<20)))
	if facts := pdfNamesOf([]byte(strings.Repeat(bomb, 20) + "/Launch ")).facts; len(facts) != 1 {
		t.Errorf("%v", facts)
	}
}

// Each beginning of a file is damage or less text, never a crash.
func TestPDFCut(t *testing.T) {
	pdf := newPDFReader(compiled(t))
	file := onePage("BT /F 12 Tf 1 0 0 1 50 700 Tm (x) Tj ET", "/Annots [6 0 R]", "", "<</Type /Annot /Subtype /Text /Rect [0 0 9 9] /Contents (a note)>>")
	for n := 0; n < len(file); n += 7 {
		_, err := readBytes(pdf.read, file[:n])
		if errors.Is(err, stop{WorkerFailed}) {
			t.Fatalf("%d octets: %v", n, err)
		}
	}
}

// hundredPages is a file of a hundred pages of 60 lines with 14 words each.
func hundredPages() string {
	var shown strings.Builder
	for line := range 60 {
		fmt.Fprintf(&shown, "BT /F 10 Tf 1 0 0 1 50 %d Tm (%s) Tj ET\n", 780-12*line, strings.Repeat("nghi ", 14))
	}
	return strings.Replace(onePage(shown.String(), "", ""), "/Kids [3 0 R] /Count 1", "/Kids ["+strings.Repeat("3 0 R ", 100)+"] /Count 100", 1)
}
