package extract

import (
	"testing"
)

// fuzzReader looks for files that crash a reader or make it find without end. What a reader holds and how long it takes the
// worker's limits bound, not the target's.
func fuzzReader(f *testing.F, read reader, seeds ...string) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		if len(file) > 1<<20 {
			return
		}
		got, _ := readBytes(read, string(file))
		if got.size > 2*got.most {
			t.Errorf("%d octets although the out said to end", got.size)
		}
	})
}

func FuzzPDF(f *testing.F) {
	pdf := newPDFReader(compiled(f))
	fuzzReader(f, pdf.read, onePage("BT /F 12 Tf 1 0 0 1 50 700 Tm (x) Tj ET", "/Annots [6 0 R]", "", "<</Type /Annot /Subtype /Text /Rect [0 0 9 9] /Contents (a note)>>"),
		onePage("", "", "/OpenAction <</S /J#61vaScript>>", pdfStream("/Type /ObjStm /Filter /FlateDecode", deflated("<</S /Launch>>"))))
}

func FuzzOLE(f *testing.F) {
	fuzzReader(f, readOLE, sample(f, "letter.doc"), sample(f, "sheet.xls"),
		compoundOf(map[string]string{"__properties_version1.0": "", "__substg1.0_1000001F": wide("body"), "VBA/_VBA_PROJECT": "x", "VBA/m": "\x01\x08\xb0\x00Attribut"}))
}

// FuzzOLEStreams changes the streams, which changes of the container seldom reach.
func FuzzOLEStreams(f *testing.F) {
	f.Add("Workbook", []byte("\x09\x08\x04\x00\x00\x06\x10\x00\xfc\x00\x0d\x00\x01\x00\x00\x00\x01\x00\x00\x00\x02\x00\x00ab"))
	f.Add("PowerPoint Document", []byte("\x0f\x00\xee\x03\x0a\x00\x00\x00\x00\x00\xa8\x0f\x02\x00\x00\x00ab"))
	f.Add("WordDocument", []byte("\xec\xa5\xc1\x00"))
	f.Add("__substg1.0_10090102", []byte("\x2d\x00\x00\x00\x2b\x00\x00\x00LZFu\x00\x00\x00\x00\x03\x00\x0a\x00rcpg125"))
	f.Add("\x01Ole10Native", []byte("\x30\x00\x00\x00\x02\x00a\x00b\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00x"))
	f.Add("\x05DocumentSummaryInformation", make([]byte, 80))
	f.Fuzz(func(t *testing.T, name string, stream []byte) {
		if len(name) > 31 || len(stream) > 1<<18 {
			return
		}
		readBytes(readOLE, compoundOf(map[string]string{name: string(stream), "1Table": string(stream), "__properties_version1.0": "", "_VBA_PROJECT": ""}))
	})
}

func FuzzTNEF(f *testing.F) {
	fuzzReader(f, readTNEF, tnefOf(tnefAttribute(1, tnefMessageProps, mapiOf(mapiProperty(mapiBody, mapiUnicode, wide("body"))))),
		tnefOf(tnefAttribute(2, tnefAttachRender, ""), tnefAttribute(2, tnefAttachTitle, "a.txt"), tnefAttribute(2, tnefAttachData, "inside")))
}

func FuzzRAR(f *testing.F) { fuzzReader(f, readRAR, rar4(0, "a.txt"), rar4(0x404, "a.txt")) }

// Fuzz7z runs in this process, which no limit bounds: files that ask for big dictionaries are left to the test with workers.
func Fuzz7z(f *testing.F) { fuzzReader(f, read7z, bomb7z(18)) }

func FuzzPicture(f *testing.F) {
	fuzzReader(f, readPicture, samplesOf(f)["picture"][0], "II*\x00\x08\x00\x00\x00\x01\x00\x0e\x01\x02\x00\x06\x00\x00\x00\x1a\x00\x00\x00\x00\x00\x00\x00about\x00")
}
