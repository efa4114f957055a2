package impersonation

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func detector(t testing.TB, c Config) *Detector {
	t.Helper()
	d, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// What stands right below a public suffix of one label, in a long name, and two of ours.
func TestDomainsOfOtherShapes(t *testing.T) {
	d := detector(t, Config{Domains: []string{"chinhphu.vn", "tongcucmoitruong.gov.vn", "moit.gov.vn", "nre.gov.vn", "mail.firm.com.vn", "bộ.vn", "state.gov"}})
	for domain, want := range map[string]Likeness{
		"chlnhphu.vn": Letters, "chinhphu-vn.com": Inside, "tin-chinhphu.vn": Inside, "chinhphu.vn.example": Inside, "chinhphuvn.com": Inside,
		"chinphu.vn": Spelling, "chinhphu.com": Our, "chinhphu-mail.vn": Our, "chinhphumail.vn": Our,
		"minhphu.vn": "", "thinhphu.vn": "", "phu.vn": "", "chinhphu.gov.la": "",
		"tongcucmoitruog.gov.vn": Spelling, "tongcucmoitrung.gov.vn": Spelling, "tongcucmoitruongg.gov.vn": Spelling, "tongcucmoittruog.gov.vn": Spelling, "tongcucthue.gov.vn": "", "tongcuc.gov.vn": "",
		"moit.com.vn": Our, "moit.vn": Our, "moit.com": "", "most.gov.vn": "", "moit-gov.com": Inside, "m0it.gov.vn": Letters,
		"monre.gov.vn": "", "sonre.gov.vn": "", "nre.com": "", "nregov.vn": Inside,
		"mail.firm.com": "", "firm.com.vn": "", "mail-firm-com-vn.example": Inside,
		"bộ.com": "", "bo.vn": Letters, "xn--b-ija.vn": "", "state.gov.example": Inside, "estate.gov": "", "vn": "", ".": "", "": "", strings.Repeat("a.", 400): "",
		strings.Repeat("monre-", 60) + "gov-vn.com": "",
	} {
		if got := d.Domain(domain); got != want {
			t.Errorf("%s: %q, want %q", domain, got, want)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, tc := range []struct {
		a, b string
		most int
		want int
	}{
		{"monre", "monre", 1, 0}, {"monre", "mnore", 1, 1}, {"monre", "monr", 1, 1}, {"monre", "monrea", 1, 1}, {"monre", "monta", 1, 2},
		{"monre", "monreabc", 1, 2}, {"abcd", "badc", 2, 2}, {"", "a", 1, 1}, {"abcdef", "ghijkl", 2, 3},
	} {
		if got := distance(tc.a, tc.b, tc.most); got != tc.want {
			t.Errorf("%s %s: %d, want %d", tc.a, tc.b, got, tc.want)
		}
	}
}

func TestList(t *testing.T) {
	for _, tc := range []struct{ data, want string }{
		{"name,addresses,unit\nNguyễn Văn An,a@b.vn c@d.vn,Vụ A\n", ""},
		{"\ufeffName;Unit\r\nNguyễn Văn An;\"Vụ; A\"\r\n;\r\n# x\r\n", ""},
		{"", "l.csv: is empty: its first line names the columns: name,addresses,unit"},
		{"tên\n", "l.csv:1: \"tên\" is no column: the first line is name,addresses,unit"},
		{"unit\n", "l.csv:1: there is no column name: the first line is name,addresses,unit"},
		{"name,name\n", "l.csv:1: the column name is there twice: keep one"},
		{"name\nAn\n", "l.csv:2: \"An\" is no whole name: write 2 to 24 words"},
		{"name\nNguyễn An,x\n", "l.csv:2: has more fields than the first line has columns: put a text with a separator in it between quotes"},
		{"name,addresses\nNguyễn An,an\n", "l.csv:2: \"an\" is no mail address: write mailbox@domain, with blanks between several"},
		{"name,addresses\n,an@b.vn\n", "l.csv:2: has no name: write it into the column name, or # before the line to pass over it"},
		{"name\nNguyễn \"An\"\n", "l.csv:2: bare \" in non-quoted-field: a field with a quote in it goes between quotes, and its own quotes are doubled"},
		{"name\n\xff\n", "l.csv: is not in UTF-8: save the file as UTF-8 (in Excel: CSV UTF-8)"},
		{"name\n" + strings.Repeat("Le An\n", maxOfficials+1), "l.csv:20002: is the 20001th official: at most 20000 are compared"},
		{strings.Repeat("#", maxFile+1), "l.csv: is longer than 4194304 octets"},
	} {
		list, err := Parse("l.csv", []byte(tc.data))
		got := ""
		if err != nil {
			got = err.Error()
		}
		if got != tc.want || err == nil && (len(list) != 1 || list[0].Name != "Nguyễn Văn An" || list[0].Unit == "") {
			t.Errorf("%.40q: %s, want %s\n%+v", tc.data, got, tc.want, list)
		}
	}
	file := filepath.Join(t.TempDir(), "l.csv")
	if err := os.WriteFile(file, []byte("name\nLê An\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if list, hash, err := Load(file); err != nil || len(list) != 1 || len(hash) != 64 {
		t.Errorf("%v %s %v", list, hash, err)
	}
	for _, path := range []string{filepath.Dir(file), file + "x"} {
		if _, _, err := Load(path); !errors.As(err, new(*Error)) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// A list of the greatest length, and a name of the greatest length, cost little.
func TestManyOfficials(t *testing.T) {
	var c Config
	for i := range maxOfficials {
		c.Officials = append(c.Officials, Official{Name: "Nguyễn " + string(rune('a'+i%26)) + " " + string(rune('a'+i/26%26)) + string(rune('a'+i/676)) + " An"})
	}
	d := detector(t, c)
	if m := d.Name("Nguyen a aa An"); !m.Official {
		t.Errorf("%+v", m)
	}
	for _, unit := range []string{"a,", "ab ", "\u200ba", "a(", "nguyen "} {
		if m := d.Name(strings.Repeat(unit, 1<<16)); m.Official {
			t.Errorf("%q: %+v", unit, m)
		}
	}
}

// FuzzName: whatever a display name holds, it is compared, and taking an official's name apart and together finds it.
func FuzzName(f *testing.F) {
	d := detector(f, Config{Domains: []string{"monre.gov.vn"}, Names: []string{"MONRE"},
		Officials: []Official{{Name: "Nguyễn Văn Hùng", Unit: "Cục A"}, {Name: "Lê Hà"}}})
	for _, s := range []string{"Nguyễn Văn Hùng", "Hung Nguyen (MONRE)", "\u200bLе Hа", "x@monre.gov.vn", "🅝guyen,Van|Hung", "Đ/c", "a\u0300\u0301y"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a := d.Name(s)
		if b := d.Name(s); a != b {
			t.Errorf("%+v, then %+v", a, b)
		}
		if a.Long && !a.Official {
			t.Errorf("%+v", a)
		}
		if m := d.Name("Nguyễn Văn Hùng (" + strings.Map(letterOnly, s) + ")"); !m.Official {
			t.Errorf("%q hides the name beside it: %+v", s, m)
		}
	})
}

// letterOnly leaves what fits into a bracket.
func letterOnly(r rune) rune {
	if r == ' ' || r >= 'a' && r <= 'z' {
		return r
	}
	return -1
}

// FuzzDomain: whatever a domain is, it is compared, and ours are never like ours.
func FuzzDomain(f *testing.F) {
	d := detector(f, Config{Domains: []string{"monre.gov.vn", "chinhphu.vn"}})
	for _, s := range []string{"rnonre.gov.vn", "monre-gov.vn", "xn--mnre-55d.gov.vn", "xn--a", "a..b", "。monre。gov", "\xff.vn", "[::1]"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if l := d.Domain(s); l != d.Domain(s) {
			t.Error(l)
		}
		if l := d.Domain(strings.Map(letterOnly, s) + ".monre.gov.vn"); l != "" {
			t.Errorf("ours is like ours: %s", l)
		}
		skeleton(s)
	})
}

// FuzzList: whatever a list holds, it is read and used, or an error says where and why.
func FuzzList(f *testing.F) {
	f.Add("name,addresses,unit\nNguyễn Văn An,a@b.vn,Vụ A\n")
	f.Add("name;unit\n\"Lê\nHà\";x\n#\n")
	f.Fuzz(func(t *testing.T, data string) {
		list, err := Parse("l.csv", []byte(data))
		if err == nil {
			_, err = New(Config{Officials: list})
		}
		if e := (*Error)(nil); err != nil && (!errors.As(err, &e) || e.Problem == "") {
			t.Errorf("%T %v", err, err)
		}
	})
}
