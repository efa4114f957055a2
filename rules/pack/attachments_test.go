package pack

import (
	"os"
	"strings"
	"testing"
	"testing/fstest"
)

func TestBuiltInAttachments(t *testing.T) {
	p, err := BuiltInAttachments()
	if err != nil {
		t.Fatal(err)
	}
	if p.Version == "" || len(p.Kinds) != len(AttachmentKinds()) || len(p.Clauses) != 2 {
		t.Errorf("version %q, %d kinds, clauses %v", p.Version, len(p.Kinds), p.Clauses)
	}
}

// Every mistake is an error that says where.
func TestBadAttachments(t *testing.T) {
	good, err := os.ReadFile("attachments-2026.yml")
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ name, old, new, says string }{
		{"another kind of pack", "kind: attachment-type", "kind: free-mail", "kind is"},
		{"no version", `version: "2026.1"`, `version: ""`, "version is missing"},
		{"a date", "date: 2026-11-24", "date: 24/11/2026", "year-month-day"},
		{"an unknown key", "documents:", "dokuments:", "a.yml:"},
		{"a kind too few", "kind: settings", "kind: setting", "kinds are"},
		{"an ask", "ask: tag", "ask: hold", "not refuse or tag"},
		{"a capital letter", "[dqy, iqy", "[Dqy, iqy", "no extension"},
		{"a dot", "[dqy, iqy", "[.dqy, iqy", "no extension"},
		{"twice in a list", "[dqy, iqy", "[dqy, dqy", "stands twice"},
		{"of two kinds", "[dqy, iqy", "[exe, iqy", "of kind executable already"},
		{"a document of a kind", "documents: [bmp,", "documents: [exe,", "is of kind executable"},
		{"no media type", "types: [application/x-erdas-hfa]", "types: [erdas]", "no media type"},
		{"a prefix among types", "types: [application/x-ms-shortcut]", "types: [application/]", "no media type"},
		{"an empty list", "extensions: [chm, hlp, its]", "extensions: []", "0 entries"},
		{"two documents", "# The kinds.", "---\nkind: x\n---", "a.yml"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			bad := strings.Replace(string(good), tc.old, tc.new, 1)
			if bad == string(good) {
				t.Fatalf("%q is not in the pack", tc.old)
			}
			_, err := ReadAttachments(fstest.MapFS{"a.yml": {Data: []byte(bad)}}, "a.yml")
			if err == nil || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("error %v, wanted %q", err, tc.says)
			}
		})
	}
}

func FuzzReadAttachments(f *testing.F) {
	good, err := os.ReadFile("attachments-2026.yml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte("kind: attachment-type\nkinds: [{kind: executable}]\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := ReadAttachments(fstest.MapFS{"a.yml": {Data: data}}, "a.yml")
		if err == nil && (p.Version == "" || len(p.Kinds) == 0) {
			t.Errorf("taken without %+v", p)
		}
	})
}
