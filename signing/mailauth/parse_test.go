package mailauth

import (
	"strings"
	"testing"
)

func TestVouched(t *testing.T) {
	const plain = "list.example; dmarc=pass header.from=sender.example"
	trusted := func(d string) bool { return d == "list.example" || d == "other.example" }
	of := func(results string, domains ...string) ARC {
		a := ARC{Result: Pass, Instances: len(domains)}
		for i, d := range domains {
			a.Sealers = append(a.Sealers, Sealer{Instance: i + 1, Domain: d})
		}
		a.Sealers[0].Results = results
		return a
	}
	tests := []struct {
		name string
		arc  ARC
		want bool
	}{
		{"plain", of(plain, "list.example"), true},
		{"two trusted", of(plain, "list.example", "other.example"), true},
		{"others beside", of("list.example 1; spf=fail smtp.mailfrom=x.example; dkim=pass (good; dmarc=fail) header.d=sender.example; DMARC=Pass (p=reject) header.from=Sender.Example.", "list.example"), true},
		{"folds, version, quotes", of("list.example;\r\n\tdmarc / 1 = pass\r\n\tpolicy.dmarc=reject\r\n\theader . from = \"sender.example\"", "list.example"), true},
		{"mailbox of an author", of("list.example; dmarc=pass header.from=an@sender.example", "list.example"), false},
		{"stranger last", of(plain, "list.example", "evil.example"), false},
		{"stranger first", of(plain, "evil.example", "list.example"), false},
		{"chain fails", ARC{Result: Fail, Sealers: of(plain, "list.example").Sealers}, false},
		{"no chain", ARC{Result: None}, false},
		{"failed there", of("list.example; dmarc=fail header.from=sender.example", "list.example"), false},
		{"another author", of("list.example; dmarc=pass header.from=evil.example", "list.example"), false},
		{"both", of("list.example; dmarc=pass header.from=sender.example; dmarc=fail header.from=evil.example", "list.example"), false},
		{"nothing said", of("list.example; none", "list.example"), false},
		{"no author said", of("list.example; dmarc=pass", "list.example"), false},
		{"in a comment", of("list.example; spf=pass (; dmarc=pass header.from=sender.example)", "list.example"), false},
		{"in quotes", of(`list.example; spf=pass reason="; dmarc=pass header.from=sender.example"`, "list.example"), false},
		{"in quotes with a quote", of(`list.example; spf=pass reason="\"; dmarc=pass header.from=sender.example"`, "list.example"), false},
		{"open comment", of("list.example; spf=pass (x; dmarc=pass header.from=sender.example", "list.example"), false},
		{"in the name", of("dmarc=pass header.from=sender.example", "list.example"), false},
		{"empty", of("", "list.example"), false},
	}
	for _, test := range tests {
		if got := test.arc.Vouched(trusted, "sender.example"); got != test.want {
			t.Errorf("%s: %v", test.name, got)
		}
	}
}

// What the field says is read back as it was found.
func TestFieldIsRead(t *testing.T) {
	r := Results{SPF: []SPF{{Result: SoftFail, Identity: "mailfrom", Domain: "a.example"}},
		DKIM:  []DKIM{{Result: PermError, Reason: "no-key", Domain: "b.example", Selector: "s1", Algorithm: "rsa-sha256", Mark: "ab/c+d=="}},
		DMARC: []DMARC{{Result: Fail, Author: "c.example", Policy: RequestReject}}}
	id, got := parseResults(r.Field("gate.example"))
	if id != "gate.example" || len(got) != 3 || got[0].method != "spf" || got[0].result != "softfail" || got[0].properties["smtp.mailfrom"] != "a.example" ||
		got[1].properties["reason"] != "no-key" || got[1].properties["header.s"] != "s1" || got[2].properties["policy.dmarc"] != "reject" {
		t.Errorf("%s %+v", id, got)
	}
}

func FuzzParseResults(f *testing.F) {
	f.Add("list.example; dmarc=pass header.from=sender.example")
	f.Add("i 1 (c(c)\\) ; x/1 = y (\") reason=\"a\\\"b;c\" p . q = v ; none")
	f.Fuzz(func(t *testing.T, value string) {
		id, out := parseResults(value)
		if strings.ContainsAny(id, " \t\r\n;") || len(out) > strings.Count(value, ";") {
			t.Errorf("%q %+v", id, out)
		}
		a := ARC{Result: Pass, Sealers: []Sealer{{Domain: "list.example", Results: value}}}
		if a.Vouched(func(string) bool { return true }, "sender.example") && !strings.Contains(strings.ToLower(value), "sender") {
			t.Errorf("%q vouches", value)
		}
	})
}
