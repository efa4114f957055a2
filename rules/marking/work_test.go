package marking

import (
	"context"
	"math/rand/v2"
	"strings"
	"testing"

	"congthu/rules/pack"
)

func builtIn(t *testing.T) *Detector {
	t.Helper()
	words, err := pack.BuiltInSecrecy("")
	if err != nil {
		t.Fatal(err)
	}
	d, err := New(words, Own{})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// costly are texts that are all hits, and generated ones of the words and signs that hits are made of.
func costly() []string {
	list := []string{"MẬT ", "[MẬT", "12/MẬT-", "MẬT\r\n", "MẬT\n\n", "mật ", "văn bản mật số 1 ", "Tài liệu mật, ", "Độ mật: MẬT | ", "M Ậ T ", "MAT\n", "toi mat ",
		"☒ Mật ☐ ", "SECRET ", "(S) x\n", "MẬT\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\n", "LUẬT\nMẬT\nTỐI MẬT\n"}
	words := []string{"MẬT", "Mật", "mật", "TỐI", "tuyệt", "độ", "bảo", "khẩu", "số", "12", "/", "-", "(", ")", "[", "]", ":", "|", "\t", "   ", " ", "\n", "\n\n", ".", "văn bản", "Nguyễn", "x", "☐", "☒"}
	r := rand.New(rand.NewPCG(1, 2))
	for range 8 {
		var b strings.Builder
		for range 40 {
			b.WriteString(words[r.IntN(len(words))])
			if r.IntN(2) == 0 {
				b.WriteByte(' ')
			}
		}
		list = append(list, b.String())
	}
	return list
}

// What one message costs is bounded, however much there is of it and whatever it is; what was not looked at is told.
func TestWorkIsBounded(t *testing.T) {
	d := builtIn(t)
	// The last line that is looked at, with those around it and their levels, may go over.
	const slack = (2*reach + 2) * (MaxLine + lineCost) * (1 + maxMarks/markCost)
	for _, piece := range costly() {
		text := Text{Kind: Body, Readings: []string{strings.Repeat(piece, MaxText/len(piece))}}
		w := &Work{left: 1 << 19} // of a message near its end
		for range 2 {
			d.FindWithin(t.Context(), w, text)
		}
		if w.left < -slack {
			t.Errorf("%q: %d over the limit", piece, -w.left)
		}
		if cut := w.TakeCut(); w.left <= 0 && !cut {
			t.Errorf("%q: cut, and not told", piece)
		}
		if w.left <= 0 && (d.FindWithin(t.Context(), w, text) != nil || !w.TakeCut() || w.TakeCut()) {
			t.Errorf("%q: looked at without work left, or not told", piece)
		}
	}
}

// Twice as much text costs at most about twice the work.
func TestWorkIsLinear(t *testing.T) {
	d := builtIn(t)
	for _, piece := range costly() {
		cost := func(octets int) int {
			w := NewWork()
			d.FindWithin(t.Context(), w, Text{Kind: Body, Readings: []string{strings.Repeat(piece, octets/len(piece))}})
			return maxWork - w.left
		}
		if small, big := cost(16<<10), cost(64<<10); big > 5*small {
			t.Errorf("%q: %d for 16 KiB, %d for 64 KiB", piece, small, big)
		}
	}
}

// A line with more levels than are looked at is told; an ordinary page about secrecy needs a small part of the work.
func TestCrowdedLine(t *testing.T) {
	d := builtIn(t)
	for text, want := range map[string]bool{
		strings.Repeat("mật, ", maxMarks) + ".":   false,
		strings.Repeat("mật, ", maxMarks+1) + ".": true,
		strings.Repeat("Tài liệu thuộc danh mục bí mật nhà nước độ Mật, Tối mật, Tuyệt mật do cơ quan quản lý.\n", 1000): false,
	} {
		w := NewWork()
		d.FindWithin(t.Context(), w, Text{Kind: Body, Readings: []string{text}})
		if got := w.TakeCut(); got != want || w.left < maxWork*9/10 {
			t.Errorf("%.40q: cut %v, want %v; %d of %d left", text, got, want, w.left, maxWork)
		}
	}
}

// The looking ends with the message's time.
func TestFindStopsInTime(t *testing.T) {
	d := builtIn(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	w := NewWork()
	if got := d.FindWithin(ctx, w, Text{Kind: Body, Readings: []string{"TỐI MẬT\n"}}); got != nil || !w.TakeCut() {
		t.Errorf("%+v after the time is over, or not told", got)
	}
}
