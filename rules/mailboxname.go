package rules

import (
	"context"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"congthu/filter"
	"congthu/filter/message"
)

// Details of the mailbox-name rule's findings.
const (
	shapeUpper    = "shape: upper case"
	shapeLetters  = "shape: letters beyond ASCII"
	shapeDot      = "shape: dot"
	shapeHyphen   = "shape: hyphen"
	shapeOther    = "shape: other character"
	shapeDigit    = "shape: begins with a digit"
	shapeSuffixes = "shape: more than one _"
	shapeEmpty    = "shape: nothing before or after _"
	shapeHodemten = "shape: no hodemten"
)

// mailboxName obeys Điều 4 khoản 1 to 3, as far as an address alone shows it: names of units are
// abbreviations, a unit below another is abbr2_abbr1; a person's is hodemten (initials of family and middle
// names, then the given name, no diacritics), when it is taken with _abbr or a number behind. Only the
// senders of mail of ours are looked at. Without a directory nobody can tell whether "cntt" is a unit or
// "nvan" the right person, so only what is right for nobody is found; and nothing is ever acted on, for
// mailboxes are older than the rule.
func mailboxName(c Config) filter.Rule {
	exempt := map[string]bool{}
	for _, name := range append(exemptMailboxes(), c.MailboxExempt...) {
		exempt[strings.ToLower(name)] = true
	}
	return filter.Rule{Name: NameMailboxName, Clause: "4.1", Code: 550, Status: "7.1",
		Check: func(_ context.Context, tx *filter.Transaction) ([]filter.Finding, error) {
			if !tx.Direction.FromOurs() {
				return nil, nil
			}
			var details []string
			from, _ := tx.Message.Header.Addresses("From")
			if rp := tx.ReversePath; !rewrittenSender(rp.Local) {
				from = append(from, message.Address{Local: rp.Local, Domain: rp.Domain})
			}
			for _, a := range from {
				d := judgeMailbox(a, exempt)
				if d != "" && c.Ours(a.Domain) && !slices.Contains(details, d) {
					details = append(details, d)
				}
			}
			var out []filter.Finding
			for _, d := range details {
				out = append(out, counted(d, filter.TextMailboxName))
			}
			return out, nil
		}}
}

// exemptMailboxes are names that standards or software give: RFC 2142, and what machines send from.
// support is named in Điều 10 khoản 6 itself.
func exemptMailboxes() []string {
	return strings.Fields(`postmaster abuse hostmaster webmaster noc security support info root mailer-daemon noreply no-reply
		no_reply donotreply do-not-reply www-data mailman nobody daemon bounce bounces`)
}

// rewrittenSender tells a local part of a reverse-path that is no mailbox's name: made for one message (SRS,
// BATV, VERP) or for the answers of a mailing list.
func rewrittenSender(local string) bool {
	l := strings.ToLower(local)
	if strings.ContainsAny(l, "=+") || strings.HasPrefix(l, "owner-") {
		return true
	}
	for _, end := range []string{"-bounces", "-bounce", "-owner", "-request", "-admin", "-errors"} {
		if strings.HasSuffix(l, end) {
			return true
		}
	}
	return false
}

// judgeMailbox says what is wrong with the name of a mailbox, "" for nothing.
func judgeMailbox(a message.Address, exempt map[string]bool) string {
	local, _, _ := strings.Cut(a.Local, "+") // what follows is a tag of the user's
	if local == "" || exempt[strings.ToLower(local)] {
		return ""
	}
	if d := judgeCharacters(local); d != "" {
		return d
	}
	base, _, _ := strings.Cut(local, "_")
	if otherThanHodemten(a.Name, strings.TrimRight(base, "0123456789")) {
		return shapeHodemten
	}
	return ""
}

func judgeCharacters(local string) string {
	letters := strings.ContainsFunc(local, func(r rune) bool { return r >= utf8.RuneSelf })
	before, after, suffix := strings.Cut(local, "_")
	switch {
	case letters:
		return shapeLetters
	case strings.Contains(local, "."):
		return shapeDot
	case strings.Contains(local, "-"):
		return shapeHyphen
	case strings.ContainsFunc(local, func(r rune) bool {
		return r != '_' && (r < '0' || r > '9') && (r|0x20 < 'a' || r|0x20 > 'z')
	}):
		return shapeOther
	case strings.Contains(after, "_"):
		return shapeSuffixes
	case suffix && (before == "" || after == ""):
		return shapeEmpty
	case before[0] >= '0' && before[0] <= '9':
		return shapeDigit
	case strings.ToLower(local) != local:
		return shapeUpper
	}
	return ""
}

// otherThanHodemten tells a mailbox named after the very person who is shown beside the address, but
// otherwise than hodemten: all names in full, or the given name first. Anything else may be a unit's name or
// another person's, and is let be. Display names that do not begin with a family name are no person's.
func otherThanHodemten(display, base string) bool {
	name := nameTokens(display)
	if len(name) < 3 || base == "" {
		return false
	}
	given := name[len(name)-1]
	initials := ""
	for _, n := range name[:len(name)-1] {
		initials += n[:1]
	}
	whole := strings.Join(name, "")
	return base != initials+given && base != name[0][:1]+given &&
		(base == whole || base == given+initials || base == given+strings.Join(name[:len(name)-1], ""))
}

// nameTokens are the names of a person in plain lower-case ASCII, family name first; nil for what is no
// Vietnamese person's name.
func nameTokens(display string) []string {
	words := strings.FieldsFunc(norm.NFC.String(display), func(r rune) bool { return unicode.IsSpace(r) || r == '-' })
	if len(words) == 0 || !familyName(strings.ToLower(words[0])) {
		return nil
	}
	var out []string
	for _, w := range words {
		token := ""
		for _, r := range norm.NFD.String(strings.ToLower(w)) {
			switch {
			case r >= 'a' && r <= 'z':
				token += string(r)
			case r == 'đ':
				token += "d"
			case unicode.Is(unicode.Mn, r), r == '\'', r == '’':
			default:
				return nil // a title, a unit in brackets: not only a name
			}
		}
		if token == "" {
			return nil
		}
		out = append(out, token)
	}
	return out
}

// familyName tells the most frequent family names, with their diacritics, for without them "dang" or "ho"
// begin many units' names; "nguyen" begins nothing else.
func familyName(s string) bool {
	return slices.Contains(strings.Fields("nguyễn nguyen trần lê phạm hoàng huỳnh phan vũ võ đặng bùi đỗ hồ ngô dương"), s)
}
