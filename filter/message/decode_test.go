package message

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"io"
	"mime/quotedprintable"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
)

// decodeAll decodes text in one go, octet by octet and through WriteTo; all must agree.
func decodeAll(t testing.TB, enc Encoding, text string) (string, AnomalyKind) {
	t.Helper()
	r := newDecodeReader(strings.NewReader(text), decoder{enc: enc})
	whole, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	slow := newDecodeReader(iotest.OneByteReader(strings.NewReader(text)), decoder{enc: enc})
	var b bytes.Buffer
	if _, err := slow.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	if b.String() != string(whole) || slow.dec.anomaly() != r.dec.anomaly() {
		t.Fatalf("read octet by octet: %q %s, at once: %q %s", b.String(), slow.dec.anomaly(), whole, r.dec.anomaly())
	}
	small, err := io.ReadAll(iotest.OneByteReader(newDecodeReader(strings.NewReader(text), decoder{enc: enc})))
	if err != nil || string(small) != string(whole) {
		t.Fatalf("given octet by octet: %q, at once: %q (%v)", small, whole, err)
	}
	return string(whole), r.dec.anomaly()
}

func TestBase64(t *testing.T) {
	const damaged = DamagedBase64
	tests := []struct {
		text, want string
		kind       AnomalyKind
	}{
		{"", "", ""},
		{"\r\n", "", ""},
		{"aGVsbG8=", "hello", ""},
		{"aGVsbG8=\r\n\r\n \t\r\n", "hello", ""},
		{"aGVs\r\nbG8=", "hello", ""},
		{"aG Vs\tbG8=\n", "hello", ""},
		{"a\r\nG\r\nV\r\ns\r\nb\r\nG\r\n8\r\n=\r\n", "hello", ""},
		{"aGVsbA==", "hell", ""},
		{"aGVsbA=\r\n=", "hell", ""},
		{"aGVsbG9o", "helloh", ""},
		{"aGVsbG8", "hello", damaged},               // padding missing
		{"aGVsbA", "hell", damaged},                 // padding missing
		{"aGVsbA=", "hell", damaged},                // half of it missing
		{"aGVsbG9oa", "helloh", damaged},            // a letter too many
		{"aG*Vs-bG8=", "hello", damaged},            // junk
		{"aGVsbG8=aGVsbG8=", "hellohello", damaged}, // padding inside
		{"aGVsbA==\r\naGVsbA==\r\n", "hellhell", damaged},
		{"aGVsbG8==", "hello", damaged}, // padding too long
		{"====", "", damaged},
		{"aGVsbG8=\r\n--\r\nlist footer", "hello\x96\xc8\xac\xb7\xe9\xe8\xb6\xd7\xab", damaged},
		{"aGVs\x00\xffbG8=", "hello", damaged},
	}
	for _, test := range tests {
		got, kind := decodeAll(t, Base64, test.text)
		if kind != test.kind || got != test.want && !strings.Contains(test.text, "footer") {
			t.Errorf("%q: %q %s, want %q %s", test.text, got, kind, test.want, test.kind)
		}
		if !strings.HasPrefix(got, test.want[:min(len(test.want), 4)]) {
			t.Errorf("%q: %q lost its beginning", test.text, got)
		}
	}
}

// Lines of every length must decode alike: groups run over line ends.
func TestBase64LineLengths(t *testing.T) {
	want := randomBytes(5000)
	text := base64.StdEncoding.EncodeToString(want)
	for width := 1; width < 100; width++ {
		var b strings.Builder
		for rest := text; rest != ""; {
			n := min(width, len(rest))
			b.WriteString(rest[:n] + "\r\n")
			rest = rest[n:]
		}
		got, err := io.ReadAll(newDecodeReader(strings.NewReader(b.String()), decoder{enc: Base64}))
		if err != nil || !bytes.Equal(got, want) {
			t.Fatalf("lines of %d octets decode wrongly (%v)", width, err)
		}
	}
}

func TestQuotedPrintable(t *testing.T) {
	const damaged = DamagedQuoted
	blanks := strings.Repeat(" ", 10_000)
	long := strings.Repeat("x=3D", 50_000)
	tests := []struct {
		text, want string
		kind       AnomalyKind
	}{
		{"", "", ""},
		{"hello\r\n", "hello\r\n", ""},
		{"a=3Db=3db", "a=b=b", ""},
		{"a=\r\nb=\nc", "abc", ""},
		{"a= \t\r\nb", "ab", ""},
		{"a  \t\r\nb", "a\r\nb", ""},
		{"a=20\r\nb", "a \r\nb", ""},
		{"end=", "end", ""},
		{"100=% a=XY=4", "100=% a=XY=4", damaged},
		{"K\u00edn", "K\u00edn", ""},
		{"a\nb", "a\nb", ""},
		{blanks + "x\r\n", blanks + "x\r\n", ""},
		{"x" + strings.Repeat(" ", maxTrailingBlanks) + "\n", "x\n", ""}, // the limit
		{"x" + strings.Repeat(" ", maxTrailingBlanks+1) + "\n", "x" + strings.Repeat(" ", maxTrailingBlanks+1) + "\n", ""},
		{strings.Repeat("x", 600) + strings.Repeat(" ", 4*maxTrailingBlanks) + "\n", strings.Repeat("x", 600) + strings.Repeat(" ", 4*maxTrailingBlanks) + "\n", ""},
		{long + "\r\n", strings.Repeat("x=", 50_000) + "\r\n", ""},
		{long + "=", strings.Repeat("x=", 50_000), ""},
	}
	for _, test := range tests {
		got, kind := decodeAll(t, QuotedPrintable, test.text)
		if got != test.want || kind != test.kind {
			t.Errorf("%.40q: %.60q %s, want %.60q %s", test.text, got, kind, test.want, test.kind)
		}
	}
}

