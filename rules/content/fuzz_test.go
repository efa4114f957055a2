package content

import (
	"errors"
	"strings"
	"testing"
)

// FuzzParse: whatever a dictionary holds, it is read or an error says where and why.
func FuzzParse(f *testing.F) {
	f.Add("a.yml", "entries:\n  - {text: abc, weight: 3}\n  - đất đai\n")
	f.Add("a.yml", "category: x\nentries:\n  - pattern: '(căn cước|cccd)[^0-9]{0,40}[0-9]{12}'\n    max: 3\n")
	f.Add("a.csv", "text,weight,accents\n\"a,b\",3,folded\n")
	f.Add("a.csv", "# x\ntext;pattern\n;abc[0-9]+\n")
	f.Fuzz(func(t *testing.T, file, data string) {
		if len(data) > 4096 {
			return
		}
		d, err := Parse(file, []byte(data))
		if err == nil {
			_, err = New([]*Dictionary{d})
		}
		if e := (*Error)(nil); err != nil && (!errors.As(err, &e) || e.File != file || e.Problem == "") {
			t.Errorf("%T %v", err, err)
		}
	})
}

// FuzzFind: however a text is cut into pieces, the same is found in it.
func FuzzFind(f *testing.F) {
	f.Add("Gửi giá dự thầu, mã số 123456 và hồ sơ", 7)
	f.Add("> giá dự\n> thầu ma tuy\xff mật", 1)
	f.Add("mã số 1 mã số 123456-mã số 1234567", 3)
	d, err := Parse("t.yml", []byte("max: 5\nentries:\n  - giá dự thầu\n  - {text: ma túy, accents: folded}\n  - {text: mat, accents: ignored}\n  - {pattern: 'mã số [0-9]{6}'}\n  - {text: xyz, word: false}\n"))
	if err != nil {
		f.Fatal(err)
	}
	l, err := New([]*Dictionary{d})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string, size int) {
		text = strings.ToValidUTF8(text, "\uFFFD")
		whole, c := l.Find(t.Context(), NewWork(), text), Counts{}
		s := l.Scan(t.Context(), NewWork(), c)
		size = 1 + max(0, size)%64
		for rest := text; rest != ""; {
			n := min(size, len(rest))
			s.Write(rest[:n])
			rest = rest[n:]
		}
		s.End()
		if len(whole) != len(c) {
			t.Fatalf("%v whole, %v in pieces of %d", whole, c, size)
		}
		for id, n := range whole {
			if c[id] != n {
				t.Fatalf("%v whole, %v in pieces of %d", whole, c, size)
			}
		}
	})
}
