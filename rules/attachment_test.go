package rules_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"congthu/filter"
	"congthu/filter/message"
	"congthu/internal/samples"
	"congthu/rules"
)

// limit and floor are small, so that what counts shows without big messages.
const (
	limit = 10_000
	floor = 500
)

// mixed builds a mail of parts; every part is a header and a body.
func mixed(kind string, parts ...string) string {
	b := fmt.Sprintf("b%d%s%d", len(parts), kind[:3], len(strings.Join(parts, ""))) // unlike those inside
	var out strings.Builder
	fmt.Fprintf(&out, "Content-Type: multipart/%s; boundary=%q\r\n\r\n", kind, b)
	for _, p := range parts {
		fmt.Fprintf(&out, "--%s\r\n%s\r\n", b, p)
	}
	fmt.Fprintf(&out, "--%s--\r\n", b)
	return out.String()
}

func encoded(fields string, data []byte) string {
	var out strings.Builder
	out.WriteString(strings.ReplaceAll(fields, "\n", "\r\n") + "\r\nContent-Transfer-Encoding: base64\r\n\r\n")
	for s := base64.StdEncoding.EncodeToString(data); s != ""; {
		n := min(76, len(s))
		out.WriteString(s[:n] + "\r\n")
		s = s[n:]
	}
	return strings.TrimSuffix(out.String(), "\r\n")
}

func file(fields string, n int) string { return encoded(fields, bytes.Repeat([]byte{0xA5}, n)) }

const (
	pdf     = "Content-Type: application/pdf; name=a.pdf\nContent-Disposition: attachment; filename=a.pdf"
	picture = "Content-Type: image/png; name=logo.png\nContent-ID: <logo@monre.gov.vn>\nContent-Disposition: inline; filename=logo.png"
	words   = "Content-Type: text/plain\r\n\r\nKinh gui."
)

// size is what the rule says that a mail's attachments come to: "" when it is content.
func size(t *testing.T, mail, from string) string {
	t.Helper()
	return sizeOf(t, rules.Config{AttachmentLimit: limit, InlineFloor: floor}, filter.Outbound, mail, from)
}

