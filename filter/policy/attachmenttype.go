package policy

import (
	"fmt"
	"strings"

	"congthu/filter"
)

const attachmentTypeName = "attachment-type"

// Entry is one entry of a rule's own list: a domain in its ASCII form (free-mail), or the extension of a file in lower
// case without its dot (attachment-type). Which of them is right the rule says.
type Entry string

// UnmarshalText reads a domain, or an extension: "exe", ".exe" or "*.exe".
func (e *Entry) UnmarshalText(b []byte) error {
	text := strings.ToLower(strings.TrimSpace(string(b)))
	text = strings.TrimPrefix(strings.TrimPrefix(text, "*"), ".")
	if text != "" && len(text) <= 40 && strings.Trim(text, "abcdefghijklmnopqrstuvwxyz0123456789-_") == "" {
		*e = Entry(text)
		return nil
	}
	var d Domain
	if err := d.UnmarshalText(b); err != nil {
		return err
	}
	*e = Entry(d)
	return nil
}

func (e Entry) isDomain() bool { return strings.Contains(string(e), ".") }

func attachmentTypeKeys() []string {
	return []string{"add", "except", "macros_outbound", "macros_inbound"}
}

// attachmentTypeDefaults fills the keys of rule attachment-type.
func attachmentTypeDefaults(r *Rule) {
	r.MacrosOutbound, r.MacrosInbound = Disposition(filter.Tag), Disposition(filter.Hold)
}

// checkEntries finds entries of lists that are not what their rule has lists of.
func (c *Config) checkEntries(rule string, r Rule, bad func(path, format string, args ...any)) {
	for key, list := range map[string][]Entry{"add": r.Add, "except": r.Except} {
		for i, e := range list {
			path := fmt.Sprintf("rules.%s.%s[%d]", rule, key, i)
			switch {
			case rule == attachmentTypeName && e.isDomain():
				bad(path, "%q is no extension of a file: write for example exe, without what stands before it", e)
			case rule != attachmentTypeName && !e.isDomain():
				var d Domain
				bad(path, "%v", d.UnmarshalText([]byte(e)))
			}
		}
	}
}
