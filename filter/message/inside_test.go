package message

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

// uuText uuencodes, as uuencode(1) does.
func uuText(name string, data []byte) string {
	var b strings.Builder
	letter := func(v byte) {
		if v == 0 {
			v = 64
		}
		b.WriteByte(v + ' ')
	}
	fmt.Fprintf(&b, "begin 644 %s\n", name)
	for len(data) > 0 {
		n := min(45, len(data))
		b.WriteByte(byte(n) + ' ')
		for i := 0; i < n; i += 3 {
			var g [3]byte
			copy(g[:], data[i:n])
			letter(g[0] >> 2)
			letter(g[0]<<4&63 | g[1]>>4)
			letter(g[1]<<2&63 | g[2]>>6)
			letter(g[2] & 63)
		}
		b.WriteByte('\n')
		data = data[n:]
	}
	return b.String() + "`\nend\n"
}

// yencText encodes in yEnc, lines of 128.
func yencText(name string, data []byte) string {
	var b strings.Builder
	fmt.Fprintf(&b, "=ybegin line=128 size=%d name=%s\n", len(data), name)
	column := 0
	for _, c := range data {
		c += 42
		if c == 0 || c == '\r' || c == '\n' || c == '=' || c == '.' && column == 0 {
			b.WriteByte('=')
			c += 64
			column++
		}
		b.WriteByte(c)
		if column++; column >= 128 {
			b.WriteByte('\n')
			column = 0
		}
	}
	return b.String() + fmt.Sprintf("\n=yend size=%d\n", len(data))
}

func TestYEnc(t *testing.T) {
	data := randomBytes(10_000)
	all := make([]byte, 0, 1024)
	for c := range 1024 {
		all = append(all, byte(c))
	}
	tests := []struct{ text, want string }{
		{yencText("a", data), string(data)},
		{crlf(yencText("a", all)), string(all)},
		{"before\n" + yencText("a", all) + "after\n=yend\n" + yencText("b", data), string(all) + string(data)},
		{"=ybegin part=1 line=128 size=9 name=a\n=ypart begin=1 end=5\n\x92\x8f\x96\x96\x99\n=yend\n", "hello"},
		{"=ybegin line=128 size=9 name=a\n\x92\x8f\n=ywhat\nno data\n", "he"},
		{"=ybegin line=128 size=9 name=a\n\x92=}\n=", "h\x13"}, // cut in the middle of an escape
		{"no data\n=ynothing\n=y", ""},
		{"", ""},
	}
	for _, test := range tests {
		if got, _ := decodeAll(t, YEnc, test.text); got != test.want {
			t.Errorf("%.60q: %.60q, want %.60q", test.text, got, test.want)
		}
	}
}

// files lists what is in the leaves of a message: part, name, octets.
func files(t *testing.T, m *Message) string {
	t.Helper()
	var out []string
	for p := range m.Leaves() {
		if p.Parent == nil || !p.Parent.Leaf() {
			continue
		}
		body, err := io.ReadAll(p.Open())
		if err != nil {
			t.Fatal(err)
		}
		if len(body) > 20 {
			body = fmt.Appendf(nil, "%d octets", len(body))
		}
		out = append(out, fmt.Sprintf("[%s] %q %s %s %q", p.ID, p.Name, p.Encoding, p.Disposition, body))
	}
	return strings.Join(out, "\n")
}

const uuHello = "begin 644 hello.txt\n%:&5L;&\\\n`\nend\n"

