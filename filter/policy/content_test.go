package policy

import (
	"path/filepath"
	"strings"
	"testing"

	"congthu/filter"
)

func TestContentRule(t *testing.T) {
	settings := map[string]filter.Setting{contentName: {Mode: filter.Monitor, Outbound: filter.Hold, Inbound: filter.Tag}}
	for _, tc := range []struct{ rule, want string }{
		{"{dictionaries: [/a.yml, b.csv], from: 100, thresholds: [{direction: outbound, from: 50, disposition: refuse}, {direction: inbound, from: 50, disposition: hold}]}", ""},
		{"{from: 101}", "t.yml:1:25: rules.content.from: is out of bounds: write 1 to 100 points"},
		{"{from: 0}", "must be a whole number above 0"},
		{"{thresholds: [{direction: auto, from: 5, disposition: hold}]}", "rules.content.thresholds[0]: needs direction: outbound"},
		{"{thresholds: [{direction: inbound, disposition: hold}]}", "needs from: the points from which it holds, 1 to 100"},
		{"{thresholds: [{direction: inbound, from: 5}]}", "needs disposition: accept, tag, hold, defer or refuse"},
		{"{thresholds: [{direction: inbound, from: 5, disposition: hold}, {direction: inbound, from: 5, disposition: tag}]}", "rules.content.thresholds[1]: says the same direction and points as thresholds[0]"},
		{"{thresholds: [{direction: inbound, form: 5}]}", "unknown key, did you mean from?; the keys here are direction, from, disposition"},
		{"{dictionaries: ['']}", "is empty: write the path of a dictionary"},
		{"{limit: 5}", "is no key of this rule; its keys are mode, outbound, inbound, dictionaries, from, thresholds"},
	} {
		_, err := Parse("t.yml", []byte("rules: {content: "+tc.rule+"}\n"), settings)
		if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
			t.Errorf("%s: %v\nwant %s", tc.rule, err, tc.want)
		}
	}
}

// What the configuration shows reads back as the same policy.
func TestContentShown(t *testing.T) {
	settings := map[string]filter.Setting{contentName: {Mode: filter.Monitor, Outbound: filter.Hold, Inbound: filter.Tag}}
	c, err := Parse("t.yml", []byte("rules: {content: {dictionaries: [/a.yml], thresholds: [{direction: outbound, from: 50, disposition: refuse}]}}\n"), settings)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := c.Show(&b); err != nil {
		t.Fatal(err)
	}
	again, err := Parse("shown.yml", []byte(b.String()), settings)
	if err != nil {
		t.Fatalf("%v\n%s", err, b.String())
	}
	if again.Hash() != c.Hash() {
		t.Error("another hash")
	}
}

func TestBeside(t *testing.T) {
	c := &Config{dir: "/etc/congthu"}
	for path, want := range map[string]string{"a.yml": "/etc/congthu/a.yml", "d/a.yml": "/etc/congthu/d/a.yml", "/srv/a.yml": "/srv/a.yml"} {
		if got := c.Beside(path); got != filepath.FromSlash(want) {
			t.Errorf("%s: %s", path, got)
		}
	}
}
