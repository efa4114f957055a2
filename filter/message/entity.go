package message

import (
	"slices"
	"strings"
)

const (
	maxViews     = 16 // ways to read one part's header that are walked
	maxSameField = 4  // fields of one name that are read
)

// view is one way to read a part's body.
type view struct {
	mediaType  string // "" when no field says it
	params     map[string]string
	boundaries []string
	enc        Encoding
}

// entity is what one reading of a header block says of the body.
type entity struct {
	header      *Header
	body        int64
	views       []view // at least one
	more        bool   // there were more than maxViews, or more fields or parameters than are read
	tooBig      bool   // there was a boundary over maxBoundary
	kinds       []AnomalyKind
	names       []string
	disposition string
	contentID   string
}

// entities are the readings of a block, the most usual first.
func (b *block) entities() []*entity {
	if b.read == nil {
		b.read = b.makeEntities()
	}
	return b.read
}

func (b *block) makeEntities() []*entity {
	all := newEntity(b.header, b.at.End)
	out := []*entity{all}
	if ended := b.endedEarly(); ended != nil {
		if len(ended.header.Fields) > 0 || b.header.familiar() {
			out = append(out, ended)
		} else { // the header is missing: this is text at once
			out = []*entity{ended}
		}
	}
	if b.loose != nil {
		out = append(out, newEntity(b.loose.header, b.loose.at.End))
		if ended := b.loose.endedEarly(); ended != nil && (len(ended.header.Fields) > 0 || b.loose.header.familiar()) {
			out = append(out, ended)
		}
	}
	out[0].kinds = append(out[0].kinds, b.kinds...)
	return out
}

// headers are the readings of the block, nil when there is only one.
func (b *block) headers() []*Header {
	if b == nil || len(b.entities()) < 2 {
		return nil
	}
	var out []*Header
	for _, e := range b.entities() {
		out = append(out, e.header)
	}
	return out
}

// endedEarly is the reading that ends the block at a line that is no field, nil when there is none.
func (b *block) endedEarly() *entity {
	if b.other < 0 {
		return nil
	}
	var before []Field
	for _, f := range b.header.Fields {
		if f.Range.Start < b.other && f.Name != "" {
			before = append(before, f)
		}
	}
	return newEntity(&Header{Fields: before}, b.other)
}

// familiar tells whether a header holds a field that mail has, so that it is one.
func (h *Header) familiar() bool {
	for _, f := range h.Fields {
		if len(f.Name) > 8 && strings.EqualFold(f.Name[:8], "content-") {
			return true
		}
		for _, name := range []string{"from", "subject", "received", "to", "date", "mime-version", "sender", "reply-to", "cc", "message-id"} {
			if strings.EqualFold(f.Name, name) {
				return true
			}
		}
	}
	return false
}

func newEntity(h *Header, body int64) *entity {
	e := &entity{header: h, body: body}
	types, encodings, dispositions := e.collect()
	var names nameList
	for _, d := range dispositions {
		st := parseStructured(d)
		e.more = e.more || st.cut
		names.addAll(st, "filename")
	}
	var contents []content
	for _, v := range types {
		c, st := e.contentType(v)
		e.more = e.more || st.cut
		contents = append(contents, c...)
		names.addAll(st, "name")
	}
	if len(contents) == 0 {
		contents = []content{{}}
	}
	e.names = names.list
	if names.twice {
		e.note(NameTwice)
	}
	if names.odd {
		e.note(MalformedName)
	}
	e.makeViews(contents, e.encodings(encodings))
	return e
}

func (e *entity) note(k AnomalyKind) { e.kinds = addKind(e.kinds, k) }

// disposition is what a Content-Disposition field says.
func disposition(v string) string {
	switch head := parseStructured(v).head; head {
	case "", "inline":
		return head
	}
	return "attachment" // RFC 2183 section 2.8: what is unknown is an attachment
}

func strongest(a, b string) string {
	if a == "attachment" || b == "" {
		return a
	}
	return b
}

// collect takes the values of the fields that describe the body.
func (e *entity) collect() (types, encodings, dispositions []string) {
	var arrays [3][1]string // for the usual case of one field each
	types, encodings, dispositions = arrays[0][:0], arrays[1][:0], arrays[2][:0]
	for _, f := range e.header.Fields {
		if len(f.Name) < 10 || f.Name[7] != '-' {
			continue
		}
		var list *[]string
		kind := DuplicateField
		switch {
		case strings.EqualFold(f.Name, "Content-Type"):
			list, kind = &types, DuplicateContentType
		case strings.EqualFold(f.Name, "Content-Transfer-Encoding"):
			list, kind = &encodings, DuplicateEncoding
		case strings.EqualFold(f.Name, "Content-Disposition"):
			list = &dispositions
		case strings.EqualFold(f.Name, "Content-ID") && e.contentID == "":
			e.contentID = strings.Trim(f.Value(), " \t<>")
		}
		if list == nil {
			continue
		}
		if len(*list) > 0 {
			e.note(kind)
		}
		v := f.Value()
		if list == &dispositions { // whichever field a program takes, one that takes the strongest saves a file
			e.disposition = strongest(e.disposition, disposition(v))
		}
		switch {
		case slices.Contains(*list, v):
		case len(*list) == maxSameField: // the first and the last are those that programs take
			(*list)[maxSameField-1], e.more = v, true
		default:
			*list = append(*list, v)
		}
	}
	return types, encodings, dispositions
}

