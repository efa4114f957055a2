package extract

import (
	"slices"
	"strings"
	"testing"
)

func TestHTML(t *testing.T) {
	for _, tc := range []struct {
		name, html string
		want       []string
	}{
		{"cells", `<table><tr><td>a<td> MẬT </td><tr><td></td><td>b</td></tr></table>`, []string{" body  0: a\tMẬT", " body  0: b"}},
		{"blocks", `x<div>MẬT</div>y<br>z<p>a  b</p>`, []string{" body  0: x", " body  0: MẬT", " body  0: y", " body  0: z", " body  0: a b"}},
		{"text that is hidden", `<span style="display:none">MẬT</span><noscript><p>ẩn</p></noscript><!-- MẬT2 -->`, []string{" body  0: MẬT", " body  0: ẩn", "! body  0: MẬT2"}},
		{"alternative texts", `a<img alt="MẬT" title='Tên'>b`, []string{" body  0: MẬT", " body  0: Tên", " body  0: a", " body  0: b"}},
		{"styles and scripts are no text", `<style>MẬT</style><script>"MẬT"</script>a`, []string{"! body  0: MẬT", " body  0: a"}},
		{"an old font", `<font face=".VnTimeH">mËt <b>tèi</b></font> mËt`, []string{" body  0: MẬT TỐI mËt"}},
		{"an old font of a style", `<p style="font-family: 'VNI-Times'">MAÄT</p>`, []string{" body  0: MẬT"}},
		{"capitals of a style", `<span style="text-transform:uppercase">tuyệt mật</span>`, []string{" body  0: TUYỆT MẬT"}},
		{"references", `M&#7852;T &lt;x&gt;`, []string{" body  0: MẬT <x>"}},
		{"a form", `<input value="MẬT">`, []string{" body  0: MẬT"}},
		{"preformatted", "<pre>a  b\n\tMẬT</pre>", []string{" body  0: a  b", " body  0: \tMẬT"}},
		{"an ordinary script", `<script>atob("x"); document.write("Blob")</script>`, []string{"! fact script"}},
		{"a smuggled file", `<script>var b = new  Blob([atob("x")]); a.href = URL.createObjectURL(b); a.download = "x.iso"</script>`, []string{" fact script"}},
		{"a smuggled file of old", `<script>navigator.msSaveBlob(x)</script>`, []string{" fact script"}},
		{"a file in a link", `<a download="x.zip" href="data:application/zip;base64,UEsDBA">x</a>`, []string{" fact script"}},
		{"a link to a file", `<a download href="https://example.test/x.zip">x</a>`, []string{"! fact script"}},
		{"end tags without beginnings", `</td></tr></font></script>MẬT`, []string{" body  0: MẬT"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inspect(t, "a.html", "text/html; charset=utf-8", []byte(tc.html), DefaultLimits()).want(t, tc.want...)
		})
	}
}

// A long script or a tag without an end is read in pieces, and what follows it is text.
func TestHTMLLong(t *testing.T) {
	payload := strings.Repeat("QUJD", 1<<19)
	s := inspect(t, "a.html", "text/html", []byte(`<script>var x = atob("`+payload+`"); a.download = URL.createObjectURL(x)</script><p>sau</p>`), DefaultLimits())
	s.want(t, " fact script", " body  0: sau")
	s = inspect(t, "a.html", "text/html", []byte(`<p>`+strings.Repeat("<b style='text-transform:uppercase'>", 5000)+`mật<a href="`+payload), DefaultLimits())
	if len(s.lines) == 0 || !strings.HasPrefix(s.lines[1], " body  0: MẬT") {
		t.Errorf("%.300q", s.lines)
	}
}

