package rules_test

import (
	"fmt"
	"strings"
	"testing"
)

// inText is a file of n octets as it stands uuencoded or in yEnc in a text.
func inText(kind string, n int) string {
	var b strings.Builder
	if kind == "yenc" {
		fmt.Fprintf(&b, "=ybegin line=128 size=%d name=a.bin\r\n", n)
		for ; n > 0; n -= min(n, 128) {
			b.WriteString(strings.Repeat("k", min(n, 128)) + "\r\n")
		}
		return b.String() + "=yend\r\n"
	}
	b.WriteString("begin 644 a.bin\r\n")
	for ; n > 0; n -= min(n, 45) {
		k := min(n, 45)
		fmt.Fprintf(&b, "%c%s\r\n", ' '+k, strings.Repeat("A", (k+2)/3*4))
	}
	return b.String() + "`\r\nend\r\n"
}

// Files that stand in the text count as they decode, and the text that holds them does not count for them.
func TestFilesInTextCount(t *testing.T) {
	const letter = "Kinh gui.\r\n"
	nested := func(text string) string {
		return mixed("mixed", words, "Content-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\n"+text)
	}
	tests := []struct{ name, mail, want string }{
		{"at the limit", "Subject: x\r\n\r\n" + letter + inText("uu", limit) + letter, ""},
		{"one octet more", "Subject: x\r\n\r\n" + letter + inText("uu", limit+1) + letter, "10001 > 10000 octets"},
		{"yEnc at the limit", "Subject: x\r\n\r\n" + inText("yenc", limit), ""},
		{"yEnc, one octet more", "Subject: x\r\n\r\n" + inText("yenc", limit+1), "10001 > 10000 octets"},
		{"two, and one attached", mixed("mixed", "\r\n"+letter+inText("uu", 3000)+inText("yenc", 3001), file(pdf, 4000)), "10001 > 10000 octets"},
		{"in base64", encoded("Content-Type: text/plain", []byte(letter+inText("uu", limit+1))), "10001 > 10000 octets"},
		{"in base64 at the limit", encoded("Content-Type: text/plain", []byte(letter+inText("uu", limit))), ""},
		{"in a nested message, as it decodes", nested(inText("uu", limit-500)), ""},
		{"in a nested message, over", nested(letter + inText("uu", limit)), "10025 > 10000 octets"},
		{"lines without data hide nothing", "Subject: x\r\n\r\nbegin 644 a\r\n!A```\r\n" + strings.Repeat("`AB\r\n", 2002), "10006 > 10000 octets"},
	}
	for _, test := range tests {
		if got := size(t, test.mail, "a@monre.gov.vn"); got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}