func TestQuotedPrintableAgreesWithTheLibrary(t *testing.T) {
	var b bytes.Buffer
	w := quotedprintable.NewWriter(&b)
	w.Write([]byte(strings.Repeat("Kính gửi các đồng chí,   \r\nbáo cáo = tuần \t\r\n\r\n", 5000)))
	w.Close()
	want, err := io.ReadAll(quotedprintable.NewReader(bytes.NewReader(b.Bytes())))
	if err != nil {
		t.Fatal(err)
	}
	got, kind := decodeAll(t, QuotedPrintable, b.String())
	if got != string(want) || kind != "" {
		t.Errorf("differs from the library's (%s)", kind)
	}
}

func TestUUEncode(t *testing.T) {
	tests := []struct{ text, want string }{
		{"begin 644 a\r\n%:&5L;&\\\r\n`\r\nend\r\n", "hello"},
		{"some text\nbegin 644 a\n%:&5L;&\\\n`\nend\nmore\nbegin 600 b\n%:&5L;&\\\nend\n", "hellohello"},
		{"begin 644 a\n%:&5L;&\\", "hello"},
		{"%:&5L;&\\\n", ""},
		{strings.Repeat("x", 100_000) + "\nbegin 644 a\n%:&5L;&\\\n", "hello"},
	}
	for _, test := range tests {
		if got, _ := decodeAll(t, UUEncode, test.text); got != test.want {
			t.Errorf("%.60q: %q, want %q", test.text, got, test.want)
		}
	}
}

func TestMeasure(t *testing.T) {
	want := randomBytes(1_000_000)
	raw := crlf("Content-Type: application/pdf\nContent-Transfer-Encoding: base64\n\n") + base64Text(want)
	m := read(t, raw)
	got, err := m.Root.Measure()
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(want)
	digest, err := m.Root.Digest()
	if err != nil || got.Bytes != int64(len(want)) || digest != hex.EncodeToString(sum[:]) || got.Anomalies != nil {
		t.Errorf("measured %v, digest %s (%v)", got, digest, err)
	}
}

// A part inside of an encoded message is read from the middle of what that decodes to.
func TestDecodedSource(t *testing.T) {
	var body strings.Builder
	for i := range 3000 {
		body.WriteString(strings.Repeat(string(rune('a'+i%26)), 60+i%7) + "\r\n")
	}
	inner := "Subject: x\r\n" + mixed + "--b\r\n\r\n" + body.String() + "\r\n--b\r\nContent-Type: text/html\r\n\r\nlast\r\n--b--\r\n"
	for _, enc := range []string{"base64", "quoted-printable"} {
		text := base64Text([]byte(inner))
		if enc == "quoted-printable" {
			text = strings.ReplaceAll(strings.ReplaceAll(inner, "=", "=3D"), "b", "=62")
		}
		m := read(t, "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: "+enc+"\r\n\r\n"+text)
		checkTree(t, m)
		root := m.Root.Children[0]
		if len(root.Children) != 2 {
			t.Fatalf("%s: %s", enc, outline(t, m))
		}
		for i, want := range []string{body.String(), "last"} {
			got, err := io.ReadAll(root.Children[i].Open())
			if err != nil || string(got) != want {
				t.Errorf("%s: part %d differs (%v)", enc, i+1, err)
			}
		}
	}
}

func base64Text(b []byte) string {
	text := base64.StdEncoding.EncodeToString(b)
	var out strings.Builder
	for len(text) > 76 {
		out.WriteString(text[:76] + "\r\n")
		text = text[76:]
	}
	return out.String() + text + "\r\n"
}

// Rules read the same parts at the same time.
func TestPartsAreReadConcurrently(t *testing.T) {
	inner := crlf("Subject: x\n") + mixed + "--b\r\n\r\n" + strings.Repeat("inner text\r\n", 20_000) + "--b--\r\n"
	raw := mixed + "--b\r\nContent-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n" + base64Text([]byte(inner)) +
		"--b\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n" + strings.Repeat("K=C3=ADnh\r\n", 20_000) + "--b--\r\n"
	s := NewSpool(DefaultLimits(), nil)
	defer s.Close()
	io.WriteString(s, raw)
	m, err := Read(s, s.Size(), DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for p := range m.Leaves() {
				measure, err := p.Measure()
				if err != nil {
					t.Error(err)
				}
				digest, err := p.Digest()
				if err != nil {
					t.Error(err)
				}
				sum := sha256.New()
				if n, err := io.Copy(sum, p.Open()); err != nil || n != measure.Bytes || hex.EncodeToString(sum.Sum(nil)) != digest {
					t.Errorf("part %q: %d octets, measured %d (%v)", p.ID, n, measure.Bytes, err)
				}
				if _, err := io.Copy(io.Discard, p.Text()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}
