package store_test

import (
	"bytes"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"filippo.io/age"

	"congthu/filter/evidence"
	"congthu/store"
)

func benchStore(b *testing.B) *store.Store {
	s, err := store.Open(b.Context(), store.Options{DSN: "sqlite:" + filepath.Join(b.TempDir(), "a.db")})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	return s
}

// BenchmarkHold holds messages of 5 kB for two officers.
func BenchmarkHold(b *testing.B) {
	s := benchStore(b)
	for i := range 2 {
		if _, err := s.AddOfficer(b.Context(), store.Officer{Address: fmt.Sprintf("o%d@monre.gov.vn", i), Recipient: testRecipient(b)}, nil); err != nil {
			b.Fatal(err)
		}
	}
	now := time.Now()
	content := noise("x", 5000)
	for i := 0; b.Loop(); i++ {
		_, err := s.Hold(b.Context(), store.Hold{ID: fmt.Sprint(i), Time: now, Expires: now.Add(time.Hour), ReversePath: fmt.Sprintf("s%d@example.com", i),
			Recipients: []string{"an@monre.gov.vn"}, SHA256: hash(content)}, bytes.NewReader(content))
		if err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkIndex indexes verdicts with an outcome, 512 records at a time; one operation is a message.
func BenchmarkIndex(b *testing.B) {
	s := benchStore(b)
	seq, batch := uint64(0), []evidence.Line(nil)
	line := func(r evidence.Record) {
		seq++
		r.Seq, r.Prev, r.Gate, r.Time = seq, fmt.Sprint(seq-1), "mx1", time.Unix(int64(seq/1000), 0)
		if batch = append(batch, evidence.Line{Record: r, Hash: fmt.Sprint(seq)}); len(batch) == 512 {
			if err := s.Index(b.Context(), batch); err != nil {
				b.Fatal(err)
			}
			batch = batch[:0]
		}
	}
	for i := 0; b.Loop(); i++ {
		id := fmt.Sprintf("01M%010d", i)
		line(evidence.Record{Kind: evidence.KindVerdict, Verdict: &evidence.Verdict{ID: id, ReversePath: fmt.Sprintf("s%d@example.com", i%1000),
			Recipients: []string{"an@monre.gov.vn"}, Direction: "inbound", Disposition: "accept", SHA256: id,
			Findings: []evidence.Finding{{Rule: "subject", Clause: "9.3", Disposition: "tag"}}}})
		line(evidence.Record{Kind: evidence.KindOutcome, Outcome: &evidence.Outcome{ID: id, Reply: "250 ok"}})
	}
}

func testRecipient(b *testing.B) string {
	key, err := age.GenerateX25519Identity()
	if err != nil {
		b.Fatal(err)
	}
	return key.Recipient().String()
}
