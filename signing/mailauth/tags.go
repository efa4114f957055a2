package mailauth

import (
	"encoding/base64"
	"strconv"
	"strings"
	"time"
)

// tags are a tag-list's (RFC 6376 section 3.2): names as written, values without blanks around them.
type tags map[string]string

// parseTags reads a tag-list. Names are unique, every piece but the last has "=", and a value has printable
// characters and folds only; what is not so is no tag-list.
func parseTags(s string) (tags, bool) {
	out := tags{}
	pieces := strings.Split(s, ";")
	for i, piece := range pieces {
		name, value, found := strings.Cut(piece, "=")
		name, value = trim(name), trim(value)
		if !found {
			if name == "" && i == len(pieces)-1 && i > 0 {
				break
			}
			return nil, false
		}
		if _, twice := out[name]; twice || !tagName(name) || !tagValue(value) {
			return nil, false
		}
		out[name] = value
	}
	return out, true
}

func tagName(s string) bool {
	for i, c := range []byte(s) {
		letter := c|0x20 >= 'a' && c|0x20 <= 'z'
		if !letter && (i == 0 || (c < '0' || c > '9') && c != '_') {
			return false
		}
	}
	return s != ""
}

// tagValue allows what RFC 6376 section 3.2 does, with UTF-8 (RFC 8616) and a raw line end in a fold.
func tagValue(s string) bool {
	for _, c := range []byte(s) {
		if c < ' ' && c != '\t' && c != '\r' && c != '\n' || c == 0x7f {
			return false
		}
	}
	return true
}

func trim(s string) string { return strings.Trim(s, " \t\r\n") }

// solid is a value without the blanks and folds that are allowed in it.
func solid(s string) string {
	if !strings.ContainsAny(s, " \t\r\n") {
		return s
	}
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(" \t\r\n", r) {
			return -1
		}
		return r
	}, s)
}

func base64Value(s string) ([]byte, bool) {
	b, err := base64.StdEncoding.DecodeString(solid(s))
	return b, err == nil && len(b) > 0
}

// number reads digits; the second result is false when they are none or more than an int64 takes.
func number(s string) (int64, bool) {
	if s == "" || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil
}

// seconds reads a time; one beyond year 9999 is the end of time (RFC 6376 section 3.5 allows 12 digits and more).
func seconds(s string) (time.Time, bool) {
	const last = 253402300799 // 9999-12-31T23:59:59Z
	if s == "" || strings.Trim(s, "0123456789") != "" {
		return time.Time{}, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n > last {
		n = last
	}
	return time.Unix(n, 0).UTC(), true
}

func list(s string) []string {
	out := strings.Split(s, ":")
	for i := range out {
		out[i] = trim(out[i])
	}
	return out
}
