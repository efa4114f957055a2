package filter

import (
	"encoding/json"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// maxReply is the longest reply line in octets with its CRLF (RFC 5321 section 4.5.3.1.5).
const maxReply = 512

// Reply is what the SMTP client is told: one line, ASCII. Only this file makes one, and the class
// of the enhanced status code is taken from the reply code, so the two cannot disagree.
type Reply struct {
	code   int
	status string // subject and detail, "7.1" (RFC 3463)
	text   string
}

// Code is the reply code, 0 for the zero Reply.
func (r Reply) Code() int { return r.code }

// Status is the enhanced status code, "5.7.1".
func (r Reply) Status() string {
	if r.code == 0 {
		return ""
	}
	return strconv.Itoa(r.code/100) + "." + r.status
}

// Text is what stands after the codes.
func (r Reply) Text() string { return r.text }

// String is the reply line without CRLF.
func (r Reply) String() string {
	if r.code == 0 {
		return ""
	}
	return strconv.Itoa(r.code) + " " + r.Status() + " " + r.text
}

// MarshalJSON writes {"code": 550, "status": "5.7.1", "text": "…"}.
func (r Reply) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Code   int    `json:"code"`
		Status string `json:"status"`
		Text   string `json:"text"`
	}{r.code, r.Status(), r.text})
}

// NewReply builds a reply without a clause: protocol errors and our own trouble.
func NewReply(code int, status string, t Text, id string) Reply {
	return buildReply(code, status, "", t, nil, id)
}

// buildReply puts a reply together and cuts the English text when the line would be too long;
// never the code, the clause or the id. others are the further clauses that the message breaks.
func buildReply(code int, status, clause string, t Text, others []string, id string) Reply {
	var head, tail string
	if clause != "" {
		head = "[" + clause + "] "
	}
	if len(others) > 0 {
		tail = " (+ [" + strings.Join(others, "] [") + "])"
	}
	if id != "" {
		tail += " (id " + id + ")"
	}
	room := maxReply - len("\r\n") - len("550 5.7.10 ") - len(head) - len(tail)
	vi, en := plainASCII(t.Vietnamese), plainASCII(t.English)
	body := vi + " / " + en
	switch {
	case len(vi) > room:
		body = vi[:room]
	case len(body) > room && room-len(vi) > len(" / ...")+8:
		body = body[:room-3] + "..."
	case len(body) > room:
		body = vi
	}
	return Reply{code: code, status: status, text: head + body + tail}
}

// plainASCII takes Vietnamese diacritics away and turns what is left beyond printable ASCII into "?".
func plainASCII(s string) string {
	if strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) < 0 {
		return s // as the catalogue's texts are
	}
	var b strings.Builder
	for _, r := range norm.NFD.String(s) {
		switch {
		case r == 'đ':
			b.WriteByte('d')
		case r == 'Đ':
			b.WriteByte('D')
		case unicode.Is(unicode.Mn, r):
		case r == '“' || r == '”':
			b.WriteByte('"')
		case r == '–':
			b.WriteByte('-')
		case r < ' ' || r > '~':
			b.WriteByte('?')
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
