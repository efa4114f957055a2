package rules

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/unicode/norm"

	"congthu/filter/extract"
	"congthu/rules/marking"
	"congthu/rules/pack"
)

func detectorOf(t testing.TB) *marking.Detector {
	t.Helper()
	words, err := pack.BuiltInSecrecy("")
	if err != nil {
		t.Fatal(err)
	}
	d, err := marking.New(words, marking.Own{})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// marksIn are the conclusions of a consumer, by path.
func marksIn(m *fileMarks) map[string]string {
	out := map[string]string{}
	files, _ := m.Outcome()
	for _, f := range files.([]markedFile) {
		if said := marking.Conclude(f.evidence); said.Score >= marking.Medium {
			out[f.path] = fmt.Sprintf("%s %s", said.Level, said.Class)
		}
	}
	return out
}

const stamp = "TỐI MẬT\n"

const annex = "Số: 12/BC-BTL\n" + stamp + "Kính gửi: Bộ Tư lệnh\n"

func plain(lines int) string {
	return strings.Repeat("Báo cáo kết quả quan trắc môi trường nước.\n", lines)
}

// Stamps are found where they stand in a document, and not where text about them stands.
func TestWhereStampsStand(t *testing.T) {
	body := func(page int, value string) extract.Text {
		return extract.Text{Kind: extract.Body, Page: page, Value: value}
	}
	const word, sheet, slides = "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
		"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "application/vnd.openxmlformats-officedocument.presentationml.presentation"
	for _, tc := range []struct {
		name, mediaType string
		texts           []extract.Text
		found           bool
	}{
		{"first line", word, []extract.Text{body(0, stamp+plain(5))}, true},
		{"line 80", word, []extract.Text{body(0, plain(79)+stamp+plain(200))}, true},
		{"line 81", word, []extract.Text{body(0, plain(80)+stamp+plain(200))}, false},
		{"line 81, in pieces of a line", word, append(pieces(plain(80)+stamp), body(0, plain(200))), false},
		{"line 80, in pieces of a line", word, append(pieces(plain(79)+stamp), body(0, plain(200))), true},
		{"last line", word, []extract.Text{body(0, plain(500)+stamp)}, true},
		{"last line, in pieces of a line", word, pieces(plain(200) + stamp), true},
		{"fifth line from the end", word, []extract.Text{body(0, plain(500)+stamp+plain(4))}, false},
		{"middle of page 2", "application/pdf", []extract.Text{body(1, plain(60)), body(2, plain(30)+stamp+plain(30))}, true},
		{"line 120 of a page without end", word, []extract.Text{body(1, plain(119)+stamp+plain(500))}, true},
		{"line 121 of a page without end", word, []extract.Text{body(1, plain(120)+stamp+plain(500))}, false},
		{"middle of page 3", "application/pdf", []extract.Text{body(1, plain(60)), body(2, plain(60)), body(3, plain(30)+stamp+plain(30))}, false},
		{"top of page 300", "application/pdf", []extract.Text{body(1, plain(60)), body(300, stamp+plain(30))}, true},
		{"foot of page 300", "application/pdf", []extract.Text{body(300, plain(30)+stamp), body(301, plain(30))}, true},
		{"row 30 of the second sheet", sheet, []extract.Text{body(1, plain(100)), body(2, plain(29)+stamp+plain(50))}, true},
		{"row 31 of the second sheet", sheet, []extract.Text{body(1, plain(100)), body(2, plain(30)+stamp+plain(50))}, false},
		{"slide 90", slides, []extract.Text{body(1, plain(5)), body(90, plain(50)+stamp+plain(50))}, true},
		{"anywhere in a text", "text/plain", []extract.Text{body(0, plain(10_000)+stamp+plain(10_000))}, true},
		{"header of a late page", word, []extract.Text{body(0, plain(500)), {Kind: extract.HeaderFooter, Page: 9, Value: stamp}}, true},
		{"comment", word, []extract.Text{body(0, plain(500)), {Kind: extract.Comment, Value: stamp}}, true},
		{"keyword", word, []extract.Text{{Kind: extract.Property, Name: "Keywords", Value: "Tối mật"}}, true},
		{"title", word, []extract.Text{{Kind: extract.Property, Name: "title", Value: "[TỐI MẬT] Phương án tác chiến"}}, true},
		{"label", word, []extract.Text{{Kind: extract.Label, Name: "MSIP_Label_0f1e_Name", Value: "Tối mật"}}, true},
		{"name of a file inside", word, []extract.Text{{Kind: extract.FileName, Value: "Tối mật - Phương án.docx"}}, true},
		{"second reading", "text/plain", []extract.Text{body(0, "TèI MËT\n"), {Kind: extract.Body, Reading: 1, Value: stamp}}, true},
		{"an annex in the middle", word, []extract.Text{body(0, plain(200)+annex+plain(200))}, true},
		{"an annex in the middle, in pieces of a line", word, pieces(plain(200) + annex + plain(200)), true},
		{"an annex at a piece's end", word, []extract.Text{body(0, plain(200)+"Số: 12/BC-BTL\n"+stamp), body(0, "Kính gửi: Bộ Tư lệnh\n"+plain(300))}, true},
		{"an annex at a piece's beginning", word, []extract.Text{body(0, plain(200)+"Số: 12/BC-BTL\n"), body(0, stamp+plain(300))}, true},
		{"an annex at a page's end", "application/pdf", []extract.Text{body(1, plain(60)), body(7, plain(20)+"Kính gửi: Bộ Tư lệnh\n"+stamp+plain(5)), body(8, plain(60))}, true},
		{"a letter on page 9", "application/pdf", []extract.Text{body(1, plain(60)), body(9, "BỘ TƯ LỆNH\tCỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM\nCỤC A\tĐộc lập - Tự do - Hạnh phúc\nSố: 7/BC\t\n\n"+stamp+plain(30))}, true},
		{"an annex below row 30", sheet, []extract.Text{body(1, plain(300)+annex+plain(300))}, true},
		{"an annex in a paper about secrets", word, []extract.Text{body(0, "Căn cứ Luật Bảo vệ bí mật nhà nước\n"+plain(200)+annex+plain(200))}, false},
		{"forms in the middle", word, []extract.Text{body(0, plain(200)+"MẪU DẤU\nKính gửi: Sở\nMẬT\nTỐI MẬT\nTUYỆT MẬT\n"+plain(200))}, false},
		{"a level in a letter's text in the middle", word, []extract.Text{body(0, plain(200)+"Kính gửi: Sở\nVăn bản TỐI MẬT chuyển qua cơ yếu.\nBẢO MẬT\nMẬT ĐỘ\n"+plain(200))}, false},
		{"a name in the middle", word, []extract.Text{body(0, plain(200)+"Kính gửi: Sở\nNguyễn Văn An\nLÊ VĂN MẬT\n"+plain(200))}, false},
		{"innocent", word, []extract.Text{body(0, "Mật khẩu\nMật độ trạm\nBảo mật\n"+plain(300))}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			told(t, tc.mediaType, tc.texts, tc.found, func(m *fileMarks, f *extract.File, text extract.Text) { m.Text(f, text) })
			// As files have it, with marks apart from their letters, when it is passed over.
			told(t, tc.mediaType, tc.texts, tc.found, func(m *fileMarks, f *extract.File, text extract.Text) {
				raw := text
				raw.Value = norm.NFD.String(text.Value)
				if !m.PassOver(f, raw) {
					m.Text(f, text)
				}
			})
		})
	}
}

