package pack_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"congthu/rules/pack"
)

func TestBuiltInSecrecy(t *testing.T) {
	for _, name := range append(pack.SecrecyNames(), "") {
		p, err := pack.BuiltInSecrecy(name)
		if err != nil {
			t.Fatal(err)
		}
		if len(p.Levels) != 3 || p.Levels[0].Level != "TUYET_MAT" || len(p.Acts) == 0 || p.Date == "" {
			t.Errorf("%s: %+v", name, p.Levels)
		}
	}
	if _, err := pack.BuiltInSecrecy("secrecy-1066"); err == nil {
		t.Error("a pack that is not there")
	}
}

// A pack that is not understood whole is an error that names the file and the place.
func TestSecrecyPackIsStrict(t *testing.T) {
	const good = "kind: secrecy\nversion: v1\ndate: 2026-03-01\nacts: [{name: Luật, in_force: 2026-03-01}]\nlevels: [{level: MAT, name: mật, letter: C}]\n"
	read := func(text string) error {
		_, err := pack.ReadSecrecy(fstest.MapFS{"p.yml": {Data: []byte(text)}}, "p.yml")
		return err
	}
	if err := read(good); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ text, want string }{
		"unknown key":      {good + "colour: red\n", "p.yml:6:1"},
		"another kind":     {strings.Replace(good, "kind: secrecy", "kind: free-mail", 1), "kind"},
		"no version":       {strings.Replace(good, "v1", `""`, 1), "version"},
		"no date":          {strings.Replace(good, "date: 2026-03-01", "date: soon", 1), "date"},
		"no levels":        {strings.Split(good, "levels")[0], "levels"},
		"a wrong level":    {strings.Replace(good, "level: MAT", "level: HIGH", 1), "levels[0]"},
		"a small letter":   {strings.Replace(good, "letter: C", "letter: c", 1), "letter"},
		"capitals":         {good + "before: [BẢO]\n", "before[0]"},
		"not composed":     {good + "before: [ba\u0309o]\n", "before[0]"},
		"no word":          {good + "after: [\"12\"]\n", "after[0]"},
		"a long word":      {good + "after: [" + strings.Repeat("a", 101) + "]\n", "after[0]"},
		"too many words":   {good + "after: [" + strings.Repeat("a, ", 2000) + "a]\n", "after"},
		"a stamp's score":  {good + "stamps: [{text: giải mật, score: 2, alone: 0.5}]\n", "stamps[0]"},
		"a stamp alone":    {good + "stamps: [{text: giải mật, score: 0.5, alone: 0.8}]\n", "stamps[0]"},
		"a banner":         {good + "foreign: [{text: SECRET}]\n", "foreign[0]"},
		"a label's level":  {good + "label_levels: [{name: secret, level: top}]\n", "label_levels[0]"},
		"two documents":    {good + "---\n" + good, "more than one"},
		"an act's date":    {strings.Replace(good, "in_force: 2026-03-01", "in_force: 1/3/2026", 1), "in_force"},
		"a file too large": {good + "#" + strings.Repeat("x", 4<<20), "longer"},
	} {
		if err := read(c.text); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "p.yml") {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}
