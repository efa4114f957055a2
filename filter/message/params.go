package message

import (
	"slices"
	"strconv"
	"strings"
)

// param is one parameter of Content-Type or Content-Disposition.
type param struct {
	name     string // lower case, without the marks of RFC 2231
	value    string
	other    string // a second way to read the value, "" without
	quoted   bool   // it was a quoted-string
	extended bool   // RFC 2231: value is decoded
	odd      bool   // not as RFC 2045 section 5.1 or RFC 2231 writes it
}

// structured is a field value of the form "head; name=value; …", read leniently.
type structured struct {
	head   string // lower case
	params []param
	odd    bool // what stands beside the parameters is not as RFC 2045 section 5.1 writes it
}

// maxParams bounds the parameters of one field that are read.
const maxParams = 64

// parseStructured reads a Content-Type or Content-Disposition value (RFC 2045 section 5.1,
// RFC 2183, RFC 2231). Nothing makes it fail: what is malformed is read as mail clients do.
func parseStructured(s string) structured {
	var out structured
	whole, i := readUnquoted(s, 0)
	head, odd := cutComments(whole)
	// "text/html charset=utf-8": the semicolon is missing.
	if start := skipBlanks(s, 0); strings.ContainsAny(head, " \t") && s[start] != '(' {
		i = start + strings.IndexAny(s[start:], " \t(")
		head, odd = s[start:i], true
	}
	out.head, out.odd = strings.ToLower(head), out.odd || odd
	var segments []segment
	for n := 0; i < len(s) && n < maxParams; n++ {
		var p param
		var bad bool
		p, i, bad = readParam(s, i)
		out.odd = out.odd || bad
		if p.name == "" {
			continue
		}
		if seg, ok := splitName(p); ok {
			segments = append(segments, seg)
			continue
		}
		out.params = append(out.params, p)
	}
	out.odd = out.odd || strings.TrimLeft(s[min(i, len(s)):], "; \t") != ""
	if len(segments) > 0 {
		out.params = append(out.params, assemble(segments)...)
	}
	return out
}

// readParam reads one parameter from s[i:], which begins at a semicolon or at what stands where
// one is missing. A parameter without a name is none.
func readParam(s string, i int) (p param, next int, odd bool) {
	if s[i] == ';' {
		i++
	} else {
		odd = true
	}
	i = skipBlanks(s, i)
	if i == len(s) {
		return p, i, odd // a trailing semicolon is ordinary
	}
	eq := strings.IndexAny(s[i:], "=;")
	if eq < 0 {
		return p, len(s), true
	}
	if s[i+eq] == ';' {
		return p, i + eq, true
	}
	name, bad := cutComments(s[i : i+eq])
	if at := strings.LastIndexAny(name, " \t"); at >= 0 {
		name, bad = name[at+1:], true
	}
	p.name = strings.ToLower(name)
	next = skipBlanks(s, i+eq+1)
	if next < len(s) && s[next] == '"' {
		next = p.readQuoted(s, next)
	} else {
		next = p.readToken(s, next)
	}
	return p, next, odd || bad || name == ""
}

func skipBlanks(s string, i int) int {
	for i < len(s) && (s[i] == ' ' || s[i] == '\t') {
		i++
	}
	return i
}

// readQuoted reads a quoted-string at s[i] and returns where the next parameter begins.
func (p *param) readQuoted(s string, i int) int {
	p.quoted = true
	start := i + 1
	end, escaped := start, false
	for end < len(s) && s[end] != '"' {
		if s[end] == '\\' && end+1 < len(s) {
			escaped = true
			end++
		}
		end++
	}
	if end >= len(s) { // no closing quote
		p.odd = true
		p.value = s[start:]
		if at := strings.IndexByte(p.value, ';'); at >= 0 {
			p.value, p.other = p.value[:at], p.value
		}
		return len(s)
	}
	p.value = s[start:end]
	if escaped {
		p.value = unescape(p.value)
		if raw := s[start:end]; strings.ReplaceAll(raw, `\"`, `"`) != p.value && raw != p.value {
			p.other = raw // "C:\temp\a.doc" with its backslashes, as many clients show it
		}
	}
	end = skipBlanks(s, end+1)
	for end < len(s) && s[end] == '(' {
		end = skipBlanks(s, skipComment(s, end))
	}
	return end
}

func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// readToken reads an unquoted value at s[i]. Octets that RFC 2045 wants quoted but that every
// reader takes ("boundary=----=_Part/1") are not odd.
func (p *param) readToken(s string, i int) int {
	whole, next := readUnquoted(s, i)
	whole = strings.Trim(whole, " \t")
	bare, bad := cutComments(whole)
	if bare != whole {
		p.other = whole
		bad = bad || !strings.HasPrefix(whole, bare) && !strings.HasSuffix(whole, bare) && whole[0] != '('
	}
	p.value, p.odd = bare, bad || bare == ""
	if at := strings.IndexAny(bare, " \t\""); at >= 0 {
		p.value, p.other, p.odd = bare[:at], whole, true
	}
	return next
}