// told tells a consumer a file's texts and compares what it makes of them.
func told(t *testing.T, mediaType string, texts []extract.Text, want bool, tell func(*fileMarks, *extract.File, extract.Text)) {
	t.Helper()
	m := newFileMarks(t.Context(), marking.NewWork(), detectorOf(t))
	f := &extract.File{Type: mediaType}
	m.File(f)
	for _, text := range texts {
		tell(m, f, text)
	}
	level, found := marksIn(m)[""]
	if found != want || found && !strings.HasPrefix(level, "TOI_MAT") {
		t.Errorf("found %v %s", found, level)
	}
}

// pieces is a text as a reader may give it: a few octets at a time.
func pieces(value string) []extract.Text {
	var out []extract.Text
	for len(value) > 0 {
		n := min(len(value), 60)
		for n < len(value) && value[n]&0xC0 == 0x80 {
			n++
		}
		out = append(out, extract.Text{Kind: extract.Body, Value: value[:n]})
		value = value[n:]
	}
	return out
}

// Texts of files inside come mixed with those of the file around them. Each counts for its own file.
func TestMarkedFilesApart(t *testing.T) {
	m := newFileMarks(t.Context(), marking.NewWork(), detectorOf(t))
	zip, a, inA, b := &extract.File{Type: "application/zip"}, &extract.File{Path: "/1", Type: "application/msword", SHA256: "aa"},
		&extract.File{Path: "/1/1", Type: "text/plain", SHA256: "bb"}, &extract.File{Path: "/2", Type: "text/plain", SHA256: "cc"}
	m.File(zip)
	m.Text(zip, extract.Text{Kind: extract.FileName, Value: "a.doc"})
	m.File(a)
	m.Text(a, extract.Text{Kind: extract.Body, Value: plain(500)})
	m.File(inA)
	m.Text(inA, extract.Text{Kind: extract.Body, Value: plain(2) + stamp})
	m.Text(a, extract.Text{Kind: extract.Body, Value: plain(20) + "TUYỆT MẬT\n"}) // its last line
	m.Text(zip, extract.Text{Kind: extract.FileName, Value: "b.txt"})
	m.File(b)
	m.Text(b, extract.Text{Kind: extract.Body, Value: plain(3)})
	if diff := cmp.Diff(map[string]string{"/1": "TUYET_MAT own-cell", "/1/1": "TOI_MAT own-cell"}, marksIn(m)); diff != "" {
		t.Error(diff)
	}
	for _, f := range m.files {
		if want := map[string]string{"/1": "aa", "/1/1": "bb"}[f.path]; f.sha256 != want {
			t.Errorf("%s has hash %q, want %q", f.path, f.sha256, want)
		}
	}
}

