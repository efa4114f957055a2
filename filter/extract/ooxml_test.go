package extract

import (
	"archive/zip"
	"bytes"
	"fmt"
	"strings"
	"testing"

	"congthu/filter/message"
)

// zipOf makes a zip of names and contents in turns.
func zipOf(t testing.TB, pairs ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := 0; i < len(pairs); i += 2 {
		w, err := z.Create(pairs[i])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(pairs[i+1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

const contentTypes = `<Types><Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>`

func docx(t testing.TB, body string, pairs ...string) []byte {
	t.Helper()
	return zipOf(t, append([]string{"[Content_Types].xml", contentTypes,
		"word/document.xml", `<w:document xmlns:w="w" xmlns:v="v" xmlns:wp="wp"><w:body>` + body + `</w:body></w:document>`}, pairs...)...)
}

func TestWord(t *testing.T) {
	old := `<w:rPr><w:rFonts w:ascii=".VnTimeH"/></w:rPr>`
	field := func(runs ...string) string {
		s := `<w:p><w:r><w:fldChar w:fldCharType="begin"/></w:r>`
		for _, r := range runs {
			s += `<w:r><w:instrText>` + r + `</w:instrText></w:r>`
		}
		return s + `<w:r><w:fldChar w:fldCharType="separate"/></w:r><w:r><w:t>kết quả</w:t></w:r><w:r><w:fldChar w:fldCharType="end"/></w:r></w:p>`
	}
	relation := func(kind, target string) []string {
		return []string{"word/_rels/settings.xml.rels", `<Relationships><Relationship Type="http://x/` + kind + `" Target="` + target + `" TargetMode="External"/></Relationships>`}
	}
	for _, tc := range []struct {
		name, body string
		parts      []string
		want       []string
	}{
		{"a letter split over runs", `<w:p><w:r><w:t>M</w:t></w:r><w:r><w:t>ẬT</w:t></w:r></w:p>`, nil, []string{" body  1: MẬT"}},
		{"an old font split over runs", `<w:p><w:r><w:rPr><w:rFonts w:ascii=".VnTime"/></w:rPr><w:t>M</w:t></w:r><w:r><w:rPr><w:rFonts w:hAnsi=".VnTime"/></w:rPr><w:t>Ë</w:t></w:r><w:r><w:rPr><w:rFonts w:cs=".VnTime"/></w:rPr><w:t>T</w:t></w:r></w:p>`, nil,
			[]string{" body  1: MẬT"}},
		{"a font of capitals", `<w:p><w:r>` + old + `<w:t>tuyÖt mËt</w:t></w:r><w:r><w:t> mËt</w:t></w:r></w:p>`, nil, []string{" body  1: TUYỆT MẬT mËt"}},
		{"Unicode in an old font", `<w:p><w:r><w:rPr><w:rFonts w:ascii=".VnTime"/></w:rPr><w:t>Mật</w:t></w:r></w:p>`, nil, []string{" body  1: Mật"}},
		{"capitals switched off", `<w:p><w:r><w:rPr><w:caps w:val="0"/></w:rPr><w:t>mật</w:t></w:r></w:p>`, nil, []string{" body  1: mật"}},
		{"fonts of styles", `<w:p><w:pPr><w:pStyle w:val="Dau"/></w:pPr><w:r><w:t>TèI MËT</w:t></w:r></w:p><w:p><w:r><w:t>MAÄT</w:t></w:r></w:p>`,
			[]string{"word/styles.xml", `<w:styles xmlns:w="w"><w:docDefaults><w:rPr><w:rFonts w:ascii="VNI-Times"/></w:rPr></w:docDefaults><w:style w:type="paragraph" w:default="1" w:styleId="a"/>` +
				`<w:style w:type="paragraph" w:styleId="Dau0"><w:rPr><w:rFonts w:ascii=".VnTime"/></w:rPr></w:style><w:style w:type="paragraph" w:styleId="Dau"><w:basedOn w:val="Dau0"/></w:style></w:styles>`},
			[]string{" body  1: TỐI MẬT", " body  1: MẬT"}},
		{"a watermark", `<w:p><w:r><w:pict><v:shape alt="dấu"><v:textpath string="TỐI MẬT"/></v:shape></w:pict></w:r></w:p>`, nil, []string{" body  1: TỐI MẬT", " body  1: dấu"}},
		{"a picture's description", `<w:p><w:r><w:drawing><wp:posOffset>123</wp:posOffset><wp:docPr descr="Bản đồ"/></w:drawing></w:r></w:p>`, nil, []string{" body  1: Bản đồ", "! body  1: 123"}},
		{"a text box in a line", `<w:p><w:r><w:t>trước</w:t></w:r><w:r><w:txbxContent><w:p><w:r><w:t>MẬT</w:t></w:r></w:p></w:txbxContent></w:r><w:r><w:t>sau</w:t></w:r></w:p>`, nil,
			[]string{" body  1: trước", " body  1: MẬT", " body  1: sau"}},
		{"cells of several paragraphs", `<w:tbl><w:tr><w:tc><w:p><w:r><w:t>a</w:t></w:r></w:p><w:p><w:r><w:t>b</w:t></w:r></w:p></w:tc><w:tc><w:p><w:r><w:t>MẬT</w:t></w:r></w:p></w:tc></w:tr><w:tr><w:tc><w:p/></w:tc><w:tc><w:p><w:r><w:t>c</w:t></w:r></w:p></w:tc></w:tr></w:tbl>`,
			nil, []string{" body  1: a", " body  1: b\tMẬT", " body  1: c"}},
		{"pages", `<w:p><w:r><w:t>một</w:t><w:br w:type="page"/><w:t>hai</w:t></w:r></w:p>`, nil, []string{" body  1: một", " body  2: hai"}},
		{"deleted text inside of a word", `<w:p><w:r><w:t>M</w:t></w:r><w:del><w:r><w:delText>ua b</w:delText></w:r></w:del><w:r><w:t>ẬT</w:t></w:r></w:p>`, nil, []string{" body  1: MẬT", " body  1: ua b"}},
		{"hidden and moved text inside of a word", `<w:p><w:r><w:t>M</w:t></w:r><w:r><w:rPr><w:vanish/></w:rPr><w:t>x</w:t></w:r><w:moveFrom><w:r><w:t>y</w:t></w:r></w:moveFrom><w:r><w:rPr><w:vanish w:val="0"/></w:rPr><w:t>ẬT</w:t></w:r></w:p>`, nil, []string{" body  1: MẬT", " body  1: xy"}},
		{"a deleted text", `<w:p><w:del><w:r><w:delText>MẬT</w:delText></w:r></w:del></w:p>`, nil, []string{" body  1: MẬT"}},
		{"a ticked box", `<w:p><w:r><w:sym w:font="Wingdings" w:char="F0FE"/><w:t> Mật</w:t></w:r></w:p>`, nil, []string{" body  1: ☑ Mật"}},
		{"an ordinary field", field("PAGE"), nil, []string{" body  1: kết quả", " property field 0: PAGE", "! fact dde"}},
		{"DDE over runs", field(" DDE", "AU", `TO c:\\windows\\system32\\cmd.exe "/k calc"`), nil, []string{" fact dde", " body  1: kết quả"}},
		{"DDE by numbers", field("QUOTE 68 68 69 65 85 84 79 32 99"), nil, []string{" fact dde"}},
		{"a simple DDE field", `<w:p><w:fldSimple w:instr='DDE excel "a.xls" r1c1'/></w:p>`, nil, []string{" fact dde"}},
		{"a template elsewhere", "", relation("attachedTemplate", "http://203.0.113.1/a.dotm"), []string{" fact remote-template"}},
		{"a template on a share", "", relation("attachedTemplate", `file:///\\host\a.dotm`), []string{" fact remote-template"}},
		{"a template on a host", "", relation("attachedTemplate", `file://host/a.dotm`), []string{" fact remote-template"}},
		{"the reader's own template", "", relation("attachedTemplate", `file:///C:\Users\a\Templates\a.dotx`), []string{"! fact remote-template"}},
		{"a link", "", relation("hyperlink", "http://203.0.113.1/a.dotm"), []string{"! fact remote-template"}},
		{"macros", "", []string{"word/vbaProject.bin", "\xd0\xcf\x11\xe0"}, []string{" fact macro", ` file-name  0: word/vbaProject.bin`}},
		{"macros under another name", "", []string{"word/x.dat", "\xd0\xcf\x11\xe0", "[content_types].XML", `<Types><Override PartName="/word/x.dat" ContentType="application/vnd.ms-office.vbaProject"/></Types>`}, []string{" fact macro"}},
		{"an embedded file", "", []string{"word/embeddings/a.txt", "trong tệp"}, []string{"/1 is text/plain", "/1 body  0: trong tệp"}},
		{"a file that does not belong there", "", []string{`x\y.docx`, string(docx(t, `<w:p><w:r><w:t>bên trong</w:t></w:r></w:p>`))}, []string{"/1 body  1: bên trong"}},
		{"custom XML", "", []string{"customXml/item1.xml", `<a><b>Độ mật</b><c>Mật</c></a>`}, []string{" property customXml 0: Mật"}},
		{"a label", "", []string{"docMetadata/LabelInfo.xml", `<clbl:labelList><clbl:label id="{aa}" enabled="1" method="Standard"/><clbl:label id="{bb}" enabled="1" removed="1"/></clbl:labelList>`},
			[]string{" label MSIP_Label_aa_Enabled 0: true", " label MSIP_Label_aa_Method 0: Standard", "! label MSIP_Label_bb_Enabled 0: true"}},
		{"own properties", "", []string{"docProps/custom.xml", `<Properties><property name="Độ mật"><vt:lpwstr>Tối mật</vt:lpwstr></property></Properties>`},
			[]string{" property name 0: Độ mật", " property Độ mật 0: Tối mật"}},
		{"two documents of one name", "", []string{"WORD/document.xml", `<w:document><w:body><w:p><w:r><w:t>hai</w:t></w:r></w:p></w:body></w:document>`}, []string{" body  1: hai"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inspect(t, "a.docx", octetStream, docx(t, tc.body, tc.parts...), DefaultLimits()).want(t, tc.want...)
		})
	}
}

func TestExcel(t *testing.T) {
	sheet := func(rows string) string { return `<worksheet><sheetData>` + rows + `</sheetData></worksheet>` }
	formats := []string{"xl/styles.xml", `<styleSheet><numFmts><numFmt numFmtId="164" formatCode="&quot;MẬT&quot;0;[Red]\-0&quot; đ&quot;"/><numFmt numFmtId="165" formatCode="&quot;TỐI &quot;\M\Ậ\T"/><numFmt numFmtId="166" formatCode="&quot;khác&quot;@"/></numFmts>` +
		`<cellXfs><xf/><xf numFmtId="164"/><xf numFmtId="165"/><xf numFmtId="166"/></cellXfs></styleSheet>`}
	for _, tc := range []struct {
		name  string
		parts []string
		want  []string
	}{
		{"strings", []string{"xl/sharedStrings.xml", `<sst><si><t>MẬT</t></si><si><r><rPr><rFont val=".VnTime"/></rPr><t>TèI</t></r><r><t> và</t></r></si><si><t>ẩn</t></si></sst>`,
			"xl/worksheets/sheet2.xml", sheet(`<row><c t="s"><v>0</v></c><c t="s"><v>1</v></c></row><row><c/><c t="inlineStr"><is><t>trong</t></is></c><c t="str"><f>A1</f><v>công thức</v></c><c t="s"><v>99</v></c></row>`)},
			[]string{" body  2: MẬT\tTỐI và", " body  2: trong\tcông thức", " body  0: ẩn"}},
		{"headers", []string{"xl/worksheets/sheet1.xml", `<worksheet><headerFooter><oddHeader>&amp;L&amp;"Times,Bold"&amp;12MẬT&amp;Rphải &amp;&amp; trái</oddHeader></headerFooter></worksheet>`}, []string{" header-footer  1: MẬT\tphải & trái"}},
		{"DDE in a formula", []string{"xl/worksheets/sheet1.xml", sheet(`<row><c><f>cmd|'/c calc'!A0</f></c></row>`)}, []string{" fact dde"}},
		{"no DDE in a formula", []string{"xl/worksheets/sheet1.xml", sheet(`<row><c><f>"a|b!"&amp;Sheet1!A1</f></c></row>`)}, []string{"! fact dde"}},
		{"a DDE link", []string{"xl/externalLinks/externalLink1.xml", `<externalLink><ddeLink ddeService="cmd" ddeTopic="/c calc"/></externalLink>`}, []string{" fact dde"}},
		{"macros of Excel 4", []string{"xl/macrosheets/sheet1.xml", sheet(``), "xl/workbook.xml", `<workbook><definedNames><definedName name="Auto_Open">x</definedName></definedNames></workbook>`},
			[]string{" fact macro", " fact macro-autorun"}},
		{"a name for a text", []string{"xl/workbook.xml", `<workbook><definedNames><definedName name="DoMat">"TỐI "&amp;"MẬT"</definedName><definedName name="b">{"a";"MẬT"}</definedName><definedName name="c">IF(A1,"khác")</definedName></definedNames></workbook>`},
			[]string{" body  0: TỐI MẬT", " body  0: MẬT", "! body  0: khác"}},
		{"a format with words", append(formats, "xl/worksheets/sheet1.xml", sheet(`<row><c s="1"><v>5</v></c><c s="1"><v>6</v></c></row><row><c s="2"><v>5</v></c></row>`)),
			[]string{" body  1: 5\t6", " comment  1: MẬT", " comment  1: TỐI MẬT", "! comment  1: khác"}},
		{"a format that no cell has", append(formats, "xl/worksheets/sheet1.xml", sheet(`<row><c s="0"><v>5</v></c></row>`)), []string{"! comment  1: MẬT"}},
		{"values of a pivot table", []string{"xl/pivotCache/pivotCacheDefinition1.xml", `<pivotCacheDefinition><cacheFields><cacheField name="Dấu"><sharedItems><s v="MẬT"/><n v="5"/></sharedItems></cacheField></cacheFields></pivotCacheDefinition>`,
			"xl/pivotCache/pivotCacheRecords1.xml", `<pivotCacheRecords><r><x v="0"/><s v="TỐI MẬT"/></r></pivotCacheRecords>`}, []string{" comment  0: Dấu", " comment  0: MẬT", " comment  0: TỐI MẬT"}},
		{"a text box", []string{"xl/drawings/drawing1.xml", `<xdr:wsDr><xdr:sp><xdr:nvSpPr><xdr:cNvPr descr="Dấu"/></xdr:nvSpPr><xdr:txBody><a:p><a:r><a:t>M</a:t></a:r><a:r><a:t>ẬT</a:t></a:r></a:p></xdr:txBody></xdr:sp></xdr:wsDr>`}, []string{" body  0: MẬT", " body  0: Dấu"}},
		{"comments", []string{"xl/comments1.xml", `<comments><commentList><comment ref="A1"><text><r><t>TỐI MẬT</t></r></text></comment></commentList></comments>`,
			"xl/threadedComments/threadedComment1.xml", `<ThreadedComments><threadedComment><text>MẬT</text></threadedComment></ThreadedComments>`}, []string{" comment  0: TỐI MẬT", " comment  0: MẬT"}},
		{"names of sheets", []string{"xl/workbook.xml", `<workbook><sheets><sheet name="Tối mật"/></sheets></workbook>`}, []string{" body  0: Tối mật"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := inspect(t, "a.xlsx", octetStream, zipOf(t, append([]string{"[Content_Types].xml", "<Types/>"}, tc.parts...)...), DefaultLimits())
			s.want(t, tc.want...)
		})
	}
}

// What is wrong with one part is named, and the others are read.
func TestDamagedParts(t *testing.T) {
	whole := `<w:p><w:r><w:t>nguyên vẹn</w:t></w:r></w:p>`
	for _, tc := range []struct{ name, part, why string }{
		{"cut off", `<w:hdr><w:p><w:r><w:t>đầu`, "1 damaged"},
		{"too deep", `<w:hdr>` + strings.Repeat("<w:p>", 300), "1 too deep"},
		{"a bomb of entities", `<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]><w:hdr><w:p><w:r><w:t>&b;</w:t></w:r></w:p></w:hdr>`, ""},
	} {
		s := inspect(t, "a.docx", octetStream, docx(t, whole, "word/header1.xml", tc.part), DefaultLimits())
		if s.reasons() != strings.ReplaceAll(tc.why, "too deep", string(message.TooDeep)) {
			t.Errorf("%s: not inspected: %q, want %q", tc.name, s.reasons(), tc.why)
		}
		s.want(t, " body  1: nguyên vẹn")
	}
}

func TestRemote(t *testing.T) {
	for target, want := range map[string]bool{"http://a/b": true, "HTTPS://a/b": true, `\\host\share\a.dotm`: true, "//host/share/a": true, "file://host/a": true,
		"file:////host/a": true, `file:///\\host\a`: true, "mhtml:http://a/b!x-usc:http://a/b": true, "ftp://a/b": true,
		`C:\a\b.dotx`: false, "file:///C:/a/b.dotx": false, `file:///C:\a\b.dotx`: false, "a/b.dotx": false, "": false, "../media/a.png": false} {
		if remote(target) != want {
			t.Errorf("%q: %v", target, !want)
		}
	}
}

// Of formats with words only so many are told, and a hostile one ends.
func TestFormatWords(t *testing.T) {
	for code, want := range map[string]string{`"MẬT"`: "MẬT", `General" MẬT"`: " MẬT", `\M\Ậ\T`: "MẬT", `#,##0" đ"`: "", `[$-42A]"Ngày "dd`: "Ngày   ", `"MẬT`: "MẬT", `[`: "", `\`: "", `_`: "",
		`0;"TỐI MẬT";`: "\nTỐI MẬT\n"} {
		if got := formatWords(code); strings.TrimSpace(got) != strings.TrimSpace(want) {
			t.Errorf("%s: %q, want %q", code, got, want)
		}
	}
	var xfs, formats, cells strings.Builder
	for i := range maxSheetFormats + 1 {
		fmt.Fprintf(&formats, `<numFmt numFmtId="%d" formatCode="&quot;chữ %d&quot;"/>`, 200+i, i)
		fmt.Fprintf(&xfs, `<xf numFmtId="%d"/>`, 200+i)
		fmt.Fprintf(&cells, `<row><c s="%d"><v>1</v></c></row>`, i)
	}
	inspect(t, "a.xlsx", octetStream, zipOf(t, "[Content_Types].xml", "<Types/>", "xl/styles.xml", `<styleSheet><numFmts>`+formats.String()+`</numFmts><cellXfs>`+xfs.String()+`</cellXfs></styleSheet>`,
		"xl/worksheets/sheet1.xml", `<worksheet><sheetData>`+cells.String()+`</sheetData></worksheet>`), DefaultLimits()).
		want(t, fmt.Sprintf(" comment  1: chữ %d", maxSheetFormats-1), fmt.Sprintf("! comment  1: chữ %d", maxSheetFormats))
}
