package rules_test

import (
	"encoding/base64"
	"fmt"
	"mime/quotedprintable"
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"

	"congthu/filter"
	"congthu/rules"
)

// part is a body with its type and encoding.
func part(kind, encoding, body string) string {
	switch encoding {
	case "base64":
		body = base64.StdEncoding.EncodeToString([]byte(body))
		var b strings.Builder
		for len(body) > 7 { // lines of an odd length
			b.WriteString(body[:7] + "\n")
			body = body[7:]
		}
		body = b.String() + body
	case "quoted-printable":
		var b strings.Builder
		w := quotedprintable.NewWriter(&b)
		fmt.Fprint(w, body)
		w.Close()
		body = strings.ReplaceAll(b.String(), "\r\n", "\n")
	}
	return "Content-Type: " + kind + "\nContent-Transfer-Encoding: " + encoding + "\n\n" + body + "\n"
}

// word is a word of Vietnamese in one encoded-word.
func word(s string) string { return "=?utf-8?B?" + base64.StdEncoding.EncodeToString([]byte(s)) + "?=" }

// However a sender dresses up a phrase that a reader still reads, it is found; what only looks alike to a program is not.
func TestContentDisguises(t *testing.T) {
	const plain, html = "text/plain; charset=utf-8", "text/html; charset=utf-8"
	text := func(s string) string { return plainHead + part(plain, "base64", s) }
	page := func(s string) string { return plainHead + part(html, "base64", s) }
	subject := func(s string) string {
		return "Subject: " + s + "\n" + strings.SplitN(plainHead, "\n", 2)[1] + part(plain, "8bit", "x")
	}
	file := func(parameters string) string {
		return plainHead + "Content-Type: multipart/mixed; boundary=b\n\n--b\n" + part(plain, "8bit", "x") +
			"--b\nContent-Disposition: attachment; " + parameters + "\n" + part("application/octet-stream", "base64", "\x01\x02") + "--b--\n"
	}
	long := strings.Repeat("từ ngữ ", 20_000)
	found := []struct{ name, mail string }{
		{"as it is", text("Đề nghị giá dự thầu.")},
		{"NFD", text(norm.NFD.String("Giá dự thầu"))},
		{"NFKD with marks in another order", text("Gia\u0301 du\u031b\u0323 tha\u0302\u0300u")},
		{"marks in the wrong order", text("Gia\u0301 du\u0323\u031b tha\u0300\u0302u")},
		{"capitals", text("GIÁ DỰ THẦU")},
		{"mixed", text("gIá Dự tHẦu")},
		{"soft hyphens", text("gi\u00adá d\u00adự th\u00adầ\u00adu")},
		{"zero width", text("g\u200bi\u200cá\u200d d\ufeffự \u2060thầu")},
		{"variation selectors", text("g\ufe0fiá dự\ufe0e thầu")},
		{"bidirectional marks", text("\u202agiá\u202c dự\u200f thầu\u2066\u2069")},
		{"combining grapheme joiner", text("gi\u034fá d\u034fự thầu")},
		{"Hangul filler and Mongolian vowel separator", text("gi\u3164á dự th\u180eầu")},
		{"tags of plane 14", text("gi\U000e0067á dự thầu")},
		{"full width", text("ｇｉá ｄự ｔｈầｕ")},
		{"Cyrillic", text("gіá dự thầu")},
		{"mathematical letters", text("𝐠𝐢á 𝐝ự 𝐭𝐡ầ𝐮")},
		{"non-breaking and thin blanks", text("giá\u00a0dự\u2009thầu")},
		{"ideographic blank", text("giá\u3000dự\u3000thầu")},
		{"over lines", text("giá\r\ndự\r\nthầu")},
		{"quoted in an answer", text("> giá\r\n> dự\r\n>> thầu")},
		{"behind a very long line", text(long + "giá dự thầu " + long)},
		{"over the seam of what is read at once", text(strings.Repeat("x", 64<<10-4) + " giá dự thầu")},
		{"soft breaks", plainHead + part(plain, "quoted-printable", strings.Repeat("chữ ", 12)+"giá dự thầu")},
		{"a soft break within a letter", plainHead + "Content-Type: " + plain + "\nContent-Transfer-Encoding: quoted-printable\n\ngi=C3=\n=A1 d=E1=BB=\n=B1 th=\n=E1=BA=A7u\n"},
		{"format=flowed", plainHead + part(plain+"; format=flowed", "8bit", "giá \ndự \nthầu")},
		{"format=flowed, space-stuffed, delsp", plainHead + part(plain+"; format=flowed; delsp=yes", "8bit", " giá  \n dự  \n thầu")},
		{"tags within words", page("<p>gi<b>á</b> d<i></i>ự th<span style='color:red'>ầ</span>u")},
		{"comments within words", page("gi<!-- x -->á dự th<!---->ầu")},
		{"entities", page("gi&aacute; d&#7921; th&#x1EA7;u")},
		{"entities of marks", page("gia&#x301; d&#x1b0;&#x323; th&acirc;&#x300;u")},
		{"shy and wbr", page("gi&shy;á d<wbr>ự thầ&#8203;u")},
		{"nbsp", page("giá&nbsp;dự&nbsp;&nbsp;thầu")},
		{"source lines", page("giá\n   dự\n\t thầu")},
		{"line breaks", page("giá<br>dự<br/>thầu")},
		{"nested tags and styles", page("<div><table><tr><td><p>giá <font face=Arial>dự <u>th</u>ầu</font></p></td></tr></table></div>")},
		{"HTML without a type", plainHead + part("text/html; charset=\"\"", "base64", "<p>giá dự thầu")},
		{"windows-1258 with marks of their own", plainHead + part("text/plain; charset=windows-1258", "base64", "gi\xe1 d\xfd\xf2 th\xe2\xccu")},
		{"UTF-16", plainHead + part("text/plain; charset=utf-16", "base64", utf16(t, "giá dự thầu"))},
		{"UTF-7", plainHead + part("text/plain; charset=utf-7", "7bit", "gi+AOE- d+HvE- th+Hqc-u")},
		{"VNI", plainHead + part("text/html; charset=us-ascii", "base64", "<font face=\"VNI-Times\">Göûi anh giaù döï thaàu cuûa goùi</font>")},
		{"a charset that lies", plainHead + part("text/plain; charset=us-ascii", "base64", "giá dự thầu")},
		{"subject in words of their own", subject(word("Giá dự") + "\n " + word(" thầu"))},
		{"subject cut within a word", subject(word("giá dự th") + " " + word("ầu"))},
		{"subject cut within a letter", subject("=?utf-8?B?" + base64.StdEncoding.EncodeToString([]byte("giá d\xe1\xbb")) + "?= =?utf-8?B?" + base64.StdEncoding.EncodeToString([]byte("\xb1 thầu")) + "?=")},
		{"subject in Q", subject("=?UTF-8?q?gi=C3=A1_d=E1=BB=B1_th=E1=BA=A7u?=")},
		{"subject raw", subject("giá dự thầu")},
		{"subject folded", subject("giá dự\n thầu")},
		{"file name in RFC 2231 pieces", file("filename*0*=utf-8''gi%C3%A1%20d%E1%BB; filename*1*=%B1%20th%E1%BA%A7u.pdf")},
		{"file name in an encoded-word", file("filename=\"" + word("giá dự thầu.pdf") + "\"")},
		{"file name with underscores", file("filename=\"giá_dự_thầu_v2.pdf\"")},
		{"file name in NFD", file("filename=\"" + norm.NFD.String("giá-dự-thầu") + ".pdf\"")},
	}
	innocent := []struct{ name, mail string }{
		{"another tone", text("gia dự thầu, giả dự thầu, già dự thầu")},
		{"another letter", text("giá dư thầu, giá đự thầu, giá dự thâu")},
		{"inside of words", text("tagiá dự thầu giá dự thầum")},
		{"a comma between", text("giá, dự thầu; giá. dự thầu")},
		{"another order", text("dự thầu giá, thầu dự giá")},
		{"two cells", page("<table><tr><td>giá</td><td>dự thầu</td></tr></table>")},
		{"attribute of a tag", page("<p class='giá dự thầu'>x</p>")},
		{"bare in a text with diacritics", text("Kính gửi: gia du thau")},
	}
	conf := wordsConfig(t, rules.Content{}, "giá dự thầu")
	for _, tc := range found {
		if got := contentFindings(t, conf, filter.Outbound, tc.mail); len(got) != 1 {
			t.Errorf("%s: not found", tc.name)
		}
	}
	for _, tc := range innocent {
		if got := contentFindings(t, conf, filter.Outbound, tc.mail); len(got) != 0 {
			t.Errorf("%s: %v", tc.name, got)
		}
	}
}
