package content

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"
)

// load parses a dictionary and makes a lexicon of it.
func load(file, data string) (*Lexicon, error) {
	d, err := Parse(file, []byte(data))
	if err != nil {
		return nil, err
	}
	return New([]*Dictionary{d})
}

func TestBadDictionaries(t *testing.T) {
	for _, tc := range []struct{ file, data, want string }{
		{"a.yml", "entries:\n  - {text: abc, weihgt: 3}\n", `a.yml:2:17: unknown key "weihgt"; the keys of an entry are text, pattern, category, weight, max, accents, word`},
		{"a.yml", "entries:\n  - {text: abc, weight: 300}\n", `a.yml:2:17: weight: "300" is no number of points or times: write 1 to 100`},
		{"a.yml", "entries:\n  - abc\n  - {pattern: 'x[0-9]+y'}\n", "a.yml:3:6: no 3 characters in a row stand in every match: write such characters out, or list the alternatives as words"},
		{"a.yml", "entries:\n  - {pattern: '(abc'}\n", "a.yml:2:6: error parsing regexp: missing closing ): `(abc`: patterns are written in RE2's syntax, without look-ahead and back-references"},
		{"a.yml", "entries:\n  - {pattern: '\\bmật khẩu'}\n", `a.yml:2:6: \b and \B know the letters of ASCII only`},
		{"a.yml", "entries:\n  - {pattern: '^mật khẩu'}\n", "a.yml:2:6: ^ and $ have no meaning here"},
		{"a.yml", "entries:\n  - {pattern: '(abc|xy).*'}\n", "no 3 characters in a row"},
		{"a.yml", "entries:\n  - {pattern: 'abc', accents: folded}\n", "a.yml:2:6: accents: folded is for words and phrases: for a pattern write exact or ignored"},
		{"a.yml", "entries:\n  - {text: abc, pattern: 'abc'}\n", "has text and pattern: make two entries of it"},
		{"a.yml", "entries:\n  - {weight: 3}\n", "says nothing to look for: write text or pattern"},
		{"a.yml", "entries:\n  - a\n", "a.yml:2:5: is too short: write at least 2 characters"},
		{"a.yml", "entries:\n  - {text: ab, word: false}\n", "is too short: write at least 3 characters"},
		{"a.yml", "entries:\n  - '...'\n", "has no letter and no digit"},
		{"a.yml", "entries:\n  - abc\n  - hoà\n  - 'HÒA'\n", "a.yml:4:5: is in line 3 already: keep one of the two"},
		{"a.yml", "entries:\n  - [abc]\n", "a.yml:2:5: an entry is a word or phrase, or a mapping"},
		{"a.yml", "entries: abc\n", "a.yml:1:1: entries must be a list"},
		{"a.yml", "weight: 3\n", "a.yml: has no entries: write entries: and a list below it"},
		{"a.yml", "entries: []\n", "a.yml: has no entries"},
		{"a.yml", "", "a.yml: must hold one YAML document"},
		{"a.yml", "entries:\n  - {text: abc\n", "no valid YAML"},
		{"a.yml", "entries:\n  - abc\nentries:\n  - def\n", "already defined"},
		{"a.yml", "text: abc\nentries:\n  - abc\n", "a.yml:1:1: text belongs to an entry: write it below entries"},
		{"a.yml", "entries:\n  - \"ab\xff\"\n", "a.yml:2:1: is not in UTF-8: save the file as UTF-8"},
		{"a.yml", "entries: " + strings.Repeat("[", 1<<16), "a.yml:1:30: has lists or mappings in each other, deeper than 20"},
		{"a.yml", "entries:\n  " + strings.Repeat("- ", 1<<16) + "abc\n", "a.yml:2:43: has lists or mappings in each other"},
		{"a.yml", "entries: " + strings.Repeat("{a: ", 1<<16), "a.yml:1:90: has lists or mappings in each other"},
		{"a.yml", "entries:\n  - " + strings.Repeat("!x ", 1<<16) + "abc\n", "has lists or mappings in each other"},
		{"a.yml", "entries:\n  - giá-dự thầu\n  - GIÁ_dự-thầu\n", "a.yml:3:5: is in line 2 already"},
		{"a.yml", "entries:\r\n  - abc\r\n  - {text: def, weight: 0}\r\n", "a.yml:3:17: weight"},
		{"a.yml", "\ufeffentries:\n  - {text: def, weight: 0}\n", "a.yml:2:17: weight"},
		{"a.yml", "entries:\n\t- abc\n", "a.yml:2:1: no valid YAML"},
		{"a.yml", "entries:\n  - &a abc\n  - *a\n", "a.yml:3:5: an entry is a word or phrase"},
		{"a.yml", "entries:\n  - <<: {text: abc}\n", "a.yml:2:5: << must be one value"},
		{"a.yml", "---\nentries:\n  - abc\n---\nentries:\n  - abc\n", "must hold one YAML document"},
		{"a.yml", "entries:\n  - abc\n  - null\n", "a.yml:3:5: an entry is a word or phrase"},
		{"a.yml", "entries:\n  - giá: dự thầu\n", `a.yml:2:5: unknown key "giá"`},
		{"a.yml", "entries:\n  - {pattern: '(abc)?'}\n", "a.yml:2:6: no 3 characters in a row"},
		{"a.yml", "entries:\n  - {pattern: 'abc|'}\n", "a.yml:2:6: no 3 characters in a row"},
		{"a.yml", "entries:\n  - {pattern: '((abc){100}){100}'}\n", "a.yml:2:6: error parsing regexp: invalid repeat count"},
		{"a.yml", "entries:\n  - {pattern: 'abc(?=x)'}\n", "a.yml:2:6: error parsing regexp: invalid or unsupported Perl syntax"},
		{"a.yml", "\xff\xfee\x00n\x00t\x00", "a.yml:1:1: is not in UTF-8"},
		{"a.yml", "entries:\n  - abc\n  - \xb8bc\n", "a.yml:3:1: is not in UTF-8"},
		{"a.csv", "text,weight\r\n\r\nabc,3\r\nabc,4\r\n", "a.csv:4:1: is in line 3 already"},
		{"a.csv", "\ufefftext;weight\nabc;3,5\n", `a.csv:2:5: weight: "3,5" is no number`},
		{"a.csv", "text\tweight\nabc\t3\n", `"text\tweight" is no column`},
		{"a.csv", "text\n\"mot\nhai\"\nx\n", "a.csv:4:1: is too short"},
		{"Nội bộ.yml", "entries:\n  - abc\n", "is no name for a dictionary"},
		{"a.txt", "abc\n", "its name must end in .yml, .yaml or .csv"},
		{"a.csv", "text,weight\nabc,3\nabd,x\n", `a.csv:3:5: weight: "x" is no number`},
		{"a.csv", "text,wieght\nabc,3\n", `a.csv:1:6: "wieght" is no column`},
		{"a.csv", "text,text\nabc,3\n", "the column text is there twice"},
		{"a.csv", "text,weight\nabc,3,4\n", "a.csv:2:7: has more fields than the first line has columns"},
		{"a.csv", "text\n\"abc\n", "a field with a quote in it goes between quotes"},
		{"a.csv", "", "is empty: its first line names the columns"},
		{"a.csv", "text\n", "has no entries"},
	} {
		_, err := load(tc.file, tc.data)
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%q:\n got %v\nwant %s", tc.data, err, tc.want)
		}
		var e *Error
		if err != nil && !errors.As(err, &e) {
			t.Errorf("%q: %T", tc.data, err)
		}
	}
}

