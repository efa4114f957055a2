package store_test

import (
	"bytes"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"congthu/store"
)

// What officers type is either refused with a name or a filter with which the database can be asked.
func FuzzFilters(f *testing.F) {
	for _, s := range []string{
		"state=held rule=uninspected unit=vp", "recipient=\"a b\"@monre.gov.vn since=7d until=2026-03-02", "id=%_\\ after=01A limit=1000",
		"since=2026-03-02T15:04 limit=0", "state=none", "state=held state=held", "=x x= x", "since=99999999999d", "since=-1h", "since=2562047h48m",
		"gate=mx1 queue=Q sender=<> held=yes sha256=ABC clause=9.3 after=1.2.mx.1", "after=9223372036854775808.1.x", "client=192.0.2.1 disposition=refuse",
		"recipient=@ sender=a%b@c!d", "until=0001-01-01T00:00:00Z since=9999-12-31T23:59:59+14:00",
	} {
		f.Add(s)
	}
	now := time.Date(2026, 3, 2, 8, 0, 0, 0, time.FixedZone("ICT", 7*3600))
	s, err := store.Open(f.Context(), store.Options{DSN: "sqlite:" + filepath.Join(f.TempDir(), "a.db")})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { s.Close() })
	f.Fuzz(func(t *testing.T, typed string) {
		words := strings.Split(typed, " ")
		held, err := store.ParseFilter(words, now)
		if err == nil {
			_, err = s.List(t.Context(), held)
		}
		if err != nil && !errors.Is(err, store.ErrInvalid) {
			t.Error(err)
		}
		messages, err := store.ParseMessageFilter(words, now)
		if err == nil {
			_, _, err = s.Search(t.Context(), messages)
		}
		if err != nil && !errors.Is(err, store.ErrInvalid) {
			t.Error(err)
		}
	})
}

// Whatever is sealed comes out as it was; whatever was changed of it does not come out at all.
func FuzzSealed(f *testing.F) {
	f.Add([]byte("Subject: x\r\n\r\nbody\r\n"), 30, byte(1))
	f.Add([]byte{}, 0, byte(0))
	f.Add(bytes.Repeat([]byte("0123456789abcdef"), 4000), 100, byte(0x80))
	f.Add(noise("x", 262_000), 261_999, byte(0xff))
	f.Fuzz(func(t *testing.T, content []byte, at int, flip byte) {
		pieces, open, err := store.Seal(content)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := open(pieces); err != nil || !bytes.Equal(got, content) {
			t.Fatalf("%d octets of %d, %v", len(got), len(content), err)
		}
		for i, p := range pieces {
			if i < len(pieces)-1 && len(p) != store.ChunkBytes || len(p) == 0 || len(p) > store.ChunkBytes {
				t.Errorf("piece %d has %d octets", i, len(p))
			}
		}
		all := bytes.Join(pieces, nil)
		if at >= 0 && flip != 0 {
			all[at%len(all)] ^= flip
			if got, err := open([][]byte{all}); err == nil && !bytes.Equal(got, content) {
				t.Errorf("changed content came out")
			}
		}
		if got, err := open([][]byte{content}); err == nil {
			t.Errorf("%d octets out of what was never sealed", len(got))
		}
	})
}

// Whatever stands in an identity or recipient is refused with a name, and never shown.
func FuzzKeys(f *testing.F) {
	f.Add("age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p")
	f.Add("AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX")
	f.Add("# comment\nAGE-SECRET-KEY-1\n")
	f.Add("age1\nage1")
	f.Fuzz(func(t *testing.T, s string) {
		if r, err := store.ParseRecipient(s); (r == nil) == (err == nil) || err != nil && !errors.Is(err, store.ErrInvalid) {
			t.Errorf("%v %v", r, err)
		} else if err != nil && len(s) > 20 && strings.Contains(err.Error(), s) {
			t.Error("the error shows what was given")
		}
		if i, err := store.ParseIdentity([]byte(s)); (i == nil) == (err == nil) || err != nil && !errors.Is(err, store.ErrInvalid) {
			t.Errorf("%v %v", i, err)
		} else if err != nil && len(s) > 20 && strings.Contains(err.Error(), s) {
			t.Error("the error shows what was given")
		}
	})
}

func TestParseFilter(t *testing.T) {
	zone := time.FixedZone("ICT", 7*3600)
	now := time.Date(2026, 3, 2, 8, 0, 0, 0, zone)
	for typed, want := range map[string]store.Filter{
		"state=undecided rule=virus unit=vp": {State: store.StateUndecided, Rule: "virus", Unit: "vp"},
		"since=7d until=36h":                 {Since: now.AddDate(0, 0, -7), Until: now.Add(-36 * time.Hour)},
		"since=2026-03-01":                   {Since: time.Date(2026, 3, 1, 0, 0, 0, 0, zone)},
		"until=2026-03-01T15:04:00Z":         {Until: time.Date(2026, 3, 1, 15, 4, 0, 0, time.UTC)},
		"id=01A after=01B limit=1000":        {Text: "01A", After: "01B", Limit: 1000},
		"sender=an@monre.gov.vn":             {Sender: "an@monre.gov.vn"},
		"confirmed=yes":                      {Confirmed: true},
	} {
		got, err := store.ParseFilter(strings.Fields(typed), now)
		if err != nil || got.State != want.State || got.Rule != want.Rule || got.Unit != want.Unit || got.Sender != want.Sender || got.Confirmed != want.Confirmed || got.Text != want.Text ||
			!got.Since.Equal(want.Since) || !got.Until.Equal(want.Until) || got.After != want.After || got.Limit != want.Limit {
			t.Errorf("%s: %+v %v", typed, got, err)
		}
	}
	for _, typed := range []string{"state=x", "confirmed=no", "rule", "rule=", "colour=red", "rule=a rule=b", "limit=1001", "limit=0", "limit=x", "since=yesterday",
		"since=-1d", "since=40000d", "unit=" + strings.Repeat("x", 1025), "unit=\x00"} {
		if f, err := store.ParseFilter(strings.Fields(typed), now); !errors.Is(err, store.ErrInvalid) {
			t.Errorf("%.20q: %+v %v", typed, f, err)
		}
	}
}
