package extract

import (
	"slices"
	"strings"
	"testing"
)

// What a page shows is not what stands in it.
func TestHTMLShown(t *testing.T) {
	for _, tc := range []struct {
		name, html string
		want       []string
	}{
		{"hidden inside of a word", `<p>TỐI M<span style="display:none">xq</span>ẬT</p>`, []string{" body  0: TỐI MxqẬT", " body  0: TỐI MẬT"}},
		{"without size", `M<span style="color:red; font-size:0px !important">xq</span>ẬT`, []string{" body  0: MẬT"}},
		{"a hidden block", `M<div hidden><p>x</p></div>ẬT`, []string{" body  0: MẬT"}},
		{"hidden by a class", `<style>.a, div .h{display:none}</style>M<i class="x h">xq</i>ẬT`, []string{" body  0: MẬT"}},
		{"in a rule for media", `<style>@media screen{ .h{visibility:hidden} }</style>M<i class=h>xq</i>ẬT`, []string{" body  0: MẬT"}},
		{"what has no end hides nothing", `<img style="display:none"><p>MẬT</p>`, []string{" body  0: MẬT"}},
		{"what is hidden is text too", `<div style="display:none">MẬT</div>a`, []string{" body  0: MẬT"}},
		{"a pronunciation", `<ruby>MẬT<rt>x</rt></ruby>`, []string{" body  0: MẬT"}},
		{"an old font of a class", `<style>p.MsoNormal{margin:0; font-family:".VnTimeH"}</style><p class=MsoNormal>mËt</p>`, []string{" body  0: MẬT"}},
		{"an old font of an element", `<style><!-- /* x */ td{font:12pt VNI-Times} --></style><table><td>MAÄT</td></table>`, []string{" body  0: MẬT"}},
		{"capitals of an id", `<style>#a{text-transform:uppercase}</style><p id=a>mật</p>`, []string{" body  0: MẬT"}},
		{"text of a style sheet", `<style>p::before{color:red;content: "M\1EAC T" ' sao'; top:0}</style><p></p>`, []string{" body  0: MẬT sao"}},
		{"braces in a text of a style sheet", `<style>p:after{content:"}MẬT{"} b{display:none}</style>M<b>x</b>ẬT`, []string{" body  0: }MẬT{", " body  0: MẬT"}},
		{"a comment for Outlook", `a<!--[if gte mso 9]><p>MẬT</p><![endif]-->b`, []string{" body  0: MẬT"}},
		{"an ordinary comment", `a<!-- [if] MẬT -->b`, []string{"! body  0: MẬT"}},
		{"a page in an attribute", `<iframe srcdoc="&lt;p&gt;MẬT&lt;/p&gt;"></iframe>b`, []string{" body  0: MẬT", " body  0: b"}},
		{"keywords", `<meta name=Keywords content="MẬT"><meta name=Generator content="Word">`, []string{" body  0: MẬT", "! body  0: Word"}},
		{"from right to left", `<bdo dir=rtl>TẬM</bdo>`, []string{" body  0: \u202eTẬM\u202c"}},
		{"from right to left by a style", `<p style="unicode-bidi:bidi-override;direction:rtl">TẬM</p>`, []string{" body  0: \u202eTẬM\u202c"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			bothReadings(inspect(t, "a.html", "text/html; charset=utf-8", []byte(tc.html), DefaultLimits())).want(t, tc.want...)
			inside := make([]string, len(tc.want))
			for i, w := range tc.want {
				inside[i] = strings.Replace(w, " body", "/1 body", 1)
			}
			bothReadings(inspect(t, "a.zip", octetStream, zipOf(t, "a.html", "<html>"+tc.html), DefaultLimits())).want(t, inside...)
		})
	}
}

// bothReadings are the lines of all readings.
func bothReadings(s *seen) *seen {
	s.lines = append(s.lines, s.readings...)
	return s
}

// What stands behind a long style or script is text again, also where the end of it seems to be in a tag.
func TestHTMLBehindLong(t *testing.T) {
	long := strings.Repeat("a{color:red}\n", 120_000)
	for _, html := range []string{
		"<style>" + long + "</style><p>MẬT</p>",
		"<script>" + long + "</script><p>MẬT</p>",
		"<script>" + long + " i<b \"" + long + "</script><p>MẬT</p>",
	} {
		inspect(t, "a.html", "text/html; charset=utf-8", []byte(html), DefaultLimits()).want(t, " body  0: MẬT")
	}
}

// Style sheets and conditional comments without an end, and very many of them, cost no more than other text.
func TestHTMLShownLimits(t *testing.T) {
	for _, html := range []string{
		strings.Repeat("<style>a{display:none}</style>", 20_000) + "<p>MẬT",
		"<style>" + strings.Repeat("a{content:'x'}", 100_000) + "</style><p>MẬT",
		strings.Repeat("<!--[if mso]><i>x<![endif]-->", 20_000) + "<p>MẬT",
		"<style>a{content:'\\</style><p>MẬT", "<style>a{content:\"\\ffffff", "<style>{}}{@media{a{", "<!--[if", "<!--[if mso]>", `<iframe srcdoc="<iframe srcdoc='x">`,
	} {
		s := inspect(t, "a.html", "text/html; charset=utf-8", []byte(html), DefaultLimits())
		if strings.HasSuffix(html, "MẬT") && !slices.ContainsFunc(s.lines, func(l string) bool { return strings.Contains(l, "MẬT") }) {
			t.Errorf("%.60q: no text", html)
		}
	}
}
