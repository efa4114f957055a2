package extract

import (
	"bytes"
	"compress/zlib"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// inStream is a stream of a PDF file in FlateDecode.
func inStream(dictionary, text string) string {
	var b bytes.Buffer
	z := zlib.NewWriter(&b)
	z.Write([]byte(text))
	z.Close()
	return fmt.Sprintf("9 0 obj\n<<%s /Filter /FlateDecode /Length %d>>stream\n%s\nendstream\nendobj\n", dictionary, b.Len(), b.String())
}

// What names in a PDF file tell.
func TestPDFNames(t *testing.T) {
	const form = "<xdp><template><event><script>app.alert(1)</script></event></template></xdp>"
	for _, tc := range []struct{ name, file, want string }{
		{"a share", `<</S /GoToR /F (\\\\203.0.113.7\\a\\b.pdf) /D [0 /Fit]>>`, "remote-template"},
		{"of a file specification", `<</S /GoToE /F <</Type /Filespec /F (\\\\203.0.113.7\\a.pdf)>>>>`, "remote-template"},
		{"without a blank", `<</S/SubmitForm/F(\\\\203.0.113.7\\a)>>`, "remote-template"},
		{"with slashes", `<</S /ImportData /F (//203.0.113.7/a.fdf)>>`, "remote-template"},
		{"in octal digits", `<</S /GoToR /F (\134\134203.0.113.7\134a)>>`, "remote-template"},
		{"in hexadecimal", `<</S /GoToR /F <5c5c 3230332e302e3131332e37 5c61>>>`, "remote-template"},
		{"in UTF-16", `<</UF <feff005c005c003200300033002e0030002e003100310033002e0037005c0061>>>`, "remote-template"},
		{"in a name with digits", `<</S /GoToR /#46 (\\\\203.0.113.7\\a)>>`, "remote-template"},
		{"a line that goes on", "<</S /GoToR /F (\\\\\\\\203.0.\\\n113.7\\\\a)>>", "remote-template"},
		{"in compressed objects", inStream("/Type /ObjStm /N 1", `<</S /Thread /F (\\\\203.0.113.7\\a)>>`), "remote-template"},
		{"a form with a script", "<</AcroForm <</XFA 9 0 R>>>>" + inStream("", form), "script"},
		{"a form with a script in clear", "<</AcroForm <</XFA 9 0 R>>>>stream\n" + form + "\nendstream", "script"},
		{"a program", `<</S /Launch /F (cmd.exe)>>`, "launch"},

		{"a file beside it", `<</S /GoToR /F (chuong-2.pdf) /D [0 /Fit]>>`, ""},
		{"a file in a folder", `<</S /GoToR /F (../tai-lieu/b.pdf)>>`, ""},
		{"a share of the office", `<</S /GoToR /F (\\\\may-chu\\a.pdf)>>`, ""},
		{"a link", `<</S /URI /URI (https://monre.gov.vn//a)>>`, ""},
		{"a link to a share", `<</S /URI /URI (file://fs.monre.gov.vn/a)>>`, ""}, // a person clicks it
		{"a form sent to a page", `<</S /SubmitForm /F (https://dichvucong.gov.vn/a)>>`, ""},
		{"flags", `<</F 4 /FT /Tx /Font <</F1 5 0 R>>>>`, ""},
		{"a form without a script", "<</AcroForm <</XFA 9 0 R>>>>" + inStream("", "<xdp><template/></xdp>"), ""},
		{"a script elsewhere", inStream("", form), ""},
		{"a name at the end", "/F", ""},
		{"a string without an end", `/F (\\\\203.0.113.7`, "remote-template"},
	} {
		var got []string
		for _, f := range slices.Sorted(maps.Keys(pdfNamesOf([]byte(tc.file)).facts)) {
			got = append(got, string(f))
		}
		if strings.Join(got, " ") != tc.want {
			t.Errorf("%s: %q, wanted %q", tc.name, got, tc.want)
		}
	}
}

func FuzzPDFNames(f *testing.F) {
	f.Add([]byte(`<</S /GoToR /F (\\\\203.0.113.7\\a(b)\)\1234) /UF <feff005c5> /XFA [] /Launch>>`))
	f.Add([]byte(inStream("/XFA", "<script")))
	f.Fuzz(func(t *testing.T, file []byte) {
		pdfNamesOf(file)
		if s, ok := pdfString(file); ok && len(s) > 3*maxPDFPath {
			t.Errorf("a path of %d octets", len(s))
		}
	})
}