// Forms that an administrator's programs write are read alike.
func TestForms(t *testing.T) {
	for file, data := range map[string]string{
		"crlf.yml": "entries:\r\n  - giá dự thầu\r\n  - abc\r\n", "bom.yml": "\ufeff# x\nentries:\n  - giá dự thầu\n  - abc\n", "cr.yml": "entries:\r  - giá dự thầu\r  - abc\r",
		"block.yml": "entries:\n  - |\n    giá dự\n    thầu\n  - >-\n    abc\n", "flow.yml": "entries: [giá dự thầu, {text: abc}]\n", "spaces.yml": "entries:\n  - '  giá \u00a0dự  thầu '\n  - \" abc\\t\"\n",
		"nfd.yml": "entries:\n  - " + norm.NFD.String("giá dự thầu") + "\n  - abc\n", "comments.yml": "# đầu\nentries: # x\n  # y\n  - giá dự thầu # z\n\n  - abc\n#\n",
		"crlf.csv": "\ufefftext\r\ngiá dự thầu\r\nabc\r\n", "spaces.csv": "text , weight\n giá  dự thầu ,\nabc ,\n", "lines.csv": "text\n\"giá\ndự thầu\"\nabc",
	} {
		l, err := load(file, data)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		if got := points(t, l, "Giá dự thầu và ABC"); got != 20 {
			t.Errorf("%s: %d points", file, got)
		}
	}
}

