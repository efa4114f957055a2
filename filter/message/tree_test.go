package message

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the .want files anew")

// TestTree reads testdata/read/*.eml, written with LF, as CRLF messages and compares the trees.
// Names below 20 are ordinary mail: nothing in them may be ambiguous.
func TestTree(t *testing.T) {
	files, err := filepath.Glob("testdata/read/*.eml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no samples: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".eml"), func(t *testing.T) {
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			m := read(t, crlf(string(raw)))
			checkTree(t, m)
			got := outline(t, m)
			wantFile := strings.TrimSuffix(file, ".eml") + ".want"
			if *update {
				if err := os.WriteFile(wantFile, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(wantFile)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("tree (-want +got):\n%s", diff)
			}
			if filepath.Base(file) < "20" {
				ordinary(t, m)
				lf := read(t, string(raw))
				ordinary(t, lf)
				if diff := cmp.Diff(got, strings.ReplaceAll(outline(t, lf), `\n`, `\r\n`)); diff != "" {
					t.Errorf("the same with LF (-crlf +lf):\n%s", diff)
				}
			}
		})
	}
}

func ordinary(t *testing.T, m *Message) {
	t.Helper()
	all, err := m.Measured()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range all {
		if a.Kind.Ambiguous() {
			t.Errorf("ordinary mail is called ambiguous: [%s] %s", a.Part, a.Kind)
		}
	}
	if len(m.NotInspected) > 0 {
		t.Errorf("not inspected: %v", m.NotInspected)
	}
}

// checkTree holds what is true of every tree.
func checkTree(t testing.TB, m *Message) {
	t.Helper()
	parts := 0
	for p := range m.Parts() {
		parts++
		if p.Header == nil || p.MediaType == "" || p.Encoding == "" || p.source == nil {
			t.Fatalf("part %q is incomplete", p.ID)
		}
		whole := Range{0, p.source.size}
		if p.Parent != nil && p.Parent.source == p.source {
			whole = p.Parent.Body
		}
		if !inside(p.Whole, whole) || !inside(p.Body, p.Whole) {
			t.Fatalf("part %q: body %v, whole %v, around it %v", p.ID, p.Body, p.Whole, whole)
		}
		last := int64(-1)
		for _, c := range p.Children {
			if c.Parent == nil || c.Whole.Start < last {
				t.Fatalf("part %q: children out of order", p.ID)
			}
			last = c.Whole.End
		}
		at := int64(-1)
		for _, f := range p.Header.Fields {
			if f.Range.Start < at || int64(len(f.Raw)) != f.Range.Len() {
				t.Fatalf("part %q: field %q at %v", p.ID, f.Name, f.Range)
			}
			at = f.Range.End
		}
	}
	// A part that is over the limit stands for the rest; each multipart may have one.
	if limit := DefaultLimits().Parts + DefaultLimits().Depth; parts > limit {
		t.Fatalf("%d parts, more than %d", parts, limit)
	}
}

func inside(r, around Range) bool {
	return around.Start <= r.Start && r.Start <= r.End && r.End <= around.End
}
