package extract

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
)

// page is a page with one script.
func page(script string) string {
	return "<!DOCTYPE html><html><head><title>Thông báo</title></head><body><p>Xem tệp.</p><script>" + script + "</script></body></html>"
}

func TestSmuggled(t *testing.T) {
	noise := make([]byte, 400)
	for i := range noise {
		noise[i] = byte(' ' + (i*i*7+i/3)%90)
	}
	zipped := base64.StdEncoding.EncodeToString(zipOf(t, "a.js", string(noise)))
	packed := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("<form action=//x>", 100)))
	var percent, numbers strings.Builder
	for i := range 600 {
		fmt.Fprintf(&percent, "%%%02x", 'a'+i%26)
		fmt.Fprintf(&numbers, "%d,", 'a'+i%26)
	}
	library := strings.Repeat("function f(a,b){return a+b};", 5000)
	for _, tc := range []struct {
		name, file string
		want       []string
	}{
		{"a file in one text", page(`var d="` + zipped + `";var b=new Blob([Uint8Array.from(atob(d),c=>c.charCodeAt(0))]);a.href=URL.createObjectURL(b);a.download="x.zip";a.click()`),
			[]string{" fact script", "/1 is application/zip", "/1/1 is text/plain"}},
		{"a file in pieces of text", page("var d='" + zipped[:200] + "' +\n '" + zipped[200:] + `';saveIt(new window['Blob']([atob(d)]));`), []string{" fact script", "/1 is application/zip"}},
		{"names put together of pieces", page(`var b=new Blob([x]);a.href=URL["create"+"ObjectURL"](b);a["down"+'load']="x";`), []string{" fact script"}},
		{"names put together of pieces of one kind of quotes", page(`var b=new Blob([x]);a.href=URL["create"+"ObjectURL"](b);a["down"+"load"]="x";`), []string{" fact script"}},
		{"a file fetched", page(`fetch(u).then(r=>r.arrayBuffer()).then(x=>{a.href=URL.createObjectURL(new Blob([x]));a.download="x.iso"})`), []string{" fact script"}},
		{"a file in a library", page(library + `var d="` + zipped + `"`), []string{" fact script"}},
		{"a library that can save", page(library + `new Blob([atob(x)]);URL.createObjectURL(b);a.download="x";navigator.msSaveBlob(b)`), []string{"! fact script", "! fact obfuscated"}},
		{"a table that is saved", page(`b=new Blob([rows.join("\n")],{type:"text/csv"});a.href=URL.createObjectURL(b);a.download="bang.csv"`), []string{"! fact script"}},
		{"a picture in a script", page(`logo.src="data:image/png;base64,` + packed + `";box.innerHTML=x`), []string{"! fact script", "! fact obfuscated"}},
		{"a page that unpacks itself", page(`document.write(atob("` + packed + `"))`), []string{" fact obfuscated", "! fact script"}},
		{"the same with percent signs", page(`document.write(unescape('` + percent.String() + `'))`), []string{" fact obfuscated"}},
		{"the same with numbers", page(`eval(String.fromCharCode.apply(null,[` + numbers.String() + `1]))`), []string{" fact obfuscated"}},
		{"names that a program made", page(strings.Repeat("_0x12ab=_0x12ac(1);", 40)), []string{" fact obfuscated"}},
		{"names by number", page(`var w=window,b=w['\x61\x74\x6f\x62'](x);a.href=w['\x55RL']['createObj\u0065ctURL'](new w['\u0042lob']([b]));a['\x64ownload']="x.zip"`), []string{" fact script"}},
		{"a page that goes to a file", page(`location.href="data:application/zip;base64,` + zipped + `"`), []string{" fact script", "/1 is application/zip"}},
		{"a page that goes to a file put together", page(`window.open("data:application/octet-stream;base64," + parts.join(""))`), []string{" fact script"}},
		{"a page that shows a document of its own", page(`frame.src="data:application/pdf;base64,` + packed + `"`), []string{"! fact script", "! fact obfuscated"}},
		{"a table for Excel", page(`var uri="data:application/vnd.ms-excel;base64,";link.href=uri+window.btoa(table.innerHTML);link.click()`), []string{"! fact script", "! fact obfuscated"}},
		{"a script that is unpacked and run later", page(`setTimeout(atob("` + packed + `"),10)`), []string{" fact obfuscated"}},
		{"a script that is unpacked and made a function", page(`Function(atob("` + packed + `"))()`), []string{" fact obfuscated"}},
		{"data from behind", page(`var s="` + packed + `".split("").reverse().join("");w[r("bota")](s)`), []string{" fact obfuscated"}},
		{"letters of signs alone", page(strings.Repeat("[][(![]+[])[+[]]+(![]+[])[!+[]+!+[]]]", 40)), []string{" fact obfuscated"}},
		{"a counter of visits", page(`document.write(unescape("%3Cscript src='//example.test/ga.js' type='text/javascript'%3E%3C/script%3E"));`), []string{"! fact obfuscated", "! fact script"}},
		{"a handler", `<html><body onload="a.href=URL.createObjectURL(new Blob([atob(x)]));a.download='a.zip'">`, []string{" fact script"}},
		{"a handler of a picture in a page", `<html><svg onload="a.href=URL.createObjectURL(new Blob([atob(x)]));a.download='a.zip'"></svg>`, []string{" fact script"}},
		{"a link that is a script", `<html><a href="java&#10;script:a.href=URL.createObjectURL(new%20Blob([atob(x)]));a.download='a.zip'">x</a>`, []string{" fact script"}},
		{"a script in an address", `<html><script src="data:text/javascript;base64,` + base64.StdEncoding.EncodeToString([]byte(`a.href=URL.createObjectURL(new Blob([atob(x)]));a.download='a.zip'`)) + `"></script>`, []string{" fact script"}},
		{"a library in an address", `<html><script src="data:application/javascript;base64,` + base64.StdEncoding.EncodeToString([]byte(`function f(a,b){return atob(a)+b}`)) + `"></script>`, []string{"! fact script", "! fact obfuscated"}},
		{"a page in a frame's attribute", `<html><iframe srcdoc="<script>a.href=URL.createObjectURL(new Blob([atob(x)]));a.download='a.zip'</script>"></iframe>`, []string{" fact script"}},
		{"a script behind the end of what is no markup", `<html><noscript><p title="</noscript><script>a.href=URL.createObjectURL(new Blob([atob(x)]));a.download='a.zip'</script>"></noscript>`, []string{" fact script"}},
		{"ordinary handlers", `<html><body onload="init()"><a href="javascript:void(0)" onclick="window.open('https://example.test');return false">x</a><form action="https://example.test" onsubmit="return check(this)">`, []string{"! fact script", "! fact obfuscated"}},
		{"a frame of itself", `<html><body><iframe src="data:text/html;base64,` + packed + `"></iframe>`, []string{" fact script"}},
		{"a frame that is a file", `<html><body><embed src="data:application/zip;base64,` + zipped + `">`, []string{" fact script", "/1 is application/zip"}},
		{"a page that leads to itself", `<html><head><meta http-equiv="refresh" content="0; URL='data:text/html,<b>x'"></head>`, []string{" fact script"}},
		{"a page that leads on", `<html><head><meta http-equiv="refresh" content="0; url=https://example.test/"></head>`, []string{"! fact script"}},
		{"a picture in a frame", `<html><body><object data="data:image/png;base64,iVBORw0KGgo="></object><img src="data:image/png;base64,iVBORw0KGgo=">`, []string{"! fact script"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inspect(t, "a.html", "text/html", []byte(tc.file), DefaultLimits()).want(t, tc.want...)
		})
	}
}

