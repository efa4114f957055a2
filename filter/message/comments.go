package message

import (
	"sort"
	"strings"
)

// comments are the comments of one field (RFC 5322 section 3.2.2), found in one pass, however many are open.
type comments struct {
	opens []int32 // where a parenthesis opens, ascending
	ends  []int32 // index after the one that closes it, 0 when none does
}

// findComments finds them in s, which is shorter than 2 GiB. A backslash takes the meaning of the octet after
// it inside of comments only; outside it has none itself.
func findComments(s string) comments {
	at := strings.IndexByte(s, '(')
	if at < 0 {
		return comments{}
	}
	n := strings.Count(s[at:], "(")
	c := comments{make([]int32, 0, n), make([]int32, 0, n)}
	var open []int32 // of those that are not closed yet, their place in opens
	for i := at; i < len(s); i++ {
		switch s[i] {
		case '\\':
			if len(open) > 0 {
				i++
			}
		case '(':
			open = append(open, int32(len(c.opens)))
			c.opens, c.ends = append(c.opens, int32(i)), append(c.ends, 0)
		case ')':
			if n := len(open); n > 0 {
				c.ends[open[n-1]] = int32(i + 1)
				open = open[:n-1]
			}
		}
	}
	return c
}

// end is the index after the comment that begins at i, -1 when none does: a parenthesis that nothing
// closes begins no comment.
func (c comments) end(i int) int {
	n := sort.Search(len(c.opens), func(n int) bool { return int(c.opens[n]) >= i })
	if n == len(c.opens) || int(c.opens[n]) != i || c.ends[n] == 0 {
		return -1
	}
	return int(c.ends[n])
}

// hold tells whether one of them has the octet in it.
func (c comments) hold(s string, octet byte) bool {
	for i, done := 0, 0; i < len(c.opens); i++ {
		start, end := int(c.opens[i]), int(c.ends[i])
		if end == 0 || start < done {
			continue
		}
		if strings.IndexByte(s[start:end], octet) >= 0 {
			return true
		}
		done = end
	}
	return false
}
