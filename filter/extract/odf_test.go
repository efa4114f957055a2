package extract

import "testing"

func TestODF(t *testing.T) {
	manifest := []string{"mimetype", "application/vnd.oasis.opendocument.text", "META-INF/manifest.xml", "<manifest/>"}
	text := func(body string) string {
		return `<office:document-content xmlns:office="o" xmlns:text="t"><office:body><office:text>` + body + `</office:text></office:body></office:document-content>`
	}
	for _, tc := range []struct {
		name  string
		parts []string
		want  []string
	}{
		{"blanks", []string{"content.xml", text("<text:p>M<text:s text:c='3'/>Ậ\n  T</text:p>")}, []string{" body  1: M   Ậ T"}},
		{"an old font of a span split", []string{"content.xml", `<office:document-content xmlns:office="o" xmlns:text="t" xmlns:style="s"><style:style style:name="T1"><style:text-properties style:font-name=".VnTime"/></style:style>` +
			`<style:style style:name="T2" style:parent-style-name="T1"/><office:body><office:text><text:p>a <text:span text:style-name="T1">M</text:span><text:span text:style-name="T2">ËT</text:span> Ë</text:p></office:text></office:body></office:document-content>`},
			[]string{" body  1: a MẬT Ë"}},
		{"pages", []string{"content.xml", text("<text:p>a</text:p><text:soft-page-break/><text:p>b</text:p>")}, []string{" body  1: a", " body  2: b"}},
		{"a header", []string{"styles.xml", `<x xmlns:style="s" xmlns:text="t"><style:master-page><style:header><text:p>MẬT</text:p></style:header></style:master-page></x>`}, []string{" header-footer  0: MẬT"}},
		{"macros", []string{"content.xml", text(""), "Basic/Standard/Module1.xml", `<script:module xmlns:script="s">Sub Main</script:module>`}, []string{" fact macro"}},
		{"macros that run", []string{"content.xml", text(`<office:event-listeners><script:event-listener xmlns:script="s" script:event-name="dom:load"/></office:event-listeners>`)}, []string{" fact macro-autorun"}},
		{"DDE", []string{"content.xml", text(`<text:dde-connection-decl/>`)}, []string{" fact dde"}},
		{"DDE in a formula", []string{"content.xml", text(`<table:table-cell xmlns:table="t" table:formula="of:=DDE(&quot;cmd&quot;;&quot;/c&quot;)"/>`)}, []string{" fact dde"}},
		{"a file inside", []string{"content.xml", text(""), "Object 1", "trong tệp"}, []string{"/1 body  0: trong tệp"}},
		{"a field's text that is asked anew", []string{"content.xml", text(`<text:user-field-decl office:string-value="MẬT"/><text:p><text:user-field-get>Thường</text:user-field-get></text:p>`)}, []string{" comment  0: MẬT", " body  1: Thường"}},
		{"a condition that holds", []string{"content.xml", text(`<text:p><text:conditional-text text:condition="ooow:1==1" text:string-value-if-true="MẬT" text:string-value-if-false="" text:current-value="false"/></text:p>`)}, []string{" comment  0: MẬT"}},
		{"a condition that may hold", []string{"content.xml", text(`<text:p><text:conditional-text text:condition="ooow:kin==1" text:string-value-if-true="MẬT" text:string-value-if-false="Thường" text:current-value="false"/></text:p>`)}, []string{" comment  0: Thường", "! comment  0: MẬT"}},
		{"hidden text", []string{"content.xml", text(`<text:p><text:hidden-text text:condition="ooow:1" text:string-value="TỐI MẬT"/></text:p>`)}, []string{" comment  0: TỐI MẬT"}},
		{"controls", []string{"content.xml", text(`<office:forms><form:fixed-text form:label="MẬT"/><form:text form:current-value="TỐI MẬT"/><form:checkbox form:label="Mật" form:current-state="checked"/><form:radio form:label="Tối mật"/><form:listbox><form:option form:label="Tuyệt mật"/><form:option form:label="Thường" form:current-selected="true"/></form:listbox></office:forms>`)},
			[]string{" comment  0: MẬT", " comment  0: TỐI MẬT", " comment  0: ☒ Mật", " comment  0: ☐ Tối mật", " comment  0: Thường", "! comment  0: Tuyệt mật"}},
		{"the sign of a list", []string{"content.xml", text(`<text:list-style><text:list-level-style-number style:num-prefix="MẬT " style:num-format="1"/><text:list-level-style-bullet text:bullet-char="•" style:num-suffix="."/></text:list-style>`)}, []string{" comment  0: MẬT", "! comment  0: •"}},
		{"a pronunciation", []string{"content.xml", text(`<text:p><text:ruby><text:ruby-base>M</text:ruby-base><text:ruby-text>x</text:ruby-text></text:ruby>ẬT</text:p>`)}, []string{" body  1: MẬT", " body  1: x"}},
		{"the footer of slides", []string{"content.xml", `<office:document-content><office:presentation><presentation:footer-decl>TỐI MẬT</presentation:footer-decl><presentation:header-decl>MẬT</presentation:header-decl></office:presentation></office:document-content>`}, []string{" body  0: TỐI MẬT", " body  0: MẬT"}},
		{"a formula", []string{"content.xml", text(``), "Object 1/content.xml", `<math><semantics><mrow><mi>M</mi><mtext>ẬT</mtext></mrow><annotation encoding="StarMath 5.0">khác</annotation></semantics></math>`}, []string{" body  0: MẬT"}},
		{"a property", []string{"meta.xml", `<office:document-meta xmlns:office="o" xmlns:meta="m"><meta:user-defined meta:name="Độ mật">Tối mật</meta:user-defined></office:document-meta>`}, []string{" property Độ mật 0: Tối mật"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			parts := append(append([]string{}, manifest...), tc.parts...)
			if tc.name == "a header" || tc.name == "a property" {
				parts = append(parts, "content.xml", text(""))
			}
			inspect(t, "a.odt", octetStream, zipOf(t, parts...), DefaultLimits()).want(t, tc.want...)
		})
	}
}

