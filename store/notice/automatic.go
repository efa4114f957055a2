package notice

import (
	"strings"

	"congthu/filter"
)

// automatic tells mail to whose sender no notice is due: it is from the null reverse-path or from a program's
// mailbox, or it says that no person sent it (RFC 3834 section 2, RFC 5230 section 4.6). A message of ours that
// is a notice is automatic as well.
func automatic(tx *filter.Transaction) bool {
	if tx.ReversePath.Null() || programBox(tx.ReversePath.Local) {
		return true
	}
	if tx.Message == nil || tx.Message.Header == nil {
		return false
	}
	h := tx.Message.Header
	for _, v := range h.Values("Auto-Submitted") {
		if k := filter.Keyword(v); k != "" && k != "no" {
			return true
		}
	}
	for _, v := range h.Values("Precedence") {
		switch filter.Keyword(v) {
		case "bulk", "list", "junk", "auto_reply", "auto-reply":
			return true
		}
	}
	for _, name := range []string{"List-Id", "List-Post", "List-Unsubscribe", "List-Help"} {
		if len(h.Values(name)) > 0 {
			return true
		}
	}
	return false
}

// programBox tells the local parts that RFC 3834 section 2 names, and the usual ones that nobody reads.
func programBox(local string) bool {
	l := strings.ToLower(local)
	switch l {
	case "mailer-daemon", "listserv", "majordomo", "noreply", "no-reply", "postmaster":
		return true
	}
	return strings.HasPrefix(l, "owner-") || strings.HasSuffix(l, "-request") || strings.HasSuffix(l, "-owner") ||
		strings.HasSuffix(l, "-bounces") || strings.HasPrefix(l, "bounce")
}
