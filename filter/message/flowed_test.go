package message

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"golang.org/x/text/transform"
)

func TestFlowed(t *testing.T) {
	tests := []struct{ name, params, text, want string }{
		{"two lines", "", "Xin gửi \nbáo cáo.\nHết.\n", "Xin gửi báo cáo.\nHết.\n"},
		{"delsp", "; DelSp=Yes", "TUYỆT M \nẬT\na  \nb\n", "TUYỆT MẬT\na b\n"},
		{"stuffing", "", " >no quote\n  From\n From \nhere\n", ">no quote\n From\nFrom here\n"},
		{"quotes", "", "> a \n> b\n>> c \n> d\n>\nx\n", "> a b\n>> c \r\n> d\n> \nx\n"},
		{"signature", "", "Bye \n-- \nAn \nBình\n", "Bye \r\n-- \nAn Bình\n"},
		{"not quite a signature", "", "-- x \ny\n--  \nz\n", "-- x y\n--  z\n"},
		{"the last line goes on", "", "a \n", "a "},
		{"without an end", "", "a ", "a "},
		{"blank lines", "", "a\n\nb \n\nc\n", "a\n\nb \nc\n"},
		{"a quoted line that nothing follows", "", ">", ""},
	}
	for _, test := range tests {
		for _, crlfs := range []bool{false, true} {
			text, want := test.text, test.want
			if crlfs {
				text, want = crlf(text), crlf(strings.ReplaceAll(want, "\r\n", "\n"))
			}
			m := read(t, "Content-Type: text/plain; charset=utf-8; format=Flowed"+test.params+"\r\n\r\n"+text)
			got, err := io.ReadAll(m.Root.Text())
			if err != nil || string(got) != want {
				t.Errorf("%s: %q (%v), want %q", test.name, got, err, want)
			}
			if raw, _ := io.ReadAll(m.Root.Open()); string(raw) != text {
				t.Errorf("%s: Open is changed: %q", test.name, raw)
			}
			list, err := m.Root.Texts()
			if err != nil {
				t.Fatal(err)
			}
			if got, err := io.ReadAll(list[0].Open()); err != nil || string(got) != want {
				t.Errorf("%s: reading %q (%v)", test.name, got, err)
			}
		}
	}
	m := read(t, "Content-Type: text/plain; charset=iso-8859-1; format=flowed\n\nC\xe9ng v\xa8n \nM\xcbT kh\xc8u\n")
	list, err := m.Root.Texts()
	if err != nil || len(list) < 2 {
		t.Fatalf("%v %v", list, err)
	}
	if got, _ := io.ReadAll(list[1].Open()); string(got) != "Cộng văn MẬT khẩu\n" {
		t.Errorf("guessed: %q", got)
	}
	for _, head := range []string{"text/plain", "text/html; format=flowed", "text/plain; format=fixed"} {
		m := read(t, "Content-Type: "+head+"\n\na \nb\n")
		if got, _ := io.ReadAll(m.Root.Text()); string(got) != "a \nb\n" {
			t.Errorf("%s: %q", head, got)
		}
	}
}

// FuzzFlowed: nothing but blanks, quote marks and line breaks is lost or comes new, however the octets come.
func FuzzFlowed(f *testing.F) {
	for _, s := range []string{"a \nb\n", "> a \r\n>> b\r\n-- \r\nc", " >\r\r\n> \n", "-- \n--  \n"} {
		f.Add([]byte(s), true)
		f.Add([]byte(s), false)
	}
	bare := func(b []byte) string {
		return strings.NewReplacer(" ", "", ">", "", "\r", "", "\n", "").Replace(string(b))
	}
	f.Fuzz(func(t *testing.T, raw []byte, delsp bool) {
		whole, _, err := transform.Bytes(&flowed{delsp: delsp}, raw)
		if err != nil {
			t.Fatal(err)
		}
		slow, err := io.ReadAll(transform.NewReader(iotest.OneByteReader(bytes.NewReader(raw)), &flowed{delsp: delsp}))
		if err != nil || !bytes.Equal(slow, whole) {
			t.Fatalf("%q: %q (%v), at once %q", raw, slow, err, whole)
		}
		if bare(raw) != bare(whole) || len(whole) > 2*len(raw)+2 {
			t.Fatalf("%q became %q", raw, whole)
		}
	})
}
