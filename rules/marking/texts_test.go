package marking_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"congthu/filter/message"
	"congthu/rules/marking"
	"congthu/rules/pack"
)

func newDetector(t testing.TB, own marking.Own) *marking.Detector {
	t.Helper()
	p, err := pack.BuiltInSecrecy("")
	if err != nil {
		t.Fatal(err)
	}
	d, err := marking.New(p, own)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// item is a labelled text of testdata; level is None for an innocent one.
type item struct {
	level marking.Level
	kind  marking.Kind
	text  string
	line  int
}

func kindOf(t testing.TB, word string) marking.Kind {
	t.Helper()
	k, ok := map[string]marking.Kind{"subject": marking.Subject, "body": marking.Body, "filename": marking.FileName,
		"attachment": marking.Attachment}[word]
	if !ok {
		t.Fatalf("%q is no kind", word)
	}
	return k
}

// items reads testdata/marked.txt or testdata/innocent.txt.
func items(t testing.TB, file string, marked bool) []item {
	t.Helper()
	data, err := os.ReadFile("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	var out []item
	n := 0
	for line := range strings.Lines(string(data)) {
		n++
		line = strings.TrimRight(line, "\n")
		if line == "" || line[0] == '#' {
			continue
		}
		i := item{line: n}
		if marked {
			level, rest, _ := strings.Cut(line, " ")
			i.level, line = marking.Level(level), rest
		}
		kind, text, _ := strings.Cut(line, " ")
		i.kind, i.text = kindOf(t, kind), strings.NewReplacer(`\n`, "\n", `\t`, "\t").Replace(text)
		out = append(out, i)
	}
	return out
}

// found is what the detector concludes of a text in all its readings.
func found(d *marking.Detector, kind marking.Kind, octets string) marking.Conclusion {
	var readings []string
	for _, r := range message.Readings([]byte(octets), "") {
		readings = append(readings, r.Text)
	}
	return marking.Conclude(d.Find(marking.Text{Kind: kind, Readings: readings}))
}

func TestMarkedTexts(t *testing.T) {
	list := items(t, "marked.txt", true)
	if len(list) < 150 {
		t.Fatalf("only %d marked texts", len(list))
	}
	d := newDetector(t, marking.Own{})
	for _, i := range list {
		got := found(d, i.kind, i.text)
		if got.Score < marking.Medium || got.Level != i.level {
			t.Errorf("marked.txt:%d: %q: %+v, want %s", i.line, i.text, got, i.level)
		}
	}
}

func TestInnocentTexts(t *testing.T) {
	list := items(t, "innocent.txt", false)
	if len(list) < 150 {
		t.Fatalf("only %d innocent texts", len(list))
	}
	d := newDetector(t, marking.Own{})
	for _, i := range list {
		if got := found(d, i.kind, i.text); got.Score >= marking.Medium {
			t.Errorf("innocent.txt:%d: %q: %+v", i.line, i.text, got)
		}
	}
}

// Scores by class, so that a change of weight is seen.
func TestScores(t *testing.T) {
	d := newDetector(t, marking.Own{})
	page := "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM\nSố: 5/BC-TNN\n"
	for _, test := range []struct {
		kind  marking.Kind
		text  string
		class marking.Class
		score float64
	}{
		{marking.Body, "Kính gửi\nMẬT\nthư", marking.Cell, 0.90},
		{marking.Body, "Mật\nthư", marking.Cell, 0.80},
		{marking.Body, "thư\nMật\nthư", marking.Cell, 0.40},
		{marking.Body, "thư\nmật\nthư", marking.Cell, 0.20},
		{marking.Body, page + "Mật\n", marking.Cell, 0.70},
		{marking.Body, page + "MÂT\n", marking.Cell, 0.85},
		{marking.Body, "thư từ\nMÂT\n", marking.Cell, 0.50},
		{marking.Body, "Kinh gui\nMAT\n", marking.Cell, 0.80},
		{marking.Body, "thu\nMAT\n", marking.Cell, 0.30},
		{marking.Body, "thư\nTÀI LIỆU MẬT\n", marking.Cell, 0.75},
		{marking.Subject, "[MẬT] thư", marking.Tag, 0.90},
		{marking.Subject, "Lịch họp (MẬT)", marking.Tag, 0.85},
		{marking.Body, "thư\nĐộ mật: Mật", marking.Field, 0.95},
		{marking.Body, "thư\nĐộ mật: B", marking.Field, 0.85},
		{marking.Body, "thư\nMức độ: Mật", marking.Field, 0.90},
		{marking.Body, "thư\n☒ Mật", marking.Box, 0.95},
		{marking.Body, "thư\nSố: 5/Mật-TNN", marking.Number, 0.90},
		{marking.Body, "thư\nxem 5/MẬT nhé", marking.Number, 0.75},
		{marking.Body, "Gửi anh công văn mật số 7 nhé", marking.NounLevel, 0.80},
		{marking.Body, "Anh đọc văn bản MẬT của Cục", marking.NounLevel, 0.70},
		{marking.Body, "Em gửi kèm tờ trình mật cho anh", marking.Prose, 0.65},
		{marking.FileName, "Tối mật - thư.pdf", marking.Name, 0.90},
		{marking.FileName, "cong van mat.pdf", marking.Name, 0.80},
		{marking.Body, "thư\nTOP SECRET\nabc", marking.Banner, 0.80},
		{marking.Body, "thư\nGIẢI MẬT\nTừ: 1/1/2025", marking.Form, 0.80},
	} {
		got := marking.Conclude(d.Find(marking.Text{Kind: test.kind, Readings: []string{test.text}}))
		if got.Class != test.class || fmt.Sprintf("%.2f", got.Score) != fmt.Sprintf("%.2f", test.score) {
			t.Errorf("%q: %s %.2f, want %s %.2f", test.text, got.Class, got.Score, test.class, test.score)
		}
	}
}

// What a text is about lowers what stands in it on a line of its own, not what a field says.
func TestTextsAboutSecrecy(t *testing.T) {
	d := newDetector(t, marking.Own{})
	about := "TÀI LIỆU TẬP HUẤN\nTUYỆT MẬT\n\nTỐI MẬT\n"
	if got := found(d, marking.Attachment, about); got.Score >= marking.Medium || got.Score < marking.Low {
		t.Errorf("levels in a lesson: %+v", got)
	}
	if got := found(d, marking.Attachment, about+"Độ mật: Mật\n"); got.Score < marking.High {
		t.Errorf("a marked lesson: %+v", got)
	}
}