// TestFilesInText: clients show uuencoded and yEnc files in a plain text as attachments.
func TestFilesInText(t *testing.T) {
	data := randomBytes(300_000)
	large := strings.Repeat("An ordinary line.\n", 10_000)
	tests := []struct{ name, raw, want string }{
		{"one", "Subject: x\n\nSee below.\n\n" + uuHello + "Bye\n", `[1.file1] "hello.txt" x-uuencode attachment "hello"`},
		{"at once, in the root, without MIME", "Subject: x\n\n" + uuHello, `[1.file1] "hello.txt" x-uuencode attachment "hello"`},
		{"two kinds", "\n" + uuHello + "text\n" + yencText("b c.bin", []byte("yenc")) + "\n" + uuHello,
			"[1.file1] \"hello.txt\" x-uuencode attachment \"hello\"\n[1.file2] \"b c.bin\" x-yenc attachment \"yenc\"\n[1.file3] \"hello.txt\" x-uuencode attachment \"hello\""},
		{"large, far behind", "\n" + large + uuText("big.doc", data) + large + yencText("big.bin", data),
			"[1.file1] \"big.doc\" x-uuencode attachment \"300000 octets\"\n[1.file2] \"big.bin\" x-yenc attachment \"300000 octets\""},
		{"the end is missing", "\n" + strings.TrimSuffix(uuHello, "`\nend\n"), `[1.file1] "hello.txt" x-uuencode attachment "hello"`},
		{"yEnc without an end", "\n=ybegin line=128 size=2 name=a\n\x92\x8f", `[1.file1] "a" x-yenc attachment "he"`},
		{"data that ends in prose", "\nbegin 644 a\n%:&5L;&\\\nThis is no data any more, it is a letter.\n", `[1.file1] "a" x-uuencode attachment "hello"`},
		{"an encoded name", "\nbegin 644 =?utf-8?q?b=C3=A1o.txt?=\n%:&5L;&\\\nend\n", `[1.file1] "báo.txt" x-uuencode attachment "hello"`},
		{"in base64", "Content-Transfer-Encoding: base64\n\n" + strings.ReplaceAll(base64Text([]byte("Hi\n"+uuHello)), "\r", ""), `[1.file1] "hello.txt" x-uuencode attachment "hello"`},
		{"in quoted-printable", "Content-Transfer-Encoding: quoted-printable\n\nHi\nbegin 644 hello.t=\nxt\n%:&5L;&\\\n`\nend\n", `[1.file1] "hello.txt" x-uuencode attachment "hello"`},
		{"in a part of a nested message", "Content-Type: message/rfc822\n\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\n" + uuHello + "--b--\n", `[1.1.file1] "hello.txt" x-uuencode attachment "hello"`},
		{"a long line before", "\n" + strings.Repeat("x", 100_000) + "\n" + uuHello, `[1.file1] "hello.txt" x-uuencode attachment "hello"`},
		// No files.
		{"prose", "\nbegin 644 things\nand finish none of them.\n", ""},
		{"lines without data", "\nbegin 644 a\n%:&5L;&\\\n`\n" + strings.Repeat("`AB\n", 9), `[1.file1] "a" x-uuencode attachment "hello"`},
		{"only lines without data", "\nbegin 644 a\n`AB\n`AB\nend\n", ""},
		{"prose before an end", "\nbegin 644 things\nend\n", ""},
		{"no mode", "\nbegin now and go\n%:&5L;&\\\nend\n", ""},
		{"not at a line's start", "\n> " + strings.ReplaceAll(uuHello, "\n", "\n> "), ""},
		{"yEnc without a name", "\n=ybegin line=128 size=2\n\x92\x8f\n=yend\n", ""},
		{"HTML", "Content-Type: text/html\n\n" + uuHello, ""},
		{"an attached text is a file itself", "Content-Disposition: attachment; filename=a.txt\n\n" + uuHello, ""},
		{"in a long line", "\n" + strings.Repeat("x", maxInsideLine-1) + uuHello, ""},
	}
	for _, test := range tests {
		for _, raw := range []string{test.raw, crlf(test.raw)} {
			m := read(t, raw)
			checkTree(t, m)
			if got := files(t, m); got != test.want {
				t.Errorf("%s:\n got %s\nwant %s", test.name, got, test.want)
			}
			if len(m.NotInspected) > 0 {
				t.Errorf("%s: not inspected: %v", test.name, m.NotInspected)
			}
		}
	}
	m := read(t, "Subject: x\n\n"+large+uuText("big.doc", data)+large+yencText("big.bin", data))
	for i, child := range m.Root.Children {
		if got, err := io.ReadAll(iotest.OneByteReader(child.Open())); err != nil || !bytes.Equal(got, data) {
			t.Errorf("file %d differs (%v)", i, err)
		}
	}
}

// TestFilesInTextAreBounded meets maxInside and Limits.Parts.
func TestFilesInTextAreBounded(t *testing.T) {
	for n, beyond := range map[int]bool{maxInside: false, maxInside + 1: true, 50_000: true} {
		m := read(t, "Subject: x\n\n"+strings.Repeat(uuHello, n))
		if len(m.Root.Children) != min(n, maxInside) {
			t.Errorf("%d files are %d parts", n, len(m.Root.Children))
		}
		if got := slices.Contains(m.NotInspected, NotInspected{"1", TooMany}); got != beyond {
			t.Errorf("%d files: not inspected %v", n, m.NotInspected)
		}
	}
	l := DefaultLimits()
	l.Parts = 3
	raw := "Subject: x\n\n" + strings.Repeat(uuHello, 5)
	m, err := Read(strings.NewReader(raw), int64(len(raw)), l)
	if err != nil || len(m.Root.Children) != 2 || len(m.NotInspected) != 1 {
		t.Errorf("%d parts, %v (%v)", len(m.Root.Children), m.NotInspected, err)
	}
}

