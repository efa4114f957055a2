package policy

import (
	"fmt"
	"slices"
)

// elsewhere finds what the rules of an edited configuration would read or ask that c does not: a dictionary is a file, and
// an rspamd is shown the message, with the password out of a file.
func (c *Config) elsewhere(edited *Config) (errs []error) {
	for i, d := range edited.Rules[contentName].Dictionaries {
		if !slices.Contains(c.Rules[contentName].Dictionaries, d) {
			errs = append(errs, edited.Problem(fmt.Sprintf("rules.%s.dictionaries[%d]", contentName, i), "is another file than those in force: put it in force to see what it does"))
		}
	}
	var usual Rule
	spamDefaults(&usual)
	is, was := edited.Rules[spamName], c.Rules[spamName]
	if is.Address != was.Address && is.Address != usual.Address {
		errs = append(errs, edited.Problem("rules."+spamName+".address", "is another rspamd than the one in force: put it in force to see what it says"))
	}
	if is.Password != "" && (is.Password != was.Password || is.Address != was.Address) {
		errs = append(errs, edited.Problem("rules."+spamName+".password", "is for the rspamd in force: leave both as they are"))
	}
	return append(errs, c.elsewhereOfficials(edited)...)
}
