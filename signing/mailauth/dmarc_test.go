package mailauth

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// policies is a zone with policy records; domains that exist have an address.
func policies(records map[string]string, exist ...string) *zone {
	z := &zone{txt: map[string][]string{}, ip: map[string][]string{}}
	for d, r := range records {
		z.txt["_dmarc."+d] = strings.Split(r, "|")
	}
	for _, d := range exist {
		z.ip[d] = []string{"192.0.2.1"}
	}
	return z
}

// evaluate judges an author's domain. spf and dkim are domains that passed, behind "!" ones that got no answer, behind
// "-" ones that failed.
func evaluate(t *testing.T, z *zone, author, spf string, dkim ...string) DMARC {
	t.Helper()
	result := func(d string) (Value, string) {
		switch {
		case strings.HasPrefix(d, "!"):
			return TempError, d[1:]
		case strings.HasPrefix(d, "-"):
			return Fail, d[1:]
		}
		return Pass, d
	}
	c := New(z, Limits{}, testNow)
	e := evaluation{look: c.dns.forMessage(t.Context(), c.limits)}
	if spf != "" {
		v, d := result(spf)
		e.spf = []SPF{{Result: v, Identity: "mailfrom", Domain: d}, {Result: Pass, Identity: "helo", Domain: author}}
	}
	for _, d := range dkim {
		v, d := result(d)
		e.dkim = append(e.dkim, DKIM{Result: v, Domain: d})
	}
	return e.author(author)
}

