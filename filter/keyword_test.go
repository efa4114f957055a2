package filter_test

import (
	"testing"

	"congthu/filter"
)

func TestKeyword(t *testing.T) {
	for value, want := range map[string]string{
		"auto-replied": "auto-replied", " No ": "no", "(x) auto-replied; y=z": "auto-replied", "a(b)c": "a", "((a) b) List": "list",
		";bulk": "bulk", "(never closed bulk": "", ") bulk": ")", "": "", "  ": "",
	} {
		if got := filter.Keyword(value); got != want {
			t.Errorf("%q: %q, want %q", value, got, want)
		}
	}
}