func sizeOf(t *testing.T, c rules.Config, d filter.Direction, mail, from string) string {
	t.Helper()
	mail = "From: <nvan@monre.gov.vn>\r\nSubject: So lieu\r\nMIME-Version: 1.0\r\n" + mail
	m, err := message.Read(strings.NewReader(mail), int64(len(mail)), message.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rules.All(c) {
		if r.Name != rules.NameAttachmentSize {
			continue
		}
		found, err := r.Check(context.Background(), &filter.Transaction{Message: m, ReversePath: filter.ParsePath(from, ""), Direction: d})
		if err != nil {
			t.Fatal(err)
		}
		if len(found) == 0 {
			return ""
		}
		return found[0].Detail
	}
	t.Fatal("no such rule")
	return ""
}

func TestAttachmentSize(t *testing.T) {
	over := func(n int) string { return fmt.Sprintf("%d > %d octets", n, limit) }
	nested := "Subject: b\r\n" + mixed("mixed", words, file(pdf, 10_000))
	decodes := len(nested) - len(strings.SplitN(file(pdf, 10_000), "\r\n\r\n", 2)[1]) + 10_000
	small := "Subject: b\r\n" + mixed("mixed", words, file(pdf, 9000)) // in Base64 over the limit
	text := "Content-Type: text/plain\r\n\r\n" + strings.Repeat("Kinh gui quy co quan.\r\n", 200)
	for _, tc := range []struct{ name, mail, want string }{
		{"at the limit", mixed("mixed", words, file(pdf, limit)), ""},
		{"one octet more", mixed("mixed", words, file(pdf, limit+1)), over(limit + 1)},
		{"the mail is one file", file(pdf, limit+1), over(limit + 1)},
		{"sum, deep", mixed("mixed", words, file(pdf, 6000), mixed("mixed", words, mixed("mixed", file(pdf, 4001)))), over(10001)},
		{"named text is a file", mixed("mixed", words, file("Content-Type: text/csv; name=a.csv", limit+1)), over(limit + 1)},
		{"text sent as attachment is a file", mixed("mixed", words, file("Content-Type: text/plain\nContent-Disposition: attachment", limit+1)), over(limit + 1)},
		{"not text and without a name is a file", mixed("mixed", words, file("Content-Type: application/octet-stream", limit+1)), over(limit + 1)},
		{"the letter does not count", mixed("mixed", text, file(pdf, limit)), ""},
		{"nor does its HTML", mixed("mixed", mixed("alternative", text, strings.Replace(text, "plain", "html", 1)), file(pdf, limit)), ""},
		{"nor an invitation", mixed("mixed", mixed("alternative", words, file("Content-Type: text/calendar; method=REQUEST", 3000)), file(pdf, limit)), ""},
		{"a letter over the limit does", file("Content-Type: text/html", limit+1), over(limit + 1)},
		{"logos do not count", mixed("mixed", mixed("related", words, file(picture, floor), file(picture, floor)), file(pdf, limit)), ""},
		{"a picture above the floor does", mixed("mixed", mixed("related", words, file(picture, floor+1)), file(pdf, limit)), over(limit + floor + 1)},
		{"a logo sent as attachment does", mixed("mixed", words, file(strings.Replace(picture, "inline", "attachment", 1), floor), file(pdf, limit)), over(limit + floor)},
		{"a picture that the text does not show does", mixed("mixed", words, file("Content-Type: image/png; name=a.png", floor), file(pdf, limit)), over(limit + floor)},
		{"nested message whole", mixed("mixed", words, "Content-Type: message/rfc822\r\n\r\n"+nested), over(decodes)},
		{"nested message in a nested message", mixed("mixed", words, "Content-Type: message/rfc822\r\n\r\nContent-Type: message/rfc822\r\n\r\n"+nested), over(decodes + len("Content-Type: message/rfc822\r\n\r\n"))},
		{"nested message with a header only", mixed("mixed", words, "Content-Type: message/rfc822\r\n\r\nX-A: "+strings.Repeat("a", limit)), over(limit + len("X-A: "))},
		{"nested message as it decodes", mixed("mixed", words, "Content-Type: message/rfc822\r\n\r\n"+small), ""},
		{"nested news article", mixed("mixed", words, "Content-Type: message/news\r\n\r\n"+nested), over(decodes)},
		{"nested message of the wide kind", mixed("mixed", words, "Content-Type: message/global\r\n\r\n"+nested), over(decodes)},
		{"nested message under an encoding", mixed("mixed", words, encoded("Content-Type: message/rfc822", []byte(nested))), over(decodes)},
		{"nested message that says Base64 and is none", mixed("mixed", words, "Content-Type: message/rfc822\r\n\r\nContent-Transfer-Encoding: base64\r\n\r\n"+strings.Repeat("\xe1\xba\xbf\r\n", limit/5)), over(limit + len("Content-Transfer-Encoding: base64\r\n\r\n"))},
		{"a letter in a nested message counts", mixed("mixed", words, "Content-Type: message/rfc822\r\n\r\n"+text, "Content-Type: message/rfc822\r\n\r\n"+text, "Content-Type: message/rfc822\r\n\r\n"+text), over(3 * len(text))},
		{"quoted-printable as decoded", mixed("mixed", words, "Content-Type: application/pdf\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"+strings.Repeat("=A5=A5=A5=A5=A5=A5=\r\n", limit/6)), ""},
		{"a signature does not count", mixed("signed", mixed("mixed", words, file(pdf, limit)), file("Content-Type: application/pkcs7-signature; name=smime.p7s", 4000)), ""},
		{"a file that calls itself a signature does", mixed("mixed", words, file("Content-Type: application/pkcs7-signature; name=smime.p7s", limit+1)), over(limit + 1)},
		{"a signature that is a file does", mixed("signed", words, file("Content-Type: application/pgp-signature", 70000)), over(70000)},
		{"signatures beyond the second part do", mixed("signed", words, file("Content-Type: application/pgp-signature", 6000), file("Content-Type: application/pgp-signature", 6000)), over(12000)},
		{"encrypted only in name", mixed("encrypted", words, file("Content-Type: application/zip", limit+1)), over(limit + 1)},
		{"encrypted, a file beside", mixed("encrypted", "Content-Type: application/pgp-encrypted\r\n\r\nVersion: 1", file("Content-Type: application/octet-stream", limit/2), file(pdf, limit)), over(limit + limit/2 + 10)},
		{"tables sent as text", mixed("mixed", words, file("Content-Type: text/csv", limit), file("Content-Type: text/csv", limit)), over(2*limit + 9)},
		{"two letters", mixed("mixed", text, text, text), over(3 * (len(text) - len("Content-Type: text/plain\r\n\r\n")))},
		{"a letter and its forms, all together", mixed("alternative", text, text, text), over(3 * (len(text) - len("Content-Type: text/plain\r\n\r\n")))},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := size(t, tc.mail, "nvan@monre.gov.vn"); got != tc.want {
				t.Errorf("%q, want %q", got, tc.want)
			}
		})
	}
}

