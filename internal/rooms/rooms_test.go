// Package rooms holds the import directions: which folder may know which.
package rooms

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// allowed lists, for each folder of the product, the folders of the product that it may import.
// Test packages and internal/ are free.
func allowed() map[string][]string {
	return map[string][]string{
		"filter/message":       {},
		"filter":               {"filter/message"},
		"filter/policy":        {"filter", "filter/message"},
		"filter/evidence":      {"filter", "filter/message"},
		"filter/extract":       {"filter/message"},
		"filter/milter":        {"filter", "filter/message"},
		"filter/relay":         {"filter", "filter/message"},
		"rules":                {"filter", "filter/message", "filter/extract", "rules/pack", "rules/attachmenttype", "rules/custom", "rules/marking", "rules/virus", "rules/content", "rules/impersonation", "rules/rate", "signing", "signing/mailauth"},
		"rules/attachmenttype": {"rules/pack"},
		"rules/custom":         {"filter", "filter/message"},
		"rules/marking":        {"rules/pack"},
		"rules/content":        {"rules/marking"},
		"rules/impersonation":  {"filter"},
		"rules/rate":           {},
		"rules/pack":           {"filter"},
		"signing":              {},
		"signing/mailauth":     {},
		"rules/virus":          {},
		"store":                {"filter", "filter/message", "filter/evidence", "store/notice"},
		"store/notice":         {"filter"},
		"store/review":         {"filter", "filter/message", "filter/evidence", "store"},
		"console":              {"filter", "filter/message", "filter/evidence", "store", "store/review"},
	}
}

func TestImportDirections(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "congthu/...").CombinedOutput()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, out)
	}
	seen := map[string]bool{}
	for line := range strings.Lines(string(out)) {
		words := strings.Fields(line)
		pkg := strings.TrimPrefix(words[0], "congthu/")
		may, ok := allowed()[pkg]
		seen[pkg] = true
		free := strings.HasPrefix(pkg, "cmd/") || strings.HasPrefix(pkg, "internal/") || strings.HasPrefix(pkg, "deploy") || strings.HasPrefix(pkg, "bench")
		if !ok && !free {
			t.Errorf("%s is in no room: add it to this list, and to the table in CONTRIBUTING.md", pkg)
		}
		for _, imported := range words[1:] {
			ours, isOurs := strings.CutPrefix(imported, "congthu/")
			if isOurs && strings.HasPrefix(ours, "cmd/") {
				t.Errorf("%s imports %s: nothing imports cmd", pkg, ours)
			}
			if isOurs && !free && !slices.Contains(may, ours) {
				t.Errorf("%s imports %s: it may import only %v", pkg, ours, may)
			}
		}
	}
	for pkg := range allowed() {
		if !seen[pkg] {
			t.Errorf("%s is in the list but not in the tree", pkg)
		}
	}
}
