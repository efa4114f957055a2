package policy

import (
	"net/url"
	"strings"
	"time"

	"congthu/filter"
)

const spamName = "spam"

func spamKeys() []string {
	return []string{"address", "password", "timeout", "concurrent", "actions_outbound", "actions_inbound"}
}

// spamDefaults fills the keys of the spam rule: what Debian's rspamd listens on, and a tag for what it thinks is spam.
func spamDefaults(r *Rule) {
	r.Address, r.Timeout, r.Concurrent = "http://127.0.0.1:11333", Duration(10*time.Second), 16
	actions := func() map[string]Disposition {
		out := map[string]Disposition{}
		for _, a := range []string{"reject", "quarantine", "discard", "rewrite subject", "add header"} {
			out[a] = Disposition(filter.Tag)
		}
		for _, a := range []string{"soft reject", "greylist", "no action"} { // for a server that can wait
			out[a] = Disposition(filter.Accept)
		}
		return out
	}
	r.ActionsOutbound, r.ActionsInbound = actions(), actions()
}

// checkSpam finds what is wrong with the spam rule.
func (c *Config) checkSpam(bad func(path, format string, args ...any)) {
	const path = "rules." + spamName
	r, ok := c.Rules[spamName]
	if !ok {
		return
	}
	if !strings.HasPrefix(r.Address, "unix:/") {
		if u, err := url.Parse(r.Address); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.User != nil {
			bad(path+".address", "%q is no address of an rspamd: write http://127.0.0.1:11333 or unix:/run/rspamd/normal.sock", r.Address)
		}
	}
	if r.Password != "" && !strings.HasPrefix(r.Password, "file:/") {
		bad(path+".password", "is no place of a secret: write file:/path, and the password into that file")
	}
	if r.Timeout < Duration(time.Second) || r.Timeout > Duration(time.Minute) {
		bad(path+".timeout", "%s is out of bounds: write 1s to 1m", shown(r.Timeout))
	}
	if r.Concurrent > 1000 {
		bad(path+".concurrent", "is out of bounds: write 1 to 1000")
	}
}
