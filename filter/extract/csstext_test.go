package extract

import (
	"fmt"
	"strings"
	"testing"
)

// What a style sheet writes into a page is text, and what it says of the page is none.
func TestHTMLStyleTexts(t *testing.T) {
	for _, tc := range []struct {
		name, html string
		want       []string
	}{
		{"an attribute", `<style>p::before{content:attr(data-m)}</style><p data-m="MẬT" data-x="khác">a</p>`, []string{" body  0: MẬT", "! body  0: khác"}},
		{"an attribute beside a text", `<style>p::before{content:"Độ " ATTR( DATA-M string, "") " mật"}</style><p data-m="MẬT">a</p>`, []string{" body  0: Độ  mật", " body  0: MẬT"}},
		{"an attribute, by a sheet behind it", `<p data-m="MẬT">a</p><style>p::before{content:attr(data-m)}</style>`, []string{" body  0: MẬT"}},
		{"an attribute that no sheet shows", `<style>p::before{content:"x"}</style><p data-m="MẬT">a</p>`, []string{"! body  0: MẬT"}},
		{"the sign of a list", `<style>li{list-style-type:"MẬT"}</style><li>a`, []string{" body  0: MẬT"}},
		{"the sign of a list in short", `<ul style="margin:0;list-style:inside 'TỐI MẬT'"><li>a</ul>`, []string{" body  0: TỐI MẬT"}},
		{"an ordinary list", `<ul style="list-style-type:disc; font-family:'MẬT'"><li>a</ul>`, []string{"! body  0: MẬT", "! body  0: disc"}},
		{"a counter", `<style>h1::before{counter-increment:c; content:"MẬT " counter(c, upper-roman)}</style><h1>a</h1>`, []string{" body  0: MẬT "}},
		{"a counter's style", `<style>@counter-style m{system:cyclic; symbols:"MẬT"; suffix:" "}</style><li>a`, []string{" body  0: MẬT"}},
		{"the margin of a page", `<style>@page{@top-left{content:"MẬT"}}</style><p>a`, []string{" body  0: MẬT"}},
		{"a variable", `<style>:root{--m:"MẬT"}p::before{content:var(--m)}</style><p>a`, []string{" body  0: MẬT"}},
		{"a nested rule", `<style>.a{color:red; .b::before{content:"MẬT"}}</style><p>a`, []string{" body  0: MẬT"}},
		{"strings that nobody sees", `<style>@import "MẬT1"; p{font-family:"MẬT2"; background:url("MẬT3")} a[title="MẬT4"]{color:red}</style><p>a`,
			[]string{"! body  0: MẬT1", "! body  0: MẬT2", "! body  0: MẬT3", "! body  0: MẬT4"}},
		{"texts of a picture", `<svg><text>Số 12</text><text>MẬT</text><text><tspan x="0">Kính gửi</tspan><tspan x="0" dy="9">TỐI <tspan>MẬT</tspan></tspan></text></svg>`,
			[]string{" body  0: Số 12", " body  0: MẬT", " body  0: Kính gửi", " body  0: TỐI MẬT"}},
		{"texts of a picture in a page", `<p>a<svg><text><tspan x="0">Kính gửi</tspan><tspan x="0" dy="9">TỐI <tspan>MẬT</tspan></tspan></text><text>b</text></svg>`,
			[]string{" body  0: Kính gửi", " body  0: TỐI MẬT", " body  0: b"}},
		{"a picture without a namespace", `<p>a<svg><desc>MẬT</desc></svg>b`, []string{" body  0: MẬT"}},
		{"a formula", `<p>a <math alttext="TỐI MẬT"><mtable><mtr><mtd><mtext>MẬT</mtext></mtd><mtd><mi>x</mi></mtd></mtr></mtable></math>`,
			[]string{" body  0: TỐI MẬT", " body  0: MẬT", " body  0: x"}},
		{"letters of a formula", `<math><mi>M</mi><mi>Ậ</mi><mi>T</mi></math>`, []string{" body  0: MẬT"}},
		{"a hidden value on a button", `<input type=hidden value="MẬT"><button></button>`, []string{" body  0: MẬT"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := bothReadings(inspect(t, "a.html", "text/html; charset=utf-8", []byte(tc.html), DefaultLimits()))
			s.want(t, tc.want...)
		})
	}
}

// Very many attributes that a sheet shows, strings without ends, and very long declarations cost what other text costs.
func TestHTMLStyleTextsLimits(t *testing.T) {
	var attrs strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&attrs, "a%d::before{content:attr(data-%d)}", i, i)
	}
	s := inspect(t, "a.html", "text/html; charset=utf-8", []byte("<style>"+attrs.String()+`</style><p data-63="MẬT" data-64="khác">a`), DefaultLimits())
	s.want(t, " body  0: MẬT", "! body  0: khác") // maxShownAttributes
	for _, css := range []string{`p{content:"` + strings.Repeat("x", 100_000), strings.Repeat(`content:"`, 10_000), `p{content:attr(`, `p{content:attr("}`, `--:;;;"`, `\`} {
		inspect(t, "a.html", "text/html; charset=utf-8", []byte("<style>"+css+"</style><p>MẬT"), DefaultLimits()).want(t, " body  0: MẬT")
	}
}

// Source of a page that the message calls plain text is shown as it is written: its lines are lines.
func TestHTMLAsPlainText(t *testing.T) {
	const source = "<b>MẬT</b>\nKính gửi: Phòng A\n"
	for name, mediaType := range map[string]string{"a": "text/plain; charset=utf-8", "a.txt": octetStream} {
		inspect(t, name, mediaType, []byte(source), DefaultLimits()).want(t, " body  0: MẬT Kính gửi: Phòng A", " body  0: <b>MẬT</b>", " body  0: Kính gửi: Phòng A")
	}
	inspect(t, "a.html", "text/html; charset=utf-8", []byte(source), DefaultLimits()).want(t, "! body  0: <b>MẬT</b>")
}

// Style sheets end, whatever they are; strings of them are no longer than they.
func FuzzStyleSheet(f *testing.F) {
	for _, css := range []string{`p::before{content:attr(data-m) "MẬT" counter(c)}`, `@counter-style m{symbols:"a" 'b'; suffix:" "}`, `@page{@top-left{content:"\1EAC"}}`, `:root{--m:"x"}`, `p{content:"}`, `/*`, `a{b{c:"d"}}`, `\`, `attr(`} {
		f.Add(css)
	}
	f.Fuzz(func(t *testing.T, css string) {
		var s styleSheet
		s.add(css)
		size := 0
		for _, text := range s.end(true) {
			size += len(text)
		}
		if size > len(css)*3 || len(s.attributes) > maxShownAttributes { // an escape of two octets may stand for a letter of four
			t.Errorf("%d octets of text, %d attributes", size, len(s.attributes))
		}
	})
}
