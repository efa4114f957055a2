package store_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"congthu/filter/evidence"
	"congthu/store"
)

// verdicts are records of messages, a second apart, the oldest first.
func verdicts(from time.Time, n int, of func(i int, v *evidence.Verdict)) (lines []evidence.Line) {
	prev := "start"
	for i := range n {
		v := &evidence.Verdict{ID: fmt.Sprintf("01V%06d", i), Direction: "outbound", ReversePath: "an@monre.gov.vn", Recipients: []string{"x@example.com"}, Disposition: "accept", Bytes: 10}
		of(i, v)
		l := evidence.Line{Record: evidence.Record{Seq: uint64(i + 1), Prev: prev, Time: from.Add(time.Duration(i) * time.Second), Gate: "mx1", Kind: evidence.KindVerdict, Verdict: v}, Hash: fmt.Sprint("h", i)}
		prev = l.Hash
		lines = append(lines, l)
	}
	return lines
}

// A search for what is rare goes through all messages, a part at a time, and finds each that there is once.
func TestSearchForWhatIsRare(t *testing.T) {
	d := newDesk(t, "")
	n := 2*store.MaxLooked + 100
	rare := []int{0, 5, store.MaxLooked - 1, store.MaxLooked, n - store.MaxLooked, n - 1}
	err := d.Index(t.Context(), verdicts(d.clock.Now(), n, func(i int, v *evidence.Verdict) {
		v.Findings = []evidence.Finding{{Rule: "subject", Clause: "9.3", Mode: "enforce", Disposition: "refuse"}}
		if slices.Contains(rare, i) {
			v.Unit, v.Disposition = "vp", "refuse"
		}
	}))
	if err != nil {
		t.Fatal(err)
	}
	for name, f := range map[string]store.MessageFilter{"unit": {Unit: "vp"}, "rule and disposition": {Rule: "subject", Disposition: "refuse"}, "sender, rule and unit": {Sender: "an@monre.gov.vn", Rule: "subject", Unit: "vp"},
		"recipient and unit": {Recipient: "x@example.com", Unit: "vp"}} {
		var found []int
		pages := 0
		for ; pages < 10; pages++ {
			all, next, err := d.Search(t.Context(), f)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range all {
				found = append(found, int(m.Seq)-1)
			}
			if f.After = next; next == "" {
				break
			}
			if looked := store.LookedTo(next); looked.IsZero() || !looked.Before(d.clock.Now().Add(time.Duration(n)*time.Second)) {
				t.Errorf("%s: looked to %v", name, looked)
			}
		}
		slices.Reverse(found)
		if !slices.Equal(found, rare) {
			t.Errorf("%s: found %v, want %v", name, found, rare)
		}
		if strings.Contains(name, "unit") && pages != 2 {
			t.Errorf("%s: %d pages before the last, want 2", name, pages)
		}
	}
}

// What there are few messages of is found at once, however old it is.
func TestSearchForFew(t *testing.T) {
	d := newDesk(t, "")
	err := d.Index(t.Context(), verdicts(d.clock.Now(), store.MaxLooked+500, func(i int, v *evidence.Verdict) {
		if i == 3 {
			v.Findings = []evidence.Finding{{Rule: "virus", Clause: "11.5", Mode: "enforce", Disposition: "refuse"}}
			v.Recipients = []string{"b@example.com"}
		}
	}))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range []store.MessageFilter{{Rule: "virus"}, {Clause: "11.5", Direction: "outbound"}, {Recipient: "B@example.com", Disposition: "accept"}, {Rule: "virus", Clause: "11.5"}} {
		all, next, err := d.Search(t.Context(), f)
		if err != nil || len(all) != 1 || all[0].Seq != 4 || next != "" {
			t.Errorf("%+v: %d messages, next %q, %v", f, len(all), next, err)
		}
	}
}

