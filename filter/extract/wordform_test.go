package extract

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// What Word shows of a document beside the letters of its runs, and what it keeps and does not show.
func TestWordForms(t *testing.T) {
	lists := []string{"word/numbering.xml", `<w:numbering xmlns:w="w"><w:abstractNum w:abstractNumId="3"><w:lvl w:ilvl="0"><w:lvlText w:val="MẬT %1"/></w:lvl><w:lvl w:ilvl="1"><w:lvlText w:val="TỐI MẬT"/></w:lvl>` +
		`<w:lvl w:ilvl="2"><w:lvlText w:val="%1.%2"/></w:lvl></w:abstractNum><w:num w:numId="7"><w:abstractNumId w:val="3"/></w:num><w:num w:numId="8"><w:abstractNumId w:val="3"/><w:lvlOverride w:ilvl="0"><w:lvl w:ilvl="0"><w:lvlText w:val="Điều %1."/></w:lvl></w:lvlOverride></w:num></w:numbering>`,
		"word/styles.xml", `<w:styles xmlns:w="w"><w:style w:type="paragraph" w:styleId="Dau"><w:pPr><w:numPr><w:numId w:val="7"/></w:numPr></w:pPr></w:style></w:styles>`}
	item := func(properties string) string {
		return `<w:p><w:pPr>` + properties + `</w:pPr><w:r><w:t>Kính gửi</w:t></w:r></w:p>`
	}
	code := func(code string) string {
		return `<w:p><w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r><w:instrText>` + code + `</w:instrText></w:r><w:r><w:fldChar w:fldCharType="end"/></w:r></w:p>`
	}
	for _, tc := range []struct {
		name, body string
		parts      []string
		want       []string
	}{
		{"the sign of a list", item(`<w:numPr><w:ilvl w:val="1"/><w:numId w:val="7"/></w:numPr>`), lists, []string{" body  1: TỐI MẬT\tKính gửi"}},
		{"a sign with a number", item(`<w:numPr><w:ilvl w:val="0"/><w:numId w:val="7"/></w:numPr>`), lists, []string{" body  1: MẬT 1\tMẬT\tKính gửi"}},
		{"the sign of a style's list", item(`<w:pStyle w:val="Dau"/>`), lists, []string{" body  1: MẬT 1\tMẬT\tKính gửi"}},
		{"another sign in one list", item(`<w:numPr><w:numId w:val="8"/></w:numPr>`), lists, []string{" body  1: Điều 1.\tĐiều\tKính gửi"}},
		{"numbers alone", item(`<w:numPr><w:ilvl w:val="2"/><w:numId w:val="7"/></w:numPr>`), lists, []string{" body  1: Kính gửi"}},
		{"a sign that nothing uses", item(``), lists, []string{" body  1: Kính gửi"}},
		{"the entry that was chosen", `<w:p><w:r><w:fldChar w:fldCharType="begin"><w:ffData><w:ddList><w:result w:val="1"/><w:listEntry w:val="Thường"/><w:listEntry w:val="MẬT"/><w:listEntry w:val="TỐI MẬT"/></w:ddList></w:ffData></w:fldChar></w:r><w:r><w:instrText>FORMDROPDOWN</w:instrText></w:r><w:r><w:fldChar w:fldCharType="end"/></w:r></w:p>`,
			nil, []string{" body  1: MẬT"}},
		{"the first entry where none was chosen", `<w:p><w:r><w:ddList><w:listEntry w:val="Thường"/><w:listEntry w:val="MẬT"/></w:ddList></w:r></w:p>`, nil, []string{" body  1: Thường", "! body  1: MẬT"}},
		{"the item of a content control", `<w:p><w:sdt><w:sdtPr><w:tag w:val="MẬT"/><w:dropDownList><w:listItem w:displayText="TỐI MẬT" w:value="2"/></w:dropDownList></w:sdtPr><w:sdtContent><w:r><w:t>Thường</w:t></w:r></w:sdtContent></w:sdt></w:p>`, nil,
			[]string{" body  1: Thường", "! body  1: TỐI MẬT", "! property  0: MẬT"}},
		{"letters by their numbers", `<w:p><w:r><w:sym w:font="Times New Roman" w:char="004D"/><w:sym w:font="Arial" w:char="F041"/><w:sym w:font="Symbol" w:char="F054"/><w:sym w:font="Arial" w:char="1EAC"/><w:sym w:font="Webdings" w:char="F04D"/></w:r></w:p>`, nil, []string{" body  1: MATẬ"}},
		{"a pronunciation", `<w:p><w:r><w:ruby><w:rt><w:r><w:t>x</w:t></w:r></w:rt><w:rubyBase><w:r><w:t>M</w:t></w:r></w:rubyBase></w:ruby></w:r><w:r><w:t>ẬT</w:t></w:r></w:p>`, nil, []string{" body  1: MẬT", " body  1: x"}},
		{"an alternative", `<w:p><w:r><mc:AlternateContent><mc:Choice Requires="wps"><w:drawing><wps:txbx><w:txbxContent><w:p><w:r><w:t>MẬT</w:t></w:r></w:p></w:txbxContent></wps:txbx></w:drawing></mc:Choice><mc:Fallback><w:pict><v:textbox><w:txbxContent><w:p><w:r><w:t>TỐI MẬT</w:t></w:r></w:p></w:txbxContent></v:textbox></w:pict></mc:Fallback></mc:AlternateContent></w:r></w:p>`,
			nil, []string{" body  1: MẬT", " body  1: TỐI MẬT"}},
		{"a quotation", code(`QUOTE "MẬT"`), nil, []string{" comment  0: MẬT"}},
		{"the face of a button", code(`MACROBUTTON  KhongCo TỐI MẬT`), nil, []string{" comment  0: TỐI MẬT"}},
		{"what is drawn", code(`EQ \x\to\bo(\s\up6(MẬT))`), nil, []string{" comment  0: MẬT"}},
		{"a question that is not shown", code(`IF 1 = 2 "MẬT" "Thường"`), nil, []string{"! comment  0: MẬT"}},
		{"a variable", "", []string{"word/settings.xml", `<w:settings xmlns:w="w"><w:docVars><w:docVar w:name="DoMat" w:val="MẬT"/></w:docVars></w:settings>`}, []string{" property DoMat 0: MẬT"}},
		{"SmartArt", "", []string{"word/diagrams/data1.xml", `<dgm:dataModel><dgm:pt><dgm:t><a:bodyPr/><a:p><a:r><a:t>MẬT</a:t></a:r></a:p></dgm:t></dgm:pt></dgm:dataModel>`}, []string{" body  0: MẬT"}},
		{"a watermark of a header", "", []string{"word/header1.xml", `<w:hdr><w:p><w:r><w:pict><v:shape><v:textpath string="TUYỆT MẬT"/></v:shape></w:pict></w:r></w:p></w:hdr>`}, []string{" header-footer  0: TUYỆT MẬT"}},
		{"bound data", "", []string{"customXml/item1.xml", `<d xmlns="urn:x" muc="TỐI MẬT"><so>12</so><e> MẬT </e></d>`}, []string{" property customXml 0: TỐI MẬT", " property customXml 0: 12", " property customXml 0: MẬT"}},
		{"levels to choose from", "", []string{"customXml/item1.xml", `<ct:contentTypeSchema><xsd:schema><xsd:enumeration value="Mật"/></xsd:schema><x a="Tối mật"/></ct:contentTypeSchema>`}, []string{"! property customXml 0: Mật", "! property customXml 0: Tối mật"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inspect(t, "a.docx", octetStream, docx(t, tc.body, tc.parts...), DefaultLimits()).want(t, tc.want...)
		})
	}
}

