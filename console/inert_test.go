package console_test

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"congthu/store"
)

// injections are what hostile senders write where the gate keeps what they wrote.
func injections() []string {
	all := []string{
		`<script>top.hit=1</script>`, `"><script>top.hit=1</script>`, `'><script>top.hit=1</script>`, `</title><script>top.hit=1</script>`, `</textarea><script>top.hit=1</script>`,
		`<img src=x onerror=top.hit=1>`, `"><img src=x onerror=top.hit=1>`, `<svg onload=top.hit=1>`, `<svg><script>top.hit=1</script></svg>`, `<math><mi xlink:href="javascript:top.hit=1">x</mi></math>`,
		`<iframe src=javascript:top.hit=1>`, `<iframe srcdoc="<script>top.hit=1</script>">`, `<object data=javascript:top.hit=1>`, `<embed src=javascript:top.hit=1>`, `<a href="javascript:top.hit=1">x</a>`,
		`javascript:top.hit=1`, `JaVaScRiPt:top.hit=1`, "java\tscript:top.hit=1", `data:text/html,<script>top.hit=1</script>`, `vbscript:top.hit=1`,
		`<body onload=top.hit=1>`, `<details open ontoggle=top.hit=1>`, `<video><source onerror=top.hit=1></video>`, `<audio src=x onerror=top.hit=1>`, `<input autofocus onfocus=top.hit=1>`,
		`<form action=https://evil.example/><button>x`, `<base href=https://evil.example/>`, `<link rel=stylesheet href=https://evil.example/x.css>`, `<meta http-equiv=refresh content="0;url=https://evil.example/">`, `<style>@import url(https://evil.example/)</style>`,
		`<style>*{background:url(https://evil.example/)}</style>`, `" onmouseover="top.hit=1`, `' onmouseover='top.hit=1`, "` onmouseover=`top.hit=1", `" autofocus onfocus="top.hit=1" x="`,
		`<!--<script>top.hit=1</script>`, `--><script>top.hit=1</script>`, `<![CDATA[<script>top.hit=1</script>]]>`, `<scr<script>ipt>top.hit=1</scr</script>ipt>`, `%3Cscript%3Etop.hit=1%3C/script%3E`,
		`&lt;script&gt;top.hit=1&lt;/script&gt;`, `&#60;script&#62;top.hit=1&#60;/script&#62;`, `\u003cscript\u003etop.hit=1\u003c/script\u003e`, `\x3cscript\x3etop.hit=1\x3c/script\x3e`, `＜script＞top.hit=1＜/script＞`,
		`{{.Session.CSRF}}`, `{{template "content" .}}`, `${7*7}`, `#{7*7}`, `<%= 7*7 %>`, `{{7*7}}`, `[[7*7]]`, `__proto__`, `constructor.constructor("top.hit=1")()`,
		`=1+1`, `=cmd|' /C calc'!A0`, `+1+1`, `-1+1`, `@SUM(1+1)`, "\t=1+1", "\r=1+1", `=HYPERLINK("https://evil.example/")`, `=IMPORTXML("https://evil.example/","//a")`, `"=1+1`, `;=1+1`,
		`a|b=c\d`, `CEF:0|evil|x|1|1|x|10|`, "a\nCEF:0|evil|x|1|1|x|10|src=1.2.3.4", "a\r\nSet-Cookie: x=1", `a\nb`, `act=deny outcome=x`, `cs1=evil cs1Label=evil`, `\|\=\\`,
		"\u202e<tpircs>", "\u2066x\u2069", "\u200b\u200c\u200d", "\ufeff", "\x1b[31mred\x1b[0m", "\x1b]0;title\x07", "\x00", "\x07", "\x7f", "\u0085", "\u2028top.hit=1", "\u2029top.hit=1",
		`' OR 1=1 --`, `'; DROP TABLE message; --`, `" OR ""="`, `1) UNION SELECT 1 --`, `%' --`, `_`, `\`, `'`, `"`, `../../../etc/passwd`, `..\..\x`, `/etc/passwd%00.png`, `file:///etc/passwd`, `//evil.example/`, `https://evil.example/`,
		strings.Repeat("A", 900), strings.Repeat("Ế", 300), strings.Repeat("<", 300), "\xff\xfe\xfd", "a\u0300\u0301\u0302\u0303",
	}
	return all
}

