package message

import (
	"bytes"
	"encoding/base64"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzRead holds what is true of every message: a whole tree, limits kept, bounded work, readers
// that end.
func FuzzRead(f *testing.F) {
	files, err := filepath.Glob("testdata/read/*.eml")
	if err != nil || len(files) == 0 {
		f.Fatalf("no samples: %v", err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
		f.Add([]byte(crlf(string(raw))))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		r := &countingReader{ReaderAt: bytes.NewReader(raw)}
		m, err := Read(r, int64(len(raw)), DefaultLimits())
		if err != nil {
			t.Fatalf("an error although the reader has none: %v", err)
		}
		if cost := r.octets.Load(); cost > int64(workFactor*(maxDecodedNesting+1)*len(raw))+10*workFloor {
			t.Fatalf("%d octets read of %d", cost, len(raw))
		}
		checkTree(t, m)
		checkCounted(t, "", m)
		leaves := 0
		for p := range m.Leaves() {
			if leaves++; leaves > 200 { // enough: each may be as large as the message
				break
			}
			got, err := p.Measure()
			if err != nil {
				t.Fatalf("part %q: %v", p.ID, err)
			}
			n, err := io.Copy(io.Discard, p.Open())
			if err != nil || n != got.Bytes {
				t.Fatalf("part %q: %d octets, measured %d (%v)", p.ID, n, got.Bytes, err)
			}
			text, err := io.ReadAll(p.Text())
			if err == nil && p.Params["charset"] == "" && !utf8.Valid(text) {
				t.Fatalf("part %q: the text is no UTF-8", p.ID)
			}
		}
		if leaves == 0 {
			t.Fatal("no leaf")
		}
	})
}

// FuzzDecodeText: the text is UTF-8, and reading what is already plain changes nothing.
func FuzzDecodeText(f *testing.F) {
	for _, s := range []string{"", "=?utf-8?q?B=C3=A1o?= x", "=?utf-8?b?4bo=?= =?utf-8?b?rQ==?=", "=?utf-7?q?+HqU-?=",
		"M\xc3\xcbT", "=?iso-2022-jp?B?GyRCRnxLXBsoQg==?=", "=?x?q?a", "a\r\n b", "=?windows-1258?Q?M=E2=F2t?="} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := DecodeText(s)
		if !utf8.ValidString(got) {
			t.Fatalf("%q: no UTF-8: %q", s, got)
		}
		if isASCII(s) && !strings.Contains(s, "=?") && !strings.ContainsAny(s, "\r\n") && got != s {
			t.Fatalf("%q was changed to %q", s, got)
		}
	})
}

// FuzzAddresses: no mailbox without a local part, and whatever stands before it, a mailbox of its own at the
// end of a field is read.
func FuzzAddresses(f *testing.F) {
	for _, s := range []string{"a@b.vn", "A <a@b.vn>, \"C, D\" <c@d.vn>", "x: a@b.vn;", "\"a b\"@c.vn", "<a@b", "=?utf-8?q?a=40b?= <c@d>",
		"a@b (c (d) e)", "a@[1.2.3.4]", "boss@gov.vn <evil@x.com>", "@@", "<@a,@b:c@d>",
		"nvan(c)@( gmail . com", "\"", "\\\"@", "a!b", "a%b", "nvan@\"gmail.com\"", "=?utf-8?q?\"?= <a@b", "a@b. c\x0b", "((a)", "a@["} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if strings.ContainsAny(s, "\r\n") {
			return // a field's value is unfolded before
		}
		h := &Header{Fields: []Field{{Name: "From", Raw: []byte("From: " + s)}}}
		list, ok := h.Addresses("from")
		if len(list) > len(s)+1 {
			t.Fatalf("%d addresses in %d octets", len(list), len(s))
		}
		for _, a := range list {
			if !ok && (a.Local == "" || a.Domain == "") {
				t.Fatalf("%q: half an address: %+v", s, a)
			}
		}
		more := readAddresses(s + ", <nvan@gmail.com>")
		if !more.cut && !slices.ContainsFunc(more.list, func(a Address) bool { return a.Local == "nvan" && a.Domain == "gmail.com" }) {
			t.Fatalf("%q hides what follows: %+v", s, more.list)
		}
	})
}

// FuzzBase64: clean text decodes as the standard library decodes it, and no octets stop the reader.
func FuzzBase64(f *testing.F) {
	for _, s := range []string{"aGVsbG8=", "aGVs\r\nbG8=\r\n", "aG*VsbG8", "====", "YQ==YQ==", strings.Repeat("QUJD", 40)} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, kind := decodeAll(t, Base64, string(raw))
		clean := strings.NewReplacer(" ", "", "\t", "").Replace(string(raw))
		want, err := base64.StdEncoding.DecodeString(clean)
		if err == nil && (string(want) != got || kind != "") {
			t.Fatalf("%q: %q (%s), the library says %q", raw, got, kind, want)
		}
		if err != nil && kind == "" && !strings.Contains(err.Error(), "illegal") {
			t.Fatalf("%q: the library says %v, we say nothing", raw, err)
		}
		again, _ := decodeAll(t, Base64, base64.StdEncoding.EncodeToString(raw))
		if again != string(raw) {
			t.Fatalf("%q does not come back: %q", raw, again)
		}
		if n, damaged := counted(t, string(raw), 1+len(raw)/3); n != int64(len(got)) || damaged != (kind != "") {
			t.Fatalf("%q: counted %d %v, decoded %d (%s)", raw, n, damaged, len(got), kind)
		}
	})
}

// FuzzStructured: a parameter list is read to its end whatever it is.
func FuzzStructured(f *testing.F) {
	for _, s := range []string{"text/plain; charset=utf-8", `a/b; c="d;e\"f"; g=h`, "a/b; n*1=b; n*0*=utf-8''%41", "a/b;;", "a (b", `a/b; c="d`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		st := parseStructured(s)
		if len(st.params) > 2*maxWeighty {
			t.Fatalf("%d parameters", len(st.params))
		}
		for _, p := range st.params {
			if p.name == "" || p.name != strings.ToLower(p.name) {
				t.Fatalf("%q: name %q", s, p.name)
			}
		}
	})
}
