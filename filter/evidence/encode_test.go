package evidence

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"congthu/filter"
	"congthu/filter/message"
)

func TestLineEncoding(t *testing.T) {
	var b bytes.Buffer
	for _, r := range hostile() {
		line, err := Encode(r)
		must(t, err)
		b.Write(line)
		b.WriteByte('\n')
		back, err := Decode(line)
		must(t, err)
		r.Time = r.Time.UTC()
		if diff := cmp.Diff(r, back); diff != "" {
			t.Errorf("record %d read back (-want +got):\n%s", r.Seq, diff)
		}
		body, err := encodeBody(r)
		must(t, err)
		if put := appendLine(nil, &r, body); !bytes.Equal(put, line) {
			t.Errorf("put together it is\n%s\nwhole\n%s", put, line)
		}
	}
	golden(t, "lines.jsonl", b.Bytes())
}

func TestDecodeRefusesWhatIsNoRecord(t *testing.T) {
	good, err := Encode(hostile()[1])
	must(t, err)
	for _, s := range []string{"", "{", "null", "[]", "{}", string(good) + "{}", string(good[:len(good)-1]), `{"seq":-1}`,
		strings.Replace(string(good), `"seq":2`, `"seq":0`, 1), strings.Replace(string(good), `"kind":"outcome"`, `"kind":""`, 1),
		strings.Repeat("[", 20000), strings.Repeat(" ", maxLine+2)} {
		if _, err := Decode([]byte(s)); err == nil {
			t.Errorf("%.60q was taken for a record", s)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, r := range hostile() {
		line, err := Encode(r)
		must(f, err)
		f.Add(line)
	}
	f.Add([]byte(`{"seq":1,"prev":"` + noHash + `","SEQ":7,"kind":"act","act":{"what":null},"x":[[[]]]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		r, err := Decode(raw)
		if err != nil {
			return
		}
		line, err := Encode(r)
		if err != nil {
			return // a time that JSON cannot say
		}
		for _, c := range string(line) {
			if unicode.In(c, unicode.Cc, unicode.Cf) {
				t.Fatalf("%U stands in %q", c, line)
			}
		}
		back, err := Decode(line)
		if err != nil {
			t.Fatalf("%q cannot be read back: %v", line, err)
		}
		again, err := Encode(back)
		if err != nil || !bytes.Equal(line, again) {
			t.Errorf("encoded twice:\n%s\n%s (%v)", line, again, err)
		}
		cefOf(&r)
		csvRow(&Line{Record: r})
		r.signedBy(make([]byte, 32))
	})
}

func FuzzClean(f *testing.F) {
	for _, s := range []string{"", "a", "\xff", strings.Repeat("ế", 400), strings.Repeat("\xfe", 600), strings.Repeat("a", maxText-1) + "ế"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c := clean(s)
		if !utf8.ValidString(c) || len(c) > maxText {
			t.Errorf("%q becomes %q", s, c)
		}
		if utf8.ValidString(s) && len(s) <= maxText && c != s {
			t.Errorf("%q becomes %q", s, c)
		}
	})
}

// content is a message as a door received it.
type content struct{ *bytes.Reader }

func (c content) SHA256() string { return strings.Repeat("cd", 32) }

func TestFromVerdict(t *testing.T) {
	raw := "From: a@mae.gov.vn\r\nSubject: bi mat SECRET\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" +
		"--b\r\n\r\nSECRET\r\n--b\r\nContent-Type: application/octet-stream; name=SECRET.bin\r\n" +
		"Content-Transfer-Encoding: base64\r\n\r\naGVsbG8=\r\n--b--\r\n"
	c := content{bytes.NewReader([]byte(raw))}
	m, err := message.Read(c, c.Size(), message.DefaultLimits())
	must(t, err)
	tx := &filter.Transaction{ID: "01JD", QueueID: "4X", Message: m, Content: c, SHA256: c.SHA256(),
		Session: filter.Session{Door: "milter", Listener: "postfix", Client: netip.MustParseAddr("192.0.2.7"), Helo: "a\xffb\n" + strings.Repeat("h", 5000),
			Login: "a", TLS: "TLSv1.3", Protocol: "ESMTP", ClientName: "c.example"},
		ReversePath: filter.ParsePath("a@mae.gov.vn", ""), Recipients: []filter.Path{filter.ParsePath("b@example.org", "")}, Released: "01JA"}
	v := FromVerdict(tx, filter.Verdict{ID: "01JD", Policy: "sha256:00", Direction: filter.Outbound, Unit: "vt", Disposition: filter.Refuse,
		Held: true, Dropped: true, Packs: []string{"secrecy 2026.1", "free-mail 2"},
		Reply: filter.NewReply(550, "7.1", filter.Text{Vietnamese: "Không", English: "No"}, "01JD"), Err: errors.New("engine down"),
		Findings: []filter.Finding{
			{Rule: "marking", Clause: "10.1", Mode: filter.Enforce, Disposition: filter.Refuse, Score: .95, Level: "MAT", Part: "2"},
			{Rule: "signature", Clause: "9.2", Mode: filter.Monitor, Disposition: filter.Accept, Score: 1, Part: "1", Detail: "valid"},
			{Rule: "marking", Clause: "10.1", Mode: filter.Monitor, Disposition: filter.Tag, Score: .4, Part: "no such part", Exception: "01JX"},
			{Rule: "marking", Clause: "10.1", Mode: filter.Enforce, Disposition: filter.Refuse, Score: 1, Part: "2/in an archive", PartSHA256: strings.Repeat("ab", 32)}},
		NotInspected: []message.NotInspected{{Part: "3", Reason: message.Damaged}}})
	want := Verdict{ID: "01JD", Door: "milter", Listener: "postfix", QueueID: "4X", Client: "192.0.2.7", ClientName: "c.example",
		Helo: `a\xffb` + "\n" + strings.Repeat("h", maxText-7-len(cutMark)) + cutMark, Login: "a", TLS: "TLSv1.3", Protocol: "ESMTP",
		ReversePath: "a@mae.gov.vn", Recipients: []string{"b@example.org"}, Direction: "outbound", Unit: "vt", Disposition: "refuse",
		Reply: "550 5.7.1 Khong / No (id 01JD)",
		Findings: []Finding{
			{Rule: "marking", Clause: "10.1", Mode: "enforce", Disposition: "refuse", Score: .95, Level: "MAT", Part: "2",
				PartSHA256: "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"}, // of "hello"
			{Rule: "signature", Clause: "9.2", Mode: "monitor", Disposition: "accept", Score: 1, Part: "1", Detail: "valid"},
			{Rule: "marking", Clause: "10.1", Mode: "monitor", Disposition: "tag", Score: .4, Part: "no such part", Exception: "01JX"},
			{Rule: "marking", Clause: "10.1", Mode: "enforce", Disposition: "refuse", Score: 1, Part: "2/in an archive", PartSHA256: strings.Repeat("ab", 32)}},
		Held: true, Dropped: true, Released: "01JA", Packs: []string{"secrecy 2026.1", "free-mail 2"},
		NotInspected: []NotInspected{{"3", string(message.Damaged)}},
		Policy:       "sha256:00", SHA256: tx.SHA256, Bytes: int64(len(raw)), Error: "engine down"}
	if diff := cmp.Diff(want, v); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	line, err := Encode(Record{Seq: 1, Prev: noHash, Kind: KindVerdict, Verdict: &v})
	must(t, err)
	if bytes.Contains(line, []byte("SECRET")) {
		t.Errorf("content stands in %s", line)
	}
}

// Whatever comes from outside, a verdict's record has a bounded size.
func TestVerdictIsBounded(t *testing.T) {
	bad := strings.Repeat("\x01", 1<<16)
	tx := &filter.Transaction{ID: "01JD", QueueID: bad, Session: filter.Session{Helo: bad, ClientName: bad, Login: bad, TLS: bad, Protocol: bad},
		ReversePath: filter.Path{Local: bad, Domain: bad}}
	for range 5000 {
		tx.Recipients = append(tx.Recipients, filter.Path{Local: strings.Repeat("\x01", 300), Domain: "x"})
	}
	v := filter.Verdict{Direction: filter.Inbound, Unit: bad, Disposition: filter.Refuse, Err: errors.New(bad)}
	for range 5000 {
		v.Findings = append(v.Findings, filter.Finding{Rule: bad, Clause: bad, Part: bad, Detail: bad, Level: bad, Disposition: filter.Refuse})
		v.NotInspected = append(v.NotInspected, message.NotInspected{Part: bad, Reason: message.Reason(bad)})
	}
	out := FromVerdict(tx, v)
	if len(out.Recipients)+out.MoreRecipients != 5000 || len(out.Findings)+out.MoreFindings != 5000 || len(out.NotInspected)+out.MoreUnseen != 5000 {
		t.Errorf("%d+%d recipients, %d+%d findings, %d+%d parts", len(out.Recipients), out.MoreRecipients, len(out.Findings), out.MoreFindings,
			len(out.NotInspected), out.MoreUnseen)
	}
	if _, err := encodeBody(Record{Kind: KindVerdict, Verdict: &out}); err != nil {
		t.Error(err)
	}
	few := &filter.Transaction{}
	for range maxRecipients + 1 {
		few.Recipients = append(few.Recipients, filter.Path{Local: "a", Domain: "b"})
	}
	if out = FromVerdict(few, filter.Verdict{}); len(out.Recipients) != maxRecipients || out.MoreRecipients != 1 {
		t.Errorf("%d+%d recipients", len(out.Recipients), out.MoreRecipients)
	}
}

func TestActIsBounded(t *testing.T) {
	a := &Act{Who: strings.Repeat("w", 5000), What: View, Details: map[string]string{}}
	for i := range 100 {
		a.Details[fmt.Sprintf("%0100d", i)] = strings.Repeat("\xff", 5000)
	}
	b := a.cleaned()
	if len(b.Who) > maxText || len(b.Details) > maxDetails+1 || b.Details["more"] != "" && b.Details["more"] != "68" {
		t.Errorf("%d octets, %d details, %s more", len(b.Who), len(b.Details), b.Details["more"])
	}
	for k, v := range b.Details {
		if len(k) > maxDetailKey || len(v) > maxText {
			t.Errorf("a detail of %d and %d octets", len(k), len(v))
		}
	}
}
