package extract

import (
	"fmt"
	"strings"
	"testing"

	"congthu/filter/message"
)

// "MẬT" as a text string of PDF.
const pdfMat = "<FEFF004D1EAC0054>"

// What a PDF file tells beside what its pages draw.
func TestPDFTold(t *testing.T) {
	pdf := newPDFReader(compiled(t))
	text := "BT /F 12 Tf 1 0 0 1 50 700 Tm (x) Tj ET"
	xdp := `<?xml version="1.0"?><xdp:xdp xmlns:xdp="http://ns.adobe.com/xdp/"><config><a>khác1</a></config><template><subform><draw><value><exData><body><p>TỐI <span>MẬT</span></p></body></exData></value></draw>` +
		`<field><items><text>khác2</text></items><event><script>khác3</script></event></field></subform></template><xfa:datasets xmlns:xfa="x"><xfa:data><form1><DoMat>MẬT</DoMat><So>12</So></form1></xfa:data></xfa:datasets></xdp:xdp>`
	parts := []string{xdp[:100], xdp[100:200], xdp[200:]}
	for _, tc := range []struct {
		name, file string
		want, not  []string
	}{
		{"a form in XML", onePage(text, "", "/AcroForm <</Fields [] /XFA 6 0 R>>", pdfStream("/Filter /FlateDecode", deflated(xdp))),
			[]string{`comment "TỐI MẬT"`, `comment "MẬT"`, `comment "12"`}, []string{`comment "khác1"`, `comment "khác2"`, `comment "khác3"`}},
		{"a form in parts", onePage(text, "", "/AcroForm <</Fields [] /XFA [(preamble) 6 0 R (template) 7 0 R (datasets) 8 0 R]>>", pdfStream("", parts[0]), pdfStream("", parts[1]), pdfStream("", parts[2])),
			[]string{`comment "TỐI MẬT"`, `comment "MẬT"`}, nil},
		{"bookmarks", onePage(text, "", "/Outlines 6 0 R", "<</Type /Outlines /First 7 0 R /Last 8 0 R /Count 2>>", "<</Title (one) /Parent 6 0 R /Next 8 0 R /First 9 0 R /Last 9 0 R /Count 1>>", "<</Title (two) /Parent 6 0 R>>", "<</Title "+pdfMat+" /Parent 7 0 R>>"),
			[]string{`comment "one"`, `comment "MẬT"`, `comment "two"`}, nil},
		{"a text instead of what is drawn", onePage("/Span <</ActualText "+pdfMat+">> BDC "+text+" EMC", "", ""), []string{`body 1 "MẬT"`}, nil},
		{"alternatives of the structure", onePage("/Figure <</MCID 0>> BDC "+text+" EMC", "/StructParents 0", "/MarkInfo <</Marked true>> /StructTreeRoot 6 0 R",
			"<</Type /StructTreeRoot /K 7 0 R /ParentTree <</Nums [0 [8 0 R]]>>>>", "<</Type /StructElem /S /Document /P 6 0 R /K [8 0 R] /ActualText (said)>>", "<</Type /StructElem /S /Figure /P 7 0 R /Pg 3 0 R /K 0 /Alt "+pdfMat+">>"),
			[]string{`comment 1 "said"`, `comment 1 "MẬT"`}, nil},
		{"a layer that is off", onePage("/OC /L BDC BT /F 12 Tf 1 0 0 1 50 700 Tm (layer) Tj ET EMC", "/Resources <</Font <</F 5 0 R>> /Properties <</L 6 0 R>>>>", "/OCProperties <</OCGs [6 0 R] /D <</OFF [6 0 R] /Order [6 0 R]>>>>", "<</Type /OCG /Name (n)>>"),
			[]string{`body 1 "layer"`}, nil},
		{"a drawing in a layer that is off", onePage("/X Do", "/Resources <</XObject <</X 7 0 R>>>>", "/OCProperties <</OCGs [6 0 R] /D <</OFF [6 0 R]>>>>", "<</Type /OCG /Name (n)>>", pdfStream("/Type /XObject /Subtype /Form /BBox [0 0 600 800] /OC 6 0 R /Resources <</Font <</F 5 0 R>>>>", "BT /F 12 Tf 1 0 0 1 50 700 Tm (layer) Tj ET")),
			[]string{`body 1 "layer"`}, nil},
		{"notes", onePage(text, "/Annots [6 0 R 7 0 R]", "", "<</Type /Annot /Subtype /FreeText /Rect [0 0 9 9] /DA (/F 0 Tf) /Contents "+pdfMat+">>", "<</Type /Annot /Subtype /Highlight /Rect [0 0 9 9] /Contents (note)>>"),
			[]string{`body 1 "MẬT"`, `comment 1 "note"`}, nil},
		{"a choice", onePage(text, "/Annots [6 0 R]", "/AcroForm <</Fields [6 0 R] /DA (/F 0 Tf)>>", "<</Type /Annot /Subtype /Widget /FT /Ch /Ff 131072 /T (f) /V "+pdfMat+" /Opt [(other) "+pdfMat+"] /Rect [0 0 90 9]>>"),
			[]string{`body 1 "MẬT"`}, []string{`body 1 "other"`}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f, err := readBytes(pdf.read, tc.file)
			if err != nil {
				t.Errorf("%v", err)
			}
			wants(t, f, tc.want...)
			for _, line := range tc.not {
				if f.has(line) {
					t.Errorf("%s in\n%s", line, strings.Join(f.lines, "\n"))
				}
			}
		})
	}
}

