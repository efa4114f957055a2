package mailauth

import (
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-msgauth/authres"
)

// closed are the results that a method may have.
func closed(t *testing.T, v Value, reason string, of ...Value) {
	t.Helper()
	for _, o := range of {
		if v == o && (reason != "" || v == Pass || v == None || v == Fail) {
			return
		}
	}
	t.Errorf("result %q, reason %q", v, reason)
}

func FuzzDKIM(f *testing.F) {
	k, z := newKeys(f)
	for _, tags := range []string{good, edd, with(good, "; s=r", "; s=r; l=5; t=1; x=99999999999999999999; i=@sender.example; q=dns/txt"), "v=1;;", "b=;b =x", "=\x00"} {
		f.Add(forge(f, k, "DKIM-Signature", tags, letter), letter)
	}
	f.Add("DKIM-Signature:\r\n \r\n\t;\r\n", "\r\n")
	f.Fuzz(func(t *testing.T, field, message string) {
		r, err := New(z, Limits{}, testNow).Check(t.Context(), split(field+message))
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range r.DKIM {
			closed(t, d.Result, d.Reason, Pass, Fail, Policy, Neutral, PermError)
			if d.Result == Pass && (d.Domain == "" || d.KeyBits == 0) {
				t.Errorf("%+v", d)
			}
		}
		checkField(t, r)
	})
}

func FuzzARC(f *testing.F) {
	k, z := newKeys(f)
	one := seal(f, k, 1, "none", letter, "", "", "")
	f.Add(one)
	f.Add(seal(f, k, 2, "pass", one, "", "", ""))
	f.Add("ARC-Seal: i=1\r\nARC-Authentication-Results: i = 1 ;\r\nARC-Message-Signature: i=1; i=2\r\n")
	f.Fuzz(func(t *testing.T, message string) {
		r, err := New(z, Limits{}, testNow).Check(t.Context(), split(message))
		if err != nil {
			t.Fatal(err)
		}
		closed(t, r.ARC.Result, r.ARC.Reason, None, Pass, Fail)
		if r.ARC.Result == Pass && (r.ARC.Instances == 0 || len(r.ARC.Sealers) != r.ARC.Instances) || r.ARC.Instances > 50 {
			t.Errorf("%+v", r.ARC)
		}
		checkField(t, r)
	})
}

func FuzzField(f *testing.F) {
	f.Add("sender.example", "s1", "ab/c=", "fail", "reason")
	f.Add("a\"; dkim=pass", "\r\nX: y", "\\", "pass", "(")
	f.Fuzz(func(t *testing.T, domain, selector, mark, value, reason string) {
		r := Results{SPF: []SPF{{Result: Pass, Identity: "mailfrom", Domain: domain}},
			DKIM: []DKIM{{Result: Fail, Reason: reason, Domain: domain, Selector: selector, Mark: mark, Algorithm: value}},
			ARC:  ARC{Result: Fail, Reason: reason}, DMARC: []DMARC{{Result: Fail, Author: domain, Policy: Request(value)}}}
		checkField(t, r)
		// Another's parser finds the results, when no value holds what it takes for a separator even in quotes.
		if strings.ContainsAny(domain+selector+mark+value+reason, "();= \"\\") {
			return
		}
		id, results, err := authres.Parse(r.Field("gate.example"))
		if err != nil || id != "gate.example" || len(results) != 4 {
			t.Errorf("%q: %s, %v, %v", r.Field("gate.example"), id, results, err)
		}
	})
}

func FuzzPolicyRecord(f *testing.F) {
	for _, s := range []string{"v=DMARC1; p=reject; sp=none; np=quarantine; t=y; psd=n; adkim=s; aspf=r; rua=mailto:a@b.example!10m",
		"v=DMARC1", "v = DMARC1 ;;p", "v=DMARC1;p=\xff;rua=%zz"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, ok := parseRecord(text)
		for _, p := range []Request{r.policy, r.sub, r.absent} {
			if p != "" && p != RequestNone && p != RequestQuarantine && p != RequestReject {
				t.Errorf("request %q", p)
			}
		}
		if ok && r.policy == "" || r.invalid && r.policy != RequestNone {
			t.Errorf("%+v", r)
		}
	})
}

func FuzzSPF(f *testing.F) {
	for _, s := range []string{"v=spf1 ip4:192.0.2.0/24 a:%{l1r-}.%{d2}.example mx/24//64 ptr exists:%{ir}.%{v}.example include:%{h} ?all",
		"v=spf1 redirect=a.example", "v=spf1 a:%{", "v=spf1 ip6:::1/129 exp=%{c}"} {
		f.Add(s, "an", "mx.example")
	}
	f.Fuzz(func(t *testing.T, record, local, helo string) {
		z := spfZone()
		z.txt["a.example"] = []string{record}
		start := time.Now()
		r, err := New(z, Limits{}, testNow).Check(t.Context(), Message{Client: addr("192.0.2.1"), Helo: helo, ReverseLocal: local, ReverseDomain: "a.example"})
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range r.SPF {
			switch s.Result {
			case None, Pass, Fail, SoftFail, Neutral, TempError, PermError:
			default:
				t.Errorf("%+v", s)
			}
		}
		if z.questions() > DefaultLimits().Lookups || time.Since(start) > 10*time.Second {
			t.Errorf("%d questions, %v", z.questions(), time.Since(start))
		}
		checkField(t, r)
	})
}

func FuzzKey(f *testing.F) {
	k, _ := newKeys(f)
	f.Add(record(f, k.rsa))
	f.Add(record(f, k.ed))
	f.Add("v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQ; t=y:s; h=sha1:sha256; s=*")
	f.Fuzz(func(t *testing.T, text string) {
		key, flt := findKey([]string{text}, 8192)
		if flt.result == "" && (key.rsa == nil) == (key.ed25519 == nil) {
			t.Errorf("%+v", key)
		}
		if flt.result == "" && key.verify([]byte("x"), []byte("y")) {
			t.Error("junk verifies")
		}
	})
}
