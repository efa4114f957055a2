package rules_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"congthu/filter"
	"congthu/filter/message"
	"congthu/rules"
)

// A legal mail stays legal when its header is slightly odd: read as one text, its attachments would count by
// their encoded size. One octet more is refused, however odd the header is.
func TestAttachmentSizeUnderOddHeaders(t *testing.T) {
	for name, odd := range map[string]func(string) string{
		"as it should be":           func(s string) string { return s },
		"a line without a colon":    func(s string) string { return "X-Broken header without colon\r\n" + s },
		"a field name with accents": func(s string) string { return "X-Ghi-chú: abc\r\n" + s },
		"a blank line in a fold":    func(s string) string { return "X-A: b\r\n \r\n" + s },
		"text too":                  func(s string) string { return "Content-Type: text/plain\r\n" + s },
		"text at last":              func(s string) string { return strings.Replace(s, "\r\n", "\r\nContent-Type: text/html\r\n", 1) },
		"multipart without subtype": func(s string) string { return strings.Replace(s, "multipart/mixed", "multipart", 1) },
		"an encoded multipart":      func(s string) string { return "Content-Transfer-Encoding: quoted-printable\r\n" + s },
		"a CR alone":                func(s string) string { return "X-A: b\rc\r\n" + s },
		"no boundary said":          func(s string) string { return dropBoundary(s) },
		"another boundary said":     func(s string) string { return "Content-Type: multipart/mixed; boundary=never\r\n" + s },
		"in a multipart like that":  func(s string) string { return mixed("mixed", words, "X-Broken\r\n"+s) },
		"in a message like that": func(s string) string {
			return mixed("mixed", words, "Content-Type: message/rfc822\r\n\r\nX-Broken\r\n"+s)
		},
		"text too in a message": func(s string) string {
			return mixed("mixed", words, "Content-Type: message/rfc822\r\n\r\nContent-Type: text/plain\r\n"+s)
		},
		"a message with a blank fold": func(s string) string {
			return mixed("mixed", words, "Content-Type: message/rfc822\r\n\r\nX: a\r\n \r\n"+s)
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := size(t, odd(mixed("mixed", words, file(pdf, 9000))), "nvan@monre.gov.vn"); got != "" {
				t.Errorf("legal: %q", got)
			}
			if got := size(t, odd(mixed("mixed", words, file(pdf, limit+1))), "nvan@monre.gov.vn"); got == "" {
				t.Error("over the limit, not found")
			}
		})
	}
}

func dropBoundary(s string) string {
	start := strings.Index(s, "; boundary=")
	end := strings.Index(s[start:], "\r\n") + start
	return s[:start] + s[end:]
}

// Octets that one reader takes for the letter and another for a file count as the file.
func TestFileOrLetter(t *testing.T) {
	hex := strings.Repeat("0123456789abcdef", limit/16+1)
	for name, mail := range map[string]string{
		"an encoding over a multipart around a long text": "Content-Transfer-Encoding: base64\r\n" + mixed("mixed", words, "Content-Type: text/csv; name=a.csv\r\n\r\n"+hex),
		"a zip that is a multipart too": "Content-Type: application/zip; name=a.zip\r\nContent-Transfer-Encoding: base64\r\n" +
			mixed("mixed", "\r\n"+strings.Repeat("UEsDBA==UEsDBA==\r\n", 800)),
		"text that calls itself Base64": "Content-Type: text/plain\r\n" + mixed("mixed", "Content-Type: application/zip\r\nContent-Transfer-Encoding: base64\r\n\r\n"+strings.Repeat("\xe1\xba\xbf \r\n", limit/5)),
	} {
		if got := size(t, mail, "nvan@monre.gov.vn"); got == "" {
			t.Errorf("%s: not found", name)
		}
	}
}