func TestScriptInPicture(t *testing.T) {
	for _, tc := range []struct {
		name, file string
		want       string
	}{
		{"a handler", `<svg xmlns="http://www.w3.org/2000/svg" onload="x()"/>`, " fact script"},
		{"a link that is a script", `<svg xmlns:xlink="x"><a xlink:href="java&#115;cript:x()"><text>a</text></a></svg>`, " fact script"},
		{"a link that is a file", `<svg><a href="data:application/zip;base64,UEsDBA"><text>a</text></a></svg>`, " fact script"},
		{"a page in it", `<svg><foreignObject><iframe src="https://example.test"/></foreignObject></svg>`, " fact script"},
		{"a script of another namespace", `<svg><x:script xmlns:x="http://www.w3.org/1999/xhtml">x()</x:script></svg>`, " fact script"},
		{"a style sheet's script", `<?xml version="1.0"?><xsl:stylesheet xmlns:msxsl="urn:schemas-microsoft-com:xslt"><msxsl:script>x</msxsl:script></xsl:stylesheet>`, " fact script"},
		{"a drawing", `<svg xmlns="http://www.w3.org/2000/svg"><a href="https://example.test"><path d="M0 0"/></a><image href="data:image/png;base64,iVBORw0KGgo="/><text one="1">Sơ đồ</text></svg>`, "! fact script"},
		{"data of a writing system", `<?xml version="1.0"?><languages><script>Latn</script></languages>`, "! fact script"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inspect(t, "a.svg", octetStream, []byte(tc.file), DefaultLimits()).want(t, tc.want)
		})
	}
}
