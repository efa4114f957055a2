package policy

import (
	"strings"
	"testing"

	"congthu/filter"
)

func TestRateRule(t *testing.T) {
	settings := map[string]filter.Setting{rateName: {Mode: filter.Monitor, Outbound: filter.Defer, Inbound: filter.Accept}}
	for _, tc := range []struct{ rule, want string }{
		{"{mode: enforce, messages: 100, recipients: 2000, exempt: [bantin, BanTin@monre.gov.vn]}", ""},
		{"{inbound: accept}", ""},
		{"{inbound: defer}", "rules.rate.inbound: this rule counts mail of yours only: leave inbound out, or write accept"},
		{"{messages: 0}", "must be a whole number above 0"},
		{"{recipients: 1000001}", "rules.rate.recipients: is out of bounds: write 1 to 1000000 an hour"},
		{"{exempt: ['@monre.gov.vn']}", "rules.rate.exempt[0]: \"@monre.gov.vn\" is no mailbox"},
		{"{exempt: [ban tin]}", "is no mailbox"},
		{"{exempt: [a@b@c.vn]}", "is no mailbox"},
		{"{limit: 5}", "is no key of this rule; its keys are mode, outbound, inbound, messages, recipients, exempt"},
	} {
		c, err := Parse("t.yml", []byte("rules: {rate: "+tc.rule+"}\n"), settings)
		if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
			t.Errorf("%s: %v\nwant %s", tc.rule, err, tc.want)
		}
		if err == nil && tc.rule == "{inbound: accept}" && (c.Rules[rateName].Messages != 300 || c.Rules[rateName].Recipients != 1000) {
			t.Errorf("defaults %+v", c.Rules[rateName])
		}
	}
}