func TestPowerPoint(t *testing.T) {
	slide := func(body string) []byte {
		return zipOf(t, "[Content_Types].xml", "<Types/>", "ppt/slides/slide10.xml", `<p:sld xmlns:a="a" xmlns:p="p"><a:p><a:r><a:t>mười</a:t></a:r></a:p></p:sld>`,
			"ppt/slides/slide2.xml", `<p:sld xmlns:a="a" xmlns:p="p">`+body+`</p:sld>`)
	}
	for _, tc := range []struct {
		name, body string
		want       []string
	}{
		{"capitals", `<a:p><a:r><a:rPr cap="all"/><a:t>tối mật</a:t></a:r><a:r><a:t> x</a:t></a:r></a:p>`, []string{" body  2: TỐI MẬT x", " body  10: mười"}},
		{"an old font", `<a:p><a:r><a:rPr><a:latin typeface="VNI-Times"/></a:rPr><a:t>MAÄT</a:t></a:r></a:p>`, []string{" body  2: MẬT"}},
		{"cells", `<a:tbl><a:tr><a:tc><a:txBody><a:p><a:r><a:t>a</a:t></a:r></a:p></a:txBody></a:tc><a:tc><a:txBody><a:p><a:r><a:t>MẬT</a:t></a:r></a:p></a:txBody></a:tc></a:tr></a:tbl>`, []string{" body  2: a\tMẬT"}},
		{"a picture", `<p:pic><p:cNvPr descr="Dấu MẬT"/></p:pic>`, []string{" body  2: Dấu MẬT"}},
		{"lines", `<a:p><a:r><a:t>a</a:t></a:r><a:br/><a:r><a:t>MẬT</a:t></a:r></a:p>`, []string{" body  2: a", " body  2: MẬT"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inspect(t, "a.pptx", octetStream, slide(tc.body), DefaultLimits()).want(t, tc.want...)
		})
	}
}
