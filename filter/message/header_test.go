package message

import (
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDecodeText(t *testing.T) {
	tests := []struct{ raw, want string }{
		{"", ""},
		{"plain text", "plain text"},
		{"folded\r\n text", "folded text"},
		{"=?UTF-8?B?QsOhbyBjw6Fv?=", "Báo cáo"},
		{"=?utf-8?q?B=C3=A1o_c=C3=A1o?=", "Báo cáo"},
		{"=?utf-8*vi?q?B=C3=A1o?= x", "Báo x"},
		{"=?utf-8?q?a?= =?utf-8?q?b?=", "ab"},
		{"=?utf-8?q?a?=\r\n =?utf-8?q?b?= c", "ab c"},
		{"=?utf-8?b?4bqt?==?utf-8?b?4bqt?=", "ậậ"},
		{"=?utf-8?b?4bo=?= =?utf-8?b?rQ==?=", "ậ"},   // a letter split between words
		{"=?utf-8?B?QsOhbyBjw6F?=", "Báo cá"},        // padding missing
		{"=?utf-8?Q?B=C3=A1o c=C3=A1o?=", "Báo cáo"}, // blanks inside
		{"x=?utf-8?Q?B=C3=A1o?=y", "xBáoy"},          // no blanks around
		{"=?windows-1258?Q?M=E2=F2t?=", "Mật"},       // decomposed, then NFC
		{"=?windows-1258?Q?=D0?=", "Đ"},
		{"=?iso-2022-jp?B?GyRCRnxLXBsoQg==?=", "日本"},
		{"=?utf-7?Q?+HqU-?=", "ấ"},
		{"=?no-such-charset?Q?B=C3=A1o?=", "Báo"},
		{"=?utf-8?Q?=FF=FE?=", "ÿþ"},
		{"=?utf-8?X?abc?=", "=?utf-8?X?abc?="},
		{"=?utf-8?Q?open", "=?utf-8?Q?open"},
		{"=?=?utf-8?q?a?=", "=?a"},
		{"raw B\u00e1o", "raw Báo"},
		{"raw M\xc3\xcbT", "raw MÃËT"}, // no UTF-8: every octet stays, as Latin-1
		{"e\u0302\u0323", "ệ"},
	}
	for _, test := range tests {
		if got := DecodeText(test.raw); got != test.want {
			t.Errorf("%q: %q, want %q", test.raw, got, test.want)
		}
	}
}

func TestDecodeTextIsLinear(t *testing.T) {
	for _, piece := range []string{"=?", "=?a?q?", "=?utf-8?q?a?= ", "=?utf-8?b?a", "?=", "=?a?q?a?==?b?q?a?="} {
		raw := strings.Repeat(piece, 1<<20/len(piece))
		if got := DecodeText(raw); len(got) > 4*len(raw) {
			t.Errorf("%q: %d octets out of %d", piece, len(got), len(raw))
		}
	}
}

func TestHeader(t *testing.T) {
	m := read(t, crlf("Subject: one\n two\nX-a: 1\nsubject : =?utf-8?q?three?=\nFrom:a@b.vn\n\n"))
	h := m.Header
	if diff := cmp.Diff([]string{"one two", "=?utf-8?q?three?="}, h.Values("SUBJECT")); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"one two", "three"}, h.Text("Subject")); diff != "" {
		t.Error(diff)
	}
	if v, ok := h.Get("from"); !ok || v != "a@b.vn" {
		t.Errorf("From: %q %v", v, ok)
	}
	if _, ok := h.Get("to"); ok {
		t.Error("there is no To")
	}
	var raw strings.Builder
	for _, f := range h.Fields {
		raw.Write(f.Raw)
	}
	if want := crlf("Subject: one\n two\nX-a: 1\nsubject : =?utf-8?q?three?=\nFrom:a@b.vn\n"); raw.String() != want {
		t.Errorf("the fields' octets are %q", raw.String())
	}
	byHand := Header{Fields: []Field{{Name: "To", Raw: []byte("To: x@y.vn\r\n")}}}
	if v, _ := byHand.Get("To"); v != "x@y.vn" {
		t.Errorf("a field made by hand: %q", v)
	}
}

