package extract

import (
	"slices"
	"strings"
)

// maxShownAttributes is how many attributes of one page's elements are read because a style sheet writes their values into it.
const maxShownAttributes = 64

// cssTexts are the texts that declarations write into a page, each declaration's parts put together (CSS 2.2 section 12.2; CSS
// Lists 3; CSS Counter Styles 3; variables), and the attributes whose values they write (CSS Values 4, attr()).
func cssTexts(declarations string) (texts, attributes []string) {
	for declarations != "" {
		n := declarationEnd(declarations)
		name, value, ok := strings.Cut(declarations[:n], ":")
		declarations = strings.TrimPrefix(declarations[n:], ";")
		if !ok || !writesText(strings.ToLower(strings.TrimSpace(name))) {
			continue
		}
		text, attrs := cssStrings(value)
		if strings.TrimSpace(text) != "" {
			texts = append(texts, text)
		}
		attributes = append(attributes, attrs...)
	}
	return texts, attributes
}

// writesText tells the properties whose strings are shown. Of a variable nobody knows what it is for.
func writesText(property string) bool {
	switch property {
	case "content", "list-style", "list-style-type", "symbols", "additive-symbols", "prefix", "suffix", "quotes", "text-overflow", "string-set":
		return true
	}
	return strings.HasPrefix(property, "--")
}

// declarationEnd is where the first declaration ends: a semicolon in a text ends none.
func declarationEnd(css string) int {
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
		case c == ';':
			return i
		}
	}
	return len(css)
}

// cssStrings are the strings of a value one behind the other, and the names in its attr().
func cssStrings(value string) (text string, attributes []string) {
	var b strings.Builder
	quote := byte(0)
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		case quote == 0:
			if c == '(' && i >= len("attr") && strings.EqualFold(value[i-len("attr"):i], "attr") {
				if name := attributeName(value[i+1:]); name != "" {
					attributes = append(attributes, name)
				}
			}
		case c == quote:
			quote = 0
		case c == '\\':
			r, n := cssEscape(value[i+1:])
			b.WriteString(r)
			i += n
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), attributes
}

// attributeName is the name that the argument of attr() begins with, in small letters.
func attributeName(argument string) string {
	argument = strings.TrimLeft(argument, " \t\r\n")
	n := strings.IndexAny(argument, " \t\r\n,)")
	if n < 0 {
		n = len(argument)
	}
	return strings.ToLower(argument[:n])
}

// shows adds the attributes whose values the page shows, and tells whether one of them is new.
func (s *styleSheet) shows(attributes []string) (learned bool) {
	for _, a := range attributes {
		if len(s.attributes) < maxShownAttributes && !slices.Contains(s.attributes, a) {
			s.attributes, learned = append(s.attributes, a), true
		}
	}
	return learned
}
