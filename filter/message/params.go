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
	cut    bool // there are more parameters than are read
}

const (
	// maxParams bounds the parameters of one field that are read. Those that say where parts are, what
	// they are named and how they are written are looked for beyond it.
	maxParams = 64
	// maxWeighty bounds those, with the pieces that RFC 2231 makes of them. What is beyond is not inspected.
	maxWeighty = 256
)

// weighty tells the parameters that readers of a message act on.
func weighty(name string) bool {
	base, _, _ := strings.Cut(name, "*")
	switch base {
	case "boundary", "charset", "name", "filename":
		return true
	}
	return false
}

// fieldReader reads one field's value.
type fieldReader struct {
	s        string
	comments comments
}

// parseStructured reads a Content-Type or Content-Disposition value (RFC 2045 section 5.1,
// RFC 2183, RFC 2231). Nothing makes it fail: what is malformed is read as mail clients do.
func parseStructured(s string) structured {
	r := fieldReader{s, findComments(s)}
	out := r.read()
	if !r.comments.hold(s, ';') {
		return out
	}
	// Programs that know no comments see parameters in them.
	for _, p := range (fieldReader{s: s}).read().params {
		same := func(q param) bool { return q.name == p.name && q.value == p.value }
		if weighty(p.name) && len(out.params) < 2*maxWeighty && !slices.ContainsFunc(out.params, same) {
			out.params, out.odd = append(out.params, p), true
		}
	}
	return out
}

func (r fieldReader) read() structured {
	s := r.s
	var out structured
	whole, i := r.unquoted(0)
	head, odd := cutComments(whole)
	// "text/html charset=utf-8": the semicolon is missing.
	if start := skipBlanks(s, 0); strings.ContainsAny(head, " \t") && s[start] != '(' {
		i = start + strings.IndexAny(s[start:], " \t(")
		head, odd = s[start:i], true
	}
	out.head, out.odd = strings.ToLower(head), out.odd || odd
	var segments []segment
	for n := 0; i < len(s); n++ {
		var p param
		var bad bool
		p, i, bad = r.param(i)
		out.odd = out.odd || bad
		if p.name == "" || n >= maxParams && !weighty(p.name) {
			continue
		}
		if len(out.params)+len(segments) == maxWeighty {
			out.cut = true
			continue
		}
		if seg, ok := splitName(p); ok {
			segments = append(segments, seg)
			continue
		}
		out.params = append(out.params, p)
	}
	out.odd = out.odd || out.cut
	if len(segments) > 0 {
		out.params = append(out.params, assemble(segments)...)
	}
	return out
}

// param reads one parameter from i on, which begins at a semicolon or at what stands where
// one is missing. A parameter without a name is none.
func (r fieldReader) param(i int) (p param, next int, odd bool) {
	s := r.s
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
		next = p.readQuoted(r, next)
	} else {
		next = p.readToken(r, next)
	}
	return p, next, odd || bad || name == ""
}

func skipBlanks(s string, i int) int {
	for i < len(s) && (s[i] == ' ' || s[i] == '\t') {
		i++
	}
	return i
}

// readQuoted reads a quoted-string at i and returns where the next parameter begins.
func (p *param) readQuoted(r fieldReader, i int) int {
	s := r.s
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
		after := r.comments.end(end)
		if after < 0 {
			break
		}
		end = skipBlanks(s, after)
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

// readToken reads an unquoted value at i. Octets that RFC 2045 wants quoted but that every
// reader takes ("boundary=----=_Part/1") are not odd.
func (p *param) readToken(r fieldReader, i int) int {
	whole, next := r.unquoted(i)
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

// unquoted reads to the next semicolon that stands in no comment. A parenthesis that nothing closes
// begins none.
func (r fieldReader) unquoted(i int) (string, int) {
	start := i
	for i < len(r.s) && r.s[i] != ';' {
		end := -1
		if r.s[i] == '(' {
			end = r.comments.end(i)
		}
		i = max(i+1, end)
	}
	return r.s[start:i], i
}

// cutComments takes comments and outer blanks away; odd tells one that nothing closes.
func cutComments(s string) (out string, odd bool) {
	at := strings.IndexByte(s, '(')
	if at < 0 {
		return strings.Trim(s, " \t"), false
	}
	comments := findComments(s)
	var b strings.Builder
	for i := 0; i < len(s); {
		end := -1
		if s[i] == '(' {
			end = comments.end(i)
			odd = odd || end < 0
		}
		if end < 0 {
			b.WriteByte(s[i])
			end = i + 1
		}
		i = end
	}
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