// However many files in an archive are marked, what is remembered stays small.
func TestManyMarkedFiles(t *testing.T) {
	m := newFileMarks(t.Context(), marking.NewWork(), detectorOf(t))
	m.File(&extract.File{Type: "application/zip"})
	for i := range 5000 {
		f := &extract.File{Path: fmt.Sprintf("/%d", i+1), Type: "text/plain"}
		m.File(f)
		m.Text(f, extract.Text{Kind: extract.Body, Value: stamp})
	}
	found := marksIn(m)
	if len(found) != maxMarkedFiles+1 || found[""] == "" {
		t.Errorf("%d files, the leaf itself %q", len(found), found[""])
	}
	if len(m.begun) != 0 || cap(m.stream.buf) > windowBytes {
		t.Errorf("%d files are still open, %d octets gathered", len(m.begun), cap(m.stream.buf))
	}
}

// A text of any length is looked at in windows, whose border hides nothing.
func TestWindowsOfText(t *testing.T) {
	for _, at := range []int{0, windowBytes - 8, windowBytes - 3, windowBytes, windowBytes + 1, 3*windowBytes - 5} {
		m := newFileMarks(t.Context(), marking.NewWork(), detectorOf(t))
		f := &extract.File{Type: "text/plain"}
		m.File(f)
		line := "nước mặt\n"
		value := strings.Repeat(line, at/len(line)+1) + stamp + strings.Repeat(line, 40_000)
		for len(value) > 0 {
			n := min(len(value), extract.MaxPiece)
			m.Text(f, extract.Text{Kind: extract.Body, Value: value[:n]})
			value = value[n:]
			if cap(m.stream.buf) > 2*windowBytes {
				t.Fatalf("%d octets gathered", cap(m.stream.buf))
			}
		}
		if marksIn(m)[""] != "TOI_MAT own-cell" {
			t.Errorf("at %d: %v", at, marksIn(m))
		}
	}
}

// What is passed over costs memory for its last lines alone, whatever its lines are.
func TestPassedOverKeepsLittle(t *testing.T) {
	m := newFileMarks(t.Context(), marking.NewWork(), detectorOf(t))
	f := &extract.File{Type: "application/msword"}
	m.File(f)
	for _, value := range []string{plain(100), strings.Repeat("x", extract.MaxPiece), strings.Repeat("MẬT\n", extract.MaxPiece/6), strings.Repeat("MẬT ", extract.MaxPiece/6), strings.Repeat("\n", extract.MaxPiece)} {
		for range 20 {
			m.Text(f, extract.Text{Kind: extract.Body, Value: value})
			if size := len(m.begun[0].tail); size > tailLines*marking.MaxLine {
				t.Fatalf("%d octets are kept of %.10q", size, value)
			}
		}
	}
}
