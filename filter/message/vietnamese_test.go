package message

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"testing/iotest"

	"golang.org/x/text/transform"
	"golang.org/x/text/unicode/norm"
)

// charsetText decodes octets at once, octet by octet and through a reader; all must agree.
func charsetText(t testing.TB, octets, charset string) string {
	t.Helper()
	want := decodeString([]byte(octets), charset)
	for _, src := range []io.Reader{strings.NewReader(octets), iotest.OneByteReader(strings.NewReader(octets))} {
		got, err := io.ReadAll(charsetReader(charset, src))
		if err != nil || string(got) != want {
			t.Fatalf("%s %q: read %q (%v), at once %q", charset, octets, got, err, want)
		}
	}
	return want
}

// TestVietnameseCharsets holds the decoders to how the secrecy marks and other words look in each
// charset: what is written here in octets was found in fonts and documents, not made with our tables.
func TestVietnameseCharsets(t *testing.T) {
	tests := []struct{ charset, octets, want string }{
		{"x-viet-tcvn3", "M\xcbT m\xcbt", "MẬT mật"},
		{"TCVN3", "T\xe8I M\xcbT", "TỐI MẬT"},
		{"TCVN3", "TUY\xd6T M\xcbT", "TUYỆT MẬT"},
		{"TCVN3", "m\xcbt kh\xc8u, B\xb6O M\xcbT", "mật khẩu, BẢO MẬT"},
		{"TCVN3", "C\xe3 \xa7\xd2 ngh\xde", "Có Đề nghị"},    // one capital begins a word
		{"TCVN3", "B\xdd M\xcbT", "BÍ MẬT"},                  // its neighbour shows that it is capitals
		{"TCVN3", "M\xcbT B\xdd", "MẬT BÍ"},                  // on either side
		{"TCVN3", "\xca\x4e, \xfd KI\xd5N", "ẤN, Ý KIẾN"},    // a word that begins with the toned letter
		{"TCVN3", "\x93M\xcbT\x94 \x96 \x85", "“MẬT” – …"},   // signs are those of windows-1252
		{"TCVN-5712", "M\x86T T\xffI M\x86T", "MẬT TỐI MẬT"}, // VN1 has the capitals
		{"TCVN5712-1", "TUY\x8cT M\x86T m\xcbt kh\xc8u", "TUYỆT MẬT mật khẩu"},
		{"x-viet-tcvn5712", "a\xb0e\xb1\x01", "àẻÚ"}, // tones that combine, letters among the controls
		{"x-viet-vni", "MA\xc4T", "MẬT"},
		{"VNI", "TO\xc1I MA\xc4T", "TỐI MẬT"},
		{"VNI", "TUYE\xc4T MA\xc4T", "TUYỆT MẬT"},
		{"VNI", "ma\xe4t kha\xe5u, BA\xdbO MA\xc4T", "mật khẩu, BẢO MẬT"},
		{"VNI", "tr\xf6\xf4\xf8ng Vie\xe4t \xd1\xf4n v\xf2 k\xfd hi\xe6u", "trường Việt Đơn vị ký hiỉu"},
		{"VNI", "a\xea a\xe9 a\xe8 a\xfa a\xfc a\xeb A\xcb", "ă ắ ằ ẳ ẵ ặ Ặ"},
		{"VNI", "x\xf9 \xe2 \x93a\x94", "xù â “a”"}, // a mark on no vowel
		{"VISCII", "M\x87T T\x8fI M\x87T", "MẬT TỐI MẬT"},
		{"csVISCII", "TUY\x8eT M\x87T m\xa7t kh\xa6u", "TUYỆT MẬT mật khẩu"},
		{"VIQR", "MA^.T TO^'I MA^.T TUYE^.T MA^.T ma^.t kha^?u", "MẬT TỐI MẬT TUYỆT MẬT mật khẩu"},
		{"csVIQR", "Tru+o+`ng DDa.i ho.c, ddo^. a(n DDi", "Trường Đại học, độ ăn Đi"},
		{"VIQR", "the^' na\\`o\\? a\\\\b a\\^ C:\\x", "thế na`o? a\\b a^ C:\\x"},
		{"windows-1258", "M\xc2\xf2T T\xd4\xecI TUY\xca\xf2T", "MẬT TỐI TUYỆT"},
		{"utf-7", "M+Hqw-T +HqU- a+-b", "MẬT ấ a+b"},
	}
	for _, test := range tests {
		if got := charsetText(t, test.octets, test.charset); got != test.want {
			t.Errorf("%s %q: %q, want %q", test.charset, test.octets, got, test.want)
		}
	}
}

// needIconv fails without iconv where every tool must be there, else skips.
func needIconv(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("iconv"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("iconv is missing; it is in libc-bin")
		}
		t.Skip("iconv is missing")
	}
}

