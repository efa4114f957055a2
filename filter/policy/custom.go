package policy

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"congthu/filter"
)

// CustomPrefix begins the names of the administrator's own rules, "custom:partner-notice".
const CustomPrefix = "custom:"

// Bounds of the administrator's own rules.
const (
	maxCustomRules = 100 // in one configuration
	maxCustomText  = 180 // octets of each language's text as the reply carries it: both fit a reply line
)

// isCustom tells a right name of an administrator's rule.
func isCustom(name string) bool {
	short, ok := strings.CutPrefix(name, CustomPrefix)
	return ok && len(short) >= 1 && len(short) <= 40 && strings.Trim(short, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// customDefaults is a rule of the administrator's before its keys are read: it looks and acts on nothing.
func customDefaults() Rule {
	return Rule{Mode: Mode(filter.Monitor), Outbound: Disposition(filter.Accept), Inbound: Disposition(filter.Accept),
		Failed: Disposition(filter.Accept)}
}

func customKeys() []string { return []string{"clause", "when", "part", "failed", "text_vi", "text_en"} }

// checkCustom finds what is wrong with a rule of the administrator's, but for its expressions.
func (c *Config) checkCustom(name string, r Rule, bad func(path, format string, args ...any)) {
	path := "rules." + name
	// A key that is missing is reported where the rule stands.
	at := func(key string) string {
		if _, ok := c.origins[path+"."+key]; ok {
			return path + "." + key
		}
		return path
	}
	if r.When == "" {
		bad(at("when"), "needs when: a CEL expression that is true for the mail that the rule finds")
	}
	if !regexp.MustCompile(`^([1-9]|1[0-7])(\.[1-9][0-9]?(\.[a-z])?)?$`).MatchString(r.Clause) {
		bad(at("clause"), "needs clause: the clause of the regulation that the rule obeys (Dieu 1 to 17), in quotes, for example \"10.2\"")
	}
	speaks := r.Outbound >= Disposition(filter.Defer) || r.Inbound >= Disposition(filter.Defer) || r.Failed >= Disposition(filter.Defer)
	for _, t := range []struct{ key, text string }{{"text_vi", r.Vietnamese}, {"text_en", r.English}} {
		switch problem := textProblem(t.text); {
		case t.text == "" && speaks:
			bad(at(t.key), "needs %s: what the sender of a refused or deferred mail is told", t.key)
		case t.text != "" && problem != "":
			bad(at(t.key), "%s", problem)
		}
	}
}

// textProblem says why a text cannot stand in a reply, which is one line of ASCII (RFC 5321 section
// 4.2): the gate takes Vietnamese diacritics away and nothing else.
func textProblem(s string) string {
	octets := 0
	for _, r := range norm.NFD.String(s) {
		switch {
		case unicode.Is(unicode.Mn, r):
			continue
		case r == '%' || r < ' ' || r == 0x7f:
			return fmt.Sprintf("the character %q cannot stand in a reply", r)
		case r > '~' && !strings.ContainsRune("đĐ“”–", r):
			return fmt.Sprintf("the character %q cannot stand in a reply, which is ASCII (Vietnamese letters are written without diacritics)", r)
		}
		octets++
	}
	if octets > maxCustomText {
		return fmt.Sprintf("is too long for a reply: %d characters, at most %d", octets, maxCustomText)
	}
	return ""
}

// ProblemIn is an *Error about a place inside of a value, given as line and column in the value, from 1.
func (c *Config) ProblemIn(key string, line, column int, problem string) error {
	p := c.origins[key]
	if p.line > 0 && line > 0 {
		p = inside(c.data, p, c.text(key), line, column)
	}
	return &Error{File: c.file, Line: p.line, Column: p.column, Key: key, Problem: problem}
}

// text is the value of a custom rule's expression.
func (c *Config) text(key string) string {
	rule, field, _ := strings.Cut(strings.TrimPrefix(key, "rules."), ".")
	if field == "part" {
		return c.Rules[rule].Part
	}
	return c.Rules[rule].When
}

// inside finds the place in the file of a place in a scalar that starts at p. YAML folds lines, takes
// indentation away and has escapes; what is no blank stands in the file in the same order as in the
// value, so counting that finds the place in every style.
func inside(data []byte, p position, value string, line, column int) position {
	before := 0 // characters of the value before the place that are no blanks
	at := position{1, 1}
	for _, r := range value {
		if at.line == line && at.column >= column || at.line > line {
			break
		}
		if !unicode.IsSpace(r) {
			before++
		}
		if at.column++; r == '\n' {
			at = position{at.line + 1, 1}
		}
	}
	w := walker{at: position{1, 1}, rest: []rune(string(data))}
	for len(w.rest) > 0 && (w.at.line < p.line || w.at.line == p.line && w.at.column < p.column) {
		w.step()
	}
	if len(w.rest) == 0 {
		return p
	}
	style := w.rest[0]
	switch style {
	case '|', '>':
		for len(w.rest) > 0 && w.rest[0] != '\n' {
			w.step()
		}
	case '"', '\'':
		w.step()
	}
	end := w.at
	for n := 0; ; n++ {
		for len(w.rest) > 0 && w.blank(style) {
		}
		if n == before || len(w.rest) == 0 {
			break
		}
		w.character(style)
		end = w.at
	}
	if before == nonBlanks(value) { // at the end: just behind the last character
		return end
	}
	return w.at
}

func nonBlanks(s string) (n int) {
	for _, r := range s {
		if !unicode.IsSpace(r) {
			n++
		}
	}
	return n
}

// walker goes through a file and knows its place.
type walker struct {
	at   position
	rest []rune
}

func (w *walker) step() {
	if w.at.column++; w.rest[0] == '\n' {
		w.at = position{w.at.line + 1, 1}
	}
	w.rest = w.rest[1:]
}

// blank steps over a blank, if there is one: in double quotes also over an escaped one.
func (w *walker) blank(style rune) bool {
	switch {
	case unicode.IsSpace(w.rest[0]):
		w.step()
	case style == '"' && len(w.rest) > 1 && w.rest[0] == '\\' && strings.ContainsRune("ntvfr_N \n\t", w.rest[1]):
		w.step()
		w.step()
	default:
		return false
	}
	return true
}

// character steps over one character of the value.
func (w *walker) character(style rune) {
	n := 1
	switch {
	case style == '\'' && len(w.rest) > 1 && w.rest[0] == '\'' && w.rest[1] == '\'':
		n = 2
	case style == '"' && len(w.rest) > 1 && w.rest[0] == '\\':
		n = 2 + map[rune]int{'x': 2, 'u': 4, 'U': 8}[w.rest[1]]
	}
	for range min(n, len(w.rest)) {
		w.step()
	}
}
