package message

import "strings"

// cut takes what may be left of addresses that a server cuts, which it may do within their domains: whatever has a
// dot and could be a domain.
func (l *mailboxList) cut(list []Address) {
	for _, a := range list {
		dot := strings.IndexByte(a.Domain, '.')
		if dot < 0 {
			continue
		}
		for n := dot + 3; n < min(len(a.Domain), maxCut+1); n++ { // no top-level domain has one letter
			if c := a.Domain[n-1]; c == '.' || c == '-' || a.Domain[n-2] == '.' {
				continue
			}
			if len(l.cuts) == maxLenient {
				l.full = true
				return
			}
			l.cuts = append(l.cuts, Address{a.Name, a.Local, a.Domain[:n]})
		}
	}
}
