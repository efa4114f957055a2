package mailauth

import (
	"strings"
	"testing"
)

func TestSPFWellWritten(t *testing.T) {
	for record, want := range map[string]bool{
		"v=spf1": true, "V=SPF1  -ALL ": true, "v=spf1 a mx/24 a//64 mx:m.example/24//64 ptr ptr:x.example ~all": true,
		"v=spf1 ip4:192.0.2.1 ip4:192.0.2.0/24 ip6:2001:db8::/32 ip6:::1 ip6:::ffff:192.0.2.1 -all":        true,
		"v=spf1 include:_spf.partner.example exists:%{ir}.%{v}.%{l1r+-}._x.%{d2} redirect=%{d} exp=e.%{o}": true,
		"v=spf1 a:%{d}": true, "v=spf1 a:%{i}%%": true, "v=spf1 a:foo:bar/baz.example": true, "v=spf1 a:x.example.": true,
		"v=spf1 unknown.mod-1=%{d}/anything other= -all": true, "v=spf1 a:x.museum-1": true,

		"v=spf1 nonsense": false, "v=spf1 -all:x": false, "v=spf1 include": false, "v=spf1 include:": false, "v=spf1 exists": false,
		"v=spf1 include:x.example/24": false, "v=spf1 ip4": false, "v=spf1 ip4:": false, "v=spf1 ip4:192.0.2": false,
		"v=spf1 ip4:192.0.2.0/33": false, "v=spf1 ip4:192.0.2.0/08": false, "v=spf1 ip4:192.0.2.0/": false, "v=spf1 ip4:::1": false,
		"v=spf1 ip6:192.0.2.1": false, "v=spf1 ip6:::/129": false, "v=spf1 ip6:fe80::1%eth0": false, "v=spf1 ip6:::/-1": false,
		"v=spf1 a:localhost": false, "v=spf1 a:": false, "v=spf1 a:x.example:80": false, "v=spf1 a:192.0.2.1": false, "v=spf1 a/33": false,
		"v=spf1 a//129": false, "v=spf1 mx/24/24": false, "v=spf1 a:x.example//64/24": false, "v=spf1 a:x.-e": false, "v=spf1 a:x..": false,
		"v=spf1 ptr:": false, "v=spf1 ptr/24": false, "v=spf1 redirect=a.example redirect=b.example": false, "v=spf1 exp=a.example EXP=b.example": false,
		"v=spf1 redirect=": false, "v=spf1 redirect=x": false, "v=spf1 -redirect=x.example": false, "v=spf1 redirect:x.example": false,
		"v=spf1 exp=%{d": false, "v=spf1 a:%{q}.example": false, "v=spf1 a:%{d0}.x": false, "v=spf1 a:%{dr2}.x": false, "v=spf1 a:%{d*}.x": false,
		"v=spf1 a:%d.x": false, "v=spf1 a:%": false, "v=spf1 exists:%{c}.x.example": false, "v=spf1 exists:%{t}.x.example": false, "v=spf1 exists:%{}.x": false,
		"v=spf1 a:b\u00e9.example": false, "v=spf1\t-all": false, "v=spf1 -all\t": false, "v=spf1 m=%{d": false, "v=spf1 1m=x": false, "v=spf1 =x": false, "v=spf1 +": false,
	} {
		if strings.HasPrefix(record, "v=spf1\t") { // then it is no record at all (RFC 7208 section 4.5)
			if isSPF(record) {
				t.Errorf("%q is a record", record)
			}
			continue
		}
		if got := spfWellWritten(record); got != want || !isSPF(record) {
			t.Errorf("%q: %v", record, got)
		}
	}
}

// TestSPFSyntaxComesFirst: a record is read whole before it is evaluated, also one that is included or redirected to.
func TestSPFSyntaxComesFirst(t *testing.T) {
	z := spfZone()
	for d, r := range map[string]string{
		"behind.example":  "v=spf1 ip4:192.0.2.0/24 nonsense -all",
		"after.example":   "v=spf1 -all ip4:300.1.1.1",
		"through.example": "v=spf1 include:behind.example -all",
		"on.example":      "v=spf1 redirect=behind.example",
		"unread.example":  "v=spf1 ip4:192.0.2.0/24 include:behind.example -all", // which is not asked for
	} {
		z.txt[d] = []string{r}
	}
	for d, want := range map[string]SPF{
		"behind.example": {Result: PermError, Reason: "bad-record"}, "after.example": {Result: PermError, Reason: "bad-record"},
		"through.example": {Result: PermError, Reason: "bad-record"}, "on.example": {Result: PermError, Reason: "bad-record"},
		"unread.example": {Result: Pass},
	} {
		m := Message{Client: addr("192.0.2.1"), Helo: "mail.sender.example", ReverseLocal: "an", ReverseDomain: d}
		if got := check(t, z, m).SPF[0]; got.Result != want.Result || got.Reason != want.Reason {
			t.Errorf("%s: %+v, want %+v", d, got, want)
		}
	}
}

func FuzzSPFSyntax(f *testing.F) {
	for _, s := range []string{" a:%{l1r-}.%{d2}.example mx/24//64 ptr exists:%{ir}.%{v}.x ?all", " redirect=a.example exp=%{d}.", " ip6:::1/129", " a:foo:bar/baz.example//64/"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, terms string) {
		good := spfWellWritten(spfVersion + terms)
		for _, c := range []byte(terms) {
			if good && (c < ' ' || c > '~') {
				t.Errorf("%q", terms)
			}
		}
		// Terms stand for themselves: one that is wrong makes every record wrong, and doubled blanks nothing.
		if spfWellWritten(spfVersion+strings.ReplaceAll(terms, " ", "  ")) != good || good && spfWellWritten(spfVersion+" nonsense "+terms) {
			t.Errorf("%q", terms)
		}
	})
}