// readUnquoted reads to the next semicolon that stands in no comment.
func readUnquoted(s string, i int) (string, int) {
	start := i
	for i < len(s) && s[i] != ';' {
		if s[i] != '(' {
			i++
			continue
		}
		if end := skipComment(s, i); end < len(s) || s[len(s)-1] == ')' {
			i = end
		} else {
			i++ // no comment after all: it never ends
			for i < len(s) && s[i] != ';' {
				i++
			}
		}
	}
	return s[start:i], i
}

// skipComment returns the index after the comment that begins at s[i] (RFC 5322 section 3.2.2).
func skipComment(s string, i int) int {
	for depth := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return len(s)
}

// cutComments takes comments and outer blanks away; odd tells an open comment.
func cutComments(s string) (out string, odd bool) {
	at := strings.IndexByte(s, '(')
	if at < 0 {
		return strings.Trim(s, " \t"), false
	}
	var b strings.Builder
	for at >= 0 {
		b.WriteString(s[:at])
		end := skipComment(s, at)
		odd = s[end-1] != ')'
		s = s[end:]
		at = strings.IndexByte(s, '(')
	}
	b.WriteString(s)
	return strings.Trim(b.String(), " \t"), odd
}

// segment is one piece of a parameter that RFC 2231 splits or encodes.
type segment struct {
	name    string
	index   int
	encoded bool
	value   string
	odd     bool
}

// splitName reads the marks of RFC 2231 in a parameter's name: "name*", "name*1", "name*1*".
func splitName(p param) (segment, bool) {
	base, mark, ok := strings.Cut(p.name, "*")
	if !ok || base == "" {
		return segment{}, false
	}
	seg := segment{name: base, value: p.value, odd: p.odd}
	if mark == "" {
		seg.encoded = true
		return seg, true
	}
	mark, seg.encoded = strings.CutSuffix(mark, "*")
	n, err := strconv.Atoi(mark)
	if err != nil || n < 0 {
		n, seg.odd = maxParams, true
	}
	seg.index = n
	return seg, true
}

// assemble joins the segments of each parameter (RFC 2231 sections 3 and 4).
func assemble(segments []segment) []param {
	slices.SortStableFunc(segments, func(a, b segment) int {
		if c := strings.Compare(a.name, b.name); c != 0 {
			return c
		}
		return a.index - b.index
	})
	var out []param
	for len(segments) > 0 {
		n := 1
		for n < len(segments) && segments[n].name == segments[0].name {
			n++
		}
		out = append(out, join(segments[:n]))
		segments = segments[n:]
	}
	return out
}

func join(segments []segment) param {
	p := param{name: segments[0].name, extended: true}
	charset := ""
	var octets []byte
	for i, seg := range segments {
		value := seg.value
		if i == 0 && seg.encoded {
			parts := strings.SplitN(value, "'", 3)
			if len(parts) == 3 {
				charset, value = parts[0], parts[2]
			} else {
				p.odd = true
			}
		}
		p.odd = p.odd || seg.odd || seg.index != i
		if !seg.encoded {
			octets = append(octets, value...)
			continue
		}
		var ok bool
		octets, ok = appendPercent(octets, value)
		p.odd = p.odd || !ok
	}
	p.value = decodeString(octets, charset)
	return p
}

// appendPercent decodes %XX; ok is false when a percent sign stands alone.
func appendPercent(dst []byte, s string) (out []byte, ok bool) {
	ok = true
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			dst = append(dst, s[i])
			continue
		}
		if i+2 < len(s) {
			hi, lo := hexDigit(s[i+1]), hexDigit(s[i+2])
			if hi < 16 && lo < 16 {
				dst = append(dst, hi<<4|lo)
				i += 2
				continue
			}
		}
		ok = false
		dst = append(dst, '%')
	}
	return dst, ok
}

// hexDigit is the value of a hexadecimal digit, 255 for any other octet.
func hexDigit(c byte) byte { return hexDigits[c] }

// hexDigits is a constant table.
var hexDigits = makeHexDigits()

func makeHexDigits() (t [256]byte) {
	for c := range t {
		t[c] = 255
	}
	for v, c := range []byte("0123456789abcdef") {
		t[c] = byte(v)
	}
	for v, c := range []byte("ABCDEF") {
		t[c] = byte(10 + v)
	}
	return t
}
