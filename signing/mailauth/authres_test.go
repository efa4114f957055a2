package mailauth

import (
	"strings"
	"testing"

	"github.com/emersion/go-msgauth/authres"
)

func TestField(t *testing.T) {
	k, z := newKeys(t)
	z.txt["_dmarc.sender.example"] = []string{"v=DMARC1; p=reject"}
	z.txt["sender.example"] = []string{"v=spf1 ip4:192.0.2.1 -all"}
	m := split(forge(t, k, "DKIM-Signature", with(good, "s=r", "s=none"), letter) + forge(t, k, "DKIM-Signature", edd, letter) + seal(t, k, 1, "none", letter, "", "", ""))
	m.Client, m.Helo, m.ReverseLocal, m.ReverseDomain, m.Authors = addr("192.0.2.1"), "mx.sender.example", "an", "sender.example", []string{"sender.example"}
	r := check(t, z, m)
	got := r.Field("gate.example")
	want := "gate.example;\r\n\tspf=pass smtp.mailfrom=sender.example;" +
		"\r\n\tdkim=permerror reason=\"no-key\" header.d=sender.example header.s=none header.a=rsa-sha256 header.b=" + quotedMark(r.DKIM[0].Mark) + ";" +
		"\r\n\tdkim=pass header.d=sender.example header.s=e header.a=ed25519-sha256 header.b=" + quotedMark(r.DKIM[1].Mark) + ";" +
		"\r\n\tarc=pass;\r\n\tdmarc=pass policy.dmarc=reject header.from=sender.example"
	if got != want {
		t.Errorf("%q\nwant %q", got, want)
	}
	id, results, err := authres.Parse(got)
	if err != nil || id != "gate.example" || len(results) != 5 {
		t.Fatalf("%s, %v, %v", id, results, err)
	}
	if d, ok := results[2].(*authres.DKIMResult); !ok || d.Value != authres.ResultPass || d.Domain != "sender.example" {
		t.Errorf("%+v", results[2])
	}
	if got := (Results{}).Field("gate.example"); got != "gate.example;\r\n\tdkim=none" {
		t.Errorf("%q", got)
	}
}

func quotedMark(s string) string {
	if strings.ContainsAny(s, "/=") {
		return `"` + s + `"`
	}
	return s
}

// What a message says can end neither its value nor the field.
func TestFieldIsSafe(t *testing.T) {
	bad := "a\"; dkim=pass header.d=bank.example\r\nX: \x00é\\(" + strings.Repeat("y", 5000)
	r := Results{SPF: []SPF{{Result: Pass, Identity: "mailfrom", Domain: bad}},
		DKIM:  []DKIM{{Result: Fail, Reason: bad, Domain: bad, Selector: bad, Algorithm: bad, Mark: bad}},
		ARC:   ARC{Result: Fail, Reason: bad},
		DMARC: []DMARC{{Result: Fail, Reason: bad, Author: bad, Policy: Request(bad)}}}
	checkField(t, r)
	if got := r.Field("gate.example"); len(got) > 4096 {
		t.Errorf("%d octets", len(got))
	}
}

// checkField holds a field to its form: our line ends only, ASCII, quotes closed, and one result for each that we have.
func checkField(t *testing.T, r Results) {
	t.Helper()
	got := r.Field("gate.example")
	plain := strings.ReplaceAll(got, "\r\n\t", "")
	if strings.ContainsFunc(plain, func(c rune) bool { return c < ' ' || c > '~' || c == '\\' }) || strings.Count(plain, `"`)%2 != 0 {
		t.Errorf("%q", got)
	}
	for line := range strings.SplitSeq(got, "\r\n") {
		if len(line) > 998 && len(r.DKIM) == 0 {
			t.Errorf("line of %d octets", len(line))
		}
	}
	outside := ""
	for i, piece := range strings.Split(plain, `"`) {
		if i%2 == 0 {
			outside += piece
		}
	}
	n := max(len(r.DKIM), 1) + len(r.DMARC)
	for _, s := range r.SPF {
		if s.Identity != "helo" || s.Result != None {
			n++
		}
	}
	if r.ARC.Result != None && r.ARC.Result != "" {
		n++
	}
	if got := strings.Count(outside, ";"); got != n {
		t.Errorf("%d results, want %d: %q", got, n, outside)
	}
}
