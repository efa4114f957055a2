package marking

import "strings"

// maxTag is how many octets a tag of HTML in a text may have.
const maxTag = 256

// untagged takes the tags of HTML out of a line of text: mails quote the source of pages, and programs send HTML as
// plain text. What a tag divides is divided by a tab; letters in other dress, <b> and <font>, stay in their line.
func untagged(s string) string {
	if !strings.Contains(s, "<") || !strings.Contains(s, ">") {
		return s
	}
	var b strings.Builder
	done := 0
	for i := 0; i < len(s); i++ {
		if s[i] != '<' {
			continue
		}
		end := strings.IndexByte(s[i:min(len(s), i+maxTag)], '>')
		if end < 0 {
			continue
		}
		divides, ok := htmlTag(s[i+1 : i+end])
		if !ok {
			continue
		}
		b.WriteString(s[done:i])
		if divides {
			b.WriteByte('\t')
		}
		i += end
		done = i + 1
	}
	if done == 0 {
		return s
	}
	b.WriteString(s[done:])
	return strings.ReplaceAll(b.String(), "&nbsp;", " ")
}

// htmlTag tells a tag by what is between its brackets, and whether it divides what stands around it.
func htmlTag(s string) (divides, ok bool) {
	s = strings.TrimPrefix(s, "/")
	end := strings.IndexFunc(s, func(r rune) bool { return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9') })
	if end < 0 {
		end = len(s)
	}
	switch strings.ToLower(s[:end]) {
	case "b", "strong", "i", "em", "u", "font", "span", "big", "small", "mark", "s", "a", "sup", "sub":
		return false, true
	case "p", "br", "div", "td", "th", "tr", "table", "tbody", "thead", "center", "h1", "h2", "h3", "h4", "h5", "h6", "li", "ul", "ol",
		"html", "body", "head", "title", "hr", "pre", "blockquote", "section", "header", "footer", "caption", "label", "option", "select":
		return true, true
	}
	return false, false
}
