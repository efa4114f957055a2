package mailauth

import "strings"

// DMARC is what came of one author's domain (RFC 9989).
type DMARC struct {
	// Result is Pass, Fail, None (no policy applies), TempError or PermError.
	Result Value
	Reason string // a name out of a short list; "" when Result says all
	Author string // the author's domain, A-labels
	// Policy is what the owner asks for mail that fails: after t=y, and of sp or np for a domain below. "" without.
	Policy       Request
	PolicyDomain string // whose record that is
	Testing      bool   // t=y lowered it
	Organization string // the author's Organizational Domain, "" when nobody had to ask
	SPF, DKIM    bool   // a passing identifier of that method aligns
}

// maxWalk is how many names a tree walk asks for (RFC 9989 section 4.10), and one more the labels that are left of a
// longer name.
const maxWalk = 8

// evaluation evaluates one message.
type evaluation struct {
	look *lookup
	spf  []SPF
	dkim []DKIM
}

// step is a name of a tree walk that has a record.
type step struct {
	domain string
	record policyRecord
}

// walk asks for records from a domain upwards (RFC 9989 section 4.10), longest name first.
func (e *evaluation) walk(domain string) ([]step, fault) {
	var out []step
	for _, name := range walkNames(domain) {
		r, found, f := e.record(name)
		if f.result != "" {
			return nil, f
		}
		if !found {
			continue
		}
		out = append(out, step{name, r})
		if r.publicSuffix || r.ownDomain {
			break
		}
	}
	return out, fault{}
}

func walkNames(domain string) []string {
	labels := strings.Split(domain, ".")
	out := []string{domain}
	rest := labels[1:]
	if len(labels) >= maxWalk {
		rest = labels[len(labels)-(maxWalk-1):]
	}
	for ; len(rest) > 0; rest = rest[1:] {
		out = append(out, strings.Join(rest, "."))
	}
	return out
}

func (e *evaluation) record(domain string) (r policyRecord, found bool, f fault) {
	name := "_dmarc." + domain
	if len(name) > maxDomain { // no such name can be in the DNS
		return r, false, fault{}
	}
	texts, err := e.look.LookupTXT(e.look.ctx, name)
	if err != nil && !notFound(err) {
		return r, false, faultOf(err)
	}
	r, found = findRecord(texts)
	return r, found, fault{}
}

// organization is the Organizational Domain that a walk from a domain shows (RFC 9989 section 4.10.2).
func organization(domain string, steps []step) string {
	for _, s := range steps {
		if s.record.ownDomain {
			return s.domain
		}
		if s.record.publicSuffix && s.domain != domain {
			below := strings.TrimSuffix(domain, "."+s.domain)
			return below[strings.LastIndexByte(below, '.')+1:] + "." + s.domain
		}
	}
	if len(steps) == 0 {
		return domain
	}
	return steps[len(steps)-1].domain
}

// author evaluates one author's domain.
func (e *evaluation) author(domain string) DMARC {
	out := DMARC{Author: domain, Result: None}
	r, f := e.policy(&out)
	switch {
	case f.result != "":
		out.Result, out.Reason = f.result, f.reason
		return out
	case out.PolicyDomain == "":
		out.Reason = "no-policy"
		return out
	case r.invalid:
		out.Reason, out.PolicyDomain = "invalid-policy", ""
		return out
	}
	trouble := e.align(&out, r)
	switch {
	case out.SPF || out.DKIM:
		out.Result = Pass
	case trouble.result != "": // RFC 9989 section 5.3.6: neither pass nor fail
		out.Result, out.Reason = trouble.result, trouble.reason
	default:
		out.Result = Fail
	}
	e.request(&out, r)
	return out
}

// policy finds the record that applies (RFC 9989 section 4.10.1): the author's, its Organizational Domain's, or its
// Public Suffix Domain's.
func (e *evaluation) policy(out *DMARC) (policyRecord, fault) {
	r, found, f := e.record(out.Author)
	if f.result != "" {
		return r, f
	}
	if found {
		out.PolicyDomain = out.Author
		return r, fault{}
	}
	steps, f := e.walk(out.Author)
	if f.result != "" {
		return r, f
	}
	out.Organization = organization(out.Author, steps)
	for _, s := range steps {
		if s.domain == out.Organization || s.record.publicSuffix {
			out.PolicyDomain = s.domain
			return s.record, fault{}
		}
	}
	return r, fault{}
}

// align looks for passing identifiers that align with the author (RFC 9989 section 4.4). The fault is of an
// identifier that would have, had the DNS answered.
func (e *evaluation) align(out *DMARC, r policyRecord) (trouble fault) {
	note := func(f fault) {
		if trouble.result == "" {
			trouble = f
		}
	}
	for _, s := range e.spf {
		if s.Identity != "mailfrom" || (s.Result != Pass && s.Result != TempError) {
			continue
		}
		aligned, f := e.aligned(out, s.Domain, r.strictSPF)
		switch {
		case f.result != "":
			note(f)
		case aligned && s.Result == Pass:
			out.SPF = true
		case aligned:
			note(fault{TempError, "dns"})
		}
	}
	for _, s := range e.dkim {
		if s.Result != Pass && s.Result != TempError {
			continue
		}
		aligned, f := e.aligned(out, s.Domain, r.strictDKIM)
		switch {
		case f.result != "":
			note(f)
		case aligned && s.Result == Pass:
			out.DKIM = true
		case aligned:
			note(fault{TempError, "dns"})
		}
	}
	return trouble
}

// aligned tells that an identifier's domain is the author's, or of the same Organizational Domain.
func (e *evaluation) aligned(out *DMARC, domain string, strict bool) (bool, fault) {
	if domain == out.Author {
		return true, fault{}
	}
	// Domains without a label in common at their ends have no Organizational Domain in common.
	if strict || lastLabel(domain) != lastLabel(out.Author) {
		return false, fault{}
	}
	if out.Organization == "" {
		steps, f := e.walk(out.Author)
		if f.result != "" {
			return false, f
		}
		out.Organization = organization(out.Author, steps)
	}
	if !within(domain, out.Organization) {
		return false, fault{} // what a walk from there finds is above it or itself
	}
	steps, f := e.walk(domain)
	if f.result != "" {
		return false, f
	}
	return organization(domain, steps) == out.Organization, fault{}
}

func lastLabel(d string) string { return d[strings.LastIndexByte(d, '.')+1:] }

// request says what the owner asks for (RFC 9989 section 4.7).
func (e *evaluation) request(out *DMARC, r policyRecord) {
	out.Policy = r.policy
	if out.PolicyDomain != out.Author {
		if r.sub != "" {
			out.Policy = r.sub
		}
		if r.absent != "" && out.Result == Fail {
			exists, err := e.look.exists(out.Author)
			if err == nil && !exists { // in doubt it exists
				out.Policy = r.absent
			}
		}
	}
	if !r.testing {
		return
	}
	switch out.Policy {
	case RequestReject:
		out.Policy, out.Testing = RequestQuarantine, true
	case RequestQuarantine:
		out.Policy, out.Testing = RequestNone, true
	}
}
