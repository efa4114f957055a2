package notice

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"congthu/filter"
)

// FuzzNotice: whatever stands in a notice of the queue, what is made of it is one message that another reader
// reads, to one address, in ASCII with short lines, and no markup comes out of it.
func FuzzNotice(f *testing.F) {
	f.Add("held-sender", "nvan@monre.gov.vn", "a@example.com", "subject", "9.3", "vanphong", 0)
	f.Add("held-recipient", "nvan@monre.gov.vn\r\nBcc: x@example.com", "<script>\r\n.\r\n", "custom:a\nb", "1..2,,.", "\u202e\xff", -1)
	f.Add("officer-expired", "a@b", "{{.To}}", "virus", strings.Repeat("9,", 100), "", 1<<30)
	all := builtinTemplates(f)
	f.Fuzz(func(t *testing.T, kind, to, from, rule, clause, unit string, more int) {
		n := samples(HeldSender)[0]
		n.Kind, n.To, n.More = Kind(kind), to, more
		n.Items[0].Sender, n.Items[0].Unit, n.Items[0].Recipients = from, unit, []string{to, from}
		n.Items[0].Rules = []Reason{{Rule: rule, Clause: clause, Text: filter.TextKey(clause)}}
		r, err := all.Render(n)
		if err != nil {
			return // a kind that there is not
		}
		if strings.Count(r.HTML, "<script") > 0 || !utf8.ValidString(r.Text+r.HTML+r.Subject) {
			t.Fatalf("%q", r.HTML)
		}
		msg, err := identity().Compose(n, r, all)
		if err != nil {
			if asciiMailbox(to) {
				t.Fatal(err)
			}
			return
		}
		h, parts := read(t, msg)
		if len(parts) != 2 || h.Get("To") != "<"+to+">" || h.Has("Bcc") || bytes.Contains(msg, []byte("\n.\r\n")) {
			t.Fatalf("%s", msg)
		}
		if s, err := h.Subject(); err != nil || s != r.Subject {
			t.Fatalf("subject %q, %q, %v", s, r.Subject, err)
		}
		for line := range strings.SplitSeq(string(msg), "\r\n") {
			if len(line) > 998 || strings.ContainsFunc(line, func(r rune) bool { return r > '~' || r < ' ' }) {
				t.Fatalf("line %q", line)
			}
		}
	})
}

// FuzzOwn: nobody who has not the secret makes a Message-ID of ours.
func FuzzOwn(f *testing.F) {
	w := identity()
	f.Add(w.messageID("01JDEXAMPLE000000000000000"))
	f.Add("<congthu-notice.a.b@c>")
	f.Add("<congthu-notice...")
	other := w
	other.Secret = []byte("not the secret of these gates")
	f.Fuzz(func(t *testing.T, id string) {
		if w.Own(id) && other.Own(id) {
			t.Fatalf("%q is everybody's", id)
		}
		if w.Own(other.messageID(id)) {
			t.Fatalf("%q is taken for ours", other.messageID(id))
		}
	})
}

// FuzzVisible: one line of the characters of addresses, no longer than asked.
func FuzzVisible(f *testing.F) {
	f.Add("nvan@monre.gov.vn", 254)
	f.Add("\u202e\r\n<a href='x:y'>\xff", 3)
	f.Fuzz(func(t *testing.T, s string, limit int) {
		got := Visible(s, limit)
		if len(got) > max(limit, 0) || strings.ContainsAny(got, " \r\n\t<>():;,\\[]\u202e") || !utf8.ValidString(got) || Visible(got, limit) != got {
			t.Fatalf("%q", got)
		}
	})
}
