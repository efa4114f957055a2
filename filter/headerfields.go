package filter

import (
	"strings"

	"congthu/filter/message"
)

// Names of the fields that the gate adds. Everything that begins with fieldPrefix claims to be ours.
const (
	fieldPrefix  = "congthu-"
	fieldID      = "Congthu-Id"
	fieldVerdict = "Congthu-Verdict"
	fieldResults = "Authentication-Results"
)

// ReleaseField is the field that a released message carries to a gate that it meets on its way; its value names
// the hold and has the secret of the release in it. The body and the envelope must be those of the release as well.
const ReleaseField = "Congthu-Release"

// addFields are the fields that a passing message gets.
func addFields(v *Verdict) []HeaderField {
	add := []HeaderField{{fieldID, v.ID}}
	for _, f := range v.Findings {
		if f.Results != "" {
			add = append(add, HeaderField{fieldResults, f.Results})
		}
	}
	if engines := v.failedOpen(); len(engines) > 0 {
		add = append(add, HeaderField{fieldFailOpen, strings.Join(engines, ", ")})
	}
	if v.Disposition != Tag {
		return add
	}
	var names []string
	seen := map[string]bool{}
	for _, f := range v.Findings {
		if f.Mode == Enforce && f.Disposition >= Tag && !seen[f.Rule] {
			seen[f.Rule] = true
			names = append(names, f.Rule+" ["+f.Clause+"]")
		}
	}
	return append(add, HeaderField{fieldVerdict, strings.Join(names, "; ")})
}

// ForgedFields are the indices of the fields that claim to be ours: Congthu-*, and
// Authentication-Results under our authserv-id (RFC 8601 section 5).
func ForgedFields(h *message.Header, authservID string) []int {
	var out []int
	for i, f := range h.Fields {
		name := strings.ToLower(strings.TrimRight(f.Name, " \t"))
		switch {
		case strings.HasPrefix(name, fieldPrefix):
			out = append(out, i)
		case name == "authentication-results" && authservID != "":
			_, value, _ := strings.Cut(string(f.Raw), ":")
			if strings.EqualFold(strings.TrimSuffix(authservOf(value), "."), strings.TrimSuffix(authservID, ".")) {
				out = append(out, i)
			}
		}
	}
	return out
}

// authservOf is the authserv-id of a field's value: the first token after comments and blanks.
func authservOf(v string) string {
	depth, i := 0, 0
	for ; i < len(v); i++ {
		switch c := v[i]; {
		case c == '(':
			depth++
		case c == ')' && depth > 0:
			depth--
		case c == '\\' && depth > 0:
			i++
		case depth == 0 && !strings.ContainsRune(" \t\r\n", rune(c)):
			return token(v[i:])
		}
	}
	return ""
}

func token(v string) string {
	if strings.HasPrefix(v, `"`) {
		if end := strings.IndexByte(v[1:], '"'); end >= 0 {
			return strings.TrimSpace(unquote(v[1 : 1+end]))
		}
	}
	if end := strings.IndexAny(v, " \t\r\n;(/"); end >= 0 {
		return v[:end]
	}
	return v
}