// A file inside of another has no label: its own words and its letters tell the charset.
func TestHTMLCharsets(t *testing.T) {
	for _, tc := range []struct{ name, html string }{
		{"utf-8", "<p>Thông báo: họp lúc tám giờ, MẬT</p>"},
		{"utf-16", utf16of("<html><p>Thông báo: họp lúc tám giờ, MẬT</p>", true)},
		{"windows-1258", "<meta charset=windows-1258><p>Th\xf4ng b\xe1o: ho\xf2p l\xfac t\xe1m gi\xf5\xcc, M\xc2\xf2T</p>"},
		{"TCVN3", "<html><p>Th\xabng b\xb8o: h\xe4p l\xf3c t\xb8m gi\xea, M\xcbT</p>"},
	} {
		s := inspect(t, "a.zip", octetStream, zipOf(t, "a.html", tc.html), DefaultLimits())
		if all := strings.Join(append(s.lines, s.readings...), "\n"); !strings.Contains(all, ", MẬT") {
			t.Errorf("%s: %s", tc.name, all)
		}
	}
}

// Plain text in every charset that Vietnamese is written in, as an attachment without a label and as a file inside.
func TestPlainText(t *testing.T) {
	for name, text := range map[string]string{
		"utf-8":                 "Thông báo: họp lúc tám giờ\nMẬT\n",
		"utf-16":                utf16of("Thông báo: họp lúc tám giờ\nMẬT\n", true),
		"utf-16 without a mark": utf16of("Thông báo: họp lúc tám giờ, các đơn vị chuẩn bị\nMẬT\n", false),
		"windows-1258":          "Th\xf4ng b\xe1o: ho\xf2p l\xfac t\xe1m gi\xf5\xcc\nM\xc2\xf2T\n",
		"TCVN3":                 "Th\xabng b\xb8o: h\xe4p l\xf3c t\xb8m gi\xea\nM\xcbT\n",
		"VNI":                   "Th\xf4ng b\xe1o tuye\xe4t m\x61\xe4t\nMA\xc4T\n",
	} {
		for _, mediaType := range []string{octetStream, "text/plain"} {
			s := inspect(t, "a.txt", mediaType, []byte(text), DefaultLimits())
			if !slices.Contains(append(s.lines, s.readings...), " body  0: MẬT") {
				t.Errorf("%s as %s: %q %q", name, mediaType, s.lines, s.readings)
			}
		}
		s := inspect(t, "a.zip", octetStream, zipOf(t, "a.txt", text), DefaultLimits())
		if !slices.Contains(append(s.lines, s.readings...), "/1 body  0: MẬT") {
			t.Errorf("%s in a zip: %q %q", name, s.lines, s.readings)
		}
	}
}

