package extract

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf16"

	"congthu/filter/message"
)

// tokens writes XML as its tokens: <name a=b>, </name>, text joined.
func tokens(r io.Reader, depth int) (string, error) {
	x := newXMLReader(r, depth)
	var b strings.Builder
	for {
		kind, err := x.next()
		switch {
		case err == io.EOF:
			return b.String(), nil
		case err != nil:
			return b.String(), err
		}
		switch kind {
		case xmlStart:
			fmt.Fprintf(&b, "<%s", x.name)
			for _, a := range x.attributes() {
				fmt.Fprintf(&b, " %s=%s", a.name, unescape(a.value))
			}
			b.WriteString(">")
		case xmlEnd:
			fmt.Fprintf(&b, "</%s>", x.name)
		case xmlText:
			b.Write(x.text)
		}
	}
}

func utf16of(s string, mark bool) string {
	var b []byte
	if mark {
		b = append(b, 0xff, 0xfe)
	}
	for _, u := range utf16.Encode([]rune(s)) {
		b = append(b, byte(u), byte(u>>8))
	}
	return string(b)
}

func TestXML(t *testing.T) {
	for _, tc := range []struct{ name, xml, want string }{
		{"tags", `<?xml version="1.0"?><a:b c:d="1" e='2>3'>x<f/>y</a:b>`, "<b d=1 e=2>3>x<f></f>y</b>"},
		{"references", `<a b="&lt;&quot;">M&#x1EAC;T &amp; &#84; &no; &#xD800; &</a>`, `<a b=<">MẬT & T &no; &#xD800; &</a>`},
		{"cdata and comments", `<a><!-- <b> -- > --><![CDATA[<M&amp;>]]]]><![CDATA[>]]></a>`, "<a><M&amp;>]]></a>"},
		{"declared entities stay", `<!DOCTYPE a [<!ENTITY l "lol>"><!ENTITY m "&l;&l;"> <!ELEMENT a ANY>]><a>&m;</a>`, "<a>&m;</a>"},
		{"utf-16", utf16of(`<?xml version="1.0" encoding="UTF-16"?><a>MẬT</a>`, true), "<a>MẬT</a>"},
		{"utf-16 without a mark", utf16of(`<?xml version="1.0" encoding="UTF-16"?><a>MẬT</a>`, false), "<a>MẬT</a>"},
		{"windows-1258", "<?xml version=\"1.0\" encoding=\"windows-1258\"?><a>M\xc2\xf2T</a>", "<a>MẬT</a>"},
		{"blanks in tags", "<a\n b = '1'\t/ ><c /></a >", "<a b=1><c></c></a>"},
	} {
		for _, slow := range []bool{false, true} {
			r := io.Reader(strings.NewReader(tc.xml))
			if slow {
				r = iotest.OneByteReader(r)
			}
			got, err := tokens(r, 10)
			if err != nil || strings.TrimPrefix(got, "\ufeff") != tc.want {
				t.Errorf("%s, slow %v: %q %v, want %q", tc.name, slow, got, err, tc.want)
			}
		}
	}
}

// What is hostile ends with a reason, in memory that its size does not decide.
func TestXMLLimits(t *testing.T) {
	for _, tc := range []struct {
		name string
		r    io.Reader
		why  error
	}{
		{"depth", strings.NewReader(strings.Repeat("<a>", 11)), stop{message.TooDeep}},
		{"attributes without end", io.MultiReader(strings.NewReader("<a "), &repeated{s: `b="1" `, left: 50 << 20}), stop{message.TooBig}},
		{"a value without end", io.MultiReader(strings.NewReader("<a b='"), &repeated{s: "x", left: 50 << 20}), stop{message.TooBig}},
		{"cut in a tag", strings.NewReader("<a><b c='"), errXML},
		{"cut in an element", strings.NewReader("<a>text"), errXML},
		{"cut in a comment", strings.NewReader("<a><!-- text"), errXML},
		{"cut in CDATA", strings.NewReader("<a><![CDATA[text"), errXML},
		{"a broken reader", io.MultiReader(strings.NewReader("<a>"), failing{}), nil},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := tokens(tc.r, 10)
		runtime.ReadMemStats(&after)
		if err == nil || tc.why != nil && !errors.Is(err, tc.why) {
			t.Errorf("%s: %v", tc.name, err)
		}
		if n := after.TotalAlloc - before.TotalAlloc; n > 16*maxTag {
			t.Errorf("%s: %d octets of memory", tc.name, n)
		}
	}
	// Ends without beginnings, and text and comments of any length, cost no memory.
	got, err := tokens(io.MultiReader(strings.NewReader("</b></b><a><!--"), &repeated{s: "-- ", left: 4 << 20}, strings.NewReader("-->"),
		&repeated{s: "<b/>", left: 4 << 20}, strings.NewReader("x</a>")), 10)
	if err != nil || !strings.HasSuffix(got, "</b>x</a>") {
		t.Errorf("a long document: %.20q %v", got, err)
	}
}

// repeated gives a text again and again.
type repeated struct {
	s    string
	left int
	at   int
}

func (r *repeated) Read(p []byte) (int, error) {
	if r.left <= 0 {
		return 0, io.EOF
	}
	n := 0
	for n < len(p) && r.left > 0 {
		k := copy(p[n:min(len(p), n+r.left)], r.s[r.at:])
		r.at = (r.at + k) % len(r.s)
		n, r.left = n+k, r.left-k
	}
	return n, nil
}

func FuzzXML(f *testing.F) {
	f.Add([]byte(`<?xml version="1.0" encoding="windows-1258"?><a b='1'>x&#x1EAC;<![CDATA[y]]></a>`))
	f.Add([]byte(`<!DOCTYPE a [<!ENTITY l "lol">]><a>&l;</a>`))
	f.Fuzz(func(t *testing.T, b []byte) {
		fast, errFast := tokens(strings.NewReader(string(b)), 20)
		slow, errSlow := tokens(iotest.OneByteReader(strings.NewReader(string(b))), 20)
		if (errFast == nil) != (errSlow == nil) || len(b) < 64 && errFast == nil && fast != slow {
			t.Errorf("%q %v, in single octets %q %v", fast, errFast, slow, errSlow)
		}
	})
}
