package custom_test

import (
	"errors"
	"strings"
	"testing"

	"congthu/filter"
	"congthu/filter/message"
	"congthu/rules/custom"
)

// FuzzCustom takes any expression over any transaction: what does not compile says where, and what compiles
// gives at most one finding that holds nothing but what the gate itself writes.
func FuzzCustom(f *testing.F) {
	for _, seed := range []struct{ expression, part string }{
		{`direction == "outbound" && plain(subject).contains("thu")`, `attachments[0].part`},
		{`header("Subject").exists(s, s.matches("(?i)th[uư]"))`, `subject`},
		{`attachments.exists(a, a.bytes > 3 || a.name in a.names)`, ``},
		{`in_network(client, reverse_path.domain) || in_domain(from[0].domain, "vn")`, `from[0].name`},
		{`recipients.map(r, r.address).exists(a, a == subject) ? true : is_ours(subject)`, `"4.1"`},
		{`anomalies.size() + parts + size + attachments_bytes > 0`, `received.getHours() > 3 ? "1" : "2"`},
		{`"\u0000" == subject && [1, 2].all(x, x > 0`, `x`},
		{`dyn(1) == dyn("x") || {"a": [from]}["b"].size() > 0`, ``},
	} {
		f.Add(seed.expression, seed.part, letter, "nvan@monre.gov.vn", "x@gmail.com")
	}
	f.Add("true", "", "From: <\xff@\x00>\nSubject: =?utf-8?q?=ff?=\n", "", "@")
	e := environment(f)
	f.Fuzz(func(t *testing.T, expression, part, mail, from, to string) {
		if len(mail) > 4096 {
			return
		}
		rule, err := e.Compile(custom.Rule{Name: "custom:x", When: expression, Part: part})
		if err != nil {
			where := &custom.Error{}
			if !errors.As(err, &where) || where.Problem == "" || where.Key == "" {
				t.Fatalf("%q: an error without a place: %v", expression, err)
			}
			return
		}
		tx := transaction(t, mail)
		tx.ReversePath, tx.Recipients = filter.ParsePath(from, ""), []filter.Path{filter.ParsePath(to, "")}
		found, err := rule.Check(t.Context(), tx)
		if err != nil || len(found) > 1 {
			t.Fatalf("%q: %v, %v", expression, found, err)
		}
		for _, one := range found {
			if one.Detail != "x" && one.Detail != custom.DetailFailed && one.Detail != custom.DetailCost || !isPart(tx.Message, one.Part) {
				t.Fatalf("%q: %+v", expression, one)
			}
		}
	})
}

func isPart(m *message.Message, id string) bool {
	for p := range m.Parts() {
		if p.ID == id {
			return true
		}
	}
	return strings.TrimSpace(id) == ""
}
