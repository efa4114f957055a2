package peer

import (
	"bytes"
	"strings"
)

// Field is the value of the first header field of that name, unfolded; "" when there is none.
func Field(msg []byte, name string) string {
	for _, f := range Fields(msg) {
		if n, v, ok := strings.Cut(f, ":"); ok && strings.EqualFold(n, name) {
			return strings.TrimSpace(strings.ReplaceAll(v, "\r\n", ""))
		}
	}
	return ""
}

// Fields are the header fields of a message, raw, without the last line end.
func Fields(msg []byte) []string {
	head, _, _ := bytes.Cut(msg, []byte("\r\n\r\n"))
	var out []string
	for line := range strings.SplitSeq(string(head), "\r\n") {
		if len(out) > 0 && (strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t")) {
			out[len(out)-1] += "\r\n" + line
			continue
		}
		out = append(out, line)
	}
	return out
}
