package rules

import (
	"strings"

	"congthu/filter"
	"congthu/filter/message"
)

// How a message shows that a mailbox of ours forwards it by itself; details of findings.
const (
	signSRS        = "srs"            // reverse-path SRS0= or SRS1= of ours
	signField      = "forward field"  // a field that only forwarding software writes
	signDelivered  = "delivered"      // it was delivered to a mailbox of ours before
	signResent     = "resent"         // Resent-From of ours over a stranger's From
	signReceived   = "received for"   // a Received field says that it came for a mailbox of ours
	signSubmitted  = "auto-submitted" // Auto-Submitted: auto-forwarded
	signSenderOnly = "foreign sender" // nothing but a stranger's sender on mail that our own server sends out
)

// forwarded tells mail that a mailbox of ours forwarded by itself.
func (f freeMailDomains) forwarded(tx *filter.Transaction) bool {
	sign := f.forwardSign(tx)
	return sign != "" && sign != signSenderOnly
}

// leavesForwarded tells mail that is forwarded by itself to somebody who is not ours.
func (f freeMailDomains) leavesForwarded(tx *filter.Transaction) bool {
	for _, r := range tx.Recipients {
		if r.Domain != "" && !f.ours(r.Domain) {
			return f.forwarded(tx)
		}
	}
	return false
}

// forwardSign says by what a message shows that a mailbox or an alias of ours forwards it without a
// person, "" when nothing does. A clerk's own forward is a new message with a header of its own and shows
// nothing. What servers leave:
//
//   - Postfix (.forward): Delivered-To; a virtual alias: only "for <mailbox>" in Received; with SRS: the reverse-path
//   - Dovecot and other Sieve (redirect): X-Sieve-Redirected-From, Delivered-To
//   - Zimbra: X-Zimbra-Forwarded
//   - Exchange: X-MS-Exchange-Inbox-Rules-Loop, X-MS-Exchange-ForwardingLoop, a rules agent as X-MS-Exchange-Generated-Message-Source, Resent-From
//   - Gmail and its like: X-Forwarded-For, X-Forwarded-To
//
// Two kinds of mail carry some of these and are no forwarding: what a mailing list of ours sends on
// (List-Id, from a reverse-path of ours), and automatic answers (from the null reverse-path, From of ours), in
// which Exchange writes Inbox-Rules-Loop too.
func (f freeMailDomains) forwardSign(tx *filter.Transaction) string {
	h, rp := tx.Message.Header, tx.ReversePath
	oursFrom := f.names(h, "From")
	if f.ours(rp.Domain) && rewritten(rp.Local) {
		return signSRS
	}
	if _, list := h.Get("List-Id"); list && f.ours(rp.Domain) || rp.Null() && oursFrom {
		return ""
	}
	switch {
	case f.forwardField(h):
		return signField
	case f.names(h, "Delivered-To"), f.names(h, "X-Original-To"):
		return signDelivered
	case !oursFrom && (f.names(h, "Resent-From") || f.names(h, "Resent-Sender")):
		return signResent
	case !oursFrom && f.receivedFor(tx):
		return signReceived
	}
	for _, v := range h.Values("Auto-Submitted") {
		if filter.Keyword(v) == "auto-forwarded" {
			return signSubmitted
		}
	}
	if !oursFrom && !rp.Null() && !f.ours(rp.Domain) {
		return signSenderOnly
	}
	return ""
}

// rewritten tells a local part of the Sender Rewriting Scheme: SRS0 or SRS1, then a separator.
func rewritten(local string) bool {
	return len(local) > 5 && strings.EqualFold(local[:3], "SRS") && (local[3] == '0' || local[3] == '1') && strings.IndexByte("=+-", local[4]) >= 0
}

func (f freeMailDomains) forwardField(h *message.Header) bool {
	for _, name := range []string{"X-Sieve-Redirected-From", "X-Zimbra-Forwarded", "X-MS-Exchange-Inbox-Rules-Loop",
		"X-MS-Exchange-ForwardingLoop", "X-Forwarded-For", "X-Forwarded-To"} {
		if f.names(h, name) {
			return true
		}
	}
	for _, v := range h.Values("X-MS-Exchange-Generated-Message-Source") {
		if strings.Contains(strings.ToLower(v), "rules") {
			return true
		}
	}
	return false
}

// names tells whether a field names an address of ours.
func (f freeMailDomains) names(h *message.Header, field string) bool {
	list, _ := h.Addresses(field)
	for _, a := range list {
		if f.ours(a.Domain) {
			return true
		}
	}
	return false
}

// receivedFor tells whether a Received field says "for" an address of ours (RFC 5321 section 4.4) that is no
// recipient any more.
func (f freeMailDomains) receivedFor(tx *filter.Transaction) bool {
	recipients := map[string]bool{}
	for _, r := range tx.Recipients {
		recipients[strings.ToLower(r.String())] = true
	}
	for _, v := range tx.Message.Header.Values("Received") {
		before := ""
		for word := range strings.FieldsSeq(v) {
			p := filter.ParsePath(strings.TrimSuffix(word, ";"), "")
			if strings.EqualFold(before, "for") && f.ours(p.Domain) && !recipients[strings.ToLower(p.String())] {
				return true
			}
			before = word
		}
	}
	return false
}

// forwarding finds mail that a mailbox of ours forwards to free-mail by itself. It is held, not refused:
// the refusal would reach the stranger who wrote the mail and not the owner of the mailbox. Mail that our own
// server sends out for a stranger without any other sign is counted: a relay for partners looks the same.
//
// Direction does not tell such mail: with a stranger in reverse-path and From it is inbound, although a
// client of ours sends it and its recipients are not ours. So it is looked for in both directions.
func (f freeMailDomains) forwarding(tx *filter.Transaction, boxes []int) []filter.Finding {
	if len(boxes) == 0 {
		return nil
	}
	sign := f.forwardSign(tx)
	detail := detailForwarded + ": " + sign + ", " + whichRecipients(boxes, len(tx.Recipients))
	switch {
	case sign == "", sign == signSenderOnly && !f.clientOurs(tx.Session):
		return nil
	case sign == signSenderOnly:
		return []filter.Finding{counted(detail, filter.TextFreeMailForwarded)}
	}
	return []filter.Finding{{Disposition: f.forward, Detail: detail, Text: filter.TextFreeMailForwarded}}
}
