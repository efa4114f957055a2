package content

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// lexicon is made of a YAML list of entries.
func lexicon(t testing.TB, entries ...string) *Lexicon {
	t.Helper()
	d, err := Parse("t.yml", []byte("entries:\n  - "+strings.Join(entries, "\n  - ")+"\n"))
	if err != nil {
		t.Fatal(err)
	}
	l, err := New([]*Dictionary{d})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func points(t testing.TB, l *Lexicon, text string) int {
	t.Helper()
	return l.Points(l.Find(t.Context(), NewWork(), text))
}

func TestFind(t *testing.T) {
	for _, tc := range []struct {
		entry, text string
		found       bool
	}{
		{"giá dự thầu", "Gửi anh giá dự thầu gói 3", true},
		{"giá dự thầu", "GIÁ DỰ THẦU", true},
		{"giá dự thầu", "giá dự\nthầu", true},
		{"giá dự thầu", "> giá dự\n> > thầu của ta", true},
		{"giá dự thầu", "giá  dự\u00a0 thầu", true},
		{"giá dự thầu", "giá\r\n   dự thầu", true},
		{"giá dự thầu", "gia-du-thau_giá_dự-thầu_v2", true},
		{"giá dự thầu", "giá, dự thầu", false},
		{"giá dự thầu", "giá\tdự thầu", false}, // two cells
		{"giá dự thầu", "đánh giá dự thầu", true},
		{"giá dự thầu", "xgiá dự thầu", false},
		{"giá dự thầu", "giá dự thầux", false},
		{"giá dự thầu", "giá dự thầu2", false},
		{"giá dự thầu", "gia du thau", false},
		{"giá dự thầu", norm.NFD.String("giá dự thầu"), true},
		{"giá dự thầu", "giá d\u200bự thầ\u00adu", true},
		{"giá dự thầu", "ｇiá dự thầu", true},
		{"giá dự thầu", "giá dự thầu", true},
		{norm.NFD.String("giá dự thầu"), "giá dự thầu", true},
		{"hoà bình", "hòa bình", true},
		{"hòa bình", "HOÀ BÌNH", true},
		{"bao cao", "bао cаo", true}, // Cyrillic look-alikes
		{"mật", "mặt bằng", false},
		{"mật", "mất mát", false},
		{"{text: mật, accents: folded}", "mặt bằng", false},
		{"{text: mật, accents: folded}", "mat khau cua ban", true},
		{"{text: mật, accents: folded}", "mat khẩu của bạn", false}, // beside diacritics "mat" is another word
		{"{text: mật, accents: folded}", "mật khẩu", true},
		{"{text: mật, accents: ignored}", "mặt bằng", true},
		{"{text: mật, accents: ignored}", "mat", true},
		{"{text: ma tuy, accents: ignored}", "Ma Túy", true},
		{"{text: đất đai, accents: folded}", "dat dai", true},
		{"{text: viag, word: false}", "xviagrax", true},
		{"viag", "viagra", false},
		{"c++", "viết bằng C++", true},
		{"12-34", "số 12-34", true},
		{"{pattern: 'mã số [0-9]{6}'}", "Mã số 123456.", true},
		{"{pattern: 'mã số [0-9]{6}'}", "Mã\nsố 123456.", true},
		{"{pattern: 'mã số [0-9]{6}'}", "Mã số 1234567", false},
		{"{pattern: 'mã số [0-9]{6}', word: false}", "Mã số 1234567", true},
		{"{pattern: '(điện thoại|đt|số) [0-9]{4}-[0-9]{4}'}", "Điện thoại 1234-5678", true},
		{"{pattern: '(abc|abd)x'}", "ABDX", true},
		{"{pattern: 'tài khoản.{0,40}[0-9]{9}'}", "Tài khoản của tôi: 123456789", true},
		{"{pattern: 'tai khoan.{0,40}[0-9]{9}', accents: ignored}", "Tài khoản của tôi: 123456789", true},
		{"{pattern: 'thuỷ lợi [0-9]+'}", "Thủy lợi 12", true},
		{"{pattern: 'THUỶ LỢI [0-9]+'}", "Thủy lợi 12", true},
	} {
		if got := points(t, lexicon(t, tc.entry), tc.text) > 0; got != tc.found {
			t.Errorf("%s in %q: found %v", tc.entry, tc.text, got)
		}
	}
}

// Wherever a text is cut, and whatever stands around it, an entry is found, once.
func TestFindAcrossPieces(t *testing.T) {
	l := lexicon(t, "{text: giá dự thầu, max: 9, weight: 1}", "{pattern: 'mã số\\s+[0-9]{6}', max: 9, weight: 1}", "{text: ho so, accents: ignored, max: 9, weight: 1}")
	const text = "giá dự thầu, mã số 123456 và hồ sơ"
	for _, filler := range []string{"ậ ", "x", "từ và chữ\n", "mã số "} {
		for _, before := range []int{0, chunk - 60, chunk - 20, chunk - 3, chunk + 17} {
			all := strings.Repeat(filler, before/len(filler)+1)[:before]
			for !utf8.ValidString(all) {
				all = all[:len(all)-1]
			}
			all += "\n" + text + "\n" + strings.Repeat(filler, chunk/2/len(filler))
			for _, size := range []int{len(all), 7, 4096} {
				c := Counts{}
				s := l.Scan(t.Context(), NewWork(), c)
				for rest := all; rest != ""; {
					n := min(size, len(rest))
					s.Write(rest[:n])
					rest = rest[n:]
				}
				s.End()
				if c[0] != 1 || c[1] != 1 || c[2] != 1 {
					t.Errorf("%q × %d in pieces of %d: %v", filler, before, size, c)
				}
			}
		}
	}
}

func TestTimesCount(t *testing.T) {
	for _, tc := range []struct {
		entry, text string
		want        int
	}{
		{"{text: abc, weight: 3}", "abc abc abc", 3},
		{"{text: abc, weight: 3, max: 2}", "abc abc abc", 6},
		{"{text: abc, weight: 3, max: 9}", "abc abc abc", 9},
		{"{pattern: 'abc[0-9]', weight: 3, max: 2}", "abc1 abc2 abc3", 6},
		{"{pattern: 'abc[0-9]', weight: 3, max: 9}", "abc1 abc2 abc3", 9},
		{"{text: abc, weight: 60, max: 9}", "abc abc abc", MaxPoints},
	} {
		if got := points(t, lexicon(t, tc.entry), tc.text); got != tc.want {
			t.Errorf("%s in %q: %d points, want %d", tc.entry, tc.text, got, tc.want)
		}
	}
}

func TestLabels(t *testing.T) {
	l := lexicon(t, "{text: abc, category: one, weight: 3}", "{text: abcd, category: one}", "def", "{text: ghi, category: two}")
	c := l.Find(t.Context(), NewWork(), "abc abcd def")
	if got := fmt.Sprint(l.Labels(c)); got != "map[t:10 t/one:13]" {
		t.Error(got)
	}
}

// What a hostile text can cost is bounded, and said.
func TestWorkIsBounded(t *testing.T) {
	var entries []string
	for i := range 200 {
		entries = append(entries, fmt.Sprintf("{pattern: 'aaa[^b]{0,900}z%d'}", i))
	}
	l := lexicon(t, entries...)
	w := &Work{left: messageSteps / 64}
	l.Find(t.Context(), w, strings.Repeat("aaa ", 1<<16))
	if !w.Cut() {
		t.Error("nothing was cut")
	}
	l = lexicon(t, "{pattern: 'mã số:? [0-9]{6,12}'}", "{pattern: '(căn cước|cccd)[^0-9]{0,40}[0-9]{12}'}")
	w = NewWork()
	if l.Find(t.Context(), w, strings.Repeat("Báo cáo mã số: 12345 và căn cước. ", 5000)); w.Cut() {
		t.Error("an ordinary text was cut")
	}
}

// However much of a dictionary a text holds, what is kept of it is small.
func TestCountsAreBounded(t *testing.T) {
	var entries []string
	for i := range 1000 {
		entries = append(entries, fmt.Sprintf("{text: tu%04d, weight: 1}", i))
	}
	l := lexicon(t, entries...)
	c := l.Find(t.Context(), NewWork(), strings.Join(entries, " "))
	if len(c) != MaxPoints || l.Points(c) != MaxPoints {
		t.Errorf("%d entries, %d points", len(c), l.Points(c))
	}
}