// A file that stands in the letter's place, whole or in a piece that does not say what it is, counts beyond what a
// letter can be long.
func TestAttachmentSizeOfLongLetters(t *testing.T) {
	const limit, room = 3 << 20, 2 << 20 // room: what a letter may have
	c := rules.Config{AttachmentLimit: limit, InlineFloor: floor}
	text := func(kind string, n int) string {
		return "Content-Type: text/" + kind + "\r\n\r\n" + strings.Repeat("Kinh gui\r\n", n/10+1)[:n]
	}
	line := "M" + strings.Repeat("9", 60) + "\r\n" // 45 octets
	piece := func(begin string, octets int, end string) string {
		return "Content-Type: text/plain\r\n\r\n" + begin + strings.Repeat(line, octets/45) + end
	}
	const begin, end = "begin 644 a.bin\r\n", "`\r\nend\r\n"
	over := func(n int) string { return fmt.Sprintf("%d > %d octets", n, limit) }
	for _, tc := range []struct{ name, mail, want string }{
		{"a letter as long as may be", mixed("mixed", text("plain", room), file(pdf, limit)), ""},
		{"one octet more", mixed("mixed", text("plain", room+1), file(pdf, limit)), over(limit + 1)},
		{"in two forms", mixed("mixed", mixed("alternative", text("plain", room), text("html", 5)), file(pdf, limit)), over(limit + 5)},
		{"long, but within the limit", mixed("mixed", text("plain", limit), file(pdf, room)), ""},
		{"uuencode over two parts", mixed("mixed", piece(begin, 45*50_000, ""), piece("", 45*48_000, end)), over(45*50_000 + 48_000*len(line) + len(end) - room)},
		{"uuencode without its beginning", mixed("mixed", piece("", 45*48_000, end), file(pdf, limit)), over(limit + 48_000*len(line) + len(end) - room)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := sizeOf(t, c, filter.Outbound, tc.mail, "nvan@monre.gov.vn"); got != tc.want {
				t.Errorf("%q, want %q", got, tc.want)
			}
		})
	}
}

// What two readers read differently counts once, in the reading that counts most; what truly decodes counts as
// decoded.
func TestAttachmentSizeOfReadings(t *testing.T) {
	recoded := func(part, encoding string) string {
		return strings.Replace(part, "Content-Transfer-Encoding: base64", encoding, 1)
	}
	const twice = "Content-Transfer-Encoding: base64\r\nContent-Transfer-Encoding: 8bit"
	raw := "Content-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n" + strings.Repeat("%\xa5\xff A\x01\x02\x03", (limit+8)/8)
	for _, tc := range []struct{ name, part, want string }{
		// Some readers go by the 8bit and save a longer file.
		{"two encodings that contradict", recoded(file(pdf, limit), twice), "13686 > 10000 octets"},
		{"hexadecimal that decodes too", "Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: 7bit\r\nContent-Transfer-Encoding: base64\r\n\r\n" + strings.Repeat("0123456789abcdef", limit/16+1), "10016 > 10000 octets"},
		{"an encoding of nobody's", recoded(file(pdf, limit), "Content-Transfer-Encoding: x-base64"), "13686 > 10000 octets"},
		{"two encodings, does not decode", recoded(raw, twice), "10008 > 10000 octets"},
		{"an encoding with a comment", recoded(file(pdf, limit), "Content-Transfer-Encoding: base64 (so lieu)"), ""},
		{"two types", recoded(file(pdf, limit), "Content-Type: text/plain\r\nContent-Transfer-Encoding: base64"), ""},
		{"two types, one octet more", recoded(file(pdf, limit+1), "Content-Type: text/plain\r\nContent-Transfer-Encoding: base64"), "10001 > 10000 octets"},
	} {
		if got := size(t, mixed("mixed", words, tc.part), "nvan@monre.gov.vn"); got != tc.want {
			t.Errorf("%s: %q, want %q", tc.name, got, tc.want)
		}
	}
}

func TestAttachmentSizeOfReport(t *testing.T) {
	returned := "Content-Type: message/rfc822\r\n\r\nSubject: a\r\n" + mixed("mixed", words, file(pdf, limit))
	report := mixed("report; report-type=delivery-status", words, "Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; a.example", returned)
	if got := size(t, report, ""); got != "" {
		t.Errorf("the message that a delivery report brings back counted: %q", got)
	}
	if got := size(t, report, "nvan@monre.gov.vn"); got == "" {
		t.Error("anybody may call a mail a delivery report")
	}
	status := "Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; a.example"
	for name, mail := range map[string]string{
		"a file in the place of the message": mixed("report", words, status, file("Content-Type: application/zip", limit+1)),
		"a file behind the message":          mixed("report", words, status, returned, file("Content-Type: application/zip", limit+1)),
		"a message that is a file too":       mixed("report", words, status, "Content-Type: application/zip; name=a.zip\r\n"+returned),
		"no report":                          mixed("mixed", words, status, returned),
	} {
		if got := size(t, mail, ""); got == "" {
			t.Errorf("%s, from the null reverse-path: not found", name)
		}
	}
}

