package main

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"log/slog"
	"mime"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/text/unicode/norm"

	"congthu/filter"
	"congthu/filter/message"
	"congthu/filter/policy"
	"congthu/rules"
)

// attached is a file as a mail carries it, and what the rule says of it: "" for nothing.
type attached struct {
	name string
	file []byte
	says string
}

// letterWith is an ordinary letter with a file of any name.
func letterWith(a attached) []byte {
	var b bytes.Buffer
	b.WriteString("From: <nvan@monre.gov.vn>\r\nTo: <vanthu@laocai.gov.vn>\r\nSubject: Gui tai lieu hop\r\nMIME-Version: 1.0\r\n" +
		"Content-Type: multipart/mixed; boundary=ranh\r\n\r\n--ranh\r\nContent-Type: text/plain\r\n\r\nKinh gui anh chi.\r\n--ranh\r\n" +
		"Content-Type: application/octet-stream\r\nContent-Disposition: " + mime.FormatMediaType("attachment", map[string]string{"filename": a.name}) +
		"\r\nContent-Transfer-Encoding: base64\r\n\r\n")
	for s := base64.StdEncoding.EncodeToString(a.file); len(s) > 0; {
		n := min(76, len(s))
		b.WriteString(s[:n] + "\r\n")
		s = s[n:]
	}
	b.WriteString("--ranh--\r\n")
	return b.Bytes()
}

// packedFiles is a zip of names and contents.
func packedFiles(t testing.TB, pairs ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := 0; i < len(pairs); i += 2 {
		method := zip.Deflate
		if pairs[i] == "mimetype" { // of a book, which is told by it
			method = zip.Store
		}
		w, err := z.CreateHeader(&zip.FileHeader{Name: pairs[i], Method: method})
		if err == nil {
			_, err = w.Write([]byte(pairs[i+1]))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// lockedZip is a zip whose only file is encrypted: its name stands in clear.
func lockedZip(t testing.TB, name string) []byte {
	t.Helper()
	b := packedFiles(t, name, "khong doc duoc")
	b[6] |= 1 // of the file's header (APPNOTE.TXT 4.4.4)
	b[bytes.Index(b, []byte("PK\x01\x02"))+8] |= 1
	return b
}

// office is a document of Office Open XML with further parts.
func office(t testing.TB, main string, pairs ...string) []byte {
	t.Helper()
	const types = `<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="xml" ContentType="application/xml"/>` +
		`<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="bin" ContentType="application/vnd.ms-office.vbaProject"/></Types>`
	body := map[string]string{
		"word/document.xml": `<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body><w:p><w:r><w:t>Kế hoạch công tác</w:t></w:r></w:p></w:body></w:document>`,
		"xl/workbook.xml":   `<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheets><sheet name="Bang"/></sheets></workbook>`,
	}[main]
	return packedFiles(t, append([]string{"[Content_Types].xml", types, main, body}, pairs...)...)
}

// outside is a relation of a document to something elsewhere.
func outside(kind, target string) string {
	return `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" TargetMode="External" Target="` + target +
		`" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/` + kind + `"/></Relationships>`
}

// field is a document of Word with the code of a field.
func field(t testing.TB, code string) []byte {
	t.Helper()
	return packedFiles(t, "[Content_Types].xml", "<Types/>", "word/document.xml", `<w:document xmlns:w="w"><w:body><w:p><w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r><w:instrText>`+code+
		`</w:instrText></w:r><w:r><w:fldChar w:fldCharType="end"/></w:r></w:p></w:body></w:document>`)
}

// windowsProgram is the beginning of a program of Windows.
func windowsProgram() []byte {
	b := make([]byte, 512)
	copy(b, "MZ\x90\x00")
	binary.LittleEndian.PutUint32(b[0x3c:], 128)
	copy(b[128:], "PE\x00\x00\x64\x86")
	return b
}

// withMark puts a mark into a file of nothing.
func withMark(at int, mark string, size int) []byte {
	b := make([]byte, size)
	copy(b[at:], mark)
	return b
}

// scriptPage is a page with a script.
func scriptPage(script string) []byte {
	return []byte("<!DOCTYPE html><html><head><meta charset=utf-8><title>Hóa đơn</title></head><body><p>Đang tải…<script>" + script + "</script></body></html>")
}

// pdfWith is a PDF file of an empty page with more in its catalogue.
func pdfWith(catalogue string) []byte {
	return []byte("%PDF-1.7\n1 0 obj\n<</Type /Catalog /Pages 2 0 R " + catalogue + ">>\nendobj\n2 0 obj\n<</Type /Pages /Kids [3 0 R] /Count 1>>\nendobj\n" +
		"3 0 obj\n<</Type /Page /Parent 2 0 R /MediaBox [0 0 600 800]>>\nendobj\ntrailer\n<</Root 1 0 R /Size 4>>\n%%EOF\n")
}

// notebook is a section of OneNote with files in it.
func notebook(files ...string) []byte {
	var b bytes.Buffer
	b.WriteString("\xe4\x52\x5c\x7b\x8c\xd8\xa7\x4d\xae\xb1\x53\x78\xd0\x29\x96\xd3" + strings.Repeat("\x00", 1000))
	for _, f := range files {
		b.WriteString("\xe7\x16\xe3\xbd\x65\x26\x11\x45\xa4\xc4\x8d\x4d\x0b\x7a\x9e\xac")
		b.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(f))))
		b.WriteString(strings.Repeat("\x00", 12) + f)
	}
	return b.Bytes()
}

