package mailauth

import (
	"net/url"
	"strings"
)

// Request is what a domain's owner asks for mail that fails DMARC: "none", "quarantine" or "reject".
type Request string

// The requests.
const (
	RequestNone       Request = "none"
	RequestQuarantine Request = "quarantine"
	RequestReject     Request = "reject"
)

// policyRecord is a DMARC Policy Record (RFC 9989 section 4.7). pct, rf and ri are gone and mean nothing; of rua only
// matters whether there is an address.
type policyRecord struct {
	policy, sub, absent     Request // p, sp, np; sp and np are "" when the tag is not there
	strictDKIM, strictSPF   bool
	publicSuffix, ownDomain bool // psd=y, psd=n
	testing                 bool // t=y
	// invalid: p, sp or np is none of the requests, and no address for reports shows that DMARC is meant at all.
	invalid bool
}

// findRecord is the policy record among a name's texts. Several are none (RFC 9989 section 4.10 step 2).
func findRecord(texts []string) (policyRecord, bool) {
	var out policyRecord
	n := 0
	for _, t := range texts {
		if r, ok := parseRecord(t); ok {
			out = r
			n++
		}
	}
	return out, n == 1
}

// parseRecord reads a text. It is a policy record when its first tag is v=DMARC1; what is wrong in the rest is
// nothing (RFC 9989 section 4.8), but for a tag that is there twice (RFC 6376 section 3.2).
func parseRecord(text string) (r policyRecord, ok bool) {
	version, rest, _ := strings.Cut(text, ";")
	name, value, _ := strings.Cut(version, "=")
	if strings.TrimRight(name, " \t") != "v" || strings.Trim(value, " \t") != "DMARC1" {
		return r, false
	}
	t := map[string]string{}
	for piece := range strings.SplitSeq(rest, ";") {
		name, value, found := strings.Cut(piece, "=")
		if !found {
			continue
		}
		name = strings.ToLower(strings.Trim(name, " \t"))
		if _, twice := t[name]; twice {
			return r, false
		}
		t[name] = strings.ToLower(strings.Trim(value, " \t"))
	}
	r.strictDKIM, r.strictSPF = t["adkim"] == "s", t["aspf"] == "s"
	r.publicSuffix, r.ownDomain, r.testing = t["psd"] == "y", t["psd"] == "n", t["t"] == "y"
	r.readRequests(t)
	return r, true
}

// readRequests reads p, sp and np. No p is p=none (RFC 9989 section 4.7); one that is no request is p=none too when
// reports are asked for, else DMARC does not apply (section 4.10.1).
func (r *policyRecord) readRequests(t map[string]string) {
	r.policy = RequestNone
	wrong := false
	for tag, to := range map[string]*Request{"p": &r.policy, "sp": &r.sub, "np": &r.absent} {
		if v, has := t[tag]; has {
			*to = Request(v)
			wrong = wrong || (*to != RequestNone && *to != RequestQuarantine && *to != RequestReject)
		}
	}
	if wrong {
		r.policy, r.sub, r.absent = RequestNone, "", ""
		r.invalid = !hasAddress(t["rua"])
	}
}

func hasAddress(uris string) bool {
	for uri := range strings.SplitSeq(uris, ",") {
		uri, _, _ = strings.Cut(strings.Trim(uri, " \t"), "!") // the obsolete size (RFC 9989 section 4.8)
		if u, err := url.Parse(uri); err == nil && u.Scheme != "" && (u.Opaque != "" || u.Host != "") {
			return true
		}
	}
	return false
}
