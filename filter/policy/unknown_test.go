package policy

import (
	"strings"
	"testing"

	"congthu/filter"
)

// An unknown key is answered with the keys of its very place, and with the one that was probably meant.
func TestUnknownKeys(t *testing.T) {
	settings := map[string]filter.Setting{
		rateName:    {Mode: filter.Monitor, Outbound: filter.Defer, Inbound: filter.Accept},
		spamName:    {Mode: filter.Off},
		"subject":   {Mode: filter.Enforce, Outbound: filter.Refuse, Inbound: filter.Tag},
		"free-mail": {Mode: filter.Enforce, Outbound: filter.Refuse},
	}
	for _, tc := range []struct{ yaml, want string }{
		{"rules: {rate: {mesages: 5}}", "t.yml:1:16: rules.rate.mesages: unknown key, did you mean messages?; the keys here are mode, outbound, inbound, messages, recipients, exempt\n"},
		{"rules: {rate: {limit: 5}}", "rules.rate.limit: is no key of this rule; its keys are mode, outbound, inbound, messages, recipients, exempt\n"},
		{"rules: {subject: {mdoe: off}}", "unknown key, did you mean mode?; the keys here are mode, outbound, inbound\n"},
		{"rules: {spam: {colour: red}}", "rules.spam.colour: unknown key; the keys here are mode, address, "},
		{"rules: {'custom:big': {wehn: 'size > 1'}}", "rules.custom:big.wehn: unknown key, did you mean when?; the keys here are mode, outbound, inbound, "},
		{"rules: {free_mail: {mode: off}}", "rules.free_mail: unknown key, did you mean free-mail?; the keys here are free-mail, "},
		{"rules: {sbuject: {mode: off}}", "unknown key, did you mean subject?"},
		{"organisation: {domain: [a.vn]}", "organisation.domain: unknown key, did you mean domains?; the keys here are domains, "},
		{"Organisation: {domains: [a.vn]}", "unknown key, did you mean organisation?"},
		{"milter: [{lissten: 'tcp:127.0.0.1:1'}]", "milter[0].lissten: unknown key, did you mean listen?"},
		{"xyzzy: 1", "xyzzy: unknown key; the keys here are "},
		{strings.Repeat("x", 100_000) + ": 1", "unknown key; the keys here are "},
	} {
		_, err := Parse("t.yml", []byte(tc.yaml+"\n"), settings)
		if err == nil || !strings.Contains(err.Error()+"\n", tc.want) {
			t.Errorf("%.60s: %.300v\nwant %s", tc.yaml, err, tc.want)
		}
	}
}

func TestNearest(t *testing.T) {
	right := []string{"mode", "ca", "messages", "trusted_networks", "next_hop_tls"}
	for key, want := range map[string]string{
		"":                              "",
		"mdoe":                          "mode",
		"modes":                         "mode",
		"node":                          "mode",
		"moody":                         "", // two letters of five
		"xx":                            "",
		"MESSAGES":                      "messages",
		"mesage":                        "messages",
		"trusted-networks":              "trusted_networks",
		"next-hop-tsl":                  "next_hop_tls",
		strings.Repeat("m", maxKey+1):   "",
		"messages" + "\x00\xff" + "abc": "",
	} {
		if got := nearest(key, right); got != want {
			t.Errorf("nearest(%q) = %q, want %q", key, got, want)
		}
	}
}
