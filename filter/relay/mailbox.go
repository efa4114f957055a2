package relay

import (
	"strings"

	"congthu/filter"
)

// maxPath is the longest path in octets, with its angle brackets (RFC 5321 section 4.5.3.1.3), and so the
// longest domain too (section 4.5.3.1.2). The 64 octets of a local part (section 4.5.3.1.1) are not held to:
// mailing lists and forwarders write a whole address into it.
const maxPath = 256

// parsePath reads the argument of MAIL or RCPT: "FROM:<path> parameters" (RFC 5321 section 4.1.2).
// A path without its angle brackets, and blanks after the colon, are borne with: the next hop sees
// the line as it came and decides. What could be split in two ways is not ok, nor is an address that
// servers read in two ways: the next hop might take it for another than the judge did. So is a source
// route, which the next hop might follow; a server may decline those (RFC 5321 section 3.6.1).
// bad is the reply (RFC 3463 section 3.2) when it is not ok, else "".
func parsePath(args, keyword string) (p filter.Path, bad string) {
	path, params, ok := pathText(args, keyword)
	odd, long, routed, syntax := replyOddRecipient, replyLongRecipient, replyRoutedRecipient, replySyntaxRcpt
	if keyword == "FROM:" {
		odd, long, routed, syntax = replyOddSender, replyLongSender, replyRoutedSender, replySyntaxMail
	}
	switch {
	case !ok:
		return p, syntax
	case len(path) > maxPath:
		return p, long
	case strings.HasPrefix(strings.TrimPrefix(path, "<"), "@"):
		return p, routed
	case !filter.PlainPath(path):
		return p, odd
	}
	return filter.ParsePath(path, params), ""
}

// pathText splits the argument of MAIL or RCPT in its path and its parameters.
func pathText(args, keyword string) (path, params string, ok bool) {
	args = strings.TrimLeft(args, " ")
	if len(args) < len(keyword) || !strings.EqualFold(args[:len(keyword)], keyword) {
		return "", "", false
	}
	rest := strings.TrimLeft(args[len(keyword):], " \t")
	end := pathEnd(rest)
	if end <= 0 || (end < len(rest) && rest[end] != ' ' && rest[end] != '\t') {
		return "", "", false
	}
	return rest[:end], strings.Trim(rest[end:], " \t"), true
}

// pathEnd is where the path at the beginning of s ends, -1 when it does not.
func pathEnd(s string) int {
	if !strings.HasPrefix(s, "<") {
		if i := strings.IndexAny(s, " \t"); i >= 0 {
			s = s[:i]
		}
		if strings.ContainsAny(s, `<>"`) {
			return -1
		}
		return len(s)
	}
	quoted := false
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && quoted:
			i++
		case c == '"':
			quoted = !quoted
		case c == '<' && !quoted:
			return -1
		case c == '>' && !quoted:
			return i + 1
		}
	}
	return -1
}
