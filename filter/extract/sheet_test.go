package extract

import "testing"

// How a text is spoken is no part of it (ECMA-376 part 1, 18.4.6), and is text.
func TestSpokenCells(t *testing.T) {
	const spoken = `<t>MẬT</t><rPh sb="0" eb="1"><t>トイ</t></rPh><phoneticPr fontId="1"/>`
	s := inspect(t, "a.xlsx", octetStream, zipOf(t, "[Content_Types].xml", "<Types/>", "xl/sharedStrings.xml", `<sst><si>`+spoken+`</si></sst>`,
		"xl/worksheets/sheet1.xml", `<worksheet><sheetData><row><c t="s"><v>0</v></c><c t="inlineStr"><is>`+spoken+`</is></c></row></sheetData></worksheet>`), DefaultLimits())
	s.want(t, " body  1: MẬT\tMẬT", " body  1: トイ", " body  0: トイ")
}