// A failure that is refused is a failure that nobody learns of: what comes in from the null reverse-path is not
// measured, whatever program wrote it.
func TestAttachmentSizeOfInboundReports(t *testing.T) {
	big := mixed("mixed", words, file(pdf, limit+1))
	c := rules.Config{AttachmentLimit: limit, InlineFloor: floor}
	for name, mail := range map[string]string{
		"qmail's": "\r\nHi. This is the qmail-send program.\r\n\r\n--- Below this line is a copy of the message.\r\n\r\n" + strings.Repeat("Subject: a\r\n\r\n"+big, 2),
		"wrapped": mixed("mixed", mixed("report", words, "Content-Type: message/delivery-status\r\n\r\nAction: failed", "Content-Type: message/rfc822\r\n\r\n"+big), words),
		"unnamed": big,
	} {
		if got := sizeOf(t, c, filter.Inbound, mail, ""); got != "" {
			t.Errorf("%s: %q", name, got)
		}
		if got := sizeOf(t, c, filter.Inbound, mail, "a@b.example"); got == "" {
			t.Errorf("%s, from a person: not found", name)
		}
	}
}

// der is one element of CMS.
func der(tag byte, content ...[]byte) []byte {
	c := bytes.Join(content, nil)
	switch n := len(c); {
	case n < 0x80:
		return append([]byte{tag, byte(n)}, c...)
	case n < 0x10000:
		return append([]byte{tag, 0x82, byte(n >> 8), byte(n)}, c...)
	default:
		return append([]byte{tag, 0x83, byte(n >> 16), byte(n >> 8), byte(n)}, c...)
	}
}

func indefinite(tag byte, content ...[]byte) []byte {
	return append(append([]byte{tag, 0x80}, bytes.Join(content, nil)...), 0, 0)
}

var ( // object identifiers
	oidData      = []byte("\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01")
	oidSigned    = []byte("\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02")
	oidEnveloped = []byte("\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03")
)

func signedDER(content []byte, beside int) []byte {
	return der(0x30, oidSigned, der(0xa0, der(0x30, der(0x02, []byte{1}), der(0x31), der(0x30, oidData, der(0xa0, der(0x04, content))), der(0xa0, make([]byte, beside)))))
}

// signedBER is what a program writes that signs in one pass: indefinite lengths, the content in pieces.
func signedBER(content []byte) []byte {
	var pieces [][]byte
	for len(content) > 0 {
		n := min(1000, len(content))
		pieces = append(pieces, der(0x04, content[:n]))
		content = content[n:]
	}
	return indefinite(0x30, oidSigned, indefinite(0xa0, indefinite(0x30, der(0x02, []byte{1}), der(0x31, der(0x30, oidData)),
		indefinite(0x30, oidData, indefinite(0xa0, indefinite(0x24, pieces...))), der(0x31))))
}

func TestAttachmentSizeOfSMIME(t *testing.T) {
	const p7m = "Content-Type: application/pkcs7-mime; smime-type=signed-data; name=smime.p7m\nContent-Disposition: attachment; filename=smime.p7m"
	inside := func(n int) []byte { return []byte(mixed("mixed", words, file(pdf, n))) }
	over := fmt.Sprintf("%d > %d octets", limit+1, limit)
	innermost := signedDER(inside(limit+1), 0)
	deep := innermost
	for range 3 {
		deep = signedDER([]byte(encoded(p7m, deep)), 0)
	}
	for _, tc := range []struct {
		name string
		der  []byte
		want string
	}{
		{"signed, attachment at the limit", signedDER(inside(limit), 3000), ""},
		{"signed, one octet more", signedDER(inside(limit+1), 3000), over},
		{"signed in one pass, at the limit", signedBER(inside(limit)), ""},
		{"signed in one pass, one octet more", signedBER(inside(limit + 1)), over},
		{"a file beside what is signed", signedDER(inside(10), 70_000), "70"},
		{"signed over and over", deep, fmt.Sprintf("%d > ", len(innermost))}, // beyond the depth it counts as it stands
		{"cut off", signedDER(inside(limit+1), 0)[:12_000], "12000 > 10000 octets"},
		{"no CMS", bytes.Repeat([]byte{0x30, 0x80}, 6000), "12000 > 10000 octets"},
		{"lengths that lie", append([]byte{0x30, 0x84, 0xff, 0xff, 0xff, 0xff}, make([]byte, 12_000)...), "12006 > 10000 octets"},
		{"detached, with a file in it", der(0x30, oidSigned, der(0xa0, der(0x30, der(0x02, []byte{1}), der(0x31), der(0x30, oidData), der(0x31, make([]byte, 12_000))))), "120"},
		{"encrypted, a legal attachment inside", der(0x30, oidEnveloped, der(0xa0, make([]byte, limit*78/57))), ""},
		{"encrypted, too much inside", der(0x30, oidEnveloped, der(0xa0, make([]byte, limit*78/57+200))), "101"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := size(t, encoded(p7m, tc.der), "nvan@monre.gov.vn")
			if tc.want == "" && got != "" || !strings.HasPrefix(got, tc.want) {
				t.Errorf("%q, want %q", got, tc.want)
			}
		})
	}
}

