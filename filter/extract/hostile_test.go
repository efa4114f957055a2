package extract

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"time"

	"congthu/filter/message"
)

// tolerant is an out that checks what it is given and keeps nothing.
type tolerant struct {
	t      testing.TB
	octets int64
	calls  int
}

func (o *tolerant) text(t Text) error {
	if t.Page < 0 || t.Reading < 0 || t.Kind == "" {
		o.t.Errorf("text of kind %q, page %d, reading %d", t.Kind, t.Page, t.Reading)
	}
	return o.spend(int64(len(t.Value)))
}
func (o *tolerant) fact(f Fact) {
	if f == "" {
		o.t.Error("an empty fact")
	}
}
func (o *tolerant) miss(why message.Reason) {
	if why == "" {
		o.t.Error("an empty reason")
	}
}
func (o *tolerant) member(_ []string, r io.Reader) error {
	n, err := io.Copy(io.Discard, io.LimitReader(r, 1<<20))
	if limit := (stop{}); errors.As(err, &limit) && limit.why == message.TooBig {
		return limit
	}
	return o.spend(n)
}

func (o *tolerant) spend(n int64) error {
	if o.octets += n; o.octets > 64<<20 {
		return stop{message.TooBig}
	}
	if o.calls++; o.calls > 100_000 {
		return stop{message.TooMany}
	}
	return nil
}

// inProcess are the readers that work in this process, with a sample of each.
func inProcess(t testing.TB) map[string][][]byte {
	plain := func(names ...string) [][]byte {
		var all [][]byte
		for _, n := range names {
			all = append(all, officeSample(t, n))
		}
		return all
	}
	mail := []byte("Subject: x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n<p>a\r\n--b\r\nContent-Transfer-Encoding: base64\r\n\r\nUEsDBA==\r\n--b--\r\n")
	return map[string][][]byte{
		"html": append(plain("letter.html"), []byte(`<script>new Blob(atob("x"))</script><table><td>a<td style="font:x">b<pre> c`)),
		"xml":  append(plain("letter.fodt", "table.fods", "slides.fodp"), []byte(`<svg><text>a</text><![CDATA[b]]></svg>`)),
		"rtf":  append(plain("letter.rtf"), []byte(`{\rtf1{\fonttbl{\f0\fcharset163 .VnTime;}}\u7852?\'c2{\object{\*\objdata 0105000002000000}}{\*\x\bin3 abc}}`)),
		"zip": append(plain("letter.docx", "table.xlsx", "table.ods"), docx(t, `<w:p><w:r><w:instrText>DDE</w:instrText></w:r></w:p>`, "word/vbaProject.bin", "\xd0\xcf\x11\xe0"),
			zipOf(t, "a.txt", "x", "b", strings.Repeat("y", 1000))),
		"calendar": {[]byte("BEGIN:VCARD\r\nNOTE;ENCODING=QUOTED-PRINTABLE;CHARSET=x:a=\r\n=C2\r\n b\r\nEND:VCARD")},
		"message":  {mail},
		"tar":      {tarred(t, "a", "b")},
		"gzip":     {gzipped(t, "a", strings.NewReader("text"))},
		"zstd":     {zstded(t, strings.NewReader("text"))},
		"bzip2":    {[]byte("BZh91AY&SY\x19\x31\x65\x3d\x00\x00\x00\x81\x00\x02\x44\xa0\x00\x21\x9a\x68\x33\x4d\x07\x33\x8b\xb9\x22\x9c\x28\x48\x0c\x98\xb2\x9e\x80")},
		"mbox":     {[]byte("From a@b.vn Mon Nov 23 10:00:00 2026\n" + letterInBase64("") + "\nFrom a@b.vn Mon Nov 23 10:00:00 2026\n" + letterInBase64(""))},
		"emlx":     {[]byte("123\n" + letterInBase64(""))},
		"uu":       {[]byte("begin 644 a.txt\n" + uuline(mark) + "`\nend\n")},
		"text":     {[]byte("M\xc2\xf2T \xff\xfe"), []byte(utf16of("MẬT", true))},
	}
}

