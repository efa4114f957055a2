package main

import (
	"strings"
	"testing"
)

const set = `{"id": "1", "label": "marked", "level": "MAT", "where": "subject", "text": "[MẬT] Họp", "note": "family=tag"}
{"id": "2", "label": "marked", "level": "TOI_MAT", "where": "body", "text": "MËT\nKÝnh göi: Vô Tæ chøc c¸n bé", "note": "family=encoding; TCVN3 bytes shown as Latin-1"}

{"id": "3", "label": "marked", "level": "MAT", "where": "attachment", "text": "nothing to be found", "note": "family=none"}
{"id": "4", "label": "clean", "level": null, "where": "filename", "text": "mat khau.txt", "note": "family=password"}
{"id": "5", "label": "clean", "level": null, "where": "body", "text": "thư\nMẬT\nthư", "note": "family=wrong label; a false hit"}
`

// The figures, the table and the misses of a set in which one of each kind is wrong.
func TestEvaluate(t *testing.T) {
	items, err := Read(strings.NewReader(set))
	if err != nil {
		t.Fatal(err)
	}
	r, err := Evaluate(items)
	if err != nil {
		t.Fatal(err)
	}
	if r.Found != 2 || r.Missed != 1 || r.False != 1 || r.FalseHigh != 1 || r.Right != 1 {
		t.Errorf("%+v", r)
	}
	var out strings.Builder
	if err := r.print(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"recall 0.667 (2 of 3), precision 0.667 (1 false, 1 of them refused), level 0.500 (1 of 2)", "\nencoding  ",
		"missed 3 want MAT, got none", "false  5 want none, got MAT 0.90 own-cell", "level  2 want TOI_MAT, got MAT"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
	for least, want := range map[string]bool{"0.6,0.6,0.5": true, "0.7,0,0": false, "0,0.7,0": false, "0,0,0.6": false} {
		if ok, err := enough(r, least); ok != want || err != nil {
			t.Errorf("-least %s: %v, %v", least, ok, err)
		}
	}
	for _, least := range []string{"1", "a,b,c"} {
		if _, err := enough(r, least); err == nil {
			t.Errorf("-least %s: no error", least)
		}
	}
}

func TestReadRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"nothing": "", "no JSON": "x", "no label": `{"where": "body"}`, "no place": `{"label": "clean", "where": "soul"}`,
		"too long": `{"label": "clean", "where": "body", "text": "` + strings.Repeat("x", maxItem) + `"}`,
	} {
		if _, err := Read(strings.NewReader(text)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
