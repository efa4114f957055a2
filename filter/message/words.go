package message

import "strings"

// maxCharsetName bounds the charset's name in an encoded-word, in octets.
const maxCharsetName = 64

// DecodeText turns the text of a header field into UTF-8 in NFC: folds taken out, encoded-words
// decoded (RFC 2047), also damaged ones and those that stand where none is allowed, as mail
// clients show them; raw octets read as UTF-8, what is none in the Vietnamese charset that its words
// show, or else as Latin-1.
func DecodeText(raw string) string {
	raw = unfold(raw)
	next := strings.Index(raw, "=?")
	if next < 0 {
		return readable(raw)
	}
	d := wordDecoder{src: raw, end: -1}
	d.run(next)
	return readable(d.out.String())
}

// unfold takes line breaks out (RFC 5322 section 2.2.3); the blanks that follow them stay.
func unfold(s string) string {
	if strings.IndexByte(s, '\n') < 0 && strings.IndexByte(s, '\r') < 0 {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\n':
		case s[i] == '\r' && (i+1 == len(s) || s[i+1] == '\n'):
		case s[i] == '\r':
			b.WriteByte(' ') // alone it is a blank to most readers
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

// wordDecoder goes once through a text. Octets of neighbouring words of one charset are joined
// before they are decoded: senders split letters between words.
type wordDecoder struct {
	src     string
	out     strings.Builder
	charset string
	octets  []byte
	pending bool // octets of a word wait
	end     int  // index of the first "?=" at or after the place last looked from; len(src) for none
}

func (d *wordDecoder) run(next int) {
	done := 0 // src[:done] is written
	for at := next; at >= 0; {
		charset, octets, stop, ok := d.word(at)
		if !ok {
			at = indexFrom(d.src, "=?", at+1)
			continue
		}
		between := d.src[done:at]
		if !d.pending || strings.Trim(between, " \t") != "" {
			d.flush()
			d.out.WriteString(readable(between))
		}
		if d.pending && !strings.EqualFold(d.charset, charset) {
			d.flush()
		}
		d.charset, d.pending = charset, true
		d.octets = append(d.octets, octets...)
		done = stop
		at = indexFrom(d.src, "=?", stop)
	}
	d.flush()
	d.out.WriteString(readable(d.src[done:]))
}

func indexFrom(s, sub string, from int) int {
	i := strings.Index(s[from:], sub)
	if i < 0 {
		return -1
	}
	return from + i
}

func (d *wordDecoder) flush() {
	if d.pending {
		d.out.WriteString(decodeString(d.octets, d.charset))
		d.octets, d.pending = d.octets[:0], false
	}
}

// word reads the encoded-word at src[at:], "=?charset*lang?encoding?text?=".
func (d *wordDecoder) word(at int) (charset string, octets []byte, stop int, ok bool) {
	s := d.src[at+2:]
	q := strings.IndexByte(s[:min(len(s), maxCharsetName)], '?')
	if q < 1 || len(s) < q+3 || s[q+2] != '?' || strings.ContainsAny(s[:q], " \t") {
		return "", nil, 0, false
	}
	charset, _, _ = strings.Cut(s[:q], "*") // RFC 2231 section 5
	start := at + 2 + q + 3
	if d.end < start {
		if d.end = indexFrom(d.src, "?=", start); d.end < 0 {
			d.end = len(d.src)
		}
	}
	if d.end == len(d.src) {
		return "", nil, 0, false
	}
	text := d.src[start:d.end]
	switch s[q+1] {
	case 'b', 'B':
		octets = decodeBase64String(text)
	case 'q', 'Q':
		octets = decodeQ(text)
	default:
		return "", nil, 0, false
	}
	return charset, octets, d.end + 2, true
}

// decodeQ decodes the Q encoding (RFC 2047 section 4.2).
func decodeQ(s string) []byte {
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '_':
			out = append(out, ' ')
		case s[i] == '=' && i+2 < len(s) && hexDigit(s[i+1]) < 16 && hexDigit(s[i+2]) < 16:
			out = append(out, hexDigit(s[i+1])<<4|hexDigit(s[i+2]))
			i += 2
		default:
			out = append(out, s[i])
		}
	}
	return out
}