// Fifty thousand entries are read, and one more is an error that says so.
func TestMaxEntries(t *testing.T) {
	var b strings.Builder
	b.WriteString("text\n")
	for i := range maxEntries {
		fmt.Fprintf(&b, "tu so %d\n", i)
	}
	l, err := load("a.csv", b.String())
	if err != nil {
		t.Fatal(err)
	}
	if got := points(t, l, "Từ số 7, tu so 49999"); got != 10 {
		t.Errorf("%d points", got)
	}
	if _, err := load("a.csv", b.String()+"them\n"); err == nil || !strings.Contains(err.Error(), "50001 entries in all dictionaries are more than 50000") {
		t.Error(err)
	}
}

// An administrator mends a file once: all that is wrong is said, up to a bound.
func TestAllThatIsWrongIsSaid(t *testing.T) {
	_, err := load("a.yml", "entries:\n"+strings.Repeat("  - {text: abc, weight: x}\n", 100))
	if n := strings.Count(err.Error(), "\n"); n != maxErrors {
		t.Errorf("%d lines", n+1)
	}
	_, err = load("a.yml", "entries:\n"+strings.Repeat("  - {pattern: 'a'}\n", 100))
	if n := strings.Count(err.Error(), "\n"); n != maxErrors || !strings.Contains(err.Error(), "80 more entries are wrong") {
		t.Errorf("%d lines: %v", n+1, err)
	}
}

func TestCSV(t *testing.T) {
	for _, data := range []string{
		"\ufeff# ghi chú\ntext,weight,word\nabc,3,TRUE\n,,\n# x\n\"d,e f\",4,\n",
		"text;weight;word\nabc;3;\n\"d,e f\";4;false\n",
	} {
		l, err := load("a.csv", data)
		if err != nil {
			t.Fatal(err)
		}
		if got := points(t, l, "abc và d,e f"); got != 7 {
			t.Errorf("%q: %d points", data, got)
		}
	}
}

func TestDefaultsOfADictionary(t *testing.T) {
	l, err := load("a.yml", "dictionary: ten-khac\ncategory: loai\nweight: 7\naccents: folded\nword: false\nentries:\n  - mật khẩu\n  - {text: xyz, weight: 2, category: khac}\n")
	if err != nil {
		t.Fatal(err)
	}
	got := l.Labels(l.Find(t.Context(), NewWork(), "Smat khaux, xyz"))
	if len(got) != 2 || got["ten-khac/loai"] != 7 || got["ten-khac/khac"] != 2 {
		t.Error(got)
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "noi-bo.yml")
	if err := os.WriteFile(file, []byte("entries:\n  - abc\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	a, err := Load(file)
	if err != nil || a.Name != "noi-bo" || len(a.SHA256) != 64 {
		t.Fatal(a, err)
	}
	if _, err := New([]*Dictionary{a, a}); err == nil || !strings.Contains(err.Error(), "give one of them another") {
		t.Error(err)
	}
	for path, want := range map[string]string{dir: "is no file", filepath.Join(dir, "none.yml"): "cannot be read: no such file"} {
		if _, err := Load(path); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), dir+"/none") {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// The sample that operators copy is right, and finds what it says.
func TestSampleDictionary(t *testing.T) {
	d, err := Load("../../deploy/dictionaries/sample.yml")
	if err != nil {
		t.Fatal(err)
	}
	l, err := New([]*Dictionary{d})
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]int{
		"Tài liệu lưu hành nội bộ":                          10,
		"Tai lieu luu hanh noi bo":                          10,
		"Không phổ biến ra ngoài\ncơ quan":                  20,
		"Số căn cước công dân: 001234567890, CCCD 12 số":    5,
		"CCCD: 001 234 567 890":                             5,
		"Căn cước số 001.234.567.890, cấp năm 2021":         5,
		"can cuoc so 0012-3456-7890":                        5,
		"CCCD 001\n234 567\n890":                            5,
		"CCCD ００１２３４５６７８９０":                                 5,
		"CCCD 0012\u200b3456\u00ad7890":                     5,
		"Căn cước 00123456789, điện thoại 0912345678":       0, // eleven digits, and ten
		"CCCD 0012345678901":                                0, // thirteen
		"Căn cước vào Quyết định số 12/QĐ-BTNMT":            0,
		"Dự thảo đã công bố":                                0,
		"Giấy mời họp về quản lý lưu hành văn bản, nội bộ.": 0,
	} {
		if got := points(t, l, text); got != want {
			t.Errorf("%q: %d points, want %d", text, got, want)
		}
	}
}
