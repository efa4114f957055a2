package policy

import (
	"strings"
	"testing"

	"congthu/filter"
)

// Whoever tries a message with an edited configuration makes the gate read no other file and ask no other server.
func TestTryingReadsNothingElse(t *testing.T) {
	settings := map[string]filter.Setting{spamName: {Mode: filter.Off, Outbound: filter.Tag, Inbound: filter.Tag},
		contentName: {Mode: filter.Monitor, Outbound: filter.Hold, Inbound: filter.Tag}}
	read := func(rules string) *Config {
		c, err := Parse("t.yml", []byte("rules: {"+rules+"}\n"), settings)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	inForce := read("content: {dictionaries: [a.yml]}, spam: {mode: enforce, address: 'http://127.0.0.1:11334', password: 'file:/etc/a'}")
	for rules, want := range map[string]string{
		"content: {mode: enforce, dictionaries: [a.yml]}, spam: {mode: monitor, address: 'http://127.0.0.1:11334', password: 'file:/etc/a'}": "",
		"content: {mode: enforce}":                                                               "",
		"content: {dictionaries: [a.yml, /etc/congthu/b.yml]}":                                   "rules.content.dictionaries[1]: is another file",
		"spam: {mode: enforce, address: 'http://198.51.100.1'}":                                  "rules.spam.address: is another rspamd",
		"spam: {mode: enforce, address: 'http://127.0.0.1:11334', password: 'file:/etc/shadow'}": "rules.spam.password: is for the rspamd in force",
		"spam: {mode: enforce, password: 'file:/etc/a'}":                                         "rules.spam.password: is for the rspamd in force",
	} {
		_, err := inForce.Judging(read(rules))
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v\nwant %s", rules, err, want)
		}
	}
}
