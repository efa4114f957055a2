package message

import (
	"fmt"
	"io"
	"strings"
	"testing"
)

// nestedTwice are levels of multiparts, each with two Content-Type fields, around a leaf.
func nestedTwice(levels int, fields func(level int) string, leaf string) string {
	var b strings.Builder
	for i := range levels {
		b.WriteString(fields(i))
	}
	return b.String() + leaf
}

// Parts that every reading divides alike are made once: the levels do not multiply, and nothing is left out.
func TestTwinReadings(t *testing.T) {
	leaf := "Content-Type: text/plain\r\n\r\nthe letter\r\n"
	for name, fields := range map[string]func(int) string{
		"kinds of multipart": func(i int) string {
			return fmt.Sprintf("Content-Type: multipart/mixed; boundary=b%d\r\nContent-Type: multipart/related; boundary=b%d\r\n\r\n--b%d\r\n", i, i, i)
		},
		"the same, written otherwise": func(i int) string {
			return fmt.Sprintf("Content-Type: multipart/mixed; boundary=b%d\r\nContent-Type: Multipart/Mixed;boundary=\"b%d\"\r\n\r\n--b%d\r\n", i, i, i)
		},
		"kinds of message": func(int) string {
			return "Content-Type: message/rfc822\r\nContent-Type: message/global\r\n\r\n"
		},
	} {
		m := read(t, nestedTwice(13, fields, leaf))
		checkTree(t, m)
		leaves, parts := 0, 0
		for p := range m.Parts() {
			parts++
			if p.Leaf() {
				leaves++
				if text, err := io.ReadAll(p.Text()); err != nil || string(text) != "the letter\r\n" {
					t.Errorf("%s: leaf %q says %q, %v", name, p.ID, text, err)
				}
			}
		}
		if leaves != 1 || parts != 27 || len(m.NotInspected) > 0 {
			t.Errorf("%s: %d parts, %d leaves, not inspected: %v; want 27, 1 and none", name, parts, leaves, m.NotInspected)
		}
	}
}

// A digest has other children than a multipart of another kind: both are there.
func TestDigestIsNoTwin(t *testing.T) {
	m := read(t, "Content-Type: multipart/mixed; boundary=b\r\nContent-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\nSubject: x\r\n\r\ny\r\n--b--\r\n")
	kinds := map[string]bool{}
	for p := range m.Parts() {
		kinds[p.ID+" "+p.MediaType] = true
	}
	if !kinds["1 text/plain"] || !kinds["1 message/rfc822"] {
		t.Errorf("%v", kinds)
	}
}

// However a message multiplies its readings, looking into it costs a bounded number of octets; each octet sequence is
// there once as long as there is room, and what is left out is named.
func TestContents(t *testing.T) {
	text := strings.Repeat("a line of the letter\r\n", 780_000/22)
	for name, tc := range map[string]struct {
		mail string
		all  bool // there is room for everything
	}{
		"boundaries that differ": {nestedTwice(14, func(i int) string {
			return fmt.Sprintf("Content-Type: multipart/mixed; boundary=b%d\r\nContent-Type: multipart/mixed; boundary=b%dx\r\n\r\n--b%d\r\n--b%dx\r\n", i, i, i, i)
		}, "\r\n"+text), true},
		"text that is also a multipart": {nestedTwice(29, func(i int) string {
			return fmt.Sprintf("Content-Type: text/plain\r\nContent-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i, i)
		}, "Content-Transfer-Encoding: base64\r\n\r\n"+strings.Repeat("QUJDREVG\r\n", 78_000)), false},
		"multiparts in quoted-printable": {manyDecodings(), false},
		"an ordinary letter":             {"Subject: x\r\n\r\n" + text, true},
	} {
		m := read(t, tc.mail)
		seen, octets, deepest := map[contentKey]bool{}, int64(0), false
		for p := range m.Contents() {
			if seen[p.contentKey()] {
				t.Errorf("%s: part %q is there twice", name, p.ID)
			}
			seen[p.contentKey()] = true
			octets += p.contentCost()
			deepest = deepest || p.Encoding == Base64
		}
		if most := contentsFactor*m.Size + contentsFloor; octets > most {
			t.Errorf("%s: %d octets, want at most %d", name, octets, most)
		}
		left := 0
		for p := range m.Leaves() {
			if !seen[p.contentKey()] {
				left++
			}
		}
		if named := m.Undecoded(); tc.all != (left == 0) || (left == 0) != (len(named) == 0) {
			t.Errorf("%s: %d leaves are left out, named %v", name, left, named)
		}
		for _, n := range m.Undecoded() {
			if n.Reason != TooMany {
				t.Errorf("%s: %+v", name, n)
			}
		}
		if strings.HasPrefix(name, "text that") && !deepest {
			t.Errorf("%s: what is really in it is left out", name)
		}
	}
}
