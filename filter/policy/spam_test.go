package policy

import (
	"strings"
	"testing"

	"congthu/filter"
)

func TestSpamRule(t *testing.T) {
	settings := map[string]filter.Setting{spamName: {Mode: filter.Off, Outbound: filter.Tag, Inbound: filter.Tag}}
	for _, tc := range []struct{ rule, want string }{
		{"{mode: enforce, address: 'unix:/run/rspamd/normal.sock', password: 'file:/etc/congthu/rspamd', timeout: 5s, concurrent: 8, actions_inbound: {reject: hold, greylist: defer}}", ""},
		{"{address: 'https://rspamd.monre.gov.vn:11333/'}", ""},
		{"{address: '127.0.0.1:11333'}", "is no address of an rspamd"},
		{"{address: 'http://a:b@127.0.0.1:11333'}", "is no address of an rspamd"},
		{"{address: 'http://127.0.0.1:11333/checkv2'}", "is no address of an rspamd"},
		{"{password: abc}", "rules.spam.password: is no place of a secret"},
		{"{timeout: 2m}", "rules.spam.timeout: 2m0s is out of bounds: write 1s to 1m"},
		{"{concurrent: 1001}", "is out of bounds"},
		{"{actions_inbound: {rejct: hold}}", "unknown key, did you mean reject?; the keys here are add header, discard, greylist, no action, quarantine, reject, rewrite subject, soft reject"},
		{"{actions_outbound: {reject: kill}}", "is no disposition"},
		{"{inbound: tag}", "is no key of this rule; its keys are mode, address"},
	} {
		c, err := Parse("t.yml", []byte("rules: {spam: "+tc.rule+"}\n"), settings)
		if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
			t.Errorf("%s: %v\nwant %s", tc.rule, err, tc.want)
		}
		if err != nil {
			continue
		}
		var b strings.Builder
		if err := c.Show(&b); err != nil {
			t.Fatal(err)
		}
		again, err := Parse("shown.yml", []byte(b.String()), settings)
		if err != nil || again.Hash() != c.Hash() {
			t.Errorf("what is shown reads back otherwise: %v\n%s", err, b.String())
		}
	}
}