// content is what one Content-Type field may say.
type content struct {
	mediaType  string
	params     map[string]string
	boundaries []string
}

// contentType reads one Content-Type field every way that readers do.
func (e *entity) contentType(v string) ([]content, structured) {
	st := parseStructured(v)
	c := content{mediaType: st.head}
	var charsets []string
	if len(st.params) > 0 {
		c.params = make(map[string]string, len(st.params))
	}
	odd := st.odd
	for _, p := range st.params {
		old, twice := c.params[p.name]
		if twice && !(old == p.value && p.extended) && isWeighty(p.name) {
			e.note(DuplicateParameter)
		}
		if twice && p.extended && p.name == "charset" {
			charsets = append(charsets, old)
		}
		if !twice || p.extended {
			c.params[p.name] = p.value
		}
		switch p.name {
		case "boundary":
			e.tooBig = e.tooBig || len(p.value) > maxBoundary
			c.boundaries = addBoundary(addBoundary(c.boundaries, p.value), p.other)
		case "charset":
			if p.value != c.params["charset"] || len(charsets) > 0 {
				charsets = append(charsets, p.value)
			}
		}
		odd = odd || p.odd && p.name != "name"
	}
	kind, subtype, slash := strings.Cut(st.head, "/")
	valid := slash && isToken(kind) && isToken(subtype)
	if odd || !valid {
		e.note(MalformedContentType)
	}
	out := []content{c}
	if !valid {
		out[0].mediaType = "text/plain" // RFC 2045 section 5.2
		if strings.HasPrefix(kind, "multipart") || len(c.boundaries) > 0 {
			c.mediaType = "multipart/mixed"
			out = append(out, c)
		}
	}
	unknown := !valid && kind != "" && kind != "text" && !strings.HasPrefix(kind, "multipart")
	if unknown || e.tooBig { // some programs save it as a file
		out = append(out, content{mediaType: "application/octet-stream", params: c.params})
	}
	for _, cs := range charsets {
		if cs != c.params["charset"] {
			other := c
			other.params = make(map[string]string, len(c.params))
			for k, v := range c.params {
				other.params[k] = v
			}
			other.params["charset"] = cs
			out = append(out, other)
		}
	}
	return out, st
}

// isWeighty tells the parameters that must not come twice.
func isWeighty(name string) bool {
	return name == "boundary" || name == "charset" || name == "name"
}

func addBoundary(list []string, v string) []string {
	v = strings.TrimRight(v, " \t") // RFC 2046 section 5.1.1: a boundary does not end in a blank
	if v == "" || len(v) > maxBoundary || slices.Contains(list, v) {
		return list
	}
	return append(list, v)
}

func isToken(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f || strings.IndexByte(`()<>@,;:\"/[]?=`, s[i]) >= 0 {
			return false
		}
	}
	return s != ""
}

// encodings reads the Content-Transfer-Encoding fields (RFC 2045 section 6).
func (e *entity) encodings(values []string) []Encoding {
	if len(values) == 0 {
		return []Encoding{Identity}
	}
	var out []Encoding
	for _, v := range values {
		enc, exact := encodingOf(v)
		if !slices.Contains(out, enc) {
			out = append(out, enc)
		}
		if !exact {
			e.note(UnknownEncoding)
			if !slices.Contains(out, Identity) {
				out = append(out, Identity)
			}
		}
	}
	if len(out) > 1 && !slices.Contains(out, Identity) {
		out = append(out, Identity)
	}
	return out
}

// encodingOf reads one value; exact is false when it is not one of RFC 2045 alone.
func encodingOf(v string) (enc Encoding, exact bool) {
	v = strings.ToLower(v)
	switch v {
	case "7bit", "8bit", "binary":
		return Identity, true
	case "base64":
		return Base64, true
	case "quoted-printable":
		return QuotedPrintable, true
	}
	for _, known := range []struct {
		word string
		enc  Encoding
	}{{"base64", Base64}, {"quoted-printable", QuotedPrintable}, {"uue", UUEncode}, {"yenc", YEnc}} {
		if strings.Contains(v, known.word) {
			return known.enc, false
		}
	}
	return Identity, false
}

// makeViews makes the ways to read the body: every type with every encoding.
func (e *entity) makeViews(contents []content, encodings []Encoding) {
	for _, c := range contents {
		for _, enc := range encodings {
			if len(e.views) == maxViews {
				e.more = true
				return
			}
			e.views = append(e.views, view{c.mediaType, c.params, c.boundaries, enc})
		}
	}
}