// What is signed takes room like a message: without room it is our trouble, not the sender's fault.
func TestOpaqueSignatureWithoutRoom(t *testing.T) {
	const p7m = "Content-Type: application/pkcs7-mime; smime-type=signed-data; name=smime.p7m"
	mail := "Subject: So lieu\r\n" + encoded(p7m, signedDER([]byte(mixed("mixed", words, file(pdf, 50_000))), 0))
	m, err := message.Read(strings.NewReader(mail), int64(len(mail)), message.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	for room, want := range map[int64]filter.Disposition{10_000: filter.Defer, 100_000: filter.Accept} {
		c := rules.Config{Budget: message.NewBudget(room)}
		j := judge(t, c, map[string]filter.Setting{rules.NameAttachmentSize: rules.Defaults()[rules.NameAttachmentSize]})
		tx := &filter.Transaction{ID: "X", Message: m, Session: filter.Session{Direction: filter.Outbound}}
		for range 5 { // what was taken is given back
			if v := j.Judge(context.Background(), tx); v.Disposition != want || (want == filter.Defer) != errors.Is(v.Err, message.ErrNoRoom) {
				t.Errorf("room %d: %s, %v", room, samples.Describe(v), v.Err)
			}
		}
	}
}

// Only so many opaque signatures are opened; one more counts as it stands.
func TestManyOpaqueSignatures(t *testing.T) {
	const p7m = "Content-Type: application/pkcs7-mime; smime-type=signed-data; name=smime.p7m"
	part := encoded(p7m, signedDER([]byte(mixed("mixed", words, file(pdf, 500))), 0))
	held := len(signedDER([]byte(mixed("mixed", words, file(pdf, 500))), 0))
	c := rules.Config{AttachmentLimit: 1, InlineFloor: floor}
	for n, want := range map[int]int{16: 16 * 500, 20: 16*500 + 4*held} {
		parts := []string{words}
		for range n {
			parts = append(parts, part)
		}
		// The texts in them are beside the letter: all together over the limit of one octet.
		want += len("Kinh gui.") * (16 + 1)
		if got := sizeOf(t, c, filter.Outbound, mixed("mixed", parts...), "nvan@monre.gov.vn"); got != fmt.Sprintf("%d > 1 octets", want) {
			t.Errorf("%d signatures: %q, want %d", n, got, want)
		}
	}
}

// A message that cannot be read any more is our trouble, not the sender's fault: 451 (invariant 2).
func TestUnreadableMessageIsAnError(t *testing.T) {
	mail := "Subject: " + "Re:\r\n" + mixed("mixed", words, strings.ReplaceAll(file(pdf, 300_000), "base64", "quoted-printable")) // Base64 is counted as the message is read
	r := &failing{data: []byte(mail)}
	m, err := message.Read(r, int64(len(mail)), message.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	r.broken = true
	j := judge(t, rules.Config{}, map[string]filter.Setting{rules.NameAttachmentSize: rules.Defaults()[rules.NameAttachmentSize]})
	v := j.Judge(context.Background(), &filter.Transaction{ID: "X", Message: m, Session: filter.Session{Direction: filter.Outbound}})
	if v.Disposition != filter.Defer || v.Reply.Code() != 451 || v.Err == nil {
		t.Errorf("%s, %v", samples.Describe(v), v.Err)
	}
}

type failing struct {
	data   []byte
	broken bool
}

func (f *failing) ReadAt(p []byte, off int64) (int, error) {
	if f.broken {
		return 0, io.ErrNoProgress
	}
	return bytes.NewReader(f.data).ReadAt(p, off)
}