// Very many values of a document's own data are told together, and none is lost.
func TestCustomValuesLimit(t *testing.T) {
	var b strings.Builder
	for i := range maxCustomValues + 10 {
		fmt.Fprintf(&b, "<a>giá trị %d</a>", i)
	}
	s := inspect(t, "a.docx", octetStream, docx(t, "", "customXml/item1.xml", "<d>"+b.String()+strings.Repeat("<a>", 300)+"</d>"), DefaultLimits())
	for _, i := range []int{0, maxCustomValues - 1, maxCustomValues, maxCustomValues + 9} {
		if !slices.Contains(s.lines, fmt.Sprintf(" property customXml 0: giá trị %d", i)) {
			t.Errorf("value %d is lost", i)
		}
	}
}

// A slide keeps what programs add to it, as labels, under names.
func TestSlideTags(t *testing.T) {
	inspect(t, "a.pptx", octetStream, zipOf(t, "[Content_Types].xml", "<Types/>", "ppt/tags/tag1.xml", `<p:tagLst><p:tag name="DOMAT" val="MẬT"/></p:tagLst>`,
		"ppt/slideMasters/slideMaster1.xml", `<p:sldMaster><p:cSld><a:p><a:r><a:t>TỐI MẬT</a:t></a:r></a:p></p:cSld></p:sldMaster>`,
		"ppt/slideLayouts/slideLayout3.xml", `<p:sldLayout><a:p><a:r><a:t>MẬT</a:t></a:r></a:p></p:sldLayout>`,
		"ppt/notesSlides/notesSlide1.xml", `<p:notes><a:p><a:r><a:t>TUYỆT MẬT</a:t></a:r></a:p></p:notes>`), DefaultLimits()).
		want(t, " property DOMAT 0: MẬT", " header-footer  0: TỐI MẬT", " header-footer  0: MẬT", " comment  0: TUYỆT MẬT")
}
