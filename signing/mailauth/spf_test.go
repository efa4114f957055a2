package mailauth

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
)

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

// spfZone has a record for each case; includes gives the lookups that records spend.
func spfZone() *zone {
	z := &zone{txt: map[string][]string{}, mx: map[string][]string{}, ip: map[string][]string{}, ptr: map[string][]string{}}
	for d, r := range map[string]string{
		"plain.example":    "v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/32 -all",
		"soft.example":     "v=spf1 ~all",
		"neutral.example":  "v=spf1 ?all",
		"empty.example":    "v=spf1",
		"other.example":    "google-site-verification=1",
		"amx.example":      "v=spf1 a mx -all",
		"redirect.example": "v=spf1 redirect=plain.example",
		"include.example":  "v=spf1 include:plain.example ~all",
		"missing.example":  "v=spf1 include:nothing.example -all",
		"loop.example":     "v=spf1 include:loop.example -all",
		"junk.example":     "v=spf1 ip4:300.1.1.1 -all",
		"unknown.example":  "v=spf1 nonsense -all",
		"macro.example":    "v=spf1 exists:%{ir}.%{v}.%{l}.%{d2}.list.example -all",
		"helo.example":     "v=spf1 exists:%{h}.greet.example -all",
		"bad.example":      "v=spf1 exists:%{q}.example -all",
		"six.example":      "v=spf1 exists:%{i}.six.example -all",
		"part.example":     "v=spf1 exists:%{l1r-}.part.example -all",
		"fails.example":    "!",
		"later.example":    "v=spf1 a:fails.example -all",
		"void.example":     "v=spf1 a:v1.example a:v2.example a:v3.example ip4:192.0.2.1 -all",
		"void2.example":    "v=spf1 a:v1.example a:v2.example ip4:192.0.2.1 -all",
		"manymx.example":   "v=spf1 mx -all",
		"ptr.example":      "v=spf1 ptr -all",
	} {
		z.txt[d] = []string{r}
	}
	z.txt["several.example"] = []string{"v=spf1 -all", "v=spf1 +all"}
	for _, n := range []int{10, 11} {
		r := "v=spf1"
		for i := range n {
			r += fmt.Sprintf(" a:h%d.example", i)
			z.ip[fmt.Sprintf("h%d.example", i)] = []string{"198.51.100.1"}
		}
		z.txt[fmt.Sprintf("ten%d.example", n)] = []string{r + " ip4:192.0.2.1 -all"}
	}
	for i := range 11 {
		z.mx["manymx.example"] = append(z.mx["manymx.example"], fmt.Sprintf("h%d.example.", i))
	}
	z.mx["amx.example"] = []string{"mx.example."}
	for name, ip := range map[string]string{
		"amx.example": "192.0.2.7", "mx.example": "192.0.2.8", "1.2.0.192.in-addr.an.macro.example.list.example": "127.0.0.2",
		"mail.sender.example.greet.example": "127.0.0.2", "unit.part.example": "127.0.0.2", "mail.ptr.example": "192.0.2.1",
		"2.0.0.1.0.d.b.8.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.six.example": "127.0.0.2",
	} {
		z.ip[name] = []string{ip}
	}
	z.ip["fails.example"] = []string{"!"}
	z.ptr["192.0.2.1"] = []string{"mail.ptr.example."}
	return z
}

