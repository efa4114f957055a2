package store

import (
	"context"
	"slices"
	"strings"
	"time"
)

// What the console's pages count, each in a time that does not grow with the messages there are.

// Senders hands to each the reverse-paths with the most messages of a disposition from a time on and before another,
// the most first, at most limit.
func (s *Store) Senders(ctx context.Context, since, until time.Time, disposition string, limit int, each func(sender string, messages int64)) error {
	return s.read(ctx, "counting senders", func(q querier) error {
		rows, err := q.QueryContext(ctx, selectSenders, micro(since), micro(until), disposition, min(limit, MaxPage))
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var sender string
			var n int64
			if err := rows.Scan(&sender, &n); err != nil {
				return err
			}
			each(sender, n)
		}
		return rows.Err()
	})
}

// Monitored hands to each what rules in monitor mode would have asked for on days from one to another, both included, the
// most messages first.
func (s *Store) Monitored(ctx context.Context, from, to string, each func(rule, disposition string, messages int64)) error {
	return s.read(ctx, "counting findings of rules in monitor mode", func(q querier) error {
		rows, err := q.QueryContext(ctx, selectMonitored, from, to)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var rule, disposition string
			var n int64
			if err := rows.Scan(&rule, &disposition, &n); err != nil {
				return err
			}
			each(rule, disposition, n)
		}
		return rows.Err()
	})
}

// Waiting lists the undecided messages that are held for the longest time, the longest first, and counts all of them.
func (s *Store) Waiting(ctx context.Context, limit int) (longest []Held, all int, err error) {
	limit = min(limit, MaxPage)
	err = s.read(ctx, "listing what waits longest", func(q querier) error {
		longest = nil
		for _, state := range []State{StateHeld, StateExpired, StateReleasing} {
			some, err := held(ctx, q, selectHeld+whereLongest, string(state), limit)
			if err != nil {
				return err
			}
			longest = append(longest, some...)
		}
		slices.SortFunc(longest, func(a, b Held) int {
			if c := a.Time.Compare(b.Time); c != 0 {
				return c
			}
			return strings.Compare(a.ID, b.ID)
		})
		longest = longest[:min(len(longest), limit)]
		var oldest int64
		return q.QueryRowContext(ctx, countUndecided).Scan(&all, &oldest)
	})
	return longest, all, err
}

// Total is the mail of a mailbox that has one disposition.
type Total struct {
	Mailbox, Disposition string
	Messages, Bytes      int64
}

// Totals hands the mail of each mailbox to each, of all gates and days from one to another together, both included.
// unit "" is all. Whole months, and the one that is not over, are read at once; days beside them one by one.
func (s *Store) Totals(ctx context.Context, from, to, unit string, each func(Total) error) error {
	m := monthsOf(from, to, s.options.Now().In(s.options.Zone).Format(dayFormat))
	return s.read(ctx, "adding up the mail of mailboxes", func(q querier) error {
		rows, err := q.QueryContext(ctx, selectTotals, m.first, m.last, m.before[0], m.before[1], m.after[0], m.after[1], unit)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var t Total
			if err := rows.Scan(&t.Mailbox, &t.Disposition, &t.Messages, &t.Bytes); err != nil {
				return err
			}
			if err := each(t); err != nil {
				return err
			}
		}
		return rows.Err()
	})
}

// months is a span of days as whole months and the days before and after them; a span whose first is after its last is
// empty.
type months struct {
	first, last   string
	before, after [2]string
}

// nothing is a span without days.
func nothing() [2]string { return [2]string{"1", "0"} }

// monthsOf takes a span apart. A month that is not over today is whole when the span goes on to today.
func monthsOf(from, to, today string) months {
	begin, err1 := time.Parse(dayFormat, from)
	end, err2 := time.Parse(dayFormat, to)
	m := months{first: "1", last: "0", before: nothing(), after: nothing()}
	if err1 != nil || err2 != nil || end.Before(begin) {
		return m
	}
	next := time.Date(end.Year(), end.Month()+1, 1, 0, 0, 0, 0, time.UTC) // after the last month
	whole := next
	if to < today && end.AddDate(0, 0, 1) != next {
		whole = time.Date(end.Year(), end.Month(), 1, 0, 0, 0, 0, time.UTC)
	}
	first := begin
	if begin.Day() > 1 {
		first = time.Date(begin.Year(), begin.Month()+1, 1, 0, 0, 0, 0, time.UTC)
	}
	if !first.Before(whole) { // no whole month
		m.before = [2]string{from, to}
		return m
	}
	m.first, m.last = first.Format(monthFormat), whole.AddDate(0, 0, -1).Format(monthFormat)
	if begin.Before(first) {
		m.before = [2]string{from, first.AddDate(0, 0, -1).Format(dayFormat)}
	}
	if whole.Before(next) {
		m.after = [2]string{whole.Format(dayFormat), to}
	}
	return m
}
