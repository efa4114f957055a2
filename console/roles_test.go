package console_test

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"text/tabwriter"

	"congthu/store"
)

// addresses are those of the table in routes.go, with the right that each asks for as it stands there.
func addresses(t *testing.T) (all [][3]string) {
	t.Helper()
	text, err := os.ReadFile("routes.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`\{"(GET|POST)", "([^"]+)", (\w+),`).FindAllStringSubmatch(strings.ReplaceAll(string(text), "livePath", `"/live"`), -1) {
		all = append(all, [3]string(m[1:]))
	}
	if len(all) < 30 {
		t.Fatalf("only %d addresses found in routes.go", len(all))
	}
	return all
}

// TestEveryAddressAsEveryRole prints who gets what, and holds it to the rights.
func TestEveryAddressAsEveryRole(t *testing.T) {
	b := newBench(t)
	ids := b.fill(10, func(int) string { return "w" })
	people := map[string]*browser{"nobody": b.browser(), "administrator": b.as(store.Administrator), "officer": b.as(store.Reviewer), "auditor": b.as(store.Auditor), "sender": b.as(store.Sender)}
	roles := []string{"nobody", "administrator", "officer", "auditor", "sender"}
	rights := map[string]string{ // who may, by the right
		"anybody": "nobody administrator officer auditor sender", "ownAccount": "administrator officer auditor sender", "ownSent": "administrator officer auditor sender", "readMessages": "administrator officer auditor",
		"readHeld": "administrator officer auditor", "readPolicy": "administrator officer auditor", "readException": "administrator officer auditor",
		"readNumbers": "administrator officer auditor", "readEvidence": "administrator officer auditor", "readSystem": "administrator officer auditor",
		"decideHeld": "officer", "judgeFindings": "officer", "editException": "officer", "tryPolicy": "administrator officer", "managePeople": "administrator"}
	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "\t"+strings.Join(roles, "\t"))
	for _, a := range addresses(t) {
		method, path, right := a[0], a[1], a[2]
		if path == "/signout" {
			continue // ends what the others need
		}
		may, known := rights[right]
		if !known {
			t.Errorf("%s %s asks for %s, of which this test does not know who has it", method, path, right)
		}
		real := strings.NewReplacer("{id}", ids[0], "{name}", "nobody", "{$}", "").Replace(path)
		var row []string
		for _, role := range roles {
			got := 0
			if path == "/live" { // never ends
				got = people[role].begins(real)
			} else {
				got = people[role].do(method, real, form(method, people[role].csrf)).status
			}
			row = append(row, fmt.Sprint(got))
			allowed := strings.Contains(" "+may+" ", " "+role+" ")
			turned := got == http.StatusForbidden || path == "/{$}" && role == "sender" && got == http.StatusSeeOther || got == http.StatusUnauthorized && right != "anybody" || got == http.StatusSeeOther && role == "nobody" && right != "anybody"
			if allowed == turned || got >= http.StatusInternalServerError {
				t.Errorf("%s %s as %s: %d, allowed %v", method, path, role, got, allowed)
			}
		}
		fmt.Fprintf(w, "%s %s\t%s\n", method, path, strings.Join(row, "\t"))
	}
	w.Flush()
	t.Logf("what each role is answered:\n%s", table.String())
}

func form(method, csrf string) url.Values {
	if method == http.MethodGet {
		return nil
	}
	return url.Values{"csrf": {csrf}}
}