func TestSPF(t *testing.T) {
	tests := []struct {
		client, local, domain string
		result, reason        string
	}{
		{"192.0.2.1", "an", "plain.example", "pass", ""},
		{"::ffff:192.0.2.1", "an", "plain.example", "pass", ""},
		{"2001:db8::1", "an", "PLAIN.example.", "pass", ""},
		{"198.51.100.1", "an", "plain.example", "fail", ""},
		{"192.0.2.1", "an", "soft.example", "softfail", ""},
		{"192.0.2.1", "an", "neutral.example", "neutral", ""},
		{"192.0.2.1", "an", "empty.example", "neutral", ""},
		{"192.0.2.1", "an", "other.example", "none", ""},
		{"192.0.2.1", "an", "nothing.example", "none", ""},
		{"192.0.2.7", "an", "amx.example", "pass", ""},
		{"192.0.2.8", "an", "amx.example", "pass", ""},
		{"192.0.2.9", "an", "amx.example", "fail", ""},
		{"192.0.2.1", "an", "redirect.example", "pass", ""},
		{"198.51.100.1", "an", "redirect.example", "fail", ""},
		{"198.51.100.1", "an", "include.example", "softfail", ""},
		{"192.0.2.1", "an", "ptr.example", "pass", ""},
		{"192.0.2.1", "an", "missing.example", "permerror", ""},
		{"192.0.2.1", "an", "loop.example", "permerror", "too-many-lookups"},
		{"192.0.2.1", "an", "junk.example", "permerror", "bad-record"},
		{"192.0.2.1", "an", "unknown.example", "permerror", "bad-record"},
		{"192.0.2.1", "an", "bad.example", "permerror", "bad-record"},
		{"192.0.2.1", "an", "several.example", "permerror", "several-records"},
		{"192.0.2.1", "an", "fails.example", "temperror", "dns"},
		{"192.0.2.1", "an", "later.example", "temperror", "dns"},
		// Macros: reversed address, kind of address, local part, the last two labels of the domain; HELO; nibbles.
		{"192.0.2.1", "an", "macro.example", "pass", ""},
		{"192.0.2.1", "ba", "macro.example", "fail", ""},
		{"192.0.2.1", "an", "helo.example", "pass", ""},
		{"2001:db8::1", "an", "six.example", "pass", ""},
		{"192.0.2.1", "unit-name", "part.example", "pass", ""},
		// Limits of RFC 7208 section 4.6.4.
		{"192.0.2.1", "an", "ten10.example", "pass", ""},
		{"192.0.2.1", "an", "ten11.example", "permerror", "too-many-lookups"},
		{"192.0.2.1", "an", "void2.example", "pass", ""},
		{"192.0.2.1", "an", "void.example", "permerror", "too-many-void-lookups"},
		{"192.0.2.1", "an", "manymx.example", "permerror", "too-many-mx"},
		// Domains that are none, and the one that stands after another @ in the local part.
		{"192.0.2.1", "an", "[192.0.2.1]", "none", "no-domain"},
		{"192.0.2.1", "an", "localhost", "none", "no-domain"},
		{"192.0.2.1", "an", "a..example", "none", "no-domain"},
		{"192.0.2.1", "x@plain.example", "soft.example", "softfail", ""},
	}
	for _, test := range tests {
		t.Run(test.client+" "+test.local+"@"+test.domain, func(t *testing.T) {
			m := Message{Client: addr(test.client), Helo: "mail.sender.example", ReverseLocal: test.local, ReverseDomain: test.domain}
			out := check(t, spfZone(), m).SPF
			if len(out) != 2 || out[0].Identity != "mailfrom" || string(out[0].Result) != test.result || out[0].Reason != test.reason {
				t.Errorf("%+v, want %s %s", out, test.result, test.reason)
			}
		})
	}
}

func TestSPFIdentities(t *testing.T) {
	m := Message{Client: addr("192.0.2.1"), Helo: "plain.example"}
	if out := check(t, spfZone(), m).SPF; len(out) != 1 || out[0] != (SPF{Result: Pass, Identity: "mailfrom", Domain: "plain.example", Null: true}) {
		t.Errorf("null reverse-path: %+v", out)
	}
	m.ReverseLocal, m.ReverseDomain = "an", "soft.example"
	out := check(t, spfZone(), m).SPF
	if len(out) != 2 || out[0].Result != SoftFail || out[1] != (SPF{Result: Pass, Identity: "helo", Domain: "plain.example"}) {
		t.Errorf("both: %+v", out)
	}
	m.Client = netip.Addr{}
	if out := check(t, spfZone(), m).SPF; out[0].Result != None || out[0].Reason != "unknown-client" {
		t.Errorf("unknown client: %+v", out)
	}
	m = Message{Client: addr("fe80::1%eth0"), ReverseLocal: "an", ReverseDomain: "plain.example", Helo: strings.Repeat("x", 5000)}
	if out := check(t, spfZone(), m).SPF; out[0].Result != Fail {
		t.Errorf("zone in the address: %+v", out)
	}
}
