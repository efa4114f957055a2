package filter

import (
	"net/netip"
	"slices"
	"strings"

	"congthu/filter/message"
)

// Organisation says what is ours.
type Organisation struct {
	Domains         []string       // each with all its subdomains
	TrustedNetworks []netip.Prefix // clients that may send as ours
	AuthservID      string         // of our Authentication-Results (RFC 8601 section 2.5)
}

// Ours tells whether a domain is one of the organisation's or below one.
func (o Organisation) Ours(domain string) bool {
	d := NormalDomain(domain)
	for _, own := range o.Domains {
		own = NormalDomain(own)
		if own != "" && (d == own || strings.HasSuffix(d, "."+own)) {
			return true
		}
	}
	return false
}

// decideDirection says where a message goes. Outbound and internal mail is from a client of ours
// (by its address or because it signed in) and names a sender of ours in the reverse-path or From;
// everything else is inbound, whatever it claims. A listener's fixed direction goes first.
func (o Organisation) decideDirection(tx *Transaction) Direction {
	switch tx.Session.Direction {
	case Inbound:
		return Inbound
	case Outbound, Internal:
	default:
		if !o.ClientIsOurs(tx.Session) || !o.senderIsOurs(tx) {
			return Inbound
		}
	}
	for _, r := range tx.Recipients {
		if r.Domain != "" && !o.Ours(r.Domain) {
			return Outbound
		}
	}
	if len(tx.Recipients) == 0 {
		return Outbound
	}
	return Internal
}

// ClientIsOurs tells a client in a trusted network, or one that signed in.
func (o Organisation) ClientIsOurs(s Session) bool {
	if s.Login != "" {
		return true
	}
	if !s.Client.IsValid() {
		return false
	}
	for _, p := range o.TrustedNetworks {
		if p.Contains(s.Client.Unmap()) {
			return true
		}
	}
	return false
}

func (o Organisation) senderIsOurs(tx *Transaction) bool {
	if o.Ours(tx.ReversePath.Domain) || (tx.ReversePath.Domain == "" && tx.ReversePath.Local != "") {
		return true
	}
	if tx.Message == nil {
		return false
	}
	from, _ := tx.Message.Addresses("From")
	for _, a := range from {
		if o.Ours(a.Domain) {
			return true
		}
	}
	// A From field that says nothing hides whose mail it is. The client is ours, and so is then the mail.
	return len(from) == 0 && slices.ContainsFunc(tx.Message.Headers(), func(h *message.Header) bool {
		_, present := h.Get("From")
		return present
	})
}
