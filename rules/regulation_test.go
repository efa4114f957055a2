package rules_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"congthu/filter"
	"congthu/rules"
)

// clauses are all of the regulation: điều, khoản and, where a khoản is divided by letters, điểm; a điều
// without khoản stands alone. PL is an appendix.
func clauses() []string {
	return strings.Fields(`1.1 1.2 2.1 2.2 2.3 2.4 2.5 2.6 2.7 3.1 3.2 3.3 4.1 4.2.a 4.2.b 4.3.a 4.3.b 4.4 5.1 5.2 5.3 5.4
		6.1 6.2.a 6.2.b 6.3 7.1 7.2 7.3 7.4 7.5 8.1 8.2 8.3 9.1 9.2 9.3 10.1 10.2 10.3 10.4 10.5 10.6
		11.1 11.2 11.3 11.4 11.5 11.6 11.7 11.8 12.1 12.2 12.3 13 14 15.1 15.2 16.1 16.2 17.1 17.2 PL-I PL-II`)
}

// designed are the rules that the design names and that may so be promised for later.
func designed() []string {
	return strings.Fields(`virus marking attachment-type signature sender-authentication impersonation uninspected encryption
		free-mail attachment-size content spam rate subject mailbox-name`)
}

type row struct{ asks, gate, shown string }

func readTable(t *testing.T) (map[string]row, []string) {
	t.Helper()
	data, err := os.ReadFile("../docs/regulation.md")
	if err != nil {
		t.Fatal(err)
	}
	rows, order := map[string]row{}, []string{}
	for line := range strings.Lines(string(data)) {
		cells := strings.Split(strings.TrimSpace(line), "|")
		if len(cells) < 2 || cells[0] != "" {
			continue
		}
		if len(cells) != 6 {
			t.Fatalf("row of %d cells: %s", len(cells), line)
		}
		clause := strings.ReplaceAll(strings.TrimSpace(cells[1]), " ", "-")
		if clause == "Clause" || clause == "---" {
			continue
		}
		if _, twice := rows[clause]; twice {
			t.Errorf("%s stands twice", clause)
		}
		rows[clause] = row{strings.TrimSpace(cells[2]), strings.TrimSpace(cells[3]), strings.TrimSpace(cells[4])}
		order = append(order, clause)
	}
	return rows, order
}

func TestRegulationHasEveryClause(t *testing.T) {
	rows, order := readTable(t)
	if !slices.Equal(order, clauses()) {
		t.Errorf("the table has\n%v\nthe regulation\n%v", order, clauses())
	}
	for clause, r := range rows {
		if r.asks == "" || r.gate == "" {
			t.Errorf("%s: says too little", clause)
		}
		if !regexp.MustCompile("^(rule `|later: `|helps: |not at a gate)").MatchString(r.gate) {
			t.Errorf("%s: does not begin with what it is: %s", clause, r.gate)
		}
	}
}

// What the table says of rules is what the code has.
func TestRegulationAndRulesAgree(t *testing.T) {
	rows, _ := readTable(t)
	here := map[string]string{filter.RuleUninspected: "10.1"}
	for _, r := range rules.All(config(t)) {
		here[r.Name] = r.Clause
	}
	for name, both := range here {
		for clause := range strings.SplitSeq(both, ", ") {
			if !strings.Contains(rows[clause].gate, "rule `"+name+"`") {
				t.Errorf("rule %s is there for %s, and that row does not name it", name, clause)
			}
		}
	}
	present := regexp.MustCompile("rule `([a-z-]+)`")
	later := regexp.MustCompile("later: ((?:`[a-z-]+`(?:, )?)+)")
	name := regexp.MustCompile("`([a-z-]+)`")
	for clause, r := range rows {
		for _, m := range present.FindAllStringSubmatch(r.gate, -1) {
			if here[m[1]] == "" {
				t.Errorf("%s: names rule %s, which does not exist", clause, m[1])
			}
		}
		for _, list := range later.FindAllStringSubmatch(r.gate, -1) {
			for _, m := range name.FindAllStringSubmatch(list[1], -1) {
				if here[m[1]] != "" {
					t.Errorf("%s: rule %s is there, not later", clause, m[1])
				}
				if !slices.Contains(designed(), m[1]) {
					t.Errorf("%s: nothing named %s is designed", clause, m[1])
				}
			}
		}
		if strings.HasPrefix(r.gate, "rule `") && r.shown == "" && !strings.HasPrefix(r.gate, "rule `"+filter.RuleUninspected) {
			t.Errorf("%s: no sample shows it", clause)
		}
		for sample := range strings.SplitSeq(r.shown, ",") {
			sample = strings.TrimSpace(sample)
			if sample == "" {
				continue
			}
			if _, err := os.Stat(filepath.Join("testdata", sample+".want")); err != nil {
				t.Errorf("%s: no sample %s", clause, sample)
			}
		}
	}
}

// Every rule has its setting, and every setting its rule.
func TestDefaultsAndRulesAgree(t *testing.T) {
	d := rules.Defaults()
	n := 1 // uninspected
	for _, r := range rules.All(config(t)) {
		n++
		s, ok := d[r.Name]
		if !ok || s.Mode == "" || s.Outbound == filter.Unset || s.Inbound == filter.Unset {
			t.Errorf("%s: default %+v", r.Name, s)
		}
		if _, ok := filter.TextOf(filter.TextKey(r.Name)); !ok {
			t.Errorf("%s: has no text of its own", r.Name)
		}
	}
	if len(d) != n || d[filter.RuleUninspected].Mode != filter.Monitor {
		t.Errorf("%d settings for %d rules", len(d), n)
	}
}
