package console

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"congthu/store"
)

// TestAccess holds who may do what, as the manual says it.
func TestAccess(t *testing.T) {
	yes := map[store.Role]string{
		store.Administrator: "account sent messages held policy policy-try exceptions statistics evidence system people",
		store.Reviewer:      "account sent messages held held-decide judge policy policy-try exceptions exception-edit statistics evidence system",
		store.Auditor:       "account sent messages held policy exceptions statistics evidence system",
		store.Sender:        "account sent",
		"":                  "",
		"somebody":          "",
	}
	all := []act{ownAccount, ownSent, readMessages, readHeld, decideHeld, judgeFindings, readPolicy, tryPolicy, readException, editException, readNumbers, readEvidence, readSystem, managePeople}
	for role, list := range yes {
		for _, a := range all {
			want := strings.Contains(" "+list+" ", " "+string(a)+" ")
			if got := may(role, a); got != want {
				t.Errorf("may(%q, %q) = %v, want %v", role, a, got, want)
			}
		}
	}
}

// TestEveryFormNeedsARight tells forms from pages: what changes something is never open to those who only read.
func TestEveryFormNeedsARight(t *testing.T) {
	c := &Console{}
	// Verifying and exporting the evidence change nothing.
	reads := map[act]bool{readMessages: true, readHeld: true, readPolicy: true, readException: true, readNumbers: true, readSystem: true}
	for _, r := range c.routes() {
		if r.method != "GET" && reads[r.act] {
			t.Errorf("%s %s changes something and asks only for the right to read (%s)", r.method, r.pattern, r.act)
		}
		if r.method != "GET" && r.method != "POST" {
			t.Errorf("%s %s: only GET and POST are guarded against forged forms", r.method, r.pattern)
		}
	}
}

// TestTexts holds the catalogue to what the code and the templates say.
func TestTexts(t *testing.T) {
	c, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	for key, e := range c.texts {
		for i := 1; i < 5; i++ {
			slot := fmt.Sprintf("{%d}", i)
			if strings.Contains(e.VI, slot) != strings.Contains(e.EN, slot) {
				t.Errorf("%s: only one language says %s", key, slot)
			}
		}
	}
	// Keys that templates and code name are in the catalogue.
	said := regexp.MustCompile(`(?:\(|\{|\s)t "([a-z.-]+)"|(?:errForm\{|again\(|Title: |Problem: |Notice: |done\(w, r, [^,]+, )"([a-z.-]+)"`)
	var files []string
	for _, pattern := range []string{"templates/*.html", "*.go"} {
		some, err := filepath.Glob(pattern)
		if err != nil || len(some) == 0 {
			t.Fatal(pattern, err)
		}
		files = append(files, some...)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range said.FindAllStringSubmatch(string(b), -1) {
			key := m[1] + m[2]
			if _, ok := c.texts[key]; !ok {
				t.Errorf("%s says %q, which is not in the catalogue", file, key)
			}
		}
	}
}
