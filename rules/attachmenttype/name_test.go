package attachmenttype_test

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"congthu/rules/attachmenttype"
	"congthu/rules/pack"
)

func judgeOf(t testing.TB, own attachmenttype.Own) *attachmenttype.Judge {
	t.Helper()
	p, err := pack.BuiltInAttachments()
	if err != nil {
		t.Fatal(err)
	}
	j, err := attachmenttype.New(p, own)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func TestDangerousNames(t *testing.T) {
	j := judgeOf(t, attachmenttype.Own{})
	for name, want := range map[string]attachmenttype.Kind{
		"setup.exe":                         "executable",
		"SETUP.EXE":                         "executable",
		"a.ExE":                             "executable",
		"may.scr":                           "executable",
		"Công văn.pif":                      "executable",
		"chay.cpl":                          "executable",
		"chay.com":                          "executable",
		"cai-dat.msi":                       "executable",
		"hoadon.jar":                        "executable",
		"app.apk":                           "executable",
		"a.js":                              "script",
		"a.jse":                             "script",
		"a.vbs":                             "script",
		"a.vbe":                             "script",
		"a.wsf":                             "script",
		"a.hta":                             "script",
		"a.ps1":                             "script",
		"a.bat":                             "script",
		"a.cmd":                             "script",
		"thu.lnk":                           "shortcut",
		"thu.url":                           "shortcut",
		"thu.desktop":                       "shortcut",
		"thu.scf":                           "shortcut",
		"thu.library-ms":                    "shortcut",
		"thu.SettingContent-ms":             "shortcut",
		"thu.appref-ms":                     "shortcut",
		"may-chu.rdp":                       "shortcut",
		"dia.iso":                           "disk-image",
		"dia.img":                           "disk-image",
		"dia.vhd":                           "disk-image",
		"dia.vhdx":                          "disk-image",
		"ham.xll":                           "add-in",
		"huong-dan.chm":                     "help",
		"gia.iqy":                           "query",
		"gia.slk":                           "query",
		"may.reg":                           "settings",
		"tinh.py":                           "source",
		"tinh.sh":                           "source",
		"bao-cao.pdf.exe":                   "double-extension",
		"Báo cáo quý 3.docx.js":             "double-extension",
		"anh.jpg .scr":                      "double-extension",
		"ds.xlsx.py":                        "double-extension",
		"nen.zip.exe":                       "double-extension",
		"bao-cao.pdf            .exe":       "padded-name",
		"bao-cao            .exe":           "padded-name",
		"bao-cao\u00a0\u00a0\u00a0.exe":     "padded-name",
		"bao-cao.pdf\u3164\u3164\u3164.exe": "padded-name",
		"bao-cao.pdf\u2800\u2800\u2800\u2800.scr": "padded-name",
		"bao-cao.pdf__________.exe":               "padded-name",
		"cong-van\u202efdp.exe":                   "right-to-left",
		"cong-van\u202excod.pdf":                  "right-to-left",
		"setup.e\u200bxe":                         "invisible-characters",
		"setup.\u2060exe":                         "invisible-characters",
		"setup.e\u00adxe":                         "invisible-characters",
		"setup.exe\u200b":                         "executable",
		"a\u200b.pdf\u200b.exe":                   "double-extension",
		"setup.exe.":                              "executable",
		"setup.exe. . .":                          "executable",
		"setup.exe ":                              "executable",
		"setup.exe\u00a0":                         "executable",
		"setup.exe::$DATA":                        "stream-name",
		"thu.txt:setup.exe":                       "executable",
		"setup.exe:thu.txt":                       "stream-name",
		"setup.exe:Zone.Identifier":               "stream-name",
		`C:\Users\a\setup.exe`:                    "executable",
		"../../setup.exe":                         "executable",
		"thu.pdf/setup.exe":                       "executable",
		"setup.exe/":                              "executable",
		"setup.exe\x00.pdf":                       "executable",
		"setup.e\x00xe":                           "executable",
		"setup%2Eexe":                             "executable",
		"cong-van%E2%80%AEfdp.txt":                "right-to-left",
		"\"setup.exe\"":                           "executable",
		"setup.exe'":                              "executable",
		"setup.ｅｘｅ":                               "executable",
		"setup.ex\u0435":                          "", // a letter of Cyrillic: no program runs it
		"a.js.gz":                                 "script",
		"a.pdf.js.gz":                             "double-extension",
		"a.exe.xz":                                "executable",
		"thu.{3050F4D8-98B5-11CF-BB82-00AA00BDCE0B}":      "class-id",
		"bao-cao.pdf.html":                                "double-page",
		"hoa-don.docx.svg":                                "double-page",
		strings.Repeat("x", 100_000) + ".pdf" + ".exe":    "double-extension",
		strings.Repeat(" ", 10_000) + ".exe":              "executable",
		"bao-cao.pdf" + strings.Repeat(" ", 300) + ".exe": "padded-name",
		strings.Repeat("a:", 100) + "setup.exe":           "executable",
	} {
		if got := j.Name(name, ""); got != want {
			t.Errorf("%.60q is %q, wanted %q", name, got, want)
		}
	}
}

func TestInnocentNames(t *testing.T) {
	j := judgeOf(t, attachmenttype.Own{})
	for _, name := range []string{
		"", ".", "..", "...", "exe", ".exe.pdf", "QĐ 12.3.2026.pdf", "Báo cáo v1.2.docx", "CV_gui_Cuc.signed.pdf", "bao-cao.pdf", "Tờ trình.DOC",
		"Danh sách cán bộ.xlsx", "biểu mẫu.xlsm", "thu.eml", "lich.ics", "danh-ba.vcf", "smime.p7s", "smime.p7m", "chu-ky.asc", "anh.JPG", "anh.heic",
		"Screenshot 2026-01-01 at 9.41.00\u202fAM.png", "\u200eWhatsApp Image 2026-01-01.jpeg", "tep\u200b moi.docx", "van\u00adban.pdf", "tep.pdf\u200e",
		"\u202aC.docx\u202c", "\u2068Báo cáo\u2069.pdf", "تقرير.pdf", "\u202bتقرير.pdf\u202c", "Báo cáo   .docx", "Báo cáo.docx.", "Họp 14:30.pdf", "Re: Báo cáo.docx",
		"Kính gửi Mr. Bat", "Phụ lục 1. Js", "12.3", "v2.0", "so-lieu.2026.11.24.csv", "a.tar.gz", "a.docx.gz", "du-lieu.mat", "du-lieu.nc", "ban-do.shp", "ban-do.dbf",
		"ban-do.prj", "ban-do.dwg", "ban-do.kmz", "luu.zip", "luu.rar", "luu.7z", "chung-thu.cer", "chung-thu.crt", "khoa.p12", "trang.html", "trang.mht", "anh.svg",
		"de-tai.pptx", "de-tai.odt", "tap.json", "tap.xml", "tap.mdb", "tap.one", "nhac.mp3", "phim.mp4", "bao-cao.final.v2.docx", "bao-cao.exe.docx", "100%.docx",
		"50%20.docx", "ban sao.pdf.pdf", "tep.docx.zip", "hoa-don.xml.zip", "tep\u0323.docx", "👨\u200d👩\u200d👧.png", "❤\ufe0f.jpg", "bao-cao.{1}.pdf", "winmail.dat",
		"Nghị quyết số 57-NQ-TW ngày 22.12.2024.pdf", norm.NFD.String("Quyết định phê duyệt.docx"), norm.NFD.String("Thông báo số 3.2026.pdf"), "Ke hoach T.11.xlsx",
		"khach-san.com.vn.pdf", "message.eml", "ATT00001.htm", "image001.png", "~WRD0001.jpg", "noname", "Untitled.rtf", "tep.docx\u00a0", "a.b.c.d.e.f.txt",
	} {
		if got := j.Name(name, ""); got != attachmenttype.None {
			t.Errorf("%q is %q", name, got)
		}
	}
}

// What a file is by its content takes the danger from some names, and from no others.
func TestNamesAndTypes(t *testing.T) {
	j := judgeOf(t, attachmenttype.Own{})
	for _, tc := range []struct {
		name, mediaType string
		want            attachmenttype.Kind
	}{
		{"www.monre.gov.com", "text/html", ""},
		{"Fw: bao gia abc.com", "message/rfc822", ""},
		{"abc.com", "application/octet-stream", "executable"},
		{"abc.com", "text/plain", "executable"},
		{"anh-vien-tham.img", "application/x-erdas-hfa", ""},
		{"anh-vien-tham.img", "application/octet-stream", "disk-image"},
		{"mach.vhd", "text/plain", ""},
		{"mach.vhd", "application/x-vhd", "disk-image"},
		{"a.exe", "application/pdf", "executable"},
		{"a.js", "text/html", "script"},
	} {
		if got := j.Name(tc.name, tc.mediaType); got != tc.want {
			t.Errorf("%s of %s is %q, wanted %q", tc.name, tc.mediaType, got, tc.want)
		}
	}
	if k := j.Label("application/hta", ""); k != attachmenttype.Script {
		t.Errorf("a part without a name, application/hta: %q", k)
	}
	if k := j.Label("application/x-msdownload", "application/pdf"); k != attachmenttype.None {
		t.Errorf("a PDF file that is called application/x-msdownload: %q", k)
	}
}

func TestOwnExtensions(t *testing.T) {
	j := judgeOf(t, attachmenttype.Own{Add: []string{"html", "py", "exe"}, Except: []string{"img", "xlsm", "js"}})
	for name, want := range map[string]attachmenttype.Kind{"a.html": "added", "a.py": "added", "a.exe": "executable", "a.img": "", "a.js": "", "a.pdf.js": "",
		"a.pdf.html": "double-extension", "a.vbs": "script", "a\u202e.js": "right-to-left"} {
		if got := j.Name(name, ""); got != want {
			t.Errorf("%q is %q, wanted %q", name, got, want)
		}
	}
	for _, tc := range []struct {
		names []string
		kind  attachmenttype.Kind
		want  bool
	}{
		{[]string{"a.img"}, "disk-image", true}, {[]string{"a.img", "A.IMG"}, "disk-image", true}, {[]string{"a.img", "a.iso"}, "disk-image", false},
		{[]string{"a.img"}, "executable", false}, {nil, "disk-image", false}, {[]string{"a.xlsm"}, attachmenttype.MacroAutorun, true},
		{[]string{"a.docm"}, attachmenttype.MacroAutorun, false}, {[]string{"a.xlsm"}, attachmenttype.DDE, false}, {[]string{"a.js"}, attachmenttype.Macro, false},
	} {
		if got := j.Excepted(tc.names, tc.kind); got != tc.want {
			t.Errorf("%q of %s excepted: %v", tc.names, tc.kind, got)
		}
	}
	p, err := pack.BuiltInAttachments()
	if err != nil {
		t.Fatal(err)
	}
	for _, own := range []attachmenttype.Own{{Except: []string{"docx"}}, {Add: []string{".exe"}}, {Add: []string{"js"}, Except: []string{"js"}}} {
		if _, err := attachmenttype.New(p, own); !errors.As(err, new(*attachmenttype.OwnError)) {
			t.Errorf("%v: %v", own, err)
		}
	}
}

func FuzzName(f *testing.F) {
	for _, s := range []string{"setup.exe", "bao-cao.pdf   .exe", "a\u202ecod.exe", "a%2e%65xe", "a.exe::$DATA", "x.{3050f4d8-98b5-11cf-bb82-00aa00bdce0b}", "a.js.gz.gz", "\xff.exe\x00"} {
		f.Add(s, "")
	}
	j := judgeOf(f, attachmenttype.Own{})
	f.Fuzz(func(t *testing.T, name, mediaType string) {
		if k := j.Name(name, mediaType); k != attachmenttype.None && k != j.Worse(k, attachmenttype.None) {
			t.Errorf("%q is %q", name, k)
		}
		// What is called .exe in the end is found, whatever stands before.
		if utf8.ValidString(name) && !strings.ContainsAny(name, ":%\x00/\\") {
			if k := j.Name(name+"x.exe", mediaType); k == attachmenttype.None || j.Mild(k) {
				t.Errorf("%q with .exe is %q", name, k)
			}
		}
	})
}
