package message

import (
	"fmt"
	"io"
	"os/exec"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// show writes readings as one line.
func show(list []Reading) string {
	var b strings.Builder
	for _, r := range list {
		mark := ""
		if r.Guessed {
			mark = "?"
		}
		fmt.Fprintf(&b, "[%s%s] %s ", r.Charset, mark, r.Text)
	}
	return strings.TrimSpace(b.String())
}

func TestReadings(t *testing.T) {
	tests := []struct{ octets, charset, want string }{
		{"Báo cáo tuần", "", "[utf-8] Báo cáo tuần"},
		{"weekly report (a+b), to^2", "us-ascii", "[us-ascii] weekly report (a+b), to^2"},
		// Without a label: the best founded comes first, Latin-1 stays.
		{"Tr\xb6 l\xeai: b\xb8o c\xb8o", "", "[x-viet-tcvn3?] Trả lời: báo cáo [iso-8859-1?] Tr¶ lêi: b¸o c¸o"},
		{"T\xe8I M\xcbT", "", "[x-viet-tcvn3?] TỐI MẬT [iso-8859-1?] TèI MËT"},
		{"Tra\xfb l\xf4\xf8i: ba\xf9o ca\xf9o", "", "[x-viet-vni?] Trả lời: báo cáo [iso-8859-1?] Traû lôøi: baùo caùo"},
		{"TO\xc1I MA\xc4T", "", "[x-viet-vni?] TỐI MẬT [iso-8859-1?] TOÁI MAÄT"},
		{"Tr\xe4 l\xb6i: b\xe1o c\xe1o", "", "[viscii?] Trả lời: báo cáo [iso-8859-1?] Trä l¶i: báo cáo"},
		{"Tr\xe4 l\xb6i:", "unknown-8bit", "[viscii?] Trả lời: [iso-8859-1?] Trä l¶i:"},
		{"Tra\xd2 l\xf5\xcci: b\xe1o c\xe1o", "", "[windows-1258?] Trả lời: báo cáo [iso-8859-1?] TraÒ lõÌi: báo cáo"},
		// A label that is wrong, or a font's charset under the label of Latin-1.
		{"M\xcbT kh\xc8u", "iso-8859-1", "[iso-8859-1] MËT khÈu [x-viet-tcvn3?] MẬT khẩu"},
		{"MA\xc4T", "windows-1252", "[windows-1252] MAÄT [x-viet-vni?] MẬT"},
		{"TUY\xca\xf2T M\xc2\xf2T", "iso-8859-1", "[iso-8859-1] TUYÊòT MÂòT [windows-1258?] TUYỆT MẬT"},
		{"TUYÖT MËT", "utf-8", "[utf-8] TUYÖT MËT [x-viet-tcvn3?] TUYỆT MẬT"},
		{"Tá»\u0090I Máº¬T", "utf-8", "[utf-8] Tá»\u0090I Máº¬T [utf-8?] TỐI MẬT"},
		{"TUYá»†T Máº¬T", "utf-8", "[utf-8] TUYá»†T Máº¬T [utf-8?] TUYỆT MẬT"},
		{"B\xc3\xa1o c\xc3\xa1o m\xe1\xba\xadt", "iso-8859-1", "[iso-8859-1] BÃ¡o cÃ¡o máº\u00adt [utf-8?] Báo cáo mật"},
		{"To^'i ma^.t", "us-ascii", "[us-ascii] To^'i ma^.t [viqr?] Tối mật"},
		// Not Vietnamese.
		{"R\xe9union g\xe9n\xe9rale \xe0 No\xebl", "", "[utf-8] Réunion générale à Noël"},
		{"M\xfcller gr\xfc\xdft aus K\xf6ln", "", "[utf-8] Müller grüßt aus Köln"},
		{"Reuni\xf3n del a\xf1o", "iso-8859-1", "[iso-8859-1] Reunión del año"},
		{"Be a man!\xa0 abm", "", "[utf-8] Be a man!\u00a0 abm"}, // \xa0 is a letter in VISCII
		{"\xff\xfe\x81", "", "[utf-8] ÿþ\u0081"},
		{"", "", "[utf-8]"},
	}
	for _, test := range tests {
		got := Readings([]byte(test.octets), test.charset)
		if s := show(got); s != test.want {
			t.Errorf("%q %s:\n got %q\nwant %q", test.octets, test.charset, s, test.want)
		}
		if len(got) > 0 && test.charset == "" && got[0].Text != DecodeText(test.octets) {
			t.Errorf("%q: the first reading is %q, the text %q", test.octets, got[0].Text, DecodeText(test.octets))
		}
	}
}

// sentences are ordinary Vietnamese mail, with the letters that are rare too.
var sentences = []string{
	"Trả lời: Báo cáo công tác tuần",
	"Kính gửi các đồng chí lãnh đạo Sở Tài nguyên và Môi trường",
	"Chuyển tiếp: Lịch họp giao ban tháng 9",
	"Về việc triển khai kế hoạch phòng chống bão lũ năm 2026",
	"Đề nghị đơn vị góp ý dự thảo trước ngày 30",
	"Nguyễn Thị Hồng Nhung",
	"khuỷu tay, ngoằn ngoèo, thuở ấy, hữu nghị",
	"TÀI LIỆU HỌP GIAO BAN QUÝ BA",
	"Ông Bùi Hữu Dương gửi thư mời dự hội nghị",
}

// TestGuessFindsTheCharset writes sentences in every charset that an independent program or a search
// through our decoder can write, and wants them back although nothing names the charset.
func TestGuessFindsTheCharset(t *testing.T) {
	needIconv(t)
	for _, charset := range []string{"x-viet-tcvn3", "x-viet-vni", "viscii", "windows-1258"} {
		letters := encodings(charset)
		for _, want := range sentences {
			octets := encodeVietnamese(t, want, charset, letters)
			if got := DecodeText(octets); got != want {
				t.Errorf("%s %q: read as %q, want %q", charset, octets, got, want)
			}
			var shown []rune // as a reader of Latin-1 sees it
			for _, c := range []byte(octets) {
				shown = append(shown, rune(c))
			}
			if got := Readings([]byte(string(shown)), "utf-8"); len(got) < 2 || got[1].Text != want {
				t.Errorf("%s %q as Latin-1 under UTF-8: %s", charset, octets, show(got))
			}
		}
	}
}

// encodings are the octets of each letter of a charset, found by decoding. The first octet of two is one
// that a letter can begin with.
func encodings(charset string) map[string]string {
	octets := map[string]string{}
	for a := 255; a > 0; a-- {
		for b := 255; b >= 0xc0 && (a < 0x80 || a >= 0xc0) && charset == "x-viet-vni"; b-- {
			pair := string([]byte{byte(a), byte(b)})
			if s := decodeString([]byte(pair), charset); utf8.RuneCountInString(s) == 1 {
				octets[s] = pair
			}
		}
		octets[decodeString([]byte{byte(a)}, charset)] = string([]byte{byte(a)})
	}
	return octets
}

// encodeVietnamese writes text in a charset: by iconv for windows-1258, else letter by letter with the
// octets that decode to it. The fonts of TCVN3 have the small letter for a capital with a tone.
func encodeVietnamese(t *testing.T, text, charset string, letters map[string]string) string {
	t.Helper()
	if charset == "windows-1258" {
		cmd := exec.Command("iconv", "-f", "UTF-8", "-t", "CP1258")
		cmd.Stdin = strings.NewReader(text)
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("iconv: %v", err)
		}
		return string(out)
	}
	var out strings.Builder
	for _, r := range text {
		s, ok := letters[string(r)]
		if !ok {
			s, ok = letters[strings.ToLower(string(r))]
		}
		if !ok {
			t.Fatalf("%s has no %q", charset, r)
		}
		out.WriteString(s)
	}
	return out.String()
}