// What is elsewhere or in pieces is never called inspected.
func TestPartialAndExternal(t *testing.T) {
	for mediaType, want := range map[string]Reason{
		"message/partial; id=\"a@b\"; number=1; total=3":                    PartialMessage,
		"Message/External-Body; access-type=URL; url=\"http://a.example/\"": ExternalBody,
		"message/delivery-status":                                           "",
	} {
		m := read(t, "Content-Type: "+mediaType+"\n\nContent-Type: application/pdf\n\nx\n")
		if want == "" && len(m.NotInspected) > 0 || want != "" && !slices.Contains(m.NotInspected, NotInspected{"1", want}) {
			t.Errorf("%s: not inspected %v", mediaType, m.NotInspected)
		}
	}
}

// Apple's two halves of a file are parts like others (RFC 1740).
func TestAppleDouble(t *testing.T) {
	m := read(t, crlf("Content-Type: multipart/appledouble; boundary=b\n\n--b\nContent-Type: application/applefile; name=\"%a.doc\"\n"+
		"Content-Transfer-Encoding: base64\n\nAAUWBwACAAA=\n--b\nContent-Type: application/msword; name=a.doc\nContent-Transfer-Encoding: base64\n\naGVsbG8=\n--b--\n"))
	var got []string
	for p := range m.Leaves() {
		n, err := p.Measure()
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprintf("%s %s %s %d", p.ID, p.MediaType, p.Name, n.Bytes))
	}
	if s := strings.Join(got, ", "); s != "1 application/applefile %a.doc 8, 2 application/msword a.doc 5" {
		t.Error(s)
	}
}

// FuzzUUEncode and FuzzYEnc: what was encoded comes back, and no octets stop the reader.
func FuzzUUEncode(f *testing.F) {
	for _, s := range []string{"", "hello", uuHello, "begin 644 a\n!\x00\nM\n", "\n\nbegin 0 \n `\nend"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		decodeAll(t, UUEncode, string(raw))
		if again, _ := decodeAll(t, UUEncode, uuText("a", raw)); again != string(raw) {
			t.Fatalf("%q does not come back: %q", raw, again)
		}
		fuzzInside(t, raw)
	})
}

func FuzzYEnc(f *testing.F) {
	for _, s := range []string{"", "hello", yencText("a", []byte("\x13\x00=.")), "=ybegin line= name=\n=ypart \n=", "=ybegin line=1 name=a\n=yend"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		decodeAll(t, YEnc, string(raw))
		if again, _ := decodeAll(t, YEnc, yencText("a", raw)); again != string(raw) {
			t.Fatalf("%q does not come back: %q", raw, again)
		}
		fuzzInside(t, raw)
	})
}

// fuzzInside: files in a text stand one behind the other, and decode to at least a third of their octets,
// so that none hides much. It does not matter how the octets come.
func fuzzInside(t *testing.T, raw []byte) {
	whole, slow := new(finder), new(finder)
	whole.feed(raw, true)
	whole.finish()
	for at, end := 0, 1; at < len(raw); end = min(end+1, len(raw)) {
		at += slow.feed(raw[at:end], end == len(raw))
	}
	slow.finish()
	if !slices.Equal(whole.found, slow.found) {
		t.Fatalf("%q: %v, octet by octet %v", raw, whole.found, slow.found)
	}
	last := int64(0)
	for _, file := range whole.found {
		if file.at.Start < last || file.at.End <= file.at.Start || file.at.End > int64(len(raw)) {
			t.Fatalf("%q: file at %v", raw, file.at)
		}
		last = file.at.End
		text := string(raw[file.at.Start:file.at.End])
		data, _ := decodeAll(t, file.enc, text)
		_, body, _ := strings.Cut(text, "\n")
		lines := strings.Count(body, "\n") + strings.Count(body, "\r") + 1
		if (len(body)-2*lines)/3 > len(data)+len("=ypart =yend")*lines {
			t.Fatalf("%q: %d octets decode to %d", text, len(body), len(data))
		}
	}
}
