package pack

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// popular are the services that Vietnamese users write from; the rule is worth nothing without them.
var popular = strings.Fields(`gmail.com googlemail.com yahoo.com yahoo.com.vn yahoo.vn ymail.com rocketmail.com hotmail.com
	outlook.com outlook.com.vn live.com msn.com icloud.com me.com mac.com zoho.com zohomail.com mail.ru bk.ru list.ru
	inbox.ru yandex.com yandex.ru proton.me protonmail.com pm.me gmx.com gmx.net mail.com aol.com qq.com 163.com 126.com
	naver.com vnn.vn fpt.vn hotmail.com.vn live.vn hcm.vnn.vn hn.vnn.vn fmail.vnn.vn pmail.vnn.vn hcm.fpt.vn fptnet.com.vn
	netnam.vn netnam.org.vn saigonnet.vn vol.vn viettel.vn zing.vn tutanota.com tuta.com
	fastmail.com hey.com disroot.org riseup.net cock.li mailinator.com 10minutemail.com yopmail.com mozmail.com simplelogin.com
	duck.com privaterelay.appleid.com`)

func builtInPack(t testing.TB) *FreeMail {
	t.Helper()
	p, err := BuiltIn()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestBuiltInPromises(t *testing.T) {
	p := builtInPack(t)
	if p.Version == "" || p.Date.IsZero() || len(p.Sources) < 3 || !slices.Contains(p.Clauses, "9.1") {
		t.Errorf("pack says too little of itself: %q %v %v %v", p.Version, p.Date, p.Sources, p.Clauses)
	}
	if p.Len() < 3800 {
		t.Errorf("%d domains, fewer than the core", p.Len())
	}
	for _, d := range popular {
		if !p.Has(d) {
			t.Errorf("%s is not in the pack", d)
		}
	}
	for d := range p.domains {
		if strings.HasSuffix("."+d, ".gov.vn") || strings.HasSuffix("."+d, ".edu.vn") {
			t.Errorf("%s is in the pack", d)
		}
	}
	licences := readTest(t, "LICENSES.txt")
	for _, s := range p.Sources {
		if !bytes.Contains(licences, []byte(s.Name+" "+s.Version)) {
			t.Errorf("LICENSES.txt has no notice for %s %s", s.Name, s.Version)
		}
	}
}

func TestHas(t *testing.T) {
	p := builtInPack(t)
	for domain, want := range map[string]bool{
		"gmail.com":                             true,
		"mail.yahoo.com.vn":                     true, // below yahoo.com.vn
		"a.b.c.gmail.com":                       true,
		"notgmail.com":                          false,
		"appleid.com":                           false, // only privaterelay below it
		"gmail.com.example.vn":                  false,
		"monre.gov.vn":                          false,
		"gov.vn":                                false,
		"gmail.com.gov.vn":                      false,
		"vnu.edu.vn":                            false,
		"com.vn":                                false,
		"vn":                                    false,
		"":                                      false,
		".":                                     false,
		"..gmail.com":                           true,  // hostile dots change nothing: it still ends in gmail.com
		strings.Repeat("a.", 200) + "gmail.com": false, // longer than a domain can be
	} {
		if got := p.Has(domain); got != want {
			t.Errorf("Has(%.40q) = %v", domain, got)
		}
	}
	if (*FreeMail)(nil).Has("gmail.com") {
		t.Error("no pack knows gmail.com")
	}
}

const goodPack = `kind: free-mail
version: "1"
date: 2026-11-24
clauses: ["9.1"]
licence: MIT
sources: [{name: a, version: 1.0.0, licence: MIT}]
list: list.txt
additions: [b.example]
vietnam: [c.example]
never: [edu.vn, gov.vn]
`

// Every way in which a pack is wrong says file and place, and the pack is not half-read.
func TestReadFreeMailErrors(t *testing.T) {
	for _, tc := range []struct{ name, old, new, list, want string }{
		{"unknown key", "licence: MIT\n", "licence: MIT\ncolour: red\n", "", `p.yml:6:1: unknown field "colour"`},
		{"key twice", "version: \"1\"\n", "version: \"1\"\nversion: \"2\"\n", "", `p.yml:3:1: mapping key "version" already defined at [2:1]`},
		{"other kind", "free-mail", "marking", "", `p.yml: kind is "marking", not free-mail`},
		{"date", "2026-11-24", "24/11/2026", "", `p.yml: date "24/11/2026" is not written year-month-day`},
		{"no version", `version: "1"`, `version: ""`, "", "p.yml: version is missing"},
		{"no licence", "licence: MIT\ns", "s", "", "p.yml: licence is missing"},
		{"no source", "sources: [{name: a, version: 1.0.0, licence: MIT}]", "sources: []", "", "p.yml: sources is missing"},
		{"source without licence", "1.0.0, licence: MIT", "1.0.0", "", "p.yml: sources[0] needs name, version and licence"},
		{"list elsewhere", "list.txt", "../list.txt", "", `p.yml: list "../list.txt" is not a file beside the pack`},
		{"list absent", "list.txt", "other.txt", "", "opening the pack: open other.txt: file does not exist"},
		{"second document", "never: [edu.vn, gov.vn]\n", "never: [edu.vn, gov.vn]\n---\nkind: free-mail\n", "", "p.yml: holds more than one YAML document"},
		{"upper case", "b.example", "B.example", "", `p.yml: additions[0]: "B.example" is not written as "b.example"`},
		{"never lacks gov.vn", "never: [edu.vn, gov.vn]", "never: [edu.vn]", "", "p.yml: never must name gov.vn"},
		{"under never", "b.example", "b.gov.vn", "", `p.yml: "b.gov.vn" is under never`},
		{"unsorted list of our own", "[c.example]", "[c.example]\nown: [c.example, b.example]", "", `p.yml: own[1]: "b.example" is not after "c.example"; sort the list, each domain once`},
		{"unsorted overlay", "[c.example]", "[c.example, a.example]", "", `p.yml: vietnam[1]: "a.example" is not after "c.example"; sort the list, each domain once`},
		{"twice in the pack", "", "", "a.example\nb.example\n", `list.txt:2: "b.example" stands twice in the pack`},
		{"list unsorted", "", "", "a.example\n\n# note\nd.example\nd.example\n", `list.txt:5: "d.example" is not after "d.example"; sort the list, each domain once`},
		{"one label", "", "", "com\n", `list.txt:1: "com" is no domain of two labels or more`},
		{"empty label", "", "", "a..example\n", `list.txt:1: "a..example" is no domain`},
		{"sign", "", "", "a_b.example\n", `list.txt:1: "a_b.example" is no domain`},
		{"IDN", "", "", "thư.vn\n", `list.txt:1: "thư.vn" is not written as "xn--th-e0a.vn"`},
		{"trailing blank", "", "", "a.example \n", `list.txt:1: "a.example " is not written as "a.example"`},
		{"gov.vn in the list", "", "", "a.gov.vn\n", `list.txt:1: "a.gov.vn" is under never`},
		{"empty list", "", "", "# nothing\n", "list.txt: holds no domain"},
		{"too long", "", "", strings.Repeat("# a line\n", 1<<19), "list.txt: longer than 4194304 octets"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			yml := goodPack
			if tc.old != "" {
				if yml = strings.Replace(goodPack, tc.old, tc.new, 1); yml == goodPack {
					t.Fatalf("%q is not in the good pack", tc.old)
				}
			}
			list := tc.list
			if list == "" {
				list = "a.example\n"
			}
			p, err := ReadFreeMail(fstest.MapFS{"p.yml": {Data: []byte(yml)}, "list.txt": {Data: []byte(list)}}, "p.yml")
			if err == nil || p != nil {
				t.Fatalf("read although wrong: %v", p)
			}
			if !strings.HasPrefix(err.Error(), tc.want) {
				t.Errorf("error %q\nwant  %q", err, tc.want)
			}
		})
	}
}

