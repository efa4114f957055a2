package rules

import (
	"bufio"
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"

	"congthu/filter/extract"
	"congthu/filter/message"
)

// Whatever octets call themselves CMS: reading ends, nothing comes out that did not go in, and the only
// error is that they are no CMS.
func FuzzCMS(f *testing.F) {
	for _, name := range []string{"37-subject-encrypted-smime", "82-attachment-opaque-signed-small"} {
		f.Add(cmsOf(f, name))
	}
	f.Add([]byte("\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02\xa0\x80\x30\x80\x02\x01\x01\x31\x00\x30\x80\x06\x01\x2a\xa0\x80\x24\x80\x04\x02ab\x04\x01c\x00\x00"))
	f.Add([]byte("\x30\x84\xff\xff\xff\xff\x06\x81\x09"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		r := bufio.NewReader(bytes.NewReader(data))
		kind, err := extract.CMSKind(r)
		if err != nil && !errors.Is(err, extract.ErrNoCMS) {
			t.Fatal(err)
		}
		if err != nil || len(kind) > 32 {
			return
		}
		var out bytes.Buffer
		if err := extract.CopySigned(&out, r); err != nil && !errors.Is(err, extract.ErrNoCMS) {
			t.Fatal(err)
		}
		if out.Len() > len(data) {
			t.Fatalf("%d octets out of %d", out.Len(), len(data))
		}
	})
}

func cmsOf(t testing.TB, sample string) []byte {
	t.Helper()
	m := readMail(t, sample)
	var out bytes.Buffer
	if _, err := out.ReadFrom(m.Root.Open()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func readMail(t testing.TB, sample string) *message.Message {
	t.Helper()
	data, err := os.ReadFile("testdata/" + sample + ".eml")
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, string(data))
}

func parse(t testing.TB, mail string) *message.Message {
	t.Helper()
	m, err := message.Read(strings.NewReader(mail), int64(len(mail)), message.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// What OpenSSL signed comes out as it went in.
func TestCopySigned(t *testing.T) {
	r := bufio.NewReader(bytes.NewReader(cmsOf(t, "82-attachment-opaque-signed-small")))
	kind, err := extract.CMSKind(r)
	if err != nil || kind != extract.CMSSigned {
		t.Fatalf("kind %x, %v", kind, err)
	}
	var out bytes.Buffer
	if err := extract.CopySigned(&out, r); err != nil {
		t.Fatal(err)
	}
	if s := out.String(); !strings.HasPrefix(s, "Content-Type: text/plain; charset=utf-8\r\n") || !strings.HasSuffix(s, "tài nguyên nước\r\n") {
		t.Errorf("signed content %q", s)
	}
}
