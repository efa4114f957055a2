package filter_test

import (
	"strings"
	"testing"

	"congthu/filter"
)

func TestParsePath(t *testing.T) {
	for _, tt := range []struct {
		in    string
		want  filter.Path
		plain bool
	}{
		{"<>", filter.Path{}, true},
		{"<an@monre.gov.vn>", filter.Path{Local: "an", Domain: "monre.gov.vn"}, true},
		{" an@monre.gov.vn ", filter.Path{Local: "an", Domain: "monre.gov.vn"}, true},
		{"<an..x.@monre.gov.vn>", filter.Path{Local: "an..x.", Domain: "monre.gov.vn"}, true},
		{"<an+x=y%z!w@my_host.vn>", filter.Path{Local: "an+x=y%z!w", Domain: "my_host.vn"}, true},
		{`<"a b@c"@x.vn>`, filter.Path{Local: "a b@c", Domain: "x.vn"}, true},
		{`<"a\"b>"@x.vn>`, filter.Path{Local: `a"b>`, Domain: "x.vn"}, true},
		{"<@relay.vn,@b.vn:an@x.vn>", filter.Path{Local: "an", Domain: "x.vn"}, true},
		{"postmaster", filter.Path{Local: "postmaster"}, true},
		{"<nguyễn@bộ.vn.>", filter.Path{Local: "nguyễn", Domain: "bộ.vn"}, true},
		{"<an@[192.0.2.1]>", filter.Path{Local: "an", Domain: "[192.0.2.1]"}, true},
		{"<an@[IPv6:2001:db8::1]>", filter.Path{Local: "an", Domain: "[IPv6:2001:db8::1]"}, true},
		{"<an@[192.0.>.1]>", filter.Path{Local: "an", Domain: "[192.0.>.1]"}, false},
		{"<an@[IPv6:2001:db8::1]>", filter.Path{Local: "an", Domain: "[IPv6:2001:db8::1]"}, true},
		// What servers take all the same, and how they read it.
		{"<nvan@gmail.com(c)>", filter.Path{Local: "nvan", Domain: "gmail.com"}, false},
		{"<nvan@(c)gmail.com>", filter.Path{Local: "nvan", Domain: "gmail.com"}, false},
		{"<nvan(c)@gmail.com>", filter.Path{Local: "nvan", Domain: "gmail.com"}, false},
		{"<nvan@gmail . com>", filter.Path{Local: "nvan", Domain: "gmail.com"}, false},
		{"<nvan@gmail. com>", filter.Path{Local: "nvan", Domain: "gmail.com"}, false},
		{"<nvan @gmail.com>", filter.Path{Local: "nvan", Domain: "gmail.com"}, false},
		{`<nvan@"gmail.com">`, filter.Path{Local: "nvan", Domain: "gmail.com"}, false},
		{`<"nvan@gmail.com">`, filter.Path{Local: "nvan", Domain: "gmail.com"}, false},
		{"<gmail.com!nvan>", filter.Path{Local: "nvan", Domain: "gmail.com"}, false},
		{"<nvan%gmail.com>", filter.Path{Local: "nvan", Domain: "gmail.com"}, false},
		{"<An <nvan@gmail.com>>", filter.Path{Local: "nvan", Domain: "gmail.com"}, false},
		{"An <nvan@gmail.com>", filter.Path{Local: "nvan", Domain: "gmail.com"}, false},
		{"<<nvan@gmail.com>", filter.Path{Local: "nvan", Domain: "gmail.com"}, false},
		{"<nvan@gmail.com..>", filter.Path{Local: "nvan", Domain: "gmail.com"}, false},
		{"<nvan@monre.gov.vn@gmail.com>", filter.Path{Local: "monre.gov.vn", Domain: "gmail.com"}, false},
		{"<@monre.gov.vn:nvan(c)@gmail.com>", filter.Path{Local: "nvan", Domain: "gmail.com"}, false},
		// What nobody can read.
		{"<@gmail.com>", filter.Path{Domain: "gmail.com"}, false},
		{"<an@>", filter.Path{Local: "an"}, false},
		{`<"an">`, filter.Path{Local: "an"}, false},
		{"<an b>", filter.Path{Local: "an b"}, false},
		{"<an@b.vn\x00>", filter.Path{Local: "an", Domain: "b.vn"}, false},
		{"<an@b\u200b.vn>", filter.Path{Local: "an", Domain: "b.vn"}, false},
		{"<\xff@b.vn>", filter.Path{Local: "\xff", Domain: "b.vn"}, false},
		{"<@b.vn:>", filter.Path{Local: "", Domain: "b.vn:"}, false},
		{"<@b.vn,x:an@c.vn>", filter.Path{Local: "an", Domain: "c.vn"}, false},
	} {
		if got := filter.ParsePath(tt.in, "SIZE=1"); got.Params != "SIZE=1" || got.Local != tt.want.Local || got.Domain != tt.want.Domain {
			t.Errorf("ParsePath(%q) = %+v", tt.in, got)
		}
		if got := filter.PlainPath(tt.in); got != tt.plain {
			t.Errorf("PlainPath(%q) = %v", tt.in, got)
		}
	}
	if !filter.ParsePath("<>", "").Null() {
		t.Error("<> is not null")
	}
}

func TestNormalDomain(t *testing.T) {
	for in, want := range map[string]string{
		"gmail.com": "gmail.com", "GMail.COM.": "gmail.com", " gmail.com.. ": "gmail.com", "": "", ".": "",
		"gmail.com\u3002":            "gmail.com",
		"gmail\u3002com":             "gmail.com",
		"gmail\uff0ecom\uff61":       "gmail.com",
		"ｇｍａｉｌ.com":                  "gmail.com",
		"gm\u200dail.com":            "gmail.com", // zero width joiner
		"gm\u200bail.com":            "gmail.com",
		"gmail.\u00adcom":            "gmail.com", // soft hyphen
		"gmail\x0b.com":              "gmail.com",
		"gmail\u00a0.com":            "gmail.com",
		"gmail.com\ufe0f":            "gmail.com",
		"\u202egmail.com":            "gmail.com", // right-to-left override
		"bộ.vn":                      "xn--b-8xm.vn",
		"BỘ.VN":                      "xn--b-8xm.vn",
		"bo\u0302\u0323.vn":          "xn--b-8xm.vn",
		"a_b.ｇｍａｉｌ.com":              "a_b.gmail.com", // no domain to IDNA
		strings.Repeat("ộ", 100_000): strings.Repeat("ộ", 100_000),
	} {
		if got := filter.NormalDomain(in); got != want {
			t.Errorf("%.40q: %.60q, want %.60q", in, got, want)
		}
	}
}

// What a path says does not depend on whether it is plain, and nothing makes a plain one of what a
// server could read another way.
func FuzzParsePath(f *testing.F) {
	for _, s := range []string{"", "<a@b.vn>", `<"a b"@c.vn>`, "<@a,@b:c@d>", "<a!b>", "<a%b.vn>", "An <a@b.vn>", "<a(c)@b.vn>", "<a@b . vn>", `<"a@b.vn">`, "<a@[1.2.3.4]>", "<ộ@bộ.vn>"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p := filter.ParsePath(s, "")
		if !filter.PlainPath(s) {
			return
		}
		if strings.ContainsAny(p.Domain, " \t()<>\",;") || p.Domain == "" && strings.ContainsAny(p.Local, "@!%() \t") {
			t.Fatalf("%q is plain, and read as %+v", s, p)
		}
	})
}
