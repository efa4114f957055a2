package extract

import (
	"strings"
	"testing"
)

// Sheets that are text or one XML file ask programs too.
func TestDDEInText(t *testing.T) {
	workbook := func(inside string) string {
		return `<?xml version="1.0"?><Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet" xmlns:ss="urn:schemas-microsoft-com:office:spreadsheet">` + inside + `</Workbook>`
	}
	for _, tc := range []struct{ name, file, want string }{
		{"a.csv", "stt,ten\n1,=cmd|'/c calc'!A0\n", " fact dde"},
		{"a.csv", "\"=MSEXCEL|'\\..\\..\\Windows\\System32\\cmd.exe /c calc'!''\"\n", " fact dde"},
		{"a.csv", "@SUM(cmd|'/c calc'!A0)\n", " fact dde"},
		{"a.csv", "= cmd|'/c calc'!A0\n", " fact dde"},
		{"a.csv", "=1*cmd|'/c calc'!A0\n", " fact dde"},
		{"a.csv", "=\"a\"&cmd |\t'/c calc' !A0\n", " fact dde"},
		{"a.csv", "\"=IF(1,cmd|'/c ''calc'''!A0)\"\n", " fact dde"},
		{"a.csv", "1;={'cmd'|'/c calc'!A0}\n", " fact dde"},
		{"a.csv", "\"=DDE(\"\"cmd\"\";\"\"/c calc\"\";\"\"a\"\")\"\n", " fact dde"},
		{"a.csv", "ma,cmd|'ghi chu'!x\n", "! fact dde"},
		{"a.csv", "-5,a|'ghi chu' va 'khac'\n", "! fact dde"},
		{"a.csv", "-5|abc|Hello!\n=A1+B2\n+84|'ghi chu'|x!\n", "! fact dde"},
		{"a.csv", "ten|'ghi chu'!\n", "! fact dde"},
		{"a.txt", "=cmd|'/c calc'!A0\n", "! fact dde"},
		{"a.xml", workbook(`<ExcelWorkbook><SupBook><Path>cmd|/c calc.exe</Path></SupBook></ExcelWorkbook>`), " fact dde"},
		{"a.xml", workbook(`<Cell ss:Formula="=cmd|'/c calc'!A0"/>`), " fact dde"},
		{"a.xml", workbook(`<SupBook><Path>C:\a.xls</Path></SupBook><Cell ss:Formula="=A1&amp;&quot;a|b!&quot;"><Data>a|b!c</Data></Cell>`), "! fact dde"},
	} {
		inspect(t, tc.name, octetStream, []byte(tc.file), DefaultLimits()).want(t, tc.want)
	}
}

func TestLinksOfWorkbooks(t *testing.T) {
	for link, want := range map[string]bool{"cmd\x03/c calc": true, "\x01C:\x03thu-muc\x03a.xls": false, "a.xls": false, "": false} {
		if namesProgram(link) != want {
			t.Errorf("%q names a program: %v", link, !want)
		}
	}
	types := `<Types><Default Extension="bin" ContentType="application/vnd.ms-excel.sheet.binary.macroEnabled.main"/></Types>`
	for head, want := range map[string]string{"\xe8\x02\x26\x01\x00": " fact dde", "\xe8\x02\x86\x01\x01\x00": " fact dde", "\xe8\x02\x26\x00\x00": "! fact dde", "\xe8\x02": "! fact dde"} {
		inspect(t, "a.xlsb", octetStream, zipOf(t, "[Content_Types].xml", types, "xl/workbook.bin", "x", "xl/externalLinks/externalLink1.bin", head+strings.Repeat("\x00", 20)),
			DefaultLimits()).want(t, want)
	}
}

func FuzzLineDDE(f *testing.F) {
	f.Add("1,=cmd|'/c calc'!A0")
	f.Add("|'|'|'!'!")
	f.Fuzz(func(t *testing.T, line string) {
		if lineDDE(line) && !strings.Contains(line, "|") {
			t.Errorf("%q", line)
		}
	})
}
