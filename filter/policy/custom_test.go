package policy_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"congthu/filter"
	"congthu/filter/policy"
)

// A place in an expression is found in the file, however YAML writes the expression down.
func TestProblemIn(t *testing.T) {
	const head = "organisation: {domains: [monre.gov.vn]}\nrules:\n  custom:x:\n    clause: \"10.2\"\n"
	for _, tc := range []struct {
		yaml         string // @ stands before the place, and is no part of the file
		value        string
		line, column int
	}{
		{"    when: @abc == d", "abc == d", 1, 1},
		{"    when: abc == @d", "abc == d", 1, 8},
		{"    when: abc ==\n      @d", "abc == d", 1, 8},
		{"    when: 'abc == @d'", "abc == d", 1, 8},
		{"    when: '''a'' == @d'", "'a' == d", 1, 8},
		{"    when: \"\\\"a\\\" == @d\"", `"a" == d`, 1, 8},
		{"    when: \"a ==\\td == @e\"", "a ==\td == e", 1, 11},
		{"    when: \"\\u0110\\xe1 == @d\"", "Đá == d", 1, 7},
		{"    when: Đá == @d", "Đá == d", 1, 7},
		{"    when: |\n      a == b &&\n      c == @d", "a == b &&\nc == d\n", 2, 6},
		{"    when: |2\n      a == b &&\n        c == @d", "a == b &&\n  c == d\n", 2, 8},
		{"    when: |\n\n      a ==\n\n        @d", "\na ==\n\n  d\n", 4, 3},
		{"    when: >-\n      a == b &&\n      c == @d", "a == b && c == d", 1, 16},
		{"    when: | # a comment\n      a == @d", "a == d\n", 1, 6},
		{"    when: 'abc@'", "abc", 1, 4},          // at the end
		{"    when: |\n      abc@", "abc\n", 1, 4}, // at the end
		{"    when: |\n      abc@", "abc\n", 2, 1}, // on the line behind the end
	} {
		file := head + strings.Replace(tc.yaml, "@", "", 1) + "\n"
		before, _, _ := strings.Cut(tc.yaml, "@")
		line := strings.Count(head+before, "\n") + 1
		column := len([]rune(before[strings.LastIndex(before, "\n")+1:])) + 1
		c, err := policy.Parse("c.yml", []byte(file), settings())
		if err != nil {
			t.Fatalf("%v\n%s", err, file)
		}
		if got := c.Rules["custom:x"].When; strings.TrimRight(got, "\n") != strings.TrimRight(tc.value, "\n") {
			t.Fatalf("the value is %q, not %q\n%s", got, tc.value, file)
		}
		want := fmt.Sprintf("c.yml:%d:%d: rules.custom:x.when: no", line, column)
		if got := c.ProblemIn("rules.custom:x.when", tc.line, tc.column, "no").Error(); got != want {
			t.Errorf("got %q, want %q in\n%s", got, want, file)
		}
	}
}

// Places that are not in the value, and values that are not in the file, give the best place there is.
func TestProblemInNowhere(t *testing.T) {
	c, err := policy.Parse("c.yml", []byte("organisation: {domains: [monre.gov.vn]}\nrules: {\"custom:x\": {clause: \"10.2\", when: a}}"), settings())
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		key          string
		line, column int
		want         string
	}{
		{"rules.custom:x.when", 0, 0, "c.yml:2:44: "},
		{"rules.custom:x.when", 9, 9, "c.yml:2:45: "},
		{"rules.custom:x.part", 1, 1, "c.yml: "},
		{"rules.custom:none.when", 1, 1, "c.yml: "},
	} {
		if got := c.ProblemIn(tc.key, tc.line, tc.column, "no").Error(); got != tc.want+tc.key+": no" {
			t.Errorf("%v: got %q", tc, got)
		}
	}
}

func TestCustomDefaults(t *testing.T) {
	c, err := policy.Parse("a.yml", []byte(read(t, "testdata/good-full.yml")), settings())
	if err != nil {
		t.Fatal(err)
	}
	want := filter.Setting{Mode: filter.Monitor, Outbound: filter.Accept, Inbound: filter.Accept}
	if got := c.Settings()["custom:a"]; got != want {
		t.Errorf("custom:a: %+v", got)
	}
	want = filter.Setting{Mode: filter.Enforce, Outbound: filter.Refuse, Inbound: filter.Accept}
	if got := c.Settings()["custom:b"]; got != want || c.Rules["custom:b"].Failed != policy.Disposition(filter.Hold) {
		t.Errorf("custom:b: %+v", got)
	}
	if c.Rules["free-mail"].Forwarded != policy.Disposition(filter.Hold) {
		t.Errorf("free-mail.forwarded: %v", c.Rules["free-mail"].Forwarded)
	}
}

// The number of rules is bounded; at the bound all is well.
func TestCustomRulesLimit(t *testing.T) {
	for n, ok := range map[int]bool{100: true, 101: false} {
		var b strings.Builder
		b.WriteString("organisation: {domains: [monre.gov.vn]}\nrules:\n")
		for i := range n {
			fmt.Fprintf(&b, "  custom:r%d: {clause: \"10.2\", when: \"true\"}\n", i)
		}
		_, err := policy.Parse("c.yml", []byte(b.String()), settings())
		if e := new(policy.Error); (err == nil) != ok || err != nil && (!errors.As(err, &e) || e.Line != 3) {
			t.Errorf("%d rules: %v", n, err)
		}
	}
}