func TestSyllables(t *testing.T) {
	for _, w := range strings.Fields("Mật MẬT mật tối TUYỆT khẩu của và nghiêng quyển gì giếng ý yếu khuỷu ngoằn huỳnh thuở Đắk được quốc xoong boong khuya a") {
		if !isSyllable(w) {
			t.Errorf("%q is a syllable", w)
		}
	}
	for _, w := range strings.Fields("MËT mËt MAÄT Máº¬T mẬt MậT mặtt mat file jazz für ngnghi ấấ nghiiiing x đ tuyet khẩư ñ日本") {
		if isSyllable(w) {
			t.Errorf("%q is no syllable", w)
		}
	}
}

func TestHeaderReadings(t *testing.T) {
	m := read(t, crlf("Subject: M\xcbT kh\xc8u\nSubject: =?iso-8859-1?Q?M=CBT_kh=C8u?=\nSubject: plain\n\n"))
	want := []string{"[x-viet-tcvn3?] MẬT khẩu [iso-8859-1?] MËT khÈu", "[utf-8] MËT khÈu [x-viet-tcvn3?] MẬT khẩu", "[utf-8] plain"}
	var got []string
	for i, list := range m.Header.Readings("subject") {
		got = append(got, show(list))
		if text := m.Header.Text("subject")[i]; list[0].Text != text {
			t.Errorf("the first reading is %q, the text %q", list[0].Text, text)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestTexts(t *testing.T) {
	long := strings.Repeat("An ordinary line of English text.\r\n", 2000)
	tests := []struct{ head, body, want string }{
		{"text/plain; charset=utf-8", "Báo cáo", "[utf-8] Báo cáo"},
		{"text/plain", "C\xe9ng v\xa8n M\xcbT", "[utf-8] Céng v¨n MËT|[x-viet-tcvn3?] Cộng văn MẬT|[viscii?] Céng vẽn MẺT"},
		{"text/plain; charset=iso-8859-1", "Co\xe2ng va\xean MA\xc4T", "[iso-8859-1] Coâng vaên MAÄT|[x-viet-vni?] Công văn MẬT|[x-viet-tcvn3?] Coõng vaờn MAÄT"},
		{"text/plain; charset=utf-8", "Céng v¨n MËT", "[utf-8] Céng v¨n MËT|[x-viet-tcvn3?] Cộng văn MẬT|[viscii?] Céng vẽn MẺT"},
		{"text/html; charset=iso-8859-1", "<p class=a title=b lang=c>M\xcbT</p>", "[iso-8859-1] <p class=a title=b lang=c>MËT</p>|[x-viet-tcvn3?] <p class=a title=b lang=c>MẬT</p>"},
		{"text/html; charset=iso-8859-1", "<META http-equiv=x content=\"text/html; charset=koi8-r\">\xc1\xc2", "[iso-8859-1] <META http-equiv=x content=\"text/html; charset=koi8-r\">ÁÂ|[koi8-r] <META http-equiv=x content=\"text/html; charset=koi8-r\">аб"},
		{"text/html; charset=latin1", "<meta name=x><meta charset = 'windows-1252'>\xc1", "[latin1] <meta name=x><meta charset = 'windows-1252'>Á"},
		{"text/plain", "<meta charset=koi8-r>\xc1\xc2", "[utf-8] <meta charset=koi8-r>ÁÂ"},  // no HTML
		{"text/plain; charset=iso-8859-1", long + "M\xcbT", "[iso-8859-1] " + long + "MËT"}, // beyond the sample
	}
	for _, test := range tests {
		m := read(t, "Content-Type: "+test.head+"\r\n\r\n"+test.body)
		list, err := m.Root.Texts()
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, r := range list {
			text, err := io.ReadAll(r.Open())
			if err != nil {
				t.Fatal(err)
			}
			mark := ""
			if r.Guessed {
				mark = "?"
			}
			got = append(got, fmt.Sprintf("[%s%s] %s", r.Charset, mark, text))
		}
		if s := strings.Join(got, "|"); s != test.want {
			t.Errorf("%s:\n got %.300q\nwant %.300q", test.head, s, test.want)
		}
	}
	m := read(t, "Subject: x\r\n\r\nhello\r\n")
	m.Root.source.r = brokenReader{}
	if _, err := m.Root.Texts(); err == nil {
		t.Error("an error of the reader is lost")
	}
}

// TestReadingsAreBounded counts what hostile texts give and how long they are.
func TestReadingsAreBounded(t *testing.T) {
	for _, piece := range []string{"\xcb", "M\xcbT ", "a^", "\xb8\xb8a", "MA\xc4T ", "Ã", "\xe1\xba", "<", "=?x?q?\xcb?= \xcb "} {
		raw := strings.Repeat(piece, 1<<17/len(piece))
		got := Readings([]byte(raw), "")
		if len(got) > len(guesses)+3 {
			t.Errorf("%q: %d readings", piece, len(got))
		}
		for _, r := range got {
			if len(r.Text) > 4*len(raw) || !utf8.ValidString(r.Text) {
				t.Errorf("%q as %s: %d octets out of %d", piece, r.Charset, len(r.Text), len(raw))
			}
		}
	}
}

// FuzzReadings: every reading is UTF-8, the first is the text that a reader sees.
func FuzzReadings(f *testing.F) {
	for _, s := range []string{"", "Báo cáo", "M\xcbT", "MA\xc4T", "M\x87T", "M\xc2\xf2T", "ma^.t", "Máº¬T", "\xff"} {
		f.Add([]byte(s), "")
		f.Add([]byte(s), "iso-8859-1")
	}
	f.Fuzz(func(t *testing.T, raw []byte, charset string) {
		list := Readings(raw, charset)
		for i, r := range list {
			if !utf8.ValidString(r.Text) && charsetDecoder(charset) == nil {
				t.Fatalf("reading %d (%s) is no UTF-8: %q", i, r.Charset, r.Text)
			}
			if r.Guessed && i > 0 && r.Text == list[0].Text {
				t.Fatalf("reading %d says nothing new: %q", i, r.Text)
			}
		}
		if list[0].Text != decodeString(raw, charset) {
			t.Fatalf("%q %q: the first reading is %q", raw, charset, list[0].Text)
		}
	})
}
