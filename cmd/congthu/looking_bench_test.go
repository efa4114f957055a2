package main

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"congthu/filter"
)

const benchDocument = 5 << 20 // octets of the document

// bigDocument is a .docx of some 5 MB: running text and a picture that hardly shrinks, each about half.
func bigDocument(b *testing.B) []byte {
	b.Helper()
	rnd := rand.New(rand.NewPCG(5, 2026))
	words := strings.Fields("báo cáo kết quả quan trắc môi trường nước mặt tại các trạm thủy văn năm mật độ đo đạc và bản đồ số liệu đề nghị đơn vị gửi trước ngày")
	var text strings.Builder
	text.WriteString(`<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>`)
	for text.Len() < 9<<20 {
		text.WriteString(`<w:p><w:pPr><w:jc w:val="both"/></w:pPr><w:r><w:rPr><w:sz w:val="26"/></w:rPr><w:t xml:space="preserve">`)
		for range 30 {
			fmt.Fprintf(&text, "%s %d ", words[rnd.IntN(len(words))], rnd.IntN(100_000))
		}
		text.WriteString("</w:t></w:r></w:p>")
	}
	text.WriteString("</w:body></w:document>")
	picture := make([]byte, 2<<20)
	for i := range picture {
		picture[i] = byte(rnd.Uint32())
	}
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for _, f := range []struct {
		name string
		data []byte
	}{
		{"[Content_Types].xml", []byte(`<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>`)},
		{"_rels/.rels", []byte(`<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="word/document.xml"/></Relationships>`)},
		{"word/document.xml", []byte(text.String())},
		{"word/media/image1.png", picture},
	} {
		w, err := z.Create(f.name)
		if err == nil {
			_, err = w.Write(f.data)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		b.Fatal(err)
	}
	return out.Bytes()
}

// unzip reads everything in a zip: what looking into it is measured against.
func unzip(b *testing.B, file []byte) {
	b.Helper()
	z, err := zip.NewReader(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		b.Fatal(err)
	}
	for _, f := range z.File {
		r, err := f.Open()
		if err == nil {
			_, err = io.Copy(io.Discard, r)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkLookingIntoDocument prints how many times the processor time of unzipping it takes to judge a mail with a 5 MB document, and
// what a second mail with the same document costs. The document changes each time, or its hash would be known.
func BenchmarkLookingIntoDocument(b *testing.B) {
	file := bigDocument(b)
	if len(file) < benchDocument*3/4 || len(file) > benchDocument*5/4 {
		b.Fatalf("the document has %d octets", len(file))
	}
	j := newLookingJudge(b)
	var unzipping, judging, again time.Duration
	for i := 0; b.Loop(); i++ {
		start := cpuTime(b)
		unzip(b, file)
		unzipping += cpuTime(b) - start
		other := append(bytes.Clone(file), 0) // a zip's comment may be cut off: its directory is found all the same
		other[len(other)-1] = byte(i)
		mail := carrying("application/octet-stream", "a.docx", other)
		start = cpuTime(b)
		if v := judged(b, j, mail); v.Disposition > filter.Tag || v.Err != nil {
			b.Fatalf("%s, %v\n%s", v.Disposition, v.Err, found(v))
		}
		judging += cpuTime(b) - start
		start = cpuTime(b)
		judged(b, j, mail)
		again += cpuTime(b) - start
	}
	b.ReportMetric(float64(judging)/float64(unzipping), "x-unzipping")
	b.ReportMetric(float64(again)/float64(unzipping), "again-x-unzipping")
}

// BenchmarkLookingAgain is what a mail costs whose file is known by its hash, without reading the mail.
func BenchmarkLookingAgain(b *testing.B) {
	j := newLookingJudge(b)
	mail := carrying("application/octet-stream", "a.docx", pageFiles(b, "marked")["docx"])
	judged(b, j, mail)
	for b.Loop() {
		judged(b, j, mail)
	}
}

// BenchmarkLookingIntoPDF prints how many pages a warm worker and the gate read in a second of their processor time, and
// in a second by the clock.
func BenchmarkLookingIntoPDF(b *testing.B) {
	const n = 200
	j := newLookingJudge(b)
	judged(b, j, carrying("application/pdf", "a.pdf", pdfOf(1, -1))) // the worker is warm now
	mails := make([][]byte, 0, 16)
	var used time.Duration
	for i := 0; b.Loop(); i++ {
		if i%cap(mails) == 0 {
			b.StopTimer()
			for mails = mails[:0]; len(mails) < cap(mails); {
				mails = append(mails, carrying("application/pdf", "a.pdf", pdfOf(n, i+len(mails))))
			}
			b.StartTimer()
		}
		start := cpuTime(b) + workersTime(b)
		if v := judged(b, j, mails[i%cap(mails)]); v.Disposition != filter.Accept || len(v.NotInspected) > 0 {
			b.Fatalf("%s %v", v.Disposition, v.NotInspected)
		}
		used += cpuTime(b) + workersTime(b) - start
	}
	b.ReportMetric(n*float64(b.N)/used.Seconds(), "pages/cpu-s")
	b.ReportMetric(n*float64(b.N)/b.Elapsed().Seconds(), "pages/s")
}

// clockTick is the unit of times in proc_pid_stat(5), on all machines that Go runs on.
const clockTick = time.Second / 100

// workersTime is the processor time of this process's children that run, in ticks.
func workersTime(b *testing.B) time.Duration {
	lists, err := filepath.Glob("/proc/self/task/*/children")
	if err != nil || len(lists) == 0 {
		b.Skip("this kernel does not list a process's children")
	}
	var sum time.Duration
	for _, list := range lists {
		pids, err := os.ReadFile(list)
		if err != nil {
			continue // the thread has ended
		}
		for pid := range strings.FieldsSeq(string(pids)) {
			stat, err := os.ReadFile("/proc/" + pid + "/stat")
			if err != nil {
				continue // the child has ended
			}
			fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
			for _, f := range fields[11:13] { // utime and stime, the 14th and 15th of all
				ticks, err := strconv.Atoi(f)
				if err != nil {
					b.Fatal(err)
				}
				sum += time.Duration(ticks) * clockTick
			}
		}
	}
	return sum
}

// pdfOf is a PDF file (ISO 32000-1) of so many pages of text.
func pdfOf(pages, seed int) []byte {
	var b bytes.Buffer
	var at []int
	object := func(body string) {
		at = append(at, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", len(at), body)
	}
	b.WriteString("%PDF-1.4\n")
	object("<< /Type /Catalog /Pages 2 0 R >>")
	kids := ""
	for i := range pages {
		kids += fmt.Sprintf("%d 0 R ", 4+2*i)
	}
	object(fmt.Sprintf("<< /Type /Pages /Count %d /Kids [%s] >>", pages, kids))
	object("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>")
	for i := range pages {
		object(fmt.Sprintf("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents %d 0 R /Resources << /Font << /F 3 0 R >> >> >>", 5+2*i))
		text := "BT /F 11 Tf 14 TL 60 780 Td\n"
		for line := range 40 {
			text += fmt.Sprintf("(Line %d of page %d, file %d: results of measuring water at the stations of the district) Tj T*\n", line, i, seed)
		}
		text += "ET"
		object(fmt.Sprintf("<< /Length %d >>\nstream\n%s\nendstream", len(text), text))
	}
	xref := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(at)+1)
	for _, o := range at {
		fmt.Fprintf(&b, "%010d 00000 n \n", o)
	}
	fmt.Fprintf(&b, "trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(at)+1, xref)
	return b.Bytes()
}
