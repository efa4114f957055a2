package marking_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"congthu/filter/message"
	"congthu/rules/marking"
)

// letter is a page of ordinary text.
const letter = "Kính gửi các đơn vị,\nThực hiện kế hoạch công tác quý IV, Cục đề nghị các đơn vị rà soát số liệu quan trắc nước mặt, gửi báo cáo trước ngày 30/9.\n" +
	"Mọi vướng mắc liên hệ Phòng Tổng hợp. Mật khẩu tệp nén được nhắn riêng; đề nghị bảo mật thông tin cá nhân.\nMật độ trạm của lưu vực là 0,3 trạm trên 100 km2.\n" +
	"Trong tuần mất điện hai ngày, mặt bằng thi công chưa bàn giao xong.\n"

func TestOffsets(t *testing.T) {
	d := newDetector(t, marking.Own{})
	text := letter + "MẬT\n"
	for _, offset := range []int64{0, 1 << 40} {
		got := d.Find(marking.Text{Kind: marking.Body, Readings: []string{text}, Offset: offset})
		if len(got) != 1 || got[0].Offset != offset+int64(len(letter)) {
			t.Errorf("%+v, want the offset %d", got, offset+int64(len(letter)))
		}
	}
}

// A text is looked at up to MaxText octets of each reading: the caller hands longer ones over in windows.
func TestMaxText(t *testing.T) {
	d := newDetector(t, marking.Own{})
	line := "Kính gửi các đơn vị.\n"
	full := strings.Repeat(line, marking.MaxText/len(line))
	stamp := "MẬT\n"
	inside := full[:len(full)-len(line)] + stamp
	if got := d.Find(marking.Text{Kind: marking.Body, Readings: []string{inside}}); len(got) == 0 {
		t.Error("a marking before the limit is not found")
	}
	beyond := full + strings.Repeat("x", marking.MaxText-len(full)) + "\n" + stamp
	if got := d.Find(marking.Text{Kind: marking.Body, Readings: []string{beyond}}); len(got) != 0 {
		t.Errorf("beyond the limit: %+v", got)
	}
	for cut := range utf8.UTFMax { // half a letter at the limit
		s := strings.Repeat("x", marking.MaxText-cut) + "Ậ"
		d.Find(marking.Text{Kind: marking.Body, Readings: []string{s}})
	}
}

// A line over MaxLine octets is read as several lines.
func TestMaxLine(t *testing.T) {
	d := newDetector(t, marking.Own{})
	words := strings.Repeat("báo cáo ", marking.MaxLine/len("báo cáo ")+1)
	text := "Kính gửi,\n" + words + " Em gửi kèm công văn mật số 12/BC cho anh.\n"
	if got := marking.Conclude(d.Find(marking.Text{Kind: marking.Body, Readings: []string{text}})); got.Level != marking.Mat {
		t.Errorf("behind a long line: %+v", got)
	}
	one := strings.Repeat("Ậ", marking.MaxLine) + "\nMẬT\n"
	if got := marking.Conclude(d.Find(marking.Text{Kind: marking.Body, Readings: []string{one}})); got.Level != marking.Mat {
		t.Errorf("behind a line without blanks: %+v", got)
	}
}

// The evidence of one text is bounded however much there is of it.
func TestEvidenceIsBounded(t *testing.T) {
	d := newDetector(t, marking.Own{})
	text := strings.Repeat("MẬT\nTỐI MẬT\nĐộ mật: Tuyệt mật\n☒ Mật\nSECRET//X\n(S) a\n", 5000)
	if got := d.Find(marking.Text{Kind: marking.Body, Readings: []string{text, text}}); len(got) > 64 || len(got) < 5 {
		t.Errorf("%d pieces of evidence", len(got))
	}
}

// Twice the text takes about twice the time: no shape of text makes it grow faster.
func TestLinearTime(t *testing.T) {
	d := newDetector(t, marking.Own{})
	for name, piece := range map[string]string{
		"stamps": "MẬT\n", "empty lines": "\n", "one line of stamps": "MẬT ", "cells": "MẬT|", "boxes": "☒ Mật ☐ ", "labels": "Độ mật: ", "spaced": "M Ậ T ",
		"table": "Độ mật | Mật | x\n", "prose": "gửi kèm công văn mật, ", "quotes": "> > > MẬT\n", "brackets": "[MẬT] ([", "long words": "mậtmậtmật", "capitals": "BẢO MẬT ĐỘ\n",
		"invisible": "M\u200bẬ\u200bT\n", "foreign": "SECRET//", "stamps of forms": "GIẢI MẬT\n", "Cyrillic": "МАТ СЕКРЕТНО\n", "marks": "M\u0323\u0302", "letters": "m a t ",
		"numbers": "12/MẬT-", "open brackets": "[MẬT", "numbered": "văn bản mật số 1 ", "lines": "MẬT\r\n", "titles": "LUẬT\nMẬT\nTỐI MẬT\n", "names": "Nguyễn Văn Mật, ",
	} {
		cost := func(n int) time.Duration {
			s := strings.Repeat(piece, n/len(piece))
			best := time.Hour
			for range 2 {
				start := used(t)
				d.Find(marking.Text{Kind: marking.Body, Readings: []string{s}})
				best = min(best, used(t)-start)
			}
			return best
		}
		small, big := cost(4<<10), cost(32<<10)
		if big > 8*small*6+20*time.Millisecond {
			t.Errorf("%s: 4 KiB in %v, 32 KiB in %v", name, small, big)
		}
	}
}