func TestAddresses(t *testing.T) {
	type addresses = []Address
	tests := []struct {
		value  string
		want   []Address
		strict bool
	}{
		{"a@b.vn", addresses{{"", "a", "b.vn"}}, true},
		{"A <a@b.vn>, \"C, D\" <c@d.vn>", addresses{{"A", "a", "b.vn"}, {"C, D", "c", "d.vn"}}, true},
		{"=?utf-8?B?Tmd1eeG7hW4=?= <a@b.vn>", addresses{{"Nguyễn", "a", "b.vn"}}, true},
		{"=?windows-1258?Q?M=E2=F2t?= <a@b.vn>", addresses{{"Mật", "a", "b.vn"}}, true},
		{"=?utf-8?b?4bo=?= =?utf-8?b?rQ==?= <a@b.vn>", addresses{{"ậ", "a", "b.vn"}}, true},
		{"\"=?utf-8?q?x?=\" <a@b.vn>", addresses{{"x", "a", "b.vn"}}, true},
		{"undisclosed-recipients:;", addresses{}, true},
		{"Phong A: a@b.vn, c@d.vn;", addresses{{"", "a", "b.vn"}, {"", "c", "d.vn"}}, true},
		{"\"a b\"@c.vn", addresses{{"", "a b", "c.vn"}}, true},
		{"\"a@x.vn\"@c.vn", addresses{{"", "a@x.vn", "c.vn"}}, true},
		{"a@b.vn (Anh A)", addresses{{"Anh A", "a", "b.vn"}}, true},
		{"nguyễn@việt.vn", addresses{{"", "nguyễn", "việt.vn"}}, true},
		{"\"boss@gov.vn\" <evil@x.com>", addresses{{"boss@gov.vn", "evil", "x.com"}}, true},
		{"boss@gov.vn <evil@x.com>", addresses{{"boss@gov.vn", "evil", "x.com"}}, false},
		{"<a@b.vn", addresses{{"", "a", "b.vn"}}, false},
		{"Anh A <a @ b.vn>, , x <<c@d.vn>>", addresses{{"Anh A", "a", "b.vn"}, {"x", "c", "d.vn"}}, false},
		{"=?utf-8?q?evil=40x.com?= a", addresses{{"", "evil", "x.com"}}, false},
		{"no address", nil, false},
		{"", nil, false},
		{"@@@", nil, false},
		{"a@[192.0.2.1] x", addresses{{"", "a", "[192.0.2.1]"}}, false},
	}
	for _, test := range tests {
		h := &Header{Fields: []Field{{Name: "From", Raw: []byte("From: " + test.value + "\r\n")}}}
		got, strict := h.Addresses("from")
		if len(got) == 0 && len(test.want) == 0 {
			got, test.want = nil, nil
		}
		if diff := cmp.Diff(test.want, got); diff != "" || strict != test.strict {
			t.Errorf("%q: strict %v (-want +got):\n%s", test.value, strict, diff)
		}
	}
	h := &Header{Fields: []Field{{Name: "From", Raw: []byte("From: a@b.vn\r\n")}, {Name: "from", Raw: []byte("from: c@d.vn\r\n")}}}
	if got, ok := h.Addresses("From"); len(got) != 2 || !ok {
		t.Errorf("two From fields: %v %v", got, ok)
	}
	if got, ok := h.Addresses("Sender"); got != nil || !ok {
		t.Errorf("no Sender: %v %v", got, ok)
	}
}

func TestAddressesAreBounded(t *testing.T) {
	for _, piece := range []string{"a@b.vn,", "a@", "@", "\"a", "(((", "a@b.vn <", "<<a@b", "=?utf-8?q?a=40b?= "} {
		v := strings.Repeat(piece, 300_000/len(piece))
		h := &Header{Fields: []Field{{Name: "To", Raw: []byte("To: " + v + "\r\n")}}}
		if got, strict := h.Addresses("To"); !strict && len(got) > maxLenient+1 {
			t.Errorf("%q: %d addresses", piece, len(got))
		}
	}
}

func TestText(t *testing.T) {
	tests := []struct{ charset, body, want string }{
		{"", "Báo cáo", "Báo cáo"},
		{"utf-8", "e\u0302\u0323", "ệ"},
		{"us-ascii", "M\xcbT", "MËT"},
		{"UTF-8", "M\xcbT \xe1\xba", "MËT áº"},
		{"windows-1258", "M\xe2\xf2t", "Mật"},
		{"iso-8859-1", "\xe9", "é"},
		{"utf-16", "\xfe\xff\x00M\x1e\xac", "MẬ"},
		{"utf-7", "+HqU- a+- b", "ấ a+ b"},
		{"no-such", "M\xcbT", "MËT"},
		{"hz-gb-2312", "abc", "abc"},
		{"koi8-r", "\xcd", "м"},
		{"\"'windows-1258'\"", "\xd0", "Đ"},
	}
	for _, test := range tests {
		raw := "Subject: x\r\n\r\n" + test.body
		if test.charset != "" {
			raw = "Content-Type: text/plain; charset=" + test.charset + "\r\n\r\n" + test.body
		}
		m := read(t, raw)
		got, err := io.ReadAll(m.Root.Text())
		if err != nil || string(got) != test.want {
			t.Errorf("%s: %q (%v), want %q", test.charset, got, err, test.want)
		}
	}
}

func TestStructured(t *testing.T) {
	tests := []struct {
		value, want string
		odd         bool
	}{
		{"text/plain", "text/plain", false},
		{"Text/Plain; Charset=UTF-8;", "text/plain|charset=UTF-8", false},
		{"text/plain (a;b); charset=(x) utf-8 (y)", "text/plain|charset=utf-8", false},
		{`a/b; c="d;e\"f"; g=h`, `a/b|c=d;e"f|g=h`, false},
		{`a/b; c="d`, `a/b|c=d`, false},
		{`a/b; c="d" e=f`, `a/b|c=d|e=f`, true},
		{"a/b; ; c=d", "a/b|c=d", true},
		{"a/b; c", "a/b", true},
		{"a/b; =c; d=e", "a/b|d=e", true},
		{"a/b c=d", "a/b|c=d", true},
		{"a/b; n*0=x; n*1*=%41", "a/b|n=xA", false},
		{"a/b; n*1=b; n*0=a", "a/b|n=ab", false},
		{"a/b; n*=utf-8'vi'B%C3%A1o", "a/b|n=Báo", false},
		{"a/b; n*=windows-1258''M%E2%F2t", "a/b|n=Mật", false},
		{"", "", false},
		{";;;", "", true},
	}
	for _, test := range tests {
		st := parseStructured(test.value)
		got := st.head
		for _, p := range st.params {
			got += "|" + p.name + "=" + p.value
		}
		if got != test.want || st.odd != test.odd {
			t.Errorf("%q: %q odd %v, want %q %v", test.value, got, st.odd, test.want, test.odd)
		}
	}
}