// readAs gives a file to one reader.
func readAs(t testing.TB, name string, file []byte) error {
	o := &tolerant{t: t}
	in := &input{content: bytes.NewReader(file), head: file[:min(len(file), headBytes)], file: &File{Names: []string{"a.x"}, Size: int64(len(file))},
		limits: DefaultLimits(), spend: o.spend}
	return formats()[name].read(t.Context(), in, o)
}

// A file that is cut off anywhere is damaged or not, and never more than that.
func TestTruncated(t *testing.T) {
	for name, files := range inProcess(t) {
		for i, file := range files {
			if err := readAs(t, name, file); err != nil && !(name == "text" || name == "html" && i > 0) {
				t.Errorf("%s %d whole: %v", name, i, err)
			}
			step := max(1, len(file)/400)
			for n := 0; n < len(file); n += step {
				_ = readAs(t, name, file[:n]) // it returns
			}
		}
	}
}

// Files with octets changed, left out and doubled are read to some end.
func TestMutated(t *testing.T) { hurtReaders(t, 50) }

func hurtReaders(t *testing.T, times int) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for name, files := range inProcess(t) {
		for i := range times {
			_ = readAs(t, name, mutated(random, files[i%len(files)])) // it returns
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if after.HeapAlloc > before.HeapAlloc+64<<20 {
		t.Errorf("%d octets are kept", after.HeapAlloc-before.HeapAlloc)
	}
}

func mutated(random *rand.Rand, file []byte) []byte {
	b := bytes.Clone(file)
	for range 1 + random.IntN(8) {
		if len(b) < 4 {
			break
		}
		at := random.IntN(len(b) - 2)
		n := min(random.IntN(64), len(b)-at)
		switch random.IntN(4) {
		case 0:
			b[at] = byte(random.Uint32())
		case 1:
			b = append(b[:at], b[at+n:]...)
		case 2:
			b = append(b[:at+n:at+n], b[at:]...)
		case 3:
			b[at], b[at+1] = 0xff, 0xff
		}
	}
	return b
}

// Groups of RTF, elements of HTML and lines without end cost what they weigh.
func TestEndless(t *testing.T) {
	for _, tc := range []struct {
		name, reader string
		file         string
		why          message.Reason
	}{
		{"groups", "rtf", `{\rtf1` + strings.Repeat("{", 10_000), message.TooDeep},
		{"many groups", "rtf", `{\rtf1` + strings.Repeat("{}", 1<<20) + "}", ""},
		{"many fonts", "rtf", `{\rtf1{\fonttbl` + strings.Repeat(`{\f1\fcharset163 x;}`, 1<<17) + "}}", ""},
		{"a font's name", "rtf", `{\rtf1{\fonttbl{\f1 ` + strings.Repeat(`x`, 4<<20) + ";}}}", ""},
		{"elements", "html", strings.Repeat("<font face=x>", 1<<18), ""},
		{"attributes", "html", "<p " + strings.Repeat("a=b ", 1<<20) + ">", ""},
		{"attributes of XML", "xml", "<p " + strings.Repeat("a='b' ", 1<<20) + ">", message.TooBig},
		{"elements of XML", "xml", strings.Repeat("<a>", 10_000), message.TooDeep},
		{"a line", "calendar", "BEGIN:VCARD\nNOTE:" + strings.Repeat("x", 4<<20), ""},
		{"folded lines", "calendar", "BEGIN:VCARD\nNOTE:" + strings.Repeat("\n x", 1<<20), ""},
		{"fields", "message", strings.Repeat("Subject: x\n", 10_000), ""},
	} {
		start := time.Now()
		err := readAs(t, tc.reader, []byte(tc.file))
		if limit := (stop{}); tc.why != "" && !(errors.As(err, &limit) && limit.why == tc.why) || tc.why == "" && err != nil {
			t.Errorf("%s: %v", tc.name, err)
		}
		t.Logf("%s: %v", tc.name, time.Since(start))
	}
}

func fuzz(f *testing.F, name string) {
	for _, file := range inProcess(f)[name] {
		f.Add(file)
	}
	f.Fuzz(func(t *testing.T, file []byte) { _ = readAs(t, name, file) })
}

func FuzzHTML(f *testing.F)     { fuzz(f, "html") }
func FuzzXMLText(f *testing.F)  { fuzz(f, "xml") }
func FuzzRTF(f *testing.F)      { fuzz(f, "rtf") }
func FuzzZip(f *testing.F)      { fuzz(f, "zip") }
func FuzzCalendar(f *testing.F) { fuzz(f, "calendar") }
func FuzzTar(f *testing.F)      { fuzz(f, "tar") }
func FuzzMbox(f *testing.F)     { fuzz(f, "mbox") }
func FuzzUU(f *testing.F)       { fuzz(f, "uu") }

// The parts of documents are fuzzed without the zip around them.
func FuzzWordText(f *testing.F) {
	f.Add([]byte(`<w:document><w:p><w:r><w:rPr><w:rFonts w:ascii=".VnTime"/></w:rPr><w:t>M&#203;T</w:t><w:br/></w:r></w:p></w:document>`))
	f.Add([]byte(`<w:p><w:pPr><w:pStyle w:val="a"/><w:numPr><w:ilvl w:val="1"/><w:numId w:val="7"/></w:numPr></w:pPr><w:r><w:ddList><w:result w:val="1"/><w:listEntry w:val="M"/></w:ddList><w:sym w:font="Arial" w:char="F04D"/><w:ruby><w:rt><w:t>x</w:t></w:rt></w:ruby></w:r><w:r><w:fldChar w:fldCharType="begin"/><w:instrText>EQ \\x(M)</w:instrText><w:fldChar w:fldCharType="end"/></w:r></w:p>`))
	f.Add([]byte(`<a><abstractNum abstractNumId="3"><lvl ilvl="0"><lvlText val="abc %1"/></lvl></abstractNum><num numId="7"><abstractNumId val="3"/></num><style styleId="a"><numId val="7"/></style><numFmt numFmtId="1" formatCode="&quot;abc&quot;0;\\-@"/><cellXfs><xf numFmtId="1"/></cellXfs><definedName>{"a";"b"}</definedName><s v="x"/></a>`))
	f.Add([]byte(`<xdp><items><text>a</text></items><draw><p>a<span>b</span></p></draw><schema a="b"/><text:conditional-text text:condition="ooow:1==1" text:string-value-if-true="a"/><form:option form:selected="true" form:label="a"/><ruby-text>x</ruby-text></xdp>`))
	f.Add([]byte(`<worksheet><row><c t="s" s="1"><v>0</v></c><c><f>a|b!c</f></c></row><oddHeader>&amp;L&amp;"x"</oddHeader></worksheet>`))
	f.Fuzz(func(t *testing.T, part []byte) {
		for _, name := range []string{"word/document.xml", "xl/worksheets/sheet1.xml", "xl/sharedStrings.xml", "word/styles.xml", "docProps/custom.xml",
			"word/numbering.xml", "xl/workbook.xml", "xl/pivotCache/a.xml", "customXml/item1.xml", "content.xml", "xfa"} {
			o := &tolerant{t: t}
			d := &ooxml{parts: &parts{in: &input{limits: DefaultLimits()}, o: o}, styles: map[string]font{}, macros: map[string]bool{}}
			x, w := newXMLReader(bytes.NewReader(part), 50), newWriter(o, Body)
			switch name {
			case "word/document.xml":
				_ = d.wordText(x, w, false)
			case "xl/worksheets/sheet1.xml":
				_ = d.sheet(x, w)
			case "xl/sharedStrings.xml":
				_ = d.sharedStrings(x)
			case "word/styles.xml":
				_ = errors.Join(d.textStyles(x), d.cellStyles(newXMLReader(bytes.NewReader(part), 50)))
			case "docProps/custom.xml":
				_ = d.properties(x)
			case "word/numbering.xml": // and what uses its lists
				_ = d.numbering(x, w)
				_ = d.textStyles(newXMLReader(bytes.NewReader(part), 50))
				_ = d.wordText(newXMLReader(bytes.NewReader(part), 50), w, true)
			case "xl/workbook.xml":
				_ = d.workbook(x, w)
			case "xl/pivotCache/a.xml":
				_ = d.pivotCache(x, w)
			case "customXml/item1.xml":
				_ = d.customXML(x, w)
			case "content.xml":
				_ = (&odf{o: o, styles: map[string]font{}, faces: map[string]font{}}).read(x, w)
			case "xfa":
				_ = xfaTexts(x, w)
			}
			_ = w.flush()
		}
	})
}
