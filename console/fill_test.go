package console_test

import (
	"fmt"
	"strings"
	"time"

	"congthu/filter"
	"congthu/filter/evidence"
	"congthu/store"
)

// fill puts a month of mail into log and index, with what senders may write wherever the evidence keeps it.
func (b *bench) fill(messages int, write func(i int) string) (ids []string) {
	b.t.Helper()
	now := b.Now()
	b.wait(-30 * 24 * time.Hour)
	for i := range messages {
		b.wait(30 * 24 * time.Hour / time.Duration(messages+1))
		v := b.verdict1(i, write(i))
		ids = append(ids, v.ID)
		b.append(evidence.Record{Kind: evidence.KindVerdict, Verdict: v})
		b.append(evidence.Record{Kind: evidence.KindOutcome, Outcome: &evidence.Outcome{ID: v.ID, Reply: v.Reply, NextHop: "127.0.0.1:10026", NextHopQueueID: fmt.Sprintf("Q%d", i)}})
	}
	b.mu.Lock()
	b.now = now
	b.mu.Unlock()
	if _, err := b.store.Rebuild(b.t.Context(), b.log.Dir()); err != nil {
		b.t.Fatal(err)
	}
	return ids
}

func (b *bench) append(r evidence.Record) {
	b.t.Helper()
	if _, err := b.log.Append(b.t.Context(), r); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) verdict1(i int, word string) *evidence.Verdict {
	v := &evidence.Verdict{ID: filter.NewID(b.Now()), Door: "milter", Listener: "postfix", QueueID: fmt.Sprintf("4X%05d", i), Client: "203.0.113.9", ClientName: "mx.example.com",
		Helo: word, ReversePath: fmt.Sprintf("phong%d@monre.gov.vn", i%7), Recipients: []string{fmt.Sprintf("nguoi.dan%d@example.com", i%11)}, Direction: "outbound",
		Disposition: "accept", Reply: "250 2.0.0 OK", Policy: "sha256:00", Packs: []string{"secrecy 2026.1"}, SHA256: strings.Repeat(fmt.Sprintf("%02x", i%256), 32), Bytes: int64(4000 + i*917)}
	finding := evidence.Finding{Rule: "subject", Clause: "9.3", Mode: "enforce", Disposition: "refuse", Score: 1, Detail: "missing"}
	switch i % 9 {
	case 0:
		v.Disposition, v.Reply = "refuse", "550 5.7.1 [9.3] Thu khong co tieu de. Hay ghi tieu de roi gui lai. / No subject: add one and send again. (id "+v.ID+")"
		v.Findings = []evidence.Finding{finding}
	case 3:
		v.Disposition, v.Direction, v.Recipients = "tag", "inbound", []string{"vanthu@monre.gov.vn", "lanhdao@monre.gov.vn", "phongcntt@monre.gov.vn"}
		v.ReversePath = "khach@example.org"
		finding.Disposition = "tag"
		v.Findings = []evidence.Finding{finding, {Rule: "mailbox-name", Clause: "4", Mode: "monitor", Disposition: "tag", Score: 0.6, Part: "1.2", PartSHA256: strings.Repeat("cd", 32), Detail: word}}
	case 5:
		v.Disposition, v.Held, v.Reply = "hold", true, "250 2.0.0 Held"
		v.Findings = []evidence.Finding{{Rule: "content", Clause: "10.2", Mode: "enforce", Disposition: "hold", Score: 0.8, Part: "2", Detail: word}}
		v.NotInspected = []evidence.NotInspected{{Part: "2/1", Reason: "encrypted"}}
	case 7:
		v.ReversePath, v.Recipients = word+"@evil.example", []string{word + "@victim.example"}
	}
	return v
}

// confirmed has the sender of a held message say that it is not classified.
func (b *bench) confirmed(id, why string) {
	b.t.Helper()
	if err := b.store.Confirm(b.t.Context(), id, store.Confirmation{Who: "an", Reason: why}); err != nil {
		b.t.Fatal(err)
	}
}

// holdSome puts undecided messages into the quarantine.
func (b *bench) holdSome(n int, word string) {
	b.t.Helper()
	for i := range n {
		_, err := b.store.Hold(b.t.Context(), store.Hold{ID: fmt.Sprintf("01HELD%04d", i), Time: b.Now().Add(-time.Duration(i) * time.Hour), Expires: b.Now().Add(20 * 24 * time.Hour),
			Door: "milter", Direction: "outbound", Client: "10.1.2.3", QueueID: word, ReversePath: fmt.Sprintf("phong%d@monre.gov.vn", i), Recipients: []string{word + "@example.com", "b@example.com"},
			Rules: []store.Rule{{Name: "content", Clause: "10.2"}}, TwoPersons: i%3 == 1, Subject: word}, strings.NewReader(fmt.Sprintf("%sX: %d\r\n", mail, i)))
		if err != nil {
			b.t.Fatal(err)
		}
	}
}