// Bookmarks and structures that lead back to themselves end, and more than are looked at are named.
func TestPDFToldLimits(t *testing.T) {
	pdf := newPDFReader(compiled(t))
	pdf.elements = 2
	var packets strings.Builder
	for i := range maxXFAPackets + 1 {
		fmt.Fprintf(&packets, "(%d) 6 0 R ", i)
	}
	for _, tc := range []struct{ name, file string }{
		{"bookmarks after themselves", onePage("", "", "/Outlines 6 0 R", "<</First 7 0 R /Last 8 0 R>>", "<</Title (one) /Parent 6 0 R /Next 8 0 R>>", "<</Title (two) /Parent 6 0 R /Next 7 0 R>>")},
		{"bookmarks in themselves", onePage("", "", "/Outlines 6 0 R", "<</First 7 0 R /Last 7 0 R>>", "<</Title (one) /Parent 6 0 R /First 7 0 R /Next 7 0 R>>")},
		{"elements", onePage("", "/StructParents 0", "/MarkInfo <</Marked true>> /StructTreeRoot 6 0 R", "<</Type /StructTreeRoot /K 7 0 R /ParentTree <</Nums [0 [8 0 R 9 0 R]]>>>>",
			"<</Type /StructElem /S /Document /P 6 0 R /K [8 0 R 9 0 R] /Alt (a)>>", "<</Type /StructElem /S /Figure /P 7 0 R /Pg 3 0 R /K 0 /Alt (b)>>", "<</Type /StructElem /S /Figure /P 7 0 R /Pg 3 0 R /K 1 /Alt (c)>>")},
		{"packets", onePage("", "", "/AcroForm <</Fields [] /XFA ["+packets.String()+"]>>", pdfStream("", "<a>x</a>"))},
	} {
		f, err := readBytes(pdf.read, tc.file)
		if err != nil || !f.has("miss "+string(message.TooMany)) {
			t.Errorf("%s: %d lines, %v", tc.name, len(f.lines), err)
		}
	}
	f, err := readBytes(pdf.read, onePage("", "", "/AcroForm <</Fields [] /XFA 6 0 R>>", pdfStream("", strings.Repeat("<a>", 300))))
	if err != nil || !f.has("miss "+string(message.TooDeep)) {
		t.Errorf("a deep form: %q, %v", f.lines, err)
	}
	f, err = readBytes(pdf.read, onePage("", "", "/AcroForm <</Fields [] /XFA 6 0 R>>", pdfStream("", "<a>MAT<")))
	if err == nil || !f.has(`comment "MAT"`) {
		t.Errorf("a form that is cut off: %q, %v", f.lines, err)
	}
}
