package extract

import (
	"archive/zip"
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"strings"
	"testing"
)

// What a document that is one XML file loads, and the files in it.
func TestFlatWord(t *testing.T) {
	const package2006 = `<?xml version="1.0"?><pkg:package xmlns:pkg="http://schemas.microsoft.com/office/2006/xmlPackage">`
	packed := base64.StdEncoding.EncodeToString(zipOf(t, "a.js", "x"))
	for _, tc := range []struct{ name, file, want string }{
		{"a template", package2006 + `<pkg:part><pkg:xmlData><Relationships><Relationship Type="x/attachedTemplate" Target="https://example.test/a.dotm" TargetMode="External"/></Relationships></pkg:xmlData></pkg:part></pkg:package>`, " fact remote-template"},
		{"a link", package2006 + `<pkg:part><pkg:xmlData><Relationships><Relationship Type="x/hyperlink" Target="https://example.test/" TargetMode="External"/></Relationships></pkg:xmlData></pkg:part></pkg:package>`, "! fact remote-template"},
		{"a template of 2003", `<?xml version="1.0"?><w:wordDocument xmlns:w="http://schemas.microsoft.com/office/word/2003/wordml"><w:attachedTemplate w:val="\\example.test\a\b.dot"/></w:wordDocument>`, " fact remote-template"},
		{"one of one's own", `<?xml version="1.0"?><w:wordDocument xmlns:w="http://schemas.microsoft.com/office/word/2003/wordml"><w:attachedTemplate w:val="C:\a\b.dot"/></w:wordDocument>`, "! fact remote-template"},
		{"a file", package2006 + `<pkg:part><pkg:binaryData>` + packed[:20] + "\n" + packed[20:] + `</pkg:binaryData></pkg:part></pkg:package>`, "/1 is application/zip"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inspect(t, "a.xml", octetStream, []byte(tc.file), DefaultLimits()).want(t, tc.want)
		})
	}
}

func TestActiveMime(t *testing.T) {
	var b bytes.Buffer
	b.WriteString("ActiveMime" + strings.Repeat("\x00", 0x28))
	b.Bytes()[0x1e] = 4 // 46 + 4
	w := zlib.NewWriter(&b)
	w.Write(zipOf(t, "a.js", "x"))
	w.Close()
	inspect(t, "editdata.mso", octetStream, b.Bytes(), DefaultLimits()).want(t, " is application/x-mso", "/1 is application/zip", "/1 file-name  0: a.js")
	inspect(t, "editdata.mso", octetStream, b.Bytes()[:60], DefaultLimits()).want(t, " is application/x-mso", "! /1 is application/zip")
}

// What starts a program or loads something in presentations and OpenDocument.
func TestActionsOfDocuments(t *testing.T) {
	slide := func(action string) []byte {
		return zipOf(t, "[Content_Types].xml", "<Types/>", "ppt/presentation.xml", "<p/>", "ppt/slides/slide1.xml",
			`<p:sld xmlns:p="p" xmlns:a="a"><a:r><a:rPr><a:hlinkMouseOver action="`+action+`"/></a:rPr><a:t>x</a:t></a:r></p:sld>`)
	}
	text := func(inside string) []byte {
		return zipOf(t, "mimetype", "application/vnd.oasis.opendocument.text", "content.xml", `<office:document-content xmlns:office="o"><office:body>`+inside+`</office:body></office:document-content>`)
	}
	for _, tc := range []struct {
		name string
		file []byte
		want string
	}{
		{"a.pptx", slide("ppaction://program"), " fact dde"},
		{"a.pptx", slide("ppaction://hlinkshowjump?jump=nextslide"), "! fact dde"},
		{"a.odp", text(`<presentation:event-listener presentation:action="execute"/>`), " fact dde"},
		{"a.odp", text(`<presentation:event-listener presentation:action="next-page"/>`), "! fact dde"},
		{"a.odt", text(`<draw:object xlink:href="https://example.test/a.odt"/>`), " fact remote-template"},
		{"a.odt", text(`<text:section-source xlink:href="file://example.test/a.odt"/>`), " fact remote-template"},
		{"a.odt", text(`<draw:object xlink:href="./Object 1"/><text:section-source xlink:href="../phan-1.odt"/><draw:object xlink:href="file:///C:/a.odt"/>`), "! fact remote-template"},
	} {
		inspect(t, tc.name, octetStream, tc.file, DefaultLimits()).want(t, tc.want)
	}
}

// Pages and pictures under the name of data, which browsers show.
func TestScriptInXML(t *testing.T) {
	for _, tc := range []struct{ name, file, want string }{
		{"a page in data", `<?xml version="1.0"?><x xmlns:h="http://www.w3.org/1999/xhtml"><h:script>x()</h:script></x>`, " fact script"},
		{"a style sheet for itself", `<?xml version="1.0"?><?xml-stylesheet type="text/xsl" href="#s"?><x><xsl:stylesheet id="s" xmlns:xsl="http://www.w3.org/1999/XSL/Transform"><script>x()</script></xsl:stylesheet></x>`, " fact script"},
		{"an invoice for a style sheet", `<?xml version="1.0"?><?xml-stylesheet type="text/xsl" href="hoa-don.xsl"?><HDon><script>Latn</script></HDon>`, "! fact script"},
		{"markup in an entity", `<!DOCTYPE svg [<!ENTITY e "&#60;script>x()&#60;/script>">]><svg xmlns="http://www.w3.org/2000/svg">&e;</svg>`, " fact script"},
		{"names in entities", `<!DOCTYPE svg [<!ENTITY ns_svg "http://www.w3.org/2000/svg"> <!ENTITY a 'b'>]><svg xmlns="&ns_svg;"><path/></svg>`, "! fact script"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inspect(t, "a.svg", octetStream, []byte(tc.file), DefaultLimits()).want(t, tc.want)
		})
	}
}

// Macros of Excel 4 in the symbolic link format, under the names of sheets.
func TestSymbolicLink(t *testing.T) {
	for file, want := range map[string]string{
		"ID;P\r\nO;E\r\nNN;NAuto_open;ER101C1;KOut Flank;F\r\nC;X1;Y101;K0;EEXEC(\"a\")\r\nE\r\n": " fact macro-autorun",
		"ID;PWXL;N;E\r\nO;L;E\r\nC;X1;Y1;K0;EALERT(\"a\")\r\nE\r\n":                               " fact macro",
		"ID;Phong;Ten\r\n1;O;E\r\n":          "! fact macro",
		"ID;PWXL;N;E\r\nC;X1;Y1;K5\r\nE\r\n": "! fact macro",
	} {
		for _, name := range []string{"a.csv", "a.xls"} {
			inspect(t, name, octetStream, []byte(file), DefaultLimits()).want(t, want)
		}
	}
}

// Of two archives in one file programs open the one or the other.
func TestZipsBehindEachOther(t *testing.T) {
	inspect(t, "a.zip", octetStream, append(zipOf(t, "a.txt", "mot"), zipOf(t, "b.txt", "hai")...), DefaultLimits()).
		want(t, " file-name  0: a.txt", " file-name  0: b.txt", "/1 body  0: mot", "/2 body  0: hai")
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range []string{"a.txt", "b.txt"} {
		w, err := z.Create(name)
		if err == nil {
			_, err = w.Write([]byte(name))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	inspect(t, "a.zip", octetStream, b.Bytes(), DefaultLimits()).want(t, "/2 body  0: b.txt", "! /3 is text/plain")
}
