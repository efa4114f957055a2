package extract

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// Limits of the style sheets of one page. What is beyond them does not change how text is read.
const (
	maxSheet    = 128 << 10 // octets
	maxSelector = 2000      // selectors that are remembered
)

// htmlLook is what matters of how a text is shown.
type htmlLook struct {
	font
	hidden   bool // not shown at all
	backward bool // its letters are shown from right to left
}

// styleSheet is what the style sheets of a page say of elements, classes and ids: declarations by the last part of each
// selector, such as "p", ".mark", "p.mark" or "#top" (CSS 2.2, 5). What stands before that part is not looked at.
type styleSheet struct {
	text  strings.Builder // of the sheet that is read
	rules map[string]string
	size  int

	attributes []string // whose values are shown
	late       bool     // one of them became known behind the first element that may have it
}

func (s *styleSheet) add(text string) {
	if s.text.Len()+len(text) <= maxSheet {
		s.text.WriteString(text)
	}
}

// end takes over the sheet that was read and gives the texts that it writes into the page (CSS 2.2, 12.2). begun tells that
// there were elements before it.
func (s *styleSheet) end(begun bool) (texts []string) {
	css := withoutComments(s.text.String())
	s.text.Reset()
	if s.size += len(css); s.size > maxSheet {
		return nil
	}
	for css != "" {
		i := strings.IndexAny(css, "{}")
		if i < 0 {
			break
		}
		selectors := css[:i]
		open := css[i] == '{'
		css = css[i+1:]
		declarations := selectors // of an at-rule, as of a page's margin
		if open {
			if strings.HasPrefix(strings.TrimSpace(selectors), "@") { // rules in "@media … { }" are rules
				continue
			}
			n := declarationsEnd(css)
			declarations = css[:n]
			css = css[n:]
			s.rule(selectors, declarations)
		}
		wrote, attributes := cssTexts(declarations)
		texts = append(texts, wrote...)
		s.late = s.shows(attributes) && begun || s.late
	}
	return texts
}

// rule remembers declarations that change how text is read.
func (s *styleSheet) rule(selectors, declarations string) {
	if lookOf(declarations, htmlLook{}) == (htmlLook{}) {
		return
	}
	for selector := range strings.SplitSeq(selectors, ",") {
		if strings.Contains(selector, "::") || strings.Contains(selector, ":before") || strings.Contains(selector, ":after") {
			continue // of what stands beside the element
		}
		selector = strings.TrimSpace(selector)
		if i := strings.LastIndexAny(selector, " >+~\t\r\n"); i >= 0 {
			selector = selector[i+1:]
		}
		selector, _, _ = strings.Cut(selector, ":")
		selector = strings.ToLower(strings.TrimPrefix(selector, "*"))
		if selector == "" || len(s.rules) >= maxSelector {
			continue
		}
		if s.rules == nil {
			s.rules = map[string]string{}
		}
		if had := s.rules[selector]; len(had) < 4<<10 {
			s.rules[selector] = had + ";" + declarations
		}
	}
}

// look is how an element of that name, with these classes and this id, looks in what looks so.
func (s *styleSheet) look(tag, classes, id string, l htmlLook) htmlLook {
	if len(s.rules) == 0 {
		return l
	}
	tag = strings.ToLower(tag)
	l = lookOf(s.rules[tag], l)
	for class := range strings.FieldsSeq(strings.ToLower(classes)) {
		l = lookOf(s.rules["."+class], l)
		l = lookOf(s.rules[tag+"."+class], l)
	}
	if id = strings.ToLower(id); id != "" {
		l = lookOf(s.rules["#"+id], l)
		l = lookOf(s.rules[tag+"#"+id], l)
	}
	return l
}

// lookOf is the look that declarations, as of a style attribute, make of another.
func lookOf(declarations string, l htmlLook) htmlLook {
	for d := range strings.SplitSeq(declarations, ";") {
		name, value, ok := strings.Cut(d, ":")
		if !ok {
			continue
		}
		value = strings.ToLower(strings.TrimSpace(strings.ReplaceAll(value, "!important", "")))
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "font-family", "font":
			family, _, _ := strings.Cut(value, ",")
			if i := strings.LastIndexAny(family, " "); i >= 0 && !strings.ContainsAny(family, `"'`) { // "12pt .VnTime"
				family = family[i+1:]
			} else if i := strings.IndexAny(family, `"'`); i >= 0 {
				family = family[i:]
			}
			named := fontOf(family)
			l.charset, l.capitals = named.charset, l.capitals || named.capitals
		case "text-transform":
			l.capitals = value == "uppercase"
		case "font-variant":
			l.capitals = l.capitals || strings.Contains(value, "small-caps")
		case "display", "mso-hide":
			l.hidden = l.hidden || value == "none" || value == "all"
		case "visibility":
			l.hidden = value == "hidden" || value == "collapse"
		case "font-size", "opacity":
			l.hidden = l.hidden || zeroLength(value)
		case "unicode-bidi":
			l.backward = l.backward || strings.Contains(value, "override")
		}
	}
	return l
}

// zeroLength tells "0", "0px" and "0.0em".
func zeroLength(s string) bool {
	digits := strings.TrimRight(s, "abcdefghijklmnopqrstuvwxyz% ")
	n, err := strconv.ParseFloat(digits, 64)
	return err == nil && n == 0
}

// withoutComments takes comments out of a style sheet, and the signs that hide it from old browsers.
func withoutComments(css string) string {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(css, "/*")
		b.WriteString(before)
		if !found {
			break
		}
		_, css, found = strings.Cut(rest, "*/")
		if !found {
			break
		}
	}
	return strings.NewReplacer("<!--", "", "-->", "").Replace(b.String())
}

// declarationsEnd is where the declarations of a rule end: a brace in a text ends none.
func declarationsEnd(css string) int {
	quote := byte(0)
	for i := 0; i < len(css); i++ {
		switch c := css[i]; {
		case c == '\\':
			i++
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '}' || c == '{':
			return i
		}
	}
	return len(css)
}

// cssEscape reads what stands behind a backslash (CSS 2.2, 4.1.3) and gives the octets that it has.
func cssEscape(s string) (text string, n int) {
	for n < len(s) && n < 6 && unhex(s[n]) >= 0 {
		n++
	}
	if n == 0 {
		_, n = utf8.DecodeRuneInString(s)
		return strings.Trim(s[:n], "\n"), n
	}
	r, _ := strconv.ParseUint(s[:n], 16, 32) // six digits at most
	if n < len(s) && (s[n] == ' ' || s[n] == '\n' || s[n] == '\t') {
		n++
	}
	return string(rune(r)), n
}
