package policy_test

import (
	"testing"

	"congthu/filter/policy"
)

// Notices have a link to where senders confirm only when people can find it.
func TestConfirmURL(t *testing.T) {
	const begin = "organisation: {domains: [monre.gov.vn]}\nmilter: [{listen: \"tcp:127.0.0.1:8890\"}]\n"
	for text, want := range map[string]string{
		"": "",
		"console: {url: \"https://congthu.monre.gov.vn/\"}\n":                           "https://congthu.monre.gov.vn",
		"console: {url: \"https://congthu.monre.gov.vn\"}\nnotices: {confirm: false}\n": "",
		"console: {url: \"https://congthu.monre.gov.vn\", listen: none}\n":              "",
		"console: {url: \"https://congthu.monre.gov.vn\"}\nadmin: {listen: \"\"}\n":     "",
		"console: {url: \"https://congthu.monre.gov.vn\"}\nstore: {dsn: none}\n":        "",
		"console: {listen: \"127.0.0.1:8026\", url: \"http://127.0.0.1:8026/gate\"}\n":  "http://127.0.0.1:8026/gate",
	} {
		c, err := policy.Parse("a.yml", []byte(begin+text), settings())
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if got := c.ConfirmURL(); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}