// used is the time that the processors have worked for this process, whatever else the machine does.
func used(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// The same page in every charset and shape is found with the same level.
func TestEncodings(t *testing.T) {
	d := newDetector(t, marking.Own{})
	page := "CỤC BẢN ĐỒ\nSố: 12/BC-BĐ\nTỐI MẬT\nKính gửi: Lãnh đạo Bộ\nCục báo cáo kết quả đo nối tọa độ khu vực biên giới.\n"
	shapes := map[string]string{
		"UTF-8": page, "NFD": norm.NFD.String(page), "CRLF": strings.ReplaceAll(page, "\n", "\r\n"), "CR": strings.ReplaceAll(page, "\n", "\r"),
		"line separators": strings.ReplaceAll(page, "\n", "\u2028"), "soft hyphens": strings.ReplaceAll(page, "Ậ", "\u00adẬ\u00ad"),
		"graphic joiners": strings.ReplaceAll(page, "Ậ", "\u034fẬ"), "Hangul fillers": strings.ReplaceAll(page, "Ậ", "\u3164Ậ"),
		"no-break spaces": strings.ReplaceAll(page, "TỐI MẬT", "TỐI\u00a0MẬT"), "full width": strings.ReplaceAll(page, "TỐI MẬT", "ＴỐＩ　ＭẬＴ"),
		"mathematical letters": strings.ReplaceAll(page, "TỐI MẬT", "𝐓Ố𝐈 𝐌Ậ𝐓"), "Cyrillic": strings.ReplaceAll(page, "TỐI MẬT", "ТỐІ МẬТ"),
		"Greek": strings.ReplaceAll(page, "TỐI MẬT", "ΤỐΙ ΜẬΤ"), "spaced": strings.ReplaceAll(page, "TỐI MẬT", "T Ố I   M Ậ T"), "dots": strings.ReplaceAll(page, "TỐI MẬT", "T.Ố.I.M.Ậ.T"),
		"older tone marks": strings.ReplaceAll(page, "tọa", "toạ"), "stamp of two lines": strings.ReplaceAll(page, "TỐI MẬT", "TỐI\nMẬT"),
		"no diacritics": "CUC BAN DO\nSo: 12/BC-BD\nTOI MAT\nKinh gui: Lanh dao Bo\n", "quoted": "> " + strings.ReplaceAll(page, "\n", "\n> "),
		"VIQR":     "CU.C BA?N DDO^`\nSo^': 12/BC-BDD\nTO^'I MA^.T\nKi'nh gu+?i: La~nh dda.o Bo^.\nCu.c ba'o ca'o ke^'t qua? ddo no^'i to.a ddo^. khu vu+.c bie^n gio+'i.\n",
		"mojibake": mojibake(page),
	}
	for name, s := range shapes {
		if got := found(d, marking.Attachment, s); got.Level != marking.ToiMat || got.Score < 0.80 {
			t.Errorf("%s: %+v", name, got)
		}
	}
	innocent := "CỤC BẢN ĐỒ\nSố: 12/BC-BĐ\nKính gửi: Lãnh đạo Bộ\nMật khẩu và mật độ, bảo mật và bí mật kinh doanh.\n"
	for name, s := range map[string]string{"UTF-8": innocent, "NFD": norm.NFD.String(innocent), "mojibake": mojibake(innocent)} {
		if got := found(d, marking.Attachment, s); got.Score >= marking.Low {
			t.Errorf("innocent %s: %+v", name, got)
		}
	}
}

// mojibake is UTF-8 read as Latin-1.
func mojibake(s string) string {
	var b strings.Builder
	for i := range len(s) {
		b.WriteRune(rune(s[i]))
	}
	return b.String()
}

// What is in one reading counts, whatever the others say; the evidence of several adds nothing twice.
func TestReadings(t *testing.T) {
	d := newDetector(t, marking.Own{})
	one := marking.Conclude(d.Find(marking.Text{Kind: marking.Body, Readings: []string{"MËT\nKÝnh göi", "MậT\nKính gửi"}}))
	two := marking.Conclude(d.Find(marking.Text{Kind: marking.Body, Readings: []string{"MẬT\nKính gửi", "MậT\nKính gửi"}}))
	if one.Level != marking.Mat || one != two {
		t.Errorf("%+v, %+v", one, two)
	}
	if got := d.Find(marking.Text{Kind: marking.Body}); len(got) > 0 {
		t.Errorf("no reading: %+v", got)
	}
}

// Lines that begin a later window are no first lines.
func TestContinued(t *testing.T) {
	d := newDetector(t, marking.Own{})
	text := "Mật\nthư từ"
	first := marking.Conclude(d.Find(marking.Text{Kind: marking.Body, Readings: []string{text}}))
	later := marking.Conclude(d.Find(marking.Text{Kind: marking.Body, Readings: []string{text}, Continued: true}))
	if first.Score != 0.80 || later.Score != 0.40 {
		t.Errorf("%v, %v", first.Score, later.Score)
	}
}

func FuzzFind(f *testing.F) {
	for _, i := range items(f, "marked.txt", true) {
		f.Add(byte(i.kind), i.text)
	}
	for _, i := range items(f, "innocent.txt", false) {
		f.Add(byte(i.kind), i.text)
	}
	d := newDetector(f, marking.Own{})
	f.Fuzz(func(t *testing.T, kind byte, s string) {
		k := marking.Kind(kind%7) + marking.Subject
		var readings []string
		for _, r := range message.Readings([]byte(s), "") {
			readings = append(readings, r.Text)
		}
		got := d.Find(marking.Text{Kind: k, Name: "msip_labels", Readings: append(readings, s)})
		longest := 0
		for _, r := range append(readings, s) {
			longest = max(longest, len(r))
		}
		for _, e := range got {
			if e.Offset < 0 || e.Offset >= int64(max(longest, 1)) || e.Score <= 0 || e.Score >= 1 || e.Level == marking.None || e.Class == "" {
				t.Fatalf("%+v of a text of %d octets", e, longest)
			}
		}
		if again := fmt.Sprint(d.Find(marking.Text{Kind: k, Name: "msip_labels", Readings: append(readings, s)})); again != fmt.Sprint(got) {
			t.Fatalf("%v and then %v", got, again)
		}
	})
}

// BenchmarkFind is what 100 kB cost: of ordinary mail, of one full of the word, of English, of octets that are no text.
func BenchmarkFind(b *testing.B) {
	const size = 100_000
	d := newDetector(b, marking.Own{})
	random := make([]rune, 0, size)
	for n := uint32(1); len(random) < size*2/3; n = n*1664525 + 1013904223 {
		random = append(random, rune(n>>24))
	}
	for _, text := range []struct{ name, text string }{
		{"ordinary", letter}, {"stamps", "MẬT\n"}, {"English", "The information in this format is for the matter at hand; automatic mail, see below.\n"}, {"octets", string(random)},
	} {
		s := strings.Repeat(text.text, size/len(text.text)+1)[:size]
		b.Run(text.name, func(b *testing.B) {
			b.SetBytes(int64(len(s)))
			b.ReportAllocs()
			for b.Loop() {
				d.Find(marking.Text{Kind: marking.Attachment, Readings: []string{s}})
			}
		})
	}
}

// Random octets are no text, in whatever form they travel: as uuencode has them, in base64, in Latin-1.
func TestRandomOctets(t *testing.T) {
	d := newDetector(t, marking.Own{})
	r := rand.New(rand.NewPCG(3, 4))
	const size = 1 << 20
	alphabets := map[string][]rune{}
	for c := rune(' '); c < ' '+64; c++ {
		alphabets["uuencode"] = append(alphabets["uuencode"], c)
	}
	alphabets["base64"] = []rune("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
	for c := rune(0); c < 256; c++ {
		alphabets["Latin-1"] = append(alphabets["Latin-1"], c)
	}
	for name, letters := range alphabets {
		var b strings.Builder
		for n := 1; b.Len() < size; n++ {
			b.WriteRune(letters[r.IntN(len(letters))])
			if n%61 == 0 {
				b.WriteByte('\n')
			}
		}
		text := b.String()
		for at := 0; at+marking.MaxText <= len(text); at += marking.MaxText {
			window := marking.Text{Kind: marking.Body, Readings: []string{text[at : at+marking.MaxText]}, Continued: at > 0}
			if got := marking.Conclude(d.Find(window)); got.Score >= marking.Low {
				t.Errorf("%s: %+v", name, got)
			}
		}
	}
}
