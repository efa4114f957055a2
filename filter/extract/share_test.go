package extract

import (
	"strings"
	"testing"

	"golang.org/x/net/html/atom"
)

// A share is a stranger's when its machine may be anywhere; what only a local network knows is not.
func TestForeignShare(t *testing.T) {
	for target, want := range map[string]bool{
		`\\203.0.113.7\a\b.png`: true, `//203.0.113.7/a`: true, `file://203.0.113.7/a.png`: true, `file:////203.0.113.7/a.png`: true, `FILE:\\203.0.113.7\a`: true,
		`smb://example.com/a`: true, `\\example.com@80\a`: true, `\\example.com@SSL\a`: true, `\\?\UNC\example.com\a`: true, `\\.\unc\example.com\a`: true,
		`\\3405803783\a`: true, `\\0xcb007107\a`: true, `//[2001:db8::1]/a`: true, `%5C%5Cexample.com%5Ca`: true, "\r\n \\\\example.com.\\a": true, `\\example.com`: true,
		`\\may-chu\chung\a.png`: false, `file://may-chu/chung/a`: false, `\\10.1.2.3\a`: false, `\\192.168.1.2\a`: false, `\\172.16.0.1\a`: false, `\\127.0.0.1\a`: false,
		`\\[fe80::1]\a`: false, `\\fs.monre.local\a`: false, `file:///C:/a.docx`: false, `file:///home/an/a.docx`: false, `file:a.docx`: false, `C:\a.docx`: false,
		`\\?\C:\a.docx`: false, `//C:/a`: false, `..\a.docx`: false, `https://example.com/a`: false, `https://example.com//a`: false, `a.pdf`: false, ``: false, `\\`: false,
		`\a\b`: false, `/a/b.c`: false, `mailto:a@example.com`: false,
	} {
		if got := foreignShare(target); got != want {
			t.Errorf("%q: %v", target, got)
		}
	}
}

// Codes of fields that load from elsewhere.
func TestFieldLoads(t *testing.T) {
	for code, want := range map[string]bool{
		`INCLUDETEXT "\\\\203.0.113.7\\a\\b.docx"`: true, `includetext "https://example.com/a.docx" \* MERGEFORMAT`: true, `INCLUDEPICTURE "\\\\example.com\\a.png" \d`: true,
		`INCLUDEPICTURE "file://example.com/a.png"`: true, `LINK Excel.Sheet.12 "\\\\example.com\\a.xlsx"`: true,
		`INCLUDEPICTURE "https://example.com/a.png" \d`: false, `INCLUDETEXT "C:\\mau\\a.docx"`: false, `INCLUDEPICTURE "\\\\may-chu\\anh\\a.png"`: false,
		`LINK Excel.Sheet.12 "D:\\a.xlsx" "Bang!R1C1"`: false, `HYPERLINK "\\\\example.com\\a"`: false, `PAGE \* MERGEFORMAT`: false, `INCLUDETEXT`: false, ``: false,
	} {
		if got := fieldLoads(code); got != want {
			t.Errorf("%s: %v", code, got)
		}
	}
}

// What a page loads without a click.
func TestLoadsFrom(t *testing.T) {
	for _, tc := range []struct {
		tag     atom.Atom
		address string
		want    bool
	}{
		{atom.Img, `\\203.0.113.7\a.png`, true}, {atom.Img, "file://example.com/a.png", true}, {atom.Iframe, "file://example.com/a", true}, {atom.Link, `\\example.com\a.css`, true},
		{atom.Meta, "search-ms:query=a&crumb=location:x", true}, {atom.Iframe, "MS-MSDT:/id x", true},
		{atom.A, `\\203.0.113.7\a.png`, false}, {atom.A, "search-ms:query=a", false}, {atom.Img, "//cdn.example.com/a.png", false}, {atom.Img, "https://example.com/a", false},
		{atom.Img, "file:///C:/a.png", false}, {atom.Img, `\\may-chu\a.png`, false}, {atom.Meta, "https://example.com", false}, {atom.Img, "", false},
		{atom.Img, strings.Repeat(" ", shareAddress) + `\\example.com\a`, false},
	} {
		if got := loadsFrom(tc.tag, tc.address); got != tc.want {
			t.Errorf("%s %.50q: %v", tc.tag, tc.address, got)
		}
	}
}

// A share in octets that no program reads otherwise: what is told a share begins as one.
func FuzzForeignShare(f *testing.F) {
	for _, s := range []string{`\\203.0.113.7\a`, "file://example.com/a", `\\?\UNC\[::1]:1@2\`, "%5c%5Ca.b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, target string) {
		if foreignShare(target) && !strings.ContainsAny(target, `\/%`) {
			t.Errorf("%q", target)
		}
	})
}