// TestInjectionsAreInert puts what is hostile into senders, recipients, names, details, queue ids, subjects, reasons, and
// looks at every page, export and answer with it.
func TestInjectionsAreInert(t *testing.T) {
	all := injections()
	if len(all) < 100 {
		t.Fatalf("only %d strings", len(all))
	}
	b := newBench(t)
	ids := b.fill(len(all), func(i int) string { return all[i] })
	officer, admin := b.officer(), b.as(store.Administrator)
	for i, s := range all {
		if _, err := b.store.AddException(t.Context(), store.Exception{PartSHA256: fmt.Sprintf("%064x", i), Rule: "marking", Reason: printed(s), Who: "an", Until: b.Now().Add(time.Hour)}); err != nil {
			t.Fatalf("%q: %v", s, err)
		}
	}
	w := newWindow(t, b.server.URL)
	w.as(officer, "en", "light")
	look := func(path string) {
		w.run(navigate(b.server.URL + path))
		if value(w, evaluate(`window.hit === 1 || top.hit === 1 || document.querySelectorAll("main script, main iframe, main object, main embed, main img, main base, main link, main meta, main style").length > 0`)) {
			t.Errorf("%s: something of a message came to life", path)
		}
		w.refusals()
		w.quiet(path)
	}
	for _, path := range []string{"/", "/messages?limit=500", "/exceptions", "/statistics?by=mailbox", "/policy", "/system", "/evidence"} {
		look(path)
	}
	for i := 7; i < len(ids); i += 9 { // those with the string in sender, recipient and name
		look("/messages/" + ids[i])
	}
	for i, s := range all {
		if i%5 == 0 {
			look("/messages?" + url.Values{"sender": {s}, "rule": {s}, "id": {s}}.Encode())
		}
	}
	holdWith(t, b, all)
	look("/held")
	senders := b.person(store.User{Name: "an", Role: store.Sender, Address: "an@monre.gov.vn"})
	words := confirmedWith(t, b, all)
	look("/held?confirmed=yes")
	for i := 0; i < len(words); i += 5 {
		look("/held/" + words[i])
	}
	w.as(senders, "vi", "light")
	look("/sent")
	for i := 0; i < len(words); i += 5 {
		look("/sent/" + words[i])
	}
	w.as(admin, "vi", "dark")
	look("/people")
	exportsAreInert(t, officer)
}

// holdWith puts mail with hostile subjects and recipients into the quarantine and looks at its content.
func holdWith(t *testing.T, b *bench, all []string) {
	t.Helper()
	for i, s := range all {
		if i%4 != 0 {
			continue
		}
		_, err := b.store.Hold(t.Context(), store.Hold{ID: fmt.Sprintf("01HOSTILE%04d", i), Time: b.Now(), Expires: b.Now().Add(time.Hour), Door: "milter", Direction: "inbound", QueueID: printed(s),
			ReversePath: printed(s), Recipients: []string{printed(s)}, Rules: []store.Rule{{Name: "content", Clause: "10.2"}}, Subject: s}, strings.NewReader(mail+s))
		if err != nil {
			t.Fatalf("%q: %v", s, err)
		}
	}
}

// confirmedWith lets senders of held mail give hostile reasons, and lists the messages.
func confirmedWith(t *testing.T, b *bench, all []string) (ids []string) {
	t.Helper()
	for i, s := range all {
		if i%4 != 1 {
			continue
		}
		id := fmt.Sprintf("01WORD%04d", i)
		b.held(id, mail+id, false)
		b.confirmed(id, printed(s))
		ids = append(ids, id)
	}
	return ids
}

// printed is a string as what comes from an envelope or a form is: without controls.
func printed(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == 0x85 || r == 0x2028 || r == 0x2029 || r == 0xfffd || r == 0xfeff || (r >= 0x200b && r <= 0x202e) || (r >= 0x2066 && r <= 0x2069) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	if strings.TrimSpace(s) == "" {
		return "x"
	}
	return s
}

// exportsAreInert reads every export as its reader would.
func exportsAreInert(t *testing.T, w *browser) {
	t.Helper()
	got := w.get("/statistics.csv?by=mailbox")
	rows, err := csv.NewReader(strings.NewReader(got.text)).ReadAll()
	if err != nil || len(rows) < 10 {
		t.Fatalf("the CSV: %d rows, %v", len(rows), err)
	}
	for _, row := range rows {
		for i, cell := range row {
			if cell != "" && strings.ContainsAny(cell[:1], "=+-@\t\r") {
				t.Errorf("a spreadsheet takes cell %d of %q for a formula", i, row)
			}
		}
	}
	for _, format := range []string{"jsonl", "cef", "csv"} {
		got := w.post("/evidence/export", url.Values{"format": {format}, "since": {"2026-01-01"}, "until": {"2026-12-31"}})
		if got.status != 200 || len(got.text) < 10_000 {
			t.Fatalf("the export as %s: %d, %d octets", format, got.status, len(got.text))
		}
		for n, line := range strings.Split(strings.TrimSuffix(strings.TrimPrefix(got.text, "\ufeff"), "\n"), "\n") {
			switch format {
			case "jsonl":
				if !json.Valid([]byte(line)) {
					t.Errorf("line %d of the JSON lines is none: %.100q", n, line)
				}
			case "cef":
				if !strings.HasPrefix(line, "CEF:0|Congthu|") && !strings.Contains(line, " CEF:0|Congthu|") {
					t.Errorf("line %d of the CEF is not ours: %.100q", n, line)
				}
			}
		}
	}
	api := w.get("/api/v1/messages?limit=500")
	if !json.Valid([]byte(api.text)) || api.header.Get("Content-Type") != "application/json" {
		t.Errorf("the API's answer is no JSON: %v", api.header)
	}
}
