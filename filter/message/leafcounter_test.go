package message

import (
	"fmt"
	"strings"
	"testing"
)

// What a scan counted on its way is what reading the body again finds, and it is not read again.
func TestLeavesAreCountedOnTheWay(t *testing.T) {
	clean := base64Lines(200_000)
	bodies := map[string]string{
		"clean": clean, "empty": "", "one line break": "\r\n", "padding": clean + "QQ==\r\n", "no line end": clean + "QUJD",
		"half a group": clean + "QUJ", "damaged": clean + "a*b\r\n" + clean, "hyphens": clean + "--\r\n--x\r\n-\r\n-" + clean + "--",
		"padding inside": "QQ==\r\n" + clean, "bare CR at the end": clean + "QUJD\r", "LF": strings.ReplaceAll(clean, "\r", ""),
		"a boundary line that is longer": clean + "--bb\r\n" + clean, "a boundary line with blanks": clean + "--c --\r\n",
	}
	for name, body := range bodies {
		for _, kind := range []string{"application/pdf", "text/plain", "message/rfc822", "multipart/mixed; boundary=c"} {
			raw := "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nhello\r\n--b\r\nContent-Type: " + kind +
				"\r\nContent-Transfer-Encoding: base64\r\n\r\n" + body + "\r\n--b\r\nContent-Transfer-Encoding: base64\r\n\r\nQUJD\r\n--b--\r\n"
			m, err := Read(strings.NewReader(raw), int64(len(raw)), DefaultLimits())
			if err != nil {
				t.Fatal(err)
			}
			checkCounted(t, fmt.Sprintf("%s as %s", name, kind), m)
		}
	}
	raw := largeMail(1 << 20)
	m, octets := measured(t, raw)
	if octets != 0 {
		t.Errorf("measuring read %d octets again", octets)
	}
	if n := checkCounted(t, "a large mail", m); n != 1 {
		t.Errorf("%d leaves were counted on the way, want 1", n)
	}
}

// checkCounted holds what was counted against reading again, and tells how many leaves were counted.
func checkCounted(t *testing.T, name string, m *Message) (counted int) {
	t.Helper()
	for p := range m.Leaves() {
		if p.Encoding != Base64 {
			continue
		}
		if ms := p.source.measures; ms.entry(measureKey{p.source, p.Body, p.Encoding}).counted != nil {
			counted++
		}
		got, err := p.Measure()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		want, err := countBase64(p.Raw())
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got.Bytes != want.Bytes || len(got.Anomalies) != len(want.Anomalies) {
			t.Errorf("%s, part %q: counted %+v, read again %+v", name, p.ID, got, want)
		}
	}
	return counted
}