func TestAlignment(t *testing.T) {
	z := policies(map[string]string{
		"example.com":             "v=DMARC1; p=reject",
		"signing.example.com":     "v=DMARC1; p=none",
		"strict.example":          "v=DMARC1; p=reject; adkim=s; aspf=s",
		"sd.example":              "v=DMARC1; p=reject; adkim=s",
		"ss.example":              "v=DMARC1; p=reject; aspf=s",
		"bank.example":            "v=DMARC1; p=reject; psd=y",
		"giant.bank.example":      "v=DMARC1; p=quarantine",
		"univ.example":            "v=DMARC1; p=reject",
		"school.univ.example":     "v=DMARC1; p=reject; psd=n",
		"gov.vn":                  "v=DMARC1; p=none; psd=y; np=reject",
		"monre.gov.vn":            "v=DMARC1; p=reject",
		"xn--bcher-kva.example":   "v=DMARC1; p=reject",
		"fails.example":           "!",
		"top":                     "v=DMARC1; p=reject; psd=y",
		"up.fails.example":        "v=DMARC1; p=reject",
		"twice.example":           "v=DMARC1; p=reject|v=DMARC1; p=none",
		"beside.example":          "v=DMARC1; p=reject|v=spf1 -all|some text",
		"caps.example":            "v=DMARC1; P=Reject; ASPF=S",
		"blanks.example":          "v = DMARC1 ; p = reject ; aspf = s;",
		"old.example":             "v=DMARC1; p=reject; pct=0; rf=afrf; ri=1; fo=9; zz=1; rua=mailto:x@y.example",
		"mail.deep.example":       "v=DMARC1; p=reject",
		"a.b.c.d.e.f.long.test":   "v=DMARC1; p=reject",
		"long.test":               "v=DMARC1; p=reject",
		"s.t.u.v.w.x.y.z.9.label": "v=DMARC1; p=reject",
	})
	deep := "a.b.c.d.e.f.g.h.i.j.k.example.com"
	tests := []struct {
		name, author, spf string
		dkim              []string
		want              string // result, then the methods that align
	}{
		// RFC 9989 table 1 and appendix B.1.
		{"relaxed, siblings", "news.example.com", "", []string{"foo.example.com"}, "pass dkim"},
		{"identical", "news.example.com", "", []string{"news.example.com"}, "pass dkim"},
		{"other domain", "news.example.com", "", []string{"foo.example.net"}, "fail"},
		{"SPF identical (B.1.1 example 1)", "example.com", "example.com", nil, "pass spf"},
		{"SPF child (example 2)", "example.com", "child.example.com", nil, "pass spf"},
		{"SPF other (example 3)", "child.example.com", "example.net", nil, "fail"},
		{"DKIM identical (B.1.2 example 1)", "example.com", "", []string{"example.com"}, "pass dkim"},
		{"DKIM parent (example 2)", "child.example.com", "", []string{"example.com"}, "pass dkim"},
		{"DKIM other (example 3)", "child.example.com", "", []string{"example.net"}, "fail"},
		// Appendix B.4.
		{"simple (B.4.1)", "example.com", "example.com", []string{"signing.example.com"}, "pass spf dkim"},
		{"deep (B.4.2)", deep, "example.com", []string{"signing.example.com"}, "pass spf dkim"},
		{"public suffix (B.4.3)", "giant.bank.example", "mail.giant.bank.example", []string{"mail.mega.bank.example"}, "pass spf"},
		{"public suffix, only the other bank", "giant.bank.example", "", []string{"mail.mega.bank.example"}, "fail"},

		{"nothing passed", "example.com", "", nil, "fail"},
		{"failed ones do not count", "example.com", "-example.com", []string{"-example.com"}, "fail"},
		{"any of several", "example.com", "example.net", []string{"example.net", "-example.com", "a.example.com"}, "pass dkim"},
		{"name that only ends alike", "example.com", "notexample.com", []string{"badexample.com"}, "fail"},
		{"our name as a label of another's", "example.com", "example.com.evil.net", []string{"example.com.evil.net"}, "fail"},
		{"the suffix itself", "example.com", "com", []string{"com"}, "fail"},
		{"strict, identical", "strict.example", "strict.example", []string{"strict.example"}, "pass spf dkim"},
		{"strict, child", "strict.example", "a.strict.example", []string{"a.strict.example"}, "fail"},
		{"strict, author below", "a.strict.example", "strict.example", []string{"strict.example"}, "fail"},
		{"strict DKIM, relaxed SPF", "sd.example", "a.sd.example", []string{"a.sd.example"}, "pass spf"},
		{"strict SPF, relaxed DKIM", "ss.example", "a.ss.example", []string{"a.ss.example"}, "pass dkim"},
		{"sibling across a public suffix", "a.bank.example", "b.bank.example", nil, "fail"},
		{"same below a public suffix without own record", "x.a.bank.example", "y.a.bank.example", nil, "pass spf"},
		{"author is the public suffix", "bank.example", "bank.example", nil, "pass spf"},
		{"the public suffix vouches for nobody below", "giant.bank.example", "bank.example", []string{"bank.example"}, "fail"},
		{"own organisation within another (psd=n)", "school.univ.example", "univ.example", []string{"univ.example"}, "fail"},
		{"within psd=n", "a.school.univ.example", "b.school.univ.example", nil, "pass spf"},
		{"psd=n from above", "univ.example", "school.univ.example", nil, "fail"},
		{"ministry", "monre.gov.vn", "mail.monre.gov.vn", []string{"monre.gov.vn"}, "pass spf dkim"},
		{"another ministry", "monre.gov.vn", "moit.gov.vn", []string{"moit.gov.vn"}, "fail"},
		{"ministry's unit without a record", "vea.gov.vn", "vea.gov.vn", nil, "pass spf"},
		{"unit against the suffix", "vea.gov.vn", "gov.vn", []string{"gov.vn"}, "fail"},
		{"top-level domain with a policy", "shop.top", "a.shop.top", nil, "pass spf"},
		{"shop against shop", "shop.top", "other.top", nil, "fail"},
		{"A-labels", "xn--bcher-kva.example", "www.xn--bcher-kva.example", nil, "pass spf"},
		{"record beside other texts", "beside.example", "beside.example", nil, "pass spf"},
		{"capitals", "caps.example", "a.caps.example", nil, "fail"},
		{"blanks", "blanks.example", "a.blanks.example", nil, "fail"},
		{"tags that are gone", "old.example", "", nil, "fail"},
		{"record between", "x.mail.deep.example", "mail.deep.example", nil, "pass spf"},
		{"record between, above it", "x.mail.deep.example", "deep.example", nil, "fail"},
		{"eight labels", "a.b.c.d.e.f.long.test", "long.test", nil, "pass spf"},
		{"nine labels and one more are found whole", "s.t.u.v.w.x.y.z.9.label", "s.t.u.v.w.x.y.z.9.label", nil, "pass spf"},

		{"no policy", "nobody.example", "nobody.example", nil, "none"},
		{"two policies are none", "twice.example", "twice.example", nil, "none"},
		{"DNS fails for the author", "fails.example", "fails.example", nil, "temperror"},
		{"DNS fails above the author", "x.fails.example", "x.fails.example", nil, "temperror"},
		{"DNS fails, but the names are the same", "up.fails.example", "up.fails.example", nil, "pass spf"},
		{"DNS fails where it matters", "up.fails.example", "a.up.fails.example", nil, "temperror"},
		{"SPF has no answer for the author", "example.com", "!example.com", nil, "temperror"},
		{"SPF has no answer for another", "example.com", "!example.net", nil, "fail"},
		{"key has no answer, SPF passes", "example.com", "example.com", []string{"!example.com"}, "pass spf"},
		{"key has no answer", "example.com", "", []string{"!a.example.com"}, "temperror"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			out := evaluate(t, z, test.author, test.spf, test.dkim...)
			got := string(out.Result)
			if out.SPF {
				got += " spf"
			}
			if out.DKIM {
				got += " dkim"
			}
			if got != test.want {
				t.Errorf("%s (%+v), want %s", got, out, test.want)
			}
		})
	}
}

