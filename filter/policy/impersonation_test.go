package policy

import (
	"strings"
	"testing"

	"congthu/filter"
)

func TestImpersonation(t *testing.T) {
	settings := map[string]filter.Setting{impersonationName: {Mode: filter.Monitor, Outbound: filter.Accept, Inbound: filter.Tag}}
	read := func(rule string) (*Config, error) {
		return Parse("t.yml", []byte("rules: {impersonation: "+rule+"}\n"), settings)
	}
	for _, tc := range []struct{ rule, want string }{
		{"{mode: enforce, officials: a.csv, names: [MONRE], exempt: [van.hung@firm.vn, firm.vn]}", ""},
		{"{outbound: tag}", "rules.impersonation.outbound: this rule looks at mail from outside only"},
		{"{exempt: ['@firm.vn']}", "rules.impersonation.exempt[0]: \"@firm.vn\" is no mailbox or domain"},
		{"{exempt: [firm.vn, 'a b@firm.vn']}", "rules.impersonation.exempt[1]: "},
		{"{exempt: ['a@']}", "is no mailbox or domain"},
		{"{names: [' ']}", "rules.impersonation.names[0]: is empty"},
		{"{add: [firm.vn]}", "is no key of this rule; its keys are mode, outbound, inbound, officials, names, exempt"},
	} {
		_, err := read(tc.rule)
		if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
			t.Errorf("%s: %v\nwant %s", tc.rule, err, tc.want)
		}
	}
	inForce, err := read("{officials: a.csv}")
	if err != nil {
		t.Fatal(err)
	}
	for rule, want := range map[string]string{"{officials: a.csv, mode: enforce}": "", "{mode: off}": "",
		"{officials: /etc/passwd}": "rules.impersonation.officials: is another file than the one in force"} {
		edited, err := read(rule)
		if err != nil {
			t.Fatal(err)
		}
		if _, err = inForce.Judging(edited); want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v\nwant %s", rule, err, want)
		}
	}
}
