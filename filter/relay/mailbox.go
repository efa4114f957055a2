package relay

import (
	"strings"

	"congthu/filter"
)

// parsePath reads the argument of MAIL or RCPT: "FROM:<path> parameters" (RFC 5321 section 4.1.2).
// A path without its angle brackets, and blanks after the colon, are borne with: the next hop sees
// the line as it came and decides. What could be split in two ways is not ok, nor is an address that
// servers read in two ways: the next hop might take it for another than the judge did.
func parsePath(args, keyword string) (filter.Path, bool) {
	path, params, ok := pathText(args, keyword)
	if !ok || !filter.PlainPath(path) {
		return filter.Path{}, false
	}
	return filter.ParsePath(path, params), true
}

// badPath says what is wrong with an argument that is not ok (RFC 3463 section 3.2).
func badPath(args, keyword string) string {
	path, _, ok := pathText(args, keyword)
	odd := ok && !filter.PlainPath(path)
	switch {
	case odd && keyword == "FROM:":
		return replyOddSender
	case odd:
		return replyOddRecipient
	case keyword == "FROM:":
		return replySyntaxMail
	}
	return replySyntaxRcpt
}

const (
	replyOddSender    = "501 5.1.7 Bad sender address syntax: <local-part@domain> without comments or blanks"
	replyOddRecipient = "501 5.1.3 Bad recipient address syntax: <local-part@domain> without comments or blanks"
)

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