func TestReadFreeMailGood(t *testing.T) {
	list := "# core\r\na.example\r\n\r\nxn--th-e0a.vn\r\n"
	p, err := ReadFreeMail(fstest.MapFS{"dir/p.yml": {Data: []byte(goodPack)}, "dir/list.txt": {Data: []byte(list)}}, "dir/p.yml")
	if err != nil {
		t.Fatal(err)
	}
	if p.Len() != 4 || !p.Has("a.example") || !p.Has("b.example") || !p.Has("mail.c.example") || p.Has("d.example") || !p.Never("x.gov.vn") {
		t.Errorf("pack of %d domains is not what the files say", p.Len())
	}
}

// Whatever the files hold, reading ends with an error or with a pack that keeps its promises.
func FuzzPack(f *testing.F) {
	f.Add(goodPack, "a.example\n")
	f.Add("kind: [", "com\n")
	f.Add(goodPack, "b.gov.vn\n\x00\n")
	f.Add(strings.Replace(goodPack, "list.txt", "p.yml", 1), "")
	f.Add("a: &a [*a]\n", "thư.vn\n")
	f.Fuzz(func(t *testing.T, yml, list string) {
		p, err := ReadFreeMail(fstest.MapFS{"p.yml": {Data: []byte(yml)}, "list.txt": {Data: []byte(list)}}, "p.yml")
		if (p == nil) == (err == nil) {
			t.Fatalf("pack %v, error %v", p, err)
		}
		if err != nil {
			return
		}
		for d := range p.domains {
			if err := CheckDomain(d); err != nil || p.isNever(d) || !p.Has(d) || !p.Has("sub."+d) && len(d) < maxDomain-4 {
				t.Fatalf("%q is in the pack: %v", d, err)
			}
		}
		for _, d := range []string{"monre.gov.vn", "vnu.edu.vn"} {
			if p.Has(d) {
				t.Fatalf("%s is free-mail", d)
			}
		}
	})
}

func readTest(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