// Text beside the letter: small texts are footers, big ones are files. The limit is not the floor.
func TestAttachmentSizeOfTexts(t *testing.T) {
	c := rules.Config{AttachmentLimit: 1 << 20, InlineFloor: floor}
	const kept = 256 << 10 // maxTexts
	csv := func(n int) string { return file("Content-Type: text/csv", n) }
	plain := func(n int) string { return "Content-Type: text/plain\r\n\r\n" + strings.Repeat("a", n) }
	rest := func(n int) string { return file(pdf, 1<<20-n) }
	over := func(n int) string { return fmt.Sprintf("%d > %d octets", 1<<20+n, 1<<20) }
	for _, tc := range []struct{ name, mail, want string }{
		{"a footer", mixed("mixed", words, rest(0), plain(1000)), ""},
		{"footers up to the floor, in sum", mixed("mixed", words, rest(0), plain(kept/2), plain(kept/2)), ""},
		{"one octet more", mixed("mixed", words, rest(0), plain(kept/2), plain(kept/2+1)), over(1)},
		{"a calendar", mixed("mixed", words, rest(1000), file("Content-Type: text/calendar", kept+1001)), over(1)},
		{"text first in a multipart inside", mixed("mixed", mixed("mixed", plain(10), csv(kept+1)), rest(0)), over(1)},
		{"the letter after a file", mixed("mixed", rest(0), plain(2*kept)), ""},
		{"text outside of boundaries", strings.Replace(mixed("mixed", words, rest(0)), "\r\n\r\n", "\r\n\r\n"+strings.Repeat("b\r\n", kept/3+10)+"\r\n", 1), over(30 - 1)},
		{"letters under the limit", mixed("alternative", plain(1<<19), plain(1<<19)), ""},
		{"all letters together", mixed("alternative", plain(1<<19), plain(1<<19+1)), over(1)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := sizeOf(t, c, filter.Outbound, tc.mail, "nvan@monre.gov.vn"); got != tc.want {
				t.Errorf("%q, want %q", got, tc.want)
			}
		})
	}
}

// What was not read to its end counts whole: it may be anything.
func TestAttachmentSizeOfUnreadParts(t *testing.T) {
	fields := strings.Repeat("A:\r\n", 1001)
	big := "X-A: " + strings.Repeat("y", 300<<10) + "\r\n"
	c := rules.Config{AttachmentLimit: 8 << 20, InlineFloor: floor}
	half := file("Content-Type: text/plain", 5<<20)
	for name, parts := range map[string][]string{
		"too many fields":            {words, fields + half, fields + half},
		"a header too big":           {words, big + half, big + half},
		"more parts than count":      append(append([]string{words}, manyParts(2001)...), half, half),
		"more headers than are read": append(append([]string{words}, strings.Split(strings.Repeat(big[:200<<10]+"\r\n\r\nx|", 21), "|")...), half, half),
		"a letter that was not read": {fields + strings.Replace(half, "Content-Type: text/plain\r\n", "", 1), half, half},
	} {
		t.Run(name, func(t *testing.T) {
			if got := sizeOf(t, c, filter.Outbound, mixed("mixed", parts...), "nvan@monre.gov.vn"); got == "" {
				t.Error("not found")
			}
		})
	}
	// A long header alone is no attachment of that size.
	if got := sizeOf(t, c, filter.Outbound, fields+mixed("mixed", words, half), "nvan@monre.gov.vn"); got != "" {
		t.Errorf("a legal mail with a long header: %q", got)
	}
}

func manyParts(n int) []string {
	var out []string
	for range n {
		out = append(out, "\r\nx")
	}
	return out
}

// Decoding keeps a budget: what was not decoded is listed as not inspected, and counts whole.
func TestUndecodedIsNotInspected(t *testing.T) {
	var head strings.Builder
	for i := range 14 {
		fmt.Fprintf(&head, "Content-Type: multipart/mixed; boundary=b%d\r\nContent-Type: multipart/related; boundary=b%d\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n--b%d\r\n", i, i, i)
	}
	mail := "From: <nvan@monre.gov.vn>\r\nSubject: So lieu\r\n" + head.String() +
		"Content-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\nContent-Transfer-Encoding: quoted-printable\r\n" +
		"Content-Transfer-Encoding: x-uuencode\r\n\r\n" + strings.Repeat(strings.Repeat("QUJD", 19)+"\r\n", 10_000)
	m, err := message.Read(strings.NewReader(mail), int64(len(mail)), message.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	p := m.NotInspected
	c := config(t)
	v := judge(t, c, rules.Defaults()).Judge(context.Background(), &filter.Transaction{ID: "X", Message: m, Session: filter.Session{Direction: filter.Outbound}})
	if v.Err != nil {
		t.Fatal(v.Err)
	}
	if len(m.Undecoded()) == 0 {
		t.Fatal("everything was decoded: the message does not show what is tested")
	}
	looked, err := rules.Coverage(c.Inspector)(context.Background(), m)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := len(v.NotInspected), len(p)+len(m.Undecoded())+len(looked.Missed); got != want {
		t.Errorf("%d things not inspected, want %d", got, want)
	}
	if last := v.NotInspected[len(v.NotInspected)-1]; last.Reason != message.TooBig && last.Reason != message.TooMany {
		t.Errorf("%+v", last)
	}
}