// TestVietnameseCharsetsAgreeWithIconv compares whole tables with an independent implementation.
func TestVietnameseCharsetsAgreeWithIconv(t *testing.T) {
	needIconv(t)
	for _, charset := range []string{"TCVN5712-1", "VISCII", "CP1258"} {
		var octets []byte
		for c := range 256 {
			if c == '\r' || c == '\n' {
				continue
			}
			// A letter before a mark and a line end behind: what combines has something to combine with.
			octets = append(octets, 'u', byte(c), '\n')
		}
		label := charset
		if charset == "CP1258" {
			label = "windows-1258"
			octets = octets[:3*126] // ASCII without line ends
			for c := 0x80; c < 256; c++ {
				if !strings.Contains("\x81\x8a\x8d\x8e\x8f\x90\x9a\x9d\x9e", string([]byte{byte(c)})) { // not assigned
					octets = append(octets, 'u', byte(c), '\n')
				}
			}
		}
		cmd := exec.Command("iconv", "-f", charset, "-t", "UTF-8")
		cmd.Stdin = bytes.NewReader(octets)
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("iconv %s: %v", charset, err)
		}
		want := strings.Split(norm.NFC.String(string(out)), "\n")
		got := strings.Split(charsetText(t, string(octets), label), "\n")
		if len(got) != len(want) || len(got) < 200 {
			t.Fatalf("%s: %d lines, iconv has %d", charset, len(got), len(want))
		}
		for i := range got {
			if got[i] != want[i] {
				t.Errorf("%s, line %d: %q, iconv says %q", charset, i, got[i], want[i])
			}
		}
	}
	// What VN3 has, it has in common with VN1.
	for c, r := range tcvn3Table {
		if c >= 0xa1 && r >= 0x100 && r != tcvnTable[c] {
			t.Errorf("TCVN3 %#x is %q, VN1 has %q", c, r, tcvnTable[c])
		}
	}
}

// TestVietnameseLettersAreComplete writes every letter in each charset that our decoders read, found by
// search, so that no octet of a table is missing.
func TestVietnameseLettersAreComplete(t *testing.T) {
	const lower = "aàảãáạăằẳẵắặâầẩẫấậeèẻẽéẹêềểễếệiìỉĩíịoòỏõóọôồổỗốộơờởỡớợuùủũúụưừửữứựyỳỷỹýỵđ"
	for _, charset := range []string{"tcvn3", "tcvn5712-1", "viscii", "vni", "viqr"} {
		found := map[string]bool{}
		for a := range 256 {
			found[decodeString([]byte{byte(a)}, charset)] = true
			for b := 0; b < 256 && (charset == "vni" || charset == "viqr"); b++ {
				found[decodeString([]byte{byte(a), byte(b)}, charset)] = true
			}
		}
		if charset == "viqr" { // three octets
			for _, v := range "aeiouyAEIOUY" {
				for _, m := range "^(+" {
					for _, tone := range "`'?~." {
						found[decodeString([]byte(string([]rune{v, m, tone})), charset)] = true
					}
				}
			}
		}
		letters := lower
		if charset != "tcvn3" {
			letters += strings.ToUpper(lower)
		}
		for _, r := range letters {
			if !found[string(r)] {
				t.Errorf("%s cannot say %q", charset, r)
			}
		}
	}
}

// FuzzCharset: whatever the octets, a reader gives the same UTF-8 as one call, and it ends.
func FuzzCharset(f *testing.F) {
	names := []string{"tcvn3", "tcvn5712-1", "viscii", "vni", "viqr", "utf-7", "windows-1258", "utf-16", "iso-2022-jp", "gbk", ""}
	for i, s := range []string{"T\xe8I M\xcbT", "\x86\x01\xb0", "M\x87T", "MA\xc4T", `MA^.T \. dd`, "+HqU-+", "M\xc2\xf2T", "\xff\xfeM\x00", "\x1b$BF|K\\\x1b(B", "\xc4\xe3", "M\xc3"} {
		f.Add([]byte(s), uint8(i))
	}
	f.Fuzz(func(t *testing.T, raw []byte, which uint8) {
		charset := names[int(which)%len(names)]
		dec := charsetDecoder(charset)
		if dec == nil {
			dec = lenientUTF8{}
		}
		whole, _, err := transform.Bytes(dec, raw)
		if err != nil {
			return // a decoder of x/text may refuse what it cannot read
		}
		got, err := io.ReadAll(charsetReader(charset, iotest.OneByteReader(bytes.NewReader(raw))))
		if err != nil {
			t.Fatalf("%s %q: %v", charset, raw, err)
		}
		// x/text puts a joiner (U+034F) into long runs of marks, in a stream at other places.
		if want := norm.NFC.String(string(whole)); string(got) != want && !strings.ContainsRune(string(got)+want, 0x034f) {
			t.Fatalf("%s %q: %q, at once %q", charset, raw, got, want)
		}
		if len(got) > 12*len(raw)+16 {
			t.Fatalf("%s: %d octets out of %d", charset, len(got), len(raw))
		}
	})
}
