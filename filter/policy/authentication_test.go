package policy_test

import (
	"strings"
	"testing"
	"time"

	"congthu/filter/policy"
)

func TestAuthentication(t *testing.T) {
	tests := []struct{ yaml, want, problem string }{
		{"", "", ""},
		{"authentication: {resolvers: [system]}", "system", ""},
		{`authentication: {resolvers: [127.0.0.1, "[::1]:5353", "::1", "10.0.0.1:54"]}`, "127.0.0.1:53 [::1]:5353 [::1]:53 10.0.0.1:54", ""},
		{"authentication: {resolvers: [system, 127.0.0.1]}", "", "stands alone"},
		{"authentication: {resolvers: [dns.example]}", "", "is no DNS server"},
		{`authentication: {resolvers: ["127.0.0.1:0"]}`, "", "is no DNS server"},
		{"authentication: {resolvers: [system], trusted_sealers: [Lists.example]}", "system", ""},
		{"authentication: {trusted_sealers: [a b]}", "", "trusted_sealers"},
		{"authentication: {timeout: 2m}", "", "from 1s to limits.deadline"},
		{"authentication: {timeout: 10ms}", "", "from 1s to limits.deadline"},
	}
	for _, test := range tests {
		c, err := policy.Parse("a.yml", []byte(test.yaml), settings())
		if test.problem != "" {
			if err == nil || !strings.Contains(err.Error(), test.problem) {
				t.Errorf("%s: %v, want %q", test.yaml, err, test.problem)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", test.yaml, err)
			continue
		}
		var got []string
		for _, n := range c.Authentication.Resolvers {
			got = append(got, string(n))
		}
		if s := strings.Join(got, " "); s != test.want {
			t.Errorf("%s: %q, want %q", test.yaml, s, test.want)
		}
		if n := len(c.Authentication.NameServers()); n != len(got)-strings.Count(test.want, "system") {
			t.Errorf("%s: %d addresses", test.yaml, n)
		}
		if c.Authentication.Timeout != policy.Duration(20*time.Second) {
			t.Errorf("%s: timeout %v", test.yaml, c.Authentication.Timeout)
		}
	}
}
