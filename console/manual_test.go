package console_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"congthu/console"
	"congthu/store"
)

// TestManualOfRoles holds the table of roles in docs/console.md to what access.go says.
func TestManualOfRoles(t *testing.T) {
	manual, err := os.ReadFile("../docs/console.md")
	if err != nil {
		t.Fatal(err)
	}
	code, err := os.ReadFile("access.go")
	if err != nil {
		t.Fatal(err)
	}
	var left []string
	for _, m := range regexp.MustCompile(`(?m)^\t\w+ +act = "([a-z-]+)"`).FindAllStringSubmatch(string(code), -1) {
		left = append(left, m[1])
	}
	for _, m := range regexp.MustCompile("(?m)^\\|[^|]+\\| `([a-z-]+)` \\|([^|]*)\\|([^|]*)\\|([^|]*)\\|([^|]*)\\|$").FindAllStringSubmatch(string(manual), -1) {
		i := slices.Index(left, m[1])
		if i < 0 {
			t.Errorf("the manual has %s, which is no right, or has it twice", m[1])
			continue
		}
		left = slices.Delete(left, i, i+1)
		for n, role := range []store.Role{store.Administrator, store.Reviewer, store.Auditor, store.Sender} {
			if says := strings.TrimSpace(m[2+n]) == "yes"; says != console.May(role, m[1]) {
				t.Errorf("%s of %s: the manual says %v", m[1], role, says)
			}
		}
	}
	if len(left) > 0 {
		t.Errorf("rights that the manual does not have: %v", left)
	}
}

// TestManualOfTheAPI holds the addresses in docs/console.md to those that there are, and its pictures to small files.
func TestManualOfTheAPI(t *testing.T) {
	manual, err := os.ReadFile("../docs/console.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addresses(t) {
		if strings.HasPrefix(a[1], "/api/") && !strings.Contains(string(manual), a[1]) {
			t.Errorf("the manual does not have %s", a[1])
		}
	}
	for _, m := range regexp.MustCompile(`!\[[^\]]+\]\(([^)]+)\)`).FindAllStringSubmatch(string(manual), -1) {
		if _, err := os.Stat("../docs/" + m[1]); err != nil {
			t.Errorf("picture: %v", err)
		}
	}
	files, err := filepath.Glob("../docs/screenshots/*")
	if err != nil {
		t.Fatal(err)
	}
	var sum int64
	for _, f := range files {
		info, err := os.Stat(f)
		if err != nil {
			t.Fatal(err)
		}
		sum += info.Size()
	}
	if sum > 1<<20 {
		t.Errorf("the screenshots have %d octets, more than 1 MiB", sum)
	}
}