func TestMonthsOf(t *testing.T) {
	none := [2]string{"1", "0"}
	for _, x := range []struct {
		from, to      string
		first, last   string
		before, after [2]string
	}{
		{"2025-12-01", "2026-11-24", "2025-12", "2026-11", none, none}, // to today
		{"2025-12-01", "2026-11-23", "2025-12", "2026-10", none, [2]string{"2026-11-01", "2026-11-23"}},
		{"2025-12-02", "2026-10-31", "2026-01", "2026-10", [2]string{"2025-12-02", "2025-12-31"}, none},
		{"2026-02-10", "2026-02-20", "1", "0", [2]string{"2026-02-10", "2026-02-20"}, none},
		{"2026-02-10", "2026-03-20", "1", "0", [2]string{"2026-02-10", "2026-03-20"}, none},
		{"2026-02-10", "2026-04-20", "2026-03", "2026-03", [2]string{"2026-02-10", "2026-02-28"}, [2]string{"2026-04-01", "2026-04-20"}},
		{"2026-02-01", "2026-02-28", "2026-02", "2026-02", none, none},
		{"2026-03-02", "2026-03-01", "1", "0", none, none}, {"x", "2026-03-01", "1", "0", none, none},
	} {
		first, last, before, after := store.MonthsOf(x.from, x.to, "2026-11-24")
		if first != x.first || last != x.last || before != x.before || after != x.after {
			t.Errorf("%s to %s: %s to %s, before %v, after %v", x.from, x.to, first, last, before, after)
		}
	}
}

// Totals are the daily statistics added up, after a rebuilding too, and what rules in monitor mode asked for is counted
// once a message.
func TestTotals(t *testing.T) {
	g := newLog(t)
	g.traffic(t, 0, 40)
	d := newDesk(t, "")
	for range 2 {
		if _, err := d.Rebuild(t.Context(), g.dir); err != nil {
			t.Fatal(err)
		}
		for _, span := range [][2]string{{"2026-03-01", "2026-03-31"}, {"2026-03-03", "2026-03-03"}, {"2026-02-11", "2026-04-03"}, {"2026-03-04", "2026-03-01"}} {
			for _, unit := range []string{"", "vp"} {
				want, got := map[string]int64{}, map[string]int64{}
				if err := d.Mailboxes(t.Context(), store.DailyFilter{From: span[0], To: span[1], Unit: unit}, func(x store.Daily) error {
					want[x.Mailbox+" "+x.Disposition] += x.Messages*1_000_000 + x.Bytes
					return nil
				}); err != nil {
					t.Fatal(err)
				}
				if err := d.Totals(t.Context(), span[0], span[1], unit, func(x store.Total) error {
					got[x.Mailbox+" "+x.Disposition] = x.Messages*1_000_000 + x.Bytes
					return nil
				}); err != nil {
					t.Fatal(err)
				}
				if fmt.Sprint(got) != fmt.Sprint(want) {
					t.Errorf("%v of unit %q:\n%v\nwant\n%v", span, unit, got, want)
				}
			}
		}
		var would []string
		if err := d.Monitored(t.Context(), "2026-03-02", "2026-03-04", func(rule, disposition string, messages int64) {
			would = append(would, fmt.Sprint(rule, " ", disposition, " ", messages))
		}); err != nil {
			t.Fatal(err)
		}
		if strings.Join(would, ", ") != "content hold 14" {
			t.Errorf("monitored rules asked for %v", would)
		}
	}
}

func TestWaiting(t *testing.T) {
	d := newDesk(t, "")
	d.officer(t, "an")
	for i := range 7 {
		if err := d.tryHold(t, fmt.Sprintf("01W%d", i)); err != nil {
			t.Fatal(err)
		}
		d.clock.add(time.Minute)
	}
	longest, all, err := d.Waiting(t.Context(), 3)
	if err != nil || all != 7 || len(longest) != 3 || longest[0].ID != "01W0" || longest[2].ID != "01W2" {
		t.Errorf("%d wait, the longest %v, %v", all, longest, err)
	}
}

// An index of an older version counts its months, and what monitored rules asked for, when it is brought up to date.
func TestOlderIndexIsCounted(t *testing.T) {
	path := t.TempDir() + "/congthu.db"
	older(t, path, 9)
	execute(t, path, "INSERT INTO daily_mailbox VALUES ('mx1', '2026-02-28', 'an@monre.gov.vn', 'vp', 'outbound', 'accept', '', 3, 30), ('mx1', '2026-02-27', 'an@monre.gov.vn', 'vp', 'outbound', 'accept', '', 2, 20), ('mx1', '2026-02-27', 'an@monre.gov.vn', 'vp', 'outbound', 'accept', '9.3', 2, 20)")
	d := newDesk(t, path)
	var got []store.Total
	if err := d.Totals(t.Context(), "2026-02-01", "2026-02-28", "", func(x store.Total) error { got = append(got, x); return nil }); err != nil {
		t.Fatal(err)
	}
	if len(got) != 1 || got[0] != (store.Total{Mailbox: "an@monre.gov.vn", Disposition: "accept", Messages: 5, Bytes: 50}) {
		t.Errorf("%+v", got)
	}
}
