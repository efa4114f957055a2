package mailauth

import (
	"strconv"
	"strings"
	"testing"
)

// chained is the letter with that many sets on it.
func chained(t *testing.T, k keys, n int) string {
	t.Helper()
	raw := letter
	for i := 1; i <= n; i++ {
		cv := "pass"
		if i == 1 {
			cv = "none"
		}
		raw = seal(t, k, i, cv, raw, "", "", "")
	}
	return raw
}

// The cases are those that the published test suite of the protocol has, in words of our own.
func TestARC(t *testing.T) {
	k, z := newKeys(t)
	addKeys(t, z, z.txt["r._domainkey.sender.example"][0])
	z.txt["revoked._domainkey.sealer.example"] = []string{"v=DKIM1; p="}
	z.txt["fails._domainkey.sealer.example"] = []string{"!"}
	ams := func(pairs ...string) string {
		return seal(t, k, 1, "none", letter, "", with("i=1; a=rsa-sha256; c=relaxed/relaxed; d=sealer.example; s=r; h=from:to:subject; bh=*; b=*", pairs...), "")
	}
	as := func(pairs ...string) string {
		return seal(t, k, 1, "none", letter, "", "", with("i=1; a=rsa-sha256; cv=none; d=sealer.example; s=r; b=*", pairs...))
	}
	aar := func(text string) string { return seal(t, k, 1, "none", letter, text, "", "") }
	one, two := chained(t, k, 1), chained(t, k, 2)
	change := func(raw, from, to string) string {
		out := strings.Replace(raw, from, to, 1)
		if out == raw {
			t.Fatalf("%q is not in the message", from)
		}
		return out
	}
	drop := func(raw, name string) string {
		i := strings.Index(raw, name)
		return raw[:i] + raw[i+strings.Index(raw[i:], crlf)+2:]
	}
	tests := []struct{ name, raw, result, reason string }{
		{"none", letter, "none", ""},
		{"one", one, "pass", ""},
		{"two", two, "pass", ""},
		{"five", chained(t, k, 5), "pass", ""},
		{"changed after the first, sealed again", seal(t, k, 2, "pass", change(one, "Bao cao", "[list] Bao cao"), "", "", ""), "pass", ""},
		{"Ed25519 and RSA", ams("rsa-sha256", "ed25519-sha256", "s=r", "s=e"), "pass", ""},
		{"simple form", ams("relaxed/relaxed", "simple/simple"), "pass", ""},
		{"no c= is simple", ams("c=relaxed/relaxed; ", ""), "pass", ""},
		{"blanks and folds", ams("; d=", " ;\r\n\t d = "), "pass", ""},
		{"time", as("; s=r", "; s=r; t=1768000000"), "pass", ""},
		{"unknown tag", as("; s=r", "; s=r; w=catparty"), "pass", ""},
		{"seal folded on the way", change(one, "; cv=none", ";\r\n   cv=none"), "pass", ""},
		{"names in other case", change(change(one, "ARC-Seal", "arc-SEAL"), "ARC-Auth", "Arc-auth"), "pass", ""},
		{"fields in another order", reorder(one), "pass", ""},

		{"body changed", change(one, "thang 1", "thang 2"), "fail", "body-changed"},
		{"subject changed", change(one, "Subject: Bao", "Subject: Bo"), "fail", "bad-signature"},
		{"results changed", change(one, "spf=pass", "spf=fail"), "fail", "bad-signature"},
		{"first results changed", change(two, "i=1; gate", "i=1; date"), "fail", "bad-signature"},
		{"another's key", ams("d=sealer.example", "d=strange.example"), "fail", "bad-signature"},
		{"no seal", drop(one, "ARC-Seal"), "fail", "missing-field"},
		{"no message signature", drop(one, "ARC-Message-Signature"), "fail", "missing-field"},
		{"no results", drop(one, "ARC-Authentication-Results"), "fail", "missing-field"},
		{"first set lost", drop(drop(drop(two, "ARC-Seal: i=1"), "ARC-Message-Signature: i=1"), "ARC-Authentication-Results: i=1"), "fail", "missing-field"},
		{"results twice", "ARC-Authentication-Results: i=1; x.example; none\r\n" + one, "fail", "duplicate-instance"},
		{"message signature twice", change(one, "ARC-Message-Signature", "ARC-Message-Signature: i=1; a=x\r\nARC-Message-Signature"), "fail", "duplicate-instance"},
		{"two with none", seal(t, k, 2, "none", one, "", "", ""), "fail", "bad-chain-value"},
		{"one with pass", as("cv=none", "cv=pass"), "fail", "bad-chain-value"},
		{"failed before", seal(t, k, 2, "fail", one, "", "", ""), "fail", "failed-before"},
		{"no cv", as("cv=none; ", ""), "fail", "bad-chain-value"},
		{"empty cv", as("cv=none", "cv="), "fail", "bad-chain-value"},
		{"seal with h", as("; s=r", "; s=r; h=from"), "fail", "malformed"},
		{"seal with bh", as("; s=r", "; s=r; bh=AAAA"), "fail", "malformed"},
		{"signature over seals", ams("h=from", "h=arc-seal:from"), "fail", "malformed"},
		{"seal with sha1", as("rsa-sha256", "rsa-sha1"), "fail", "weak-hash"},
		{"no algorithm", as("a=rsa-sha256; ", ""), "fail", "missing-tag"},
		{"empty time", as("; s=r", "; s=r; t="), "fail", "bad-time"},
		{"tag twice", as("; s=r", "; s=r; s=r"), "fail", "malformed"},
		{"tag names in capitals", as("s=r", "S=r"), "fail", "missing-tag"},
		{"empty tag", as("; s=r", ";; s=r"), "fail", "malformed"},
		{"algorithm in capitals", ams("rsa-sha256", "RSA-SHA256"), "fail", "unknown-algorithm"},
		{"no body hash", ams("bh=*; ", ""), "fail", "missing-tag"},
		{"body hash that is none", ams("bh=*", "bh=%"), "fail", "malformed"},
		{"form that is none", ams("relaxed/relaxed", "strict"), "fail", "unknown-canonicalization"},
		{"domain that is none", ams("d=sealer.example", "d=sealer..example"), "fail", "bad-domain"},
		{"key revoked", as("s=r", "s=revoked"), "fail", "key-revoked"},
		{"no key", ams("s=r", "s=none"), "fail", "no-key"},
		{"DNS fails", as("s=r", "s=fails"), "temperror", "dns"},
		{"text beyond the length", change(ams("; s=r", "; l=31; s=r"), "thang 1.\r\n", "thang 1.\r\nDoc"), "fail", "partial-body"},

		{"instance 0", ams("i=1", "i=0"), "fail", "bad-instance"},
		{"no instance", as("i=1; ", ""), "fail", "bad-instance"},
		{"instance that is none", ams("i=1", "i=one"), "fail", "bad-instance"},
		{"instance with a sign", ams("i=1", "i=+1"), "fail", "bad-instance"},
		{"instance 51", as("i=1", "i=51"), "fail", "too-many-instances"},
		{"instance of the results", aar("gate.example; i=1; spf=pass"), "fail", "bad-instance"},
		{"no instance of the results", aar("gate.example; spf=pass"), "fail", "bad-instance"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			out := check(t, z, split(test.raw)).ARC
			if string(out.Result) != test.result || out.Reason != test.reason {
				t.Errorf("%+v, want %s %s", out, test.result, test.reason)
			}
			for _, s := range out.Sealers {
				if (s.Results != "") != (out.Result == Pass) {
					t.Errorf("%+v: results are only those of a chain that passes", s)
				}
			}
		})
	}
}

