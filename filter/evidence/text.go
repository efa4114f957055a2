package evidence

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// cutMark stands at the end of a text that was cut.
const cutMark = "…"

// clean makes a text from outside fit for a record: octets that are no UTF-8 become \xNN, and beyond
// maxText it is cut. Control characters stay: the encoding of a line escapes them.
func clean(s string) string { return cleanTo(s, maxText) }

func cleanTo(s string, limit int) string {
	long := len(s) > limit
	if long {
		s = s[:limit] // before anything else, so that no work is done for what is not kept
	}
	if !utf8.ValidString(s) {
		var b strings.Builder
		for i := 0; i < len(s); {
			r, n := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && n == 1 {
				if long && !utf8.FullRuneInString(s[i:]) {
					break // a character that the cut went through
				}
				const hex = "0123456789abcdef"
				b.WriteString(`\x`)
				b.WriteByte(hex[s[i]>>4])
				b.WriteByte(hex[s[i]&15])
			} else {
				b.WriteString(s[i : i+n])
			}
			i += n
		}
		s = b.String()
		if len(s) > limit {
			long, s = true, s[:limit]
		}
	}
	if !long {
		return s
	}
	s = s[:min(len(s), limit-len(cutMark))]
	for !utf8.ValidString(s) {
		s = s[:len(s)-1]
	}
	return s + cutMark
}

// Limits of what an act's details may say.
const (
	maxDetails   = 32 // entries
	maxDetailKey = 64 // octets of a name
)

// cleaned is the act with its texts made fit for a record. Beyond maxDetails, in the order of their names,
// details are left out and counted.
func (a *Act) cleaned() *Act {
	out := Act{Who: clean(a.Who), What: a.What, Object: clean(a.Object), Reason: clean(a.Reason)}
	if len(a.Details) == 0 {
		return &out
	}
	out.Details = make(map[string]string, min(len(a.Details), maxDetails+1))
	for i, k := range slices.Sorted(maps.Keys(a.Details)) {
		if i == maxDetails {
			out.Details["more"] = strconv.Itoa(len(a.Details) - i)
			break
		}
		out.Details[cleanTo(k, maxDetailKey)] = clean(a.Details[k])
	}
	return &out
}