// compound reads a compound file that this project made.
func compound(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "attachments", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// typesIn are the details of the rule's findings, with what they ask for.
func typesIn(v filter.Verdict) []string {
	var out []string
	for _, f := range v.Findings {
		if f.Rule == rules.NameAttachmentType {
			out = append(out, fmt.Sprintf("%s %s", f.Detail, f.Disposition))
		}
	}
	return out
}

func TestDangerousAttachments(t *testing.T) {
	j := newLookingJudge(t)
	all := append(dangerousNames(), append(dangerousFiles(t), dangerousDocuments(t)...)...)
	if len(all) < 80 {
		t.Errorf("only %d attachments", len(all))
	}
	for _, a := range all {
		t.Run(a.name, func(t *testing.T) {
			v := judged(t, j, letterWith(a))
			if got := typesIn(v); v.Disposition != filter.Refuse || !slices.Contains(got, a.says+" refuse") {
				t.Errorf("%s, wanted %s\n%s", v.Disposition, a.says, found(v))
			}
			if !strings.HasPrefix(v.Reply.String(), "550 5.7.1 [10.2, 11.5] ") {
				t.Errorf("reply %s", v.Reply)
			}
		})
	}
}

// What is dangerous is found whatever it is in, and the finding names it and its hash.
func TestDangerousAttachmentsInside(t *testing.T) {
	j := newLookingJudge(t)
	for _, a := range []attached{{"chay.exe", windowsProgram(), "executable"}, {"anh.jpg", windowsProgram(), "disguised"}, {"xem.js", []byte("var a = 1;"), "script"},
		{"bao-cao.pdf.scr", []byte("x"), "double-extension"}, {"thu.docx", office(t, "word/document.xml", "word/_rels/settings.xml.rels",
			outside("attachedTemplate", "https://example.test/a.dotm")), "remote-template"}} {
		for around, wrap := range wrappers() {
			t.Run(a.name+" in "+around, func(t *testing.T) {
				mail, part := wrap(t, a.name, a.file)
				v := judged(t, j, mail)
				named := false
				for _, f := range v.Findings {
					named = named || f.Rule == rules.NameAttachmentType && f.Part == part && f.Detail == a.says && (f.PartSHA256 != "" || !strings.Contains(part, "/"))
				}
				if v.Disposition != filter.Refuse || !named {
					t.Errorf("%s, wanted %s in part %s\n%s", v.Disposition, a.says, part, found(v))
				}
			})
		}
	}
}

// The same file under another name is judged by that name, though what is in it is remembered.
func TestNamesOfOneContent(t *testing.T) {
	j := newLookingJudge(t)
	file := tarred(t, "a.txt", []byte("x"))
	for _, a := range []attached{{"a.txt", []byte("mot van ban"), ""}, {"a.js", []byte("mot van ban"), "script refuse"}, {"b.txt", []byte("mot van ban"), ""},
		{"a.txt.exe", []byte("mot van ban"), "double-extension refuse"}, {"a.js.gz", file, "script refuse"}, {"a.tar.gz", file, ""}, {"b.js.gz", file, "script refuse"},
		{"a.gz", file, ""}} {
		if got := strings.Join(typesIn(judged(t, j, letterWith(a))), ", "); got != a.says {
			t.Errorf("%s: %q, wanted %q", a.name, got, a.says)
		}
	}
}

func TestInnocentAttachments(t *testing.T) {
	j := newLookingJudge(t)
	all := innocentAttachments(t)
	if len(all) < 80 {
		t.Errorf("only %d attachments", len(all))
	}
	for _, a := range all {
		t.Run(a.name, func(t *testing.T) {
			if got := typesIn(judged(t, j, letterWith(a))); len(got) > 0 {
				t.Errorf("found %v", got)
			}
		})
	}
}

// What is neither refused nor passed over.
func TestMildAttachments(t *testing.T) {
	j := newLookingJudge(t)
	macros := office(t, "xl/workbook.xml", "xl/vbaProject.bin", compound(t, "vba-button.bin"))
	for _, a := range []attached{
		{"bieu-mau.xlsm", macros, "macro tag"},
		{"tinh.py", []byte("print(1)\n"), "source tag"},
		{"bao-cao.pdf.html", []byte("<html><body>x"), "double-page tag"},
		{"to-khai.pdf", pdfWith("/OpenAction <</S /JavaScript /JS (this.calculateNow\\(\\))>>"), "pdf-script tag"},
		{"thu-bao-ve.html", scriptPage("document.write(atob('" + strings.Repeat("PGZvcm0+", 200) + "'))"), "obfuscated-page hold"},
	} {
		if got := strings.Join(typesIn(judged(t, j, letterWith(a))), ", "); got != a.says {
			t.Errorf("%s: %q, wanted %q", a.name, got, a.says)
		}
	}
	tx := inboundOf(t, letterWith(attached{name: "bieu-mau.xlsm", file: macros}))
	if v := j.Judge(t.Context(), tx); strings.Join(typesIn(v), ", ") != "macro hold" {
		t.Errorf("from outside: %s\n%s", v.Disposition, found(v))
	}
}

// What the administrator adds and excepts.
func TestOwnAttachmentTypes(t *testing.T) {
	j := typesJudge(t, "organisation: {domains: [monre.gov.vn]}\nrules: {attachment-type: {add: [.html], except: [xlsm, '*.img'], macros_outbound: accept}}\n")
	open := office(t, "xl/workbook.xml", "xl/vbaProject.bin", compound(t, "vba-open.bin"))
	for _, a := range []attached{
		{"trang.html", []byte("<html>x"), "added refuse"},
		{"bieu-mau.xlsm", open, ""},
		{"bieu-mau.xlsx", open, "macro-autorun refuse"},
		{"bieu-mau.zip", zipped(t, "a.xlsm", open), ""},
		{"dia.img", withMark(0x8001, "CD001", 0x9000), ""},
		{"dia.iso", withMark(0x8001, "CD001", 0x9000), "disk-image refuse"},
		{"nut.docm", office(t, "word/document.xml", "word/vbaProject.bin", compound(t, "vba-button.bin")), "macro accept"},
	} {
		if got := strings.Join(typesIn(judged(t, j, letterWith(a))), ", "); got != a.says {
			t.Errorf("%s: %q, wanted %q", a.name, got, a.says)
		}
	}
}

// typesJudge is the judge of a configuration.
func typesJudge(t testing.TB, conf string) *filter.Judge {
	t.Helper()
	c, err := policy.Parse("types.yml", []byte(conf), rules.Defaults())
	if err != nil {
		t.Fatal(err)
	}
	look, err := newLooking(prometheus.NewRegistry(), slog.New(slog.DiscardHandler), true)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { look.close() })
	p, err := buildPolicy(c, nil, look)
	if err != nil {
		t.Fatal(err)
	}
	j, err := filter.NewJudge(p, 1, filter.NewMetrics(prometheus.NewRegistry()), slog.New(slog.DiscardHandler), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// inboundOf is a mail as it comes from outside.
func inboundOf(t testing.TB, mail []byte) *filter.Transaction {
	t.Helper()
	m, err := message.Read(bytes.NewReader(mail), int64(len(mail)), message.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	return &filter.Transaction{ID: filter.NewID(time.Now()), Message: m, Session: filter.Session{Direction: filter.Inbound},
		ReversePath: filter.ParsePath("nam@example.com", ""), Recipients: []filter.Path{filter.ParsePath("nvan@monre.gov.vn", "")}}
}

// nfd is a name as macOS writes it.
func nfd(name string) string { return norm.NFD.String(name) }