// reorder puts the first set's results above its seal.
func reorder(raw string) string {
	lines := strings.SplitAfterN(raw, crlf, 4)
	return lines[2] + lines[0] + lines[1] + lines[3]
}

func TestARCSealers(t *testing.T) {
	k, z := newKeys(t)
	out := check(t, z, split(chained(t, k, 2))).ARC
	if out.Instances != 2 || len(out.Sealers) != 2 || out.Broken != 0 {
		t.Fatalf("%+v", out)
	}
	want := Sealer{Instance: 2, Domain: "sealer.example", Selector: "r", Results: "gate.example; spf=pass smtp.mailfrom=sender.example"}
	if out.Sealers[1] != want {
		t.Errorf("%+v", out.Sealers[1])
	}
}

// Fifty sets are as many as there may be; their seals are verified, and their keys are one question.
func TestARCFifty(t *testing.T) {
	_, z := newKeys(t)
	var b strings.Builder
	for i := 50; i >= 1; i-- {
		n := strconv.Itoa(i)
		b.WriteString("ARC-Seal: i=" + n + "; a=rsa-sha256; cv=pass; d=sealer.example; s=r; b=AAAA\r\nARC-Message-Signature: i=" + n +
			"; a=rsa-sha256; d=sealer.example; s=r; h=from; bh=AAAA; b=AAAA\r\nARC-Authentication-Results: i=" + n + "; x\r\n")
	}
	raw := strings.Replace(b.String(), "i=1; a=rsa-sha256; cv=pass", "i=1; a=rsa-sha256; cv=none", 1)
	out := check(t, z, split(raw+letter)).ARC
	if out.Result != Fail || out.Reason != "body-changed" || out.Instances != 50 || out.Broken != 50 || z.questions() != 1 {
		t.Errorf("%+v, %d questions", out, z.questions())
	}
}
