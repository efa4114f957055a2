package mailauth

import "strings"

// reported is one result of an Authentication-Results field (RFC 8601 section 2.2), names in lower case.
type reported struct {
	method, result string
	properties     map[string]string // "header.from" to its value, unquoted
}

// parseResults reads what follows the "i=n;" of ARC-Authentication-Results or the name of Authentication-Results: the
// authserv-id and the results. What is no result is left out; of a property that is there twice the first counts.
func parseResults(value string) (authserv string, out []reported) {
	pieces := splitResults(value)
	id := strings.Fields(pieces[0])
	if len(id) == 0 {
		return "", nil
	}
	for _, piece := range pieces[1:] {
		if r, ok := parseResult(piece); ok {
			out = append(out, r)
		}
	}
	return strings.ToLower(strings.Trim(id[0], `"`)), out
}

// splitResults cuts at ";" outside of quotes and comments. Comments become blanks; a blank in quotes and what else
// has a meaning outside of them is marked, so that words are words.
func splitResults(value string) []string {
	var out []string
	var b strings.Builder
	quoted, depth := false, 0
	for i := 0; i < len(value); i++ {
		c := value[i]
		switch {
		case c == '\\' && (quoted || depth > 0):
			i++
			if quoted && i < len(value) {
				b.WriteByte(inQuotes(value[i]))
			}
		case c == '"' && depth == 0:
			quoted = !quoted
		case quoted:
			b.WriteByte(inQuotes(c))
		case c == '(':
			depth++
		case c == ')' && depth > 0:
			if depth--; depth == 0 {
				b.WriteByte(' ')
			}
		case depth > 0:
		case c == ';':
			out = append(out, b.String())
			b.Reset()
		default:
			b.WriteByte(c)
		}
	}
	return append(out, b.String())
}

// inQuotes is an octet of a quoted-string; what would end a word outside of it is a "?": no value that is compared has it.
func inQuotes(c byte) byte {
	if c <= ' ' || c == '=' || c == ';' || c >= 0x7f {
		return '?'
	}
	return c
}

// parseResult reads "method[/version]=result" and its properties. Blanks may stand around "=", "/" and ".".
func parseResult(s string) (reported, bool) {
	for _, sign := range []string{"=", "/", "."} {
		parts := strings.Split(s, sign)
		for i := range parts {
			parts[i] = trim(parts[i])
		}
		s = strings.Join(parts, sign)
	}
	r := reported{properties: map[string]string{}}
	for i, word := range strings.Fields(s) {
		name, value, found := strings.Cut(word, "=")
		name, value = strings.ToLower(name), strings.ToLower(value)
		switch {
		case i == 0 && !found:
			return r, false // "none"
		case i == 0:
			r.method, _, _ = strings.Cut(name, "/")
			r.result = value
		case found:
			if _, twice := r.properties[name]; !twice {
				r.properties[name] = value
			}
		}
	}
	return r, r.method != ""
}

// Vouched tells that a chain which passes, all of whose sealers are trusted, says that the message passed DMARC for that
// author when the first of them got it (RFC 8617 section 7.2.1): what a list changed afterwards is the list's. author is
// a domain.
func (a ARC) Vouched(trusted func(domain string) bool, author string) bool {
	author, ok := asciiDomain(author)
	if !ok || a.Result != Pass || len(a.Sealers) == 0 {
		return false
	}
	for _, s := range a.Sealers {
		if !trusted(s.Domain) {
			return false
		}
	}
	_, results := parseResults(a.Sealers[0].Results)
	passed := false
	for _, r := range results {
		if r.method != "dmarc" {
			continue
		}
		from, ok := asciiDomain(r.properties["header.from"])
		if !ok || from != author || r.result != string(Pass) {
			return false // one that says otherwise of anything is no proof
		}
		passed = true
	}
	return passed
}