func TestPolicy(t *testing.T) {
	z := policies(map[string]string{
		"example.com":      "v=DMARC1; p=reject; sp=quarantine; np=reject; rua=mailto:d@example.com",
		"own.example.com":  "v=DMARC1; p=none",
		"test.example":     "v=DMARC1; p=reject; sp=quarantine; t=y",
		"plain.example":    "v=DMARC1; p=quarantine",
		"nop.example":      "v=DMARC1; rua=mailto:a@b.example",
		"bad.example":      "v=DMARC1; p=refuse",
		"badreport.ex":     "v=DMARC1; p=refuse; rua=mailto:a@b.example!10m",
		"badsp.example":    "v=DMARC1; p=reject; sp=maybe; rua=none",
		"late.example":     "p=reject; v=DMARC1",
		"version.example":  "v=DMARC2; p=reject",
		"case.example":     "v=dmarc1; p=reject",
		"junk.example":     "v=DMARC1;;; =; p = reject; x",
		"double.example":   "v=DMARC1; p=none; p=reject",
		"bank.example":     "v=DMARC1; p=none; sp=quarantine; np=reject; psd=y",
		"a.b.bank.example": "v=DMARC1; p=none",
		"fails.example":    "v=DMARC1; p=none; np=reject",
	}, "real.example.com", "real.test.example", "real.bank.example")
	z.mx = map[string][]string{"x.fails.example": {"!"}}
	tests := []struct {
		author string
		want   DMARC // without Author, Organization
	}{
		{"example.com", DMARC{Result: Fail, Policy: RequestReject, PolicyDomain: "example.com"}},
		{"own.example.com", DMARC{Result: Fail, Policy: RequestNone, PolicyDomain: "own.example.com"}},
		{"real.example.com", DMARC{Result: Fail, Policy: RequestQuarantine, PolicyDomain: "example.com"}},
		{"ghost.example.com", DMARC{Result: Fail, Policy: RequestReject, PolicyDomain: "example.com"}},
		// What stands between the author and its organisation does not matter (section 4.7, sp).
		{"x.own.example.com", DMARC{Result: Fail, Policy: RequestReject, PolicyDomain: "example.com"}},
		{"test.example", DMARC{Result: Fail, Policy: RequestQuarantine, PolicyDomain: "test.example", Testing: true}},
		{"real.test.example", DMARC{Result: Fail, Policy: RequestNone, PolicyDomain: "test.example", Testing: true}},
		{"a.plain.example", DMARC{Result: Fail, Policy: RequestQuarantine, PolicyDomain: "plain.example"}},
		{"nop.example", DMARC{Result: Fail, Policy: RequestNone, PolicyDomain: "nop.example"}},
		{"bad.example", DMARC{Result: None, Reason: "invalid-policy"}},
		{"badreport.ex", DMARC{Result: Fail, Policy: RequestNone, PolicyDomain: "badreport.ex"}},
		{"badsp.example", DMARC{Result: None, Reason: "invalid-policy"}},
		{"late.example", DMARC{Result: None, Reason: "no-policy"}},
		{"version.example", DMARC{Result: None, Reason: "no-policy"}},
		{"case.example", DMARC{Result: None, Reason: "no-policy"}},
		{"junk.example", DMARC{Result: Fail, Policy: RequestReject, PolicyDomain: "junk.example"}},
		{"double.example", DMARC{Result: None, Reason: "no-policy"}},
		{"bank.example", DMARC{Result: Fail, Policy: RequestNone, PolicyDomain: "bank.example"}},
		{"real.bank.example", DMARC{Result: Fail, Policy: RequestQuarantine, PolicyDomain: "bank.example"}},
		{"ghost.bank.example", DMARC{Result: Fail, Policy: RequestReject, PolicyDomain: "bank.example"}},
		{"x.a.b.bank.example", DMARC{Result: Fail, Policy: RequestReject, PolicyDomain: "bank.example"}},
		// Whether it exists cannot be told: then it does.
		{"x.fails.example", DMARC{Result: Fail, Policy: RequestNone, PolicyDomain: "fails.example"}},
	}
	for _, test := range tests {
		t.Run(test.author, func(t *testing.T) {
			got := evaluate(t, z, test.author, "")
			got.Author, got.Organization = "", ""
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// RFC 9989 sections 4.10 and 4.10.2.
func TestWalk(t *testing.T) {
	want := strings.Fields("a.b.c.d.e.f.g.h.i.j.mail.example.com g.h.i.j.mail.example.com h.i.j.mail.example.com " +
		"i.j.mail.example.com j.mail.example.com mail.example.com example.com com")
	if got := walkNames(want[0]); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	for domain, n := range map[string]int{"com": 1, "a.b": 2, "1.2.3.4.5.6.7": 7, "1.2.3.4.5.6.7.8": 8, "1.2.3.4.5.6.7.8.9": 8, strings.Repeat("x.", 100) + "y": 8} {
		if got := walkNames(domain); len(got) != n {
			t.Errorf("%s: %d names: %q", domain, len(got), got)
		}
	}
	tests := []struct {
		records map[string]string
		want    string
	}{
		{map[string]string{"mail.example.com": "v=DMARC1", "example.com": "v=DMARC1"}, "example.com"},
		{map[string]string{"mail.example.com": "v=DMARC1; psd=n", "example.com": "v=DMARC1"}, "mail.example.com"},
		{map[string]string{"com": "v=DMARC1; psd=y"}, "example.com"},
		{map[string]string{"com": "v=DMARC1; psd=u"}, "com"},
		{map[string]string{"a.mail.example.com": "v=DMARC1; psd=y"}, "a.mail.example.com"},
		{nil, "a.mail.example.com"},
	}
	for _, test := range tests {
		c := New(policies(test.records), Limits{}, testNow)
		e := evaluation{look: c.dns.forMessage(t.Context(), c.limits)}
		steps, f := e.walk("a.mail.example.com")
		if got := organization("a.mail.example.com", steps); got != test.want || f.result != "" {
			t.Errorf("%v: %s, want %s", test.records, got, test.want)
		}
	}
}

func TestAuthors(t *testing.T) {
	z := policies(map[string]string{"a.example": "v=DMARC1; p=reject", "xn--bcher-kva.example": "v=DMARC1; p=reject"})
	z.txt["a.example"] = []string{"v=spf1 ip4:192.0.2.1 -all"}
	one := "From: x@a.example\r\n\r\n"
	tests := []struct {
		name, raw string
		authors   []string
		want      string
	}{
		{"one", one, []string{"A.Example."}, "a.example pass"},
		{"the same twice", one, []string{"a.example", "A.EXAMPLE"}, "a.example pass"},
		{"two", one, []string{"a.example", "b.example"}, "a.example pass, b.example none no-policy"},
		{"Unicode", one, []string{"bücher.example"}, "xn--bcher-kva.example fail"},
		{"group or none", "From: undisclosed:;\r\n\r\n", nil, " permerror no-author-domain"},
		{"address without a domain that is one", one, []string{"[192.0.2.1]", "a b", "", "a..b"}, " permerror no-author-domain"},
		{"too many", one, []string{"a.example", "b.example", "c.example", "d.example", "e.example"}, " permerror too-many-authors"},
		{"two From fields", "From: x@a.example\r\n" + one, []string{"a.example"}, " permerror several-from-fields"},
		{"header too long", "X: " + strings.Repeat("x", 1<<20) + "\r\n" + one, []string{"a.example"}, " permerror header-too-long"},
		{"too many fields", strings.Repeat("X: x\r\n", 4000) + one, []string{"a.example"}, " permerror too-many-fields"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m := split(test.raw)
			m.Authors, m.Client, m.ReverseLocal, m.ReverseDomain = test.authors, addr("192.0.2.1"), "x", "a.example"
			r := check(t, z, m)
			var got []string
			for _, d := range r.DMARC {
				got = append(got, strings.TrimRight(d.Author+" "+string(d.Result)+" "+d.Reason, " "))
			}
			if s := strings.Join(got, ", "); s != test.want {
				t.Errorf("%q, want %q", s, test.want)
			}
			if r.Passed() != (test.want == "a.example pass") {
				t.Errorf("passed %v", r.Passed())
			}
		})
	}
}
