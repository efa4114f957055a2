package rules

import (
	"strings"

	"congthu/filter"
	"congthu/filter/message"
)

// strangers tells mail of ours that nobody of ours wrote: no From names us, and either it shows that a list or
// a mailbox of ours only sends it on, or its reverse-path is neither ours nor free-mail. What stands in its sender
// fields is the stranger's own. A From that is free-mail over a reverse-path of ours, without any such mark, is an
// official who writes from free-mail.
func (f freeMailDomains) strangers(tx *filter.Transaction) bool {
	from, _ := tx.Message.Addresses("From")
	for _, a := range from {
		if f.ours(a.Domain) {
			return false
		}
	}
	if f.redistributed(tx) {
		return true
	}
	rp := tx.ReversePath
	return len(from) > 0 && !f.ours(rp.Domain) && !f.has(rp.Domain) && !(rp.Domain == "" && rp.Local != "")
}

// redistributed tells mail that a server of ours sends on without a person: forwarded by a mailbox (see
// forwardSign), or by a mailing list (RFC 2369, RFC 2919), or again (Resent fields, RFC 5322 section 3.6.6).
func (f freeMailDomains) redistributed(tx *filter.Transaction) bool {
	if f.forwarded(tx) || f.ours(tx.ReversePath.Domain) && listMailbox(tx.ReversePath.Local) {
		return true
	}
	h := tx.Message.Header
	for _, name := range []string{"List-Id", "List-Post", "Mailing-List", "X-BeenThere", "Resent-From", "Resent-Sender", "Resent-To",
		"Resent-Date", "X-Forwarded-To", "X-Forwarded-For", "Delivered-To"} {
		if v, ok := h.Get(name); ok && v != "" {
			return true
		}
	}
	for _, v := range h.Values("Precedence") {
		if k := filter.Keyword(v); k == "list" || k == "bulk" {
			return true
		}
	}
	for _, v := range h.Values("Auto-Submitted") {
		if k := filter.Keyword(v); k != "" && k != "no" {
			return true
		}
	}
	return f.sentFor(h, tx.ReversePath)
}

// sentFor tells whether Sender names a mailbox of ours other than the one in the reverse-path: what a list
// writes. A person's own mail program names the same in both.
func (f freeMailDomains) sentFor(h *message.Header, rp filter.Path) bool {
	list, _ := h.Addresses("Sender")
	for _, a := range list {
		if f.ours(a.Domain) && !(strings.EqualFold(a.Local, rp.Local) && filter.NormalDomain(a.Domain) == filter.NormalDomain(rp.Domain)) {
			return true
		}
	}
	return false
}

// listMailbox tells the local part of a mailbox that takes failures for a list ("owner-tin", "tin-bounces"),
// also one that names the recipient (VERP: "tin-bounces+dan=example.com", "tin-return-5-dan=example.com").
func listMailbox(local string) bool {
	l := strings.ToLower(local)
	for _, start := range []string{"owner-", "bounce-", "bounce+", "bounces-", "bounces+"} {
		if strings.HasPrefix(l, start) {
			return true
		}
	}
	for _, end := range []string{"-owner", "-bounce", "-bounces", "-request", "-return", "-errors"} {
		if strings.HasSuffix(l, end) || strings.Contains(l, end+"+") || strings.Contains(l, end+"-") {
			return true
		}
	}
	before, _, verp := strings.Cut(l, "=")
	return verp && strings.ContainsAny(before, "+-")
}