func TestRTF(t *testing.T) {
	fonts := `{\rtf1\ansi\ansicpg1252\deff0{\fonttbl{\f0\fcharset0 Times;}{\f1\fcharset163{\*\panose 02}Arial;}{\f2 .VnTimeH;}{\f3 VNI-Times;}{\f4\fcharset204 Arial CYR;}}`
	for _, tc := range []struct {
		name, rtf string
		want      []string
	}{
		{"Unicode", `\uc1 M\u7852?T\par x`, []string{" body  1: MẬT", " body  1: x"}},
		{"Unicode, two octets skipped", `\uc2 M\u7852\'41\'42T`, []string{" body  1: MẬT"}},
		{"a negative number", `\u-10187?\u-9216?`, []string{" body  1: 𝐀"}},
		{"the charset of a font", `\f1 M\'c2\'f2T`, []string{" body  1: MẬT"}},
		{"another charset", `\f4 \'d1\'c5\'ca\'d0\'c5\'d2\'cd\'ce`, []string{" body  1: СЕКРЕТНО"}},
		{"an old font", `{\f2 tuy\'d6t m\'cbt} \f3 MA\'c4T`, []string{" body  1: TUYỆT MẬT MẬT"}},
		{"an old font in Unicode", `\f2 m\u203?t`, []string{" body  1: MẬT"}},
		{"capitals", `\caps t\u7889?i \caps0 x`, []string{" body  1: TỐI x"}},
		{"cells", `\trowd a\cell\pard M\u7852?T\cell\row\trowd\cell b\cell\row`, []string{" body  1: a\tMẬT", " body  1: b"}},
		{"a header", `{\header\pard M\u7852?T\par}x`, []string{" header-footer  0: MẬT", " body  1: x"}},
		{"properties", `{\info{\title M\u7852?T}{\upr{\keywords ?}{\*\ud{\keywords T\u7889?i}}}}x`, []string{" property title 0: MẬT", " property keywords 0: Tối"}},
		{"unknown destinations", `{\*\unknown MAT}{\*\bkmkstart MAT}x`, []string{" body  1: x", "! body  1: MAT"}},
		{"binary data", `a{\*\unknown\bin5 }}}{{}b`, []string{" body  1: ab"}},
		{"a watermark", `{\shp{\*\shpinst{\sp{\sn gtextUNICODE}{\sv M\u7852?T}}{\sp{\sn dx}{\sv 7}}}}`, []string{" body  1: MẬT", "! body  1: 7"}},
		{"a text box", `a{\shp{\*\shpinst{\shptxt \pard M\u7852?T}}}b`, []string{" body  1: a", " body  1: MẬT", " body  1: b"}},
		{"a field", `{\field{\*\fldinst{ DDE}{AUTO c:\\\\cmd}}{\fldrslt k\u7871?t}}`, []string{" fact dde", " body  1: kết"}},
		{"a template", `{\*\template http://203.0.113.1/a}x`, []string{" fact remote-template"}},
		{"an object", `{\object\objemb{\*\objdata 0105000002000000080000005061636b616765000000000000000000200000000200612e74787400433a5c612e7478740000000300080000` +
			`00433a5c742e747874030000004d4154}{\result x}}`, []string{" fact embedded-package", " file-name  0: a.txt", " body  1: x"}},
		{"pages and lines", `a\line b\page c`, []string{" body  1: a", " body  1: b", " body  2: c"}},
		{"more ends than beginnings", `a}}}b`, []string{" body  1: ab"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := inspect(t, "a.doc", octetStream, []byte(fonts+tc.rtf+"}"), DefaultLimits())
			s.want(t, append(tc.want, " is text/rtf")...)
		})
	}
}

func TestCalendar(t *testing.T) {
	s := inspect(t, "a.ics", octetStream, []byte("BEGIN:VCALENDAR\r\nSUMMARY;LANGUAGE=vi:Họp\r\n  M\r\n ẬT\r\nDESCRIPTION:a\\nb\\, c\r\nX;P=\"a:b\":d\r\nEND:VCALENDAR\r\n"), DefaultLimits())
	s.want(t, " property SUMMARY 0: Họp MẬT", " body  0: a", " body  0: b, c", " body  0: d", " is text/calendar")
	s = inspect(t, "a.vcf", octetStream, []byte("BEGIN:VCARD\r\nVERSION:2.1\r\nNOTE;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:M=E1=BA=\r\n=ACT\r\nTITLE:x\r\nEND:VCARD\r\n"), DefaultLimits())
	s.want(t, " body  0: MẬT", " body  0: x")
}

func TestXMLText(t *testing.T) {
	inspect(t, "a.svg", octetStream, []byte(`<svg xmlns="http://www.w3.org/2000/svg"><title>Tên</title><text>M<tspan>ẬT</tspan></text><script>x()</script></svg>`), DefaultLimits()).
		want(t, " is image/svg+xml", " body  0: Tên", " body  0: MẬT", " fact script")
	inspect(t, "a.xml", octetStream, []byte(utf16of(`<?xml version="1.0" encoding="utf-16"?><a><b name="Độ mật">Mật</b></a>`, true)), DefaultLimits()).
		want(t, " body  0: Độ mật", " body  0: Mật")
	inspect(t, "a.csv", octetStream, []byte("Độ mật,Mật\r\n"), DefaultLimits()).want(t, " body  0: Độ mật,Mật\r")
	inspect(t, "a.doc", octetStream, []byte(`<?xml version="1.0"?><w:wordDocument xmlns:w="http://schemas.microsoft.com/office/word/2003/wordml" w:macrosPresent="yes"><w:p><w:r><w:t>MẬT</w:t></w:r></w:p></w:wordDocument>`), DefaultLimits()).
		want(t, " body  1: MẬT", " fact macro")
}
