package content

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// words makes so many different entries out of syllables that Vietnamese mail is full of.
func words(n int) []*Dictionary {
	syllables := strings.Fields("báo cáo kết quả quan trắc môi trường nước mặt đất đai khoáng sản kế hoạch công tác văn phòng thẩm định dự án giá thầu hồ sơ đề nghị cấp phép khai thác tài nguyên biến đổi khí hậu đo đạc bản đồ viễn thám thông tin")
	r := rand.New(rand.NewPCG(1, 2))
	d := &Dictionary{Name: "bench"}
	seen := map[string]bool{}
	for len(d.Entries) < n {
		var w []string
		for range 3 + r.IntN(3) {
			w = append(w, syllables[r.IntN(len(syllables))])
		}
		if text := strings.Join(w, " "); !seen[text] {
			seen[text] = true
			d.Entries = append(d.Entries, Entry{Text: text, Weight: 1, Max: 1, Accents: Exact, Word: true})
		}
	}
	return []*Dictionary{d}
}

// letter is an ordinary text that has the syllables of the entries, and hardly an entry.
func letter(octets int) string {
	const s = "Kính gửi Quý cơ quan, Văn phòng đề nghị thẩm định kết quả đo đạc, báo cáo công tác bản đồ và hồ sơ đất đai trước ngày 15. Trân trọng cảm ơn.\r\n"
	return strings.Repeat(s, octets/len(s)+1)[:octets]
}

func lexiconOf(t testing.TB, n int) *Lexicon {
	t.Helper()
	l, err := New(words(n))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func BenchmarkFind(b *testing.B) {
	text := letter(1 << 20)
	for _, n := range []int{10, 10_000} {
		l := lexiconOf(b, n)
		b.Run(fmt.Sprint(n, " entries"), func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				l.Find(b.Context(), NewWork(), text)
			}
		})
	}
}

// A thousand times the entries cost less than twice the time. The best of several turns is compared, so that what else
// the machine does hardly counts.
func TestManyEntriesCostLittle(t *testing.T) {
	text := letter(256 << 10)
	few, many := lexiconOf(t, 10), lexiconOf(t, 10_000)
	best := func(l *Lexicon, so time.Duration) time.Duration {
		start := time.Now()
		l.Find(t.Context(), NewWork(), text)
		return min(so, time.Since(start))
	}
	a, b := time.Duration(math.MaxInt64), time.Duration(math.MaxInt64)
	for turn := range 60 {
		a, b = best(few, a), best(many, b)
		if turn >= 5 && b < 2*a {
			return
		}
	}
	t.Errorf("10 entries took %v, 10 000 took %v", a, b)
}
